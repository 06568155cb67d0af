"""Requests and answers without any input or output, and how often the one is repeated for the other.

What is said to a service is a *talk*: a generator that yields a `Call` or a `Wait`, is sent what was heard, and
returns its result. Whoever carries it (`Ledger`, `AsyncLedger`, a test) only moves bytes.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import httpx

from . import cbor
from .errors import InvalidReceipt, InvalidRecord, NotFound, Overloaded, Refused, ServiceFailed, SteleError, Unreachable
from .retry import AGAIN, Retry, retry_after, sensible

MAX_ANSWER_BYTES = 80 * 1024 * 1024
COSE, JSON, CBOR, SEQUENCE = "application/cose", "application/json", "application/cbor", "application/cbor-seq"
KEYS = "/.well-known/scitt-keys"
OK, CREATED, ACCEPTED, NO_CONTENT, NOT_FOUND = 200, 201, 202, 204, 404
_CLIENT, _SERVER = 400, 500
# The key under which concise problem details carry what JSON ones call `findings` (RFC 9290 §3.2).
_FINDINGS = "urn:stele:findings"
# The key under which they say what a statement of a batch would have got by itself.
_BATCH = "urn:stele:batch"

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One request, relative to the service's address."""

    method: str
    path: str
    accept: str
    body: bytes | None = None
    content_type: str = COSE
    token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What goes into its header."""
        headers = {"Accept": self.accept}
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers


@dataclass(frozen=True)
class Wait:
    """So many seconds until the talk goes on."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came back, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Heard: TypeAlias = "Answer | Unreachable | None"
Talk: TypeAlias = Generator["Call | Wait", Heard, T]


def settled(call: Call, retry: Retry, *, awaited: bool = False) -> Talk[Answer]:
    """Asks until there is an answer that stays. With `awaited`, 204 means that it is to come."""
    attempt, waited = 0, 0.0
    while True:
        heard = yield call
        if isinstance(heard, Answer) and not _passing(heard, awaited=awaited):
            if heard.status >= _CLIENT:
                raise problem(heard.status, _details(heard))
            return heard
        asked = retry_after(heard.headers.get("retry-after")) if isinstance(heard, Answer) else None
        pause = retry.pause(attempt, asked)
        if retry.gives_up(attempt, waited, pause):
            raise _given_up(heard, asked)
        yield Wait(pause)
        attempt, waited = attempt + 1, waited + pause


def _passing(answer: Answer, *, awaited: bool) -> bool:
    return answer.status in AGAIN or (awaited and answer.status == NO_CONTENT)


def expect(answer: Answer, status: int) -> Answer:
    """The answer, if it has this status. Raises `ServiceFailed`."""
    if answer.status != status:
        raise ServiceFailed(answer.status, {"title": f"{status} was expected"})
    return answer


def _given_up(heard: Heard, asked: float | None) -> SteleError:
    if isinstance(heard, Unreachable):
        return heard
    if heard is None:
        return Unreachable("no answer")
    said = _details(heard) or {"title": "the receipt is not there yet"}
    return Overloaded(heard.status, said, asked)


def problem(status: int, said: Mapping[str, Any], asked: float | None = None) -> SteleError:
    """The error for a status."""
    if status in AGAIN:
        return Overloaded(status, said, asked)
    if status == NOT_FOUND:
        return NotFound(status, said)
    return (Refused if _CLIENT <= status < _SERVER else ServiceFailed)(status, said)


def _details(answer: Answer) -> dict[str, Any]:
    """Problem details in either form, with the names of RFC 9457; empty if there are none that can be read."""
    media = answer.headers.get("content-type", "").partition(";")[0].strip()
    try:
        if media.endswith("json"):
            said = json.loads(answer.body)
            return said if isinstance(said, dict) else {}
        if media.endswith("cbor"):
            return _named(cbor.decode(answer.body))
    except (ValueError, AttributeError, RecursionError):
        pass
    return {}


def _named(concise: Mapping[Any, Any]) -> dict[str, Any]:
    names = {-1: "title", -2: "detail", -3: "instance", -4: "status", _FINDINGS: "findings"}
    return {names.get(key, str(key)): value for key, value in concise.items()}


def element(concise: Mapping[Any, Any]) -> SteleError:
    """The error that a problem among the answers to a batch stands for."""
    said = _named(concise)
    facts = said.get(_BATCH)
    facts = facts if isinstance(facts, dict) else {}
    status, asked = facts.get("status"), facts.get("retry-after")
    if isinstance(facts.get("kind"), str):
        said["type"] = f"urn:stele:problem:{facts['kind']}"
    known = status if isinstance(status, int) and not isinstance(status, bool) else _CLIENT
    return problem(known, said, sensible(asked) if isinstance(asked, int) else None)


def locator(entry_id: object) -> str:
    """The entry id, if it is one. Raises `InvalidRecord`."""
    lower_hex = frozenset("0123456789abcdef")
    if not isinstance(entry_id, str) or len(entry_id) != 64 or not lower_hex.issuperset(entry_id):  # noqa: PLR2004
        raise InvalidRecord("an entry id is 64 lower-case hexadecimal digits")
    return entry_id


def located(url: str) -> str:
    """The entry id at the end of a Location. Raises `InvalidReceipt`."""
    try:
        return locator(url.rpartition("/")[2])
    except InvalidRecord:
        raise InvalidReceipt("the service named no entry") from None


def bounded(body: bytearray, part: bytes) -> None:
    """Adds a part of an answer, as long as the whole stays bounded. Raises `ServiceFailed`."""
    if len(body) + len(part) > MAX_ANSWER_BYTES:
        raise ServiceFailed(OK, {"title": f"the answer is larger than {MAX_ANSWER_BYTES} bytes"})
    body += part


def unreachable(url: str, error: httpx.HTTPError) -> Unreachable:
    """What a failure of the transport is to a caller."""
    failure = Unreachable(f"{url} does not answer: {error or type(error).__name__}")
    failure.__cause__ = error
    return failure


def json_object(data: bytes) -> dict[str, Any]:
    """Reads a JSON object. Raises `ServiceFailed`."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ServiceFailed(OK, {"title": "the answer is not a JSON object"})
    return said


def query(terms: Iterable[tuple[str, object]]) -> str:
    """The path of a search.

    Names of terms hold dots, names in Python do not: the first `_` behind the name of a system stands for one, and so
    does the one before a last `prefix`, `from` or `to`.
    """
    return f"/search?{httpx.QueryParams([(_dotted(name), str(value)) for name, value in terms])}"


def _dotted(name: str) -> str:
    systems = {"trace_": "trace.", "aigp_": "aigp.", "evidence_": "evidence.", "iatp_": "iatp."}
    for written, asked in ({"agent_trace_": "agent-trace."} | systems).items():
        if name.startswith(written):
            name = asked + name.removeprefix(written)
            break
    term, _, suffix = name.rpartition("_")
    return f"{term}.{suffix}" if term and suffix in ("prefix", "from", "to") else name
