"""What the programs of script/bench share: tables, the machine, and the place of the figures in
docs/performance.md."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def first_line(*command):
    """Of what a command prints, on either stream."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout.split("\n")[0]


def machine(build):
    """The processor, the compiler and the kind of build, as text."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    cpu = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.M)
    cache = (build / "CMakeCache.txt").read_text()
    compiler = re.search(r"^CMAKE_C_COMPILER:\w+=(.*)$", cache, re.M).group(1)
    flavour = re.search(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", cache, re.M).group(1)
    return (f"{cpu.group(1) if cpu else 'unknown processor'}, {os.cpu_count()} cores; "
            f"{first_line(compiler, '--version')}, {flavour}")


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def goal(text, value, reached):
    return [text, value, "yes" if reached else "not yet"]


def write_figures(path, name, text):
    """Puts the figures of `script/bench NAME` between their markers in a file."""
    begin = f"<!-- script/bench {name}: begin -->\n"
    end = f"<!-- script/bench {name}: end -->"
    head, rest = path.read_text().split(begin)
    _, tail = rest.split(end)
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}")
    say(f"written to {path.relative_to(ROOT)}")


def main(name, doc, bench_of, measure):
    """What a program of script/bench does: measures, prints, and writes where it is told to."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    text = measure(bench_of(args.build, args.quick))
    print(text)
    if args.write:
        write_figures(args.write, name, text)
