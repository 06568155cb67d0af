"""`Ledger` and `AsyncLedger`: carry what `stele.protocol` says to a service, the second with asyncio.

Neither knows a rule of the protocol: both move bytes and wait.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import httpx

from .anchored import Anchored, AnchorOptions, Door, Hit, Prepared, RegistryAnchor, StatementOptions
from .errors import InvalidRecord, SteleError
from .keys import AnyKeySet, AnySigningKey, KeySet, PublicKey, SigningKey
from .protocol import Protocol, Tail
from .records import AnyRecord
from .retry import Retry
from .wire import Answer, Call, Heard, Talk, Wait, bounded, unreachable

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


class LedgerOptions(TypedDict, total=False):
    """How to reach a service, and what anchoring takes for granted."""

    service_keys: AnyKeySet | None
    """Pins the keys that receipts must verify under: the bytes or file of `/.well-known/scitt-keys`, PEM, or public
    keys. Without them the keys are fetched once, at the first use, and `pinned` is false: whoever answers first is
    believed."""
    service: str | None
    """Pins the issuer that receipts name."""
    key: AnySigningKey | None
    """Signs statements, unless `anchor` names another."""
    issuer: str | None
    """Who speaks, unless `anchor` says otherwise; else the key's `did:key`."""
    door: Door
    """`statement`, the default, or `registrar`: the service signs what the holder of `token` hands in."""
    token: str | None
    """Bearer token for the registrar's door."""
    read_token: str | None
    """Bearer token for services that show statements to its holders only."""
    timeout: float
    """Bounds one request, in seconds; 30 by default."""
    retry: Retry | None
    """How often and how long to ask again."""


class _Base:
    """What both kinds of ledger have in common."""

    def __init__(self, url: str, options: LedgerOptions) -> None:
        address = httpx.URL(url)
        if address.scheme not in ("http", "https") or not address.host or address.userinfo or address.query:
            raise InvalidRecord(f"{url!r} is not the address of a service")
        unknown = options.keys() - LedgerOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"a ledger takes no {', '.join(sorted(unknown))}")
        keys, key = options.get("service_keys"), options.get("key")
        self.timeout = options.get("timeout", 30.0)
        self._say = Protocol(
            url.rstrip("/"),
            keys=None if keys is None else KeySet.of(keys),
            service=options.get("service"),
            key=None if key is None else SigningKey.of(key),
            issuer=options.get("issuer"),
            door=options.get("door", "statement"),
            token=options.get("token"),
            read_token=options.get("read_token"),
            retry=options.get("retry") or Retry(),
        )

    @property
    def url(self) -> str:
        """The service's address."""
        return self._say.url

    @property
    def service(self) -> str | None:
        """The issuer that receipts have to name."""
        return self._say.service

    @property
    def key(self) -> SigningKey | None:
        """Signs statements unless another is named."""
        return self._say.key

    @property
    def door(self) -> Door:
        """Which way records go unless `anchor` says otherwise."""
        return self._say.door

    @property
    def pinned(self) -> bool:
        """Whether the service's keys were given, or are believed as it shows them."""
        return self._say.pinned

    def prepare(self, record: AnyRecord, **options: Unpack[StatementOptions]) -> Prepared:
        """Signs a statement about the record without sending anything: its `entry_id` is known already.

        Raises `InvalidRecord`.
        """
        return self._say.prepare(record, **options)


