"""The spool and the thread that empties it: nothing is lost silently, whatever fails."""

from __future__ import annotations

import errno
import json
import logging
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import httpx
import pytest
from fakes import ED25519, NOBODY, P256, SERVICE, Notary, signed_by_nobody

import stele
from stele import Anchored, Background, InvalidReceipt, Ledger, Prepared, Retry, Spool, SpoolFull, Statement
from stele.background import BATCH
from stele.retry import LONGEST_ASKED

RECORD = {"content_type": "application/json", "subject": "urn:example:1"}
SOON = Retry(first=0.01, longest=0.02)
PATIENCE = 60.0

Start = Callable[..., Background]


SIGNER = Ledger(SERVICE, service_keys=ED25519.public, key=P256)


def note(number: int) -> Prepared:
    return SIGNER.prepare(b'{"note":%d}' % number, **RECORD)


def until(reached: Callable[[], bool]) -> None:
    """Waits for another thread, as long as a busy machine needs."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def notary() -> Notary:
    return Notary()


@pytest.fixture
def start(notary: Notary, tmp_path: pathlib.Path) -> Iterator[Start]:
    begun: list[Background] = []

    def start(spool: Spool | None = None, **options: object) -> Background:
        background = Background(notary.ledger(), spool or Spool(tmp_path / "spool"), retry=SOON, **options)
        begun.append(background)
        return background

    yield start
    notary.down.clear()
    for background in begun:
        background.close(PATIENCE)


def entry_ids(*numbers: int) -> list[str]:
    return [note(number).entry_id for number in numbers]


# What works.


def test_statements_are_registered_in_the_order_of_their_submission(
    notary: Notary, start: Start, tmp_path: pathlib.Path
) -> None:
    told: list[Anchored] = []
    background = start(receipts=tmp_path / "receipts", on_anchored=told.append)
    numbers = range(BATCH + 3)
    for number in numbers:
        background.submit(note(number))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(*numbers) == [one.entry_id for one in told]
    stats = background.stats
    assert (stats.submitted, stats.anchored, stats.waiting, stats.lost) == (len(numbers), len(numbers), 0, 0)
    for one in told[:3]:
        one.verify()
        kept = (tmp_path / "receipts" / f"{one.entry_id}.cose").read_bytes()
        assert kept == one.transparent
    assert [file.name for file in (tmp_path / "spool" / "pending").iterdir()] == []


def test_submitting_never_waits_for_the_service(notary: Notary, start: Start) -> None:
    notary.down.set()
    background = start()
    for number in range(5):
        background.submit(note(number))
    assert background.stats.waiting == 5
    assert not background.close(PATIENCE)
    assert notary.entries == []


def test_the_same_statement_twice_is_one_entry(notary: Notary, start: Start) -> None:
    notary.down.set()
    background = start()
    for number in (1, 1, 2, 1):
        background.submit(note(number))
    assert (background.stats.submitted, background.stats.repeated, background.stats.waiting) == (4, 2, 2)
    notary.down.clear()
    assert background.flush(PATIENCE)
    background.submit(note(1))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1, 2)


# A service that fails.


def test_a_service_that_is_down_is_asked_until_it_is_up(
    notary: Notary, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    notary.down.set()
    background = start()
    background.submit(note(1))
    assert notary.asked_once.wait(PATIENCE)
    background.submit(note(2))
    notary.down.clear()
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1, 2)
    assert background.stats.failed > 0
    assert "statements wait" in caplog.text
    assert (background.stats.refused, background.stats.lost) == (0, 0)


def test_a_busy_service_is_left_alone_as_long_as_it_asks(notary: Notary, start: Start) -> None:
    notary.busy = lambda _: True
    background = start()
    pauses: list[float] = []

    def waits(pause: float) -> bool:
        pauses.append(pause)
        notary.busy = lambda _: False
        return False

    background._hurry.wait = waits
    background.submit(note(1))
    background.submit(note(2))
    assert background.flush(PATIENCE)
    assert pauses[0] >= 1.0
    assert sorted(notary.entries) == sorted(entry_ids(1, 2))


def test_a_service_that_asks_for_ages_is_asked_again_after_a_day(
    notary: Notary, start: Start, tmp_path: pathlib.Path
) -> None:
    spool = Spool(tmp_path / "spool")
    for number in (1, 2):
        assert spool.put(note(number).statement)
    notary.asks_for = 2**64 - 1
    notary.down.set()
    background = start(spool)
    pauses = [0.0]
    notary.busy = lambda _: max(pauses) < LONGEST_ASKED
    background._hurry.wait = lambda pause: bool(pauses.append(pause))
    notary.down.clear()
    assert background.flush(PATIENCE)
    assert max(pauses) == LONGEST_ASKED
    assert notary.entries == entry_ids(1, 2)


def test_what_is_refused_stops_nothing_and_is_tried_again_after_a_restart(
    notary: Notary, start: Start, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    notary.refuses = lambda statement: statement.entry_id in entry_ids(1)
    background = start()
    for number in range(3):
        background.submit(note(number))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(0, 2)
    assert (background.stats.refused, background.stats.anchored, background.stats.waiting) == (1, 2, 1)
    (reason,) = (tmp_path / "spool" / "refused").glob("*.json")
    assert json.loads(reason.read_text())["findings"][0]["id"] == "TEST"
    assert "TEST at the payload: no" in caplog.text
    background.submit(note(1))
    assert background.stats.repeated == 1
    assert background.close(PATIENCE)
    notary.refuses = lambda _: False
    assert start(retry_refused=False).close(PATIENCE)
    assert notary.entries == entry_ids(0, 2)
    again = start()
    assert again.flush(PATIENCE)
    assert notary.entries == entry_ids(0, 2, 1)
    assert not list((tmp_path / "spool" / "refused").iterdir())


@pytest.mark.parametrize("issuer", NOBODY)
def test_a_spooled_statement_of_an_issuer_who_cannot_be_holds_back_nobody_else(
    notary: Notary, start: Start, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, issuer: str
) -> None:
    foreign = signed_by_nobody(issuer)
    spool = Spool(tmp_path / "spool")
    for statement in (note(0).statement, foreign, note(1).statement):
        assert spool.put(statement)
    background = start(spool)
    background.submit(note(2))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(0, 1, 2)
    stats = background.stats
    assert (stats.refused, stats.failed, stats.anchored, stats.waiting) == (1, 0, 3, 1)
    (reason,) = (tmp_path / "spool" / "refused").glob("*.json")
    assert foreign.entry_id in reason.name
    assert "the name" in json.loads(reason.read_text())["title"]
    assert f"entry {foreign.entry_id} is refused" in caplog.text
    assert background.close(PATIENCE)
    again = start()
    again.submit(note(3))
    assert again.flush(PATIENCE)
    assert notary.entries == entry_ids(0, 1, 2, 3)
    assert again.stats.refused == 1


def test_a_file_that_the_disk_does_not_give_holds_back_nobody_else(
    notary: Notary,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spool = Spool(tmp_path / "spool")
    read = spool.read

    def damaged(file: pathlib.Path) -> Statement | None:
        if note(0).entry_id in file.name:
            raise OSError(errno.EIO, "Input/output error")
        return read(file)

    monkeypatch.setattr(spool, "read", damaged)
    for number in range(3):
        assert spool.put(note(number).statement)
    background = start(spool)
    until(lambda: background.stats.anchored == 2)
    assert notary.entries == entry_ids(1, 2)
    assert "Input/output error" in caplog.text
    assert (background.stats.waiting, background.stats.refused) == (1, 0)
    monkeypatch.undo()
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1, 2, 0)


def test_nobody_whom_the_disk_did_not_take_is_refused_from_it_later(
    notary: Notary, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    background = start()
    write, failures = background.spool._write, iter(range(2))

    def full_at_first(file: pathlib.Path, content: bytes) -> None:
        if next(failures, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, content)

    monkeypatch.setattr(background.spool, "_write", full_at_first)
    foreign = signed_by_nobody(NOBODY[0])
    background.submit(Prepared(foreign, foreign.payload, None))
    until(lambda: background.stats.refused == 1)
    background.submit(note(1))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1)
    assert (background.stats.unspooled, background.stats.lost, background.stats.waiting) == (1, 0, 1)
    assert [file.suffix for file in sorted((tmp_path / "spool" / "refused").iterdir())] == [".cose", ".json"]


def test_a_forged_receipt_is_no_receipt_and_holds_back_nobody_else(notary: Notary, start: Start) -> None:
    notary.forges = lambda statement: statement.entry_id in entry_ids(0)
    background = start()
    seen: list[int] = []
    background._failed = lambda error: seen.append(isinstance(error, InvalidReceipt)) or 0.0
    for number in range(BATCH + 1):
        background.submit(note(number))
    until(lambda: background.stats.anchored == BATCH)
    assert seen
    assert all(seen)
    notary.forges = lambda _: False
    assert background.flush(PATIENCE)


def test_a_statement_at_which_the_service_stumbles_holds_back_nobody_else(notary: Notary, start: Start) -> None:
    notary.down.set()
    notary.stumbles = lambda statement: statement.entry_id in entry_ids(0, 2)
    background = start()
    for number in range(5):
        background.submit(note(number))
    notary.down.clear()
    until(lambda: background.stats.anchored == 3)
    assert sorted(notary.entries) == sorted(entry_ids(1, 3, 4))
    notary.stumbles = lambda _: False
    assert background.flush(PATIENCE)
    assert sorted(notary.entries) == sorted(entry_ids(*range(5)))


def test_a_service_that_stumbles_at_everything_is_not_asked_for_everything(notary: Notary, start: Start) -> None:
    notary.down.set()
    notary.stumbles = lambda _: True
    background = start()
    for number in range(20):
        background.submit(note(number))
    pauses: list[int] = []

    def waits(_: float) -> bool:
        pauses.append(len(notary.asked))
        notary.down.clear()
        notary.stumbles = lambda _: len(pauses) < 3
        return False

    background._hurry.wait = waits
    background._hurry.set()
    assert background.flush(PATIENCE)
    assert pauses[2] - pauses[1] == 4
    assert len(notary.entries) == 20


def test_many_threads_submit_at_once(notary: Notary, start: Start) -> None:
    background = start()
    threads = [
        threading.Thread(target=lambda first=first: [background.submit(note(n)) for n in range(first, first + 30)])
        for first in range(0, 80, 10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert background.flush(PATIENCE)
    assert sorted(notary.entries) == sorted(entry_ids(*range(100)))
    assert (background.stats.submitted, background.stats.lost, background.stats.waiting) == (240, 0, 0)


def test_a_wrong_address_refuses_nothing(notary: Notary, tmp_path: pathlib.Path) -> None:
    """404 and 403 are about the way to the service, not about the statement."""
    answers = [404, 403, 405, 401]

    def lost(request: httpx.Request) -> httpx.Response:
        return httpx.Response(answers.pop()) if answers else notary(request)

    ledger = notary.ledger()
    ledger._client = httpx.Client(transport=httpx.MockTransport(lost))
    background = Background(ledger, tmp_path / "spool", retry=SOON)
    background.submit(note(1))
    assert background.flush(PATIENCE)
    assert (background.stats.refused, background.stats.failed, notary.entries) == (0, 4, entry_ids(1))
    background.close()


def test_whatever_fails_the_thread_goes_on(
    notary: Notary, start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(anchored: Anchored) -> None:
        raise RuntimeError(f"a callback of somebody: {anchored.leaf_index}")

    background = start(on_anchored=broken)
    monkeypatch.setattr(background.spool, "waiting", lambda: 1 / 0)
    background.submit(note(1))
    until(lambda: background.stats.failed > 0)
    monkeypatch.undo()
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1)
    assert "a callback of somebody: 0" in caplog.text
    assert "ZeroDivisionError" in caplog.text


# A process that ends.

CHILD = """
import sys
from fakes import *
from stele import *
ledger = Ledger("http://127.0.0.1:9", service_keys=ED25519.public, key=P256)
background = Background(ledger, Spool(sys.argv[1], fsync=False))
for number in range(int(sys.argv[2])):
    content = b'{"note":%d}' % number
    background.submit(ledger.prepare(content, content_type="application/json", subject="urn:example:1"))
    print(number, flush=True)
