"""Agent Evidence: packs and manifests, and that a manifest commits to the bytes of its files."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import pathlib
import shutil

import pytest
from fakes import Notary

from stele import InvalidRecord, Ledger, Statement, agent_evidence
from stele.cli import main

NOW = datetime.datetime(2026, 10, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def export(data: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder as somebody exports it: a pack, a claim map, an artifact, and a link out of it."""
    folder = tmp_path / "export"
    (folder / "artifacts").mkdir(parents=True)
    shutil.copy(data / "agent-evidence-pack.json", folder / "pack.json")
    claims = {"claim_map_id": "cm-1", "schema_version": "0.1.0"}
    claims["claims"] = [{"claim_id": "c1", "text": "The order shipped.", "status": "supported"}]
    (folder / "claims.json").write_text(json.dumps(claims))
    (folder / "artifacts" / "report.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "settings.json").write_text("{}")
    (tmp_path / "secret").write_text("not of the export")
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


def finished(export: pathlib.Path, **change: object) -> dict[str, object]:
    made = agent_evidence.manifest(export, export_id="exp-1", created_at=NOW) | change
    (export / "manifest.json").write_text(json.dumps(made))
    return made


def ids(manifest: object, folder: pathlib.Path) -> list[str]:
    return [finding.id for finding in agent_evidence.check(manifest, folder)]


def test_a_manifest_lists_every_file_with_its_digest(export: pathlib.Path) -> None:
    made = finished(export)
    assert made == agent_evidence.manifest(export, export_id="exp-1", created_at=NOW)
    report = {"path": "artifacts/report.pdf", "role": "artifact", "media_type": "application/pdf", "size": 9}
    digest = hashlib.sha256(b"%PDF-1.7\n").hexdigest()
    assert report | {"hash": f"sha256:{digest}"} in made["files"]
    assert [(file["path"], file["role"]) for file in made["files"]] == [
        ("claims.json", "claim-map"),
        ("pack.json", "pack"),
        ("settings.json", "artifact"),
        ("artifacts/report.pdf", "artifact"),
    ]
    assert (made["evidence_pack_id"], made["created_at"]) == ("pack-0001", "2026-10-01T01:00:00Z")
    assert made["completeness"]["runtime"] == {"status": "complete"}
    assert agent_evidence.check(made, export) == ()


def test_what_a_manifest_cannot_be_made_of(export: pathlib.Path) -> None:
    with pytest.raises(InvalidRecord, match="is not a folder"):
        agent_evidence.manifest(export / "pack.json", export_id="e")
    shutil.copy(export / "pack.json", export / "again.json")
    with pytest.raises(InvalidRecord, match="2 packs"):
        agent_evidence.manifest(export, export_id="e")
    made = agent_evidence.manifest(export, export_id="e", evidence_pack_id="p", completeness={}, role=lambda _: "file")
    assert {file["role"] for file in made["files"]} == {"file"}


def test_files_are_compared_with_what_the_manifest_says(export: pathlib.Path) -> None:
    """The ids are those of the service (`MANIFEST_…`), and nothing outside of the folder is opened."""
    made = finished(export)
    files = {file["path"]: file for file in made["files"]}
    report = files["artifacts/report.pdf"]
    one = lambda **change: {**made, "files": [report | change]}  # noqa: E731
    digest = report["hash"].partition(":")[2]
    for change, found in (
        ({"size": 10}, ["MANIFEST_SIZE_MISMATCH"]),
        ({"hash": "sha256:" + "0" * 64}, ["MANIFEST_HASH_MISMATCH"]),
        ({"hash": "sha512:" + hashlib.sha512(b"%PDF-1.7\n").hexdigest()}, []),
        ({"hash": digest}, ["MANIFEST_HASH_UNPARSED"]),
        ({"hash": "sha256:" + digest.upper()}, ["MANIFEST_HASH_UNPARSED"]),
        ({"hash": "md5:" + "0" * 32}, ["MANIFEST_HASH_UNPARSED"]),
        ({"path": "artifacts/none"}, ["MANIFEST_FILE_NOT_SUPPLIED"]),
        ({"path": "artifacts"}, ["MANIFEST_FILE_NOT_SUPPLIED"]),
        ({"path": "../secret"}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": "artifacts\\..\\..\\secret"}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": "/etc/passwd"}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": "C:secret"}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": "a\nb"}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": ""}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": 7}, ["MANIFEST_PATH_UNSAFE"]),
        ({"path": "link"}, ["MANIFEST_PATH_UNSAFE"]),
    ):
        assert ids(one(**change), export) == found, change
    without = {name: value for name, value in report.items() if name != "hash"}
    assert ids({**made, "files": [without, "noise"]}, export) == ["MANIFEST_HASH_MISSING"]
    for wrong in ((export / "pack.json").read_bytes(), {**made, "files": {}}):
        with pytest.raises(InvalidRecord):
            agent_evidence.check(wrong, export)


def test_an_export_whose_files_changed_is_not_anchored(export: pathlib.Path) -> None:
    finished(export)
    (export / "artifacts" / "report.pdf").write_bytes(b"%PDF-1.6\n")
    notary = Notary()
    for anchor in (
        lambda: agent_evidence.anchor_export(notary.ledger(), export),
        lambda: agent_evidence.anchor(notary.ledger(), (export / "manifest.json").read_bytes(), folder=export),
    ):
        with pytest.raises(InvalidRecord, match="MANIFEST_HASH_MISMATCH") as refused:
            anchor()
        assert refused.value.findings[0].pointer == "/files/3/hash"
    assert notary.entries == []


def test_the_command_line_writes_a_manifest_and_compares(
    export: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STELE_KEY", raising=False)
    assert main(["evidence-manifest", str(export), "--export-id", "exp-1"]) == 0
    assert "4 files" in capsys.readouterr().out
    made = (export / "manifest.json").read_bytes()
    assert agent_evidence.check(made, export) == ()
    os.truncate(export / "pack.json", 10)
    assert main(["evidence-manifest", str(export), "--export-id", "exp-1"]) == 2
    assert (export / "manifest.json").read_bytes() == made


@pytest.mark.service
def test_a_whole_export_is_anchored_and_found_by_the_digest_of_a_file(ledger: Ledger, export: pathlib.Path) -> None:
    made = finished(export)
    anchored = agent_evidence.anchor_export(ledger, export)
    assert list(anchored.documents) == ["claims.json", "pack.json"]
    for one in (anchored.manifest, *anchored.documents.values()):
        one.verify()
        summary = ledger.summary(one.entry_id)
        assert summary["system"] == "agent-evidence"
        assert "error" not in [finding["severity"] for finding in summary["findings"]]
    assert Statement.parse(anchored.manifest.statement)[0].subject == "exp-1"
    for file in made["files"]:
        hits = ledger.search(evidence_file_hash=file["hash"])["hits"]
        assert [hit["entry_id"] for hit in hits] == [anchored.manifest.entry_id]
    kinds = [hit.content_type for hit in ledger.tail(evidence_pack_id="pack-0001")]
    assert "application/vnd.agent-evidence.export-manifest+json" in kinds
