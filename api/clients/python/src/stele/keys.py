"""Keys: producers' signing keys, public keys, and the key sets that receipts verify under."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from . import cbor
from .errors import InvalidReceipt, InvalidRecord

EDDSA, ES256, ED25519, ESP256 = -8, -7, -19, -9
MAX_KEYS = 1024

_KTY, _KID, _CRV, _X, _Y = 1, 2, -1, -2, -3
_OKP, _EC2, _ED25519_CURVE, _P256_CURVE = 1, 2, 6, 1
_SCALAR = 32
# Multicodec prefixes, as unsigned varints.
_ED25519_CODEC, _P256_CODEC = b"\xed\x01", b"\x80\x24"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

PathOrPem: TypeAlias = "str | bytes | PathLike[str]"


class PublicKey:
    """An Ed25519 or P-256 public key: COSE_Key, thumbprint, names, verification."""

    def __init__(self, key: Ed25519PublicKey | EllipticCurvePublicKey) -> None:
        if isinstance(key, EllipticCurvePublicKey) and not isinstance(key.curve, SECP256R1):
            raise InvalidRecord("of elliptic curves only P-256 and Ed25519 are known here")
        self._key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.cose == other.cose

    def __hash__(self) -> int:
        return hash(self.thumbprint)

    def __repr__(self) -> str:
        return f"PublicKey({self.did_key})"

    @classmethod
    def from_pem(cls, pem: PathOrPem) -> PublicKey:
        """Reads SubjectPublicKeyInfo in PEM: the text, or the file that holds it."""
        try:
            key = load_pem_public_key(_pem(pem))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise InvalidRecord(f"no public key in PEM: {error}") from None
        if not isinstance(key, (Ed25519PublicKey, EllipticCurvePublicKey)):
            raise InvalidRecord("the public key is neither Ed25519 nor P-256")
        return cls(key)

    @classmethod
    def from_cose(cls, key: Any) -> PublicKey:
        """Reads a decoded COSE_Key (RFC 9052 §7). Raises `InvalidReceipt`."""
        if not isinstance(key, dict):
            raise InvalidReceipt("a COSE_Key is a map")
        kind, curve, x, y = (key.get(label) for label in (_KTY, _CRV, _X, _Y))
        try:
            if (kind, curve) == (_OKP, _ED25519_CURVE) and isinstance(x, bytes):
                return cls(Ed25519PublicKey.from_public_bytes(x))
            whole = [part for part in (x, y) if isinstance(part, bytes) and len(part) == _SCALAR]
            if (kind, curve) == (_EC2, _P256_CURVE) and whole == [x, y]:
                first, second = (int.from_bytes(part, "big") for part in whole)
                return cls(EllipticCurvePublicNumbers(first, second, SECP256R1()).public_key())
        except ValueError as error:
            raise InvalidReceipt(f"the COSE_Key holds no key: {error}") from None
        raise InvalidReceipt("the COSE_Key is of a kind unknown here")

    @classmethod
    def from_did_key(cls, did: str) -> PublicKey | None:
        """The key that a `did:key` name holds; `None` for any other name. Raises `InvalidReceipt`."""
        if not did.startswith("did:key:z"):
            return None
        raw = _base58_decode(did.removeprefix("did:key:z"))
        try:
            if raw[:2] == _ED25519_CODEC:
                return cls(Ed25519PublicKey.from_public_bytes(raw[2:]))
            if raw[:2] == _P256_CODEC:
                key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw[2:])
                return cls(key)
        except ValueError as error:
            raise InvalidReceipt(f"the name holds no key: {error}") from None
        raise InvalidReceipt("the name holds a key of a kind unknown here")

    @property
    def algorithms(self) -> tuple[int, ...]:
        """The COSE algorithms this key verifies; the first is what `SigningKey` signs with."""
        return (EDDSA, ED25519) if isinstance(self._key, Ed25519PublicKey) else (ES256, ESP256)

    @property
    def cose(self) -> dict[int, int | bytes]:
        """The required members of the COSE_Key."""
        if isinstance(self._key, Ed25519PublicKey):
            return {_KTY: _OKP, _CRV: _ED25519_CURVE, _X: self._key.public_bytes_raw()}
        point = self._key.public_numbers()
        x, y = (number.to_bytes(_SCALAR, "big") for number in (point.x, point.y))
        return {_KTY: _EC2, _CRV: _P256_CURVE, _X: x, _Y: y}

    @property
    def thumbprint(self) -> bytes:
        """RFC 9679: the SHA-256 of the required members, deterministically encoded. It is the `kid`."""
        return hashlib.sha256(cbor.encode(self.cose)).digest()

    @property
    def jwk(self) -> dict[str, str]:
        """The public JWK, required members only."""
        cose = self.cose
        named = (("x", cose.get(_X)), ("y", cose.get(_Y)))
        coordinates = {name: base64url(value) for name, value in named if isinstance(value, bytes)}
        curve, kind = ("Ed25519", "OKP") if cose[_KTY] == _OKP else ("P-256", "EC")
        return {"crv": curve, "kty": kind, **coordinates}

    @property
    def did_key(self) -> str:
        """The name of this key under `did:key`."""
        if isinstance(self._key, Ed25519PublicKey):
            return "did:key:z" + _base58(_ED25519_CODEC + self._key.public_bytes_raw())
        point = self._key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return "did:key:z" + _base58(_P256_CODEC + point)

    @property
    def did_jwk(self) -> str:
        """The name of this key under `did:jwk`."""
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return f"did:jwk:{base64url(text.encode())}"

    def verify(self, algorithm: int, message: bytes, signature: bytes) -> None:
        """Checks a signature. Raises `InvalidReceipt`."""
        if algorithm not in self.algorithms:
            raise InvalidReceipt(f"algorithm {algorithm} is not one of this key")
        try:
            if isinstance(self._key, Ed25519PublicKey):
                self._key.verify(signature, message)
                return
            if len(signature) != 2 * _SCALAR:
                raise InvalidReceipt("an ES256 signature has 64 bytes")
            r, s = (int.from_bytes(part, "big") for part in (signature[:_SCALAR], signature[_SCALAR:]))
            self._key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
        except InvalidSignature:
            raise InvalidReceipt("the signature does not verify") from None


class SigningKey:
    """A producer's private key: Ed25519 (EdDSA) or P-256 (ES256).

    Signatures are deterministic (ES256 after RFC 6979), so that the same record signed again is the same entry.
    """

    def __init__(self, key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def __repr__(self) -> str:
        return f"SigningKey({self.public.did_key})"

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh Ed25519 key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, key: AnySigningKey) -> SigningKey:
        """A key of `cryptography`, PEM (PKCS#8) as text or bytes, or the path of such a file.

        Raises `InvalidRecord`.
        """
        if isinstance(key, SigningKey):
            return key
        if isinstance(key, (str, bytes, PathLike)):
            try:
                key = load_pem_private_key(_pem(key), password=None)  # type: ignore[assignment]
            except (ValueError, TypeError, UnsupportedAlgorithm) as error:
                raise InvalidRecord(f"no private key in PEM: {error}") from None
        if not isinstance(key, (Ed25519PrivateKey, EllipticCurvePrivateKey)):
            raise InvalidRecord(f"a signing key is Ed25519 or P-256, not {type(key).__name__}")
        return cls(key)

    @property
    def algorithm(self) -> int:
        """The COSE algorithm it signs with."""
        return self.public.algorithms[0]

    @property
    def private_key(self) -> Ed25519PrivateKey | EllipticCurvePrivateKey:
        """The key as `cryptography` has it."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """Signs as COSE wants it."""
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(message)
        r, s = decode_dss_signature(self._key.sign(message, ECDSA(SHA256(), deterministic_signing=True)))
        return r.to_bytes(_SCALAR, "big") + s.to_bytes(_SCALAR, "big")


AnySigningKey: TypeAlias = "SigningKey | Ed25519PrivateKey | EllipticCurvePrivateKey | str | bytes | PathLike[str]"


class KeySet:
    """The public keys of a service, by kid."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys = {key.thumbprint: key for key in keys}
        if not self._keys:
            raise InvalidReceipt("the key set holds no key that is known here")

    def __len__(self) -> int:
        return len(self._keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeySet) and self._keys.keys() == other._keys.keys()

    def __hash__(self) -> int:
        return hash(frozenset(self._keys))

    def get(self, kid: bytes) -> PublicKey | None:
        """The key with this thumbprint."""
        return self._keys.get(kid)

    @classmethod
    def of(cls, keys: AnyKeySet) -> KeySet:
        """From a COSE_KeySet, PEM, the path of a file with either, public keys, or a key set.

        Raises `InvalidReceipt` or `InvalidRecord`.
        """
        if isinstance(keys, KeySet):
            return keys
        if isinstance(keys, PublicKey):
            return cls([keys])
        if isinstance(keys, (str, bytes, PathLike)):
            data = _content(keys)
            return cls([PublicKey.from_pem(data)]) if b"-----BEGIN" in data else cls.from_cose(data)
        return cls(keys)

    @classmethod
    def from_cose(cls, data: bytes) -> KeySet:
        """Reads a COSE_KeySet (RFC 9052 §7), as served at `/.well-known/scitt-keys`.

        A key of a kind unknown here is skipped; one whose kid is not its thumbprint is an error.
        """
        members = cbor.decode(data)
        if not isinstance(members, list) or not 0 < len(members) <= MAX_KEYS:
            raise InvalidReceipt(f"a key set is an array of 1 to {MAX_KEYS} keys")
        keys = []
        for member in members:
            try:
                key = PublicKey.from_cose(member)
            except InvalidReceipt:
                continue
            if member.get(_KID, key.thumbprint) != key.thumbprint:
                raise InvalidReceipt("a kid in the key set is not the thumbprint of its key")
            keys.append(key)
        return cls(keys)


AnyKeySet: TypeAlias = "KeySet | PublicKey | Iterable[PublicKey] | str | bytes | PathLike[str]"


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes of base64url without padding. Raises `InvalidReceipt` for any other spelling of them."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if base64url(data) != text:
        raise InvalidReceipt("not base64url without padding")
    return data


def _content(source: PathOrPem) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and "-----BEGIN" in source:
        return source.encode()
    return Path(source).read_bytes()


def _pem(source: PathOrPem) -> bytes:
    return _content(source)


def _base58(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(_BASE58))
        digits = _BASE58[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def _base58_decode(text: str) -> bytes:
    if not 0 < len(text) <= 128 or any(character not in _BASE58 for character in text):  # noqa: PLR2004
        raise InvalidReceipt("the name is not base58")
    number = 0
    for character in text:
        number = number * len(_BASE58) + _BASE58.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
