"""What is registered, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from .errors import Finding, InvalidReceipt
from .keys import AnyKeySet, AnySigningKey, KeySet, PublicKey
from .receipts import Receipt
from .statements import Statement


class StatementOptions(TypedDict, total=False):
    """What can be said about a statement; everything has a default."""

    key: AnySigningKey | None
    """Signs the statement; else the ledger's."""
    issuer: str | None
    """Who speaks; else the ledger's issuer, else the key's `did:key`."""
    subject: str | None
    """What it is about; else what the record says of itself."""
    system: str | None
    """Whose record it is, for records that fit several."""
    content_type: str | None
    """The media type; else that of the system's record."""
    hash_envelope: bool
    """Only the record's SHA-256 leaves this machine, or, at the registrar's door, is logged."""
    location: str | None
    """Where the content of a hash envelope may be found."""


Door = Literal["statement", "registrar"]


class AnchorOptions(StatementOptions, total=False):
    """The same, and which way a record goes."""

    door: Door | None
    """`statement`: signed by the producer. `registrar`: the service signs, and says who the token's producer is."""


@dataclass(frozen=True)
class Prepared:
    """A signed statement that is not registered yet."""

    statement: Statement
    content: bytes = field(repr=False)
    issuer_key: PublicKey | None = field(repr=False)

    @property
    def entry_id(self) -> str:
        """What its entry will be called."""
        return self.statement.entry_id


@dataclass(frozen=True)
class Anchored:
    """A registered record: what was signed, what the service answered, and the keys that verify it.

    `issuer_key` is `None` where the producer's key is not known here: for statements of the service's own registrar,
    and for fetched ones whose issuer is no `did:key`. Then the receipt alone vouches for the signature. `content` of a
    fetched hash envelope is the digest. `findings` is what the registrar's door told; elsewhere ask `Ledger.summary`.
    """

    entry_id: str
    leaf_index: int
    tree_size: int
    registered_at: int | None
    receipt: bytes
    statement: bytes
    content: bytes = field(repr=False)
    issuer_key: PublicKey | None = field(repr=False)
    keys: KeySet = field(repr=False)
    service: str | None = None
    pinned: bool = True
    findings: tuple[Finding, ...] = ()

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
        covered = statement.covers(self.content) or statement.payload == self.content
        if not covered or statement.entry_id != self.entry_id:
            raise InvalidReceipt("the statement is not about this content, or is another entry")
        if self.issuer_key is not None:
            statement.verify(self.issuer_key)
        held = self.keys if keys is None else KeySet.of(keys)
        Receipt.parse(self.receipt).verify(statement, held, service or self.service)


@dataclass(frozen=True)
class RegistryAnchor:
    """A TRACE record in the registry anchor format v1, verified: the batch's entry, the proof, the batch on the log.

    `proof` is what `trace-tests --receipt` and `trace-verify --proof` take, `entry` a line for `trace-verify --entry`.
    """

    entry: Mapping[str, Any]
    proof: Mapping[str, Any]
    batch: Anchored


@dataclass(frozen=True)
class Hit:
    """One entry as the service tells of it: its word, unproven until `Ledger.fetch`."""

    entry_id: str
    leaf_index: int
    registered_at: int | None
    issuer: str
    subject: str
    content_type: str | None
    system: str | None
    findings: int | None
    said: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, said: object) -> Hit:
        """Reads one hit of a page. Raises `InvalidReceipt`."""
        match said:
            case {"entry_id": str(entry_id), "leaf_index": int(index)} if isinstance(said, dict):
                pass
            case _:
                raise InvalidReceipt("a hit names no entry")

        def text(name: str) -> str | None:
            value = said.get(name)
            return value if isinstance(value, str) else None

        def number(name: str) -> int | None:
            value = said.get(name)
            return value if isinstance(value, int) else None

        return cls(
            entry_id,
            index,
            number("registered_at"),
            text("issuer") or "",
            text("subject") or "",
            text("content_type"),
            text("system"),
            number("findings"),
            said,
        )