class Ledger(_Base):
    """A transparency service, to anchor records at. `options` are those of `LedgerOptions`.

    `client` replaces the HTTP client, for proxies, certificates and tests.
    """

    def __init__(self, url: str, *, client: httpx.Client | None = None, **options: Unpack[LedgerOptions]) -> None:
        super().__init__(url, options)
        self._client = client or httpx.Client()
        self._sleep = time.sleep

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def with_retry(self, retry: Retry) -> Ledger:
        """The same ledger, on the same connections, asking again as often as this says."""
        other = copy.copy(self)
        other._say = copy.copy(self._say)
        other._say.retry = retry
        return other

    @property
    def keys(self) -> KeySet:
        """The pinned keys; if there are none, those that the service shows now, kept from then on."""
        return self._carry(self._say.keys())

    def anchor(self, record: AnyRecord, **options: Unpack[AnchorOptions]) -> Anchored:
        """Signs a statement about a record, registers it, and verifies the receipt that comes back.

        The record is a dict, a model of pydantic, or JSON as bytes or text, which is kept byte for byte. Its system,
        content type and subject are found in it unless `options` names them (`AnchorOptions`). Anchoring the same
        record with the same key again gives the same entry.

        Raises `InvalidRecord` before anything is sent, `Refused`, `Overloaded`, `Unreachable`, `ServiceFailed`, and
        `InvalidReceipt` if the answer does not prove the registration.
        """
        return self._carry(self._say.anchor(record, **options))

    def anchor_many(
        self, records: Iterable[AnyRecord], **options: Unpack[StatementOptions]
    ) -> list[Anchored | SteleError]:
        """Anchors records in batches; for each, in order, what became of it.

        A record that is refused spoils no other. Raises as `anchor` does where the service could not be asked at all;
        anchoring all of them again is safe then. Always through the producer's door.
        """
        return self.register_many([self.prepare(record, **options) for record in records])

    def register(self, prepared: Prepared) -> Anchored:
        """Registers what `prepare` made. Raises as `anchor` does."""
        return self._carry(self._say.register(prepared))

    def register_many(self, prepared: Iterable[Prepared]) -> list[Anchored | SteleError]:
        """Registers what `prepare` made, as `anchor_many` does."""
        return self._carry(self._say.register_many(list(prepared)))

    def register_statement(self, statement: bytes) -> bytes:
        """Registers a statement that was signed elsewhere; the receipt, verified. Raises as `anchor` does."""
        return self._carry(self._say.register_statement(statement))

    def fetch(self, entry_id: str, *, issuer_key: PublicKey | None = None) -> Anchored:
        """An entry of anybody's, with statement and receipt, verified. Raises `InvalidReceipt`, `NotFound`."""
        return self._carry(self._say.fetch(entry_id, issuer_key))

    def receipt(self, entry_id: str) -> bytes:
        """A fresh receipt of an entry, not verified: that takes its statement."""
        return self._carry(self._say.receipt(entry_id))

    def statement(self, entry_id: str) -> bytes:
        """The statement of an entry, proven to be it. Raises `InvalidReceipt`."""
        return self._carry(self._say.statement(entry_id))

    def summary(self, entry_id: str) -> dict[str, Any]:
        """What the service knows of an entry: system, subject, findings, index terms. Its word, unproven."""
        return self._carry(self._say.summary(entry_id))

    def trace_anchor(self, anchored: Anchored, *, wait: float = 90.0) -> RegistryAnchor:
        """A TRACE record in the registry anchor format v1, for TRACE's own tools; verified, and on the log itself.

        Records are put together in batches, so it takes a minute or so: `NotFound` after `wait` seconds.
        """
        return self._carry(self._say.trace_anchor(anchored, wait))

    def search(self, **terms: object) -> dict[str, Any]:
        """One page of entries that fit all terms: `trace_model="…"` asks for the term `trace.model`."""
        return self._carry(self._say.search(terms))

    def size(self) -> int:
        """How many entries the newest checkpoint covers. The service's word, unproven."""
        return self._carry(self._say.size())

    def tail(
        self, *, after: int | None = None, follow: bool = False, poll: float = 1.0, **terms: object
    ) -> Iterator[Hit]:
        """Entries that fit all terms, in the order of the log, behind the index `after`; with `follow`, for ever."""
        tail = Tail(self._say, after, terms, poll, follow=follow)
        while (hits := self._carry(tail.more())) is not None:
            yield from hits

    def _carry(self, talk: Talk[T]) -> T:
        heard: Heard = None
        try:
            while True:
                step = talk.send(heard)
                heard = self._do(step)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, step: Call | Wait) -> Heard:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        url = self.url + step.path
        try:
            with self._client.stream(
                step.method, url, content=step.body, headers=step.headers, timeout=self.timeout
            ) as response:
                body = bytearray()
                for part in response.iter_bytes():
                    bounded(body, part)
                return Answer(response.status_code, response.headers, bytes(body))
        except httpx.HTTPError as error:
            return unreachable(self.url, error)


