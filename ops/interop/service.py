"""A real `stele` process with a log of its own, driven through its command line and over HTTP."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

READY_WITHIN = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str | pathlib.Path], address: str, log: pathlib.Path) -> Iterator[None]:
    """Runs a program of others for as long as the block does, from when it takes connections at the address."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + READY_WITHIN
        host, port = address.split(":")
        while not _is_there(host, int(port)):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"nobody is at {address}:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_there(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


class Service:
    """The program, one data folder, and the address it serves at."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path) -> None:
        self.program = program
        self.folder = folder
        self.data = folder / "data"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"

    def stele(self, *arguments: str | pathlib.Path) -> str:
        """Runs one command of the program; what it printed, or an error with what it complained about."""
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def set(self, name: str, value: str | int) -> None:
        """Changes one setting of stele.toml, where `stele init` has written all of them."""
        file = self.data / "stele.toml"
        line = f"{name} = {json.dumps(value)}"
        text, found = re.subn(rf"^#?{name} = .*$", lambda _: line, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if found != 1:
            raise RuntimeError(f"stele.toml names {name} {found} times")
        file.write_text(text, encoding="utf-8")

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serves for as long as the block runs, then stops the process as an operator would."""
        log = (self.folder / "serve.log").open("wb")
        process = subprocess.Popen(
            [str(self.program), "serve", str(self.data), "--listen", self.address, "--private", "off"],
            stdout=log,
            stderr=log,
        )
        try:
            self._wait(process)
            yield
        finally:
            process.terminate()
            code = process.wait(timeout=60)
            log.close()
        if code != 0:
            raise RuntimeError(f"stele serve ended with {code}:\n{self.log()}")

    def _wait(self, process: subprocess.Popen) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"stele serve ended with {process.returncode}:\n{self.log()}")
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the service was not ready within {READY_WITHIN:.0f} s:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")

    def get(self, path: str) -> tuple[int, bytes, str | None]:
        """Gets a resource; status, body and Location of the answer."""
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: bytes) -> tuple[int, bytes, str | None]:
        """Posts a statement; status, body and Location of the answer."""
        headers = {"Content-Type": "application/cose", "Accept": "application/cose"}
        return self._ask(urllib.request.Request(self.url + path, data=body, headers=headers))

    @staticmethod
    def _ask(request: urllib.request.Request) -> tuple[int, bytes, str | None]:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), answer.headers.get("Location")
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read(), refusal.headers.get("Location")


