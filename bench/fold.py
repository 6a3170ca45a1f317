"""Measures the fold and what it is compared with, prints the figures as Markdown.

    fold.py BUILD [--quick] [--write FILE]

BUILD is the folder of a build with DIFY_BENCH. --write also puts the figures between the markers of
FILE. All ways of reading get the same bytes and the same core; each figure is a median.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
from pathlib import Path

from page import ROOT, first_line, goal, main, say, table
from page import machine as machine_itself

PYTHON = "/usr/bin/python3"
PARSER = ROOT / "build/deps/node/node_modules/eventsource-parser/dist/index.js"
RECORDINGS = ROOT / "tests/recordings"
RECORDING = RECORDINGS / "label-check/streaming/response.body"
MIB = 1 << 20

WAYS = {
    "memcpy": "memcpy",
    "yyjson-malloc": "yyjson alone, malloc for each event",
    "yyjson-pool": "yyjson alone, one pool used again",
    "yyjson-pool-raw": "the same, numbers kept as text",
    "fold-64k": "**difystream, fed 64 KiB at a time**",
    "fold-16k": "difystream, fed 16 KiB at a time",
    "fold-whole": "difystream, fed all at once",
}


class Bench:
    def __init__(self, build, quick):
        self.build = Path(build).resolve()
        self.quick = quick
        self.repeats = 3 if quick else 5
        self.mix_bytes = 64_000_000 if quick else 256_000_000
        self.kind_bytes = 32_000_000 if quick else 64_000_000
        self.slow_bytes = 16_000_000 if quick else 32_000_000
        self.piped_bytes = 250_000_000 if quick else 1_000_000_000
        self.work = self.build / "streams"
        self.work.mkdir(exist_ok=True)
        self.core = max(os.sched_getaffinity(0))

    def program(self, name):
        return str(self.build / "bench" / name)

    def pinned(self, *command):
        """The output of a command that runs on one core, where there is taskset."""
        pin = ["taskset", "-c", str(self.core)] if shutil.which("taskset") else []
        return subprocess.run([*pin, *map(str, command)], check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def stream(self, kind, size):
        """Generates a stream; its path, and (name, events, bytes) of what it is made of."""
        path = self.work / f"{kind}-{size}.sse"
        with open(path, "wb") as out:
            made = subprocess.run([self.program("bench_mix"), kind, str(size)], check=True,
                                  stdout=out, stderr=subprocess.PIPE, text=True).stderr
        rows = [line.split("\t") for line in made.splitlines()]
        return path, [(name, int(events), int(size)) for name, events, size in rows]

    def recordings(self):
        """The recorded streams one after another, again and again. Those that bench_fold cannot
        split, or of which the fold skips something, are left out."""
        whole = re.compile(rb'(event: ping\n\n|data: \{"event":"[^\n]*\}\n\n)+')
        first = re.compile(rb'(event: ping\n\n)*data: \{"event":"workflow_started"')
        bodies = []
        for path in sorted(RECORDINGS.glob("**/response.body")):
            body = path.read_bytes()
            expected = path.with_name("expected.json")
            if not (expected.exists() and first.match(body) and whole.fullmatch(body)):
                continue
            if not json.loads(expected.read_text())["data"].get("warnings"):
                bodies.append(body)
        path = self.work / "recordings.sse"
        with open(path, "wb") as out:
            while out.tell() < self.kind_bytes:
                out.writelines(bodies)
        return path, len(bodies)

    def speeds(self, path, repeats, *way):
        """{way: [MB/s of each repeat]}"""
        found = {}
        for line in self.pinned(self.program("bench_fold"), "speed", path, repeats,
                                *way).splitlines():
            name, size, seconds = line.split("\t")
            found.setdefault(name, []).append(int(size) / float(seconds) / 1e6)
        return found


def mbs(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def mbytes(made):
    return sum(size for _, _, size in made) / 1e6


# ---- what is measured ------------------------------------------------------------------------


def machine(bench):
    package = (PARSER.parent.parent / "package.json").read_text()
    parser = re.search(r'"version": "(.*?)"', package).group(1)
    requests = first_line(PYTHON, "-c", "import requests; print(requests.__version__)")
    return (f"{machine_itself(bench.build)}; "
            f"yyjson {first_line(bench.program('bench_fold'), 'yyjson')}; "
            f"{first_line(PYTHON, '--version')} with requests {requests}; "
            f"Node.js {first_line('node', '--version')} with eventsource-parser {parser}.\n")


def composition(made):
    events, size = sum(row[1] for row in made), sum(row[2] for row in made)
    return table(["kind of event", "events", "of all events", "MB", "of all bytes"],
                 [[name, f"{n:,}", f"{100 * n / events:.2f} %", f"{b / 1e6:.1f}",
                   f"{100 * b / size:.1f} %"] for name, n, b in made])


def fold_speed(bench, path):
    """The table's rows, the fastest yyjson, the fold at 64 KiB (both MB/s)."""
    found = {way: statistics.median(all_of) for way, all_of in
             bench.speeds(path, bench.repeats).items()}
    yyjson = max(found["yyjson-malloc"], found["yyjson-pool"])
    rows = [[title, mbs(found[way]), f"{found[way] / yyjson:.2f}"] for way, title in WAYS.items()]
    return rows, yyjson, found["fold-64k"]


