"""A hundred callers of /v1 while most of Dify's connections break: every one is answered in full,
and no run is sent twice. Beside it, what the same callers get without the gateway.

The app is label-check, a recorded one. Streams are cut, by a reset or an end, after as many events
as the seed says.

usage: v1_cut.py --source FOLDER --build FOLDER [--seed N]
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import gateway as kit
import naive  # the callers without the gateway
from server import Simulator, Stream

RUNS, AT_ONCE, SPEED = 100, 16, 200
MOST_EVENTS = 36  # of 37: a cut comes before the last one
KEY = {"Authorization": "Bearer app-label-check"}


def cuts(share):
    """Faults that cut so many of 100 streams: the second is asked where the first did not strike."""
    half = share / 200
    return ["--fault", "reset-anywhere=%d,on=run,p=%.9f" % (MOST_EVENTS, half),
            "--fault", "close-anywhere=%d,on=run,p=%.9f" % (MOST_EVENTS, half / (1 - half))]


def serve(given, share):
    scenario = os.path.join(given.source, "examples", "sim", "label-check.yaml")
    return Simulator(given.build, scenario, "--seed", str(given.seed), "--speed", str(SPEED),
                     "--connections", "0", "--workers", "0", "--quiet", *cuts(share),
                     key="app-label-check")


def many(ask):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, range(RUNS)))


def blocking(gateway, number):
    """The body's data, None unless it is whole."""
    order = dict(naive.order(number), response_mode="blocking")
    status, body = gateway.whole("POST", "/v1/workflows/run", order, fields=KEY)
    return body["data"] if status == 200 and isinstance(body, dict) else None


def streaming(gateway, number):
    """The data of workflow_finished, None unless the stream is whole."""
    connection = gateway.ask("POST", "/v1/workflows/run", naive.order(number), fields=KEY)
    with Stream(connection) as stream:
        stream.read()
        is_whole = connection.status == 200 and stream.end == "last-chunk" and \
            stream.events.count("workflow_started") == stream.events.count("workflow_finished") == 1
        return stream.finish if is_whole else None


def check_control(given, share):
    """Without the gateway: each cut loses a result. The outputs that came."""
    with serve(given, share) as simulator:
        outputs = many(lambda number: naive.naive(simulator, number, kit.DEADLINE_S))
        faults = simulator.stats()["faults"]
    got = [found for found in outputs if found is not None]
    print("%d of 100 streams to be cut, without the gateway: %d cut, %d of %d results" %
          (share, faults, len(got), RUNS))
    given.checks.equal(len(got) + faults, RUNS, "without the gateway each cut loses a result")
    given.checks.true(faults > 0, "some are cut", faults)
    return got[0] if got else None


def check_cuts(given, share, what, ask):
    wanted = check_control(given, share)
    with serve(given, share) as simulator, kit.Gateway(
            given.build, {"label-check": kit.app_of(simulator, max_runs=AT_ONCE)},
            speed=SPEED) as gateway:
        found = many(lambda number: ask(gateway, number))
        stats = simulator.stats()
    whole = [data for data in found if data and data["status"] == "succeeded" and
             data["outputs"] == wanted]
    print("%d of 100 streams to be cut, %s through the gateway: %d cut, %d of %d results, %d POSTs" %
          (share, what, stats["faults"], len(whole), RUNS, stats["posts"]))
    given.checks.equal(len(whole), RUNS, what + ": all are answered in full")
    given.checks.equal((stats["posts"], stats["runs_started"]), (RUNS, RUNS),
                       what + ": nothing is sent twice")
    given.checks.true(stats["faults"] > 0, what + ": some were cut", stats)


def test_blocking(given):
    check_cuts(given, 57, "blocking", blocking)


def test_streaming(given):
    check_cuts(given, 70, "streaming", streaming)


if __name__ == "__main__":
    arguments = kit.arguments()
    if naive.requests is None:
        arguments.checks.skip("there is no module requests for the callers without the gateway")
    kit.run_tests(arguments, test_blocking, test_streaming)
