"""What can go wrong, one class for each reaction that a caller may want."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_FINDINGS = 256


@dataclass(frozen=True)
class Finding:
    """One thing that an examination found in a record.

    `id` is the source system's own name of it where it has one, `severity` is info, warning or error, `pointer` says
    where (RFC 6901, empty for the whole record), `message` is a sentence for a person.
    """

    id: str
    severity: str
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.id} at {self.pointer or 'the payload'}: {self.message}"

    @classmethod
    def all_of(cls, said: object) -> tuple[Finding, ...]:
        """Reads what a service said; what is no finding is passed over, and so is what is beyond `MAX_FINDINGS`."""
        if not isinstance(said, (list, tuple)):
            return ()
        members = [one for one in said[:MAX_FINDINGS] if isinstance(one, Mapping)]
        names = ("id", "severity", "pointer", "message")
        return tuple(cls(*(str(one.get(name, "")) for name in names)) for one in members)


class SteleError(Exception):
    """Everything this package raises on its own account."""


class InvalidRecord(SteleError, ValueError):
    """The record, key or option cannot be used; nothing was sent. `findings` says what is wrong with the record."""

    def __init__(self, message: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class InvalidReceipt(SteleError, ValueError):
    """A receipt, statement or key set is malformed, or does not prove what it should."""


class Problem(SteleError):
    """The service answered with a failure (RFC 9457 or RFC 9290 problem details).

    `status` is the HTTP status; `title`, `detail` and `kind` are the service's words; `problem` is all it said;
    `findings` what a profile found wrong with the record.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.kind = str(problem.get("type", ""))
        self.findings = Finding.all_of(problem.get("findings"))
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


class SpoolFull(SteleError):
    """The record could neither be kept on the disk nor in memory; it is lost, and counted."""
