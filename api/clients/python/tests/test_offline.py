"""What needs no service: signing, recognising, reading, retrying."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import hashlib
import pathlib

import cbor2
import httpx
import pytest
import scitt_cose
from conftest import private_pem, public_pem
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from fakes import ED25519, NOBODY, NOTE, P256, Script, receipt_of

from stele import (
    AsyncLedger,
    Finding,
    InvalidReceipt,
    InvalidRecord,
    KeySet,
    Ledger,
    NotFound,
    Overloaded,
    PublicKey,
    Receipt,
    Refused,
    Retry,
    ServiceFailed,
    SigningKey,
    Statement,
    Unreachable,
    cbor,
    prepare,
    sign_statement,
)
from stele.cli import main
from stele.retry import LONGEST_ASKED, retry_after

# Statements and keys.


@pytest.mark.parametrize("key", [ED25519, P256])
def test_a_statement_has_the_promised_header_and_verifies(key: SigningKey) -> None:
    statement = sign_statement(b" {} ", key, **NOTE)
    tag = cbor2.loads(statement.cose)
    protected, unprotected, payload, _ = tag.value
    header = cbor2.loads(protected)
    alg = {ED25519: -8, P256: -7}[key]
    claims = {1: NOTE["issuer"], 2: NOTE["subject"]}
    assert (tag.tag, dict(unprotected), payload) == (18, {}, b" {} ")
    assert header == {1: alg, 3: "application/json", 4: key.public.thumbprint, 15: claims}
    assert cbor2.dumps(header, canonical=True) == protected
    assert statement.entry_id == hashlib.sha256(statement.cose).hexdigest()
    assert sign_statement(b" {} ", key, **NOTE) == statement
    statement.verify(key.public)
    with pytest.raises(InvalidReceipt, match="another key"):
        statement.verify(SigningKey.generate().public)
    scitt_cose.parse_signed_statement(statement.cose, public_key_pem=public_pem(key))


def test_a_hash_envelope_holds_the_digest_only() -> None:
    """RFC 9995: labels 258 to 260, and no label 3."""
    statement = sign_statement(b"secret", ED25519, hash_envelope=True, location="https://f.example/1", **NOTE)
    header = cbor2.loads(cbor2.loads(statement.cose).value[0])
    assert (header[258], header[259], header[260]) == (-16, "application/json", "https://f.example/1")
    assert 3 not in header
    assert statement.payload == hashlib.sha256(b"secret").digest()
    assert statement.covers(b"secret")
    assert not statement.covers(b"Secret")
    assert Statement.parse(statement.cose) == (statement, [])
    with pytest.raises(InvalidRecord):
        sign_statement(b"", ED25519, location="https://f.example/1", **NOTE)


def test_names_of_keys() -> None:
    """From the did:key specification (ed25519-x25519.json) and the did:jwk specification's form."""
    did = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"
    assert PublicKey.from_did_key(did).did_key == did
    did = "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"
    assert PublicKey.from_did_key(did).did_key == did
    assert PublicKey.from_did_key("https://acme.example") is None
    assert ED25519.public.did_jwk.startswith("did:jwk:eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6")
    for broken in ("did:key:z", "did:key:z0", "did:key:z6Mk", "did:key:z" + "2" * 129):
        with pytest.raises(InvalidReceipt):
            PublicKey.from_did_key(broken)


@pytest.mark.parametrize("issuer", NOBODY)
def test_nobody_can_be_an_issuer_whose_name_cannot_be_read(issuer: str) -> None:
    with pytest.raises(InvalidRecord, match="nobody can be the issuer 'did:key:z"):
        sign_statement(b"{}", P256, **NOTE | {"issuer": issuer})
    with pytest.raises(InvalidRecord, match="nobody can be the issuer"):
        Ledger("https://ts.example", key=P256, issuer=issuer).prepare(b"{}", **RECORD)
    assert sign_statement(b"{}", P256, **NOTE | {"issuer": P256.public.did_key}).issuer == P256.public.did_key


