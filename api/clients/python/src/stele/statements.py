"""Signed statements (RFC 9943 §6): made by their producer, named by their digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from . import cbor
from .errors import InvalidReceipt, InvalidRecord
from .keys import PublicKey, SigningKey

ALG, CRIT, CONTENT_TYPE, KID, CWT_CLAIMS = 1, 2, 3, 4, 15
PAYLOAD_HASH_ALG, PREIMAGE_CONTENT_TYPE, PAYLOAD_LOCATION = 258, 259, 260
RECEIPTS, VDS, VDP = 394, 395, 396
ISS, SUB, IAT, EXP, NBF = 1, 2, 6, 4, 5
COSE_SIGN1, SHA_256 = 18, -16

MAX_STATEMENT_BYTES = 64 * 1024 * 1024
_MAX_NAME = 4096
# As much of a name as an error shows.
_SHOWN = 200


@dataclass(frozen=True)
class Sign1:
    """A tagged COSE_Sign1 taken apart. `header` is the protected one, decoded; its bytes stay as they came."""

    protected: bytes
    header: dict[Any, Any]
    unprotected: dict[Any, Any]
    payload: bytes | None
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> Sign1:
        """Reads strictly. Raises `InvalidReceipt`."""
        if len(data) > MAX_STATEMENT_BYTES:
            raise InvalidReceipt("the message is too large")
        message = cbor.decode(data)
        if not isinstance(message, cbor.Tag) or message.number != COSE_SIGN1:
            raise InvalidReceipt("not a tagged COSE_Sign1")
        match message.value:
            case [bytes(protected), dict(unprotected), bytes() | None as payload, bytes(signature)]:
                header = cbor.decode(protected) if protected else {}
                if not isinstance(header, dict):
                    raise InvalidReceipt("the protected header is not a map")
                if header.keys() & unprotected.keys():
                    raise InvalidReceipt("a label is both protected and not")
                return cls(protected, header, unprotected, payload, signature)
        raise InvalidReceipt("a COSE_Sign1 is [protected, unprotected, payload, signature]")

    def require_understood(self, understood: frozenset[int]) -> None:
        """Refuses critical labels (RFC 9052 §3.1) that are not among these."""
        if CRIT in self.unprotected:
            raise InvalidReceipt("crit must be protected")
        critical = self.header.get(CRIT)
        if critical is None:
            return
        if not isinstance(critical, list) or not critical:
            raise InvalidReceipt("crit is a list of labels, not empty")
        for label in critical:
            if isinstance(label, bool) or label not in understood or label not in self.header:
                raise InvalidReceipt(f"the critical label {label!r} is not understood")

    @property
    def algorithm(self) -> int:
        """Label 1."""
        found = self.header.get(ALG)
        if isinstance(found, bool) or not isinstance(found, int):
            raise InvalidReceipt("the protected header names no algorithm")
        return found

    def claim(self, number: int) -> Any:
        """A CWT claim of label 15."""
        claims = self.header.get(CWT_CLAIMS)
        return claims.get(number) if isinstance(claims, dict) else None

    def verify(self, key: PublicKey, payload: bytes | None = None) -> None:
        """Checks the signature, over `payload` if it is detached. Raises `InvalidReceipt`."""
        signed = self.payload if payload is None else payload
        if signed is None:
            raise InvalidReceipt("the payload is detached")
        key.verify(self.algorithm, sig_structure(self.protected, signed), self.signature)


_UNDERSTOOD = frozenset(
    {ALG, CRIT, CONTENT_TYPE, KID, CWT_CLAIMS, PAYLOAD_HASH_ALG, PREIMAGE_CONTENT_TYPE, PAYLOAD_LOCATION}
)


@dataclass(frozen=True)
class Statement:
    """A signed statement as it is registered: tag 18, an empty unprotected header."""

    cose: bytes
    issuer: str
    subject: str
    content_type: str | int | None
    payload: bytes
    hash_envelope: bool

    @classmethod
    def parse(cls, data: bytes) -> tuple[Statement, list[bytes]]:
        """Reads a signed or transparent statement; its receipts, if it carries any. Raises `InvalidReceipt`."""
        message = Sign1.parse(data)
        message.require_understood(_UNDERSTOOD)
        issuer, subject = message.claim(ISS), message.claim(SUB)
        if not isinstance(issuer, str) or not isinstance(subject, str):
            raise InvalidReceipt("the statement names no issuer or no subject")
        if message.payload is None:
            raise InvalidReceipt("the statement has no payload")
        receipts = message.unprotected.get(RECEIPTS, [])
        if not isinstance(receipts, list) or not all(isinstance(receipt, bytes) for receipt in receipts):
            raise InvalidReceipt("label 394 is a list of receipts, each a byte string")
        envelope = PAYLOAD_HASH_ALG in message.header
        content_type = message.header.get(PREIMAGE_CONTENT_TYPE if envelope else CONTENT_TYPE)
        cose = _sign1(message.protected, {}, message.payload, message.signature)
        return cls(cose, issuer, subject, content_type, message.payload, envelope), receipts

    @property
    def entry(self) -> bytes:
        """The 32 bytes that the log hashes: SHA-256 of the canonical statement."""
        return hashlib.sha256(self.cose).digest()

    @property
    def entry_id(self) -> str:
        """The same in lower-case hex; known before registration."""
        return self.entry.hex()

    def covers(self, content: bytes) -> bool:
        """Whether the statement is about exactly these bytes."""
        return self.payload == (hashlib.sha256(content).digest() if self.hash_envelope else content)

    def verify(self, key: PublicKey) -> None:
        """Checks the producer's signature. Raises `InvalidReceipt`."""
        message = Sign1.parse(self.cose)
        named = message.header.get(KID)
        if isinstance(named, bytes) and len(named) == len(key.thumbprint) and named != key.thumbprint:
            raise InvalidReceipt("the statement names another key")
        message.verify(key)

    def with_receipts(self, *receipts: bytes) -> bytes:
        """The transparent statement (RFC 9943 §7): receipts in label 394, each a byte string."""
        message = Sign1.parse(self.cose)
        return _sign1(message.protected, {RECEIPTS: list(receipts)}, self.payload, message.signature)


