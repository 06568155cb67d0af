"""A log in a folder and the service on it: made, started, stopped, killed."""

import json
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request


class Failed(Exception):
    """Something that had to work did not."""


#: Seconds after which something that has to end, or to begin, is given up.
PATIENCE = 120
#: Seconds that a store is given to merge all that it has to merge.
REST_WITHIN = 300
#: So many looks in a row, a second between, find nothing to merge: between two merges there is none for a moment.
STILL = 3
MIB = 1 << 20
#: The same for growing a log, which may take long and says so.
LONG = 4 * 3600


def told(command, seconds):
    """Runs a command that answers in JSON within so many seconds; gives the answer."""
    return json.loads(said(command, seconds))


def said(command, seconds):
    """Runs a command that has to end well within so many seconds; gives what it printed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command)} did not end within {seconds} s") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


class Log:
    """The folder of a log, made by stele init, without limits that a load from one address would meet."""

    def __init__(self, stele, folder, receipt_alg="eddsa", settings=()):
        self.stele, self.folder = str(stele), pathlib.Path(folder)
        #: The key of its checkpoints; known of a log that was made here.
        self.vkey = None
        if not self.folder.exists():
            made = told([self.stele, "init", str(self.folder), "--service-url", "http://127.0.0.1:8080",
                         "--receipt-alg", receipt_alg, "--json"], PATIENCE)
            self.vkey = made["checkpoint_key"]
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

    def get(self, section, name):
        """One whole number of stele.toml."""
        part = re.search(rf"^\[{re.escape(section)}\]$(.*?)(?=^\[|\Z)", (self.folder / "stele.toml").read_text(),
                         re.MULTILINE | re.DOTALL)
        found = part and re.search(rf"^{re.escape(name)} = ([0-9]+)", part.group(1), re.MULTILINE)
        if not found:
            raise Failed(f"stele.toml has no number {section}.{name}")
        return int(found.group(1))

    def write_buffer(self):
        """Bytes of commits that the store keeps before it writes a table."""
        return self.get("store", "write_buffer_mib") * MIB

    def written_ahead(self):
        """Bytes of the write-ahead log, which the next start reads."""
        return sum(file.stat().st_size for file in (self.folder / "store" / "db").glob("*.log"))

    @property
    def operator_key(self):
        return str(self.folder / "keys" / "operator.pem")

    def grow(self, entries, payload_bytes, compact=False):
        """stele bench grow; what it told."""
        command = [self.stele, "bench", "grow", str(self.folder), "--entries", str(entries),
                   "--payload-bytes", str(payload_bytes), "--json"]
        return told(command + (["--compact"] if compact else []), LONG)

    def audit(self):
        """stele audit of the folder, in which nothing may be served meanwhile; what it told."""
        return told([self.stele, "audit", "--data", str(self.folder), "--json"], LONG)


class Service:
    """A running stele serve, which is killed if nobody stops it."""

    def __init__(self, log):
        self.log, self.errors = log, open(log.folder / "serve.err", "ab")
        command = [log.stele, "serve", str(log.folder), "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0",
                   "--json"]
        begun = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        #: From starting the process to being ready, in seconds.
        self.started_in = time.monotonic() - begun

    def wait_until_ready(self):
        line = self.process.stdout.readline()
        if not line:
            errors = (self.log.folder / "serve.err").read_text(errors="replace")
            raise Failed(f"the service did not start: {errors[-2000:]}")
        ready = json.loads(line)
        self.url, self.private = ready["listening"], ready["private"]
        self.wait_for(self.is_ready, "ready", 0.002)

    def wait_for(self, condition, what, pause):
        limit = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > limit or self.process.poll() is not None:
                raise Failed(f"the service was not {what} within {PATIENCE} s")
            time.sleep(pause)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=PATIENCE) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def get(self, url):
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError) as error:
            raise Failed(f"the service does not answer: {error}") from error

    def gauges(self, *names):
        """Metrics of the service, by their names without labels, as they are at one moment."""
        text = self.get(f"{self.private}/metrics")
        found = {name: re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", text, re.MULTILINE) for name in names}
        if missing := [name for name in names if not found[name]]:
            raise Failed(f"the service shows no {missing[0]}")
        return [int(float(found[name].group(1))) for name in names]

    def buffered(self):
        """Bytes of commits that are in no table yet."""
        return self.gauges("stele_store_buffered_bytes")[0]

    def merging(self):
        """What the store has still to merge, and how many merges run."""
        debt, running = self.gauges("stele_store_compaction_debt_bytes", "stele_store_compactions")
        return {"debt_bytes": debt, "compactions": running}

    def rest(self, within=REST_WITHIN, look=1.0):
        """Waits until the store has merged all that there is to merge; seconds it took."""
        begun, still = time.monotonic(), 0
        while still < STILL:
            now = self.merging()
            still = still + 1 if not any(now.values()) else 0
            if time.monotonic() - begun > within:
                raise Failed(f"the store still merges after {within} s: {now['debt_bytes'] / MIB:,.0f} MiB are left")
            time.sleep(look)
        return time.monotonic() - begun

    def size(self):
        """How many entries the newest checkpoint covers."""
        lines = self.get(f"{self.url}/checkpoint").split("\n")
        if len(lines) < 3 or not lines[1].isdigit():
            raise Failed("the checkpoint cannot be read")
        return int(lines[1])

    def command(self, *options):
        """The stele bench that loads this service."""
        return [self.log.stele, "bench", "--url", self.url, "--operator-key", self.log.operator_key,
                "--metrics-url", f"{self.private}/metrics", "--server-pid", str(self.process.pid), "--json",
                *map(str, options)]

    def follow(self, place, rules=None):
        """A new monitor that looks once at the whole log; entries, matches, and seconds from start to end."""
        state = place / "monitor.json"
        state.unlink(missing_ok=True)
        command = [self.log.stele, "monitor", "--url", self.url, "--vkey", self.log.vkey, "--state", str(state), "--once"]
        if rules is not None:
            (place / "rules.toml").write_text(rules)
            command += ["--rules", str(place / "rules.toml")]
        begun = time.monotonic()
        lines = [json.loads(line) for line in said(command, LONG).splitlines()]
        seconds = time.monotonic() - begun
        entries = [line["tree_size"] for line in lines if line["event"] == "head"]
        if len(entries) != 1 or json.loads(state.read_text())["next"] != entries[0]:
            raise Failed(f"the monitor did not follow the log to its end: {lines[-1:]}")
        return entries[0], sum(line["event"] == "match" for line in lines), seconds

    def load(self, *options, seconds):
        """Loads this service; what stele bench told."""
        return told(self.command(*options), seconds)

    def kill(self):
        self.process.kill()
        self.end()

    def stop(self):
        self.process.terminate()
        if self.end() != 0:
            raise Failed(f"the service did not end well; see {self.log.folder / 'serve.err'}")

    def end(self):
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
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