def others(bench, yyjson):
    """The rows of Python and Node, which get a smaller part of the mix, and MB/s of the faster
    Python."""
    path, made = bench.stream("mix", bench.slow_bytes)
    small, small_made = bench.stream("mix", bench.slow_bytes // 4)
    script = Path(__file__).parent
    commands = [
        ("Python, requests' iter_lines, 64 KiB at a time, json", made,
         [PYTHON, script / "fold_requests.py", path, bench.repeats, 65536]),
        ("Python, the same with iter_lines' own 512 bytes", small_made,
         [PYTHON, script / "fold_requests.py", small, 1 if bench.quick else 3]),
        ("Node.js, eventsource-parser, JSON.parse", made,
         ["node", script / "fold_eventsource.mjs", PARSER, path, bench.repeats]),
    ]
    rows, speeds = [], []
    for title, part, command in commands:
        seconds = [float(line) for line in bench.pinned(*command).split()]
        speeds.append(mbytes(part) / statistics.median(seconds))
        rows.append([f"{title} ({mbytes(part):.0f} MB of it)", mbs(speeds[-1]),
                     f"{speeds[-1] / yyjson:.3f}"])
    return rows, speeds[0]


def single_events(bench):
    """Rows for one event of 1 and of 48 MiB, and difystream's two ratios of large to small."""
    found = {}
    repeats = max(5, bench.repeats)
    for size in MIB, 48 * MIB:
        path, _ = bench.stream("one", size)
        found[size] = []
        for way in "fold-64k", "yyjson-malloc":
            cold = [bench.speeds(path, 1, way)[way][0] for _ in range(repeats)]
            warm = bench.speeds(path, 2 * repeats, way)[way][repeats:]
            found[size] += [statistics.median(cold), statistics.median(warm)]
        path.unlink()
    small, large = found[MIB], found[48 * MIB]
    titles = ["difystream, first event of a process", "difystream, process warm",
              "yyjson alone (malloc), first event", "yyjson alone (malloc), process warm"]
    rows = [[title, mbs(small[i]), mbs(large[i]), f"{large[i] / small[i]:.2f}"]
            for i, title in enumerate(titles)]
    return rows, [large[i] / small[i] for i in range(2)]


def peak_memory(bench):
    """Rows of peak resident memory, and the largest in MB."""
    titles = {"text": "text chunks",
              "nodes": "10 KB `node_finished`, each of another execution",
              "run": "the mix as one run"}
    rows, largest = [], 0
    for kind, title in titles.items():
        peak = bench.work / "peak"
        with subprocess.Popen([bench.program("bench_mix"), kind, str(bench.piped_bytes)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as source:
            subprocess.run([bench.program("bench_peak"), peak, bench.build / "difystream", "fold",
                            "-"], stdin=source.stdout, stdout=subprocess.DEVNULL, check=True)
            made = source.stderr.read().decode()
        events = sum(int(line.split("\t")[1]) for line in made.splitlines())
        size = int(peak.read_text()) / 1024
        largest = max(largest, size)
        rows.append([title, f"{events:,}", f"{size:.1f} MiB"])
    return rows, largest


def idle_memory(bench):
    found = {}
    for line in bench.pinned(bench.program("bench_fold"), "idle", RECORDING).splitlines():
        name, size, blocks = line.split("\t")
        found[name] = int(size), int(blocks)
    titles = {"new": "a new run", "middle": "in the middle of the recording `label-check`",
              "end": "at its end", "decoder": "the decoder, one for all runs of a thread"}
    return [[title, f"{found[name][0]:,}", found[name][1]] for name, title in titles.items()]


# ---- the page --------------------------------------------------------------------------------


def measure(bench):
    say(f"generating {bench.mix_bytes / 1e6:.0f} MB of events")
    path, made = bench.stream("mix", bench.mix_bytes)
    say("folding it, and parsing it by yyjson alone")
    rows, yyjson, fold = fold_speed(bench, path)
    path.unlink()
    say("folding a part of it in Python and Node.js")
    other_rows, python = others(bench, yyjson)
    say("each kind of event by itself")
    def kind_row(title, kind_path):
        _, kind_yyjson, kind_fold = fold_speed(bench, kind_path)
        kind_path.unlink()
        return [title, mbs(kind_yyjson), mbs(kind_fold), f"{kind_fold / kind_yyjson:.2f}"]

    kinds = []
    for kind, title in (("text", "text chunks"), ("nodes", "nodes with 10 KB"),
                        ("large", "nodes with 1 to 2 MB")):
        kinds.append(kind_row(title, bench.stream(kind, bench.kind_bytes)[0]))
    recordings, count = bench.recordings()
    kinds.append(kind_row(f"{count} streams of tests/recordings", recordings))
    say("one event of 1 MiB and one of 48 MiB")
    single_rows, single = single_events(bench)
    say(f"memory, folding {bench.piped_bytes / 1e9:.2f} GB from a pipe, three times")
    memory_rows, memory = peak_memory(bench)
    goals = [
        goal("fold ≥ 0.75 × yyjson alone", f"{fold / yyjson:.2f} ×", fold >= 0.75 * yyjson),
        goal("fold ≥ 10 × Python", f"{fold / python:.1f} ×", fold >= 10 * python),
        goal("48 MiB event ≥ 0.5 × the speed of 1 MiB, in a fresh process",
             f"{single[0]:.2f} ×", single[0] >= 0.5),
        goal("the same in a process that is warm", f"{single[1]:.2f} ×", single[1] >= 0.5),
        goal("long streams in < 32 MiB", f"{memory:.1f} MiB", memory < 32),
    ]
    return "\n".join([
        machine(bench),
        table(["goal", "measured", "reached"], goals),
        "**The mix**\n", composition(made),
        "**Speed on the mix**, one core\n",
        table(["", "MB/s", "× yyjson"], rows + other_rows),
        "**Each kind of event by itself, and recorded streams**\n",
        table(["", "yyjson, MB/s", "difystream, MB/s", "ratio"], kinds),
        "**A single event**, MB/s\n",
        table(["", "1 MiB", "48 MiB", "ratio"], single_rows),
        f"**Peak resident memory** of `difystream fold -`, {bench.piped_bytes / 1e9:g} GB from a "
        "pipe\n",
        table(["", "events", "peak"], memory_rows),
        "**Memory of an idle run**, as asked of the allocator\n",
        table(["", "bytes", "blocks"], idle_memory(bench)),
    ])


if __name__ == "__main__":
    main("fold", __doc__, Bench, measure)
