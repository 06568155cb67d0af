"""TRACE: the three calls of its description, with the real package `agentrust-trace`."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys
import time

import agentrust_trace
import pytest
import rfc8785
from conftest import Service, public_pem
from cryptography.exceptions import InvalidSignature

import stele.trace
from stele import InvalidReceipt, InvalidRecord, Ledger, NotFound, SigningKey, Statement, registry

NOW = 1_790_000_060
SERVICE = "https://ts.example"


def claims() -> dict[str, object]:
    digest = "sha256:" + hashlib.sha256(b"x").hexdigest()
    return {
        "eat_profile": agentrust_trace.TRACE_PROFILE_V0_2,
        "iat": 1_790_000_000,
        "subject": "spiffe://acme.example/agent/\u00e9",
        "model": {"provider": "none", "model_id": "no model was asked"},
        "runtime": {"platform": "software-only", "measurement": digest},
        "policy": {"bundle_hash": digest, "enforcement_mode": "declared"},
        "data_class": "public",
        "build_provenance": {"slsa_level": 0, "digest": digest},
        "appraisal": {"status": "none", "verifier": "urn:example:nobody"},
    }


def test_signed_records_are_those_of_the_package() -> None:
    key = agentrust_trace.generate_key()
    record = stele.trace.TrustRecord.sign(claims(), key)
    signed = agentrust_trace.sign_record(claims(), key)
    assert record.signed_bytes == rfc8785.dumps(signed)
    assert isinstance(record, agentrust_trace.TrustRecord)
    assert agentrust_trace.verify_record(json.loads(record.signed_bytes), agentrust_trace.key_to_jwk(key), now=NOW)


def test_verify_takes_only_the_trusted_key() -> None:
    key = SigningKey.generate()
    record = stele.trace.TrustRecord.sign(claims(), key)
    for trusted in (key, key.private_key, key.private_key.public_key(), key.public.jwk, public_pem(key)):
        assert record.verify(trusted, now=NOW).trusted_key_thumbprint
    with pytest.raises(ValueError, match="trusted key"):
        record.verify(SigningKey.generate(), now=NOW)
    forged = stele.trace.TrustRecord.from_bytes(record.signed_bytes.replace(b"public", b"secret"))
    with pytest.raises(InvalidSignature):
        forged.verify(key, now=NOW)


def test_the_locator_is_known_before_signing_and_stays() -> None:
    """systems.md 1.2: over the record without `transparency` and `signature`, so that it can stand in the record."""
    key = SigningKey.generate()
    plain = stele.trace.TrustRecord.sign(claims(), key)
    located = stele.trace.TrustRecord.sign(claims(), key, service=SERVICE + "/")
    where = stele.trace.locator(plain, SERVICE)
    assert located.transparency == where == stele.trace.locator(located, SERVICE)
    assert plain.transparency is None
    body = {**claims(), "cnf": {"jwk": {"crv": "Ed25519", "kty": "OKP", "x": key.public.jwk["x"]}}}
    assert where == f"{SERVICE}/trace/{hashlib.sha256(rfc8785.dumps(body)).hexdigest()}"
    own = stele.trace.TrustRecord.sign({**claims(), "transparency": "https://other.example/1"}, key, service=SERVICE)
    assert own.transparency == "https://other.example/1"


def test_what_is_no_record_or_was_changed_is_not_anchored() -> None:
    key = SigningKey.generate()
    with pytest.raises(InvalidRecord, match="Trust Record"):
        stele.trace.TrustRecord.sign({**claims(), "data_class": 7}, key)
    record = stele.trace.TrustRecord.sign(claims(), key)
    record.data_class = "secret"
    with pytest.raises(InvalidRecord, match="changed"):
        record.anchor(Ledger(SERVICE, service_keys=key.public))


def test_without_a_ledger_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STELE_URL", raising=False)
    with pytest.raises(InvalidRecord, match="STELE_URL"):
        stele.trace.TrustRecord.sign(claims(), SigningKey.generate()).anchor()


@pytest.fixture
def producer(service: Service) -> SigningKey:
    key = service.trust(SigningKey.generate())
    return service.trust_inside(key, "trace")


@pytest.mark.service
def test_the_three_calls_of_trace_work_literally(
    service: Service, producer: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentrust_trace import TrustRecord  # noqa: PLC0415

    key = producer.private_key
    monkeypatch.setenv("STELE_URL", service.url)

    record = TrustRecord.sign({**claims(), "iat": int(time.time())}, key)
    anchored = record.anchor()
    record.verify(key)

    anchored.verify()
    assert Statement.parse(anchored.statement)[0].payload == record.signed_bytes


@pytest.mark.service
def test_a_located_record_has_no_finding_about_its_place(
    service: Service, producer: SigningKey, ledger: Ledger
) -> None:
    record = stele.trace.TrustRecord.sign(claims(), producer, service=ledger)
    anchored = record.anchor(ledger)
    summary = ledger.summary(anchored.entry_id)
    assert summary["system"] == "trace"
    assert "TRACE_LOCATOR_MISMATCH" not in [finding["id"] for finding in summary["findings"]]
    elsewhere = {**claims(), "transparency": f"{service.url}/trace/{'0' * 64}"}
    anchored = stele.trace.TrustRecord.sign(elsewhere, producer).anchor(ledger)
    findings = ledger.summary(anchored.entry_id)["findings"]
    assert "TRACE_LOCATOR_MISMATCH" in [finding["id"] for finding in findings]


@pytest.mark.service
def test_the_registrar_takes_a_record_with_its_own_signature(
    service: Service, producer: SigningKey, ledger: Ledger
) -> None:
    record = stele.trace.TrustRecord.sign(claims() | {"data_class": "by the registrar"}, producer)
    token = service.token.read_text().strip()
    options = {"service_keys": ledger.keys, "token": token}
    with Ledger(service.url, door="registrar", **options) as door, Ledger(service.url, **options) as other:
        anchored = record.anchor(door)
        assert record.anchor(other, door="registrar").entry_id == anchored.entry_id
        with pytest.raises(InvalidRecord, match="the service signs"):
            record.anchor(door, key=producer)
    anchored.verify()
    statement, _ = Statement.parse(anchored.statement)
    assert (statement.issuer, statement.payload) == (service.url, record.signed_bytes)
    found = {finding["id"] for finding in ledger.summary(anchored.entry_id)["findings"]}
    assert "TRACE_KEY_NOT_TRUSTED" not in found
    assert record.anchor(ledger).entry_id != anchored.entry_id


@pytest.mark.service
def test_records_as_dict_bytes_and_model(producer: SigningKey, ledger: Ledger) -> None:
    signed = agentrust_trace.sign_record(claims(), producer.private_key)
    model = agentrust_trace.TrustRecord.model_validate(signed)
    text = json.dumps(signed)
    ids = [ledger.anchor(form, key=producer).entry_id for form in (signed, model, text, text.encode())]
    assert ids[0] == ids[1]
    assert ids[2] == ids[3] != ids[0]
    back = Statement.parse(ledger.statement(ids[2]))[0]
    assert back.payload == text.encode()
    assert agentrust_trace.verify_record(json.loads(back.payload), producer.public.jwk, now=NOW)


# TRACE's own tools.

NONCE = "bm9uY2UtMTIzNDU2Nzg5MA"


def tool(name: str, *arguments: str | pathlib.Path) -> int:
    command = [str(pathlib.Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode


def of_level_two() -> dict[str, object]:
    changed = {"runtime": {**claims()["runtime"], "platform": "intel-tdx", "nonce": NONCE}}
    changed["appraisal"] = {"status": "affirming", "verifier": "https://verifier.example"}
    transcript = {"hash": "sha256:" + hashlib.sha256(b"t").hexdigest()}
    return claims() | changed | {"tool_transcript": transcript, "iat": int(time.time())}


@pytest.mark.service
def test_a_fetched_record_passes_trace_tests_and_its_anchor_reaches_level_two(
    producer: SigningKey, ledger: Ledger, tmp_path: pathlib.Path
) -> None:
    """systems.md 10: trace-tests 0.6.2 and trace-verify 0.4.3 over what comes back from the log, file by file."""
    files = {name: tmp_path / name for name in ("record.json", "proof.json", "entry.ndjson", "other.json")}
    record = stele.trace.TrustRecord.sign(of_level_two(), producer, service="https://ledger.example")
    anchored = record.anchor(ledger)
    back = Statement.parse(ledger.statement(anchored.entry_id))[0].payload
    assert back == record.signed_bytes
    files["record.json"].write_bytes(back)
    other = json.loads(back) | {"data_class": "secret"}
    files["other.json"].write_text(json.dumps(other))
    for level in ("0", "1"):
        asked = ["verify", "--level", level, "--expected-nonce", NONCE, "--record"]
        assert tool("trace-tests", *asked, files["record.json"]) == 0
        assert tool("trace-tests", *asked, files["other.json"]) == 1
    registered = ledger.trace_anchor(anchored, wait=60)
    registered.batch.verify()
    files["proof.json"].write_text(json.dumps(registered.proof))
    files["entry.ndjson"].write_text(json.dumps(registered.entry) + "\n")
    asked = ["verify", "--level", "2", "--expected-nonce", NONCE, "--record", files["record.json"]]
    assert tool("trace-tests", *asked) == 1
    assert tool("trace-tests", *asked, "--receipt", files["proof.json"]) == 0
    named = registered.entry["producer"]
    producers = tmp_path / "producers"
    producers.mkdir()
    key = {"producer_id": named, "key_type": "Ed25519", "public_key_jwk": producer.public.jwk}
    (producers / f"{named.replace('/', '-')}.json").write_text(json.dumps(key))
    asked = ["--proof", files["proof.json"], "--entry", files["entry.ndjson"], "--producers-dir", producers, "--claim"]
    assert tool("trace-verify", *asked, files["record.json"]) == 0
    assert tool("trace-verify", *asked, files["other.json"]) == 1


@pytest.mark.service
def test_an_anchor_that_proves_something_else_is_refused(producer: SigningKey, ledger: Ledger) -> None:
    anchored = [
        stele.trace.TrustRecord.sign({**claims(), "data_class": str(number)}, producer).anchor(ledger)
        for number in range(3)
    ]
    registered = [ledger.trace_anchor(one, wait=60) for one in anchored]
    first = registered[0]
    registry.verify(anchored[0].content, first.entry, first.proof)
    path = first.proof["audit_path"]
    for entry, proof in (
        (registered[0].entry, {**first.proof, "leaf_index": -1}),
        (registered[0].entry, {**first.proof, "leaf_index": first.proof["leaf_index"] + 1}),
        (registered[0].entry, {**first.proof, "audit_path": [*path, "sha256:" + "0" * 64]}),
        (registered[0].entry, {**first.proof, "audit_path": [*path, "0" * 71]}),
        (registered[0].entry, {**first.proof, "audit_path": None}),
        (registered[0].entry, {**first.proof, "merkle_root": "sha256:" + "0" * 64}),
        ({**first.entry, "leaf_count": first.entry["leaf_count"] + 1}, first.proof),
        ({**first.entry, "merkle_root": "sha256:" + "0" * 64}, first.proof),
    ):
        with pytest.raises(InvalidReceipt):
            registry.verify(anchored[0].content, entry, proof)
    with pytest.raises(NotFound):
        ledger.trace_anchor(ledger.anchor(b"{}", content_type="application/json", subject="urn:x"), wait=0)


def test_the_locator_names_the_service_and_not_its_address() -> None:
    """systems.md 1.2: a service may be reached at another address than the one it is known by."""
    record = stele.trace.TrustRecord.sign(claims(), SigningKey.generate())
    with Ledger("http://10.0.0.7:8080", service=SERVICE) as pinned, Ledger("http://10.0.0.7:8080") as other:
        assert stele.trace.locator(record, pinned) == stele.trace.locator(record, SERVICE)
        assert stele.trace.locator(record, other).startswith("http://10.0.0.7:8080/trace/")
