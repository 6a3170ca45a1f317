"""Dify's own API at the gateway, below /v1, against the same at the simulator.

What a caller gets of a run is what Dify itself would have told him: streams byte for byte and
bodies member by member while nothing breaks, and as whole when it does; ids, times and what is random aside.

usage: v1.py --source FOLDER --build FOLDER [--seed N] [--only PART_OF_A_TEST]
"""

import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import gateway as at_gateway
from gateway import RECORDINGS, Gateway, Simulator, app_of, scenario

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sim"))
import library

SPEED = 50
# Ends that are not true are not told; of a worker that was killed the end is told as an error.
UNTRUE = ("fallback-events", "kill-celery-worker/streaming")
STARTS = ("/workflows/run", "/run", "/chat-messages", "/completion-messages")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIMES = re.compile(r'("(?:created_at|finished_at|elapsed_time|latency|expiration_time|'
                   r'sys\.timestamp)": ?)[\d.e-]+')
OTHERS = re.compile(r'("form_token": ?)"\w+"|(dify-file-ref:)[\w=]+|(timestamp=)\d+|(nonce=)\w+|(sign=)[\w=-]+')


def masked(text):
    """Ids are numbered in the order in which they come; times and tokens are left out."""
    known = {}
    text = UUID.sub(lambda found: "id-%d" % known.setdefault(found.group(), len(known)), text)
    text = TIMES.sub(r"\1T", text)
    return OTHERS.sub(lambda found: next(filter(None, found.groups())), text)


def unlike(actual, expected):
    """What of both is around the first difference."""
    at = len(os.path.commonprefix([actual, expected]))
    return actual[max(0, at - 60):at + 100], expected[max(0, at - 60):at + 100]


def ask(what, key, path, mode, user="u", body=None, **more):
    """A request that starts a run, at the simulator or the gateway: (status, head, body)."""
    order = dict({"inputs": {}, "user": user, "response_mode": mode}, **(body or {}))
    if "/workflows/" not in path:
        order.setdefault("query", "What was recorded?")
    connection = what.connect() if hasattr(what, "connect") else at_gateway.Connection(what.port)
    data = json.dumps(order).encode("utf-8")
    fields = {"Host": "127.0.0.1:%d" % what.port, "Authorization": "Bearer " + key,
              "Content-Type": "application/json", "Content-Length": str(len(data))}
    connection.send(at_gateway.wire.request_bytes("POST", path, dict(fields, **more), data))
    connection.read_head()
    return connection, connection.body().decode("utf-8")


def streams(release):
    """Recorded streams of runs, and the path each was asked for at."""
    for name, one in sorted(library.load()[release].items()):
        folder = os.path.join(RECORDINGS, name if release == "1.14.2"
                              else os.path.join("v" + release, name))
        if one.is_stream and one.status == 200 and one.method == "POST" and one.end == "last-chunk" \
                and one.path.endswith(STARTS) and os.path.isdir(folder) and one.chunks and \
                any(library.event(frame) for _, frame in one.frames()) and \
                not name.startswith(UNTRUE):
            yield name, one, folder


def each_recording(given, release, check):
    chosen = list(streams(release))
    lines = ["  - {name: a%d, runs: [{recording: %s}]}" % (number, folder)
             for number, (_, _, folder) in enumerate(chosen)]
    path = scenario(given, "v1-%s.yaml" % release, "apps:\n%s\n" % "\n".join(lines))
    with Simulator(given.build, path, "--release", release, "--seed", "1", "--speed", str(SPEED),
                   "--connections", "0", "--workers", "0", "--quiet", key="app-a0") as simulator, \
            Gateway(given.build, {"flow": app_of(simulator)}, store=None) as gateway:
        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(check, simulator, gateway, "app-a%d" % number, name, one)
                    for number, (name, one, _) in enumerate(chosen)]
            for job in jobs:
                job.result()
    return len(chosen)


def without_pings(text):
    return text.replace("event: ping\n\n", "")


def test_streams(given):
    def check(simulator, gateway, key, name, one):
        direct, expected = ask(simulator, key, one.path, "streaming")
        through, actual = ask(gateway, key, one.path, "streaming")
        what = "%s: %s" % (release, name)
        pings = [text.count("event: ping\n\n") for text in (actual, expected)]
        given.checks.true(pings[0] >= pings[1] and actual[:12] == expected[:12], what + ": pings",
                          str(pings))
        actual, expected = without_pings(actual), without_pings(expected)
        given.checks.equal(through.status, direct.status, what + ": status")
        given.checks.equal(*unlike(masked(actual), masked(expected)), what + ": frames")
        given.checks.equal((through.header("Content-Type"), through.header("X-Version")),
                           (direct.header("Content-Type"), release), what + ": fields")

    for release in ("1.12.1", "1.14.2", "1.16.1"):
        given.checks.true(each_recording(given, release, check) > 20, release + ": streams")


def refuses_blocking(body):
    return "blocking mode" in body or "only supports streaming" in body


def test_blocking(given):
    """Dify's own blocking answer; of the apps that Dify refuses so, what their stream says."""
    def check(simulator, gateway, key, name, one):
        direct, expected = ask(simulator, key, one.path, "blocking")
        through, actual = ask(gateway, key, one.path, "blocking")
        what = "%s: %s" % (release, name)
        if refuses_blocking(expected) and "stopped" not in name:
            stream = ask(gateway, key, one.path, "streaming")[1]
            events = [json.loads(frame[6:]) for frame in stream.split("\n\n")
                      if frame.startswith("data: ")]
            if events[-1]["event"] != "message_end":
                return
            told = "".join(event["answer"] for event in events if event["event"] == "agent_message")
            body = json.loads(actual)
            metadata = events[-1]["metadata"]  # where it blocks Dify tells of annotations, too
            given.checks.equal(dict({"annotation_reply": None}, **metadata), body["metadata"],
                               what + ": figures")
            given.checks.equal((through.status, body["answer"]), (200, told), what + ": answer")
            info = gateway.whole("GET", "/v1/info", fields={"Authorization": "Bearer " + key})[1]
            given.checks.equal(body["mode"], info["mode"], what + ": mode")
        elif direct.status == 200 and direct.header("Content-Type") == "application/json":
            given.checks.equal(through.status, direct.status, what + ": status")
            given.checks.equal(*unlike(masked(actual), masked(expected)), what + ": body")

    for release in ("1.12.1", "1.14.2", "1.16.1"):
        each_recording(given, release, check)


TESTS = (test_streams, test_blocking)


def main():
    at_gateway.run_tests(at_gateway.arguments(), *TESTS)


if __name__ == "__main__":
    main()
