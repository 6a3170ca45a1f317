"""Measures many followed runs in one process beside libcurl alone and Python, prints the figures as
Markdown.

    follow_figures.py BUILD [--quick] [--write FILE]

BUILD is the folder of a build with DIFY_BENCH. --write also puts the figures between the markers of
FILE. The simulated Dify has one core, the client another; they take turns, and each figure is a
median.
"""

import json
import os
import re
import resource
import statistics
import subprocess
from contextlib import contextmanager
from pathlib import Path

from page import ROOT, first_line, goal, machine, main, say, table

TITLES = {"follow": "**difystream's client**", "curl": "libcurl alone, one multi handle",
          "python": "Python: requests, iter_lines, json.loads"}
PYTHON_RUNS = 100  # it needs a thread for each


class Bench:
    def __init__(self, build, quick):
        self.build = Path(build).resolve()
        self.rounds = 1 if quick else 5
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[-1], cores[0]
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = 1 << 16 if hard == resource.RLIM_INFINITY else min(hard, 1 << 16)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        self.runs = min(2000, files - 100)

    def spawn(self, core, *command, **more):
        return subprocess.Popen([str(part) for part in command], text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, {core}), **more)

    @contextmanager
    def simulator(self):
        process = self.spawn(self.server_core, self.build / "difystream", "sim", "--listen",
                             "127.0.0.1:0", "--connections", "0", "--workers", "0", "--quiet",
                             ROOT / "bench/follow.yaml", stderr=subprocess.PIPE)
        try:
            yield re.search(r"http://\S+", process.stderr.readline()).group(0)
        finally:
            process.kill()
            process.wait()

    def run(self, name, url, kind):
        if name == "python":
            command = ["/usr/bin/python3", ROOT / "bench/follow_requests.py", url, "app-" + kind,
                       PYTHON_RUNS]
        else:
            command = [self.build / "bench/bench_follow", name, url, "app-" + kind, self.runs, kind]
        with self.spawn(self.client_core, *command, stdout=subprocess.PIPE) as process:
            found = json.loads(process.communicate()[0])
        if process.returncode != 0 or found["failed"] != 0:
            raise RuntimeError(f"{name}, {kind}: {found}")
        return found


def median(bench, name, kind, figure):
    values = []
    for _ in range(bench.rounds):
        with bench.simulator() as url:
            values.append(figure(bench.run(name, url, kind)))
    return statistics.median(values)


def measure(bench):
    cpu, memory = {}, {}
    for name in TITLES:
        say(f"{name}: CPU of runs with 60 events each")
        cpu[name] = median(bench, name, "live", lambda found: found["cpu_s"] * 1e6 / found["events"])
    for name in "follow", "curl":
        say(f"{name}: memory of {bench.runs:,} runs that wait")
        memory[name] = median(bench, name, "idle", lambda found: found["grown_kb"] / found["runs"])
    goals = [
        goal("CPU per event of a followed run ≤ 15 µs", f"{cpu['follow']:.1f} µs",
             cpu["follow"] <= 15),
        goal("memory of an idle run ≤ 24 KB", f"{memory['follow']:.1f} KB",
             memory["follow"] <= 24),
    ]
    rows = [[title, f"{bench.runs if name != 'python' else PYTHON_RUNS:,}", f"{cpu[name]:.1f}",
             f"{cpu[name] / cpu['follow']:.2f}", f"{memory[name]:.1f}" if name in memory else "–"]
            for name, title in TITLES.items()]
    return "\n".join([
        f"{machine(bench.build)}; libcurl {first_line('pkg-config', '--modversion', 'libcurl')}.\n",
        table(["goal", "measured", "reached"], goals),
        table(["", "runs at once", "CPU µs per event", "× difystream", "KB per idle run"], rows)])


if __name__ == "__main__":
    main("follow", __doc__, Bench, measure)
