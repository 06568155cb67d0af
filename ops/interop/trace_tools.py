"""Lets TRACE's own tools judge how a running `stele` anchors TRACE records, and agent-manifest publish a manifest.

    trace_tools.py --stele PROGRAM

Records are made and signed by the PyPI package agentrust-trace, each naming in `transparency` the locator that it will
have, so that it is signed once. They are registered, found under their locators, and anchored in a batch in the registry
anchor format v1; `trace-tests --level 2` and `trace-verify` accept what they are given, and refuse it for another record.
The batch is on the log itself: the entry that the tools accept is the payload of a registered statement.

The flow of TRACE's withdrawn tutorial works with its own calls: post the record as JSON, read `receipt_uri`, compare what is
there with the record.

`agent-manifest`, TRACE's sibling, publishes a signed manifest with `publish_to_rekor` to `/compat/rekor` and finds it again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import agentrust_trace
import cbor2
import requests
import rfc8785
from agent_manifest._signing import SIGNED_FIELDS, Ed25519Signer, generate_ed25519
from agent_manifest._transparency import publish_to_rekor, verify_transparency_log_entry
from cose import insist
from examination import main
from rfc9162 import inclusion_root
from service import Service

#: What the world calls the service. TRACE wants https; the tools never resolve it.
PUBLIC = "https://ledger.example"
ISSUER = "https://issuer.example"
CONTENT_TYPE = "application/vnd.trace.record+json"
NONCE = "bm9uY2UtMTIzNDU2Nzg5MA"
WITHIN = 60.0
#: Where RFC 8785 (signed) and sorted-key JSON (anchored) are not the same text.
BEYOND_ASCII = {"model": {"provider": "\u00e9diteur", "model_id": "\U0001d11e", "version": "1"}}


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def locator(record: dict) -> str:
    """systems.md's rule: it covers everything but itself and the signature."""
    kept = {name: value for name, value in record.items() if name not in ("transparency", "signature")}
    return hashlib.sha256(rfc8785.dumps(kept)).hexdigest()


@dataclass
class Record:
    file: pathlib.Path
    record: dict
    key: dict
    entry: str = ""