def test_keys_are_read_from_what_people_have(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(private_pem(P256))
    for form in (P256, P256.private_key, private_pem(P256), private_pem(P256).decode(), file, str(file)):
        assert SigningKey.of(form).public == P256.public
    for wrong in (b"x", public_pem(P256), generate_private_key(SECP384R1()), 7):
        with pytest.raises(InvalidRecord):
            SigningKey.of(wrong)
    keys = [{**key.public.cose, 2: key.public.thumbprint} for key in (ED25519, P256)]
    both = KeySet.of(cbor.encode([*keys, {1: 99}]))
    assert len(both) == 2
    assert both == KeySet.of([ED25519.public, P256.public])
    assert KeySet.of(public_pem(P256)) == KeySet.of(P256.public)
    for wrong in ([], [{1: 99}], {}, [{**keys[0], 2: bytes(32)}]):
        with pytest.raises(InvalidReceipt):
            KeySet.of(cbor.encode(wrong))


@pytest.mark.parametrize(
    "data",
    ["", "0000", "1800", "190001", "1a00000001", "1b0000000000000001", "5f40ff", "9fff", "bfff", "a201000100",
     "a1f500", "a1400", "61ff", "8201", "f7", "ff", "5b7fffffffffffffff", "81" * 20 + "00", "9b00ffffffffffffff"],
)  # fmt: skip
def test_cbor_with_more_than_one_reading_is_refused(data: str) -> None:
    with pytest.raises((InvalidReceipt, ValueError)):
        cbor.decode(bytes.fromhex(data))


def test_cbor_agrees_with_cbor2() -> None:
    values = [0, 23, 24, 255, 256, 65536, 1 << 32, -1, -25, b"", b"x" * 300, "\u00e9", [1, [2]], {1: {-1: "x"}}, None]
    for value in [*values, True, False, 1.5]:
        assert cbor.decode(cbor.encode(value)) == value


# Receipts.


def test_receipts_of_every_place_in_small_trees() -> None:
    """RCPT-08, RCPT-10: the fold agrees with another implementation of RFC 9162."""
    statement, keys = sign_statement(b"", P256, **NOTE), KeySet.of(ED25519.public)
    for size in range(2, 20):
        for leaf in range(size):
            data = receipt_of(statement, leaf, size)
            receipt = Receipt.parse(data)
            assert (receipt.leaf_index, receipt.tree_size, receipt.registered_at) == (leaf, size, 9)
            root = receipt.verify(statement, keys, "https://ts.example")
            judged = scitt_cose.verify_receipt(
                data, leaf_entry_hex=statement.entry_id, log_public_key_pem=public_pem(ED25519)
            )
            assert judged.ok
            assert judged.root == root.hex()


def test_no_flipped_bit_gets_through() -> None:
    statement, keys = sign_statement(b"", P256, **NOTE), KeySet.of(ED25519.public)
    data = receipt_of(statement, 5, 13)
    numbers = data.index(cbor.encode([13, 5])[1:])
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            if position in (numbers, numbers + 1):
                continue  # nothing signs the two numbers (RCPT-19)
            with pytest.raises(InvalidReceipt):
                Receipt.parse(bytes(changed)).verify(statement, keys)
    for position in range(len(data)):
        with pytest.raises(InvalidReceipt):
            Receipt.parse(data[:position])


@pytest.mark.parametrize(
    "change",
    [
        {"header": {395: 2}},
        {"header": {395: True}},
        {"header": {395: None}},
        {"header": {4: None}},
        {"header": {15: None}},
        {"header": {15: {1: "https://ts.example"}}},
        {"header": {15: {1: "https://ts.example", 2: "urn:example:1", 4: 9}}},
        {"header": {15: {1: "https://ts.example", 2: "urn:example:other"}}},
        {"header": {2: [99], 99: 1}},
        {"header": {2: []}},
        {"header": {1: -7}},
        {"payload": bytes(32)},
        {"proofs": {}},
        {"proofs": {-2: [b""]}},
        {"proofs": {-1: []}},
        {"proofs": {-1: [b"\x83\x01\x00\x80", b"\x83\x01\x00\x80"]}},
        {"proofs": {-1: [cbor.encode([3, 3, []])]}},
        {"proofs": {-1: [cbor.encode([3, 0, []])]}},
        {"proofs": {-1: [cbor.encode([1, 0, [bytes(32)]])]}},
        {"proofs": {-1: [cbor.encode([3, 0, [bytes(31)]])]}},
        {"proofs": {-1: [cbor.encode([3, 0, [bytes(32)] * 65])]}},
        {"proofs": {-1: [cbor.encode([3, True, [bytes(32)]])]}},
    ],
)
def test_receipts_that_do_not_prove_it(change: dict[str, object]) -> None:
    statement, keys = sign_statement(b"", P256, **NOTE), KeySet.of(ED25519.public)
    Receipt.parse(receipt_of(statement, 2, 3)).verify(statement, keys)
    with pytest.raises(InvalidReceipt):
        Receipt.parse(receipt_of(statement, 2, 3, **change)).verify(statement, keys)


def test_a_path_that_ends_too_early_leads_nowhere() -> None:
    """RFC 9162 section 2.1.3.2, steps 4 and 5: by itself, whatever the signature would say."""
    statement = sign_statement(b"", P256, **NOTE)
    whole = Receipt.parse(receipt_of(statement, 2, 5))
    for path, why in ((whole.path[:-1], "short"), ((*whole.path, bytes(32)), "long")):
        with pytest.raises(InvalidReceipt, match=why):
            dataclasses.replace(whole, path=path).root(statement.entry)


def test_only_the_named_service_issues_its_receipts() -> None:
    statement, keys = sign_statement(b"", P256, **NOTE), KeySet.of(ED25519.public)
    receipt = Receipt.parse(receipt_of(statement, 2, 5))
    receipt.verify(statement, keys, "https://ts.example")
    with pytest.raises(InvalidReceipt, match="issued by"):
        receipt.verify(statement, keys, "https://ts.example/")


# Records.


@pytest.mark.parametrize(
    ("file", "system", "content_type", "subject"),
    [
        ("trace.json", "trace", "application/vnd.trace.record+json", "spiffe://"),
        ("aigp.json", "aigp", "application/vnd.aigp.event+json", "agent."),
        ("agent-trace.json", "agent-trace", "application/vnd.agent-trace.record+json", "05aaf4ea85f7"),
        ("agent-evidence-pack.json", "agent-evidence", "application/vnd.agent-evidence.pack+json", "pack-0001"),
        ("iatp.json", "iatp", "application/vnd.iatp.attestation+json", "secure-bank-agent"),
    ],
)
def test_the_five_systems_are_told_apart(
    data: pathlib.Path, file: str, system: str, content_type: str, subject: str
) -> None:
    content = (data / file).read_bytes()
    found = prepare(content)
    assert (found.system, found.content_type, found.content) == (system, content_type, content)
    assert found.subject.startswith(subject)
    assert prepare(content, system=system) == found
    other = "aigp" if system == "trace" else "trace"
    with pytest.raises(InvalidRecord, match=f"no record of {other}"):
        prepare(content, system=other)


@pytest.mark.parametrize(
    "record",
    [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", "{}", {}, {"x": float("nan")}, {"x": b""}, 7, "[" * 100_000],
)
def test_what_is_no_record(record: object) -> None:
    with pytest.raises(InvalidRecord):
        prepare(record)


def test_a_record_with_a_member_twice_has_no_reading(data: pathlib.Path) -> None:
    content = (data / "agent-trace.json").read_bytes().strip()
    twice = content[:-1] + b',"version":"2.0.0"}'
    with pytest.raises(InvalidRecord, match="twice"):
        prepare(twice)


def test_anything_else_can_be_named() -> None:
    found = prepare(b"\x00", content_type="application/octet-stream", subject="urn:x")
    assert (found.content, found.system) == (b"\x00", None)
    with pytest.raises(InvalidRecord):
        prepare({"x": 1}, system="trces")
    assert prepare({"b": 1, "a": "\u00e9"}, content_type="a/b", subject="s").content == '{"a":"\u00e9","b":1}'.encode()


# Retries and failures.


RECORD = {"content_type": "application/json", "subject": "urn:example:1"}


def right_answer() -> tuple[bytes, bytes]:
    statement = sign_statement(b"{}", P256, **(NOTE | {"issuer": P256.public.did_key}))
    return statement.cose, receipt_of(statement, 4, 7)


def test_it_asks_again_until_there_is_a_receipt() -> None:
    cose, receipt = right_answer()
    script = Script(
        httpx.ConnectError("refused"),
        httpx.Response(503, headers={"Retry-After": "3"}),
        httpx.ReadTimeout("slow"),
        httpx.Response(202, headers={"Location": "https://evil.example/"}),
        httpx.Response(204, headers={"Retry-After": "1"}),
        httpx.Response(200, content=receipt),
    )
    anchored = script.ledger().anchor(b"{}", **RECORD)
    anchored.verify()
    assert anchored.statement == cose
    assert [request.method for request in script.asked] == ["POST"] * 4 + ["GET"] * 2
    assert {request.content for request in script.asked[:4]} == {cose}
    assert script.asked[4].url == f"https://ts.example/entries/{anchored.entry_id}"
    assert script.slept == [0.25, 3.5, 1.0, 1.125]


def test_it_gives_up_in_time() -> None:
    busy = [httpx.Response(429, headers={"Retry-After": "9"}, json={"title": "Busy"}) for _ in range(9)]
    script = Script(*busy)
    with pytest.raises(Overloaded, match="Busy") as overloaded:
        script.ledger(tries=3, deadline=3600).anchor(b"{}", **RECORD)
    assert (overloaded.value.retry_after, len(script.asked)) == (9.0, 3)
    script = Script(*busy[:2])
    with pytest.raises(Overloaded):
        script.ledger(deadline=8).anchor(b"{}", **RECORD)
    assert script.slept == []
    with pytest.raises(Unreachable):
        Script(httpx.ConnectError("no"), httpx.ConnectError("no")).ledger(tries=2).anchor(b"{}", **RECORD)


def test_answers_of_every_kind() -> None:
    concise = cbor.encode({-1: "Rejected", -2: "no rule", "x": 1})
    form = {"content-type": "application/concise-problem-details+cbor"}
    with pytest.raises(Refused, match="Rejected: no rule") as refused:
        Script(httpx.Response(400, content=concise, headers=form)).ledger().anchor(b"{}", **RECORD)
    assert refused.value.problem["x"] == 1
    finding = {"id": "TR-ENV-001", "severity": "error", "pointer": "/iat", "message": "absent"}
    said = {"title": "Findings", "findings": [finding, "noise", *[finding] * 999]}
    answer = httpx.Response(422, json=said, headers={"content-type": "application/problem+json"})
    with pytest.raises(Refused) as refused:
        Script(answer).ledger().anchor(b"{}", **RECORD)
    assert refused.value.findings[0] == Finding(**finding)
    assert str(refused.value.findings[0]) == "TR-ENV-001 at /iat: absent"
    assert len(refused.value.findings) < 256
    concise = cbor.encode({-1: "Rejected", "urn:stele:findings": [finding]})
    with pytest.raises(Refused) as refused:
        Script(httpx.Response(400, content=concise, headers=form)).ledger().anchor(b"{}", **RECORD)
    assert refused.value.findings == (Finding(**finding),)
    for status, error in ((500, ServiceFailed), (302, ServiceFailed), (200, ServiceFailed), (404, NotFound)):
        with pytest.raises(error):
            Script(httpx.Response(status, content=b"\xff", headers=form)).ledger().anchor(b"{}", **RECORD)
    for garbage in (b"", b"x", right_answer()[0]):
        with pytest.raises(InvalidReceipt):
            Script(httpx.Response(201, content=garbage)).ledger().anchor(b"{}", **RECORD)


def test_a_receipt_of_another_statement_is_no_receipt() -> None:
    other = sign_statement(b"[]", P256, **NOTE)
    with pytest.raises(InvalidReceipt, match="signature"):
        Script(httpx.Response(201, content=receipt_of(other, 4, 7))).ledger().anchor(b"{}", **RECORD)


def test_what_was_anchored_is_checked_whole() -> None:
    _, receipt = right_answer()
    anchored = Script(httpx.Response(201, content=receipt)).ledger().anchor(b"{}", **RECORD)
    for change in ({"issuer_key": ED25519.public}, {"content": b"[]"}, {"entry_id": "0" * 64}):
        with pytest.raises(InvalidReceipt):
            dataclasses.replace(anchored, **change).verify()


def test_another_statement_than_the_one_asked_for_is_refused() -> None:
    cose, _ = right_answer()
    right = hashlib.sha256(cose).hexdigest()
    assert Script(httpx.Response(200, content=cose)).ledger().statement(right) == cose
    with pytest.raises(InvalidReceipt, match="another statement"):
        Script(httpx.Response(200, content=cose)).ledger().statement("0" * 64)
    with pytest.raises(InvalidRecord):
        Script().ledger().statement("../policy")


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stele.wire.MAX_ANSWER_BYTES", 1000)
    with pytest.raises(ServiceFailed, match="larger"):
        Script(httpx.Response(200, content=b"x" * 1001)).ledger().receipt("0" * 64)


def test_asyncio_asks_again_too() -> None:
    _, receipt = right_answer()
    script = Script(httpx.Response(503), httpx.ConnectError("no"), httpx.Response(201, content=receipt))

    async def run() -> None:
        client = httpx.AsyncClient(transport=httpx.MockTransport(script))
        async with AsyncLedger("https://ts.example", service_keys=ED25519.public, key=P256, client=client) as ledger:

            async def sleep(seconds: float) -> None:
                script.slept.append(seconds)

            ledger._sleep = sleep
            (await ledger.anchor(b"{}", **RECORD)).verify()

    asyncio.run(run())
    assert len(script.slept) == 2


def test_pauses_grow_with_jitter_and_never_fall_below_what_was_asked() -> None:
    low, high = Retry(random=lambda: 0.0), Retry(random=lambda: 1.0)
    assert [low.pause(attempt, None) for attempt in range(3)] == [0.125, 0.25, 0.5]
    assert high.pause(10_000, None) == 20.0
    assert low.pause(0, 7.0) >= 7.0
    now = datetime.datetime(2026, 11, 20, 12, 0, 0, tzinfo=datetime.timezone.utc)
    assert retry_after("Fri, 20 Nov 2026 12:00:30 GMT", lambda: now) == 30.0
    assert retry_after("Fri, 20 Nov 2026 11:00:00 GMT", lambda: now) == 0.0
    # What no date can hold must not end the one who asks.
    for nonsense in ("20 Nov 99999999999999999999 12:00:30 GMT", "20 Nov 2026 12:00:30 +99999999999999999999"):
        assert retry_after(f"Fri, {nonsense}", lambda: now) is None
    assert retry_after("Fri, 31 Dec 9999 23:59:59 -2359", lambda: now) == LONGEST_ASKED
    for text, seconds in (("5", 5.0), (" 0 ", 0.0), ("9" * 400, 86400.0), ("-1", None), ("soon", None), (None, None)):
        assert retry_after(text) == seconds


@pytest.mark.parametrize(
    "url", ["", "ts.example", "ftp://ts.example", "https://u:p@ts.example", "https://ts.example?x"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InvalidRecord):
        Ledger(url)


def test_without_a_key_nothing_is_sent() -> None:
    with pytest.raises(InvalidRecord, match="no key"):
        Ledger("https://ts.example").anchor(b"{}", **RECORD)


def test_the_command_line_says_what_it_wants(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as usage:
        main([])
    assert usage.value.code == 2
    assert main(["verify", str(tmp_path / "none"), "--keys", "none"]) == 2
    (tmp_path / "statement").write_bytes(sign_statement(b"", P256, **NOTE).cose)
    (tmp_path / "keys").write_bytes(public_pem(ED25519))
    assert main(["verify", str(tmp_path / "statement"), "--keys", str(tmp_path / "keys")]) == 2
    assert "no receipt" in capsys.readouterr().err
