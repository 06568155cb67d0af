"""Registers statements in a thread of its own, from a spool that outlives the process.

Whoever submits never waits for the service. What cannot be kept is counted, logged and raised, never dropped silently.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .anchored import Anchored, Prepared
from .errors import InvalidReceipt, Overloaded, Refused, ServiceFailed, SpoolFull, SteleError
from .keys import PublicKey
from .ledger import Ledger
from .retry import NEVER, Retry
from .spool import Spool
from .statements import Statement

MEMORY_ENTRIES, MEMORY_BYTES = 1024, 16 * 1024 * 1024
BATCH = 256
# How often a process looks for what other processes left in its spool.
_LOOK_AGAIN = 5.0
# So many statements in a row at which the service stumbles say that it is not about them.
_ENOUGH = 3
# Other refusals are about the request or the way to the service, and are tried again.
_ABOUT_THE_STATEMENT = frozenset({400, 410, 413, 422})
_log = logging.getLogger("stele.background")


@dataclass(frozen=True)
class Stats:
    """What became of everything so far. Nothing leaves these numbers: `lost` and `invalid` are what is not kept."""

    submitted: int = 0
    """Statements that were taken."""
    repeated: int = 0
    """Of these, the ones that were waiting already."""
    anchored: int = 0
    """Registered, with a verified receipt."""
    refused: int = 0
    """Refused by the service, or of an issuer whose name cannot be read; kept in `refused/`, tried again after a
    restart."""
    failed: int = 0
    """Attempts that failed and are repeated."""
    unspooled: int = 0
    """Kept in memory only, because the disk would not take them."""
    receipts_unwritten: int = 0
    """Registered, and the receipt could not be written; it can be fetched again."""
    lost: int = 0
    """Neither the disk nor the memory had room."""
    invalid: int = 0
    """No record of the system; nothing to sign."""
    waiting: int = 0
    """On the disk or in memory now, refused ones included."""


class Background:
    """Registers what is submitted, in the order of submission, as soon as the service can be reached.

    `spool` is a folder, made if it is missing, or a `Spool`. `receipts` is a folder for the transparent statement of
    each entry, `on_anchored` is told of each. After a failure the pauses grow from `retry.first` to `retry.longest`
    seconds and never end. `retry_refused` has what was refused before wait again. At the end of the process up to
    `exit_timeout` seconds are given to what still waits; the rest is registered after the next start.
    """

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool | str | os.PathLike[str],
        *,
        receipts: str | os.PathLike[str] | None = None,
        on_anchored: Callable[[Anchored], object] | None = None,
        retry: Retry | None = None,
        retry_refused: bool = True,
        exit_timeout: float = 5.0,
    ) -> None:
        self.spool = spool if isinstance(spool, Spool) else Spool(spool)
        self._ledger = ledger.with_retry(NEVER)
        self._retry = retry or Retry(first=0.5, longest=60.0)
        self._receipts = None if receipts is None else Path(receipts).absolute()
        if self._receipts is not None:
            self._receipts.mkdir(parents=True, exist_ok=True)
        self._on_anchored = on_anchored
        self._exit_timeout = exit_timeout
        self._stats = Stats()
        self._closed = False
        self._start_afresh()
        if retry_refused and self.spool.try_lock():
            again = self.spool.retry_refused()
            if again:
                _log.warning("%d refused statements are tried again", again)
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            this = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _forked(this()))
        self._wake()

    def submit(self, prepared: Prepared) -> None:
        """Takes a statement; it is on the disk when this returns.

        If the disk will not take it, it is kept in memory and counted. Raises `SpoolFull` if there is no room at all:
        then, and only then, it is lost.
        """
        statement = prepared.statement
        try:
            new = self.spool.put(statement)
        except OSError as error:
            self._keep_in_memory(statement, error)
            new = True
        except SpoolFull as error:
            self._lose(statement, error)
        self._count(submitted=1, repeated=0 if new else 1)
        if not self._closed:
            self._wake()

    @property
    def stats(self) -> Stats:
        """The numbers of now."""
        with self._lock:
            return dataclasses.replace(self._stats, waiting=self.spool.count + len(self._memory))

    def count_invalid(self) -> None:
        """Notes a record that could not even be signed."""
        self._count(invalid=1)

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything was registered or refused; false if that took longer than `timeout` seconds."""
        return self._wait(timeout, patient=True)

    def close(self, timeout: float | None = 5.0) -> bool:
        """Ends the thread once nothing waits, one more attempt fails, or `timeout` seconds are over.

        Tells whether nothing waits. What does, and what is submitted later, is registered after the next start.
        """
        atexit.unregister(self._at_exit)
        done = self._wait(timeout, patient=False)
        self._closed = True
        self._hurry.set()
        with self._lock:
            self._work.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        self.spool.unlock()
        with self._lock:
            only_here = len(self._memory)
            self._memory.clear()
        if only_here:
            self._count(lost=only_here)
            _log.error("%d statements that the disk did not take are lost with this process", only_here)
        return done

    def _wait(self, timeout: float | None, *, patient: bool) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        self._wake()
        with self._lock:
            if not patient:
                self._failing = False
                self._hurry.set()
            while (self._at_work or self._asked) and not self._closed and (patient or not self._failing):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._idle.wait(left)
        try:
            return not self._memory and not self.spool.waiting()
        except OSError as error:
            _log.error("the spool cannot be read: %s", error)
            return False

    # The thread.

    def _start_afresh(self) -> None:
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._memory: deque[Statement] = deque()
        self._memory_bytes = 0
        self._asked = self._at_work = self._failing = False

    def after_fork(self) -> None:
        """A child process has no thread, and what its parent holds is its parent's."""
        self.spool.after_fork()
        self._start_afresh()

    def _at_exit(self) -> None:
        self.close(self._exit_timeout)

    def _wake(self) -> None:
        with self._lock:
            self._asked = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="stele-background", daemon=True)
                self._thread.start()
            self._work.notify()

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            with self._lock:
                if not self._asked:
                    self._at_work = False
                    self._idle.notify_all()
                    self._work.wait(_LOOK_AGAIN)
                self._asked, self._at_work = False, True
            try:
                pause = self._round()
            except Exception as error:
                # Whatever it is, the thread goes on: a thread that is gone loses silently.
                pause = self._failed(error)
            failures = 0 if pause is None else failures + 1
            with self._lock:
                self._failing = pause is not None
                self._asked = self._asked or self._failing
                self._idle.notify_all()
            if pause is not None:
                self._hurry.wait(max(pause, self._retry.pause(failures - 1, None)))
                self._hurry.clear()
        with self._lock:
            self._asked = self._at_work = False
            self._idle.notify_all()

    def _round(self) -> float | None:
        """Submits all that waits; `None` if nothing does any more, else how long to wait at least."""
        if not self.spool.try_lock():
            return 0.0 if self.spool.waiting() else None
        self._memory_to_disk()
        files, left = self.spool.waiting(), False
        for at in range(0, len(files), BATCH):
            batch, unread = self._read(files[at : at + BATCH])
            left |= self._submit(batch) or unread
            if self._closed:
                return 0.0
        with self._lock:
            memory = list(self._memory)[:BATCH]
        left |= self._submit([(None, statement) for statement in memory])
        return 0.0 if left or self._memory else None

    def _read(self, files: list[Path]) -> tuple[list[tuple[Path | None, Statement]], bool]:
        """The statements of these files, and whether the disk would not give one of them."""
        found: list[tuple[Path | None, Statement]] = []
        unread = False
        for file in files:
            try:
                statement = self.spool.read(file)
            except OSError as error:
                self._failed(error)
                statement, unread = None, True
            if statement is not None:
                found.append((file, statement))
        return found, unread

    def _submit(self, batch: list[tuple[Path | None, Statement]]) -> bool:
        """Registers one batch; whether something of it has to be tried again. Raises if nobody should try now."""
        able = [(file, one) for file, statement in batch if (one := self._prepared(file, statement)) is not None]
        if not able:
            return False
        prepared = [one for _, one in able]
        try:
            outcomes = self._ledger.register_many(prepared)
        except (ServiceFailed, InvalidReceipt) as error:
            _log.warning("%d statements are registered one by one: %s", len(able), error)
            outcomes = self._one_by_one(prepared)
        left, busy = False, None
        for (file, one), outcome in zip(able, outcomes, strict=False):
            left |= self._settle(file, one.statement, outcome)
            busy = outcome if isinstance(outcome, Overloaded) else busy
        if busy is not None:
            raise busy
        return left or len(outcomes) < len(able)

    def _prepared(self, file: Path | None, statement: Statement) -> Prepared | None:
        """What is registered; `None` if its issuer cannot be read: another program may have signed it."""
        try:
            key = PublicKey.from_did_key(statement.issuer)
        except InvalidReceipt as error:
            self._refused(file, statement, error)
            return None
        return Prepared(statement, statement.payload, key)

    def _one_by_one(self, prepared: list[Prepared]) -> list[Anchored | SteleError]:
        """What becomes of each by itself: one at which the service stumbles shall not hold back the others.

        Ends early, if it is not one of them that makes the service stumble.
        """
        outcomes: list[Anchored | SteleError] = []
        in_a_row = 0
        for one in prepared:
            try:
                outcomes.append(self._ledger.register(one))
            except (ServiceFailed, InvalidReceipt, Refused) as error:
                outcomes.append(error)
            in_a_row = in_a_row + 1 if isinstance(outcomes[-1], (ServiceFailed, InvalidReceipt)) else 0
            if in_a_row == _ENOUGH:
                break
        return outcomes

    def _settle(self, file: Path | None, statement: Statement, outcome: Anchored | SteleError) -> bool:
        """Notes what became of a statement; whether it has to be tried again."""
        if isinstance(outcome, Anchored):
            self._told(outcome)
            self._done(file, statement)
            return False
        if isinstance(outcome, Refused) and outcome.status in _ABOUT_THE_STATEMENT:
            self._refused(file, statement, outcome)
            return False
        if not isinstance(outcome, Overloaded):
            self._failed(outcome)
        return True

    def _done(self, file: Path | None, statement: Statement) -> None:
        self._count(anchored=1)
        if file is None:
            self._drop_from_memory(statement)
        else:
            self.spool.remove(file)

    def _memory_to_disk(self) -> None:
        while self._memory:
            try:
                self.spool.put(self._memory[0])
            except (OSError, SpoolFull):
                return
            self._drop_from_memory(self._memory[0])

    def _drop_from_memory(self, statement: Statement) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._memory.remove(statement)
            self._memory_bytes -= len(statement.cose)

    # What became of it.

    def _keep_in_memory(self, statement: Statement, error: OSError) -> None:
        size = len(statement.cose)
        with self._lock:
            room = len(self._memory) < MEMORY_ENTRIES and self._memory_bytes + size <= MEMORY_BYTES
            if room and not self._closed:
                self._memory.append(statement)
                self._memory_bytes += size
                self._stats = dataclasses.replace(self._stats, unspooled=self._stats.unspooled + 1)
                _log.error(
                    "entry %s is kept in memory only, the spool cannot be written: %s", statement.entry_id, error
                )
                return
        self._lose(statement, error)

    def _lose(self, statement: Statement, error: Exception) -> None:
        self._count(lost=1)
        _log.error("entry %s is lost: %s", statement.entry_id, error)
        raise SpoolFull(f"entry {statement.entry_id} is lost: {error}") from error

    def _told(self, anchored: Anchored) -> None:
        if self._receipts is not None:
            file = self._receipts / f"{anchored.entry_id}.cose"
            try:
                partial = file.with_suffix(".partial")
                partial.write_bytes(anchored.transparent)
                partial.replace(file)
            except OSError as error:
                self._count(receipts_unwritten=1)
                _log.error("the receipt of entry %s cannot be written: %s", anchored.entry_id, error)
        if self._on_anchored is not None:
            try:
                self._on_anchored(anchored)
            except Exception:
                _log.exception("on_anchored failed for entry %s", anchored.entry_id)

    def _refused(self, file: Path | None, statement: Statement, refusal: Refused | InvalidReceipt) -> None:
        findings: list[str] = []
        reason: dict[str, Any] = {"title": str(refusal)}
        if isinstance(refusal, Refused):
            findings = [str(finding) for finding in refusal.findings]
            reason = {"status": refusal.status, **refusal.problem}
        _log.error("entry %s is refused: %s %s", statement.entry_id, refusal, findings or "")
        self._count(refused=1)
        if file is not None:
            self.spool.refuse(file, reason)
            return
        self._drop_from_memory(statement)
        try:
            # The disk would not take it when it was submitted; if it does now, it is refused from there.
            self.spool.put(statement)
        except (OSError, SpoolFull) as error:
            self._count(lost=1)
            _log.error("entry %s, refused, is lost: %s", statement.entry_id, error)

    def _failed(self, error: Exception) -> float:
        self._count(failed=1)
        log = _log.warning if isinstance(error, SteleError) else _log.exception
        log("%d statements wait: %s", self.spool.count + len(self._memory), error)
        asked = error.retry_after if isinstance(error, Overloaded) else None
        return asked or 0.0

    def _count(self, **more: int) -> None:
        with self._lock:
            new: dict[str, Any] = {name: getattr(self._stats, name) + number for name, number in more.items()}
            self._stats = dataclasses.replace(self._stats, **new)


def _forked(background: Background | None) -> None:
    if background is not None:
        background.after_fork()