"""


def child(spool: pathlib.Path, number: int, ending: str) -> subprocess.Popen[bytes]:
    paths = [str(pathlib.Path(__file__).parent), str(pathlib.Path(stele.__file__).parent.parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", CHILD + ending, str(spool), str(number)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)


def test_a_killed_process_loses_nothing_that_it_took(notary: Notary, start: Start, tmp_path: pathlib.Path) -> None:
    with child(tmp_path / "spool", 10**9, "") as process:
        assert process.stdout is not None
        taken = [int(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        taken += [int(line) for line in process.stdout if line.endswith(b"\n")]
    background = start()
    assert background.flush(PATIENCE)
    expected = entry_ids(*range(len(taken)))
    assert notary.entries[: len(taken)] == expected
    # One more may have been on the disk when the process was killed, and not yet told.
    assert len(notary.entries) - len(taken) in (0, 1)


def test_a_process_that_ends_leaves_the_rest_for_the_next(notary: Notary, start: Start, tmp_path: pathlib.Path) -> None:
    with child(tmp_path / "spool", 3, "") as process:
        assert process.wait(PATIENCE) == 0
    assert start().flush(PATIENCE)
    assert notary.entries == entry_ids(0, 1, 2)


def test_a_process_that_changes_its_folder_keeps_its_spool(
    notary: Notary, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    background = Background(notary.ledger(), "spool", receipts="receipts", retry=SOON)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    background.submit(note(1))
    assert background.close(PATIENCE)
    assert background.stats.receipts_unwritten == 0
    assert notary.entries == entry_ids(1)


def test_a_spool_that_is_gone_breaks_no_end(
    notary: Notary, start: Start, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    background = start()
    background.submit(note(1))
    assert background.flush(PATIENCE)
    shutil.rmtree(tmp_path / "spool")
    assert not background.close(PATIENCE)
    assert "cannot be read" in caplog.text
    assert notary.entries == entry_ids(1)


def test_what_is_submitted_after_the_end_waits_on_the_disk(notary: Notary, start: Start) -> None:
    background = start()
    assert background.close(PATIENCE)
    background.submit(note(1))
    assert not background.close(PATIENCE)
    assert notary.entries == []
    assert start().flush(PATIENCE)
    assert notary.entries == entry_ids(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_submits_too(notary: Notary, start: Start) -> None:
    notary.down.set()
    background = start()
    background.submit(note(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            background.submit(note(2))
            os._exit(0 if background._thread is not None and background._thread.is_alive() else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    notary.down.clear()
    assert background.flush(PATIENCE)
    assert sorted(notary.entries) == sorted(entry_ids(1, 2))


def test_one_process_at_a_time_empties_a_spool(notary: Notary, start: Start, tmp_path: pathlib.Path) -> None:
    held = Spool(tmp_path / "spool")
    assert held.try_lock()
    background = start()
    background.submit(note(1))
    assert not background.flush(0.05)
    assert notary.asked == []
    held.unlock()
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1)


# A disk that fails.


def test_a_full_disk_is_said_counted_and_survived(
    notary: Notary, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notary.down.set()
    background = start()

    def half(file: pathlib.Path, content: bytes) -> None:
        file.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(background.spool, "_write", half)
    background.submit(note(1))
    background.submit(note(2))
    stats = background.stats
    assert (stats.unspooled, stats.lost, stats.waiting) == (2, 0, 2)
    assert "memory only" in caplog.text
    assert list(background.spool.pending.iterdir()) == []
    notary.down.clear()
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1, 2)
    assert background.stats.waiting == 0


def test_a_disk_with_room_again_takes_what_was_in_memory(
    notary: Notary, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    notary.down.set()
    background = start()

    def full(_: pathlib.Path, __: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(background.spool, "_write", full)
    background.submit(note(1))
    monkeypatch.undo()
    background.submit(note(2))
    until(lambda: not background._memory)
    assert not background.close(PATIENCE)
    assert background.stats.lost == 0
    notary.down.clear()
    assert start().flush(PATIENCE)
    assert sorted(notary.entries) == sorted(entry_ids(1, 2))


def test_no_room_anywhere_is_loud(
    notary: Notary, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notary.down.set()
    background = start()

    def full(_: pathlib.Path, __: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(background.spool, "_write", full)
    monkeypatch.setattr("stele.background.MEMORY_ENTRIES", 1)
    background.submit(note(1))
    with pytest.raises(SpoolFull, match=note(2).entry_id):
        background.submit(note(2))
    assert (background.stats.lost, background.stats.submitted) == (1, 1)
    assert f"entry {note(2).entry_id} is lost" in caplog.text
    assert not background.close(PATIENCE)
    assert background.stats.lost == 2
    assert "lost with this process" in caplog.text
    # Nobody would ever look into the memory again.
    with pytest.raises(SpoolFull):
        background.submit(note(3))
    assert background.stats.lost == 3


def test_a_full_queue_is_loud(notary: Notary, start: Start, tmp_path: pathlib.Path) -> None:
    notary.down.set()
    background = start(Spool(tmp_path / "spool", max_entries=2))
    for number in (1, 2):
        background.submit(note(number))
    with pytest.raises(SpoolFull):
        background.submit(note(3))
    assert (background.stats.lost, background.stats.waiting) == (1, 2)
    size = len(note(1).statement.cose)
    small = Spool(tmp_path / "small", max_bytes=size)
    assert small.put(note(1).statement)
    with pytest.raises(SpoolFull):
        small.put(note(2).statement)
    notary.down.clear()
    assert background.flush(PATIENCE)
    background.submit(note(3))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(1, 2, 3)


def test_a_receipt_that_cannot_be_written_does_not_hold_back(
    start: Start, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    background = start(receipts=tmp_path / "receipts")
    (tmp_path / "receipts").rmdir()
    background.submit(note(1))
    assert background.flush(PATIENCE)
    assert (background.stats.receipts_unwritten, background.stats.anchored) == (1, 1)
    assert "cannot be written" in caplog.text


# Files that are not whole.


def test_a_file_that_is_not_whole_is_put_aside(
    notary: Notary, start: Start, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool")
    for number in range(4):
        spool.put(note(number).statement)
    files = spool.waiting()
    files[0].write_bytes(files[0].read_bytes()[:-1])
    files[1].write_bytes(note(9).statement.cose)
    files[2].rename(f"{files[2]}.{os.getpid()}.partial")
    partial = f"{'9' * 20}-{'0' * 64}.cose.{os.getpid()}.partial"
    (spool.pending / partial).write_bytes(b"\xd2\x84")
    with caplog.at_level(logging.ERROR):
        background = start(Spool(tmp_path / "spool"))
    assert background.flush(PATIENCE)
    assert notary.entries == entry_ids(2, 3)
    assert len(list((tmp_path / "spool" / "torn").iterdir())) == 3
    assert "not whole" in caplog.text
    assert background.stats.waiting == 0


def test_what_another_process_is_writing_is_left_alone(tmp_path: pathlib.Path) -> None:
    spool = Spool(tmp_path)
    partial = spool.pending / f"{'1' * 20}-{'0' * 64}.cose.{os.getppid()}.partial"
    partial.write_bytes(b"\xd2")
    assert Spool(tmp_path).count == 0
    assert partial.exists()


def test_what_was_taken_is_synced_unless_somebody_says_no(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("stele.spool.os.fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    spool = Spool(tmp_path / "synced")
    spool.put(note(1).statement)
    (file,) = spool.waiting()
    assert synced == [file.stat().st_ino, spool.pending.stat().st_ino]
    Spool(tmp_path / "other", fsync=False).put(note(1).statement)
    assert len(synced) == 2


def test_the_names_of_files_keep_their_order(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stele.spool.time.time_ns", lambda: 7)
    spool = Spool(tmp_path)
    statements = [note(number).statement for number in range(3)]
    for statement in statements:
        assert spool.put(statement)
    again = Spool(tmp_path)
    read = [again.read(file) for file in again.waiting()]
    assert read == statements
    assert isinstance(read[0], Statement)
    assert not again.put(statements[0])
    assert again.count == 3
