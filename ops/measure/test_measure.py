"""What decides in the measuring itself, without a service. Run by ops/measure/smoke.py."""

import contextlib
import pathlib
import tempfile
import types
import unittest

import figures
import run
from service import STILL, Failed, Log, Service

TOML = "[limits]\n# write_buffer_mib = 3\nwrite_buffer_mib = 2\n\n[store]\ncache_mib = 64\nwrite_buffer_mib = 32\n\n[read]\n"
WHERE = {"cores": 2, "processor": "a processor"}


def row(number, **more):
    found = figures.Found.over([3.0, 1.0, 2.0], "stele bench", 2)
    return found.row(figures.Figure(number, "something", None)) | more


class Table(unittest.TestCase):
    def test_a_figure_that_failed_stands_in_the_table(self):
        failed = {"number": 9, "what": "a large log", "error": "no | room\non DIR " + "x" * run.MOST}
        lines = run.markdown("2026-11-21", WHERE, [row(1), row(12), failed], False).splitlines()[2:]
        self.assertEqual({line.replace("\\|", "").count("|") for line in lines}, {8})
        self.assertEqual([line.split(" | ")[0] for line in lines[2:]], ["| 1", "| 9", "| 12"])
        self.assertIn("| 9 | a large log | **failed** | - | - | **no** | no \\| room on DIR xxx", lines[3])
        self.assertTrue(lines[3].endswith("x... |"))

    def test_a_row_says_how_often_it_was_measured(self):
        self.assertEqual(row(1)["times"], 3)
        self.assertIn("| 2 (1 to 3) | 3 | 2 | yes |", run.line(row(1)))
        told = {"summary": {"rate": {"median": 5, "min": 4, "max": 6}}, "repetitions": [{}, {}]}
        self.assertEqual(figures.spread(told, "rate", 1, "stele bench").times, 2)
        with self.assertRaisesRegex(Failed, "did not tell latency"):
            figures.spread(told, "latency", 1, "stele bench")


class Full(unittest.TestCase):
    def test_a_buffer_is_full_when_it_is_nearly_as_large_as_it_may_be(self):
        buffer = figures.Buffer(100)
        self.assertEqual([buffer.is_full(now) for now in (0, 50, 79, 80)], [False, False, False, True])

    def test_a_buffer_that_is_written_out_earlier_is_full_at_what_was_seen(self):
        buffer = figures.Buffer(100)
        seen = [0, 40, 60, 59, 5, 30, 50, 57]
        self.assertEqual([buffer.is_full(now) for now in seen], [False] * 7 + [True])
        self.assertEqual(buffer.fullest, 57)

    def test_a_setting_is_read_in_its_section_only(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "stele.toml").write_text(TOML)
            (place / "store" / "db").mkdir(parents=True)
            (place / "store" / "db" / "000012.log").write_bytes(bytes(7))
            (place / "store" / "db" / "LOG").write_bytes(bytes(100))
            log = Log("stele", place)
            self.assertEqual((log.write_buffer(), log.written_ahead()), (32 << 20, 7))
            with self.assertRaisesRegex(Failed, "read.write_buffer_mib"):
                log.get("read", "write_buffer_mib")
            with self.assertRaisesRegex(Failed, "limits.cache_mib"):
                log.get("limits", "cache_mib")


def merging(*debts):
    """A service whose store has so much to merge, look by look."""
    looks = iter(debts)
    service = Service.__new__(Service)
    service.merging = lambda: {"debt_bytes": next(looks), "compactions": 0}
    return service


class Rest(unittest.TestCase):
    def test_a_store_rests_when_it_is_still_for_several_looks(self):
        service = merging(5, 0, 0, 3, *[0] * STILL, 9)
        self.assertGreaterEqual(service.rest(look=0), 0)
        self.assertEqual(service.merging()["debt_bytes"], 9)

    def test_a_store_that_never_rests_is_given_up(self):
        with self.assertRaisesRegex(Failed, "still merges after -1 s: 2 MiB"):
            merging(2 << 20, 0, 0, 0, 0).rest(within=-1, look=0)


class Order(unittest.TestCase):
    def test_the_large_log_is_measured_between_empty_ones_and_then_at_rest(self):
        done = []

        class Fake(figures.Bench):
            def large(self):
                return types.SimpleNamespace(name="large"), {}

            def fresh(self, label, *options, **how):
                done.append(label)
                return {"repetitions": [{"rate": 10}]}, "stele bench"

            def load(self, label, service, *options):
                done.append(label)
                return {"repetitions": [{"rate": 5}, {"rate": 10}]}, "stele bench"

        @contextlib.contextmanager
        def service(log):
            state = {"debt_bytes": 3 << 20, "compactions": 1}
            yield types.SimpleNamespace(size=lambda: 12_345, merging=lambda: state, rest=lambda: done.append("rest") or 7)

        options = types.SimpleNamespace(repetitions=1, duration=1, entries=10_000, quick=True)
        bench, kept = Fake(options, pathlib.Path("scratch")), figures.Service
        figures.Service = service
        try:
            found = figures.growth(bench)
            rested = figures.growth_at_rest(bench)
            figures.growth(bench)
        finally:
            figures.Service = kept
        self.assertEqual(done, ["empty", "grown", "empty", "rest", "grown-at-rest", "empty"])
        self.assertEqual((found.median, found.times, rested.median), (0.75, 2, 0.75))
        self.assertIn("at 12,345 entries (grown with 20 payload bytes each, loaded with 400), 3 MiB to merge, and at none",
                      found.command)
        self.assertEqual(bench.raw["grown-at-rest-state"],
                         {"entries": 12_345, "waited_s": 7, "debt_bytes": 3 << 20, "compactions": 1})


if __name__ == "__main__":
    unittest.main()
