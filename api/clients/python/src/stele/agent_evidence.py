"""Agent Evidence: packs, and export manifests that commit to the bytes of every file of an export.

No package of Agent Evidence is published; its documents are JSON. Anchoring a manifest whose files have digests anchors
all of them.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from .anchored import Anchored, AnchorOptions
from .errors import Finding, InvalidRecord
from .ledger import Ledger
from .records import AnyRecord, recognise, to_bytes

if TYPE_CHECKING:
    from typing_extensions import Unpack

SCHEMA_VERSION = "0.1.0"
MAX_FILES = 100_000
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Export:
    """An anchored manifest, and the documents of the export that were anchored with it, by path."""

    manifest: Anchored
    documents: Mapping[str, Anchored]


def anchor(
    ledger: Ledger,
    document: AnyRecord,
    *,
    folder: str | os.PathLike[str] | None = None,
    **options: Unpack[AnchorOptions],
) -> Anchored:
    """Registers a pack, a manifest, or any other document of Agent Evidence.

    With `folder`, the files that a manifest lists are compared with it first. Raises `InvalidRecord`, with what was
    found, if one of them is missing, or other than the manifest says; and what `Ledger.anchor` raises.
    """
    content = to_bytes(document)
    if folder is not None:
        wrong = [finding for finding in check(content, folder) if finding.severity != "info"]
        if wrong:
            raise InvalidRecord(f"the files are not those of the manifest: {wrong[0]}", wrong)
    options.setdefault("system", "agent-evidence")
    return ledger.anchor(content, **options)


def anchor_export(
    ledger: Ledger, folder: str | os.PathLike[str], *, manifest: str = "manifest.json", **options: Unpack[AnchorOptions]
) -> Export:
    """Registers the documents of an export that are Agent Evidence, and then its manifest, after comparing all files.

    Raises as `anchor` does.
    """
    root = Path(folder)
    content = (root / manifest).read_bytes()
    wrong = [finding for finding in check(content, root) if finding.severity != "info"]
    if wrong:
        raise InvalidRecord(f"the files are not those of the manifest: {wrong[0]}", wrong)
    documents: dict[str, Anchored] = {}
    for _, file in _files(content):
        path = str(file.get("path"))
        document = _document((root / path).read_bytes()) if path.endswith(".json") else None
        if document is not None:
            documents[path] = anchor(ledger, document, **options)
    return Export(anchor(ledger, content, **options), documents)


def manifest(
    folder: str | os.PathLike[str],
    *,
    export_id: str,
    evidence_pack_id: str | None = None,
    name: str = "manifest.json",
    role: Callable[[PurePosixPath], str] | None = None,
    completeness: Mapping[str, Any] | None = None,
    created_at: datetime.datetime | None = None,
) -> dict[str, Any]:
    """The export manifest of a folder: each file with its size and SHA-256, in the order of their paths.

    Pack and completeness are those of the one pack in the folder unless they are named. The `role` of a file is the
    kind of its document, `pack` or `claim-map`, else `artifact`. A file called `name` is the manifest itself and left
    out. Links are not followed. Raises `InvalidRecord`.
    """
    root = Path(folder)
    files, packs = [], []
    for path in _walk(root):
        relative = PurePosixPath(path.relative_to(root).as_posix())
        if str(relative) == name:
            continue
        kind, document = _described(path)
        if kind == "pack":
            packs.append(document)
        size, digest = _digest(path, "sha256")
        described = {"path": str(relative), "role": role(relative) if role else kind or "artifact"}
        media_type = "application/json" if document else mimetypes.guess_type(relative.name)[0]
        files.append({**described, "size": size, "hash": f"sha256:{digest}"} | _present("media_type", media_type))
        if len(files) > MAX_FILES:
            raise InvalidRecord(f"an export has at most {MAX_FILES} files")
    if len(packs) != 1 and (evidence_pack_id is None or completeness is None):
        raise InvalidRecord(f"the folder holds {len(packs)} packs; name evidence_pack_id and completeness")
    pack = packs[0] if packs else {}
    made = created_at or datetime.datetime.now(datetime.timezone.utc)
    return {
        "export_id": export_id,
        "evidence_pack_id": evidence_pack_id or pack.get("evidence_pack_id"),
        "schema_version": SCHEMA_VERSION,
        "created_at": made.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": files,
        "completeness": dict(pack.get("completeness", {}) if completeness is None else completeness),
    }


def check(document: AnyRecord, folder: str | os.PathLike[str]) -> tuple[Finding, ...]:
    """Compares the files that a manifest lists with those in a folder.

    Finding ids are those of the service. A path that leads out of the folder, by itself or through a link, is never
    opened. Raises `InvalidRecord` for what is no manifest.
    """
    root = Path(folder).resolve()
    found: list[Finding] = []
    for number, file in _files(to_bytes(document)):
        at, path = f"/files/{number}", file.get("path")
        if not isinstance(path, str) or not _is_relative(path):
            found.append(_error("MANIFEST_PATH_UNSAFE", f"{at}/path", "a path must stay below the folder"))
            continue
        place = (root / path).resolve()
        if not place.is_relative_to(root):
            found.append(_error("MANIFEST_PATH_UNSAFE", f"{at}/path", "a link leads out of the folder"))
        elif not place.is_file():
            found.append(_error("MANIFEST_FILE_NOT_SUPPLIED", at, "the file is not there"))
        else:
            found += _compare(place, file, at)
    return tuple(found)


def _compare(place: Path, file: Mapping[str, Any], at: str) -> Iterator[Finding]:
    algorithm, _, hexadecimal = str(file.get("hash", "")).partition(":")
    size = file.get("size")
    if isinstance(size, int) and size != place.stat().st_size:
        yield _error("MANIFEST_SIZE_MISMATCH", f"{at}/size", "the file has another size")
    if "hash" not in file:
        message = "the manifest does not commit to the bytes of this file"
        yield Finding("MANIFEST_HASH_MISSING", "warning", f"{at}/hash", message)
    elif len(hexadecimal) != _DIGITS.get(algorithm) or not set(hexadecimal) <= set("0123456789abcdef"):
        message = "not `sha256:`, `sha384:` or `sha512:` with lower-case hex"
        yield Finding("MANIFEST_HASH_UNPARSED", "warning", f"{at}/hash", message)
    elif _digest(place, algorithm)[1] != hexadecimal:
        yield _error("MANIFEST_HASH_MISMATCH", f"{at}/hash", "the file has other bytes")


def _error(name: str, pointer: str, message: str) -> Finding:
    return Finding(name, "error", pointer, message)


def _files(content: bytes) -> list[tuple[int, Mapping[str, Any]]]:
    if not recognise(content, "agent-evidence").content_type.endswith(".export-manifest+json"):
        raise InvalidRecord("only an export manifest lists files")
    listed = json.loads(content)["files"]
    if not isinstance(listed, list) or len(listed) > MAX_FILES:
        raise InvalidRecord(f"a manifest lists at most {MAX_FILES} files")
    return [(number, file) for number, file in enumerate(listed) if isinstance(file, dict)]


def _is_relative(path: str) -> bool:
    """A path that stays below the folder that it is unpacked in, on every system."""
    ways_out = path.startswith(("/", "\\", "~")) or path[1:2] == ":" or not path.isprintable()
    return bool(path) and not ways_out and ".." not in path.replace("\\", "/").split("/")


def _walk(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        raise InvalidRecord(f"{root} is not a folder")
    for folder, folders, names in os.walk(root):
        folders.sort()
        files = (Path(folder) / name for name in names)
        yield from sorted(file for file in files if file.is_file() and not file.is_symlink())


def _described(path: Path) -> tuple[str | None, dict[str, Any]]:
    content = _document(path.read_bytes()) if path.suffix == ".json" else None
    if content is None:
        return None, {}
    kind = recognise(content, "agent-evidence").content_type
    return kind.removeprefix("application/vnd.agent-evidence.").removesuffix("+json"), json.loads(content)


def _document(content: bytes) -> bytes | None:
    try:
        recognise(content, "agent-evidence")
    except InvalidRecord:
        return None
    return content


def _digest(path: Path, algorithm: str) -> tuple[int, str]:
    digest, size = hashlib.new(algorithm), 0
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _present(name: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {name: value}
