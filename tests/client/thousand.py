"""A thousand runs over connections that are cut at any moment, and a thousand results.

Each run has a user of its own, so that the simulator can tell whether it was ever sent twice. Its
result is held against that of the same run undisturbed, against the bytes that the client has
received, and against what the simulator knows of it.

usage: thousand.py --source FOLDER --build FOLDER [--release R] [--runs N] [--seed N] [--host uv]
"""

import os
import time

import follows
from follows import Judge, Simulator

SPEED = 50
WINDOW = 100
# The cases that are run, and which recordings they play.
CASES = {
    "label": "label-check/streaming", "parallel": "parallel-3/streaming",
    "items": "iter-http-par/streaming", "bad-item": "iter-seq-rm/bad-streaming",
    "llm": "llm-one/streaming", "llm-items": "llm-in-iteration/streaming",
    "loop": "loop-break/streaming", "fails": "code-fail/streaming",
    "retries": "http-retry-ok/streaming", "item-fails": "iter-seq-term/bad-streaming",
    "branch": "if-else/true-streaming",
}
SCENARIO = """
apps:
  - name: all
    inputs: [{name: case}, {name: number, type: number}]
    runs:
"""
# Faults and how many of 100 requests meet them; of each kind of request the first that strikes acts.
FAULTS = {
    "run": {"reset-anywhere=40": 25, "close-anywhere=40": 15, "end-after-events=3": 4,
            "stall-after-events=7": 2, "lost-finish": 2, "cut-in-character=3": 2,
            "reset-after-bytes=3000": 2, "reset-after-start": 3, "proxy-502": 2, "proxy-503": 2,
            "proxy-504": 2},
    "events": {"reset-anywhere=20": 15, "close-anywhere=20": 10, "lost-in-window=1": 10,
               "lost-in-window=4": 10, "lost-in-window=40": 5, "reset": 5, "proxy-502": 5, "500": 5},
    "detail": {"reset": 10, "proxy-504": 5, "500": 5, "slow=3": 10},
    "logs": {"reset": 10, "proxy-504": 5, "500": 5, "slow=3": 10},
    "parameters": {"reset": 30},
}


def faults():
    """The shares as options: a later one is asked only where no earlier one struck."""
    options = []
    for kind, shares in FAULTS.items():
        left = 1.0
        for fault, share in shares.items():
            options += ["--fault", "%s,on=%s,p=%.9f" % (fault, kind, share / 100 / left)]
            left -= share / 100
    return options


def serve(given, *options):
    text = SCENARIO + "".join(
        "      - {when: {inputs: {case: %s}}, recording: %s/%s}\n" % (
            case, follows.RECORDINGS, folder) for case, folder in CASES.items())
    return Simulator(given.build, follows.scenario(given, "thousand.yaml", text), "--release",
                     given.release, "--seed", str(given.seed), "--speed", str(SPEED),
                     "--connections", "0", "--workers", "0", "--quiet", *options, key="app-all")


def order(number, case):
    return {"user": "user-%d" % number, "inputs": {"case": case, "number": number}}


def run_all(given, simulator, orders, folder):
    os.mkdir(folder)
    options = ["--host", "uv"] if given.host == "uv" else []
    return follows.follow(given, simulator, orders, "--speed", SPEED, "--window", WINDOW,
                          "--seed", given.seed, *follows.PATIENT, "--keep", folder, *options)


def main():
    given = follows.arguments("thousand", lambda parser: (
        parser.add_argument("--release", default="1.14.2"),
        parser.add_argument("--runs", type=int, default=1000),
        parser.add_argument("--host", default="")))
    given.checks.name += "-" + given.release
    cases = list(CASES)
    orders = [order(number, cases[number % len(cases)]) for number in range(given.runs)]
    with serve(given) as simulator:
        folder = os.path.join(given.folder.name, "undisturbed")
        found = run_all(given, simulator, orders[:len(cases)], folder).followed
        undisturbed = dict(zip(cases, found))
    for case, one in undisturbed.items():
        given.checks.true(one.metadata["complete"] and "resumed" not in one.data,
                          case + ": undisturbed", one.story())
    began = time.monotonic()
    with serve(given, *faults()) as simulator:
        folder = os.path.join(given.folder.name, "disturbed")
        many = run_all(given, simulator, orders, folder)
        stats, truths = simulator.stats(), follows.truths(simulator)
    given.checks.equal((stats["posts"], stats["runs_started"]), (given.runs, given.runs),
                       "POSTs and runs in all")
    judge = Judge(given, truths, folder)
    for number, one in enumerate(many.followed):
        case = cases[number % len(cases)]
        judge.judge(one, undisturbed[case], "%s (%s)" % (one.user, case))
    print("release %s, seed %d: %d runs in %.1f s, %d faults; %d not of one stream alone: %d "
          "resumed, %d found in the logs, %d ended by their detail; %d complete" % (
              given.release, given.seed, given.runs, time.monotonic() - began, stats["faults"],
              sum(one.states != ["checking", "submitting", "streaming", "ended"]
                  for one in many.followed),
              sum("resumed" in one.data for one in many.followed),
              sum("found" in one.reasons for one in many.followed),
              sum("finished_detail" in one.reasons for one in many.followed),
              sum(one.metadata["complete"] for one in many.followed)))
    print("reasons: %s" % ", ".join("%s %d" % pair for pair in many.summary["counts"].items()))
    given.checks.finish("%d runs followed, seed %d" % (given.runs, given.seed))


if __name__ == "__main__":
    main()
