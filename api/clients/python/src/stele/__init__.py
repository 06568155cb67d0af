"""Stele's client: registers the evidence of AI agents with a transparency service and verifies its receipts offline.

    from stele import Ledger

    ledger = Ledger("https://ts.example", service_keys="keys.cbor")
    anchored = ledger.anchor(record, key="issuer.pem")
    anchored.verify()

`stele.trace` adds `sign`, `anchor` and `verify` to TRACE's Trust Records.
"""

from .errors import (
    InvalidReceipt,
    InvalidRecord,
    NotFound,
    Overloaded,
    Problem,
    Refused,
    ServiceFailed,
    SteleError,
    Unreachable,
)
from .keys import KeySet, PublicKey, SigningKey
from .ledger import Anchored, AsyncLedger, Ledger, Prepared
from .receipts import Receipt
from .records import SYSTEMS, Record, prepare, recognise
from .retry import NEVER, Retry
from .statements import Statement, sign_statement

__version__ = "0.1.0"

__all__ = [
    "NEVER",
    "SYSTEMS",
    "Anchored",
    "AsyncLedger",
    "InvalidReceipt",
    "InvalidRecord",
    "KeySet",
    "Ledger",
    "NotFound",
    "Overloaded",
    "Prepared",
    "Problem",
    "PublicKey",
    "Receipt",
    "Record",
    "Refused",
    "Retry",
    "ServiceFailed",
    "SigningKey",
    "Statement",
    "SteleError",
    "Unreachable",
    "__version__",
    "prepare",
    "recognise",
    "sign_statement",
]
