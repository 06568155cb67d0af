"""Records of the five systems of evidence: told apart by content, named by their own subject, kept byte for byte.

The content types and the rule for each subject are those of the service's profiles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from .errors import InvalidRecord

MAX_RECORD_BYTES = 16 * 1024 * 1024


@runtime_checkable
class _Model(Protocol):
    def model_dump(self, *, mode: str, exclude_none: bool) -> dict[str, Any]: ...


AnyRecord: TypeAlias = "Mapping[str, Any] | bytes | str | _Model"


@dataclass(frozen=True)
class Kind:
    """One kind of document: which system's, its content type, what tells it apart, and what it is about."""

    system: str
    content_type: str
    fits: Callable[[Mapping[str, Any]], bool]
    subject: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Record:
    """A record ready to be signed: its bytes exactly, and what is said about them."""

    content: bytes
    content_type: str
    subject: str
    system: str | None


def _has(*members: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda record: all(member in record for member in members)


def _member(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda record: record.get(name)


def _is_trace(record: Mapping[str, Any]) -> bool:
    profile = record.get("eat_profile")
    return isinstance(profile, str) and profile.startswith(("tag:agentrust-io.com,", "tag:agentrust.io,"))


def _cloud_event_agent(event: Mapping[str, Any]) -> Any:
    data = event.get("data")
    return data.get("agent_id") if isinstance(data, dict) else None


def _is_cloud_event(event: Mapping[str, Any]) -> bool:
    kind = event.get("type")
    return "specversion" in event and isinstance(kind, str) and kind.startswith("org.aigp.")


def _agent_trace_subject(record: Mapping[str, Any]) -> Any:
    vcs = record.get("vcs")
    revision = vcs.get("revision") if isinstance(vcs, dict) else None
    return revision if isinstance(revision, str) else record.get("id")


def _evidence(name: str, subject: str, *members: str) -> Kind:
    content_type = f"application/vnd.agent-evidence.{name}+json"
    return Kind("agent-evidence", content_type, _has("schema_version", *members), _member(subject))


# In this order: what is told apart by more comes first.
KINDS: tuple[Kind, ...] = (
    Kind("trace", "application/vnd.trace.record+json", _is_trace, _member("subject")),
    Kind(
        "trace",
        "application/vnd.trace.revocation+json",
        lambda record: record.get("type") == "TraceRevocation/1.0",
        _member("compromised_key_id"),
    ),
    Kind("aigp", "application/cloudevents+json", _is_cloud_event, _cloud_event_agent),
    Kind(
        "aigp",
        "application/vnd.aigp.event+json",
        _has("event_id", "event_type", "event_category", "agent_id", "governance_hash"),
        _member("agent_id"),
    ),
    _evidence("export-manifest", "export_id", "export_id", "evidence_pack_id", "files"),
    _evidence("pack", "evidence_pack_id", "evidence_pack_id", "scope", "producer"),
    _evidence("claim-map", "claim_map_id", "claim_map_id", "claims"),
    _evidence("source-map", "source_map_id", "source_map_id", "sources"),
    _evidence("provenance", "provenance_id", "provenance_id", "nodes", "edges"),
    _evidence("replay", "replay_id", "replay_id", "determinism"),
    _evidence("event", "event_id", "event_id", "type", "timestamp"),
    _evidence("verification", "evidence_pack_id", "evidence_pack_id", "verification_results"),
    Kind(
        "iatp",
        "application/vnd.iatp.attestation+json",
        _has("agent_id", "codebase_hash", "config_hash", "signature"),
        _member("agent_id"),
    ),
    Kind(
        "iatp",
        "application/vnd.iatp.reputation-event+json",
        _has("agent_id", "event_id", "severity"),
        _member("agent_id"),
    ),
    Kind(
        "iatp",
        "application/vnd.iatp.capability-manifest+json",
        _has("agent_id", "trust_level"),
        _member("agent_id"),
    ),
    Kind(
        "agent-trace",
        "application/vnd.agent-trace.record+json",
        _has("version", "id", "timestamp", "files"),
        _agent_trace_subject,
    ),
)
SYSTEMS: frozenset[str] = frozenset(kind.system for kind in KINDS)


def recognise(content: bytes, system: str | None = None) -> Kind:
    """Which kind of document these bytes are; among one system's only, if it is named. Raises `InvalidRecord`."""
    if system is not None and system not in SYSTEMS:
        raise InvalidRecord(f"there is no system {system!r}; there are {', '.join(sorted(SYSTEMS))}")
    record = _read(content)
    for kind in KINDS:
        if system in (None, kind.system) and kind.fits(record):
            return kind
    whose = "the five systems" if system is None else system
    raise InvalidRecord(f"this is no record of {whose}; name content_type and subject to register it all the same")


def prepare(
    record: AnyRecord,
    *,
    system: str | None = None,
    content_type: str | None = None,
    subject: str | None = None,
) -> Record:
    """The record's bytes and what they are. What is not named is found in the record. Raises `InvalidRecord`."""
    content = to_bytes(record)
    if content_type is not None and subject is not None and system is None:
        return Record(content, content_type, subject, None)
    kind = recognise(content, system)
    own = kind.subject(_read(content)) if subject is None else subject
    if not isinstance(own, str) or not own:
        raise InvalidRecord(f"the record does not say what it is about ({kind.content_type}); name the subject")
    return Record(content, content_type or kind.content_type, own, kind.system)


def to_bytes(record: AnyRecord) -> bytes:
    """Bytes and text as they are; an object as compact JSON with sorted members, the same for the same object."""
    signed = getattr(record, "signed_bytes", None)
    if isinstance(signed, bytes):
        content = signed
    elif isinstance(record, (bytes, bytearray, memoryview)):
        content = bytes(record)
    elif isinstance(record, str):
        content = record.encode("utf-8", "surrogatepass")
    elif isinstance(record, Mapping):
        content = _dump(record)
    elif isinstance(record, _Model):
        content = _dump(record.model_dump(mode="json", exclude_none=True))
    else:
        raise InvalidRecord(f"a record is a dict, bytes, str or a model, not {type(record).__name__}")
    if len(content) > MAX_RECORD_BYTES:
        raise InvalidRecord(f"the record is larger than {MAX_RECORD_BYTES} bytes")
    return content


def _dump(record: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecord(f"the record is not JSON: {error}") from None


def _read(content: bytes) -> Mapping[str, Any]:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidRecord("the record has a member twice")
        return found

    try:
        record = json.loads(content.decode("utf-8"), object_pairs_hook=members)
    except InvalidRecord:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidRecord(f"the record is not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InvalidRecord("the record is not a JSON object")
    return record
