"""`stele witness`, running as a witness of logs that other people's programs make."""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator

NAME = "stele.example/w"


class SteleWitness:
    """The program, its folder, and its submission prefix while it serves."""

    def __init__(self, stele: pathlib.Path, folder: pathlib.Path, log_vkeys: list[str]) -> None:
        self.stele, self.folder = stele, folder
        command = [stele, "witness", "init", folder, "--name", NAME, "--json"]
        made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        # The programs of others know cosigners with Ed25519.
        self.vkey = next(key for key in made["vkeys"] if base64.b64decode(key.split("+", 2)[2])[0] == 4)
        (folder / "logs.policy").write_text("".join(f"log {key}\n" for key in log_vkeys) + "quorum none\n")
        self.url = ""

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serves for as long as the block runs, each time at another address."""
        command = [self.stele, "witness", "serve", self.folder, "--listen", "127.0.0.1:0", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.url = json.loads(process.stdout.readline())["listening"]
            yield
        finally:
            process.terminate()
            code = process.wait(timeout=60)
            process.stdout.close()
        if code != 0:
            raise RuntimeError(f"stele witness serve ended with {code}")
