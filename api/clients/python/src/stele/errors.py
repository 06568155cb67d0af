"""What can go wrong, one class for each reaction that a caller may want."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SteleError(Exception):
    """Everything this package raises on its own account."""


class InvalidRecord(SteleError, ValueError):
    """The record, key or option cannot be used; nothing was sent."""


class InvalidReceipt(SteleError, ValueError):
    """A receipt, statement or key set is malformed, or does not prove what it should."""


class Problem(SteleError):
    """The service answered with a failure (RFC 9457 or RFC 9290 problem details).

    `status` is the HTTP status; `title`, `detail` and `kind` are the service's words; `problem` is all it said;
    `findings` what a profile found wrong with the record, if it told.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.kind = str(problem.get("type", ""))
        found = problem.get("findings", ())
        self.findings: Sequence[Any] = tuple(found) if isinstance(found, (list, tuple)) else ()
        said = ": ".join(part for part in (self.title, self.detail) if part) or "no explanation"
        super().__init__(f"{said} (HTTP {status})")


class Refused(Problem):
    """The service will not register this statement or serve this request; repeating it changes nothing."""


class NotFound(Refused):
    """The service does not know the entry."""


class ServiceFailed(Problem):
    """The service answered with a failure of its own, or with something that makes no sense."""


class Overloaded(Problem):
    """The service asked to come back later, and did so until the time for retries was over.

    `retry_after` is what it asked for last, in seconds. Registering again is safe: it gives the same entry.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None) -> None:
        super().__init__(status, problem)
        self.retry_after = retry_after


class Unreachable(SteleError):
    """No answer came. Whether something was registered is unknown; registering again is safe."""
