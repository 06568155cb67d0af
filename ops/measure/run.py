#!/usr/bin/env python3
"""Measures what Stele is meant to reach and writes it down: JSON with everything, Markdown for the README.

Each figure is measured on a fresh service in a temporary folder, by `stele bench` on the same machine: client and
service share its cores. Figures 9, 10 and 12 need a large log, which is made first; they run when --entries is given
or when --only names them.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import figures
from service import Failed


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
    parser.add_argument("--data", metavar="DIR", help="make the logs in this folder, on the disk to be measured")
    parser.add_argument("--duration", type=int, metavar="S", help="seconds of each repetition")
    parser.add_argument("--repetitions", type=int, metavar="N", help="repetitions of each measurement")
    parser.add_argument("--stele", metavar="FILE", help="the program to measure, instead of building it")
    parser.add_argument("--results", metavar="DIR", default="ops/bench-results", help="where to write the results")
    options = parser.parse_args()
    known = [figure.number for figure in figures.ALL]
    if options.only:
        try:
            options.only = sorted({float(number) for number in options.only.split(",")})
        except ValueError:
            parser.error("--only wants numbers with commas between")
        if unknown := [number for number in options.only if number not in known]:
            parser.error(f"there is no figure {unknown[0]:g}; there are " + ", ".join(f"{one:g}" for one in known))
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


def markdown(date, where, rows, quick):
    lines = [f"Measured on {date}, {where['cores']} cores ({where['processor']}), load generator on the same machine"
             + (", **quick: too short to be quoted**" if quick else "") + ":", "",
             "| # | what | median (range) | at least | reached | how |", "|---|---|---|---|---|---|"]
    for row in rows:
        reached = "yes" if row["reached"] else "**no**"
        lines.append(f"| {row['number']} | {row['what']} | {shown(row)} | {row['shown_target']} | {reached} | "
                     f"`{row['command']}` |")
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    results = pathlib.Path(options.results)
    results.mkdir(parents=True, exist_ok=True)
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="stele-bench-", dir=options.data))
    rows, failed = [], []
    where = machine(scratch)
    try:
        bench = figures.Bench(options, scratch)
        for figure in figures.ALL:
            if figure.number not in options.only:
                continue
            print(f"* {figure.number}: {figure.what}", flush=True)
            try:
                row = bench.measure(figure)
            except Failed as error:
                print(f"  FAILED: {error}", flush=True)
                failed.append({"number": figure.number, "what": figure.what, "error": str(error)})
                continue
            rows.append(row)
            print(f"  {shown(row)}; {'' if row['shown_target'].startswith('at most') else 'at least '}{row['shown_target']}: "
                  f"{'reached' if row['reached'] else 'NOT reached'}", flush=True)
        raw = bench.raw
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    where["load_average_after"] = os.getloadavg()
    table = markdown(date, where, rows, options.quick)
    name = free_name(results, date)
    whole = {"date": date, "revision": revision(), "quick": options.quick, "machine": where, "rows": rows,
             "failed": failed, "measurements": raw}
    (results / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")
    (results / f"{name}.md").write_text(table)
    print(f"\n{table}\nwritten to {results / name}.json and .md", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
