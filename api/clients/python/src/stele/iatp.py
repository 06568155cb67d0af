"""IATP: attestation records, capability manifests and reputation events.

The package `agentmesh-trust-protocol` signs an attestation only if it is given the raw key in base64; with no key, or
with PEM as its documentation says, it writes the signed text itself where the signature belongs, without a word.
`attest` signs whatever form the key has, and `anchor` refuses such a placeholder before anything is sent. This module
needs no package of IATP, and takes its models.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .anchored import Anchored, AnchorOptions
from .errors import Finding, InvalidReceipt, InvalidRecord
from .keys import EDDSA, AnySigningKey, PublicKey, SigningKey
from .ledger import Ledger
from .records import AnyRecord, recognise, to_bytes
from .statements import Statement

if TYPE_CHECKING:
    from typing_extensions import Unpack

ATTESTATION = "application/vnd.iatp.attestation+json"
_SIGNED = ("agent_id", "codebase_hash", "config_hash", "timestamp")
_SIGNATURE_BYTES, _DIGEST_DIGITS = 64, 64


def attest(
    agent_id: str,
    *,
    codebase_hash: str,
    config_hash: str,
    key: AnySigningKey,
    signing_key_id: str,
    expires_at: datetime.datetime | None = None,
    now: datetime.datetime | None = None,
) -> dict[str, Any]:
    """A signed attestation, as `AttestationValidator.create_attestation` makes it of a raw key.

    Nobody signs `expires_at` and `signing_key_id`: the format does not cover them. Raises `InvalidRecord` for what the
    strict form of the service would refuse.
    """
    signer = SigningKey.of(key)
    if not isinstance(signer.private_key, Ed25519PrivateKey):
        raise InvalidRecord("IATP signs attestations with Ed25519 only")
    record: dict[str, Any] = {
        "agent_id": agent_id,
        "codebase_hash": codebase_hash,
        "config_hash": config_hash,
        "signing_key_id": signing_key_id,
        "timestamp": _time(now or datetime.datetime.now(datetime.timezone.utc)),
    }
    if expires_at is not None:
        record["expires_at"] = _time(expires_at)
    record["signature"] = base64.b64encode(signer.sign(_signing_input(record))).decode()
    _require(check(record))
    return record


def check(record: AnyRecord, key: PublicKey | str | bytes | None = None) -> tuple[Finding, ...]:
    """What is wrong with an attestation: its strict form, and with `key` (PEM, or raw in base64) its signature.

    Finding ids are those of the service. What is no attestation is checked by the service alone.
    """
    content = to_bytes(record)
    if recognise(content, "iatp").content_type != ATTESTATION:
        return ()
    read = json.loads(content)
    found = []
    for name in ("codebase_hash", "config_hash"):
        if len(str(read[name])) != _DIGEST_DIGITS or not set(str(read[name])) <= set("0123456789abcdef"):
            message = "not 64 lower-case hexadecimal digits, so the signed text could mean another attestation"
            found.append(Finding("IATP_AMBIGUOUS_FIELD", "error", f"/{name}", message))
    if not str(read["agent_id"]).isprintable() or not read["agent_id"]:
        found.append(Finding("IATP_AMBIGUOUS_FIELD", "error", "/agent_id", "empty, or with control characters"))
    signature = _signature(read)
    if signature == _signing_input(read):
        message = "no signature: the text itself, as the package writes it without a usable key"
        found.append(Finding("IATP_UNSIGNED_PLACEHOLDER", "error", "/signature", message))
    elif signature is None or len(signature) != _SIGNATURE_BYTES:
        found.append(Finding("IATP_SIGNATURE_INVALID", "error", "/signature", "not 64 bytes in standard base64"))
    elif key is not None and not _verifies(read, signature, key):
        found.append(Finding("IATP_SIGNATURE_INVALID", "error", "/signature", "does not verify under this key"))
    return tuple(found)


def anchor(
    ledger: Ledger,
    record: AnyRecord,
    *,
    control_plane: PublicKey | str | bytes | None = None,
    **options: Unpack[AnchorOptions],
) -> Anchored:
    """Registers an attestation, a capability manifest or a reputation event: the package's models, dict or JSON.

    With `control_plane`, the public key in PEM or, as the package has it, raw in base64, the signature of an
    attestation is checked first. Raises `InvalidRecord`, with what was found, before anything is sent; and what
    `Ledger.anchor` raises.
    """
    content = to_bytes(record)
    _require(check(content, control_plane))
    options.setdefault("system", "iatp")
    return ledger.anchor(content, **options)


def fetch(ledger: Ledger, entry_id: str) -> dict[str, Any]:
    """The record of an entry, verified with its receipt, for `AttestationRecord(**record)`.

    Raises `InvalidReceipt`, also for entries that are no record of IATP.
    """
    statement, _ = Statement.parse(ledger.fetch(entry_id).statement)
    if statement.hash_envelope or not str(statement.content_type).startswith("application/vnd.iatp."):
        raise InvalidReceipt(f"the entry is no record of IATP but {statement.content_type}")
    record: dict[str, Any] = json.loads(statement.payload)
    return record


def raw_key(key: AnySigningKey) -> str:
    """A private key as `create_attestation` needs it: the 32 bytes in base64."""
    private = SigningKey.of(key).private_key
    if not isinstance(private, Ed25519PrivateKey):
        raise InvalidRecord("IATP signs attestations with Ed25519 only")
    return base64.b64encode(private.private_bytes_raw()).decode()


def raw_public_key(key: PublicKey) -> str:
    """A public key as `AttestationValidator` needs it: the 32 bytes in base64."""
    x = key.cose.get(-2)
    if EDDSA not in key.algorithms or not isinstance(x, bytes):
        raise InvalidRecord("IATP signs attestations with Ed25519 only")
    return base64.b64encode(x).decode()


def _require(found: tuple[Finding, ...]) -> None:
    if found:
        raise InvalidRecord(f"not an attestation to rely on: {found[0]}", found)


def _signing_input(record: Mapping[str, Any]) -> bytes:
    return ":".join(str(record.get(name, "")) for name in _SIGNED).encode("utf-8", "surrogatepass")


def _signature(record: Mapping[str, Any]) -> bytes | None:
    try:
        return base64.b64decode(str(record["signature"]), validate=True)
    except (binascii.Error, ValueError):
        return None


def _verifies(record: Mapping[str, Any], signature: bytes, key: PublicKey | str | bytes) -> bool:
    try:
        _public(key).verify(EDDSA, _signing_input(record), signature)
    except InvalidReceipt:
        return False
    return True


def _public(key: PublicKey | str | bytes) -> PublicKey:
    if isinstance(key, PublicKey):
        return key
    text = key.decode("ascii", "replace") if isinstance(key, bytes) else key
    if "-----BEGIN" in text:
        return PublicKey.from_pem(text)
    try:
        return PublicKey.from_cose({1: 1, -1: 6, -2: base64.b64decode(text, validate=True)})
    except (binascii.Error, InvalidReceipt) as error:
        raise InvalidRecord(f"no public key of a control plane: {error}") from None


def _time(at: datetime.datetime) -> str:
    return at.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
