"""Runs through a gateway that is killed at random moments and started again at once.

Clients are good ones: who asked and got no answer asks again with the same Idempotency-Key, who
followed comes again with the last id that it has seen. In the end each run was sent to Dify once, as
the simulator counts, has one result, the same as that of a gateway that was left alone, and each
follower has every record of its run's log once, in order.

usage: kill.py --source FOLDER --build FOLDER [--runs N] [--flight N] [--kills N] [--seed N]
"""

import collections
import itertools
import json
import random
import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from gateway import (ASYNC, EVENT_STREAM, RECORDINGS, Events, Form, Gateway, Simulator, app_of,
                     arguments, scenario, wire)

SPEED = 25
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20000)
ATTEMPTS = 1000  # of one client: there are fewer kills, and between two it gets on
CASES = {
    "label": "label-check/streaming", "parallel": "parallel-3/streaming",
    "items": "iter-http-par/streaming", "bad-item": "iter-seq-rm/bad-streaming",
    "llm": "llm-one/streaming", "loop": "loop-break/streaming", "fails": "code-fail/streaming",
    "retries": "http-retry-ok/streaming", "branch": "if-else/true-streaming",
}
# What each run has of its own, in its outputs too.
OWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
                 r"|dify-file-ref:[\w=+/-]+|\b1[789]\d{8}\b")
SCENARIO = """
apps:
  - name: all
    inputs:
      - {name: case}
      - {name: number, type: number}
      - {name: picture, type: file-list, file_types: [image]}
    runs:
"""
# No clock of the gateway ends anything here.
PATIENT = {"connect_timeout": 100000, "read_timeout": 1000000, "queue_timeout": 100000}


def totals(result):
    data = result["data"]
    found = {"success": result["success"], "code": result.get("code"), "status": data["status"],
             "workflow_outputs": data["workflow_outputs"],
             "total_steps": data["metadata"]["total_steps"],
             "total_tokens": data["metadata"]["total_tokens"]}
    return OWN.sub("OWN", json.dumps(found, sort_keys=True))


