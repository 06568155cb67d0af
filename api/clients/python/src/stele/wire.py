"""What is said to the service and how its answers are understood, without any input or output."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import httpx

from . import cbor
from .errors import InvalidReceipt, InvalidRecord, NotFound, Overloaded, Refused, ServiceFailed, Unreachable
from .retry import AGAIN, Retry, retry_after
from .statements import Statement

MAX_ANSWER_BYTES = 80 * 1024 * 1024
COSE, JSON, KEYS = "application/cose", "application/json", "/.well-known/scitt-keys"
_OK, _CREATED, _ACCEPTED, _NO_CONTENT, _NOT_FOUND, _CLIENT, _SERVER = 200, 201, 202, 204, 404, 400, 500

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One request, relative to the service's address."""

    method: str
    path: str
    accept: str
    body: bytes | None = None
    prefer: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What goes into its header."""
        headers = {"Accept": self.accept}
        if self.body is not None:
            headers["Content-Type"] = COSE
        if self.prefer:
            headers["Prefer"] = self.prefer
        return headers


@dataclass(frozen=True)
class Wait:
    """So many seconds until the conversation goes on."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came back, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Heard: TypeAlias = "Answer | Unreachable | None"
Talk: TypeAlias = Generator["Call | Wait", Heard, T]


class Conversations:
    """What to say to a service and how to understand it; does no input or output."""

    def __init__(self, retry: Retry) -> None:
        self.retry = retry

    def register(self, statement: Statement) -> Talk[bytes]:
        """Registers and waits for the receipt, which is not verified yet."""
        answer = yield from self._settled(Call("POST", "/entries", COSE, statement.cose))
        if answer.status == _CREATED:
            return answer.body
        if answer.status == _ACCEPTED:
            return (yield from self.receipt(statement.entry_id))
        raise ServiceFailed(answer.status, {"title": "an answer to a registration that makes no sense"})

    def receipt(self, entry_id: str) -> Talk[bytes]:
        """A fresh receipt; waits while the service says that it is to come."""
        call = Call("GET", f"/entries/{locator(entry_id)}", COSE)
        answer = yield from self._settled(call, awaited=True)
        return _expect(answer, _OK).body

    def get(self, path: str, accept: str) -> Talk[bytes]:
        """Whatever is at a path."""
        answer = yield from self._settled(Call("GET", path, accept))
        return _expect(answer, _OK).body

    def _settled(self, call: Call, *, awaited: bool = False) -> Talk[Answer]:
        """Asks until there is an answer that stays. With `awaited`, 204 means that it is to come."""
        attempt, waited = 0, 0.0
        while True:
            heard = yield call
            if isinstance(heard, Answer) and not _passing(heard, awaited=awaited):
                if heard.status >= _CLIENT:
                    raise _problem(heard)
                return heard
            asked = retry_after(heard.headers.get("retry-after")) if isinstance(heard, Answer) else None
            pause = self.retry.pause(attempt, asked)
            if self.retry.gives_up(attempt, waited, pause):
                raise _given_up(heard, asked)
            yield Wait(pause)
            attempt, waited = attempt + 1, waited + pause


def _passing(answer: Answer, *, awaited: bool) -> bool:
    return answer.status in AGAIN or (awaited and answer.status == _NO_CONTENT)


def _expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise ServiceFailed(answer.status, {"title": f"{status} was expected"})
    return answer


def _given_up(heard: Heard, asked: float | None) -> Exception:
    if isinstance(heard, Unreachable):
        return heard
    if heard is None:
        return Unreachable("no answer")
    said = _details(heard) or {"title": "the receipt is not there yet"}
    return Overloaded(heard.status, said, asked)


def _problem(answer: Answer) -> Exception:
    said = _details(answer)
    if answer.status == _NOT_FOUND:
        return NotFound(answer.status, said)
    return (ServiceFailed if answer.status >= _SERVER else Refused)(answer.status, said)


def _details(answer: Answer) -> dict[str, Any]:
    """Problem details in either form, with the names of RFC 9457; empty if there are none that can be read."""
    media = answer.headers.get("content-type", "").partition(";")[0].strip()
    try:
        if media.endswith("json"):
            said = json.loads(answer.body)
            return said if isinstance(said, dict) else {}
        if media.endswith("cbor"):
            concise = cbor.decode(answer.body)
            names = {-1: "title", -2: "detail", -3: "instance", -4: "status"}
            return {names.get(key, str(key)): value for key, value in concise.items()}
    except (ValueError, AttributeError, RecursionError):
        pass
    return {}


def locator(entry_id: str) -> str:
    """The entry id, if it is one. Raises `InvalidRecord`."""
    lower_hex = frozenset("0123456789abcdef")
    if len(entry_id) != 64 or not lower_hex.issuperset(entry_id):  # noqa: PLR2004
        raise InvalidRecord("an entry id is 64 lower-case hexadecimal digits")
    return entry_id


def bounded(body: bytearray, part: bytes) -> None:
    """Adds a part of an answer, as long as the whole stays bounded. Raises `ServiceFailed`."""
    if len(body) + len(part) > MAX_ANSWER_BYTES:
        raise ServiceFailed(_OK, {"title": f"the answer is larger than {MAX_ANSWER_BYTES} bytes"})
    body += part


def unreachable(url: str, error: httpx.HTTPError) -> Unreachable:
    """What a failure of the transport is to a caller."""
    failure = Unreachable(f"{url} does not answer: {error or type(error).__name__}")
    failure.__cause__ = error
    return failure


def proven(data: bytes, entry_id: str) -> bytes:
    """The statement, if it is the one asked for. Raises `InvalidReceipt`."""
    statement, _ = Statement.parse(data)
    if statement.entry_id != entry_id:
        raise InvalidReceipt("the service sent another statement")
    return data


def json_object(data: bytes) -> dict[str, Any]:
    """Reads a JSON object. Raises `ServiceFailed`."""
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ServiceFailed(_OK, {"title": "the answer is not a JSON object"})
    return said


def query(terms: Iterable[tuple[str, str]]) -> str:
    """The path of a search; the first `_` behind the name of a system stands for a dot."""
    systems = ("trace_", "aigp_", "iatp_")
    dotted: list[tuple[str, str | int | float | bool | None]] = [
        (name.replace("_", ".", 1) if name.startswith(systems) else name, value) for name, value in terms
    ]
    return f"/search?{httpx.QueryParams(dotted)}"
