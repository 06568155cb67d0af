"""TRACE's registry anchor format v1: batches of records in trees of their own (systems.md §1.2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .errors import InvalidReceipt
from .receipts import fold
from .wire import located

_DIGEST = "sha256:"
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_PATH, _MAX_TREE = 64, 1 << 63


def leaf(record: bytes) -> bytes:
    """The leaf of a record: over its JSON with sorted members and everything but ASCII escaped, signature included."""
    try:
        claim = json.dumps(json.loads(record), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    except (ValueError, RecursionError):
        raise InvalidReceipt("the record is not JSON") from None
    return hashlib.sha256(b"\x00" + claim.encode("ascii")).digest()


def read(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Entry, proof and the entry id of the batch, as the service tells them. Raises `InvalidReceipt`."""
    match said:
        case {"entry": dict(entry), "proof": dict(proof), "batch": {"entry_id": str(batch)}}:
            return entry, proof, located(batch)
    raise InvalidReceipt("the service told of no registry anchor")


def verify(record: bytes, entry: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
    """Checks that the proof leads from the record to the root of the entry. Raises `InvalidReceipt`."""
    match proof:
        case {"leaf_index": int(index), "leaf_count": int(size), "audit_path": list(path)}:
            pass
        case _:
            raise InvalidReceipt("the proof is not one of a registry anchor")
    if not 0 <= index < size <= _MAX_TREE or len(path) > _MAX_PATH:
        raise InvalidReceipt("the proof's index lies outside its tree")
    root = _DIGEST + fold(leaf(record), index, size, [_hash(node) for node in path]).hex()
    if [root, root, size] != [entry.get("merkle_root"), proof.get("merkle_root"), entry.get("leaf_count")]:
        raise InvalidReceipt("the proof does not lead to the batch")


def is_same(content: bytes, entry: Mapping[str, Any]) -> bool:
    """Whether these bytes say the entry."""
    try:
        return bool(json.loads(content) == entry)
    except (ValueError, RecursionError):
        return False


def _hash(text: object) -> bytes:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise InvalidReceipt("the proof's path is not made of hashes")
    return bytes.fromhex(text.removeprefix(_DIGEST))
