"""Receipts (RFC 9942): a signed root of the log's tree and the path that leads to it from an entry.

This reader is Stele's own and stricter than general ones: it wants one inclusion proof, deterministic CBOR, a kid that
is pinned, and the issuer and subject that RFC 9943 requires. The tests compare it with the package `scitt-cose`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from . import cbor
from .errors import InvalidReceipt
from .keys import KeySet
from .statements import ALG, CRIT, CWT_CLAIMS, EXP, IAT, ISS, KID, NBF, SUB, VDP, VDS, Sign1, Statement

MAX_RECEIPT_BYTES = 256 * 1024
_UNDERSTOOD = frozenset({ALG, CRIT, KID, CWT_CLAIMS, VDS})
_RFC9162_SHA256 = 1
_HASH, _MAX_PATH, _MAX_TREE = 32, 64, 1 << 63


@dataclass(frozen=True)
class Receipt:
    """A receipt whose form is checked; its proof and signature are not.

    `leaf_index` and `tree_size` are what the proof claims: only the root is signed.
    """

    cose: bytes
    issuer: str
    subject: str
    registered_at: int | None
    kid: bytes
    tree_size: int
    leaf_index: int
    path: tuple[bytes, ...]

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """Reads strictly. Raises `InvalidReceipt`."""
        if len(data) > MAX_RECEIPT_BYTES:
            raise InvalidReceipt("the receipt is too large")
        message = Sign1.parse(data)
        message.require_understood(_UNDERSTOOD)
        vds = message.header.get(VDS)
        if isinstance(vds, bool) or vds != _RFC9162_SHA256:
            raise InvalidReceipt("the receipt is not of a tree of RFC 9162 with SHA-256")
        if message.payload is not None:
            raise InvalidReceipt("the root must be detached: nothing would tie an attached one to the entry")
        issuer, subject, iat = (message.claim(number) for number in (ISS, SUB, IAT))
        kid = message.header.get(KID)
        if not isinstance(issuer, str) or not isinstance(subject, str) or not isinstance(kid, bytes):
            raise InvalidReceipt("the receipt lacks its issuer, subject or kid")
        if iat is not None and (isinstance(iat, bool) or not isinstance(iat, int)):
            raise InvalidReceipt("the time of registration is not whole seconds")
        if message.claim(EXP) is not None or message.claim(NBF) is not None:
            raise InvalidReceipt("the receipt is limited in time, which no receipt of Stele is")
        size, index, path = _proof(message.unprotected.get(VDP))
        return cls(data, issuer, subject, iat, kid, size, index, path)

    def root(self, entry: bytes) -> bytes:
        """The root that the path leads to from an entry (RFC 9162 §2.1.3.2). Raises `InvalidReceipt`."""
        return fold(hashlib.sha256(b"\x00" + entry).digest(), self.leaf_index, self.tree_size, self.path)

    def verify(self, statement: Statement, keys: KeySet, service: str | None = None) -> bytes:
        """Checks that a holder of one of `keys` signed a tree that holds `statement`; gives the root.

        The receipt has to be about the statement's subject and, if `service` is given, be issued by it. Everything is
        offline. Raises `InvalidReceipt`.
        """
        key = keys.get(self.kid)
        if key is None:
            raise InvalidReceipt("the receipt is signed with a key that is not pinned")
        if self.subject != statement.subject:
            raise InvalidReceipt("the receipt is about another subject")
        if service is not None and self.issuer != service:
            raise InvalidReceipt(f"the receipt is issued by {self.issuer!r}, not by {service!r}")
        root = self.root(statement.entry)
        Sign1.parse(self.cose).verify(key, root)
        return root


def fold(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to from the hash of a leaf (RFC 9162 §2.1.3.2). Raises `InvalidReceipt`."""
    node, first, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise InvalidReceipt("the path is too long for its tree")
        if first & 1 or first == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        first, last = first >> 1, last >> 1
    if last != 0:
        raise InvalidReceipt("the path is too short for its tree")
    return node


def _proof(proofs: object) -> tuple[int, int, tuple[bytes, ...]]:
    match proofs:
        case {-1: [bytes(blob)]} if isinstance(proofs, dict) and len(proofs) == 1:
            proof = cbor.decode(blob)
        case _:
            raise InvalidReceipt("the receipt has no single proof of inclusion")
    match proof:
        case [int(size), int(index), list(path)] if not isinstance(size, bool) and not isinstance(index, bool):
            pass
        case _:
            raise InvalidReceipt("a proof of inclusion is [size, index, path]")
    if not 0 <= index < size <= _MAX_TREE or len(path) > _MAX_PATH:
        raise InvalidReceipt("the proof's index lies outside its tree")
    if not all(isinstance(node, bytes) and len(node) == _HASH for node in path):
        raise InvalidReceipt("the proof's path is not made of hashes")
    return size, index, tuple(path)
