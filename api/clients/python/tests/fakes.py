"""A service made of paper: it answers as written, or keeps a log of its own and signs real receipts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import httpx
import scitt_cose
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stele import Ledger, Retry, SigningKey, Statement, cbor

ED25519 = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
P256 = SigningKey(derive_private_key(7, SECP256R1()))
NOTE = {"issuer": "https://acme.example", "subject": "urn:example:1", "content_type": "application/json"}
# Names that hold no key known here: a DID URL, P-384 (of the did:key specification), a slip of the pen.
NOBODY = (
    f"{P256.public.did_key}#{P256.public.did_key.removeprefix('did:key:')}",
    "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
    P256.public.did_key[:-1],
)

SERVICE = "https://ts.example"


def receipt_of(statement: Statement, leaf: int, size: int, key: SigningKey = ED25519, **change: object) -> bytes:
    """A receipt made by scitt-cose's own tree functions."""
    entries = [hashlib.sha256(number.to_bytes(2, "big")).hexdigest() for number in range(size)]
    entries[leaf] = statement.entry_id
    path = [bytes.fromhex(node) for node in scitt_cose.inclusion_proof(entries, leaf)]
    header = {1: -8, 4: key.public.thumbprint, 15: {1: "https://ts.example", 2: statement.subject, 6: 9}, 395: 1}
    header |= change.get("header", {})
    protected = cbor.encode({label: value for label, value in header.items() if value is not None})
    root = bytes.fromhex(scitt_cose.merkle_root(entries))
    signature = key.sign(cbor.encode(["Signature1", protected, b"", root]))
    proofs = change.get("proofs", {-1: [cbor.encode([size, leaf, path])]})
    return cbor.tagged(18, [protected, {396: proofs}, change.get("payload"), signature])


def signed_by_nobody(issuer: str, content: bytes = b"{}") -> Statement:
    """A statement as another program may sign it."""
    header = {1: -7, 3: "application/json", 4: P256.public.thumbprint, 15: {1: issuer, 2: "urn:example:1"}}
    protected = cbor.encode(header)
    signature = P256.sign(cbor.encode(["Signature1", protected, b"", content]))
    return Statement.parse(cbor.tagged(18, [protected, {}, content, signature]))[0]


class Script:
    """A service that answers as written, and what was asked of it."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ledger(self, **retry: float) -> Ledger:
        client = httpx.Client(transport=httpx.MockTransport(self))
        patience = Retry(random=lambda: 1.0, **retry)
        ledger = Ledger("https://ts.example", service_keys=ED25519.public, key=P256, retry=patience, client=client)
        ledger._sleep = self.slept.append
        return ledger


class Notary:
    """A service that registers what it is sent, once each, and can be down, busy, or refuse."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.asked: list[httpx.Request] = []
        self.down = threading.Event()
        self.refuses: Callable[[Statement], bool] = lambda _: False
        self.busy: Callable[[Statement], bool] = lambda _: False
        self.forges: Callable[[Statement], bool] = lambda _: False
        self.stumbles: Callable[[Statement], bool] = lambda _: False
        self.asks_for = 1
        self.asked_once = threading.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.asked_once.set()
        if self.down.is_set():
            raise httpx.ConnectError("down")
        if any(self.stumbles(Statement.parse(item)[0]) for _, item in cbor.decode_sequence(request.content)):
            return httpx.Response(500)
        if request.url.path == "/entries/batch":
            items = [item for _, item in cbor.decode_sequence(request.content)]
            return httpx.Response(200, content=b"".join(self.register(item)[1] for item in items))
        if request.url.path == "/entries":
            status, body = self.register(request.content)
            kind = "application/concise-problem-details+cbor" if status != 201 else "application/cose"
            return httpx.Response(status, content=body, headers={"Content-Type": kind, "Retry-After": "1"})
        return httpx.Response(404)

    def register(self, data: bytes) -> tuple[int, bytes]:
        statement, _ = Statement.parse(data)
        for judge, status, kind in ((self.refuses, 400, "rejected"), (self.busy, 503, "overloaded")):
            if judge(statement):
                said = {-1: "Rejected", -2: f"as a test wants it: {statement.payload[:20]!r}"}
                facts = {"kind": kind, "status": status, "retry-after": self.asks_for}
                finding = {"id": "TEST", "severity": "error", "pointer": "", "message": "no"}
                return status, cbor.encode(said | {"urn:stele:batch": facts, "urn:stele:findings": [finding]})
        if statement.entry_id not in self.entries:
            self.entries.append(statement.entry_id)
        key = P256 if self.forges(statement) else ED25519
        # Trees of Python are slow, so they stay small.
        index = self.entries.index(statement.entry_id) % 8
        return 201, receipt_of(statement, index, index + 2, key)

    def ledger(self, key: SigningKey = P256, **retry: float) -> Ledger:
        client = httpx.Client(transport=httpx.MockTransport(self))
        patience = Retry(random=lambda: 0.0, first=0.0, **retry)
        ledger = Ledger(SERVICE, service_keys=ED25519.public, key=key, retry=patience, client=client)
        ledger._sleep = lambda _: None
        return ledger