class Examination:
    def __init__(self, program: pathlib.Path, folder: pathlib.Path) -> None:
        self.folder = folder
        self.service = Service(program, folder)
        self.tools = pathlib.Path(sys.executable).parent

    def run(self) -> str:
        service = self.service
        service.stele("init", service.data, "--service-url", PUBLIC)
        settings = service.data / "stele.toml"
        service.set("trace_batch_interval_s", 1)
        token = self.open_rekor(settings)
        with service.serving():
            self.trust()
            self.publish(token)
            self.tutorial(token)
            records = [self.make("plain", {}), self.make("beyond-ascii", BEYOND_ASCII), self.make("third", {})]
            for record in records:
                self.register(record)
            for record in records:
                self.locate(record)
            anchors = [self.anchor(record) for record in records]
        service.stele("fsck", service.data)
        service.stele("audit", "--data", service.data)
        for record, anchor in zip(records, anchors, strict=True):
            self.judge(record, anchor)
        self.refuse(records, anchors)
        sizes = {anchor["proof"]["leaf_count"] for anchor in anchors}
        told = f"{len(records)} records anchored (batches of {sorted(sizes)}), accepted at Level 2 and by trace-verify"
        return f"{told}; a manifest published as to Rekor"

    def open_rekor(self, settings: pathlib.Path) -> str:
        """Lets one producer through the doors for what nobody signed; its token."""
        file = self.folder / "token"
        digest = json.loads(self.service.stele("token", "new", file, "--json"))["token_sha256"]
        section = f'\n[[evidence.producers]]\nid = "interop"\ntoken_sha256 = ["{digest}"]\ndoors = ["evidence", "rekor"]\n'
        with settings.open("a", encoding="utf-8") as config:
            config.write(section)
        return file.read_text(encoding="utf-8").strip()

    def publish(self, token: str) -> None:
        """The package takes a URL and nothing else, so the token stands in it, as a password."""
        pair = generate_ed25519()
        manifest = {"manifest_id": "urn:example:manifest:1", "agent_id": "spiffe://interop.example/agent/manifest"}
        insist(set(manifest) & set(SIGNED_FIELDS) != set(), "something of the manifest is signed")
        signature = Ed25519Signer(pair).sign(manifest)["signature_value"]
        address = self.service.address
        rekor = f"http://agent-manifest:{token}@{address}/compat/rekor"
        public = base64.urlsafe_b64encode(pair.public_key.public_bytes_raw()).rstrip(b"=").decode()
        entry = publish_to_rekor(manifest, signature, public, rekor_url=rekor)
        insist(len(entry.entry_id) == 64, f"the uuid is the entry id: {entry.entry_id}")
        insist(entry.log_index is not None and entry.integrated_time is not None, "place and time are told")
        insist(bool(entry.checkpoint), "the checkpoint is told")
        proof = json.loads(base64.urlsafe_b64decode(entry.inclusion_proof + "=="))
        path = [bytes.fromhex(node) for node in proof["hashes"]]
        root = inclusion_root(bytes.fromhex(entry.entry_id), proof["logIndex"], proof["treeSize"], path)
        insist(root.hex() == proof["rootHash"], "the path leads to the root that is told")
        insist(base64.b64encode(root).decode() in entry.checkpoint, "and to that of the checkpoint")
        public_url = f"http://{address}/compat/rekor"
        insist(verify_transparency_log_entry(manifest, entry, rekor_url=public_url), "the package finds its entry")
        other = {**manifest, "agent_id": "spiffe://interop.example/agent/other"}
        insist(not verify_transparency_log_entry(other, entry, rekor_url=public_url), "and no other manifest under it")
        again = publish_to_rekor(manifest, signature, public, rekor_url=rekor)
        insist(again.entry_id == entry.entry_id, "publishing again is the same entry")
        try:
            publish_to_rekor(manifest, signature, public, rekor_url=public_url)
        except RuntimeError as refused:
            insist("401" in str(refused), f"without the token the door is closed: {refused}")
        else:
            raise ValueError("not so: without the token the door is closed")

    def tutorial(self, token: str) -> None:
        """What the tutorial's code does, with the token in the URL. Its last look named no type; here it asks for JSON."""
        record = self.make("tutorial", {}).record
        answer = requests.post(f"http://interop:{token}@{self.service.address}/entries", json=record, timeout=30)
        answer.raise_for_status()
        told = answer.json()
        insist({"receipt_uri", "entry_id", "registered_at"} <= set(told), f"the answer is the tutorial's: {told}")
        where = told["receipt_uri"].replace(PUBLIC, self.service.url)
        receipt = requests.get(where, headers={"Accept": "application/json"}, timeout=30).json()
        same = (receipt["subject"], receipt["iat"]) == (record["subject"], record["iat"])
        insist(same, "subject and iat are the record's")
        anchor = self.anchor(Record(self.folder / "tutorial.json", record, record["cnf"]["jwk"], told["entry_id"]))
        insist(anchor["proof"]["leaf_count"] >= 1, "it is anchored like the others")

    def trust(self) -> None:
        self.key = self.folder / "issuer.pem"
        self.service.stele("key", "new", self.key)
        operator = self.service.data / "keys" / "operator.pem"
        trust = ["--operator-key", operator, "--issuer", ISSUER, "--key", self.key]
        self.service.stele("policy", "trust", "--url", self.service.url, *trust)

    def make(self, name: str, changes: dict) -> Record:
        """What an agent on attested hardware would emit, signed by the published package."""
        source = name.encode()
        record = {
            "eat_profile": agentrust_trace.TRACE_PROFILE_V0_2,
            "iat": int(time.time()),
            "subject": f"spiffe://interop.example/agent/{name}",
            "model": {"provider": "none", "model_id": "none", "version": "1"},
            "runtime": {"platform": "intel-tdx", "measurement": digest(source), "nonce": NONCE},
            "policy": {"bundle_hash": digest(b"policy"), "enforcement_mode": "enforce"},
            "data_class": "public",
            "build_provenance": {"slsa_level": 0, "digest": digest(source)},
            "appraisal": {"status": "affirming", "verifier": "https://verifier.example"},
            "tool_transcript": {"hash": digest(b"[]"), "call_count": 0},
            **changes,
        }
        key = agentrust_trace.generate_key()
        record["cnf"] = {"jwk": agentrust_trace.key_to_jwk(key)}
        where = f"{PUBLIC}/trace/{locator(record)}"
        signed = agentrust_trace.sign_record({**record, "transparency": where}, key)
        insist(signed["cnf"] == record["cnf"], "the package keeps the key that was named")
        insist(signed["transparency"] == f"{PUBLIC}/trace/{locator(signed)}", "signing does not change the locator")
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(signed), encoding="utf-8")
        return Record(file, signed, agentrust_trace.key_to_jwk(key))

    def register(self, record: Record) -> None:
        statement = record.file.with_suffix(".cose")
        headers = ["--issuer", ISSUER, "--subject", record.record["subject"], "--content-type", CONTENT_TYPE]
        self.service.stele("sign", "--key", self.key, *headers, record.file, "-o", statement)
        status, answer, location = self.service.post("/entries", statement.read_bytes())
        insist(status == 201, f"the registration was answered with 201, not {status} {answer!r}")
        record.entry = location.rsplit("/", 1)[1]

    def locate(self, record: Record) -> None:
        """The tutorial's check: what is at `transparency` has the record's subject and iat."""
        found = self.json(record.record["transparency"].removeprefix(PUBLIC))
        insist(found["entry_id"] == record.entry, "the locator leads to the entry")
        for member in ("subject", "iat"):
            insist(found[member] == record.record[member], f"{member} is the record's")
        findings = [finding["id"] for finding in found["findings"]]
        insist("TRACE_LOCATOR_MISMATCH" not in findings, f"the record points at itself: {findings}")
        status, statement, _ = self.service.get(f"/statements/{record.entry}")
        insist(status == 200, "the statement is served")
        payload = cbor2.loads(statement).value[2]
        insist(payload == record.file.read_bytes(), "the record survived byte for byte")
        agentrust_trace.verify_record(json.loads(payload), record.key)

    def anchor(self, record: Record) -> dict:
        """Waits for the batch, and checks that it is on the log."""
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            status, body, _ = self.service.get(f"/trace/anchors/{record.entry}")
            if status == 200:
                break
            insist(json.loads(body)["title"] == "Not Yet Anchored", f"until there is a batch: {body!r}")
            time.sleep(0.1)
        insist(status == 200, "the record is anchored in time")
        anchor = json.loads(body)
        batch = anchor["batch"]["statement_uri"].removeprefix(PUBLIC)
        status, statement, _ = self.service.get(batch)
        insist(status == 200, "the batch is registered")
        insist(json.loads(cbor2.loads(statement).value[2]) == anchor["entry"], "what is handed out was registered")
        return anchor

    def judge(self, record: Record, anchor: dict) -> None:
        insist(self.trace_tests(record, anchor["proof"]) == 0, "trace-tests accepts the record at Level 2")
        insist(self.trace_verify(record, anchor) == 0, "trace-verify accepts inclusion and signature")

    def refuse(self, records: list[Record], anchors: list[dict]) -> None:
        """Another record's proof, and a path that was changed."""
        first, second = records[0], anchors[1]
        insist(self.trace_tests(first, second["proof"]) == 1, "trace-tests refuses the proof of another record")
        insist(self.trace_verify(first, second) == 1, "trace-verify refuses the proof of another record")
        insist(self.trace_tests(first, None) == 1, "without a proof there is no Level 2")

    def trace_tests(self, record: Record, proof: dict | None) -> int:
        receipt = [] if proof is None else ["--receipt", self.write("receipt.json", proof)]
        asked = ["verify", "--record", record.file, "--level", "2", "--expected-nonce", NONCE, *receipt]
        return self.tool("trace-tests", *asked)

    def trace_verify(self, record: Record, anchor: dict) -> int:
        """The record is verified under the key that its anchoring party has registered for it."""
        producer = anchor["entry"]["producer"]
        producers = self.folder / "producers"
        producers.mkdir(exist_ok=True)
        key = {"producer_id": producer, "key_type": "Ed25519", "public_key_jwk": record.key}
        (producers / f"{producer.replace('/', '-')}.json").write_text(json.dumps(key), encoding="utf-8")
        files = ["--proof", self.write("proof.json", anchor["proof"]), "--entry", self.write("entry.ndjson", anchor["entry"])]
        return self.tool("trace-verify", "--claim", record.file, *files, "--producers-dir", producers)

    def tool(self, name: str, *arguments: str | pathlib.Path) -> int:
        command = [str(self.tools / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        self.told = done.stdout + done.stderr
        insist(done.returncode in (0, 1), f"{' '.join(command)} ended with {done.returncode}:\n{self.told}")
        return done.returncode

    def write(self, name: str, document: dict) -> pathlib.Path:
        file = self.folder / name
        file.write_text(json.dumps(document) + "\n", encoding="utf-8")
        return file

    def json(self, path: str) -> dict:
        request = urllib.request.Request(self.service.url + path, headers={"Accept": "*/*"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def examine(program: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    yield Examination(program, folder).run()


if __name__ == "__main__":
    sys.exit(main(__doc__, examine))