class AsyncLedger(_Base):
    """The same as `Ledger`, for asyncio. What is a property there, `keys`, is a method here."""

    def __init__(self, url: str, *, client: httpx.AsyncClient | None = None, **options: Unpack[LedgerOptions]) -> None:
        super().__init__(url, options)
        self._client = client or httpx.AsyncClient()
        self._sleep = asyncio.sleep

    async def __aenter__(self) -> AsyncLedger:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def keys(self) -> KeySet:
        """As `Ledger.keys`."""
        return await self._carry(self._say.keys())

    async def anchor(self, record: AnyRecord, **options: Unpack[AnchorOptions]) -> Anchored:
        """As `Ledger.anchor`."""
        return await self._carry(self._say.anchor(record, **options))

    async def anchor_many(
        self, records: Iterable[AnyRecord], **options: Unpack[StatementOptions]
    ) -> list[Anchored | SteleError]:
        """As `Ledger.anchor_many`."""
        return await self.register_many([self.prepare(record, **options) for record in records])

    async def register(self, prepared: Prepared) -> Anchored:
        """As `Ledger.register`."""
        return await self._carry(self._say.register(prepared))

    async def register_many(self, prepared: Iterable[Prepared]) -> list[Anchored | SteleError]:
        """As `Ledger.register_many`."""
        return await self._carry(self._say.register_many(list(prepared)))

    async def register_statement(self, statement: bytes) -> bytes:
        """As `Ledger.register_statement`."""
        return await self._carry(self._say.register_statement(statement))

    async def fetch(self, entry_id: str, *, issuer_key: PublicKey | None = None) -> Anchored:
        """As `Ledger.fetch`."""
        return await self._carry(self._say.fetch(entry_id, issuer_key))

    async def receipt(self, entry_id: str) -> bytes:
        """As `Ledger.receipt`."""
        return await self._carry(self._say.receipt(entry_id))

    async def statement(self, entry_id: str) -> bytes:
        """As `Ledger.statement`."""
        return await self._carry(self._say.statement(entry_id))

    async def summary(self, entry_id: str) -> dict[str, Any]:
        """As `Ledger.summary`."""
        return await self._carry(self._say.summary(entry_id))

    async def trace_anchor(self, anchored: Anchored, *, wait: float = 90.0) -> RegistryAnchor:
        """As `Ledger.trace_anchor`."""
        return await self._carry(self._say.trace_anchor(anchored, wait))

    async def search(self, **terms: object) -> dict[str, Any]:
        """As `Ledger.search`."""
        return await self._carry(self._say.search(terms))

    async def size(self) -> int:
        """As `Ledger.size`."""
        return await self._carry(self._say.size())

    async def tail(
        self, *, after: int | None = None, follow: bool = False, poll: float = 1.0, **terms: object
    ) -> AsyncIterator[Hit]:
        """As `Ledger.tail`."""
        tail = Tail(self._say, after, terms, poll, follow=follow)
        while (hits := await self._carry(tail.more())) is not None:
            for hit in hits:
                yield hit

    async def _carry(self, talk: Talk[T]) -> T:
        heard: Heard = None
        try:
            while True:
                step = talk.send(heard)
                heard = await self._do(step)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, step: Call | Wait) -> Heard:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        url = self.url + step.path
        try:
            async with self._client.stream(
                step.method, url, content=step.body, headers=step.headers, timeout=self.timeout
            ) as response:
                body = bytearray()
                async for part in response.aiter_bytes():
                    bounded(body, part)
                return Answer(response.status_code, response.headers, bytes(body))
        except httpx.HTTPError as error:
            return unreachable(self.url, error)
