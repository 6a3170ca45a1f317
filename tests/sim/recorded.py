"""Each recorded request, sent to the simulator, is answered as recorded, ids and times aside.

usage: recorded.py --source FOLDER --build FOLDER [--only PATTERN] [--all]

A recording is replayed by itself: what it needs is done first (cases.py), then its request is sent
and the answer held against the recorded one (compare.py). What is not answered as recorded stands
in exceptions.py with its reason. --all shows the differences of those, too.
"""

import argparse
import atexit
import fnmatch
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import cases
import catalogues
import compare
import library
import support
from exceptions import EXCEPTIONS

THREADS = 16


class Simulators:
    """The simulators of one release, one for each speed, started when first asked for."""

    def __init__(self, command, release, scenario):
        self.command, self.release, self.scenario = command, release, scenario
        self.lock = threading.Lock()
        self.running = {}

    def port(self, speed):
        with self.lock:
            if speed not in self.running:
                self.running[speed] = self.begin(speed)
            return self.running[speed][1]

    def begin(self, speed):
        process = subprocess.Popen(
            [self.command, "sim", "--listen", "127.0.0.1:0", "--release", self.release,
             "--speed", str(speed), "--seed", "1", "--connections", "0", "--workers", "0",
             "--quiet", self.scenario],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        atexit.register(process.kill)  # does nothing where it has ended
        seen = []
        for line in process.stderr:
            seen.append(line.decode("utf-8", "replace"))
            match = re.search(r"http://127\.0\.0\.1:(\d+)", seen[-1])
            if match:
                drain = threading.Thread(target=self.drain, args=(process, seen), daemon=True)
                drain.start()
                return process, int(match.group(1)), seen, drain
        process.wait()
        raise SystemExit("the simulator did not start: " + "".join(seen))

    @staticmethod
    def drain(process, seen):
        for line in process.stderr:
            seen.append(line.decode("utf-8", "replace"))

    def end(self, checks):
        for speed, (process, _, seen, drain) in self.running.items():
            process.terminate()
            status = process.wait(support.DEADLINE_S)
            drain.join(support.DEADLINE_S)
            text = "".join(seen)
            checks.true(status in (0, -15) and "Sanitizer" not in text and
                        "runtime error" not in text,
                        "the simulator of %s at speed %s ends well" % (self.release, speed),
                        "status %d: %s" % (status, text[-1500:]))


def play(case, simulators, files):
    """The lines of difference, none if one try was as recorded."""
    shown = []
    for speed in case.speeds:
        try:
            lines = compare.answers(case.recording, case.play(simulators.port(speed), files))
        except Exception as error:  # a case that could not be played is a difference, too
            lines = ["! %s: %s" % (type(error).__name__, error)]
        if not lines:
            return []
        if not shown or shown[0].startswith("!"):
            shown = lines
    return shown


def reason_for(release, name, used):
    for pattern, reason in EXCEPTIONS:
        if fnmatch.fnmatchcase("%s %s" % (release, name), pattern):
            used.add(pattern)
            return reason
    return None


def play_release(command, release, recordings, others, folder, only):
    """[(recording, lines)], and the simulators."""
    where = os.path.join(folder, release)
    os.mkdir(where)
    catalogue = catalogues.Catalogue(recordings, others, where)
    planned = [cases.plan(catalogue, recording) for recording in recordings.values()
               if fnmatch.fnmatchcase("%s %s" % (release, recording.name), only)]
    scenario = os.path.join(where, "scenario.yaml")
    with open(scenario, "w", encoding="utf-8") as file:
        file.write(catalogue.scenario())
    simulators = Simulators(command, release, scenario)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda case: play(case, simulators, catalogue.files), planned))
    return list(zip([case.recording for case in planned], results)), simulators


def judge(checks, results, used, show_all):
    """Counts of one release: as recorded, excepted."""
    good = excepted = 0
    for recording, lines in results:
        reason = reason_for(recording.release, recording.name, used)
        what = "%s %s" % (recording.release, recording.name)
        if reason is None:
            checks.true(not lines, what, "\n    ".join(lines))
            good += not lines
        else:
            checks.true(lines, what + " is answered as recorded and must not be excepted")
            excepted += 1
            if show_all:
                print("excepted: %s: %s\n    %s" % (what, reason, "\n    ".join(lines)))
    return good, excepted


def check_comparison(checks, recorded):
    """The comparison itself: it must see what it is there to see."""
    stream = recorded["1.14.2"]["minimal/streaming"]
    detail = recorded["1.14.2"]["minimal/detail"]

    def differs(recording, change=None, head=None, end=None):
        body = change(recording.text) if change else recording.text
        return bool(compare.answers(recording, cases.Answer(
            head or recording.head, body.encode("utf-8"), end or recording.end)))

    task = stream.frames()[1][1].split('"task_id":"')[1][:36]
    run = stream.frames()[1][1].split('"workflow_run_id":"')[1][:36]
    checks.true(not differs(stream) and not differs(detail), "an answer equals itself")
    checks.true(not differs(stream, lambda text: text.replace(run, "0" * 8 + run[8:])),
                "another id is no difference")
    for what, seen in (
            ("an id in another's place", differs(stream, lambda text: text.replace(task, run))),
            ("a frame too few", differs(stream, lambda text: text.split("\n\n", 1)[1])),
            ("frames in another order", differs(stream, lambda text: "\n\n".join(
                sorted(text.split("\n\n"))))),
            ("a space", differs(detail, lambda text: text.replace('":"', '": "', 1))),
            ("another value", differs(detail, lambda text: text.replace("succeeded", "failed"))),
            ("a null time", differs(detail, lambda text: text.replace(
                '"finished_at":', '"finished_at":null,"x":'))),
            ("a header too few", differs(detail, head=detail.head[:-1])),
            ("another status", differs(detail, head=["HTTP/1.1 201 CREATED"] + detail.head[1:])),
            ("another end", differs(stream, end="eof-premature"))):
        checks.true(seen, "the comparison sees " + what)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=os.path.abspath)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--only", default="*", help="recordings, as in '1.14.2 stop/*'")
    parser.add_argument("--all", action="store_true")
    return parser.parse_args()


def main():
    given = arguments()
    checks = support.Checks()
    checks.name = "sim.recorded"
    recorded = library.load()
    everything = [recording for found in recorded.values() for recording in found.values()]
    check_comparison(checks, recorded)
    command = os.path.join(given.build, "difystream")
    used, counts = set(), []
    with support.folder() as folder:
        for release in library.RELEASES:
            began = time.monotonic()
            results, simulators = play_release(command, release, recorded[release], everything,
                                               folder, given.only)
            good, excepted = judge(checks, results, used, given.all)
            simulators.end(checks)
            counts.append("%s: %d as recorded, %d excepted" % (release, good, excepted))
            print("%s: %d recordings, %d as recorded, %d excepted, %.1f s" % (
                release, len(results), good, excepted, time.monotonic() - began))
    if given.only == "*":
        for pattern, _ in EXCEPTIONS:
            checks.true(pattern in used, "the exception %s fits a recording" % pattern)
    checks.finish("; ".join(counts))


if __name__ == "__main__":
    main()
