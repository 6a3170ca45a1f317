"""Callers of /v1 who bring their own key of Dify's: what each sees, what is kept of the key, and what
becomes of their runs when the gateway dies.

usage: guests.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import json
import os

from gateway import RECORDINGS, Gateway, Simulator, app_of, arguments, run_tests, scenario
from v1 import ask

KEYS = ("app-first", "app-second")
RUN = "/v1/workflows/run"
SLOW = """apps:
  - {name: first, runs: [{recording: %(run)s}]}
  - {name: second, runs: [{recording: %(run)s}]}
  - {name: own, runs: [{recording: %(run)s}]}
""" % {"run": os.path.join(RECORDINGS, "label-check", "streaming")}


def bearer(key):
    return {"Authorization": "Bearer " + key}


def started(gateway, key, **more):
    """A run whose stream has begun: (connection, id of the gateway's, frames that still come)."""
    order = dict({"inputs": {}, "user": "u", "response_mode": "streaming"}, **more)
    connection = gateway.send("POST", RUN, order, bearer(key))
    connection.read_head()
    frames = connection.frames()
    first = next(frame for frame in frames if frame.startswith("data: "))
    return connection, connection.header("X-Difystream-Run-ID"), json.loads(first[6:]), frames


def status(gateway, method, path, key=None, body=None):
    fields = bearer(key) if key else None
    connection = gateway.send(method, path, body, fields)
    connection.read_head()
    return connection.status, connection.body().decode("utf-8")


def rows(gateway, key=None):
    return [row["run_id"] for row in json.loads(status(gateway, "GET", "/api/runs", key)[1])["data"]]


def test_what_each_sees(given):
    checks = given.checks
    with Simulator(given.build, scenario(given, "slow.yaml", SLOW), "--speed", "2", "--quiet",
                   key="app-own") as simulator, \
            Gateway(given.build, {"flow": app_of(simulator)}, speed=2) as gateway:
        mine = {key: started(gateway, key) for key in KEYS + ("app-own",)}
        for key, (_, run, first, _) in mine.items():
            others = [each for each in mine if each != key and each != "app-own"]
            checks.equal(status(gateway, "GET", "/api/runs/" + run, key)[0], 200, "own run, " + key)
            checks.true(run in rows(gateway, key), "own run in the list, " + key)
            for other in others:
                theirs = mine[other]
                checks.equal([status(gateway, method, "/api/runs/%s%s" % (theirs[1], what), key)[0]
                              for method, what in (("GET", ""), ("GET", "/events"),
                                                   ("POST", "/stop"))],
                             [404, 404, 404], "%s sees no run of %s" % (key, other))
                checks.true(theirs[1] not in rows(gateway, key), "nor in the list")
                task = theirs[2]["task_id"]
                checks.equal(status(gateway, "POST", "/v1/workflows/tasks/%s/stop" % task, key,
                                    {"user": "u"})[0], 404, "nor may stop it")
        checks.equal(rows(gateway), [mine["app-own"][1]], "without a key: the configured app's")
        checks.equal(status(gateway, "POST", RUN, "x" * 1024, {})[0], 401, "a key that is too long")
        stopped = "/v1/workflows/tasks/%s/stop" % mine[KEYS[0]][2]["task_id"]
        checks.equal(status(gateway, "POST", stopped, KEYS[0], {"user": "u"}),
                     (200, '{"result":"success"}\n'), "its own it may stop")
        ends = {key: list(frames)[-1] for key, (_, _, _, frames) in mine.items()}
        checks.true('"status":"stopped"' in ends[KEYS[0]] or "User requested stop" in ends[KEYS[0]],
                    "it was stopped", ends[KEYS[0]])
        checks.true('"status":"succeeded"' in ends[KEYS[1]], "the other was not", ends[KEYS[1]])
        for name in os.listdir(gateway.folder):
            path = os.path.join(gateway.folder, name)
            if name.startswith("runs.db") and os.path.isfile(path):
                with open(path, "rb") as file:
                    checks.true(not any(key.encode() in file.read() for key in KEYS), "keys in " + name)
        checks.true(not any(key in line for key in KEYS for line in gateway.log), "keys in the log")


def test_runs_wait_for_their_key(given):
    checks = given.checks
    with Simulator(given.build, scenario(given, "slow.yaml", SLOW), "--speed", "2", "--quiet",
                   key="app-own") as simulator, \
            Gateway(given.build, {"flow": app_of(simulator)}, speed=2, keeps_port=True) as gateway:
        _, run, first, _ = started(gateway, KEYS[0])
        checks.true(gateway.kill(), "killed")
        gateway.start()
        gateway.until_logs("wait until their key is presented")
        checks.equal(status(gateway, "GET", "/api/runs/" + run)[0], 404, "nobody sees it")
        waiting = json.loads(status(gateway, "GET", "/api/runs/" + run, KEYS[0])[1])
        checks.equal((waiting["success"], waiting["data"]["status"]), (None, "running"), "it waits")
        checks.equal(status(gateway, "GET", "/v1/info", KEYS[1])[0], 200, "another key comes")
        checks.true(not any(run in line and "taken up" in line for line in gateway.log),
                    "and takes up nothing")
        checks.equal(status(gateway, "GET", "/v1/info", KEYS[0])[0], 200, "its key comes")
        connection = gateway.send("GET", "/api/runs/%s/events" % run, fields=bearer(KEYS[0]))
        while connection.read_head().status == 503:  # it is being taken up
            connection = gateway.send("GET", "/api/runs/%s/events" % run, fields=bearer(KEYS[0]))
        frames = list(connection.frames())
        checks.true(frames[-1].split("\n")[1 if frames[-1].startswith("id:") else 0] == "event: end",
                    "its stream ends", frames[-1][:80])
        result = json.loads(status(gateway, "GET", "/api/runs/" + run, KEYS[0])[1])
        checks.equal((result["success"], result["data"]["workflow_run_id"]),
                     (True, first["workflow_run_id"]), "the right run")
        checks.equal(simulator.truths("user=u")["posts"], 1, "it was sent once")


def test_guests_alone(given):
    checks = given.checks
    with Simulator(given.build, scenario(given, "slow.yaml", SLOW), "--speed", "50", "--quiet",
                   key="app-own") as simulator:
        base = "http://127.0.0.1:%d/v1" % simulator.port
        with Gateway(given.build, {}, speed=50, guests={"base_url": base, "max_runs": 2}) as gateway:
            connection, body = ask(gateway, KEYS[0], RUN, "blocking")
            checks.equal((connection.status, json.loads(body)["data"]["status"]), (200, "succeeded"),
                         "a guest, where there is no app")
            for path in ("/healthz", "/readyz", "/api/apps", "/api/runs", "/api/stats", "/metrics",
                         "/openapi.json"):
                checks.equal(status(gateway, "GET", path)[0], 200, path + " without an app")
            checks.equal(status(gateway, "POST", "/api/runs", body={"inputs": {}})[0], 404,
                         "a run of no app")
            checks.equal(status(gateway, "GET", "/api/test-dify")[0], 404, "a test of no app")
            checks.true('app="(guests)"' in status(gateway, "GET", "/metrics")[1], "in the metrics")
        with Gateway(given.build, {"flow": app_of(simulator)}, speed=50, guests="none") as gateway:
            checks.equal([ask(gateway, key, RUN, "blocking")[0].status
                          for key in (KEYS[0], "app-own")], [401, 200], "no guests")


def main():
    given = arguments()
    run_tests(given, test_what_each_sees, test_runs_wait_for_their_key, test_guests_alone)


if __name__ == "__main__":
    main()
