"""Sends CloudEvents that the CloudEvents SDK made to a running `stele`, and reads back what was registered.

    events.py --stele PROGRAM

The SDK (PyPI package cloudevents) writes events of AIGP and Agent Evidence in structured and in binary mode; batches are
arrays of what it writes, for it has no batch mode. What the log holds has to be what the SDK wrote, byte for byte, and
what the SDK reads out of that has to be the event that was sent. `ce-*` headers of binary mode have to stand in the
protected header, as the SDK meant them and not as it had to write them.
"""

from __future__ import annotations

import copy
import json
import pathlib
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

import cbor2
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from cose import insist
from examination import main
from service import Service

AIGP = {
    "event_id": "f1a2b3c4-d5e6-4890-abcd-000000000001",
    "event_type": "INJECT_SUCCESS",
    "event_category": "inject",
    "event_time": "2026-10-01T00:00:00.000Z",
    "agent_id": "agent.trading-bot",
    "governance_hash": "0f540b499d304fad8488f778f887086fd97d83643e2f2c47178aabc97a7951c4",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "sequence_number": 1,
    "annotations": {"note": "d\u00e9j\u00e0 vu \u20ac \U0001f600"},
}
EVIDENCE = {
    "schema_version": "0.1.0",
    "event_id": "ev-1",
    "type": "evidence.warning",
    "timestamp": "2026-10-01T00:00:00Z",
}
AIGP_TYPE = "org.aigp.v1.inject_success"
AIGP_KIND = "application/vnd.aigp.event+json"
EVIDENCE_KIND = "application/vnd.agent-evidence.event+json"
STRUCTURED = "application/cloudevents+json"


def event(data: dict, kind: str, number: int) -> CloudEvent:
    """An event with attributes that have to be encoded to be headers."""
    attributes = {
        "id": f"event {number} \u20ac 100%",
        "source": "aigp://default/agent.trading-bot",
        "type": kind,
        "datacontenttype": "application/json",
        "subject": 'a "quoted" subject',
        "aigpagentid": "agent.trading-bot",
    }
    return CloudEvent(attributes=attributes, data=data)


def numbered(number: int) -> dict:
    data = copy.deepcopy(AIGP)
    data["event_id"] = f"f1a2b3c4-d5e6-4890-abcd-{number:012}"
    data["sequence_number"] = number
    return data


class Door:
    """`POST /events` of one service, for one producer."""

    def __init__(self, service: Service, token: str) -> None:
        self.service, self.token = service, token

    def send(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict]:
        headers = {**headers, "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.service.url + "/events", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def register(self, message: HTTPMessage) -> tuple[dict, dict, bytes]:
        status, entry = self.send(message.headers, body_of(message))
        insist(status == 202, f"an event of the SDK is registered, not {status} {entry}")
        return entry, *self.kept(entry)

    def kept(self, entry: dict) -> tuple[dict, bytes]:
        """Protected header and payload of an entry."""
        status, statement, _ = self.service.get("/statements/" + entry["entry_id"])
        insist(status == 200, "the statement is there")
        protected, _, payload, _ = cbor2.loads(statement).value
        return cbor2.loads(protected), payload


def body_of(message: HTTPMessage) -> bytes:
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)


