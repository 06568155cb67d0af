"""AIGP: the callback for the real package's instrumentor, inside and outside a span."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import aigp
import pytest
from conftest import Service, keys_pem, private_pem, public_pem
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from fakes import P256, Notary
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import stele
import stele.aigp
from stele import Anchored, InvalidReceipt, InvalidRecord, Ledger, Retry, SigningKey, Statement
from stele.keys import base64url, from_base64url

KID = "agent.order-bot#1"
PATIENCE = 60.0
POLICY = {"policy_name": "policy.trading-limits", "policy_version": 4, "content": "Max position: $10M"}


@pytest.fixture(scope="session", autouse=True)
def tracer() -> trace.Tracer:
    trace.set_tracer_provider(TracerProvider())
    return trace.get_tracer("tests")


def event(**members: object) -> dict[str, object]:
    made = aigp.create_aigp_event("INJECT_SUCCESS", "inject", "agent.x", "", "0" * 64)
    return made | {"org_name": "Fin\u00e9co"} | members


# Signatures of AIGP's own.


def test_events_are_signed_as_the_package_signs_them() -> None:
    """systems.md 2.4, and once: the package's own signature of an event is another each time."""
    signed = stele.aigp.sign_event(event(), P256, KID)
    assert aigp.verify_event_signature(signed, public_pem(P256))
    assert stele.aigp.sign_event(signed, P256, "other") == signed
    theirs = aigp.sign_event(event(), private_pem(P256), KID)
    assert theirs["event_signature"].rpartition(".")[0].split(".")[0] == signed["event_signature"].split(".")[0]
    for one in (signed, theirs):
        stele.aigp.verify_event(one, P256.public)
        stele.aigp.verify_event(one, public_pem(P256))
    again = event()
    assert stele.aigp.sign_event(again, P256, KID) == stele.aigp.sign_event(again, P256, KID)


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "high"},
        {"signature_key_id": "another"},
        {"event_signature": ""},
        {"event_signature": "a.b"},
        {"event_signature": "e30.e30.AA"},
        {"sequence_number": False},
    ],
)
def test_what_the_package_does_not_notice(change: dict[str, object]) -> None:
    """systems.md 2.4: it looks neither at the payload that was signed nor at the name of the key."""
    signed = stele.aigp.sign_event(event(), P256, KID)
    with pytest.raises(InvalidReceipt):
        stele.aigp.verify_event(signed | change, P256.public)
    header, _, signature = signed["event_signature"].split(".")
    forged = signed | {"event_signature": f"{header}.AAAA.{signature}"}
    assert aigp.verify_event_signature(forged, public_pem(P256))
    with pytest.raises(InvalidReceipt):
        stele.aigp.verify_event(forged, P256.public)


def test_no_other_algorithm_and_no_other_spelling() -> None:
    signed = stele.aigp.sign_event(event(), P256, KID)
    _, payload, signature = signed["event_signature"].split(".")
    for header in ({"alg": "none"}, {"alg": "ES256", "crit": ["x"]}):
        encoded = base64url(json.dumps({**header, "kid": KID}).encode())
        again = base64url(P256.sign(f"{encoded}.{payload}".encode()))
        with pytest.raises(InvalidReceipt, match="plain ES256"):
            stele.aigp.verify_event(signed | {"event_signature": f"{encoded}.{payload}.{again}"}, P256.public)
    head = signed["event_signature"].rpartition(".")[0]
    for spelling in (signature + "==", signature[:-1] + chr(ord(signature[-1]) + 1)):
        with pytest.raises(InvalidReceipt):
            stele.aigp.verify_event(signed | {"event_signature": f"{head}.{spelling}"}, P256.public)
    for text in ("AB", "A", "A=", "+/8", "A A"):
        with pytest.raises(InvalidReceipt):
            from_base64url(text)


# The callback, with a service of paper.


