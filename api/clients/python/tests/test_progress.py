"""What a terminal shows while something takes long."""

from __future__ import annotations

import io

import pytest

from stele.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_comes_grows_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("stele.progress.time.monotonic", lambda: now[0])
    out = Terminal()
    with Progress("read", out) as progress:
        progress(1, 4)
        progress(2, 4)
        now[0] += 1
        progress(3, 4)
        progress(4, 4)
    drawn = out.getvalue().split("\r")
    assert [line.split("] ")[-1].strip() for line in drawn if "[" in line] == ["25% 1/4", "75% 3/4", "100% 4/4"]
    assert drawn[1].startswith("read [#######.....")
    assert not drawn[-1].strip()
    assert progress.line(7, 0).endswith("100% 7/0")


def test_nothing_is_shown_where_nobody_looks() -> None:
    out = io.StringIO()
    with Progress("read", out) as progress:
        progress(1, 1)
    assert out.getvalue() == ""
