"""Stele's client: registers the evidence of AI agents with a transparency service and verifies its receipts offline.

    from stele import Ledger

    ledger = Ledger("https://ts.example", service_keys="keys.cbor")
    anchored = ledger.anchor(record, key="issuer.pem")
    anchored.verify()

`stele.trace` adds `sign`, `anchor` and `verify` to Trust Records of TRACE; `stele.aigp` anchors an agent's events in
the background; `stele.agent_evidence`, `stele.iatp` and `stele.agent_trace` know what is particular of those.
"""

from .anchored import Anchored, AnchorOptions, Hit, Prepared, RegistryAnchor, StatementOptions
from .background import Background, Stats
from .errors import (
    Finding,
    InvalidReceipt,
    InvalidRecord,
    NotFound,
    Overloaded,
    Problem,
    Refused,
    ServiceFailed,
    SpoolFull,
    SteleError,
    Unreachable,
)
from .keys import KeySet, PublicKey, SigningKey
from .ledger import AsyncLedger, Ledger, LedgerOptions
from .receipts import Receipt
from .records import SYSTEMS, Record, prepare, recognise
from .retry import NEVER, Retry
from .spool import Spool
from .statements import Statement, sign_statement

__version__ = "0.1.0"

__all__ = [
    "NEVER",
    "SYSTEMS",
    "AnchorOptions",
    "Anchored",
    "AsyncLedger",
    "Background",
    "Finding",
    "Hit",
    "InvalidReceipt",
    "InvalidRecord",
    "KeySet",
    "Ledger",
    "LedgerOptions",
    "NotFound",
    "Overloaded",
    "Prepared",
    "Problem",
    "PublicKey",
    "Receipt",
    "Record",
    "Refused",
    "RegistryAnchor",
    "Retry",
    "ServiceFailed",
    "SigningKey",
    "Spool",
    "SpoolFull",
    "Statement",
    "StatementOptions",
    "Stats",
    "SteleError",
    "Unreachable",
    "__version__",
    "prepare",
    "recognise",
    "sign_statement",
]
