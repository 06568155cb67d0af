#!/usr/bin/env python3
"""Measures what Stele is meant to reach and writes it down: JSON with everything, Markdown for the README.

Each figure is measured on a fresh service in a temporary folder, by `stele bench` on the same machine: client and
service share its cores. Figures 9, 10 and 12 need a large log, which is made first, of statements with
20 payload bytes; they run when --entries is given or when --only names them. With --grown it becomes longer with each
run, and the table says how long it was.

Figure 9 is measured right after growing, or on a log of --grown as it is, while the store may still merge; 9.1 once it has
nothing left to merge. Figure 11 counts all files of the store but the tables and blob files of the family that holds
statements. Figure 12 kills the service when its write buffer is about to be written out, so that the next start has as
much to read as it can have. A table says how often each figure was measured, and which could not be.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

import figures
from service import Failed

#: As much of what went wrong as the table shows; all of it is in the JSON.
MOST = 300


def arguments():
    parser = argparse.ArgumentParser(prog="ops/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="short repetitions: shows that everything works, not what it reaches")
    parser.add_argument("--only", metavar="N,N", help="measure these figures only, by their numbers")
    parser.add_argument("--entries", type=int, metavar="N",
                        help="also measure the figures of a large log, with a log of N entries "
                             f"(default with --only: {figures.LARGE:,})")
    parser.add_argument("--grown", metavar="DIR",
                        help="keep the large log in this folder, and use the one that is there already")
    parser.add_argument("--events", type=int, metavar="N",
                        help="AIGP events sent through the door for records, over all repetitions "
                             f"(default: {figures.EVENTS:,})")
    parser.add_argument("--data", metavar="DIR", help="make the logs in this folder, on the disk to be measured")
    parser.add_argument("--duration", type=int, metavar="S", help="seconds of each repetition")
    parser.add_argument("--repetitions", type=int, metavar="N", help="repetitions of each measurement")
    parser.add_argument("--stele", metavar="FILE", help="the program to measure, instead of building it")
    parser.add_argument("--results", metavar="DIR", default="ops/bench-results", help="where to write the results")
    options = parser.parse_args()
    known = [figure.number for figure in figures.ALL]
    if options.only:
        try:
            wanted = {float(number) for number in options.only.split(",")}
        except ValueError:
            parser.error("--only wants numbers with commas between")
        if unknown := sorted(wanted - set(known)):
            parser.error(f"there is no figure {unknown[0]:g}; there are " + ", ".join(f"{one:g}" for one in known))
        # A whole number stands for its further parts too: 11 for 11.1.
        options.only = [number for number in known if number in wanted or int(number) in wanted]
    else:
        large = options.entries is not None
        options.only = [figure.number for figure in figures.ALL if large or not figure.large]
    if options.entries is not None and options.entries < 10_000:
        parser.error("--entries wants at least 10000")
    if options.stele is None:
        parser.error("--stele is missing; ops/bench builds it and names it")
    return options


def machine(data):
    """What the figures depend on beside Stele."""
    def first(path, start):
        try:
            lines = pathlib.Path(path).read_text().splitlines()
        except OSError:
            return None
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(start)), None)

    found = subprocess.run(["findmnt", "-no", "FSTYPE,SOURCE", "-T", str(data)], capture_output=True, text=True) \
        if shutil.which("findmnt") else None
    return {
        "cores": os.cpu_count(),
        "processor": first("/proc/cpuinfo", "model name"),
        "memory": first("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "data_on": found.stdout.strip() if found else None,
        "load_average_before": os.getloadavg(),
    }


def revision():
    here = pathlib.Path(__file__).resolve().parent
    done = subprocess.run(["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or None


def free_name(folder, stem):
    """A name that no earlier result has."""
    for number in range(1, 1000):
        name = stem if number == 1 else f"{stem}-{number}"
        if not (folder / f"{name}.json").exists():
            return name
    raise Failed(f"{folder} is full of results of {stem}")


def shown(row):
    return f"{row['shown']} ({row['shown_range']})" if row["shown_range"] else row["shown"]


def cell(text):
    """Any text in one cell of a table, cut where nobody would read on."""
    words = " ".join(text.split()).replace("|", "\\|")
    return words if len(words) <= MOST else words[:MOST] + "..."


def line(row):
    """A figure in the table, whether it was measured or not."""
    if "error" in row:
        return f"| {row['number']:g} | {row['what']} | **failed** | - | - | **no** | {cell(row['error'])} |"
    reached = {None: "-", True: "yes", False: "**no**"}[row["reached"]]
    return (f"| {row['number']:g} | {row['what']} | {shown(row)} | {row['times']} | {row['shown_target']} | {reached} | "
            f"`{row['command']}` |")


def markdown(date, where, rows, quick):
    lines = [f"Measured on {date}, {where['cores']} cores ({where['processor']}), load generator on the same machine"
             + (", **quick: too short to be quoted**" if quick else "") + ":", "",
             "| # | what | median (range) | times | at least | reached | how |", "|---|---|---|---|---|---|---|"]
    lines += [line(row) for row in sorted(rows, key=lambda row: row["number"])]
    return "\n".join(lines) + "\n"


class Results:
    """What was found so far, written down after every figure, so that nothing is lost when a run is cut short."""

    def __init__(self, options, where):
        self.options, self.where = options, where
        self.folder = pathlib.Path(options.results)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        self.name = free_name(self.folder, self.date)
        self.rows, self.failed = [], []

    def table(self):
        return markdown(self.date, self.where, self.rows + self.failed, self.options.quick)

    def write(self, raw):
        self.where["load_average_after"] = os.getloadavg()
        whole = {"date": self.date, "revision": revision(), "quick": self.options.quick, "machine": self.where,
                 "rows": self.rows, "failed": self.failed, "measurements": raw}
        (self.folder / f"{self.name}.json").write_text(json.dumps(whole, indent=1) + "\n")
        (self.folder / f"{self.name}.md").write_text(self.table())


def told_of(error, *places):
    """What went wrong, without the folders of this machine: results are published."""
    text = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
    for place in filter(None, places):
        text = text.replace(str(place), "DIR")
    return text


def measure(options, bench, results):
    for figure in figures.ALL:
        if figure.number not in options.only:
            continue
        print(f"* {figure.number:g}: {figure.what}", flush=True)
        try:
            row = bench.measure(figure)
        except Exception as error:  # one figure that cannot be measured must not cost the others
            print(f"  FAILED: {error}", flush=True)
            why = told_of(error, bench.scratch, options.grown, options.data, options.stele)
            results.failed.append({"number": figure.number, "what": figure.what, "error": why})
        else:
            results.rows.append(row)
            least = "" if row["shown_target"].startswith("at most") else "at least "
            verdict = "reached" if row["reached"] else "NOT reached"
            aim = "nothing promised" if row["reached"] is None else f"{least}{row['shown_target']}: {verdict}"
            print(f"  {shown(row)}; {aim}", flush=True)
        results.write(bench.raw)


def main():
    options = arguments()
    # A service that is told to end has to be ended by us first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="stele-bench-", dir=options.data))
    where = machine(scratch)
    if where["data_on"] and where["data_on"].startswith("tmpfs"):
        print("note: the logs lie in memory, where nothing is ever synced; name a folder on a disk with --data")
    if where["load_average_before"][0] > 0.5:
        print(f"note: this machine has other work (load average {where['load_average_before'][0]:.1f})")
    results = Results(options, where)
    try:
        measure(options, figures.Bench(options, scratch), results)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"\n{results.table()}\nwritten to {results.folder / results.name}.json and .md", flush=True)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
