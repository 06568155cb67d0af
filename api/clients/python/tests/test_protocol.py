"""What is said to a service and how its answers are understood: batches, the registrar's door, following a log."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import inspect
import json

import httpx
import pytest
from fakes import ED25519, NOTE, P256, SERVICE, Notary, Script, receipt_of

from stele import (
    Anchored,
    AsyncLedger,
    Finding,
    InvalidReceipt,
    InvalidRecord,
    Ledger,
    NotFound,
    Overloaded,
    Refused,
    ServiceFailed,
    SigningKey,
    Statement,
    Unreachable,
    cbor,
    commands,
    registry,
    sign_statement,
    wire,
)
from stele.cli import main
from stele.protocol import BATCH_ENTRIES

RECORD = {"content_type": "application/json", "subject": "urn:example:1"}


def notes(number: int) -> list[bytes]:
    return [b'{"note":%d}' % one for one in range(number)]


# Twins.


def test_both_ledgers_know_the_same_calls() -> None:
    """No rule stands twice, but the list of calls does: neither may lack one, or take other arguments."""

    def calls(ledger: type) -> dict[str, list[tuple[str, object]]]:
        members = inspect.getmembers(ledger, inspect.isfunction)
        return {
            name: [(one.name, one.default) for one in inspect.signature(call).parameters.values()]
            for name, call in members
            if not name.startswith("_")
        }

    sync, other = calls(Ledger), calls(AsyncLedger)
    assert sync.pop("with_retry")
    assert other.pop("keys")
    assert sync == other


def test_unknown_options_are_no_typing_mistake_only() -> None:
    with pytest.raises(TypeError, match="servise"):
        Ledger(SERVICE, servise="x")
    with pytest.raises(InvalidRecord, match="no door"):
        Script().ledger().anchor(b"{}", door="window", **RECORD)


# Batches.


def test_many_records_go_in_batches_and_each_gets_its_own_answer() -> None:
    notary = Notary()
    notary.refuses = lambda statement: statement.payload == b'{"note":1}'
    records = notes(BATCH_ENTRIES + 2)
    outcomes = notary.ledger().anchor_many(records, **RECORD)
    assert [request.url.path for request in notary.asked] == ["/entries/batch"] * 2
    assert [type(outcome) for outcome in outcomes] == [Anchored, Refused, *[Anchored] * BATCH_ENTRIES]
    assert [outcome.content for outcome in outcomes if isinstance(outcome, Anchored)] == records[:1] + records[2:]
    refused = outcomes[1]
    assert refused.kind == "urn:stele:problem:rejected"
    assert refused.findings == (Finding("TEST", "error", "", "no"),)
    for outcome in outcomes[2:5]:
        outcome.verify()


def test_only_what_was_busy_is_sent_again() -> None:
    notary = Notary()
    turns = iter([True, False])
    notary.busy = lambda statement: statement.payload == b'{"note":2}' and next(turns)
    ledger = notary.ledger()
    slept: list[float] = []
    ledger._sleep = slept.append
    outcomes = ledger.anchor_many(notes(4), **RECORD)
    assert all(isinstance(outcome, Anchored) for outcome in outcomes)
    assert [request.url.path for request in notary.asked] == ["/entries/batch", "/entries"]
    assert slept == [1.0]
    notary.busy = lambda _: True
    outcomes = notary.ledger(tries=2).anchor_many([b'{"note":9}', b'{"note":8}'], **RECORD)
    assert [(type(outcome), outcome.retry_after) for outcome in outcomes] == [(Overloaded, 1.0)] * 2


def test_a_batch_that_is_refused_whole_is_halved() -> None:
    """Another service may take less in one request than this client sends, or know no batches."""
    notary = Notary()

    def small(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/entries/batch" and len(cbor.decode_sequence(request.content)) > 2:
            notary.asked.append(request)
            return httpx.Response(413)
        return notary(request)

    ledger = notary.ledger()
    ledger._client = httpx.Client(transport=httpx.MockTransport(small))
    outcomes = ledger.anchor_many(notes(5), **RECORD)
    assert [outcome.content for outcome in outcomes] == notes(5)
    assert [request.url.path for request in notary.asked].count("/entries/batch") == 4


def test_answers_to_batches_are_read_strictly() -> None:
    statements = [sign_statement(note, P256, **NOTE) for note in notes(2)]
    prepared = [Script().ledger().prepare(note, issuer=NOTE["issuer"], **RECORD) for note in notes(2)]
    receipts = [receipt_of(statement, 4, 7) for statement in statements]
    location = cbor.encode(f"{SERVICE}/entries/{prepared[1].entry_id}")
    script = Script(
        httpx.Response(200, content=receipts[0] + location),
        httpx.Response(200, content=receipts[1]),
    )
    outcomes = script.ledger().register_many(prepared)
    assert [outcome.entry_id for outcome in outcomes] == [one.entry_id for one in prepared]
    for content, kinds in (
        (receipts[0], [Anchored, ServiceFailed]),
        (receipts[1] + receipts[0], [InvalidReceipt, InvalidReceipt]),
        (cbor.encode({-1: "x"}) + cbor.encode(7), [Refused, ServiceFailed]),
        (location + receipts[1], [ServiceFailed, Anchored]),
        (cbor.encode({"urn:stele:batch": {"status": True}}) + cbor.encode({"urn:stele:batch": 7}), [Refused, Refused]),
    ):
        outcomes = Script(httpx.Response(200, content=content)).ledger().register_many(prepared)
        assert [type(outcome) for outcome in outcomes] == kinds
    for garbage in (b"\xff", receipts[0] + b"\x5f", cbor.encode("https://ts.example/entries/1") * 2):
        with pytest.raises(InvalidReceipt):
            Script(httpx.Response(200, content=garbage)).ledger().register_many(prepared)
    assert Script().ledger().anchor_many([]) == []


def test_nobody_there_for_a_batch() -> None:
    notary = Notary()
    notary.down.set()
    with pytest.raises(Unreachable):
        notary.ledger(tries=2).anchor_many(notes(3), **RECORD)


def test_batches_with_asyncio() -> None:
    notary = Notary()

    async def run() -> list[object]:
        client = httpx.AsyncClient(transport=httpx.MockTransport(notary))
        async with AsyncLedger(SERVICE, service_keys=ED25519.public, key=P256, client=client) as ledger:
            return await ledger.anchor_many(notes(3), **RECORD)

    assert [one.leaf_index for one in asyncio.run(run())] == [0, 1, 2]


# The registrar's door.

EVENT = b'{"event_id": "1", "event_type": "T", "event_category": "c", "agent_id": "agent.x", "governance_hash": ""}'
AIGP = "application/vnd.aigp.event+json"


def handed_in(statement: Statement, **change: object) -> tuple[httpx.Response, httpx.Response]:
    finding = {"id": "X", "severity": "warning", "pointer": "/a", "message": "odd"}
    receipt = base64.b64encode(receipt_of(statement, 4, 7)).decode()
    said = {"entry_id": statement.entry_id, "leaf_index": 4, "receipt": receipt, "findings": [finding]} | change
    return httpx.Response(201, json=said), httpx.Response(200, content=statement.cose)


def wrapped(content: bytes = EVENT, **change: object) -> Statement:
    said = {"issuer": SERVICE, "subject": "agent.x", "content_type": AIGP, **change}
    return sign_statement(content, ED25519, **said)


def registrar(*answers: httpx.Response) -> tuple[Script, Ledger]:
    script = Script(*answers)
    client = httpx.Client(transport=httpx.MockTransport(script))
    options = {"service_keys": ED25519.public, "service": SERVICE, "token": "s3cret"}
    return script, Ledger(SERVICE, client=client, door="registrar", **options)


def test_the_registrar_signs_for_the_holder_of_a_token() -> None:
    script, ledger = registrar(*handed_in(wrapped()))
    anchored = ledger.anchor(EVENT)
    anchored.verify()
    assert anchored.findings == (Finding("X", "warning", "/a", "odd"),)
    assert (anchored.content, anchored.issuer_key, anchored.leaf_index) == (EVENT, None, 4)
    asked, fetched = script.asked
    assert (asked.method, asked.url.path, asked.content) == ("POST", "/evidence", EVENT)
    assert asked.headers["Content-Type"] == AIGP
    assert asked.headers["Authorization"] == "Bearer s3cret"
    assert "Authorization" not in fetched.headers


def test_the_registrar_of_a_confidential_record_logs_its_digest() -> None:
    script, ledger = registrar(*handed_in(wrapped(hash_envelope=True)))
    anchored = ledger.anchor(EVENT, hash_envelope=True)
    anchored.verify()
    assert script.asked[0].url == f"{SERVICE}/evidence?envelope=sha-256"
    assert EVENT not in anchored.statement


def test_a_receipt_that_is_to_come_is_fetched() -> None:
    created, statement = handed_in(wrapped(), receipt=None)
    script, ledger = registrar(created, httpx.Response(200, content=receipt_of(wrapped(), 4, 7)), statement)
    ledger.anchor(EVENT).verify()
    assert [request.url.path.split("/")[1] for request in script.asked] == ["evidence", "entries", "statements"]


@pytest.mark.parametrize(
    "other",
    [
        wrapped(EVENT + b" "),
        wrapped(content_type="application/json"),
        wrapped(issuer="https://other.example"),
        wrapped(hash_envelope=True),
    ],
    ids=["content", "type", "issuer", "envelope"],
)
def test_a_registrar_that_registered_something_else_is_caught(other: Statement) -> None:
    _, ledger = registrar(*handed_in(other))
    with pytest.raises(InvalidReceipt, match="something else"):
        ledger.anchor(EVENT)


def test_answers_of_a_registrar_that_make_no_sense() -> None:
    for change in ({"entry_id": "1"}, {"entry_id": None}):
        with pytest.raises(ServiceFailed, match="no entry"):
            registrar(*handed_in(wrapped(), **change))[1].anchor(EVENT)
    with pytest.raises(InvalidReceipt, match="base64"):
        registrar(*handed_in(wrapped(), receipt="*"))[1].anchor(EVENT)
    receipt = base64.b64encode(receipt_of(wrapped(b"{}"), 4, 7)).decode()
    with pytest.raises(InvalidReceipt, match="signature"):
        registrar(*handed_in(wrapped(), receipt=receipt))[1].anchor(EVENT)
    with pytest.raises(ServiceFailed):
        registrar(httpx.Response(204))[1].anchor(EVENT)


def test_at_the_registrar_s_door_nothing_can_be_said_about_the_statement() -> None:
    for option in ({"key": P256}, {"issuer": "me"}, {"subject": "it"}, {"location": "there"}):
        with pytest.raises(InvalidRecord, match="the service signs"):
            registrar()[1].anchor(EVENT, **option)


# TRACE's registry anchors.


def told(named: Statement, **change: object) -> httpx.Response:
    return httpx.Response(200, json={"entry": ENTRY, "proof": PROOF, "batch": {"entry_id": named.entry_id}} | change)


ROOT = "sha256:" + registry.leaf(b"{}").hex()
ENTRY: dict[str, object] = {"merkle_root": ROOT, "leaf_count": 1}
PROOF: dict[str, object] = ENTRY | {"leaf_index": 0, "audit_path": []}


def test_an_anchor_is_awaited_and_its_batch_is_on_the_log() -> None:
    record = Script(httpx.Response(201, content=right(b"{}")[1])).ledger().anchor(b"{}", issuer=SERVICE, **RECORD)
    batch, receipt = right(json.dumps(ENTRY).encode())
    later = {"headers": {"content-type": "application/problem+json"}, "json": {"title": "Not Yet Anchored"}}
    rest = httpx.Response(200, content=batch.cose), httpx.Response(200, content=receipt)
    script = Script(httpx.Response(404, **later), httpx.Response(404, **later), told(batch), *rest)
    anchor = script.ledger().trace_anchor(record)
    assert (anchor.entry, anchor.proof, anchor.batch.entry_id) == (ENTRY, PROOF, batch.entry_id)
    assert script.slept == [1.0, 1.0]
    other, receipt = right(json.dumps(ENTRY | {"leaf_count": 2}).encode())
    for answers, error in (
        ([httpx.Response(404, **later)] * 3, NotFound),
        ([httpx.Response(404)], NotFound),
        ([told(batch, entry=7)], InvalidReceipt),
        ([told(batch, batch={"entry_id": "1"})], InvalidReceipt),
        ([told(other), httpx.Response(200, content=other.cose), httpx.Response(200, content=receipt)], InvalidReceipt),
    ):
        with pytest.raises(error):
            Script(*answers).ledger().trace_anchor(record, wait=2)


def right(content: bytes) -> tuple[Statement, bytes]:
    statement = sign_statement(content, P256, issuer=SERVICE, subject="urn:example:1", content_type="application/json")
    return statement, receipt_of(statement, 4, 7)


# Reading.


def test_an_entry_of_anybody_is_fetched_and_verified() -> None:
    mine = sign_statement(EVENT, P256, issuer=P256.public.did_key, subject="agent.x", content_type=AIGP)
    for statement, known, issuer_key in (
        (mine, None, P256.public),
        (wrapped(), None, None),
        (wrapped(), ED25519.public, ED25519.public),
        (wrapped(hash_envelope=True), None, None),
    ):
        receipt = receipt_of(statement, 4, 7)
        answers = httpx.Response(200, content=statement.cose), httpx.Response(200, content=receipt)
        anchored = Script(*answers).ledger().fetch(statement.entry_id, issuer_key=known)
        assert anchored.issuer_key == issuer_key
        assert anchored.content == statement.payload
        anchored.verify()
    answers = httpx.Response(200, content=mine.cose), httpx.Response(200, content=receipt)
    with pytest.raises(InvalidReceipt, match="another key"):
        Script(*answers).ledger().fetch(mine.entry_id, issuer_key=SigningKey.generate().public)


def hit(index: int) -> dict[str, object]:
    return {"entry_id": hashlib.sha256(bytes([index])).hexdigest(), "leaf_index": index, "subject": "s"}


def page(*indices: int, more: int | None = None) -> httpx.Response:
    return httpx.Response(200, json={"hits": [hit(index) for index in indices], "next": more})


def test_a_log_is_read_page_by_page_without_gap_or_repetition() -> None:
    script = Script(page(0, 1, more=1), page(more=5), page(7))
    assert [one.leaf_index for one in script.ledger().tail(trace_model="m/x", registered_at_from=3)] == [0, 1, 7]
    asked = [dict(request.url.params) for request in script.asked]
    terms = {"trace.model": "m/x", "registered_at.from": "3", "limit": "200"}
    assert asked == [terms, terms | {"after": "1"}, terms | {"after": "5"}]


def test_who_follows_waits_for_what_comes() -> None:
    script = Script(page(3), page(), page(4, 5))
    tail = script.ledger().tail(after=2, follow=True, poll=2.5)
    assert [next(tail).leaf_index for _ in range(3)] == [3, 4, 5]
    assert [request.url.params["after"] for request in script.asked] == ["2", "3", "3"]
    assert script.slept == [2.5, 2.5]

    async def run() -> list[int]:
        client = httpx.AsyncClient(transport=httpx.MockTransport(Script(page(0, more=0), page(1))))
        async with AsyncLedger(SERVICE, client=client) as ledger:
            return [one.leaf_index async for one in ledger.tail()]

    assert asyncio.run(run()) == [0, 1]


def test_pages_that_go_nowhere_end_it() -> None:
    for answers in ([page(1, more=1), page(more=1)], [httpx.Response(200, json={"hits": 7})]):
        with pytest.raises(ServiceFailed):
            list(Script(*answers).ledger().tail())
    with pytest.raises(InvalidReceipt):
        list(Script(httpx.Response(200, json={"hits": [{"leaf_index": 1}], "next": None})).ledger().tail())


def test_who_follows_on_the_command_line_is_not_shown_another_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = wrapped()
    said = {"entry_id": statement.entry_id, "leaf_index": 5, "subject": "a\x1b[2Jb"}
    size = httpx.Response(200, content=b"x\n9\nr\n\n")
    found = httpx.Response(200, json={"hits": [said], "next": None})
    rest = httpx.Response(200, content=statement.cose), httpx.Response(200, content=receipt_of(statement, 4, 7))
    monkeypatch.setattr(commands, "_ledger", lambda *_, **__: Script(size, found, *rest).ledger())
    assert main(["tail", "--url", SERVICE, "--verify", "--all"]) == 1
    shown = capsys.readouterr()
    assert "is not at index 5" in shown.err
    assert shown.out == ""
    monkeypatch.setattr(commands, "_ledger", lambda *_, **__: Script(size, found).ledger())
    assert main(["tail", "--url", SERVICE, "--all"]) == 0
    assert "a\ufffd[2Jb" in capsys.readouterr().out


def test_the_size_of_a_log() -> None:
    checkpoint = b"ts.example\n17\nAAAA\n\n"
    assert Script(httpx.Response(200, content=checkpoint)).ledger().size() == 17
    for wrong in (b"", b"x\n-1\ny", b"x\n1"):
        with pytest.raises(ServiceFailed):
            Script(httpx.Response(200, content=wrong)).ledger().size()


def test_names_of_terms() -> None:
    names = {
        "trace_trust_domain": "trace.trust_domain",
        "aigp_sequence_number_from": "aigp.sequence_number.from",
        "evidence_pack_id": "evidence.pack_id",
        "agent_trace_model_id_prefix": "agent-trace.model_id.prefix",
        "iatp_agent_id": "iatp.agent_id",
        "subject_prefix": "subject.prefix",
        "content_type": "content_type",
        "trace.model": "trace.model",
    }
    for name, asked in names.items():
        assert wire.query([(name, "x")]) == f"/search?{asked}=x"


def test_a_read_token_is_shown_where_statements_are_read() -> None:
    statement = wrapped()
    script = Script(httpx.Response(200, content=statement.cose), httpx.Response(401, json={"title": "no"}))
    client = httpx.Client(transport=httpx.MockTransport(script))
    ledger = Ledger(SERVICE, client=client, read_token="r", token="w")
    ledger.statement(statement.entry_id)
    assert script.asked[0].headers["Authorization"] == "Bearer r"
    with pytest.raises(Refused):
        ledger.summary(statement.entry_id)
    with pytest.raises(NotFound):
        Script(httpx.Response(404)).ledger().receipt(statement.entry_id)
