"""The client against the real program."""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
import sys

import pytest
import scitt_cose
from conftest import Service, free_port, keys_pem, private_pem, public_pem
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stele import (
    NEVER,
    AsyncLedger,
    InvalidReceipt,
    KeySet,
    Ledger,
    NotFound,
    PublicKey,
    Receipt,
    Refused,
    SigningKey,
    Statement,
    Unreachable,
)
from stele.cli import main

pytestmark = pytest.mark.service

NOTE = {"content_type": "application/json", "subject": "urn:example:note:1"}


def test_a_record_is_anchored_kept_byte_for_byte_and_verified_offline(ledger: Ledger) -> None:
    record = b'{"b": 1,\r\n "a": "\xc3\xa9" }\n'
    anchored = ledger.anchor(record, **NOTE)
    assert anchored.pinned
    assert anchored.content == record
    assert ledger.statement(anchored.entry_id) == anchored.statement
    assert Statement.parse(anchored.statement)[0].payload == record
    anchored.verify()
    with pytest.raises(InvalidReceipt, match="not pinned"):
        anchored.verify(SigningKey.generate().public)
    with pytest.raises(InvalidReceipt, match="issued by"):
        anchored.verify(service="https://other.example")


def test_anchoring_again_gives_the_same_entry_with_both_algorithms(service: Service, ledger: Ledger) -> None:
    for key in (ledger.key, service.trust(SigningKey(generate_private_key(SECP256R1())))):
        first, again = (ledger.anchor({"b": 1, "a": 2}, key=key, **NOTE) for _ in range(2))
        assert (first.entry_id, first.leaf_index) == (again.entry_id, again.leaf_index)
        assert first.registered_at == again.registered_at


def test_what_others_verify(ledger: Ledger) -> None:
    """The statement and the receipt as `scitt-cose` sees them, and every flipped bit refused by both."""
    anchored = ledger.anchor(b"{}", **NOTE)
    (log_key,) = (ledger.keys.get(Receipt.parse(anchored.receipt).kid),)
    assert log_key is not None
    pem = _pem(log_key)
    judged = scitt_cose.verify_receipt(anchored.receipt, leaf_entry_hex=anchored.entry_id, log_public_key_pem=pem)
    assert judged.ok, judged.errors
    assert judged.leaf_index == anchored.leaf_index
    statement, _ = Statement.parse(anchored.statement)
    assert judged.root == Receipt.parse(anchored.receipt).verify(statement, ledger.keys).hex()
    for position in range(0, len(anchored.receipt), 7):
        changed = bytearray(anchored.receipt)
        changed[position] ^= 1
        with pytest.raises(InvalidReceipt):
            Receipt.parse(bytes(changed)).verify(statement, ledger.keys)
    scitt_cose.parse_signed_statement(anchored.statement, public_key_pem=public_pem(ledger.key))