class Life:
    """The gateway's, as its clients know it."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.up = threading.Event()
        self.up.set()
        self.moved = threading.Condition()
        self.steps = 0

    def step(self):
        """Something happened that a killer may have waited for."""
        with self.moved:
            self.steps += 1
            self.moved.notify_all()

    def wait_for(self, steps):
        with self.moved:
            self.moved.wait_for(lambda: self.steps >= steps)

    def kill(self):
        self.up.clear()
        lived = self.gateway.kill()
        self.gateway.start()
        self.up.set()
        return lived


class Client:
    """Who wants one run."""

    def __init__(self, life, number, case, kind):
        self.life, self.number, self.case, self.kind = life, number, case, kind
        self.user = "user-%d" % number
        self.key = "key-%d" % number
        self.attempts = 0
        self.run = self.status = self.result = None
        self.records, self.resets = None, 0

    def __str__(self):
        return "%s (%s, %s, %s, %d attempts)" % (self.user, self.kind, self.case, self.run,
                                                 self.attempts)

    def again(self, act):
        """Does something until it works: a gateway that is dead is asked again."""
        while True:
            self.attempts += 1
            if self.attempts > ATTEMPTS:
                raise AssertionError("%s: asked too often; the gateway:\n%s" % (
                    self, "".join(self.life.gateway.log[-60:])))
            self.life.up.wait()
            try:
                done = act()
            except (wire.Broken, OSError):
                continue
            if done is not None:
                self.life.step()
                return done

    def post(self, path, **fields):
        fields["Idempotency-Key"] = self.key
        inputs = {"case": self.case, "number": self.number}
        if path == "/api/detect":
            body = Form(dict(inputs, user=self.user), [("picture", "a.png", "image/png", PNG)])
        else:
            body = {"user": self.user, "inputs": inputs}
        return self.life.gateway.send("POST", path, body, fields=fields)

    def blocking(self, path):
        def act():
            with self.post(path) as connection:
                self.life.step()
                connection.read_head()
                answer = json.loads(whole_body(connection))
                return connection.status, answer
        self.status, self.result = self.again(act)
        self.run = self.result["run_id"]

    def respond_async(self):
        def act():
            with self.post("/api/runs", **ASYNC) as connection:
                self.life.step()
                connection.read_head()
                answer = json.loads(whole_body(connection))
                return connection.status, answer, connection.header("Location")
        self.status, answer, location = self.again(act)
        self.run = answer["run_id"]
        if location != "/api/runs/%s" % self.run:
            raise AssertionError("%s: Location %s" % (self, location))

    def poll(self):
        pace = threading.Event()

        def act():
            with self.life.gateway.ask("GET", "/api/runs/" + self.run) as connection:
                answer = json.loads(whole_body(connection))
                if connection.status == 200 and answer["success"] is None:
                    self.attempts -= 1
                    pace.wait(0.1)  # so often it asks
                    return None
                return connection.status, answer
        self.respond_async()
        self.polled_status, self.result = self.again(act)

    def follow(self, creates):
        """A stream, from the request for the run on, or of a run that is known."""
        self.records, last = [], [None]

        def act():
            if self.run is None:
                connection = self.post("/api/runs", **EVENT_STREAM)
            else:
                fields = dict(EVENT_STREAM, **({"Last-Event-ID": last[0]} if last[0] else {}))
                connection = self.life.gateway.send("GET", "/api/runs/%s/events" % self.run,
                                                    fields=fields)
            with Events(connection.read_head()) as events:
                if connection.status != 200:
                    raise AssertionError("%s: %d %s" % (self, connection.status,
                                                        connection.body()))
                if connection.header("Location"):
                    self.run = connection.header("Location").rsplit("/", 1)[1]
                try:
                    for found in events:
                        if found[0] is None:
                            self.resets += 1
                        else:
                            self.records.append(found)
                            self.life.step()
                finally:
                    last[0] = events.last or last[0]
                return events.result
        if not creates:
            self.respond_async()
        self.result = self.again(act)
        self.status = self.status or 200

    def live(self):
        if self.kind == "detect":
            self.blocking("/api/detect")
        elif self.kind == "json":
            self.blocking("/api/runs")
        elif self.kind == "poll":
            self.poll()
        else:
            self.follow(self.kind == "stream")
        return self


KINDS = ("detect", "json", "poll", "stream", "follow")


def whole_body(connection):
    """A body that has come to its end."""
    body = connection.body()
    if connection.end not in ("last-chunk", "content-length"):
        raise wire.Broken("the answer is not whole")
    return body


def serve(given):
    text = SCENARIO + "".join(
        "      - {when: {inputs: {case: %s}}, recording: %s/%s}\n" % (case, RECORDINGS, folder)
        for case, folder in CASES.items())
    return Simulator(given.build, scenario(given, "kill.yaml", text), "--seed",
                     str(given.seed % 1000000), "--speed", str(SPEED), "--connections", "0",
                     "--workers", "0", "--quiet", key="app-all")


def gateway_for(given, simulator, **more):
    app = app_of(simulator, max_runs=max(given.flight, 8), queue=1000, **PATIENT)
    return Gateway(given.build, {"all": app}, keeps_port=True, speed=SPEED, **more)


def undisturbed(given):
    """By case: what is right."""
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        life = Life(gateway)
        clients = [Client(life, number, case, "json") for number, case in enumerate(CASES)]
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(Client.live, clients))
        return {client.case: (client.status, client.result) for client in clients}


def killer(given, life, chance, whole, ended):
    """Kills at moments spread over all that happens. How often it did."""
    moments = sorted(chance.uniform(0.01, 0.9) * whole for _ in range(given.kills))
    kills = 0
    for moment in moments:
        life.wait_for(moment)
        ended.wait(chance.uniform(0, 0.05))
        if ended.is_set():
            break
        if not given.checks.true(life.kill(), "it lived until it was killed",
                                 "".join(life.gateway.log[-30:])):
            break
        kills += 1
    return kills


def differences(one, other, at=""):
    """Where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [found for key in sorted({*one, *other})
                for found in differences(one.get(key), other.get(key), "%s.%s" % (at, key))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for index, pair in enumerate(zip(one, other))
                for found in differences(*pair, "%s[%d]" % (at, index))]
    return [] if one == other else ["%s: %.100r, but %.100r" % (at, one, other)]


