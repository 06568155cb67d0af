"""A log in a folder and the service on it: made, started, stopped, killed."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request


class Failed(Exception):
    """Something that had to work did not."""


def told(command):
    """Runs a command that answers in JSON; gives the answer."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


class Log:
    """The folder of a log, made by stele init, without limits that a load from one address would meet."""

    def __init__(self, stele, folder, receipt_alg="eddsa", settings=()):
        self.stele, self.folder = str(stele), pathlib.Path(folder)
        if not self.folder.exists():
            told([self.stele, "init", str(self.folder), "--service-url", "http://127.0.0.1:8080",
                  "--receipt-alg", receipt_alg, "--json"])
            self.set("limits", "rate_requests", 0)
        for section, name, value in settings:
            self.set(section, name, value)

    def set(self, section, name, value):
        """Changes one setting of stele.toml, where stele init has written all of them."""
        file = self.folder / "stele.toml"
        here, found, lines = None, False, []
        for line in file.read_text().splitlines():
            if line.startswith("["):
                here = line.strip("[]")
            if here == section and re.match(rf"#? ?{name} = ", line):
                line, found = f"{name} = {value}", True
            lines.append(line)
        if not found:
            raise Failed(f"stele.toml has no setting {section}.{name}")
        file.write_text("\n".join(lines) + "\n")

    @property
    def operator_key(self):
        return str(self.folder / "keys" / "operator.pem")

    def grow(self, entries, payload_bytes, compact=False):
        """stele bench grow; what it told."""
        command = [self.stele, "bench", "grow", str(self.folder), "--entries", str(entries),
                   "--payload-bytes", str(payload_bytes), "--json"]
        return told(command + (["--compact"] if compact else []))


class Service:
    """A running stele serve, which is killed if nobody stops it."""

    def __init__(self, log):
        self.log, self.errors = log, open(log.folder / "serve.err", "ab")
        command = [log.stele, "serve", str(log.folder), "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0",
                   "--json"]
        begun = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            errors = (log.folder / "serve.err").read_text(errors="replace")
            raise Failed(f"the service did not start: {errors[-2000:]}")
        ready = json.loads(line)
        self.url, self.private = ready["listening"], ready["private"]
        self.size = ready["tree_size"]
        while not self.is_ready():
            time.sleep(0.002)
        #: From starting the process to being ready, in seconds.
        self.started_in = time.monotonic() - begun

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=30) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False

    def command(self, *options):
        """The stele bench that loads this service."""
        return [self.log.stele, "bench", "--url", self.url, "--operator-key", self.log.operator_key,
                "--metrics-url", f"{self.private}/metrics", "--server-pid", str(self.process.pid), "--json",
                *map(str, options)]

    def load(self, *options):
        """Loads this service; what stele bench told."""
        return told(self.command(*options))

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def stop(self):
        self.process.terminate()
        if self.end() != 0:
            raise Failed(f"the service did not end well; see {self.log.folder / 'serve.err'}")

    def end(self):
        code = self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.kill()