def sign_statement(
    content: bytes,
    key: SigningKey,
    *,
    issuer: str,
    subject: str,
    content_type: str,
    hash_envelope: bool = False,
    location: str | None = None,
) -> Statement:
    """Signs a statement about `content`, byte for byte.

    With `hash_envelope` only its SHA-256 goes into the statement (RFC 9995); `location` then says where the content
    may be found. The protected header is deterministic, so the same arguments give the same entry id. Raises
    `InvalidRecord` for a name that is empty or too long, and for a `did:key` that holds no key known here.
    """
    for name, value in (("issuer", issuer), ("subject", subject), ("content type", content_type)):
        if not value or len(value.encode()) > _MAX_NAME:
            raise InvalidRecord(f"the {name} is empty or longer than {_MAX_NAME} bytes")
    try:
        PublicKey.from_did_key(issuer)
    except InvalidReceipt as error:
        raise InvalidRecord(f"nobody can be the issuer {issuer[:_SHOWN]!r}: {error}") from None
    if location is not None and not hash_envelope:
        raise InvalidRecord("only a hash envelope says where its content is")
    header: dict[int, Any] = {ALG: key.algorithm, KID: key.public.thumbprint, CWT_CLAIMS: {ISS: issuer, SUB: subject}}
    payload = content
    if hash_envelope:
        payload = hashlib.sha256(content).digest()
        header |= {PAYLOAD_HASH_ALG: SHA_256, PREIMAGE_CONTENT_TYPE: content_type}
        header |= {} if location is None else {PAYLOAD_LOCATION: location}
    else:
        header[CONTENT_TYPE] = content_type
    protected = cbor.encode(header)
    signature = key.sign(sig_structure(protected, payload))
    cose = _sign1(protected, {}, payload, signature)
    return Statement(cose, issuer, subject, content_type, payload, hash_envelope)


def sig_structure(protected: bytes, payload: bytes) -> bytes:
    """What a COSE_Sign1 signs (RFC 9052 §4.4)."""
    return cbor.encode(["Signature1", protected, b"", payload])


def _sign1(protected: bytes, unprotected: dict[int, Any], payload: bytes | None, signature: bytes) -> bytes:
    return cbor.tagged(COSE_SIGN1, [protected, unprotected, payload, signature])