def test_each_event_is_one_entry_and_what_is_none_is_counted(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    notary, told = Notary(), []
    with stele.aigp.Anchor(
        notary.ledger(), spool=tmp_path / "spool", event_key=P256, event_key_id=KID, on_anchored=told.append
    ) as anchor:
        once = event()
        before = dict(once)
        for one in (once, once, event()):
            anchor(one)
        assert once == before
        for wrong in ({}, {"event_id": 1}, 7, event(annotations={"x": float("nan")}), event(agent_id="")):
            with pytest.raises(InvalidRecord):
                anchor(wrong)
        assert anchor.flush(PATIENCE)
        assert (anchor.stats.submitted, anchor.stats.invalid, anchor.stats.lost) == (3, 5, 0)
    assert len(notary.entries) == 2
    assert caplog.text.count("an event cannot be anchored") == 5
    kept = json.loads(told[0].content)
    assert {name: value for name, value in kept.items() if name not in ("event_signature", "signature_key_id")} == {
        name: value for name, value in once.items() if name not in ("event_signature", "signature_key_id")
    }


def test_an_agent_hears_of_a_failing_spool_in_its_log(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """The instrumentor logs what its callback raises, and goes on."""
    notary = Notary()
    notary.down.set()
    spool = stele.Spool(tmp_path, max_entries=1)
    anchor = stele.aigp.Anchor(notary.ledger(), spool=spool, retry=Retry(first=0.01, longest=0.02))
    instrumentor = aigp.AIGPInstrumentor("agent.x", event_callback=anchor)
    for _ in range(2):
        assert instrumentor.inject_success(**POLICY)["event_type"] == "INJECT_SUCCESS"
    assert "AIGP event callback failed" in caplog.text
    assert "is lost" in caplog.text
    assert anchor.stats.lost == 1
    notary.down.clear()
    anchor.close(PATIENCE)


def test_it_says_what_it_lacks(tmp_path: pathlib.Path) -> None:
    ledger = Ledger("https://ts.example")
    with pytest.raises(InvalidRecord, match="no key"):
        stele.aigp.Anchor(ledger, spool=tmp_path)
    ed25519 = SigningKey.generate()
    for options in ({"event_key": ed25519, "event_key_id": KID}, {"event_key": P256}):
        with pytest.raises(InvalidRecord, match="ES256"):
            stele.aigp.Anchor(ledger, spool=tmp_path, key=ed25519, **options)
    with pytest.raises(InvalidRecord, match="ES256"):
        stele.aigp.sign_event(event(), ed25519, KID)


# The real package and the real service.


@pytest.fixture(scope="session")
def event_key(service: Service) -> SigningKey:
    return service.trust_inside(SigningKey(generate_private_key(SECP256R1())), "aigp", "--kid", KID)


@pytest.fixture
def anchored(ledger: Ledger, event_key: SigningKey, tmp_path: pathlib.Path) -> Iterator[list[Anchored]]:
    told: list[Anchored] = []
    with stele.aigp.Anchor(
        ledger, spool=tmp_path / "spool", event_key=event_key, event_key_id=KID, on_anchored=told.append
    ) as anchor:
        told.append(anchor)
        yield told


def findings(ledger: Ledger, anchored: Anchored) -> dict[str, str]:
    summary = ledger.summary(anchored.entry_id)
    assert summary["system"] == "aigp"
    return {finding["id"]: finding["severity"] for finding in summary["findings"]}


@pytest.mark.service
def test_events_of_the_package_inside_and_outside_a_span(
    ledger: Ledger, anchored: list[Anchored], event_key: SigningKey, tracer: trace.Tracer
) -> None:
    """systems.md 2.2: no trace and sequence 0 outside; a trace and 1, 2 inside, but 0 of a Merkle event."""
    anchor = anchored.pop()
    instrumentor = aigp.AIGPInstrumentor("agent.order-bot", org_id="org.finco", event_callback=anchor)
    instrumentor.inject_success(**POLICY)
    with tracer.start_as_current_span("a turn"):
        instrumentor.inject_success(**POLICY)
        instrumentor.tool_invoked(tool_name="tool.order-lookup", content='{"name":"order-lookup"}')
        policies = [{"name": f"policy.p{number}", "version": number} for number in range(3)]
        contents = [("policy", policy["name"], "Max position: $10M") for policy in policies]
        instrumentor.multi_policy_inject(policies, "", resource_contents=contents)
    assert anchor.flush(PATIENCE)
    assert (anchor.stats.anchored, anchor.stats.refused) == (4, 0)
    sequences = []
    for one in anchored:
        one.verify()
        statement = Statement.parse(ledger.statement(one.entry_id))[0]
        back = json.loads(statement.payload)
        assert aigp.verify_event_signature(back, public_pem(event_key))
        stele.aigp.verify_event(back, event_key.public)
        found = findings(ledger, one)
        assert "error" not in found.values()
        assert "SIGNATURE_VERIFICATION_FAILED" not in found
        assert "MERKLE_ROOT_MISMATCH" not in found
        sequences.append((len(back["trace_id"]), back["sequence_number"]))
    assert sequences == [(0, 0), (32, 1), (32, 2), (32, 0)]
    assert json.loads(anchored[-1].content)["governance_merkle_tree"]["leaf_count"] == 3


SCRIPT = """
import sys, aigp, stele, stele.aigp
url, keys, pem, spool, ending = sys.argv[1:]
ledger = stele.Ledger(url, service_keys=keys, key=pem)
anchor = stele.aigp.Anchor(ledger, spool=spool)
aigp.AIGPInstrumentor("agent.short-lived", event_callback=anchor).inject_success("policy.p", 1, "content")
"""


@pytest.mark.service
def test_a_short_script_that_just_ends_has_anchored_its_events(
    service: Service, ledger: Ledger, tmp_path: pathlib.Path
) -> None:
    pem, keys = tmp_path / "key.pem", tmp_path / "keys"
    pem.write_bytes(private_pem(ledger.key))
    keys.write_bytes(keys_pem(ledger))
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(stele.__file__).parent.parent)}
    command = [sys.executable, "-c", SCRIPT, service.url, keys, pem, tmp_path / "spool", ""]
    subprocess.run([str(part) for part in command], check=True, env=environment, timeout=PATIENCE)
    hits = ledger.search(aigp_agent_id="agent.short-lived")["hits"]
    assert len(hits) == 1
    assert list((tmp_path / "spool" / "pending").iterdir()) == []


