"""The figures, in the order of the table in the README: what each is, how it is measured, what it has to reach."""

import dataclasses
import pathlib
import shutil
import statistics
import subprocess
from typing import Callable

from service import MIB, PATIENCE, Failed, Log, Service, told

#: Entries of the large log.
LARGE = 10_000_000
#: Payload that makes a statement of 600 to 700 bytes.
PAYLOAD = 400
#: Payload in the large log, whose size on the disk is not what is measured there.
LARGE_PAYLOAD = 20
#: Bytes that an entry of the large log may take while it is compacted: twice what it takes afterwards.
LARGE_BYTES = 800
#: AIGP events that are sent through the door for records, over all repetitions: a million is what was asked for, and in
#: parts of it there is a range to tell.
EVENTS = 1_000_000
CROWD = 256
#: The part of the write buffer that counts as full. RocksDB begins to write it out at 7/8 of what it has allocated, which
#: is more than what lies in it (seen, of 32 MiB: at 27.7).
NEARLY = 0.8
#: Registrations a second that fill it.
FILLING = 4_000
#: The same part of the fullest that a buffer was seen to get.
CLOSE = 0.95


@dataclasses.dataclass
class Found:
    """A figure as it was measured."""
    median: float
    low: float
    high: float
    #: How often it was measured.
    times: int
    command: str
    #: None where nothing was promised: the figure is told, beside another.
    target: float | None
    at_most: bool = False
    show: Callable = "{:,.0f}".format

    @classmethod
    def over(cls, values, command, target, **how):
        """The middle and the range of what was measured."""
        return cls(statistics.median(values), min(values), max(values), len(values), command, target, **how)

    def row(self, figure):
        if self.target is None:
            reached, target = None, "none"
        else:
            reached = self.median <= self.target if self.at_most else self.median >= self.target
            target = ("at most " if self.at_most else "") + self.show(self.target)
        return {
            "number": figure.number, "what": figure.what, "command": self.command,
            "median": self.median, "min": self.low, "max": self.high, "times": self.times,
            "target": self.target, "target_is": "at most" if self.at_most else "at least", "reached": reached,
            "shown": self.show(self.median),
            "shown_range": f"{self.show(self.low)} to {self.show(self.high)}" if self.low != self.high else "",
            "shown_target": target,
        }


@dataclasses.dataclass(frozen=True)
class Figure:
    number: float
    what: str
    measure: Callable
    #: Whether it needs the large log.
    large: bool = False


def spread(answer, name, target, command, **how):
    """A figure that stele bench tells as median and range."""
    found = answer["summary"].get(name)
    if found is None:
        raise Failed(f"stele bench did not tell {name}")
    return Found(found["median"], found["min"], found["max"], len(answer["repetitions"]), command, target, **how)


class Buffer:
    """Tells when a buffer that fills, and is written out, again and again, is about as full as it gets."""

    def __init__(self, size):
        self.enough, self.fullest = NEARLY * size, 0

    def is_full(self, now):
        if now < self.fullest / 2:  # it was written out before it was that full
            self.enough, self.fullest = min(self.enough, CLOSE * self.fullest), 0
        self.fullest = max(self.fullest, now)
        return now >= self.enough


