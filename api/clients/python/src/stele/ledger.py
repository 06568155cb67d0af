"""`Ledger` and `AsyncLedger`: anchor records at a transparency service and verify what it answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import httpx

from .errors import InvalidReceipt, InvalidRecord
from .keys import AnyKeySet, AnySigningKey, KeySet, PublicKey, SigningKey
from .receipts import Receipt
from .records import AnyRecord, prepare
from .retry import Retry
from .statements import Statement, sign_statement
from .wire import (
    COSE,
    JSON,
    KEYS,
    Answer,
    Call,
    Conversations,
    Heard,
    Talk,
    Wait,
    bounded,
    json_object,
    locator,
    proven,
    query,
    unreachable,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Anchored:
    """A registered record: what was signed, what the service answered, and the keys that verify it."""

    entry_id: str
    leaf_index: int
    tree_size: int
    registered_at: int | None
    receipt: bytes
    statement: bytes
    content: bytes = field(repr=False)
    issuer_key: PublicKey = field(repr=False)
    keys: KeySet = field(repr=False)
    service: str | None = None
    pinned: bool = True

    @property
    def transparent(self) -> bytes:
        """The transparent statement: statement and receipt in one file, for `stele verify` or anybody else."""
        statement, _ = Statement.parse(self.statement)
        return statement.with_receipts(self.receipt)

    def verify(self, keys: AnyKeySet | None = None, *, service: str | None = None) -> None:
        """Checks everything again, offline: content, the producer's signature, path, root and receipt.

        Against `keys` if given, else those that were pinned in the `Ledger`. Raises `InvalidReceipt`.
        """
        statement, _ = Statement.parse(self.statement)
        if not statement.covers(self.content) or statement.entry_id != self.entry_id:
            raise InvalidReceipt("the statement is not about this content, or is another entry")
        statement.verify(self.issuer_key)
        held = self.keys if keys is None else KeySet.of(keys)
        Receipt.parse(self.receipt).verify(statement, held, service or self.service)


class _Base:
    """What both kinds of ledger have in common."""

    def __init__(
        self,
        url: str,
        *,
        service_keys: AnyKeySet | None = None,
        service: str | None = None,
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        timeout: float = 30.0,
        retry: Retry | None = None,
    ) -> None:
        address = httpx.URL(url)
        if address.scheme not in ("http", "https") or not address.host or address.userinfo or address.query:
            raise InvalidRecord(f"{url!r} is not the address of a service")
        self.url = url.rstrip("/")
        self.service = service
        self.key = None if key is None else SigningKey.of(key)
        self.issuer = issuer
        self.timeout = timeout
        self.pinned = service_keys is not None
        self._keys = None if service_keys is None else KeySet.of(service_keys)
        self._talks = Conversations(retry or Retry())

    def prepare(
        self,
        record: AnyRecord,
        *,
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        subject: str | None = None,
        system: str | None = None,
        content_type: str | None = None,
        hash_envelope: bool = False,
        location: str | None = None,
    ) -> Prepared:
        """Signs a statement about the record without sending anything: its `entry_id` is known already.

        Raises `InvalidRecord`.
        """
        signer = self.key if key is None else SigningKey.of(key)
        if signer is None:
            raise InvalidRecord("no key to sign the statement with: anchor(record, key=...) or Ledger(url, key=...)")
        what = prepare(record, system=system, content_type=content_type, subject=subject)
        statement = sign_statement(
            what.content,
            signer,
            issuer=issuer or self.issuer or signer.public.did_key,
            subject=what.subject,
            content_type=what.content_type,
            hash_envelope=hash_envelope,
            location=location,
        )
        return Prepared(statement, what.content, signer.public)

    def _anchored(self, prepared: Prepared, raw: bytes, keys: KeySet) -> Anchored:
        receipt = Receipt.parse(raw)
        receipt.verify(prepared.statement, keys, self.service)
        return Anchored(
            entry_id=prepared.statement.entry_id,
            leaf_index=receipt.leaf_index,
            tree_size=receipt.tree_size,
            registered_at=receipt.registered_at,
            receipt=raw,
            statement=prepared.statement.cose,
            content=prepared.content,
            issuer_key=prepared.issuer_key,
            keys=keys,
            service=self.service,
            pinned=self.pinned,
        )


@dataclass(frozen=True)
class Prepared:
    """A signed statement that is not registered yet."""

    statement: Statement
    content: bytes = field(repr=False)
    issuer_key: PublicKey = field(repr=False)

    @property
    def entry_id(self) -> str:
        """What its entry will be called."""
        return self.statement.entry_id


class Ledger(_Base):
    """A transparency service, to anchor records at.

    `service_keys` pins the keys that its receipts must verify under: the bytes or file of its
    `/.well-known/scitt-keys`, PEM, or public keys. Without them the keys are fetched once, at the first use, and
    `pinned` is false: whoever answers first is believed. `service` pins the issuer that receipts name. `key` and
    `issuer` are defaults for `anchor`. `timeout` bounds one request, `retry` all of them together. `client` replaces
    the HTTP client, for proxies, certificates and tests.
    """

    def __init__(
        self,
        url: str,
        *,
        service_keys: AnyKeySet | None = None,
        service: str | None = None,
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        timeout: float = 30.0,
        retry: Retry | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        super().__init__(
            url, service_keys=service_keys, service=service, key=key, issuer=issuer, timeout=timeout, retry=retry
        )
        self._client = client or httpx.Client()
        self._sleep = time.sleep

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    @property
    def keys(self) -> KeySet:
        """The pinned keys; if there are none, those that the service shows now, kept from then on."""
        if self._keys is None:
            self._keys = KeySet.from_cose(self._carry(self._talks.get(KEYS, "application/cbor")))
        return self._keys

    def anchor(
        self,
        record: AnyRecord,
        *,
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        subject: str | None = None,
        system: str | None = None,
        content_type: str | None = None,
        hash_envelope: bool = False,
        location: str | None = None,
    ) -> Anchored:
        """Signs a statement about a record, registers it, and verifies the receipt that comes back.

        The record is a dict, a model of `agentrust-trace`, or JSON as bytes or text, which is kept byte for byte.
        Its system, content type and subject are found in it unless they are named. The issuer is the key's `did:key`
        unless it is named. With `hash_envelope` only the record's SHA-256 leaves this machine. Anchoring the same
        record with the same key again gives the same entry.

        Raises `InvalidRecord` before anything is sent, `Refused`, `Overloaded`, `Unreachable`, `ServiceFailed`, and
        `InvalidReceipt` if the answer does not prove the registration.
        """
        return self.register(
            self.prepare(
                record,
                key=key,
                issuer=issuer,
                subject=subject,
                system=system,
                content_type=content_type,
                hash_envelope=hash_envelope,
                location=location,
            )
        )

    def register(self, prepared: Prepared) -> Anchored:
        """Registers what `prepare` made. Raises as `anchor` does."""
        keys = self.keys
        return self._anchored(prepared, self._carry(self._talks.register(prepared.statement)), keys)

    def register_statement(self, statement: bytes) -> bytes:
        """Registers a statement that was signed elsewhere; the receipt, verified. Raises as `anchor` does."""
        parsed, _ = Statement.parse(statement)
        keys = self.keys
        receipt = self._carry(self._talks.register(parsed))
        Receipt.parse(receipt).verify(parsed, keys, self.service)
        return receipt

    def receipt(self, entry_id: str) -> bytes:
        """A fresh receipt of an entry, not verified: that takes its statement."""
        return self._carry(self._talks.receipt(entry_id))

    def statement(self, entry_id: str) -> bytes:
        """The statement of an entry, proven to be it. Raises `InvalidReceipt`."""
        data = self._carry(self._talks.get(f"/statements/{locator(entry_id)}", COSE))
        return proven(data, entry_id)

    def summary(self, entry_id: str) -> dict[str, Any]:
        """What the service knows of an entry: system, subject, findings, index terms. Its word, unproven."""
        return json_object(self._carry(self._talks.get(f"/entries/{locator(entry_id)}", JSON)))

    def search(self, **terms: str) -> dict[str, Any]:
        """One page of entries that fit all terms. `trace_model="…"` asks for the term `trace.model`."""
        return json_object(self._carry(self._talks.get(query(terms.items()), JSON)))

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

    def __init__(
        self,
        url: str,
        *,
        service_keys: AnyKeySet | None = None,
        service: str | None = None,
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        timeout: float = 30.0,
        retry: Retry | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(
            url, service_keys=service_keys, service=service, key=key, issuer=issuer, timeout=timeout, retry=retry
        )
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
        if self._keys is None:
            self._keys = KeySet.from_cose(await self._carry(self._talks.get(KEYS, "application/cbor")))
        return self._keys

    async def anchor(
        self,
        record: AnyRecord,
        *,
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        subject: str | None = None,
        system: str | None = None,
        content_type: str | None = None,
        hash_envelope: bool = False,
        location: str | None = None,
    ) -> Anchored:
        """As `Ledger.anchor`."""
        return await self.register(
            self.prepare(
                record,
                key=key,
                issuer=issuer,
                subject=subject,
                system=system,
                content_type=content_type,
                hash_envelope=hash_envelope,
                location=location,
            )
        )

    async def register(self, prepared: Prepared) -> Anchored:
        """As `Ledger.register`."""
        keys = await self.keys()
        return self._anchored(prepared, await self._carry(self._talks.register(prepared.statement)), keys)

    async def receipt(self, entry_id: str) -> bytes:
        """As `Ledger.receipt`."""
        return await self._carry(self._talks.receipt(entry_id))

    async def statement(self, entry_id: str) -> bytes:
        """As `Ledger.statement`."""
        data = await self._carry(self._talks.get(f"/statements/{locator(entry_id)}", COSE))
        return proven(data, entry_id)

    async def summary(self, entry_id: str) -> dict[str, Any]:
        """As `Ledger.summary`."""
        return json_object(await self._carry(self._talks.get(f"/entries/{locator(entry_id)}", JSON)))

    async def search(self, **terms: str) -> dict[str, Any]:
        """As `Ledger.search`."""
        return json_object(await self._carry(self._talks.get(query(terms.items()), JSON)))

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