def judge(given, client, right, truth, gateway):
    """One run, in the end; `gateway` has been left alone for a while."""
    checks, what = given.checks, str(client)
    status, wanted = right[client.case]
    good = checks.equal((truth["posts"], truth["started"]), (1, 1), what + ": POSTs")
    good &= checks.equal(totals(client.result), totals(wanted), what + ": result")
    if client.kind in ("detect", "json"):
        good &= checks.equal(client.status, status, what + ": status")
    if client.kind in ("poll", "follow"):
        good &= checks.equal(client.status, 202, what + ": status of the receipt")
    good &= checks.equal(differences(gateway.run(client.run), client.result), [],
                         what + ": the result, read again")
    log = gateway.events(client.run).read()
    good &= checks.true(log.is_whole, what + ": the log, read again",
                        (log.status, log.connection.end, log.last, log.others, log.connection.was_reset,
                         log.connection.header("Content-Type"), log.rest[:200]))
    good &= checks.equal(differences(log.result, client.result), [],
                         what + ": the result of the log")
    epoch = (log.last or "0-0").split("-")[0]
    good &= checks.equal([record[0] for record in log.records],
                         ["%s-%d" % (epoch, number) for number in range(1, len(log.records) + 1)],
                         what + ": numbers of the log")
    if client.records is not None:
        good &= checks.true(client.records == log.records and client.resets == 0,
                            what + ": what it has seen of the log",
                            "%d resets\n    seen: %s\n    log:  %s" % (
                                client.resets, [record[:2] for record in client.records],
                                [record[:2] for record in log.records]))
    if not good:
        print("".join(line for line in gateway.log if client.run and client.run in line))
    return log


def truths(simulator):
    found = collections.defaultdict(list)
    for page in itertools.count(1):
        answer = simulator.truths("limit=100&page=%d" % page)
        for run in answer["data"]:
            found[run["user"]].append(run)
        if not answer["has_more"]:
            return found


def is_honest(client):
    """A kill between the mark that a request is about to leave and its first byte, some millionths of
    a second on a machine that is not busy, leaves a run of which nobody can know whether it was
    sent. It is not sent again, and is said to be lost."""
    return client.result is not None and client.result.get("code") == "run_lost"


def judge_all(given, clients, right, simulator, gateway):
    checks, known = given.checks, truths(simulator)
    records = lost = 0
    for client in clients:
        runs = known.get(client.user, [])
        if not runs and is_honest(client) and lost == 0:
            lost = 1  # not two
            print("%s: killed in the one moment that leaves doubt" % client)
        elif checks.equal(len(runs), 1, "%s: runs at Dify" % client):
            records += len(judge(given, client, right, runs[0], gateway).records)
    stats, sent = simulator.stats(), len(clients) - lost
    checks.equal((stats["posts"], stats["runs_started"]), (sent, sent), "POSTs and runs in all")
    checks.equal(len({client.run for client in clients}), len(clients), "ids of runs")
    return records


def main():
    given = arguments(lambda parser: (
        parser.add_argument("--runs", type=int, default=120),
        parser.add_argument("--flight", type=int, default=60),
        parser.add_argument("--kills", type=int, default=6)))
    print("seed %d" % given.seed, flush=True)
    right = undisturbed(given)
    chance = random.Random(given.seed)
    began, ended = time.monotonic(), threading.Event()
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        life = Life(gateway)
        clients = [Client(life, number, chance.choice(list(CASES)), KINDS[number % len(KINDS)])
                   for number in range(given.runs)]
        # a step for each request, and each record that a follower sees
        steps = given.runs * 12
        with ThreadPoolExecutor(given.flight + 1) as pool:
            kills = pool.submit(killer, given, life, chance, steps, ended)
            living = [pool.submit(client.live) for client in clients]
            try:
                for future in living:
                    future.result()
            finally:
                ended.set()
                life.steps = 1 << 60
                life.step()
        taken = time.monotonic() - began
        records = judge_all(given, clients, right, simulator, gateway)
        taken_up = sum("of the store are taken up" in line for line in gateway.log)
        store = gateway.store
        gateway.terminate()
        given.checks.equal(gateway.over(), 0, "its end")
        with sqlite3.connect(store) as rows:
            given.checks.equal(rows.execute("SELECT count(*) FROM runs").fetchone()[0],
                               given.runs, "rows of the store")
    print("%d runs in %.1f s, killed %d times (%d times with open runs), %d records; attempts of a "
          "client: %d at most" % (given.runs, taken, kills.result(), taken_up, records,
                                  max(client.attempts for client in clients)))
    given.checks.finish("%d runs, %d kills, seed %d" % (given.runs, kills.result(), given.seed))


if __name__ == "__main__":
    main()
