"""What the commands of `stele-py` do."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import agent_evidence
from . import agent_trace as traces
from .anchored import Anchored, Hit
from .errors import Finding, InvalidReceipt, InvalidRecord, Overloaded, SteleError, Unreachable
from .keys import KeySet, PublicKey
from .ledger import Ledger, LedgerOptions
from .progress import Progress
from .receipts import Receipt
from .retry import NEVER
from .statements import Statement

DONE, INVALID, WRONG_USAGE, NOT_NOW = 0, 1, 2, 3
LAST, BATCH = 10, 256


def complain(error: object, code: int) -> int:
    """Says what went wrong, with all findings."""
    print(f"stele-py: {error}", file=sys.stderr)
    for finding in getattr(error, "findings", ()):
        if isinstance(finding, Finding):
            print(f"  {finding.severity}: {finding}", file=sys.stderr)
    return code


def anchor(asked: argparse.Namespace) -> int:
    """`stele-py anchor`."""
    if asked.output_dir:
        asked.output_dir.mkdir(parents=True, exist_ok=True)
    if asked.door == "statement" and not asked.key:
        raise InvalidRecord("name your key with --key or STELE_KEY")
    options = {name: getattr(asked, name) for name in ("issuer", "subject", "system", "content_type", "hash_envelope")}
    worst = DONE
    with _ledger(asked, key=asked.key) as ledger, Progress("anchored") as progress:
        sources = list(_sources(asked)) if not asked.lines else None
        total = len(sources) if sources is not None else 0
        for number, (name, content) in enumerate(sources or _sources(asked), start=1):
            try:
                outcome: Anchored | SteleError = _anchor(ledger, content, asked, options)
            except (Unreachable, Overloaded):
                progress.clear()
                raise
            except SteleError as error:
                outcome = error
            progress.clear()
            if isinstance(outcome, Anchored):
                _tell(name, outcome, asked)
            else:
                worst = complain(_Named(name, outcome), INVALID)
            if total > 1:
                progress(number, total)
    return worst


def _anchor(ledger: Ledger, content: bytes, asked: argparse.Namespace, options: dict[str, Any]) -> Anchored:
    if asked.files_in is not None:
        return agent_evidence.anchor(ledger, content, folder=asked.files_in, door=asked.door, **options)
    return ledger.anchor(content, door=asked.door, **options)


class _Named:
    """An error of one of many files."""

    def __init__(self, name: str, error: SteleError) -> None:
        self.name, self.error = name, error
        self.findings = getattr(error, "findings", ())

    def __str__(self) -> str:
        return f"{self.name}: {self.error}"


def _sources(asked: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    for name in asked.files:
        if not asked.lines:
            yield name, sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            continue
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"{name}:{number}", line.rstrip(b"\n")


def _tell(name: str, anchored: Anchored, asked: argparse.Namespace) -> None:
    if asked.output_dir:
        (asked.output_dir / f"{anchored.entry_id}.cose").write_bytes(anchored.transparent)
    if asked.json:
        members = ("entry_id", "leaf_index", "registered_at")
        print(json.dumps({"file": name} | {member: getattr(anchored, member) for member in members}), flush=True)
    else:
        print(f"{name}: entry {anchored.entry_id}, index {anchored.leaf_index}", flush=True)


def verify(asked: argparse.Namespace) -> int:
    """`stele-py verify`."""
    keys = KeySet.of(Path(asked.keys))
    if asked.receipt and len(asked.statements) > 1:
        raise InvalidRecord("--receipt is of one statement")
    worst = DONE
    for file in asked.statements:
        try:
            _verify(file, keys, asked)
        except InvalidReceipt as error:  # noqa: PERF203
            worst = complain(f"{file}: {error}", INVALID)
    return worst


def _verify(file: Path, keys: KeySet, asked: argparse.Namespace) -> None:
    statement, receipts = Statement.parse(file.read_bytes())
    if asked.receipt:
        receipts = [asked.receipt.read_bytes()]
    if not receipts:
        raise InvalidRecord(f"{file} carries no receipt; name one with --receipt")
    if asked.issuer_key:
        issuer_key: PublicKey | None = PublicKey.from_pem(Path(asked.issuer_key))
    else:
        issuer_key = PublicKey.from_did_key(statement.issuer)
    if asked.content and not statement.covers(asked.content.read_bytes()):
        raise InvalidReceipt("the statement is not about this content")
    if issuer_key:
        statement.verify(issuer_key)
    for data in receipts:
        receipt = Receipt.parse(data)
        receipt.verify(statement, keys, asked.service)
        print(f"entry    {statement.entry_id}, index {receipt.leaf_index}")
        print(f"issuer   {statement.issuer}" + ("" if issuer_key else "  (signature not checked: no --issuer-key)"))
        print(f"subject  {statement.subject}")
        print(f"receipt  of {receipt.issuer}, valid")


def tail(asked: argparse.Namespace) -> int:
    """`stele-py tail`."""
    if asked.output_dir:
        asked.output_dir.mkdir(parents=True, exist_ok=True)
    terms = dict(_term(text) for text in asked.term)
    proven = asked.verify or asked.output_dir is not None
    worst, count = DONE, 0
    with _ledger(asked, quiet=not proven) as ledger, Progress("read") as progress:
        size = ledger.size()
        after = asked.after
        if after is None and not asked.all and not terms:
            after = size - LAST - 1 if size > LAST else None
        first = 0 if after is None else after + 1
        for hit in ledger.tail(after=after, follow=asked.follow, poll=asked.poll, **terms):
            progress.clear()
            count += 1
            try:
                anchored = ledger.fetch(hit.entry_id) if proven else None
            except InvalidReceipt as error:
                worst = complain(f"entry {hit.entry_id}: {error}", INVALID)
                continue
            if anchored is not None and anchored.leaf_index != hit.leaf_index:
                worst = complain(f"entry {hit.entry_id} is not at index {hit.leaf_index}", INVALID)
                continue
            if anchored is not None and asked.output_dir:
                (asked.output_dir / f"{anchored.entry_id}.cose").write_bytes(anchored.transparent)
            print(json.dumps(dict(hit.said)) if asked.json else _line(hit, proven=proven), flush=True)
            if hit.leaf_index < size:
                progress(hit.leaf_index + 1 - first, size - first)
    return worst


def _line(hit: Hit, *, proven: bool) -> str:
    seconds = hit.registered_at
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc) if seconds is not None else None
    time = f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else "-"
    findings = f", {hit.findings} findings" if hit.findings else ""
    what = hit.system or hit.content_type or "-"
    return f"{hit.leaf_index:>9}  {time}  {what:<14} {_shown(hit.subject)}  by {_shown(hit.issuer)}{findings}" + (
        "  verified" if proven else ""
    )


def _shown(text: str) -> str:
    """Text of a producer on a terminal: it says nothing to the terminal itself."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:160])


