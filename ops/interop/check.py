"""Lets verifiers that other people wrote judge what a running `stele` hands out.

    check.py --stele PROGRAM

For each algorithm a receipt can have, a fresh log is made and served by the real program; statements are
made by `stele sign`, registered over HTTP, and everything that comes back is judged by `scitt-cose` and
`cwt`, which share no code with Stele. Both must also refuse every receipt with one flipped bit.
"""

from __future__ import annotations

import hashlib
import pathlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import cbor2
from cose import ALGORITHMS, Receipt, entry_id, flipped, insist, open_receipt, pem, thumbprint, unsigned_numbers
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from examination import main
from service import Service
from verifiers import Cwt, ScittCose

ISSUER = "https://issuer.example"
CONTENT_TYPE = "application/json"
LOCATION = "https://issuer.example/files/7"
LOG_SUBJECT = "urn:stele:log:"


@dataclass
class IssuerKey:
    """A key that `stele key new` made: its file, and the public half as derived here."""

    file: pathlib.Path
    public: dict


@dataclass
class Statement:
    """One registered statement, as a client has it on its disk."""

    cose: bytes
    content: bytes
    subject: str
    issuer: IssuerKey
    receipts: list[bytes] = field(default_factory=list)

    @property
    def entry(self) -> bytes:
        return entry_id(self.cose)


