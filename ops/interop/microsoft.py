"""Lets Microsoft's SCITT client, `pyscitt`, register statements at a running `stele`, in both its generations.

    microsoft.py --stele PROGRAM --older SCITT --newer SCITT

`--older` is the command `scitt` of pyscitt 0.10.1, `--newer` that of 0.15.0. They sign with X.509, register under
`/compat/ccf`, fetch receipts and transparent statements, and list what is on the log. What they were given is judged by
`scitt-cose`, which shares no code with them or with Stele.
"""

from __future__ import annotations

import datetime
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import cbor2
from cose import RECEIPTS, canonical, entry_id, flipped, insist
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from examination import main
from service import Service
from verifiers import ScittCose

ISSUER = "https://issuer.example"
FEED = "urn:example:artifact"
REGISTERED = re.compile(r"^Registered .* as transaction (\d+\.\d+)$", re.MULTILINE)
#: What pyscitt's library asks for beyond what its command line does.
LIBRARY = """
import sys
from pyscitt.client import Client
client = Client(sys.argv[1])
assert client.get_version()["version"].startswith("stele "), client.get_version()
assert client.get_jwks()["keys"][0]["kty"] == "OKP"
keys = client.get_scitt_keys()
assert len(keys) == 1 and keys[0][1] == 1, keys
for tx in client.enumerate_statements(start=int(sys.argv[2])):
    assert client.get_receipt(tx) and client.get_transparent_statement(tx)
    print(tx)
"""


