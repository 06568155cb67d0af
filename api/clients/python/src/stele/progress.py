"""A bar on a terminal; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

_WIDTH, _EVERY = 28, 0.1


class Progress:
    """Says on standard error how far something is, if that is a terminal. Lines for standard output go around it."""

    def __init__(self, what: str, out: TextIO | None = None, *, shown: bool | None = None) -> None:
        self.what = what
        self._out = out or sys.stderr
        self._shown = self._out.isatty() if shown is None else shown
        self._drawn = 0.0
        self._length = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.clear()

    def __call__(self, done: int, total: int) -> None:
        """Shows that so much of so much is done; the last of it always, others at most ten times a second."""
        now = time.monotonic()
        if not self._shown or (done < total and now - self._drawn < _EVERY):
            return
        self._drawn = now
        self._draw(self.line(done, total))

    def line(self, done: int, total: int) -> str:
        """What is shown."""
        share = min(max(done / total, 0.0), 1.0) if total > 0 else 1.0
        full = int(share * _WIDTH)
        return f"{self.what} [{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%} {done}/{total}"

    def clear(self) -> None:
        """Takes the bar away."""
        if self._length:
            self._draw("")

    def _draw(self, line: str) -> None:
        self._out.write(f"\r{line}{' ' * max(0, self._length - len(line))}" + ("" if line else "\r"))
        self._out.flush()
        self._length = len(line)
