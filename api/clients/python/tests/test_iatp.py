"""IATP: what the real package `agentmesh-trust-protocol` makes, and the signatures that it only seems to make."""

from __future__ import annotations

import base64
import datetime
import json
import pathlib

import pytest
from conftest import Service, private_pem, public_pem
from fakes import P256, Notary
from iatp import AttestationRecord, AttestationValidator, CapabilityManifest, ReputationEvent

import stele.iatp
from stele import InvalidReceipt, InvalidRecord, Ledger, PublicKey, Refused, SigningKey

CODE, CONFIG = "a" * 64, "b" * 64
NOW = datetime.datetime(2026, 11, 20, 15, 15, 46, 494094, tzinfo=datetime.timezone.utc)
KEY = SigningKey.generate()
HASHES = {"codebase_hash": CODE, "config_hash": CONFIG}


def by_the_package(private_key: str | None, key_id: str = "cp-1", **change: str) -> AttestationRecord:
    said = {"agent_id": "secure-bank-agent", **HASHES, **change}
    return AttestationValidator().create_attestation(**said, signing_key_id=key_id, private_key=private_key)


def ids(record: object, key: PublicKey | str | bytes | None = None) -> list[str]:
    return [finding.id for finding in stele.iatp.check(record, key)]


def test_ours_are_those_of_the_package() -> None:
    """systems.md 4.1."""
    validator = AttestationValidator({"cp-1": stele.iatp.raw_public_key(KEY.public)})
    made = stele.iatp.attest("secure-bank-agent", **HASHES, key=private_pem(KEY), signing_key_id="cp-1")
    assert validator.validate_attestation(AttestationRecord(**made)) == (True, None)
    theirs = by_the_package(stele.iatp.raw_key(KEY))
    assert validator.validate_attestation(theirs) == (True, None)
    again = datetime.datetime.fromisoformat(theirs.timestamp.replace("Z", "+00:00"))
    expires = datetime.datetime.fromisoformat(theirs.expires_at.replace("Z", "+00:00"))
    same = stele.iatp.attest(
        "secure-bank-agent", **HASHES, key=KEY, signing_key_id="cp-1", now=again, expires_at=expires
    )
    assert AttestationRecord(**same) == theirs
    for form in (KEY.public, public_pem(KEY), public_pem(KEY).decode(), stele.iatp.raw_public_key(KEY.public)):
        assert ids(theirs, form) == []
    assert ids(theirs, SigningKey.generate().public) == ["IATP_SIGNATURE_INVALID"]


@pytest.mark.parametrize("private_key", [None, private_pem(KEY).decode()], ids=["none", "PEM, as documented"])
def test_a_placeholder_is_refused_by_name_before_anything_is_sent(private_key: str | None) -> None:
    record = by_the_package(private_key)
    notary = Notary()
    with pytest.raises(InvalidRecord, match="IATP_UNSIGNED_PLACEHOLDER") as refused:
        stele.iatp.anchor(notary.ledger(), record)
    assert refused.value.findings[0].pointer == "/signature"
    assert notary.asked == []


def test_attestations_with_two_readings_or_no_signature() -> None:
    signed = json.loads(by_the_package(stele.iatp.raw_key(KEY)).model_dump_json())
    for change, found in (
        ({"codebase_hash": "a:b"}, "IATP_AMBIGUOUS_FIELD"),
        ({"config_hash": "B" * 64}, "IATP_AMBIGUOUS_FIELD"),
        ({"agent_id": "a\nb"}, "IATP_AMBIGUOUS_FIELD"),
        ({"agent_id": ""}, "IATP_AMBIGUOUS_FIELD"),
        ({"signature": "*"}, "IATP_SIGNATURE_INVALID"),
        ({"signature": "AAAA"}, "IATP_SIGNATURE_INVALID"),
    ):
        assert ids(signed | change) == [found], change
    assert ids(signed | {"agent_id": "another"}, KEY.public) == ["IATP_SIGNATURE_INVALID"]
    with pytest.raises(InvalidRecord, match="IATP_AMBIGUOUS_FIELD"):
        stele.iatp.attest("a", codebase_hash="c", config_hash=CONFIG, key=KEY, signing_key_id="k")
    with pytest.raises(InvalidRecord, match="Ed25519"):
        stele.iatp.attest("a", **HASHES, key=P256, signing_key_id="k")
    for wrong in (P256,):
        with pytest.raises(InvalidRecord, match="Ed25519"):
            stele.iatp.raw_key(wrong)
        with pytest.raises(InvalidRecord, match="Ed25519"):
            stele.iatp.raw_public_key(wrong.public)
    for no_key in ("*", base64.b64encode(b"short").decode()):
        with pytest.raises(InvalidRecord, match="no public key"):
            stele.iatp.check(signed, no_key)