class Bench:
    """One run: its options, its logs, and what was measured so far, because some figures need others."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.raw = {}
        self.known = {}
        self.repetitions = options.repetitions or (2 if options.quick else 5)
        self.duration = options.duration or (2 if options.quick else 10)
        self.entries = options.entries or LARGE

    def measure(self, figure):
        return figure.measure(self).row(figure)

    def log(self, name, **how):
        return Log(self.options.stele, self.scratch / name, **how)

    def load(self, label, service, *options):
        """Loads a service for as long as this run wants; the answer and the command that gives it again."""
        timing = ["--duration", self.duration, "--repetitions", self.repetitions]
        print(f"  stele bench {' '.join(map(str, [*options, *timing]))}", flush=True)
        # Signing before and verifying after each repetition take about as long as it; the rest is for a busy machine.
        answer = service.load(*options, *timing, seconds=600 + 10 * self.repetitions * self.duration)
        self.raw.setdefault(label, []).append(answer)
        errors = sum(sum(one["errors_by_kind"].values()) for one in answer["repetitions"])
        if errors:
            kinds = {kind for one in answer["repetitions"] for kind in one["errors_by_kind"]}
            print(f"  note: {errors} requests went wrong: {', '.join(sorted(kinds))}", flush=True)
        return answer, "stele bench " + " ".join(map(str, options))

    def fresh(self, label, *options, **how):
        """A load on an empty log of its own."""
        with Service(self.log(f"{label}-{len(self.raw.get(label, []))}", **how)) as service:
            return self.load(label, service, *options)

    # One measurement serves several figures.
    def crowd(self):
        if "crowd" not in self.known:
            self.known["crowd"] = self.fresh("ed25519", *CROWD_OPTIONS, "--alg", "ed25519")
        return self.known["crowd"]

    def middling(self):
        """A log with a few hundred full tiles, compacted."""
        if "middling" not in self.known:
            log = self.log("middling")
            entries = 20_000 if self.options.quick else 200_000
            self.known["middling"] = log, log.grow(entries, PAYLOAD, compact=True)
            self.raw["middling"] = self.known["middling"][1]
        return self.known["middling"]

    def large(self):
        """The large log and what its making told; the one of --grown if it is there."""
        if "large" not in self.known:
            place = pathlib.Path(self.options.grown) if self.options.grown else self.scratch / "large"
            log = Log(self.options.stele, place)
            free = shutil.disk_usage(log.folder).free
            if free < self.entries * LARGE_BYTES:
                raise Failed(f"a log of {self.entries:,} entries needs {self.entries * LARGE_BYTES >> 30} GiB; "
                             f"there are {free >> 30}")
            print(f"  growing a log to {self.entries:,} entries", flush=True)
            self.known["large"] = log, log.grow(self.entries, LARGE_PAYLOAD)
            self.raw["large"] = self.known["large"][1]
        return self.known["large"]

    def on_large(self, label, at_rest):
        """The same load on an empty log, on the large one, and on an empty one again, right after each other."""
        if label not in self.known:
            log, _ = self.large()
            options = [*CROWD_OPTIONS, "--alg", "ed25519"]
            before = self.known.get("empty") or self.fresh("empty", *options)[0]
            with Service(log) as service:
                waited = service.rest() if at_rest else 0.0
                state = {"entries": service.size(), "waited_s": waited, **service.merging()}
                self.raw[f"{label}-state"] = state
                large, command = self.load(label, service, *options)
            after, _ = self.fresh("empty", *options)
            # With nothing in between it is also the one before the next.
            self.known["empty"] = after
            self.known[label] = Compared([before, after], large, state, command)
        return self.known[label]


@dataclasses.dataclass(frozen=True)
class Compared:
    """A load on empty logs and on the large one, and how that was before it."""
    empty: list
    large: dict
    state: dict
    command: str

    def said(self):
        return f"{self.command} at {large_log(self.state['entries'])}, {self.state['debt_bytes'] / MIB:,.0f} MiB to merge"


def large_log(entries):
    return f"{entries:,} entries (grown with {LARGE_PAYLOAD} payload bytes each, loaded with {PAYLOAD})"


CROWD_OPTIONS = ["--concurrency", CROWD, "--payload-bytes", PAYLOAD, "--issuers", 4]


def ed25519(bench):
    answer, command = bench.crowd()
    return spread(answer, "rate", 11_000, command)


def es256(bench):
    answer, command = bench.fresh("es256", *CROWD_OPTIONS, "--alg", "es256", receipt_alg="es256")
    return spread(answer, "rate", 7_500, command)


def open_loop(bench):
    rate = int(bench.crowd()[0]["summary"]["rate"]["median"] / 2)
    answer, command = bench.fresh("open", *CROWD_OPTIONS, "--alg", "ed25519", "--rate", max(rate, 1))
    return spread(answer, "latency_p99_ms", 50, command, at_most=True, show="{:.1f} ms".format)


def lone_client(bench):
    log = bench.log("lone")
    with Service(log) as service:
        options = ["--concurrency", 1, "--payload-bytes", PAYLOAD, "--yardstick", log.folder]
        answer, _ = bench.load("lone", service, *options)
    marks = [answer["yardstick_before_ms"]["p50"], answer["yardstick_after_ms"]["p50"]]
    target = 2 * statistics.mean(marks) + 0.3
    command = f"stele bench --concurrency 1 --yardstick DIR (yardstick {marks[0]:.2f} and {marks[1]:.2f} ms)"
    return spread(answer, "latency_p50_ms", target, command, at_most=True, show="{:.2f} ms".format)


def processor(bench):
    answer, command = bench.crowd()
    return spread(answer, "server_cpu_us_each", 120, command, at_most=True, show="{:.0f} us".format)


def batches(bench):
    options = ["--concurrency", 8, "--batch", 500, "--payload-bytes", PAYLOAD, "--issuers", 4]
    answer, command = bench.fresh("batch", *options)
    return spread(answer, "rate", 16_000, command)


def evidence(bench):
    """A log of its own whose one producer has the token."""
    if "evidence" not in bench.known:
        token = bench.scratch / "producer.token"
        made = told([str(bench.options.stele), "token", "new", str(token), "--json"], 60)
        producer = f'[{{ id = "bench", token_sha256 = ["{made["token_sha256"]}"], doors = ["evidence"] }}]'
        events = bench.options.events or (20_000 if bench.options.quick else EVENTS)
        options = ["--events", str(max(events // bench.repetitions, 1)), "--repetitions", str(bench.repetitions),
                   "--concurrency", "8", "--request-timeout", "600"]
        with Service(bench.log("evidence", settings=[("evidence", "producers", producer)])) as service:
            command = [str(bench.options.stele), "bench", "evidence", "--url", service.url, "--token", str(token),
                       "--server-pid", str(service.process.pid), *options, "--json"]
            # A thousand a second is less than a tenth of what a small machine does.
            bench.known["evidence"] = told(command, 600 + events // 1000), "stele bench evidence " + " ".join(options)
        bench.raw["evidence"] = bench.known["evidence"][0]
    return bench.known["evidence"]


def events_a_second(bench):
    answer, command = evidence(bench)
    return spread(answer, "rate", None, command)


def events_beside_statements(bench):
    answer, command = evidence(bench)
    plain = bench.crowd()[0]["summary"]["rate"]["median"]
    ratios = [one["rate"] / plain for one in answer["repetitions"]]
    return Found.over(ratios, f"{command}, against figure 1", None, show="{:.2f} x".format)


def event_processor(bench):
    answer, command = evidence(bench)
    return spread(answer, "server_cpu_us_each", None, command, at_most=True, show="{:.0f} us".format)


def receipts(bench):
    with Service(bench.middling()[0]) as service:
        answer, command = bench.load("receipts", service, "--concurrency", 64, "--read", "receipt")
    return spread(answer, "rate", 25_000, command)


def tiles(bench):
    with Service(bench.middling()[0]) as service:
        answer, command = bench.load("tiles", service, "--concurrency", 64, "--read", "tile")
    return spread(answer, "rate", 40_000, command)


def growth(bench, label="grown", at_rest=False):
    compared = bench.on_large(label, at_rest)
    middle = statistics.median(one["rate"] for answer in compared.empty for one in answer["repetitions"])
    ratios = [one["rate"] / middle for one in compared.large["repetitions"]]
    return Found.over(ratios, f"{compared.said()}, and at none", 0.85, show="{:.2f} x".format)


def growth_at_rest(bench):
    return growth(bench, "grown-at-rest", at_rest=True)


def memory(bench):
    compared = bench.on_large("grown", at_rest=False)
    peaks = [one["server_peak_memory_bytes"] for one in compared.large["repetitions"]]
    return Found(max(peaks), max(peaks), max(peaks), len(peaks), compared.said(), 1024 * MIB, at_most=True,
                 show=lambda value: f"{value / MIB:,.0f} MiB")


def beyond(grown):
    """Bytes on the disk for each entry beyond its statement: all files of the store, its write-ahead log included, but the
    tables and blob files of the family that holds statements. So what compression saves on statements hides nothing, and
    the keys, filters and indexes of that family are not counted either."""
    return (grown["bytes_on_disk"] - grown["bytes_by_kind"]["statements"]) / grown["entries"]


def disk(bench):
    _, grown = bench.middling()
    return Found.over([beyond(grown)],
                      f"stele bench grow DIR --entries {grown['entries']} --payload-bytes {PAYLOAD} --compact",
                      250, at_most=True, show="{:.0f} bytes".format)


def disk_in_small_rounds(bench):
    log = bench.log("small-rounds", settings=[("ledger", "round_entries", 1)])
    grown = log.grow(500 if bench.options.quick else 20_000, PAYLOAD, compact=True)
    bench.raw["small-rounds"] = grown
    command = f"ledger.round_entries = 1; stele bench grow DIR --entries {grown['entries']} --compact"
    return Found.over([beyond(grown)], command, 250, at_most=True, show="{:.0f} bytes".format)


def restart(bench):
    log, _ = bench.large()
    starts, entries = [], 0
    for _ in range(bench.repetitions):
        left = kill_under_load(log)
        with Service(log) as again:
            starts.append({"seconds": again.started_in, **left})
            entries = again.size()
    bench.raw["restarts"] = starts
    least = [min(one[name] for one in starts) / MIB for name in ("buffered_bytes", "wal_bytes")]
    command = (f"SIGKILL under load with {least[0]:,.0f} MiB of the write buffer's {log.write_buffer() // MIB} in use, or more, "
               f"and {least[1]:,.0f} MiB of write-ahead log, stele serve, GET /readyz, at {large_log(entries)}")
    return Found.over([one["seconds"] for one in starts], command, 3, at_most=True, show="{:.2f} s".format)


def kill_under_load(log):
    """Kills a service in the middle of a load, when the buffer that the next start has to fill again is as full as it
    gets. Gives the bytes that were in it and those of the write-ahead log."""
    service, load, buffer = Service(log), None, Buffer(log.write_buffer())
    try:
        options = ["--concurrency", 64, "--rate", FILLING, "--duration", PATIENCE // 4, "--repetitions", 1,
                   "--payload-bytes", PAYLOAD]
        load = subprocess.Popen(service.command(*options), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

        def is_full():
            if load.poll() is not None:
                raise Failed("the load ended before the write buffer was full")
            return buffer.is_full(service.buffered())

        service.wait_for(is_full, "left with a full write buffer", 0.02)
    finally:
        service.kill()
        if load is not None:
            load.kill()
            load.wait()
    return {"buffered_bytes": buffer.fullest, "wal_bytes": log.written_ahead()}


def offline(bench, name, target):
    if "offline" not in bench.known:
        command = [bench.options.stele, "bench", "offline", "--repetitions", str(bench.repetitions),
                   "--duration", str(min(bench.duration, 5)), "--json"]
        bench.known["offline"] = told(command, 600 + 20 * bench.repetitions * bench.duration)
        bench.raw["offline"] = bench.known["offline"]
    found = bench.known["offline"][name]
    return Found(found["median"], found["min"], found["max"], bench.repetitions, "stele bench offline", target)


def audit(bench):
    log, _ = bench.middling()
    answers = [log.audit() for _ in range(bench.repetitions)]
    bench.raw["audit"] = answers
    rates = [answer["replayed_now"] / answer["seconds"] for answer in answers]
    entries = answers[0]["tree_size"]
    if any(answer["judged"] != entries for answer in answers):
        raise Failed("the audit left entries out")
    return Found.over(rates, f"stele audit --data DIR --json at {entries:,} entries", 18_000)


#: Nothing of a load matches them but the log's own statements.
RULES = """
[[rule]]
name = "one of our issuers"
issuer = ["https://acme.example", "https://agents.acme.example"]
[[rule]]
name = "our agents"
subject_regex = '^spiffe://acme\\.example/'
[[rule]]
name = "our name in a payload"
payload_regex = 'acme\\.example'
[[rule]]
name = "policy or trust anchors changed"
control = true
"""


def follow(bench, label, target, rules=None):
    log, _ = bench.middling()
    with Service(log) as service:
        rounds = [service.follow(bench.scratch, rules) for _ in range(bench.repetitions)]
    bench.raw[label] = [dict(zip(("entries", "matches", "seconds"), one)) for one in rounds]
    if rules and not all(matches for _, matches, _ in rounds):
        raise Failed("the monitor found nothing")
    rates = [entries / seconds for entries, _, seconds in rounds]
    words = "stele monitor --url URL --vkey V --state NEW --once" + (" --rules FILE" if rules else "")
    return Found.over(rates, f"{words} at {rounds[0][0]:,} entries", target)


def witness(bench):
    options = ["--duration", str(bench.duration), "--repetitions", str(bench.repetitions)]
    folder = bench.scratch / f"witness-{len(bench.raw.get('witness', []))}"
    command = [bench.options.stele, "bench", "witness", str(folder), *options, "--json"]
    answer = told(command, 600 + 10 * bench.repetitions * bench.duration)
    bench.raw.setdefault("witness", []).append(answer)
    marks = [answer["yardstick_before_ms"]["p50"], answer["yardstick_after_ms"]["p50"]]
    return spread(answer, "rate", 1_000, f"stele bench witness DIR (yardstick {marks[0]:.2f} and {marks[1]:.2f} ms)")


ALL = [
    Figure(1, "registrations a second: durable, verified, with receipts; Ed25519, 256 connections", ed25519),
    Figure(2, "the same with ES256 issuers and ES256 receipts", es256),
    Figure(3, "p99 latency at half of figure 1's rate, open loop", open_loop),
    Figure(4, "p50 latency of a lone client (2 x a synced write + 300 us)", lone_client),
    Figure(5, "server processor time a registration, Ed25519", processor),
    Figure(6, "statements a second in batches of 500", batches),
    Figure(7, "receipts fetched a second, a fresh signature each", receipts),
    Figure(8, "full tiles served a second", tiles),
    Figure(9, "registrations a second in a large log as it is found, against an empty one", growth, large=True),
    Figure(9.1, "the same once the store has merged what growing left", growth_at_rest, large=True),
    Figure(10, "peak memory of the server with a large log under load, the greatest", memory, large=True),
    Figure(11, "bytes on the disk for each entry, compacted: the whole store without its family of statements", disk),
    Figure(11.1, "the same with one entry a round", disk_in_small_rounds),
    Figure(12, "from start to ready with a large log, after SIGKILL with a full write buffer", restart, large=True),
    Figure(13, "offline verifications a second on one core: the receipt", lambda bench: offline(
        bench, "receipt_alone_per_s", 15_000)),
    Figure(13.1, "the same with the issuer's signature", lambda bench: offline(
        bench, "with_issuer_signature_per_s", 9_000)),
    Figure(14, "entries a second of a full audit of a folder: every signature and decision, Ed25519", audit),
    Figure(15, "entries a second of a monitor that catches up over HTTP, the tree only", lambda bench: follow(
        bench, "monitor", 100_000)),
    Figure(15.1, "the same with every statement fetched and matched against rules", lambda bench: follow(
        bench, "monitor-rules", 20_000, RULES)),
    Figure(16, "checkpoints a second that a witness cosigns, Ed25519 and ML-DSA-44, each durable", witness),
    Figure(17, "AIGP events a second as NDJSON, unsigned: examined, wrapped, durable, with receipts", events_a_second),
    Figure(17.1, "the same against figure 1's rate", events_beside_statements),
    Figure(17.2, "server processor time an event", event_processor),
]
