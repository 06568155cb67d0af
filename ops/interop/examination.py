"""The command line that all these examinations share. Nothing but the standard library, for those that need no more."""

from __future__ import annotations

import argparse
import pathlib
import tempfile
from collections.abc import Callable, Iterator


def main(doc: str, examine: Callable[..., Iterator[str]], **tools: str) -> int:
    """Calls `examine(stele, *tools, folder)` with a folder that goes away afterwards, and prints the lines it yields.

    `tools` are the programs of others that the command line has to name, each with what it is.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--stele", type=pathlib.Path, required=True, help="the program to examine")
    for name, what in tools.items():
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True, help=what)
    given = vars(parser.parse_args())
    # Not resolved: a program of a virtual environment is known by its place.
    programs = [given[name].absolute() for name in ("stele", *tools)]
    # A short name: the path of a socket in it is bounded.
    with tempfile.TemporaryDirectory(prefix="stele-") as folder:
        for line in examine(*programs, pathlib.Path(folder)):
            print(f"  {line}", flush=True)
    return 0
