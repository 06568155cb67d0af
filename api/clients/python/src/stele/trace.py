"""TRACE Trust Records: `TrustRecord.sign(claims, key)`, `record.anchor()`, `record.verify(key)`.

The package `agentrust-trace` defines the record and its signature, and has none of the three. Importing this module
adds them to its `TrustRecord`, so that code written to TRACE's description runs as it stands; `stele.trace.TrustRecord`
is the class that they return. Needs `pip install stele-ledger[trace]`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import agentrust_trace
import rfc8785
from agentrust_trace.validate import validate_json
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import PrivateAttr

from .anchored import Anchored
from .errors import InvalidRecord
from .keys import AnySigningKey, PublicKey, SigningKey
from .ledger import AsyncLedger, Ledger

_NOT_LOCATED = ("transparency", "signature")
_default: Ledger | None = None


def use(ledger: Ledger | None) -> None:
    """Names the ledger that `record.anchor()` without arguments anchors at; else `STELE_URL` says its address."""
    global _default  # noqa: PLW0603
    _default = ledger


def locator(record: Mapping[str, Any] | agentrust_trace.TrustRecord, service: str | Ledger | AsyncLedger) -> str:
    """Where a record will be found at a service: `{service}/trace/{sha256}` over its own content.

    `service` is the issuer that its receipts name, or a ledger: its `service`, or if that is not pinned its address.

    The digest is of the RFC 8785 form without `transparency` and `signature`, so it is known before signing and can
    stand in the signed record: a record is signed once and anchored once. `cnf` has to be in it already.
    """
    address = service if isinstance(service, str) else service.service or service.url
    located = {name: value for name, value in _claims(record).items() if name not in _NOT_LOCATED}
    return f"{address.rstrip('/')}/trace/{hashlib.sha256(_canonical(located)).hexdigest()}"


class TrustRecord(agentrust_trace.TrustRecord):
    """A Trust Record of `agentrust-trace` that can be signed, anchored and verified."""

    _signed: bytes | None = PrivateAttr(default=None)
    _key: SigningKey | None = PrivateAttr(default=None)

    @classmethod
    def sign(
        cls,
        claims: Mapping[str, Any] | agentrust_trace.TrustRecord,
        key: AnySigningKey,
        *,
        service: str | Ledger | AsyncLedger | None = None,
    ) -> TrustRecord:
        """Checks the claims against TRACE's schema, and signs them with an Ed25519 key.

        With `service`, and unless the claims hold it, `transparency` becomes the record's locator there. The key also
        signs the statement when the record is anchored. Raises `InvalidRecord`.
        """
        signer = SigningKey.of(key)
        private = signer.private_key
        if not isinstance(private, Ed25519PrivateKey):
            raise InvalidRecord("TRACE signs records with Ed25519 only")
        record = {name: value for name, value in _claims(claims).items() if name != "signature"}
        record["cnf"] = {"jwk": agentrust_trace.key_to_jwk(private)}
        if service is not None and "transparency" not in record:
            record["transparency"] = locator(record, service)
        try:
            signed = agentrust_trace.sign_record(record, private)
            validate_json(signed)
            found = cls.model_validate(signed)
        except Exception as error:
            raise InvalidRecord(f"not a Trust Record: {error}") from error
        found._signed = _canonical(signed)
        found._key = signer
        return found

    @classmethod
    def from_bytes(cls, data: bytes | str) -> TrustRecord:
        """Reads a signed record, whose bytes are kept as they are. Raises `InvalidRecord`; verifies nothing."""
        content = data.encode() if isinstance(data, str) else data
        try:
            found = cls.model_validate(json.loads(content))
        except ValueError as error:
            raise InvalidRecord(f"not a Trust Record: {error}") from error
        found._signed = content
        return found

    @property
    def signed_bytes(self) -> bytes | None:
        """The record as it was signed or read; `None` if it was neither. Raises `InvalidRecord` if it was changed."""
        if self._signed is not None and json.loads(self._signed) != _claims(self):
            raise InvalidRecord("the record was changed after it was signed")
        return self._signed

    def anchor(
        self, ledger: Ledger | str | None = None, *, key: AnySigningKey | None = None, **options: Any
    ) -> Anchored:
        """Registers the record, in a statement signed with the record's own key unless another one is named.

        At the registrar's door the service signs the statement; the record has its own signature all the same.

        `options` are those of `Ledger.anchor`, and so is what it raises.
        """
        return _anchor(self, ledger, key, self._key, options)

    def verify(self, key: Any, **options: Any) -> agentrust_trace.VerificationResult:
        """`agentrust_trace.verify_record` with a trusted key: an Ed25519 public or private key, a JWK, or PEM.

        Raises `ValueError` or `cryptography.exceptions.InvalidSignature`, as that does.
        """
        return _verify(self, key, options)


def _anchor(
    record: agentrust_trace.TrustRecord,
    ledger: Ledger | str | None,
    key: AnySigningKey | None,
    own: SigningKey | None,
    options: dict[str, Any],
) -> Anchored:
    if ledger is None:
        ledger = _default or os.environ.get("STELE_URL")
    if not ledger:
        raise InvalidRecord("no ledger: anchor(ledger), stele.trace.use(ledger), or STELE_URL in the environment")
    if isinstance(ledger, str):
        with Ledger(ledger) as opened:
            return _anchor(record, opened, key, own, options)
    # The record's own key signs, unless another is named or the service signs.
    if (options.get("door") or ledger.door) != "registrar":
        key = key or own
    return ledger.anchor(record, key=key, system="trace", **options)


def _verify(
    record: agentrust_trace.TrustRecord, key: Any, options: dict[str, Any]
) -> agentrust_trace.VerificationResult:
    if isinstance(key, (SigningKey, Ed25519PrivateKey)):
        trusted: Any = SigningKey.of(key).public.jwk
    elif isinstance(key, (str, bytes)):
        trusted = PublicKey.from_pem(key).jwk
    else:
        trusted = key
    return agentrust_trace.verify_record(_claims(record), trusted, **options)


def _claims(record: Mapping[str, Any] | agentrust_trace.TrustRecord) -> dict[str, Any]:
    if isinstance(record, agentrust_trace.TrustRecord):
        return record.model_dump(mode="json", exclude_none=True)
    return dict(record)


def _canonical(record: Mapping[str, Any]) -> bytes:
    try:
        return rfc8785.dumps(dict(record))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidRecord(f"the record has no RFC 8785 form: {error}") from None


def _extend(record: type[agentrust_trace.TrustRecord]) -> None:
    """Adds what is missing, and nothing that a later version of the package brings itself."""

    def sign(
        _: type[agentrust_trace.TrustRecord], /, claims: Mapping[str, Any], key: AnySigningKey, **options: Any
    ) -> TrustRecord:
        return TrustRecord.sign(claims, key, **options)

    def anchor(
        self: agentrust_trace.TrustRecord,
        ledger: Ledger | str | None = None,
        *,
        key: AnySigningKey | None = None,
        **options: Any,
    ) -> Anchored:
        return _anchor(self, ledger, key, None, options)

    def verify(self: agentrust_trace.TrustRecord, key: Any, **options: Any) -> agentrust_trace.VerificationResult:
        return _verify(self, key, options)

    for name, method in (("sign", classmethod(sign)), ("anchor", anchor), ("verify", verify)):
        if not hasattr(record, name):
            setattr(record, name, method)


_extend(agentrust_trace.TrustRecord)
