"""Agent Trace: each line once, whatever happens to the file, the process and the service."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest
from conftest import Service, keys_pem, private_pem
from fakes import NOTE, P256, Notary

import stele
from stele import Ledger, Overloaded, Statement, Unreachable, agent_trace
from stele.cli import main

BATCH = 4
REVISION = "05aaf4ea85f7ceb214b839ceb766a5a1ce552352"


def line(number: int, **members: object) -> bytes:
    made = {"version": "1.0", "id": f"{number:08d}-0000-4000-8000-000000000000", "timestamp": "2026-11-20T15:16:36Z"}
    made |= {"vcs": {"type": "git", "revision": REVISION}, "files": []} | members
    return json.dumps(made).encode() + b"\n"


@pytest.fixture
def notary(monkeypatch: pytest.MonkeyPatch) -> Notary:
    monkeypatch.setattr(agent_trace, "BATCH", BATCH)
    return Notary()


@pytest.fixture
def traces(tmp_path: pathlib.Path) -> pathlib.Path:
    file = agent_trace.traces_file(tmp_path)
    file.parent.mkdir()
    return file


def contents(submitted: agent_trace.Submitted) -> list[bytes]:
    return [one.content + b"\n" for one in submitted.anchored]


def rows(traces: pathlib.Path) -> list[dict[str, object]]:
    return [json.loads(row) for row in traces.with_name("stele.jsonl").read_text().splitlines()]


def test_each_line_is_submitted_once_and_byte_for_byte(notary: Notary, traces: pathlib.Path) -> None:
    ledger = notary.ledger()
    assert agent_trace.submit(ledger, traces).anchored == []
    odd = line(1).replace(b'"version": ', b'"version" :\t').replace(b"\n", b" \r\n")
    traces.write_bytes(odd + b"\n  \n" + line(2))
    told: list[tuple[int, int]] = []
    assert contents(agent_trace.submit(ledger, traces, progress=lambda *so_far: told.append(so_far))) == [odd, line(2)]
    assert told == [(traces.stat().st_size,) * 2]
    assert contents(agent_trace.submit(ledger, traces)) == []
    new = [line(number) for number in range(3, 3 + 2 * BATCH + 1)]
    with traces.open("ab") as out:
        out.writelines([line(2), *new, line(3)])
    assert contents(agent_trace.submit(ledger, traces)) == [line(2), *new]
    assert len(notary.entries) == 2 + len(new)
    assert len({row["entry_id"] for row in rows(traces)}) == len(notary.entries)


def test_a_line_that_is_still_being_written_waits(notary: Notary, traces: pathlib.Path) -> None:
    traces.write_bytes(line(1) + line(2)[:-1])
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(1)]
    with traces.open("ab") as out:
        out.write(b"\n")
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(2)]


def test_lines_that_are_no_records_are_noted_and_spoil_no_other(
    notary: Notary, traces: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_trace, "MAX_RECORD_BYTES", 1000)
    notary.refuses = lambda statement: b"00000002" in statement.payload
    long = b'{"x": "' + b"x" * 3000 + b'"}\n'
    traces.write_bytes(b"{\n" + line(1) + line(2) + long + line(3))
    submitted = agent_trace.submit(notary.ledger(), traces)
    assert contents(submitted) == [line(1), line(3)]
    assert [refused.line[:5] for refused in submitted.refused] == [b"{", line(2)[:5], long[:5]]
    assert submitted.refused[1].findings[0].id == "TEST"
    again = agent_trace.submit(notary.ledger(), traces)
    assert (again.anchored, again.refused) == ([], [])
    notary.refuses = lambda _: False
    retried = agent_trace.submit(notary.ledger(), traces, retry_refused=True)
    assert contents(retried) == [line(2)]
    assert len(retried.refused) == 2
    assert len(notary.entries) == 3
    with traces.open("ab") as out:
        out.write(line(4))
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(4)]


def test_a_service_that_is_down_is_told_everything_later(notary: Notary, traces: pathlib.Path) -> None:
    lines = [line(number) for number in range(2 * BATCH)]
    traces.write_bytes(b"".join(lines))
    notary.down.set()
    with pytest.raises(Unreachable):
        agent_trace.submit(notary.ledger(tries=1), traces)
    assert not traces.with_name("stele.jsonl").exists()
    notary.down.clear()
    notary.busy = lambda statement: statement.payload + b"\n" == lines[BATCH + 1]
    with pytest.raises(Overloaded):
        agent_trace.submit(notary.ledger(tries=1), traces)
    assert len(rows(traces)) == BATCH + 1
    notary.busy = lambda _: False
    assert contents(agent_trace.submit(notary.ledger(), traces)) == lines[BATCH + 1 :]
    assert len(notary.entries) == len(rows(traces)) == len(lines)


def test_a_process_killed_between_the_log_and_its_note_makes_no_second_entry(
    notary: Notary, traces: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces.write_bytes(line(1) + line(2))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(agent_trace._Journal, "note", killed)
        with pytest.raises(KeyboardInterrupt):
            agent_trace.submit(notary.ledger(), traces)
    assert len(notary.entries) == 2
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(1), line(2)]
    assert len(notary.entries) == 2


def test_what_became_of_a_batch_is_synced_before_the_next_is_sent(
    notary: Notary, traces: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces.write_bytes(b"".join(line(number) for number in range(2 * BATCH)))
    synced: list[tuple[int, int]] = []
    monkeypatch.setattr(
        "stele.agent_trace.os.fsync", lambda handle: synced.append((len(notary.asked), os.fstat(handle).st_ino))
    )
    agent_trace.submit(notary.ledger(), traces)
    journal = traces.with_name("stele.jsonl").stat().st_ino
    assert synced == [(1, journal), (2, journal)]


def test_a_note_that_is_not_whole_is_passed_over(notary: Notary, traces: pathlib.Path) -> None:
    traces.write_bytes(line(1) + line(2))
    agent_trace.submit(notary.ledger(), traces)
    journal = traces.with_name("stele.jsonl")
    journal.write_bytes(journal.read_bytes()[:-9])
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(2)]
    assert len(notary.entries) == 2
    with traces.open("ab") as out:
        out.write(line(3))
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(3)]


@pytest.mark.parametrize("change", ["shorter", "other", "prefixed", "gone"])
def test_a_file_that_was_rewritten_is_read_whole_and_known_lines_stay_known(
    notary: Notary, traces: pathlib.Path, change: str
) -> None:
    """Another branch was checked out, the file was cleaned up, or merged."""
    lines = [line(number) for number in range(6)]
    traces.write_bytes(b"".join(lines))
    agent_trace.submit(notary.ledger(), traces)
    new = line(7)
    rewritten = {"shorter": [lines[0], new], "other": [new, *lines], "prefixed": [b"{}\n", *lines, new], "gone": [new]}
    traces.unlink()
    assert agent_trace.submit(notary.ledger(), traces).anchored == []
    traces.write_bytes(b"".join(rewritten[change]))
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [new]
    assert len(notary.entries) == 7


def test_what_was_refused_stays_refused_when_the_file_is_rewritten(notary: Notary, traces: pathlib.Path) -> None:
    notary.refuses = lambda statement: b"00000001" in statement.payload
    traces.write_bytes(line(1) + line(2))
    assert len(agent_trace.submit(notary.ledger(), traces).refused) == 1
    notary.refuses = lambda _: False
    traces.write_bytes(line(3) + line(1) + line(2))
    assert contents(agent_trace.submit(notary.ledger(), traces)) == [line(3)]


def test_hooks_at_the_same_time_submit_each_line_once(notary: Notary, traces: pathlib.Path) -> None:
    traces.write_bytes(b"".join(line(number) for number in range(20)))
    found: list[bytes] = []
    hooks = [
        threading.Thread(target=lambda: found.extend(contents(agent_trace.submit(notary.ledger(), traces))))
        for _ in range(4)
    ]
    for hook in hooks:
        hook.start()
    for hook in hooks:
        hook.join()
    assert sorted(found) == sorted(line(number) for number in range(20))
    with (
        agent_trace._locked(traces.with_name("stele.jsonl.lock"), 0),
        pytest.raises(Overloaded, match="another process"),
    ):
        agent_trace.submit(notary.ledger(), traces, patience=0)


def test_where_the_reference_hook_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CURSOR_PROJECT_DIR", "CLAUDE_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert agent_trace.traces_file() == pathlib.Path(".agent-trace/traces.jsonl")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", "/claude")
    assert agent_trace.traces_file() == pathlib.Path("/claude/.agent-trace/traces.jsonl")
    monkeypatch.setenv("CURSOR_PROJECT_DIR", "/cursor")
    assert agent_trace.traces_file() == pathlib.Path("/cursor/.agent-trace/traces.jsonl")


def test_a_hook_never_stops_an_agent(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 of a hook means that the agent must not go on."""
    asked = ["agent-trace", "--url", "http://127.0.0.1:9", "--key", str(tmp_path / "none.pem"), str(tmp_path / "x")]
    assert main(asked) == 2
    assert main([*asked, "--hook"]) == 1
    (tmp_path / "key.pem").write_bytes(private_pem(P256))
    (tmp_path / "x").write_bytes(line(1))
    asked[4] = str(tmp_path / "key.pem")
    assert main([*asked, "--hook"]) == 3
    assert "does not answer" in capsys.readouterr().err


