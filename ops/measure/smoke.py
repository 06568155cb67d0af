#!/usr/bin/env python3
"""Runs ops/bench shortly with a program that is built already, and looks whether every figure came of it.

No speed is asserted: this shows that measuring works, before somebody needs it for hours.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import figures
import test_measure
from service import Log, Service

#: A crowd, a lone client, batches, bytes on the disk, and a restart, of a log that is not large here.
ONLY = "1,4,6,11,12"
ENTRIES = 10_000
#: Seconds after which it hangs.
PATIENCE = 300


def bench(stele, results):
    """The rows of a short run."""
    program = pathlib.Path(__file__).resolve().parent.parent / "bench"
    command = [program, "--quick", "--only", ONLY, "--entries", ENTRIES, "--duration", 1, "--repetitions", 1,
               "--results", results, "--stele", stele]
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    print(done.stdout, end="")
    if done.returncode != 0:
        sys.exit(f"ops/bench ended with {done.returncode}")
    (told,) = results.glob("*.json")
    (table,) = results.glob("*.md")
    return json.loads(told.read_text()), table.read_text()


def looks(stele, folder):
    """What figures 9 and 9.1 ask a service beside their loads."""
    with Service(Log(stele, folder)) as service:
        service.rest(look=0.02)
        if service.size() < 1 or set(service.merging()) != {"debt_bytes", "compactions"}:
            sys.exit("the service does not say how large its log is, and what is to merge")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stele", required=True, metavar="FILE", help="the program")
    stele = pathlib.Path(parser.parse_args().stele).resolve()
    tests = unittest.defaultTestLoader.loadTestsFromModule(test_measure)
    if not unittest.TextTestRunner(verbosity=0).run(tests).wasSuccessful():
        sys.exit("the measuring itself is wrong")
    with tempfile.TemporaryDirectory() as folder:
        looks(stele, pathlib.Path(folder) / "looks")
        told, table = bench(stele, pathlib.Path(folder))
    wanted = [figure.number for figure in figures.ALL if str(int(figure.number)) in ONLY.split(",")]
    rows = {row["number"]: row for row in told["rows"]}
    missing = [f"{number:g}" for number in wanted if number not in rows]
    if missing or told["failed"] or not told["quick"]:
        sys.exit(f"not measured: {', '.join(missing) or told['failed']}")
    if useless := [number for number, row in rows.items() if not row["median"] > 0 or not row["times"] >= 1]:
        sys.exit(f"no number above 0: {useless}")
    if table.count("\n|") != 2 + len(wanted):
        sys.exit(f"the table does not have {len(wanted)} rows:\n{table}")


if __name__ == "__main__":
    main()