def examine(program: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    service = Service(program, folder)
    service.stele("init", service.data, "--service-url", service.url)
    token = folder / "producer.token"
    made = json.loads(service.stele("token", "new", token, "--json"))
    with (service.data / "stele.toml").open("a") as config:
        digest = made["token_sha256"]
        config.write(f'\n[[evidence.producers]]\nid = "sdk"\ntoken_sha256 = ["{digest}"]\ndoors = ["events"]\n')
    with service.serving():
        door = Door(service, token.read_text())
        structured(door)
        binary(door)
        batch(door)
        refused(door)
    yield "events of the CloudEvents SDK are registered as it wrote them: structured, binary and in batches"


def structured(door: Door) -> None:
    sent = event(numbered(1), AIGP_TYPE, 1)
    message = to_structured_event(sent)
    entry, header, payload = door.register(message)
    insist(payload == body_of(message), "a structured event is kept byte for byte")
    insist(header[3] == STRUCTURED, f"and called what it is, not {header.get(3)}")
    read = from_structured_event(HTTPMessage(headers={"content-type": STRUCTURED}, body=payload))
    insist(read.get_data() == sent.get_data(), "the SDK reads the same data out of what was kept")
    insist(read.get_attributes() == sent.get_attributes(), "and the same attributes")
    again, _, _ = door.register(message)
    insist(again["entry_id"] == entry["entry_id"], "the same event again is the same entry")

    sent = event(EVIDENCE, "org.example.evidence", 2)
    message = to_structured_event(sent)
    _, header, payload = door.register(message)
    insist(payload in body_of(message), "the data of an Agent Evidence event are kept byte for byte")
    insist(json.loads(payload) == EVIDENCE and header[3] == EVIDENCE_KIND, "and are the event")
    attributes_stand(header, sent)


def binary(door: Door) -> None:
    for number, data, kind, content_type in [
        (3, numbered(3), AIGP_TYPE, AIGP_KIND),
        (4, {**EVIDENCE, "event_id": "ev-2"}, "org.example.evidence", EVIDENCE_KIND),
    ]:
        sent = event(data, kind, number)
        message = to_binary_event(sent)
        insist(any("%" in value for name, value in message.headers.items() if name.startswith("ce-")),
               "the SDK has to encode an attribute")
        _, header, payload = door.register(message)
        insist(payload == body_of(message), "the data of binary mode are kept byte for byte")
        insist(header[3] == content_type, f"and called what they are, not {header.get(3)}")
        attributes_stand(header, sent)


def attributes_stand(header: dict, sent: CloudEvent) -> None:
    """In the protected header, with the producer's id beside them."""
    insist(header["stele.producer"] == "sdk", "the producer stands in the protected header")
    for name, value in sent.get_attributes().items():
        if name in ("datacontenttype", "time"):
            continue  # what the content type says; and what the SDK reads as a time
        found = header.get(f"ce-{name}")
        insist(found == value, f"ce-{name} is {value!r} in the protected header, not {found!r}")


def batch(door: Door) -> None:
    events = [body_of(to_structured_event(event(numbered(number), AIGP_TYPE, number))) for number in range(10, 15)]
    content_type = {"Content-Type": "application/cloudevents-batch+json"}
    status, answer = door.send(content_type, b"[" + b" ,\n".join(events) + b"]")
    insist(status == 202, f"a batch of the SDK's events is registered, not {status} {answer}")
    for sent, result in zip(events, answer["results"], strict=True):
        insist(door.kept(result)[1] == sent, "every event of a batch is kept byte for byte")
    broken = events[1].replace(b"org.aigp.v1.inject_success", b"org.aigp.v1.inject_denied")
    status, answer = door.send(content_type, b"[" + events[0] + b"," + broken + b"]")
    insist(status == 422, f"a batch with an event that is none is refused, not {status}")
    insist([one["status"] for one in answer["results"]] == [202, 422], f"and told of each: {answer}")


def refused(door: Door) -> None:
    message = to_structured_event(event(numbered(20), AIGP_TYPE, 20))
    old = body_of(message).replace(b'"1.0"', b'"0.3"', 1)
    insist(door.send(message.headers, old)[0] == 400, "an event of another version is refused")
    message = to_binary_event(event(numbered(20), AIGP_TYPE, 20))
    for name in ("ce-specversion", "ce-id", "ce-source", "ce-type"):
        headers = {known: value for known, value in message.headers.items() if known != name}
        insist(door.send(headers, body_of(message))[0] == 400, f"an event without {name} is refused")
    stranger = Door(door.service, "another token")
    insist(stranger.send(message.headers, body_of(message))[0] == 401, "a stranger's event is refused")


if __name__ == "__main__":
    sys.exit(main(__doc__, examine))
