"""Measures runs written through the store, prints the figures as Markdown.

    store_figures.py BUILD [--quick] [--write FILE]

BUILD is the folder of a build with DIFY_BENCH; the databases lie in it, since /tmp may be memory.
--write also puts the figures between the markers of FILE. Each figure is a median.
"""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from page import first_line, goal, machine, main, say, table

LIMIT = 200_000_000  # bytes: of a store that removes as much as is written
# How many at once, and further arguments: appends for each, the limit.
CASES = {"200 at once": (200, []), "20 at once": (20, []), "1 at a time": (1, []),
         "200 at once, events one by one": (200, [50]),
         f"200 at once, kept below {LIMIT // 1_000_000} MB": (200, [2, LIMIT])}


class Bench:
    def __init__(self, build, quick):
        self.build = Path(build).resolve()
        self.rounds = 1 if quick else 5
        self.runs = 5000 if quick else 20000

    def run(self, at_once, more):
        runs = self.runs if at_once > 1 else self.runs // 10
        with tempfile.TemporaryDirectory(dir=self.build) as folder:
            command = [self.build / "bench/bench_store", folder + "/runs.db", runs, at_once, *more]
            return json.loads(subprocess.run(map(str, command), stdout=subprocess.PIPE,
                                             check=True).stdout)


def measure(bench):
    rows, first = [], None
    for title, (at_once, more) in CASES.items():
        say(title)
        found = [bench.run(at_once, more) for _ in range(bench.rounds)]
        speed = statistics.median(one["runs"] / one["wall_s"] for one in found)
        cpu = statistics.median(one["cpu_s"] * 1e6 / one["runs"] for one in found)
        commits = statistics.median(one["synced"] / one["runs"] for one in found)
        first = first or speed
        rows.append([title, f"{speed:,.0f}", f"{cpu:.0f}", f"{commits:.3f}"])
    return "\n".join([
        f"{machine(bench.build)}; SQLite {first_line('pkg-config', '--modversion', 'sqlite3')}.\n",
        table(["goal", "measured", "reached"],
              [goal("runs of 25 KB a second ≥ 5,000", f"{first:,.0f}", first >= 5000)]),
        table(["runs", "a second", "CPU µs per run", "synced commits per run"], rows)])


if __name__ == "__main__":
    main("store", __doc__, Bench, measure)
