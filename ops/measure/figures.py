"""The figures, in the order of the table in the README: what each is, how it is measured, what it has to reach."""

import dataclasses
import pathlib
import shutil
import statistics
import subprocess
from typing import Callable

from service import Failed, Log, Service, told

#: Entries of the large log.
LARGE = 10_000_000
#: Payload that makes a statement of 600 to 700 bytes.
PAYLOAD = 400
#: Payload in the large log, whose size on the disk is not what is measured there.
LARGE_PAYLOAD = 20
#: Bytes that an entry of the large log may take while it is compacted: twice what it takes afterwards.
LARGE_BYTES = 800
#: AIGP events that are sent through the door for records.
EVENTS = 1_000_000
CROWD = 256
MIB = 1 << 20


@dataclasses.dataclass
class Found:
    """A figure as it was measured."""
    median: float
    low: float
    high: float
    command: str
    #: None where nothing was promised: the figure is told, beside another.
    target: float | None
    at_most: bool = False
    show: Callable = "{:,.0f}".format

    def row(self, figure):
        if self.target is None:
            reached, target = None, "none"
        else:
            reached = self.median <= self.target if self.at_most else self.median >= self.target
            target = ("at most " if self.at_most else "") + self.show(self.target)
        return {
            "number": figure.number, "what": figure.what, "command": self.command,
            "median": self.median, "min": self.low, "max": self.high,
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
    return Found(found["median"], found["min"], found["max"], command, target, **how)


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

    def crowd_on_large(self):
        """The same load on an empty log, on the large one, and on an empty one again, right after each other."""
        if "crowd_on_large" not in self.known:
            log, _ = self.large()
            options = [*CROWD_OPTIONS, "--alg", "ed25519"]
            before, _ = self.fresh("empty", *options)
            with Service(log) as service:
                large, command = self.load("grown", service, *options)
            after, _ = self.fresh("empty", *options)
            self.known["crowd_on_large"] = before, large, after, command
        return self.known["crowd_on_large"]


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
        options = ["--events", str(events), "--concurrency", "8", "--request-timeout", "600"]
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
    ratio = answer["summary"]["rate"]["median"] / plain
    return Found(ratio, ratio, ratio, f"{command}, against figure 1", None, show="{:.2f} x".format)


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


def growth(bench):
    before, large, after, command = bench.crowd_on_large()
    empty = [repetition["rate"] for answer in (before, after) for repetition in answer["repetitions"]]
    full = [repetition["rate"] for repetition in large["repetitions"]]
    middle = statistics.median(empty)
    ratios = [rate / middle for rate in full]
    return Found(statistics.median(ratios), min(ratios), max(ratios), f"{command} at {bench.entries:,} entries and at none",
                 0.85, show="{:.2f} x".format)


def memory(bench):
    _, large, _, command = bench.crowd_on_large()
    peaks = [repetition["server_peak_memory_bytes"] for repetition in large["repetitions"]]
    return Found(max(peaks), max(peaks), max(peaks), f"{command} at {bench.entries:,} entries", 1024 * MIB,
                 at_most=True, show=lambda value: f"{value / MIB:,.0f} MiB")


def beyond(grown):
    """Bytes on the disk for each entry beyond its statement: all but the rows that hold statements, so that what
    compression saves on statements does not hide anything."""
    return (grown["bytes_on_disk"] - grown["bytes_by_kind"]["statements"]) / grown["entries"]


def disk(bench):
    _, grown = bench.middling()
    each = beyond(grown)
    return Found(each, each, each, f"stele bench grow DIR --entries {grown['entries']} --payload-bytes {PAYLOAD} --compact",
                 250, at_most=True, show="{:.0f} bytes".format)


def disk_in_small_rounds(bench):
    log = bench.log("small-rounds", settings=[("ledger", "round_entries", 1)])
    grown = log.grow(2_000 if bench.options.quick else 20_000, PAYLOAD, compact=True)
    bench.raw["small-rounds"] = grown
    each = beyond(grown)
    command = f"ledger.round_entries = 1; stele bench grow DIR --entries {grown['entries']} --compact"
    return Found(each, each, each, command, 250, at_most=True, show="{:.0f} bytes".format)


def restart(bench):
    log, _ = bench.large()
    times = []
    for _ in range(bench.repetitions):
        kill_under_load(log)
        with Service(log) as again:
            times.append(again.started_in)
    bench.raw["restart_seconds"] = times
    return Found(statistics.median(times), min(times), max(times),
                 f"SIGKILL under load, stele serve, GET /readyz, at {bench.entries:,} entries", 3, at_most=True,
                 show="{:.2f} s".format)


def kill_under_load(log):
    """Kills a service in the middle of a load of its own."""
    rate = 2_000
    service, load = Service(log), None
    try:
        options = ["--concurrency", 64, "--rate", rate, "--duration", 120, "--repetitions", 1, "--payload-bytes", PAYLOAD]
        load = subprocess.Popen(service.command(*options), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        # The warm-up is one second of it, so beyond two the load itself is running.
        service.wait_for(lambda: service.registered() > 2 * rate, "under load", 0.05)
    finally:
        service.kill()
        if load is not None:
            load.kill()
            load.wait()


def offline(bench, name, target):
    if "offline" not in bench.known:
        command = [bench.options.stele, "bench", "offline", "--repetitions", str(bench.repetitions),
                   "--duration", str(min(bench.duration, 5)), "--json"]
        bench.known["offline"] = told(command, 600 + 20 * bench.repetitions * bench.duration)
        bench.raw["offline"] = bench.known["offline"]
    found = bench.known["offline"][name]
    return Found(found["median"], found["min"], found["max"], "stele bench offline", target)


def audit(bench):
    log, _ = bench.middling()
    answers = [log.audit() for _ in range(bench.repetitions)]
    bench.raw["audit"] = answers
    rates = [answer["replayed_now"] / answer["seconds"] for answer in answers]
    entries = answers[0]["tree_size"]
    if any(answer["judged"] != entries for answer in answers):
        raise Failed("the audit left entries out")
    return Found(statistics.median(rates), min(rates), max(rates),
                 f"stele audit --data DIR --json at {entries:,} entries", 18_000)


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
    return Found(statistics.median(rates), min(rates), max(rates), f"{words} at {rounds[0][0]:,} entries", target)


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
    Figure(9, "registrations a second in a large log against an empty one", growth, large=True),
    Figure(10, "peak memory of the server with a large log under load", memory, large=True),
    Figure(11, "bytes on the disk for each entry beyond its statement, compacted", disk),
    Figure(11.1, "the same with one entry a round", disk_in_small_rounds),
    Figure(12, "from start to ready with a large log, after SIGKILL", restart, large=True),
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