@dataclass
class Client:
    """One generation of the client, as its users call it."""

    name: str
    program: pathlib.Path
    url: str

    def run(self, *arguments: str | pathlib.Path, fails: bool = False) -> str:
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        told = done.stdout + done.stderr
        insist((done.returncode != 0) == fails, f"{self.name}: {' '.join(command)} ended with {done.returncode}:\n{told}")
        return told

    def submit(self, statement: pathlib.Path, *options: str | pathlib.Path) -> str:
        """Registers a statement; its transaction."""
        told = self.run("submit", "--url", self.url, *options, statement)
        found = REGISTERED.search(told)
        insist(found is not None, f"{self.name} names the transaction: {told}")
        return found.group(1)

    def library(self, since: int) -> list[str]:
        """Every transaction from a seqno on, each fetched."""
        python = self.program.with_name("python")
        command = [str(python), "-c", LIBRARY, self.url, str(since)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        insist(done.returncode == 0, f"{self.name}, as a library:\n{done.stdout}{done.stderr}")
        return done.stdout.split()


class Examination:
    def __init__(self, program: pathlib.Path, folder: pathlib.Path, older: pathlib.Path, newer: pathlib.Path) -> None:
        self.folder = folder
        self.service = Service(program, folder)
        url = f"{self.service.url}/compat/ccf"
        self.older = Client("pyscitt 0.10.1", older, url)
        self.newer = Client("pyscitt 0.15.0", newer, url)
        self.registered: dict[str, bytes] = {}
        self.key: dict = {}

    def run(self) -> str:
        service = self.service
        service.stele("init", service.data, "--service-url", service.url)
        chain = certificates(self.folder)
        operator = service.data / "keys" / "operator.pem"
        with service.serving():
            trust = ["--operator-key", operator, "--issuer", ISSUER, "--root", self.folder / "ca.pem"]
            service.stele("policy", "trust", "--url", service.url, *trust)
            status, keys, _ = service.get("/.well-known/scitt-keys")
            insist(status == 200, "the key set is served")
            self.key = dict(cbor2.loads(keys)[0])
            for client in (self.older, self.newer):
                self.register(client, chain)
                self.refuse(client, chain)
            self.wait(chain)
            self.skip(chain)
            self.enumerate()
        judged = self.judge()
        return f"{len(self.registered)} statements registered by both generations, {judged} receipts accepted"

    def sign(self, client: Client, name: str, chain: pathlib.Path, *form: str) -> pathlib.Path:
        payload, signed = self.folder / f"{name}.json", self.folder / f"{name}.cose"
        payload.write_text(f'{{"made by": "{name}"}}\n', encoding="utf-8")
        headers = ["--issuer", ISSUER, "--feed", FEED, "--content-type", "application/json", "--x5c", chain]
        key = ["--key", self.folder / "leaf.key"]
        client.run("sign", "--statement", payload, *key, *headers, *form, "--out", signed)
        return signed

    def register(self, client: Client, chain: pathlib.Path) -> None:
        """Registers, twice, and keeps the transparent statement that the client was given."""
        name = client.name.replace(" ", "-")
        signed = self.sign(client, name, chain, "--uses-cwt")
        given = self.folder / f"{name}.transparent.cose"
        transaction = client.submit(signed, "--transparent-statement", given)
        insist(client.submit(signed) == transaction, "registering again is the same transaction")
        self.keep(transaction, signed)
        insist(canonical(given.read_bytes()) == canonical(signed.read_bytes()), "the statement is the one that was sent")
        status, ours, _ = self.service.get(f"/statements/{self.registered[transaction].hex()}/transparent")
        insist(status == 200 and given.read_bytes() == ours, "it was given the transparent statement")
        if client is self.older:
            printed = client.run("pretty-receipt", given)
            insist(FEED in printed and ISSUER in printed, f"pretty-receipt reads it: {printed}")

    def refuse(self, client: Client, chain: pathlib.Path) -> None:
        """Without --uses-cwt, issuer and feed are in the labels of an early draft, and the client says what is wrong."""
        legacy = self.sign(client, f"legacy-{client.program.parent.parent.name}", chain)
        told = client.run("submit", "--url", client.url, legacy, fails=True)
        insist("Missing Claims" in told, f"{client.name} says why: {told}")
        unknown = client.run("retrieve", "--url", client.url, self.folder / "none", "--from", "9999", fails=True)
        insist("Invalid Range" in unknown, f"{client.name} says why: {unknown}")

    def wait(self, chain: pathlib.Path) -> None:
        """The synchronous flow of the newer generation gives the receipt itself."""
        signed = self.sign(self.newer, "waited", chain, "--uses-cwt")
        given = self.folder / "waited.receipt"
        told = self.newer.run(
            "submit", "--url", self.newer.url, "--wait-for-commit", "--transparent-statement", given, signed
        )
        self.keep(REGISTERED.search(told).group(1), signed)
        insist(self.accepts(given.read_bytes(), entry_id(signed.read_bytes())), "scitt-cose accepts the receipt")

    def skip(self, chain: pathlib.Path) -> None:
        """Without waiting, the client learns the transaction alone."""
        for client in (self.older, self.newer):
            signed = self.sign(client, f"skipped-{client.program.parent.parent.name}", chain, "--uses-cwt")
            told = client.run("submit", "--url", client.url, "--skip-confirmation", signed)
            self.keep(re.search(r"as operation (\d+\.\d+)", told).group(1), signed)

    def enumerate(self) -> None:
        """Lists and fetches. The newer command line verifies what it retrieves, and knows CCF's own receipts alone."""
        first = min(int(transaction.split(".")[1]) for transaction in self.registered)
        listed = self.newer.library(first)
        insist(set(self.registered) <= set(listed), f"all are listed: {listed}")
        folder = self.folder / "retrieved"
        last = max(int(transaction.split(".")[1]) for transaction in self.registered)
        self.older.run("retrieve", "--url", self.older.url, folder, "--from", str(first), "--to", str(last))
        names = sorted(file.name for file in folder.iterdir())
        insist(len(names) == last - first + 1, f"all are retrieved: {names}")

    def keep(self, transaction: str, signed: pathlib.Path) -> None:
        self.registered[transaction] = entry_id(signed.read_bytes())

    def judge(self) -> int:
        """Receipts, retrieved one by one and inside transparent statements."""
        receipts = [
            (path.read_bytes(), self.registered[path.stem])
            for path in (self.folder / "retrieved").iterdir()
            if path.stem in self.registered
        ]
        for path in self.folder.glob("*.transparent.cose"):
            message = cbor2.loads(path.read_bytes()).value
            receipts += [(receipt, entry_id(path.read_bytes())) for receipt in message[1][RECEIPTS]]
        for receipt, entry in receipts:
            insist(self.accepts(receipt, entry), "scitt-cose accepts the receipt")
            insist(not self.accepts(flipped(receipt, len(receipt) - 1, 0), entry), "and refuses a damaged one")
        insist(len(receipts) == len(self.registered) + 2, "every statement has its receipt")
        return len(receipts)

    def accepts(self, receipt: bytes, entry: bytes) -> bool:
        return ScittCose.inclusion(receipt, entry, self.key)


def certificates(folder: pathlib.Path) -> pathlib.Path:
    """A CA and a leaf that names the issuer (D16); the file with the chain, leaf first."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(name: str, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.CertificateBuilder:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Root")])
        builder = x509.CertificateBuilder().issuer_name(issuer).public_key(public)
        builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=30))
        builder = builder.serial_number(x509.random_serial_number())
        return builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)

    root = certificate("Test Root", ca_key.public_key(), ca=True).sign(ca_key, hashes.SHA256())
    named = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISSUER)])
    leaf = certificate("Issuer", key.public_key(), ca=False).add_extension(named, critical=False)
    leaf = leaf.sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "leaf.key").write_bytes(private)
    return folder / "chain.pem"


def examine(program: pathlib.Path, older: pathlib.Path, newer: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    yield Examination(program, folder, older, newer).run()


if __name__ == "__main__":
    sys.exit(main(__doc__, examine, older="`scitt` of pyscitt 0.10.1", newer="`scitt` of pyscitt 0.15.0"))
