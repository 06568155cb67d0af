"""Lets `stele witness` cosign for a log of Tessera, which asks with Tessera's own witness client.

    witnessed.py --stele PROGRAM --oneshot PROGRAM

`posix-oneshot` is the program of that name in Tessera. It adds entries to a log in a folder and publishes nothing that its
witness policy does not find cosigned. The log grows in several runs, around a full tile and across a restart of the
witness; an old copy of it that goes on otherwise, and a log that begins anew under its key, get no cosignature.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator

from cose import insist
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from notes import vkey

NAME = "stele.example/w"
ORIGIN = "tessera.example/log"
SEED = bytes(range(96, 128))
#: How many entries each run adds.
RUNS = (1, 3, 252, 1)
#: How long a run may take. One that gets no cosignature would wait for ever.
WITHIN = 60.0
#: How long a run that should get none is waited for.
IN_VAIN = 6.0


class Witness:
    """The program as a witness of one log."""

    def __init__(self, stele: pathlib.Path, folder: pathlib.Path, log_vkey: str) -> None:
        self.stele, self.folder = stele, folder
        command = [stele, "witness", "init", folder, "--name", NAME, "--json"]
        made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        # Tessera knows cosigners with Ed25519.
        self.vkey = next(key for key in made["vkeys"] if base64.b64decode(key.split("+", 2)[2])[0] == 4)
        (folder / "logs.policy").write_text(f"log {log_vkey}\nquorum none\n")
        self.url = ""

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        command = [self.stele, "witness", "serve", self.folder, "--listen", "127.0.0.1:0", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.url = json.loads(process.stdout.readline())["listening"]
            yield
        finally:
            process.terminate()
            code = process.wait(timeout=60)
            process.stdout.close()
        insist(code == 0, f"the witness ended with {code}")

    def newest(self) -> str:
        digest = hashlib.sha256(ORIGIN.encode()).hexdigest()
        with urllib.request.urlopen(f"{self.url}/{digest}/checkpoint", timeout=30) as answer:
            return answer.read().decode()


class Log:
    """A log of Tessera in a folder."""

    def __init__(self, oneshot: pathlib.Path, folder: pathlib.Path, witness: Witness) -> None:
        self.oneshot, self.folder, self.witness = oneshot, folder, witness
        self.added = 0
        key_id = vkey(ORIGIN, 1, public()).split("+")[1]
        self.key = folder.with_suffix(".key")
        self.key.write_text(f"PRIVATE+KEY+{ORIGIN}+{key_id}+{base64.b64encode(bytes([1]) + SEED).decode()}")

    def add(self, count: int, salt: str, within: float) -> bool:
        """Adds entries; whether they were published."""
        entries = self.folder.with_suffix(".entries")
        shutil.rmtree(entries, ignore_errors=True)
        entries.mkdir()
        for number in range(count):
            (entries / f"{number:04}").write_text(f"{salt} {self.added + number}")
        self.added += count
        policy = self.folder.with_suffix(".policy")
        policy.write_text(f"witness S {self.witness.vkey} {self.witness.url}\nquorum S\n")
        command = [self.oneshot, "--storage_dir", self.folder, "--entries", entries / "*", "--private_key", self.key]
        command += ["--witness_policy_file", policy, "--witness_timeout", "5s"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=within, check=False)
        except subprocess.TimeoutExpired:
            return False
        refused = "witness policy was not satisfied" in done.stderr
        insist(done.returncode == 0 or refused, f"posix-oneshot ended with {done.returncode}: {done.stderr}")
        return done.returncode == 0

    def checkpoint(self) -> str:
        return (self.folder / "checkpoint").read_text()


def public() -> bytes:
    return Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()


def size(note: str) -> int:
    return int(note.split("\n")[1])


def examine(stele: pathlib.Path, oneshot: pathlib.Path, folder: pathlib.Path) -> str:
    witness = Witness(stele, folder / "witness", vkey(ORIGIN, 1, public()))
    log = Log(oneshot, folder / "log", witness)
    copy = folder / "copy"
    for count in RUNS:
        if log.added > 1:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(log.folder, copy)
        # Each run finds a witness that was started anew, at another address.
        with witness.serving():
            insist(log.add(count, "entry", WITHIN), f"{count} more entries are published with the cosignature")
            note = log.checkpoint()
            insist(size(note) == log.added, f"the checkpoint covers {log.added} entries: {note}")
            lines = re.findall(r"^\u2014 (\S+) ", note, re.MULTILINE)
            insist(lines[0] == ORIGIN and NAME in lines[1:], f"the log signed, the witness cosigned: {lines}")
            insist(witness.newest().split("\n\n")[0] == note.split("\n\n")[0], "the witness shows the same checkpoint")
    with witness.serving():
        before = witness.newest()
        # The log as it was before its last run, and a log that begins anew, under the same key.
        for other in (copy, folder / "anew"):
            published = Log(oneshot, other, witness).add(RUNS[-1] + 1, "another history", IN_VAIN)
            insist(not published, "another history is not published")
            insist(witness.newest() == before, "the witness did not move")
    return f"stele witness cosigned a log of Tessera up to {log.added} entries, and not its other history"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stele", type=pathlib.Path, required=True, help="the program to examine")
    parser.add_argument("--oneshot", type=pathlib.Path, required=True, help="posix-oneshot of Tessera")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stele-witnessed-") as folder:
        done = examine(arguments.stele.resolve(), arguments.oneshot.resolve(), pathlib.Path(folder))
    print(f"  {done}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
