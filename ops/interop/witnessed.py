"""Lets `stele witness` cosign for a log of Tessera, which asks with Tessera's own witness client.

    witnessed.py --stele PROGRAM --oneshot PROGRAM

`posix-oneshot` is the program of that name in Tessera. It adds entries to a log in a folder and publishes nothing that its
witness policy does not find cosigned. The log grows in several runs, around a full tile and across a restart of the
witness; an old copy of it that goes on otherwise, and a log that begins anew under its key, get no cosignature.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

from cose import insist
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from examination import main
from notes import signer_key, vkey
from stele_witness import NAME, SteleWitness

ORIGIN = "tessera.example/log"
SEED = bytes(range(96, 128))
#: How many entries each run adds.
RUNS = (1, 3, 252, 1)
#: How long a run may take. One that gets no cosignature would wait for ever.
WITHIN = 60.0
#: How long a run that should get none is waited for.
IN_VAIN = 6.0


class Log:
    """A log of Tessera in a folder."""

    def __init__(self, oneshot: pathlib.Path, folder: pathlib.Path, witness: SteleWitness) -> None:
        self.oneshot, self.folder, self.witness = oneshot, folder, witness
        self.added = 0
        self.key = folder.with_suffix(".key")
        self.key.write_text(signer_key(ORIGIN, SEED, public()))

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


def newest(witness: SteleWitness) -> str:
    """The checkpoint that the witness shows as its newest."""
    digest = hashlib.sha256(ORIGIN.encode()).hexdigest()
    with urllib.request.urlopen(f"{witness.url}/{digest}/checkpoint", timeout=30) as answer:
        return answer.read().decode()


def examine(stele: pathlib.Path, oneshot: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    witness = SteleWitness(stele, folder / "witness", [vkey(ORIGIN, 1, public())])
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
            insist(newest(witness).split("\n\n")[0] == note.split("\n\n")[0], "the witness shows the same checkpoint")
    with witness.serving():
        before = newest(witness)
        # The log as it was before its last run, and a log that begins anew, under the same key.
        for other in (copy, folder / "anew"):
            published = Log(oneshot, other, witness).add(RUNS[-1] + 1, "another history", IN_VAIN)
            insist(not published, "another history is not published")
            insist(newest(witness) == before, "the witness did not move")
    yield f"stele witness cosigned a log of Tessera up to {log.added} entries, and not its other history"


if __name__ == "__main__":
    sys.exit(main(__doc__, examine, oneshot="posix-oneshot of Tessera"))
