"""AIGP: an `event_callback` for `AIGPInstrumentor` that signs each event and registers it in the background.

    from aigp import AIGPInstrumentor
    import stele.aigp

    anchor = stele.aigp.Anchor(ledger, spool="aigp-spool", key="issuer.pem")
    instrumentor = AIGPInstrumentor("agent.trading-bot-v2", event_callback=anchor)

The instrumentor only logs what a callback raises, so nothing may depend on that: an event is on the disk, signed, when
the callback returns, and what becomes of it is counted in `anchor.stats` and logged under `stele`. This module needs
no package of AIGP.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .anchored import StatementOptions
from .background import Background, Stats
from .errors import InvalidReceipt, InvalidRecord
from .keys import ES256, AnySigningKey, PublicKey, SigningKey, base64url, from_base64url
from .ledger import Ledger
from .records import to_bytes
from .spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from .anchored import Anchored
    from .retry import Retry

_UNSIGNED = ("event_signature", "signature_key_id")
_log = logging.getLogger("stele.aigp")


class Anchor:
    """Registers AIGP events; call it with one, or give it to `AIGPInstrumentor` as `event_callback`.

    `key` and `issuer` sign the statements, as in `Ledger.anchor`. With `event_key`, a P-256 key, each event gets
    AIGP's own signature too (a JWS, ES256) under the name `event_key_id`; an event that has one keeps it. `spool` and
    the other options are those of `Background`.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        spool: Spool | str | os.PathLike[str],
        key: AnySigningKey | None = None,
        issuer: str | None = None,
        event_key: AnySigningKey | None = None,
        event_key_id: str = "",
        receipts: str | os.PathLike[str] | None = None,
        on_anchored: Callable[[Anchored], object] | None = None,
        retry: Retry | None = None,
        retry_refused: bool = True,
        exit_timeout: float = 5.0,
    ) -> None:
        self._ledger = ledger
        signer = ledger.key if key is None else SigningKey.of(key)
        if signer is None:
            raise InvalidRecord("no key to sign statements with: Anchor(ledger, key=...) or Ledger(url, key=...)")
        self._options: StatementOptions = {"key": signer, "issuer": issuer, "system": "aigp"}
        self._event_key = None if event_key is None else SigningKey.of(event_key)
        self._event_key_id = event_key_id
        if self._event_key is not None and (self._event_key.algorithm != ES256 or not event_key_id):
            raise InvalidRecord("AIGP signs events with ES256: event_key is a P-256 key, and event_key_id its name")
        self.background = Background(
            ledger,
            spool,
            receipts=receipts,
            on_anchored=on_anchored,
            retry=retry,
            retry_refused=retry_refused,
            exit_timeout=exit_timeout,
        )

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Signs an event and has it registered. The event itself is not changed.

        Raises `InvalidRecord` for what is no event, and `SpoolFull` if it could not be kept; both are counted.
        """
        try:
            signed = event if self._event_key is None else sign_event(event, self._event_key, self._event_key_id)
            prepared = self._ledger.prepare(to_bytes(signed), **self._options)
        except (InvalidRecord, TypeError, AttributeError) as error:
            self.background.count_invalid()
            _log.error("an event cannot be anchored: %s", error)
            raise InvalidRecord(f"not an AIGP event: {error}") from error
        self.background.submit(prepared)

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self.background.stats

    def flush(self, timeout: float | None = None) -> bool:
        """As `Background.flush`."""
        return self.background.flush(timeout)

    def close(self, timeout: float | None = 5.0) -> bool:
        """As `Background.close`."""
        return self.background.close(timeout)

    def __enter__(self) -> Anchor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def sign_event(event: Mapping[str, Any], key: AnySigningKey, key_id: str) -> dict[str, Any]:
    """The event with AIGP's own signature: a JWS (ES256) over everything but the signature and the key's name.

    As `aigp.sign_event`, but deterministic: the same event signed again is the same record, and so the same entry. An
    event that is signed already stays as it is. Raises `InvalidRecord`.
    """
    if event.get("event_signature"):
        return dict(event)
    signer = SigningKey.of(key)
    if signer.algorithm != ES256:
        raise InvalidRecord("AIGP signs events with ES256, which takes a P-256 key")
    header = _canonical({"alg": "ES256", "kid": key_id, "typ": "JWT"})
    signing_input = f"{base64url(header)}.{base64url(_payload(event))}"
    signature = base64url(signer.sign(signing_input.encode()))
    return {**event, "event_signature": f"{signing_input}.{signature}", "signature_key_id": key_id}


def verify_event(event: Mapping[str, Any], key: PublicKey | str | bytes) -> None:
    """Checks an event's own signature as it was transmitted, and that it is about this event.

    Stricter than `aigp.verify_event_signature`, which looks neither at the payload that was signed nor at `alg`, and
    takes any `signature_key_id`. Raises `InvalidReceipt`.
    """
    public = key if isinstance(key, PublicKey) else PublicKey.from_pem(key)
    parts = str(event.get("event_signature", "")).split(".")
    if len(parts) != 3:  # noqa: PLR2004
        raise InvalidReceipt("the event has no compact JWS")
    header, payload = (_json(from_base64url(part)) for part in parts[:2])
    if not isinstance(header, dict) or header.get("alg") != "ES256" or "crit" in header:
        raise InvalidReceipt("the event's signature is not a plain ES256 one")
    if header.get("kid", "") != event.get("signature_key_id", ""):
        raise InvalidReceipt("the event names another key than its signature does")
    # As text: to Python, True is 1.
    if not isinstance(payload, dict) or _canonical(payload) != _payload(event):
        raise InvalidReceipt("the event's signature is about another event")
    public.verify(ES256, f"{parts[0]}.{parts[1]}".encode(), from_base64url(parts[2]))


def _payload(event: Mapping[str, Any]) -> bytes:
    return _canonical({name: value for name, value in event.items() if name not in _UNSIGNED})


def _canonical(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecord(f"the event is not JSON: {error}") from None


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidReceipt("the event's signature holds no JSON") from None
