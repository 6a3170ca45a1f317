"""How many results a client as people write it loses, when 57 in 100 streams meet a fault.

The client is Python requests with iter_lines, read to workflow_finished; the app is label-check, a
recorded one. Prints what it got, what it lost, and what had in truth succeeded at the server: the
figures to beat. Once more for a client that sends the request again when it got nothing.

usage: naive.py --source FOLDER --build FOLDER
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "system"))

import support
from server import Simulator

try:
    import requests
except ImportError:
    requests = None

RUNS = 100
TRIES = 3
TIMEOUT_S = 5  # of the clients, for a byte; nothing but a stall takes so long
SEED = "1435"  # with it exactly 57 of the first 100 streams meet a fault
# How many of 100 streams meet which fault.
SHARES = {"reset-after-events=5": 8, "close-after-events=12": 7, "end-after-events=20": 7,
          "stall-after-events=8": 3, "cut-in-character=3": 6, "bad-json=6": 6, "lost-finish": 6,
          "reset-after-start": 6, "proxy-504": 8}


def fault_options():
    """The shares as options: the first fault that strikes acts, so a later one is asked only where
    no earlier one struck."""
    options, left = [], 1.0
    for fault, share in SHARES.items():
        options += ["--fault", "%s,p=%.9f" % (fault, share / 100 / left)]
        left -= share / 100
    return options


def serve(given, *options):
    scenario = os.path.join(given.source, "examples", "sim", "label-check.yaml")
    return Simulator(given.build, scenario, "--seed", SEED, "--speed", "2000", "--connections", "0",
                     "--workers", "0", "--quiet", *options, key="app-label-check")


def order(number):
    """The body of one of the runs: each has a user and inputs of its own."""
    return {"user": "user-%d" % number, "response_mode": "streaming", "inputs": {
        "TagImage": [{"type": "image", "transfer_method": "remote_url",
                      "url": "https://example.org/label-%d.png" % number}],
        "Foodtype": "预包装食品", "PackageSize": "%d g" % number}}


# ---- the clients -------------------------------------------------------------------------------

def naive(simulator, number, timeout_s=TIMEOUT_S):
    """The outputs, or None: as people write it."""
    try:
        response = requests.post(
            "http://127.0.0.1:%d/v1/workflows/run" % simulator.port, json=order(number),
            headers={"Authorization": "Bearer app-label-check"}, stream=True, timeout=timeout_s)
        for line in response.iter_lines():
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                if event["event"] == "workflow_finished":
                    return event["data"]["outputs"]
    except (requests.RequestException, ValueError):
        pass
    return None


def retrying(simulator, number):
    """The same, which sends its request again when nothing came of it."""
    for _ in range(TRIES):
        outputs = naive(simulator, number, 1)
        if outputs is not None:
            return outputs
    return None


# ---- what came of it ---------------------------------------------------------------------------

class Result:
    """So many runs of one client."""

    def __init__(self, simulator, client, threads):
        with ThreadPoolExecutor(threads) as pool:
            outputs = list(pool.map(lambda number: client(simulator, number), range(RUNS)))
        self.got = sum(found is not None for found in outputs)
        self.wrong = sum(found is not None and found != wanted for found, wanted in
                         zip(outputs, [next(filter(None, outputs), None)] * RUNS))
        self.lost = RUNS - self.got
        rows = [self.rows(simulator, number) for number in range(RUNS)]
        self.succeeded = sum(any(status == "succeeded" for status in row) for row in rows)
        stats = simulator.stats()
        self.faults, self.started = stats["faults"], stats["runs_started"]
        self.twice = sum(one["started"] > 1 for one in stats["runs"])

    @staticmethod
    def rows(simulator, number):
        """What became of all runs that one order started, by their details."""
        found = simulator.until(
            lambda: simulator.logs("created_by_end_user_session_id=user-%d" % number),
            lambda logs: all(row["workflow_run"]["status"] != "running" for row in logs))
        return [simulator.detail(row["workflow_run"]["id"])["status"] for row in found]

    def __str__(self):
        return "%d runs, %d faults: %d results got, %d lost; %d in truth succeeded; " \
            "%d runs started, %d of %d more than once" % (
                RUNS, self.faults, self.got, self.lost, self.succeeded, self.started, self.twice,
                RUNS)


def measure(given, client, threads, options):
    with serve(given, *options) as simulator:
        return Result(simulator, client, threads)


def main():
    given = support.arguments()
    checks = support.Checks()
    checks.name = "sim.naive"
    if requests is None:
        checks.skip("there is no module requests for %s" % sys.executable)
    checks.equal(sum(SHARES.values()), 57, "the faults' shares")
    faults = fault_options()
    with ThreadPoolExecutor(4) as pool:  # a simulator for each
        well = pool.submit(measure, given, naive, 4, [])
        first, again = [pool.submit(measure, given, naive, 8, faults) for _ in range(2)]
        repeats = pool.submit(measure, given, retrying, 1, faults)
        well, first, again, repeats = [one.result() for one in (well, first, again, repeats)]
    print("without faults: %s" % well)
    print("naive:          %s" % first)
    print("retrying:       %s" % repeats)
    checks.equal((well.got, well.faults, well.wrong), (RUNS, 0, 0), "without faults all is got")
    checks.true(first.lost > 0, "with faults results are lost", str(first))
    checks.equal(first.got + first.faults, RUNS, "each fault loses one result, nothing else does")
    checks.equal((first.succeeded, first.started), (RUNS, RUNS), "though all runs succeeded")
    checks.equal(str(again), str(first), "the same seed, the same loss")
    checks.equal(first.faults, 57, "so many of 100 streams met a fault")
    checks.equal((first.wrong, repeats.wrong), (0, 0), "what is got is right")
    checks.true(repeats.twice > 0 and repeats.started > RUNS,
                "to send a request again costs runs", str(repeats))
    checks.finish("%d of %d results lost by a naive client" % (first.lost, RUNS))


if __name__ == "__main__":
    main()