class Examination:
    """One fresh log whose receipts are signed with one algorithm."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, algorithm: str) -> None:
        self.service = Service(program, folder)
        self.folder = folder
        self.algorithm = algorithm
        self.for_scitt_cose = algorithm in ScittCose.algorithms
        self.log_keys: dict[bytes, dict] = {}

    def run(self) -> str:
        service = self.service
        service.stele("init", service.data, "--service-url", service.url, "--receipt-alg", self.algorithm)
        with service.serving():
            self.log_keys = self.key_set()
            keys = [self.issuer_key(kind) for kind in ("ed25519", "es256")]
            statements = [self.register(number, keys[number % 2]) for number in range(7)]
            statements.append(self.register(7, keys[0], "--hash-envelope", "--location", LOCATION))
            for statement in statements:
                self.fetch_again(statement)
        for statement in statements:
            self.judge_statement(statement)
            for receipt in statement.receipts:
                self.judge_inclusion(receipt, statement)
        flips = self.judge_flipped_inclusion(statements[3])
        flips += self.judge_consistency(statements[0], statements[-1])
        receipts = sum(len(statement.receipts) for statement in statements)
        return f"{receipts} inclusion receipts and a consistency receipt accepted, {flips} flipped bits refused"

    # What a client does.

    def issuer_key(self, kind: str) -> IssuerKey:
        """Makes an issuer's key and has the operator trust it."""
        file = self.folder / f"{kind}.pem"
        self.service.stele("key", "new", file, "--alg", kind)
        operator = self.service.data / "keys" / "operator.pem"
        trust = ["--operator-key", operator, "--issuer", ISSUER, "--key", file]
        self.service.stele("policy", "trust", "--url", self.service.url, *trust)
        public = load_pem_private_key(file.read_bytes(), password=None).public_key()
        if kind == "ed25519":
            key = {1: 1, -1: 6, -2: public.public_bytes_raw()}
        else:
            point = public.public_numbers()
            key = {1: 2, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return IssuerKey(file, {**key, 2: thumbprint(key)})

    def register(self, number: int, issuer: IssuerKey, *form: str) -> Statement:
        """Signs a file with the program and posts the statement over plain HTTP."""
        file, signed = self.folder / f"{number}.json", self.folder / f"{number}.cose"
        file.write_text(f'{{"number": {number}}}\n', encoding="utf-8")
        subject = f"urn:example:artifact:{number}"
        headers = ["--issuer", ISSUER, "--subject", subject, "--content-type", CONTENT_TYPE]
        self.service.stele("sign", "--key", issuer.file, *headers, *form, file, "-o", signed)
        statement = Statement(signed.read_bytes(), file.read_bytes(), subject, issuer)
        status, receipt, location = self.service.post("/entries", statement.cose)
        insist(status == 201, f"the registration was answered with 201, not {status} {receipt!r}")
        wanted = f"{self.service.url}/entries/{statement.entry.hex()}"
        insist(location == wanted, f"Location is {wanted}, not {location}")
        statement.receipts.append(receipt)
        return statement

    def fetch_again(self, statement: Statement) -> None:
        """Fetches a fresh receipt and the statement itself, as a stranger would."""
        status, receipt, _ = self.service.get(f"/entries/{statement.entry.hex()}")
        insist(status == 200, f"the receipt is served again, not {status}")
        statement.receipts.append(receipt)
        status, body, _ = self.service.get(f"/statements/{statement.entry.hex()}")
        insist(status == 200 and body == statement.cose, "the statement comes back byte for byte")

    def key_set(self) -> dict[bytes, dict]:
        status, body, _ = self.service.get("/.well-known/scitt-keys")
        insist(status == 200, f"the key set is served, not {status}")
        keys = {key[2]: dict(key) for key in cbor2.loads(body)}
        for kid, key in keys.items():
            insist(kid == thumbprint(key), "kid is the thumbprint of RFC 9679")
        return keys

    # What the verifiers say.

    def judge_statement(self, statement: Statement) -> None:
        message = cbor2.loads(statement.cose).value
        protected, payload = cbor2.loads(message[0]), message[2]
        if 258 in protected:
            insist(payload == hashlib.sha256(statement.content).digest(), "the envelope holds the file's digest")
            labels = (protected[258], protected[259], protected[260])
            insist(labels == (-16, CONTENT_TYPE, LOCATION), f"the envelope's labels are as RFC 9995 has them: {labels}")
        else:
            insist(payload == statement.content, "the payload is the file, byte for byte")
        insist(Cwt.payload(statement.cose, statement.issuer.public) == payload, "cwt accepts the statement")

    def log_key(self, receipt: Receipt) -> dict:
        insist(receipt.signed[1] == ALGORITHMS[self.algorithm], f"a receipt is signed with {self.algorithm}")
        return self.log_keys[receipt.signed[4]]

    def judge_inclusion(self, receipt: bytes, statement: Statement) -> None:
        opened = open_receipt(receipt)
        key = self.log_key(opened)
        insist(opened.claims[1] == self.service.url, "the receipt names the service")
        insist(opened.claims[2] == statement.subject, "the receipt names the statement's subject")
        insist(opened.claims == open_receipt(statement.receipts[0]).claims, "a fresh receipt repeats the claims")
        insist(Cwt.inclusion(receipt, statement.entry, key), "cwt accepts the receipt")
        if self.for_scitt_cose:
            report = self.ask_scitt_cose(receipt, statement, statement.entry, key)
            insist(report is not None, "scitt-cose accepts statement and receipt")
            insist(report["statement"]["signature_verified"] is True, "scitt-cose verified the statement")
            insist(report["receipt"]["tree_size"] == opened.first, "scitt-cose reads the same tree size")

    def ask_scitt_cose(self, receipt: bytes, statement: Statement, entry: bytes, key: dict) -> dict | None:
        return ScittCose.run(
            self.folder,
            statement=statement.cose,
            statement_pubkey=pem(statement.issuer.public),
            receipt=receipt,
            receipt_log_pubkey=pem(key),
            leaf_entry_hex=entry.hex(),
        )

    def judge_flipped_inclusion(self, statement: Statement) -> int:
        """Every bit through the libraries, and one bit of each part through the command line."""
        receipt = statement.receipts[-1]
        opened = open_receipt(receipt)
        key = self.log_key(opened)
        flips = [bit for bit in bits(receipt) if not self.accepts(flipped(receipt, *bit), statement.entry, key)]
        insist(len(flips) == len(bits(receipt)), "no receipt with a flipped bit is accepted")
        for position in range(len(statement.entry)):
            other = flipped(statement.entry, position, position % 8)
            insist(not self.accepts(receipt, other, key), "no other entry is accepted")
        if self.for_scitt_cose:
            parts = [opened.signed[4], opened.claims[2].encode(), opened.path[0], opened.path[-1]]
            for place in [0, *(receipt.index(part) for part in parts), len(receipt) - 1]:
                report = self.ask_scitt_cose(flipped(receipt, place, 0), statement, statement.entry, key)
                insist(report is None, f"scitt-cose refuses a receipt with a flipped bit in byte {place}")
            other = flipped(statement.entry, 31, 7)
            insist(self.ask_scitt_cose(receipt, statement, other, key) is None, "scitt-cose refuses another entry")
        return len(flips) + len(statement.entry)

    def accepts(self, receipt: bytes, entry: bytes, key: dict) -> bool:
        by_scitt_cose = self.for_scitt_cose and ScittCose.inclusion(receipt, entry, key)
        return by_scitt_cose or Cwt.inclusion(receipt, entry, key)

    def judge_consistency(self, early: Statement, late: Statement) -> int:
        """The log as it was for the first statement against the log as it is for the last one."""
        (old, old_root), (new, new_root) = self.tree_of(early, 0), self.tree_of(late, -1)
        with self.service.serving():
            status, receipt, _ = self.service.get(f"/consistency?from={old}&to={new}")
        insist(status == 200, f"the consistency receipt is served, not {status} {receipt!r}")
        opened = open_receipt(receipt)
        key = self.log_key(opened)
        insist((opened.first, opened.second) == (old, new), "the receipt is for the sizes that were asked for")
        insist(opened.claims[2].startswith(LOG_SUBJECT), "its subject is the log, so that it cannot pass for a statement's")
        insist(Cwt.consistency(receipt, old_root, key) == new_root, "cwt accepts the consistency receipt")
        if self.for_scitt_cose:
            insist(ScittCose.consistency(receipt, old_root, key) == new_root, "scitt-cose accepts the consistency receipt")
        verifiers = [Cwt, ScittCose] if self.for_scitt_cose else [Cwt]
        for bit in bits(receipt):
            for verifier in verifiers:
                accepted = verifier.consistency(flipped(receipt, *bit), old_root, key)
                insist(accepted is None, f"{verifier.__name__} refuses a consistency receipt with bit {bit} flipped")
        return len(bits(receipt))

    def tree_of(self, statement: Statement, which: int) -> tuple[int, bytes]:
        """The size and the root that one of the statement's receipts signs, as cwt verified it."""
        receipt = statement.receipts[which]
        opened = open_receipt(receipt)
        root = Cwt.inclusion_root(receipt, statement.entry, self.log_key(opened))
        insist(root is not None, "the receipt verifies")
        return opened.first, root


def bits(receipt: bytes) -> list[tuple[int, int]]:
    """Every bit of a receipt, except those of the two numbers that nothing signs."""
    unsigned = unsigned_numbers(receipt)
    return [(place, bit) for place in range(len(receipt)) if place not in unsigned for bit in range(8)]


def examine(program: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    for algorithm, number in ALGORITHMS.items():
        own = folder / algorithm
        own.mkdir()
        told = Examination(program, own, algorithm).run()
        judges = "scitt-cose and cwt" if algorithm in ScittCose.algorithms else "cwt"
        yield f"{algorithm} ({number}), judged by {judges}: {told}"


if __name__ == "__main__":
    sys.exit(main(__doc__, examine))