# The real service.


@pytest.fixture(scope="session")
def control_plane(service: Service) -> SigningKey:
    return service.trust_inside(SigningKey.generate(), "iatp", "--kid", "cp-key-1")


@pytest.mark.service
def test_an_attestation_of_the_package_goes_and_comes_back_whole(ledger: Ledger, control_plane: SigningKey) -> None:
    """systems.md 10: create_attestation, submit, validate_attestation on the fetched record."""
    record = by_the_package(stele.iatp.raw_key(control_plane), "cp-key-1")
    anchored = stele.iatp.anchor(ledger, record, control_plane=control_plane.public)
    anchored.verify()
    fetched = AttestationRecord(**stele.iatp.fetch(ledger, anchored.entry_id))
    assert fetched == record
    validator = AttestationValidator({"cp-key-1": stele.iatp.raw_public_key(control_plane.public)})
    assert validator.validate_attestation(fetched) == (True, None)
    summary = ledger.summary(anchored.entry_id)
    found = {finding["id"]: finding["severity"] for finding in summary["findings"]}
    assert (summary["system"], summary["subject"]) == ("iatp", "secure-bank-agent")
    assert found.keys() >= {"IATP_EXPIRY_UNSIGNED", "IATP_KEY_ID_UNSIGNED"}
    assert found.keys().isdisjoint({"IATP_UNKNOWN_KEY", "IATP_SIGNATURE_INVALID"})


@pytest.mark.service
def test_the_service_refuses_what_was_not_checked_here(ledger: Ledger, control_plane: SigningKey) -> None:
    with pytest.raises(Refused, match="IATP_UNSIGNED_PLACEHOLDER"):
        ledger.anchor(by_the_package(None))
    forged = by_the_package(stele.iatp.raw_key(control_plane), "cp-key-1").model_copy(update={"agent_id": "another"})
    with pytest.raises(Refused, match="IATP_SIGNATURE_INVALID"):
        ledger.anchor(forged)


@pytest.mark.service
def test_manifests_and_reputation_events_of_the_package(ledger: Ledger, data: pathlib.Path) -> None:
    manifest = CapabilityManifest.model_validate_json((data / "iatp-manifest.json").read_bytes())
    happened = ReputationEvent(
        event_id="e1", agent_id="secure-bank-agent", event_type="hallucination", severity="high", score_delta=-1.0,
        timestamp="2026-11-20T15:15:46Z",
    )  # fmt: skip
    for record, kind in ((manifest, "capability-manifest"), (happened, "reputation-event")):
        anchored = stele.iatp.anchor(ledger, record)
        summary = ledger.summary(anchored.entry_id)
        assert summary["content_type"] == f"application/vnd.iatp.{kind}+json"
        assert "error" not in [finding["severity"] for finding in summary["findings"]]
        assert type(record)(**stele.iatp.fetch(ledger, anchored.entry_id)) == record
    note = ledger.anchor(b"{}", content_type="application/json", subject="urn:x")
    with pytest.raises(InvalidReceipt, match="no record of IATP"):
        stele.iatp.fetch(ledger, note.entry_id)
