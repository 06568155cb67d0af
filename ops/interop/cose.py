"""What these checks need to know of COSE, read with cbor2 and nothing of Stele's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHMS = {"es256": -7, "eddsa": -8, "esp256": -9, "ed25519": -19}
RECEIPTS, VDS, VDP = 394, 395, 396
INCLUSION, CONSISTENCY = -1, -2
SPKI = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def canonical(statement: bytes) -> bytes:
    """The statement as it is registered: the unprotected header emptied."""
    message = cbor2.loads(statement)
    protected, _, payload, signature = message.value
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def entry_id(statement: bytes) -> bytes:
    return hashlib.sha256(canonical(statement)).digest()


@dataclass
class Receipt:
    """A receipt taken apart. `signed` is the protected header, decoded."""

    signed: dict
    kind: int
    first: int
    second: int
    path: list[bytes]

    @property
    def claims(self) -> dict:
        return self.signed[15]


def insist(truth: bool, what: str) -> None:
    """A check that says what it wanted."""
    if not truth:
        raise ValueError(f"not so: {what}")


def open_receipt(receipt: bytes) -> Receipt:
    """Takes a receipt apart and insists on the shape of RFC 9942 as Stele promises it."""
    message = cbor2.loads(receipt)
    protected, unprotected, payload, _ = message.value
    signed = cbor2.loads(protected)
    insist(message.tag == 18 and payload is None, "a tagged COSE_Sign1 with a detached payload")
    insist(list(signed) == [1, 4, 15, VDS], f"the protected labels {list(signed)} are 1, 4, 15 and 395")
    insist(signed[VDS] == 1, "the structure is RFC9162_SHA256")
    insist(list(signed[15]) == [1, 2, 6], f"the claims {list(signed[15])} are iss, sub and iat")
    insist(cbor2.dumps(signed, canonical=True) == protected, "the header's encoding is deterministic")
    insist(cbor2.dumps(message, canonical=True) == receipt, "the receipt's encoding is deterministic")
    ((label, proofs),) = unprotected.items()
    ((kind, (proof,)),) = proofs.items()
    insist(label == VDP and kind in (INCLUSION, CONSISTENCY), "one proof of a known kind")
    first, second, path = cbor2.loads(proof)
    insist(len(path) > 0 and all(len(node) == 32 for node in path), "a path of hashes, not empty")
    return Receipt(signed, kind, first, second, path)


def unsigned_numbers(receipt: bytes) -> range:
    """Where in a receipt the two numbers of its proof stand. Nothing signs them: another pair of numbers can
    lead along the same path to the same root, and only a checkpoint tells the true size (RCPT-19)."""
    unprotected = cbor2.loads(receipt).value[1]
    ((proof,),) = unprotected[VDP].values()
    first, second, _ = cbor2.loads(proof)
    start = receipt.index(proof) + 1
    return range(start, start + len(cbor2.dumps(first)) + len(cbor2.dumps(second)))


def thumbprint(key: dict) -> bytes:
    """RFC 9679: the SHA-256 of the key's required members, deterministically encoded."""
    members = {1: (1, -1, -2), 2: (1, -1, -2, -3)}[key[1]]
    return hashlib.sha256(cbor2.dumps({label: key[label] for label in members}, canonical=True)).digest()


def pem(key: dict) -> bytes:
    """A COSE_Key as a public key in PEM."""
    if key[1] == 1:
        public = ed25519.Ed25519PublicKey.from_public_bytes(key[-2])
    else:
        point = b"\x04" + key[-2] + key[-3]
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return public.public_bytes(*SPKI)


def flipped(data: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)
