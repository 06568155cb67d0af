"""Agent Trace: registers the new lines of a `traces.jsonl`, each exactly once, byte for byte.

The reference hook of Agent Trace appends a line after each edit. `submit` registers what is new; the command
`stele-py agent-trace` does so behind that hook. What was registered or refused stands in `stele.jsonl` beside the file,
one line each, written before anything else is submitted. If the process is killed in between, the same line signed
again is the same entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .anchored import Anchored, Prepared, StatementOptions
from .errors import Finding, InvalidRecord, Overloaded, Problem, Refused, SteleError
from .ledger import Ledger
from .records import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from typing_extensions import Unpack

try:
    import fcntl
except ImportError:  # Windows: two hooks at once may both register a line, which is one entry.
    fcntl = None  # type: ignore[assignment,unused-ignore]

TRACES = Path(".agent-trace") / "traces.jsonl"
JOURNAL = "stele.jsonl"
BATCH = 256
_LAST_LINE = 1 << 20
_LOCK_EVERY = 0.05


@dataclass(frozen=True)
class RefusedLine:
    """A line that is not on the log, and why."""

    line: bytes = field(repr=False)
    reason: str
    findings: tuple[Finding, ...] = ()


@dataclass
class Submitted:
    """What became of the new lines."""

    anchored: list[Anchored] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    content: bytes
    end: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def traces_file(root: str | os.PathLike[str] | None = None) -> Path:
    """Where the reference hook writes: below `root`, else CURSOR_PROJECT_DIR, CLAUDE_PROJECT_DIR, or where we are."""
    named = root or os.environ.get("CURSOR_PROJECT_DIR") or os.environ.get("CLAUDE_PROJECT_DIR") or "."
    return Path(named) / TRACES


def submit(
    ledger: Ledger,
    file: str | os.PathLike[str] | None = None,
    *,
    retry_refused: bool = False,
    patience: float = 30.0,
    progress: Callable[[int, int], object] | None = None,
    **options: Unpack[StatementOptions],
) -> Submitted:
    """Registers the lines of `file` that were not registered yet, in their order; a last line without its end waits.

    A line that is refused is noted and spoils no other; `retry_refused` submits those again. Another process that
    submits the same file is waited for, at most `patience` seconds. `progress` is told bytes done and bytes in all.
    Raises what `Ledger.anchor` raises where the service cannot take anything now: everything that is not noted is
    submitted next time. Raises `OSError` if the file or its journal cannot be read or written.
    """
    options.setdefault("system", "agent-trace")
    traces = Path(file) if file is not None else traces_file()
    if not traces.exists():
        return Submitted()
    with _locked(traces.with_name(f"{JOURNAL}.lock"), patience):
        journal = _Journal(traces.with_name(JOURNAL))
        return _submit(ledger, traces, journal, options, retry_refused=retry_refused, progress=progress)


def _submit(
    ledger: Ledger,
    traces: Path,
    journal: _Journal,
    options: StatementOptions,
    *,
    retry_refused: bool,
    progress: Callable[[int, int], object] | None,
) -> Submitted:
    done = Submitted()
    with traces.open("rb") as source:
        total = os.fstat(source.fileno()).st_size
        start, known = journal.resume(source, retry_refused=retry_refused)
        batch: list[_Line] = []
        for line in _lines(source, start):
            if line.digest in known:
                continue
            known.add(line.digest)
            batch.append(line)
            if len(batch) == BATCH:
                _register(ledger, batch, journal, done, options)
                batch = []
                if progress is not None:
                    progress(line.end, total)
        _register(ledger, batch, journal, done, options)
    if progress is not None:
        progress(total, total)
    return done


def _register(
    ledger: Ledger, batch: list[_Line], journal: _Journal, done: Submitted, options: StatementOptions
) -> None:
    """Registers a batch and notes the outcomes, up to the first line that has to be submitted again."""
    prepared: list[Prepared] = []
    unfit: dict[int, SteleError] = {}
    for number, line in enumerate(batch):
        try:
            prepared.append(ledger.prepare(line.content, **options))
        except InvalidRecord as error:  # noqa: PERF203
            unfit[number] = error
    outcomes = iter(ledger.register_many(prepared) if prepared else [])
    rows: list[dict[str, Any]] = []
    failure: SteleError | None = None
    for number, line in enumerate(batch):
        outcome = unfit.get(number) or next(outcomes)
        row = {"line": line.digest, "end": line.end, "length": len(line.content)}
        if isinstance(outcome, Anchored):
            done.anchored.append(outcome)
            entry = {"entry_id": outcome.entry_id, "leaf_index": outcome.leaf_index}
            rows.append(row | entry | {"registered_at": outcome.registered_at})
        elif isinstance(outcome, (Refused, InvalidRecord)):
            done.refused.append(RefusedLine(line.content, str(outcome), outcome.findings))
            title = outcome.problem if isinstance(outcome, Problem) else {"title": str(outcome)}
            rows.append(row | {"refused": title})
        else:
            failure = outcome
            break
    journal.note(rows)
    if failure is not None:
        raise failure


class _Journal:
    """What became of each line. Its last row says how far the file was done."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def resume(self, source: IO[bytes], *, retry_refused: bool) -> tuple[int, set[str]]:
        """Where to go on, and which lines behind that place are done.

        That is behind the last line of the last run, if it still stands where it stood. Else, or if refused lines are
        wanted again, the whole file is read.
        """
        last = None if retry_refused else self._last()
        if last is not None and _stands(source, last):
            return int(last["end"]), set()
        return 0, {row["line"] for row in self._rows() if "entry_id" in row or not retry_refused}

    def note(self, rows: list[dict[str, Any]]) -> None:
        """Adds rows; they are on the disk when this returns."""
        if not rows:
            return
        with self._file.open("ab+") as out:
            # A row that a killed process did not finish would spoil the next one.
            size = out.seek(0, os.SEEK_END)
            if size:
                out.seek(size - 1)
                unfinished = out.read(1) != b"\n"
                out.write(b"\n" if unfinished else b"")
            for row in rows:
                out.write(json.dumps(row, separators=(",", ":"), default=str).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())

    def _rows(self) -> Iterator[dict[str, Any]]:
        with contextlib.suppress(FileNotFoundError), self._file.open("rb") as rows:
            for text in rows:
                row = _row(text)
                if row is not None:
                    yield row

    def _last(self) -> dict[str, Any] | None:
        try:
            with self._file.open("rb") as rows:
                size = rows.seek(0, os.SEEK_END)
                rows.seek(max(0, size - _LAST_LINE))
                tail = rows.read().split(b"\n")
        except FileNotFoundError:
            return None
        found = (_row(text) for text in reversed(tail))
        return next((row for row in found if row is not None), None)