def _term(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise InvalidRecord(f"--term is NAME=VALUE, not {text!r}")
    return name, value


def agent_trace(asked: argparse.Namespace) -> int:
    """`stele-py agent-trace`."""
    if not asked.key:
        raise InvalidRecord("name your key with --key or STELE_KEY")
    with _ledger(asked, key=asked.key, quiet=asked.hook) as ledger, Progress("bytes") as progress:
        submitted = traces.submit(
            ledger.with_retry(NEVER) if asked.hook else ledger,
            asked.file,
            retry_refused=asked.retry_refused,
            progress=progress,
            issuer=asked.issuer,
            hash_envelope=asked.hash_envelope,
        )
        progress.clear()
    for anchored in submitted.anchored:
        subject = Statement.parse(anchored.statement)[0].subject
        if asked.json:
            print(json.dumps({"entry_id": anchored.entry_id, "leaf_index": anchored.leaf_index, "subject": subject}))
        else:
            print(f"{_shown(subject)}: entry {anchored.entry_id}, index {anchored.leaf_index}")
    for refused in submitted.refused:
        print(f"stele-py: a line is refused: {refused.reason}", file=sys.stderr)
    return INVALID if submitted.refused else DONE


def evidence_manifest(asked: argparse.Namespace) -> int:
    """`stele-py evidence-manifest`."""
    made = agent_evidence.manifest(
        asked.folder, export_id=asked.export_id, evidence_pack_id=asked.pack_id, name=asked.name
    )
    file = asked.folder / asked.name
    file.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{file}: {len(made['files'])} files")
    return DONE


def _ledger(asked: argparse.Namespace, *, key: str | None = None, quiet: bool = False) -> Ledger:
    if not asked.url:
        raise InvalidRecord("name the service with --url or STELE_URL")
    tokens = {name: getattr(asked, name, None) for name in ("token", "read_token")}
    read = {name: file.read_text(encoding="ascii").strip() for name, file in tokens.items() if file is not None}
    options: LedgerOptions = {
        "service_keys": Path(asked.keys) if asked.keys else None,
        "service": asked.service,
        "key": None if key is None else Path(key),
        "token": read.get("token"),
        "read_token": read.get("read_token"),
    }
    ledger = Ledger(asked.url, **options)
    if not ledger.pinned and not quiet:
        print("stele-py: no --keys: the keys that the service shows now are believed", file=sys.stderr)
    return ledger