# The reference hook, and the real service.


@pytest.fixture(scope="session")
def bun() -> str:
    program = os.environ.get("STELE_BUN") or shutil.which("bun")
    if not program:
        if os.environ.get("CI") == "true":
            pytest.fail("STELE_BUN names no bun, and CI=true allows no skipped test")
        pytest.skip("there is no bun to run the reference hook of Agent Trace with")
    return program


EVENTS = [
    {"hook_event_name": "SessionStart", "session_id": "s1", "source": "startup"},
    {
        "hook_event_name": "PostToolUse", "session_id": "s1", "model": "claude-opus-4-5", "tool_name": "Edit",
        "tool_use_id": "t1", "transcript_path": "/home/u/.claude/t.jsonl",
        "tool_input": {"file_path": "a.py", "old_string": "x = 0", "new_string": "x = 1\ny = 2"},
    },
    {
        "hook_event_name": "PostToolUse", "session_id": "s1", "model": "claude-opus-4-5", "tool_name": "Bash",
        "tool_use_id": "t2", "tool_input": {"command": "ls -la"},
    },
    {
        "hook_event_name": "afterFileEdit", "model": "gpt-4o", "conversation_id": "c", "file_path": "a.py",
        "edits": [{"old_string": "", "new_string": "y = 2"}],
    },
]  # fmt: skip