def _row(text: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match row:
        case {"line": str(), "end": int(), "length": int()} if isinstance(row, dict):
            return row
    return None


def _stands(source: IO[bytes], row: dict[str, Any]) -> bool:
    """Whether the line of a row still ends where it ended."""
    start = row["end"] - row["length"] - 1
    if start < 0 or os.fstat(source.fileno()).st_size < row["end"]:
        return False
    source.seek(start)
    text = source.read(row["end"] - start)
    return text.endswith(b"\n") and hashlib.sha256(text[:-1]).hexdigest() == row["line"]


def _lines(source: IO[bytes], start: int) -> Iterator[_Line]:
    source.seek(start)
    end = start
    while text := source.readline(MAX_RECORD_BYTES + 2):
        if not text.endswith(b"\n"):
            # Still being written; or longer than any record, then its start says enough, and the rest is passed over.
            rest = text
            while rest and not rest.endswith(b"\n"):
                end += len(rest)
                rest = source.readline(MAX_RECORD_BYTES)
            if not rest:
                return
            end += len(rest)
            yield _Line(text, end)
            continue
        end += len(text)
        if text.strip():
            yield _Line(text[:-1], end)


@contextlib.contextmanager
def _locked(file: Path, patience: float) -> Iterator[None]:
    with file.open("ab") as lock:
        deadline = time.monotonic() + patience
        while fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise Overloaded(0, {"title": "another process submits the same file"}, None) from None
                time.sleep(_LOCK_EVERY)
        yield