@pytest.mark.service
def test_a_service_that_comes_and_goes_gets_every_event_once(service: Service, tmp_path: pathlib.Path) -> None:
    """Killed and started again under a client that notices nothing but numbers."""
    other = Service(service.program, tmp_path)
    key, told = SigningKey.generate(), []
    with other.serving():
        other.trust(key)
    with Ledger(other.url, key=key) as ledger:
        retry = Retry(first=0.02, longest=0.1)
        anchor = stele.aigp.Anchor(ledger, spool=tmp_path / "spool", retry=retry, on_anchored=told.append)
        instrumentor = aigp.AIGPInstrumentor("agent.x", event_callback=anchor)
        sent = [instrumentor.inject_success(**POLICY)["event_id"]]
        for _ in range(3):
            with other.serving(kill=True):
                sent += [instrumentor.inject_success(**POLICY)["event_id"] for _ in range(20)]
                assert anchor.flush(PATIENCE)
            sent += [instrumentor.inject_success(**POLICY)["event_id"] for _ in range(5)]
        with other.serving():
            assert anchor.close(PATIENCE)
            assert [json.loads(one.content)["event_id"] for one in told] == sent
            assert len({one.leaf_index for one in told}) == len(sent)
            hits = list(ledger.tail(aigp_agent_id="agent.x"))
            assert [hit.entry_id for hit in hits] == [one.entry_id for one in told]
    assert anchor.stats.failed > 0
    assert (anchor.stats.lost, anchor.stats.refused, anchor.stats.waiting) == (0, 0, 0)