@pytest.mark.service
def test_the_reference_hook_and_ours(
    service: Service, ledger: Ledger, bun: str, data: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """systems.md 5.1: what the reference hook writes is valid under none of its schemas, and is accepted."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("# first\nx = 1\ny = 2\n")
    (tmp_path / "key.pem").write_bytes(private_pem(ledger.key))
    (tmp_path / "keys").write_bytes(keys_pem(ledger))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(project)]
    for arguments in (["init", "-q"], ["add", "a.py"], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *arguments], check=True)
    revision = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CURSOR_")} | {
        "CLAUDE_PROJECT_DIR": str(project),
        "PYTHONPATH": str(pathlib.Path(stele.__file__).parent.parent),
        "STELE_URL": service.url,
        "STELE_KEY": str(tmp_path / "key.pem"),
        "STELE_KEYS": str(tmp_path / "keys"),
    }
    theirs = [bun, "run", str(data / "agent-trace-reference" / "trace-hook.ts")]
    ours = [sys.executable, "-m", "stele.cli", "agent-trace", "--hook", "--json"]
    entries: list[str] = []
    for happened in EVENTS:
        written = json.dumps(happened | {"cwd": str(project)}).encode()
        subprocess.run(theirs, input=written, cwd=project, env=environment, check=True, timeout=60)
        done = subprocess.run(
            ours, input=b"", cwd=project, env=environment, check=True, timeout=60, capture_output=True
        )
        (told,) = [json.loads(row) for row in done.stdout.splitlines()]
        entries.append(told["entry_id"])
    lines = agent_trace.traces_file(project).read_bytes().splitlines()
    assert [Statement.parse(ledger.statement(one))[0].payload for one in entries] == lines
    for one in entries:
        summary = ledger.summary(one)
        assert (summary["system"], summary["subject"]) == ("agent-trace", revision)
        found = {finding["id"]: finding["severity"] for finding in summary["findings"]}
        assert "VERSION_TWO_PART" in found
        assert "error" not in found.values()
    hits = ledger.search(agent_trace_revision=revision, agent_trace_path="a.py")["hits"]
    assert [hit["entry_id"] for hit in hits] == [entries[1], entries[3]]


def test_options_of_the_statement(notary: Notary, traces: pathlib.Path) -> None:
    traces.write_bytes(line(1))
    (one,) = agent_trace.submit(notary.ledger(), traces, issuer=NOTE["issuer"], hash_envelope=True).anchored
    statement, _ = Statement.parse(one.statement)
    assert (statement.issuer, statement.hash_envelope, statement.subject) == (NOTE["issuer"], True, REVISION)
