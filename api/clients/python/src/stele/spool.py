"""A folder of signed statements that wait to be registered: what is in it survives the process.

One file a statement, named by its order and its entry id. The entry id is the SHA-256 of the statement, so a file that
is not whole gives itself away. A statement that the service refused is moved to `refused/`, with the reason beside it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from .errors import InvalidReceipt, SpoolFull
from .statements import Statement

try:
    import fcntl
except ImportError:  # Windows has no such lock; two processes then submit the same statements, which is one entry.
    fcntl = None  # type: ignore[assignment,unused-ignore]

MAX_ENTRIES, MAX_BYTES = 100_000, 1 << 30
_ENDING, _PARTIAL = ".cose", ".partial"
_log = logging.getLogger("stele.spool")


class Spool:
    """Statements on the disk, oldest first, at most `max_entries` of `max_bytes` altogether, refused ones included.

    With `fsync` (the default) a statement that `put` took survives a power loss, without it only the process. Several
    processes may write into one spool; `try_lock` says which of them submits.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        fsync: bool = True,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.pending, self.refused, self.torn = (self.folder / name for name in ("pending", "refused", "torn"))
        self.max_entries, self.max_bytes, self.fsync = max_entries, max_bytes, fsync
        self._held: IO[bytes] | None = None
        self._last = self._bytes = self._begun = 0
        self._known: dict[str, int] = {}
        self.after_fork()
        for part in (self.pending, self.refused):
            part.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._recover()
        self._known = {_entry_id(file.name): file.stat().st_size for file in self._files()}
        self._bytes = sum(self._known.values())

    @property
    def count(self) -> int:
        """How many statements there are, refused ones included."""
        with self._lock:
            return len(self._known) - self._begun

    def put(self, statement: Statement) -> bool:
        """Keeps a statement; false if it is there already. Raises `SpoolFull`, and `OSError` if the disk will not."""
        size = len(statement.cose)
        with self._lock:
            if statement.entry_id in self._known:
                return False
            if len(self._known) >= self.max_entries or self._bytes + size > self.max_bytes:
                raise SpoolFull(f"{self.folder} holds {len(self._known)} statements of {self._bytes} bytes")
            self._known[statement.entry_id] = size
            self._bytes += size
            self._begun += 1
            # Names are in the order of the calls, also within one tick of the clock.
            self._last = max(self._last + 1, time.time_ns())
            file = self.pending / f"{self._last:020d}-{statement.entry_id}{_ENDING}"
        partial = file.with_name(f"{file.name}.{os.getpid()}{_PARTIAL}")
        try:
            self._write(partial, statement.cose)
            partial.rename(file)
            self._sync(self.pending)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            self._forget(statement.entry_id)
            raise
        finally:
            with self._lock:
                self._begun -= 1
        return True

    def waiting(self) -> list[Path]:
        """What waits, oldest first."""
        return sorted(file for file in self.pending.iterdir() if file.suffix == _ENDING)

    def read(self, file: Path) -> Statement | None:
        """A statement that waits; `None` if it is gone, or was not whole and is put aside."""
        try:
            statement, _ = Statement.parse(file.read_bytes())
        except FileNotFoundError:
            return None
        except InvalidReceipt:
            statement = None
        if statement is None or statement.entry_id != _entry_id(file.name):
            self._put_aside(file)
            return None
        return statement

    def remove(self, file: Path) -> None:
        """Forgets a statement that is registered."""
        file.unlink(missing_ok=True)
        self._forget(_entry_id(file.name))

    def refuse(self, file: Path, reason: Mapping[str, Any]) -> None:
        """Moves a statement to `refused/`, with the reason. It still counts, and is the same statement if it comes."""
        note = self.refused / f"{file.stem}.json"
        with contextlib.suppress(OSError):
            note.write_text(json.dumps(reason, indent=1, default=str), encoding="utf-8")
        file.rename(self.refused / file.name)

    def retry_refused(self) -> int:
        """Has everything that was refused wait again; how many that were."""
        files = [file for file in self.refused.iterdir() if file.suffix == _ENDING]
        for file in files:
            file.rename(self.pending / file.name)
            file.with_suffix(".json").unlink(missing_ok=True)
        return len(files)

    def try_lock(self) -> bool:
        """Whether this process is the one that submits, from now on until `unlock`."""
        if self._held is not None or fcntl is None:
            return True
        file = (self.folder / "lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._held = file
        return True

    def unlock(self) -> None:
        """Lets another process submit."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def after_fork(self) -> None:
        """A child has neither the threads nor the right to submit of its parent."""
        self._lock = threading.Lock()
        # Closing does not unlock: the parent has the same open file.
        self.unlock()

    def _files(self) -> list[Path]:
        return [file for part in (self.pending, self.refused) for file in part.iterdir() if file.suffix == _ENDING]

    def _forget(self, entry_id: str) -> None:
        with self._lock:
            self._bytes -= self._known.pop(entry_id, 0)

    def _write(self, file: Path, content: bytes) -> None:
        with file.open("xb") as out:
            out.write(content)
            out.flush()
            if self.fsync:
                os.fsync(out.fileno())

    def _sync(self, folder: Path) -> None:
        if not self.fsync or os.name == "nt":
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _recover(self) -> None:
        """What a killed process had begun to write: whole, it waits; else it is put aside."""
        for partial in self.pending.iterdir():
            if partial.suffix != _PARTIAL or _alive(partial.name.rsplit(".", 2)[1]):
                continue
            file = partial.with_name(partial.name.rsplit(".", 2)[0])
            partial.rename(file)
            self.read(file)

    def _put_aside(self, file: Path) -> None:
        _log.error("a statement on the disk is not whole and cannot be registered: %s/%s", self.torn, file.name)
        self.torn.mkdir(exist_ok=True, mode=0o700)
        file.rename(self.torn / file.name)
        self._forget(_entry_id(file.name))


def _entry_id(name: str) -> str:
    return name.partition("-")[2].removesuffix(_ENDING)


def _alive(process: str) -> bool:
    """Whether another process may still be writing. In a new container it has this process's own number."""
    number = int(process) if process.isdigit() else 0
    if number in (0, os.getpid()) or os.name == "nt":
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