def _pem(key: PublicKey) -> bytes:
    return key._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_the_program_verifies_our_transparent_statement(
    service: Service, ledger: Ledger, tmp_path: pathlib.Path
) -> None:
    secret = b'["told to nobody"]'
    anchored = ledger.anchor(secret, hash_envelope=True, location="https://files.example/1", **NOTE)
    assert anchored.content == secret
    assert secret not in anchored.statement
    (log_key,) = (ledger.keys.get(Receipt.parse(anchored.receipt).kid),)
    files = {"both": anchored.transparent, "receipt": anchored.receipt, "keys": _pem(log_key)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    asked = ["--statement", tmp_path / "both", "--receipt", tmp_path / "receipt", "--service", service.url]
    service.stele("verify", *asked, "--keys", tmp_path / "keys")


def test_an_unknown_key_is_refused_with_the_service_s_words(ledger: Ledger) -> None:
    with pytest.raises(Refused) as refusal:
        ledger.anchor(b"{}", key=SigningKey.generate(), **NOTE)
    assert refusal.value.status == 400
    assert refusal.value.title == "Unknown Issuer Key"
    with pytest.raises(NotFound):
        ledger.receipt("0" * 64)


def test_without_pinned_keys_the_first_are_believed_and_it_says_so(service: Service, key: SigningKey) -> None:
    with Ledger(service.url) as ledger:
        anchored = ledger.anchor(b"{}", key=key, **NOTE)
        assert not anchored.pinned
        anchored.verify()


def test_keys_of_another_service_are_refused(service: Service, key: SigningKey) -> None:
    with (
        Ledger(service.url, service_keys=SigningKey.generate().public, key=key) as ledger,
        pytest.raises(InvalidReceipt, match="not pinned"),
    ):
        ledger.anchor(b"{}", **NOTE)


def test_nobody_there() -> None:
    key = SigningKey.generate()
    with (
        Ledger(f"http://127.0.0.1:{free_port()}", service_keys=key.public, retry=NEVER) as ledger,
        pytest.raises(Unreachable),
    ):
        ledger.anchor(b"{}", key=key, **NOTE)


@pytest.mark.parametrize(
    ("file", "system"),
    [("aigp.json", "aigp"), ("agent-trace.json", "agent-trace"), ("agent-evidence-pack.json", "agent-evidence")],
)
def test_records_of_the_systems_are_recognised_by_both_sides(
    ledger: Ledger, data: pathlib.Path, file: str, system: str
) -> None:
    anchored = ledger.anchor((data / file).read_bytes())
    summary = ledger.summary(anchored.entry_id)
    assert summary["system"] == system
    assert summary["subject"] == Statement.parse(anchored.statement)[0].subject
    assert [finding for finding in summary["findings"] if finding["severity"] == "error"] == []


def test_the_registrar_s_door(service: Service, ledger: Ledger, data: pathlib.Path) -> None:
    """Who cannot sign hands in, byte for byte, under the name that the operator gave to the token."""
    options = {"service_keys": ledger.keys, "service": service.url, "door": "registrar"}
    event = (data / "aigp.json").read_bytes()
    with Ledger(service.url, token=service.token.read_text().strip(), **options) as door:
        anchored = door.anchor(event)
        anchored.verify()
        assert (anchored.content, anchored.issuer_key) == (event, None)
        assert anchored.findings == () or all(finding.severity != "error" for finding in anchored.findings)
        statement, _ = Statement.parse(anchored.statement)
        assert (statement.issuer, statement.payload) == (service.url, event)
        assert door.anchor(event).entry_id == anchored.entry_id
        secret = door.anchor(
            {**json.loads(event), "event_id": "f1a2b3c4-d5e6-4890-abcd-0123456789ab"}, hash_envelope=True
        )
        secret.verify()
        assert secret.content not in secret.statement
        assert door.fetch(anchored.entry_id).statement == anchored.statement
        with pytest.raises(Refused) as refusal:
            door.anchor({**json.loads(event), "governance_hash": 7})
        assert (refusal.value.status, refusal.value.findings[0].severity) == (422, "error")
        assert ledger.anchor(event).entry_id != anchored.entry_id
    for token in ("x" * 32, None):
        with Ledger(service.url, token=token, **options) as stranger, pytest.raises(Refused) as refusal:
            stranger.anchor(event)
        assert refusal.value.status == 401


def test_many_records_in_one_request_and_what_was_found_in_each(ledger: Ledger, data: pathlib.Path) -> None:
    record = json.loads((data / "agent-trace.json").read_bytes())
    wrong = {**record, "files": "none"}
    outcomes = ledger.anchor_many([record, wrong, {**record, "metadata": {"n": 1}}])
    assert isinstance(outcomes[1], Refused)
    assert "error" in [finding.severity for finding in outcomes[1].findings]
    with pytest.raises(Refused) as alone:
        ledger.anchor(wrong)
    assert alone.value.findings[0] == outcomes[1].findings[0]
    assert alone.value.findings[0].pointer == "/files"
    for outcome in (outcomes[0], outcomes[2]):
        outcome.verify()


def test_the_log_is_followed_and_each_entry_verified(
    service: Service, ledger: Ledger, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ledger.anchor(b'{"tail":1}', **NOTE)
    tail = ledger.tail(after=first.leaf_index - 1, follow=True, poll=0.01, subject=NOTE["subject"])
    assert next(tail).entry_id == first.entry_id
    second = ledger.anchor(b'{"tail":2}', **NOTE)
    assert next(tail).entry_id == second.entry_id
    assert ledger.fetch(second.entry_id).content == b'{"tail":2}'
    assert ledger.size() >= 3
    (tmp_path / "keys").write_bytes(keys_pem(ledger))
    asked = ["tail", "--url", service.url, "--keys", str(tmp_path / "keys")]
    about = ["--term", f"subject={NOTE['subject']}", "--after", str(first.leaf_index - 1)]
    assert main([*asked, *about, "--output-dir", str(tmp_path / "out"), "--json"]) == 0
    told = [json.loads(line)["entry_id"] for line in capsys.readouterr().out.splitlines()]
    assert told == [first.entry_id, second.entry_id]
    files = [str(tmp_path / "out" / f"{entry_id}.cose") for entry_id in told]
    assert main(["verify", "--keys", str(tmp_path / "keys"), *files]) == 0
    capsys.readouterr()
    assert main([*asked, "--all", "--verify"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) > second.leaf_index
    assert all(line.endswith("  verified") for line in shown)
    assert main([*asked, "--term", f"subject={NOTE['subject']}"]) == 0
    assert "verified" not in capsys.readouterr().out
    assert main([*asked, "--term", "subject"]) == 2
    assert main([*asked, "--term", "no.such=x"]) == 1
    (tmp_path / "keys").write_bytes(public_pem(SigningKey.generate()))
    assert main([*asked, "--verify"]) == 1
    assert "not pinned" in capsys.readouterr().err


def test_a_record_that_is_found_wrong_is_refused_and_says_why(ledger: Ledger, data: pathlib.Path) -> None:
    record = json.loads((data / "agent-trace.json").read_bytes())
    record |= {"version": "1.0.0", "files": "none"}
    with pytest.raises(Refused, match="/files"):
        ledger.anchor(record)


def test_asyncio(service: Service, ledger: Ledger) -> None:
    async def anchor_ten() -> list[int]:
        async with AsyncLedger(service.url, service_keys=ledger.keys, key=ledger.key) as there:
            notes = (there.anchor({"note": number}, **NOTE) for number in range(10))
            anchored = await asyncio.gather(*notes)
            for one in anchored:
                one.verify()
            assert (await there.summary(anchored[0].entry_id))["entry_id"] == anchored[0].entry_id
            assert await there.statement(anchored[0].entry_id) == anchored[0].statement
            await there.receipt(anchored[0].entry_id)
            return [one.leaf_index for one in anchored]

    indices = asyncio.run(anchor_ten())
    assert len(set(indices)) == 10


def test_search_finds_what_was_anchored(ledger: Ledger, data: pathlib.Path) -> None:
    anchored = ledger.anchor((data / "agent-trace.json").read_bytes())
    subject = Statement.parse(anchored.statement)[0].subject
    found = ledger.search(subject=subject)
    hits = next(value for value in found.values() if isinstance(value, list))
    assert anchored.entry_id in [hit["entry_id"] for hit in hits]


def test_the_command_line(
    service: Service, ledger: Ledger, data: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem, keys = tmp_path / "key.pem", tmp_path / "keys.pem"
    pem.write_bytes(private_pem(ledger.key))
    keys.write_bytes(keys_pem(ledger))
    record = data / "agent-trace.json"
    command = [sys.executable, "-m", "stele.cli", "anchor", record, "--url", service.url, "--key", pem, "--keys", keys]
    done = subprocess.run(
        [*map(str, command), "--json", "--output-dir", str(tmp_path / "out")], check=True, capture_output=True
    )
    told = json.loads(done.stdout)
    both = tmp_path / "out" / f"{told['entry_id']}.cose"
    asked = ["verify", str(both), "--keys", str(keys), "--service", service.url]
    assert main([*asked, "--content", str(record)]) == 0
    assert "valid" in capsys.readouterr().out
    assert main([*asked, "--content", str(data / "aigp.json")]) == 1
    assert main(["verify", str(both), "--keys", str(keys), "--service", "https://other.example"]) == 1
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    arguments = ["anchor", str(broken), "--url", service.url, "--key", str(pem), "--keys", str(keys)]
    assert main(arguments) == 1
    nowhere = ["anchor", str(record), "--url", f"http://127.0.0.1:{free_port()}", "--key", str(tmp_path / "none.pem")]
    assert main(nowhere) == 2


def test_keys_as_served_are_the_pinned_ones(service: Service, ledger: Ledger) -> None:
    with Ledger(service.url) as other:
        assert other.keys == ledger.keys
        assert len(KeySet.of(other.keys)) == 1
