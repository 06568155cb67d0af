"""Has Tessera's `fsck` and `client`, and the proof functions of transparency-dev/merkle, read a real log.

    tlog.py --stele PROGRAM --tlog PROGRAM

`tlog` is the program in `go/tlog`, which is made of their code. A fresh log is read at the sizes where tiles change
their form: 3, which is the smallest there is (genesis, policy, anchors), 255 to 257 and 65,535 to 65,537; and while it
grows. At each size fsck computes every tile and the root anew, their proofs and ours must be the same, and the newest
checkpoint must continue every older one. What somebody changes on the way must be noticed.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator

from examination import main
from service import Service

ISSUER = "https://issuer.example"
#: Sizes read one by one, and whether changes on the way are tried there.
AROUND = [(255, False), (256, False), (257, True), (65_535, False), (65_536, False), (65_537, True)]
#: How long a checkpoint may take to follow its entries.
PATIENCE = 30.0


class Examination:
    """One log and what is read of it."""

    def __init__(self, stele: pathlib.Path, tlog: pathlib.Path, folder: pathlib.Path) -> None:
        self.service = Service(stele, folder)
        self.tlog = tlog
        self.folder = folder
        self.checkpoints: list[pathlib.Path] = []
        self.statements = 0

    def run(self) -> Iterator[str]:
        service = self.service
        made = json.loads(service.stele("init", service.data, "--service-url", service.url, "--json"))
        self.vkey = made["checkpoint_key"]
        self.operator = service.data / "keys" / "operator.pem"
        self.issuer = self.folder / "issuer.pem"
        service.stele("key", "new", self.issuer)
        # The log registers nothing by itself meanwhile, so that it has exactly the sizes asked for.
        service.set("manifest_entries", 0)
        with service.serving():
            yield self.read(3)
            trust = ["--operator-key", self.operator, "--issuer", ISSUER, "--key", self.issuer]
            service.stele("policy", "trust", "--url", service.url, *trust)
        for first, sizes in ((255, AROUND[:3]), (65_535, AROUND[3:])):
            # One less, so that the first of them comes by HTTP as the others do.
            service.stele("bench", "grow", service.data, "--entries", str(first - 1))
            with service.serving():
                for size, tamper in sizes:
                    self.register()
                    yield self.read(size, tamper=tamper)
        with service.serving():
            yield self.follow()

    def register(self) -> None:
        """One more entry, of an issuer's own."""
        self.statements += 1
        payload, statement = self.folder / "payload", self.folder / "statement.cose"
        payload.write_text(str(self.statements))
        subject = f"urn:example:{self.statements}"
        signed = ["--key", self.issuer, "--issuer", ISSUER, "--subject", subject, "--content-type", "text/plain"]
        self.service.stele("sign", *signed, payload, "-o", statement)
        self.service.stele("register", "--url", self.service.url, statement, "-o", self.folder / "receipt.cose")

    def read(self, size: int, tamper: bool = False) -> str:
        deadline = time.monotonic() + PATIENCE
        while (published := self.size()) != size:
            if published > size or time.monotonic() > deadline:
                raise RuntimeError(f"the newest checkpoint is of size {published}, not {size}")
            time.sleep(0.05)
        saved = self.folder / f"checkpoint-{size}"
        older = [argument for file in self.checkpoints for argument in ("--older", file)]
        told = self.ask("--save", saved, *older, *(["--tamper"] if tamper else []))
        self.checkpoints.append(saved)
        return told

    def size(self) -> int:
        status, note, _ = self.service.get("/checkpoint")
        if status != 200:
            raise RuntimeError(f"/checkpoint answers {status}")
        return int(note.split(b"\n")[1])

    def follow(self) -> str:
        """Reads while entries are registered."""
        load = ["--rate", "100", "--concurrency", "4", "--repetitions", "1", "--duration", "20", "--payload-bytes", "20"]
        command = [self.service.program, "bench", "--url", self.service.url, "--operator-key", self.operator, *load]
        growing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return self.ask("--follow", "5")
        finally:
            growing.terminate()
            growing.wait()

    def ask(self, *arguments: str | pathlib.Path) -> str:
        command = [self.tlog, "--url", self.service.url, "--vkey", self.vkey, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"tlog {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()


def examine(stele: pathlib.Path, tlog: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    return Examination(stele, tlog, folder).run()


if __name__ == "__main__":
    sys.exit(main(__doc__, examine, tlog="the program made of go/tlog"))
