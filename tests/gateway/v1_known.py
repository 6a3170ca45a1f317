"""What is asked below /v1 about runs that the gateway knows: stop, detail, events.

Each is held against what Dify itself would say, which the simulator plays, and against what the
simulator counts: nobody but the gateway reads a run's stream there.

usage: v1_known.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import hashlib
import json
import os

from gateway import RECORDINGS, Gateway, Simulator, app_of, arguments, run_tests, scenario

KEY, OTHER = "app-flow", "app-other"
RUN = "/v1/workflows/run"
MEMBERS = ("id", "workflow_id", "status", "inputs", "outputs", "error", "total_steps", "total_tokens",
           "created_at", "finished_at", "elapsed_time")
SCENARIO = """apps:
  - {name: flow, runs: [{recording: %(run)s}]}
  - {name: other, runs: [{recording: %(run)s}]}
""" % {"run": os.path.join(RECORDINGS, "label-check", "streaming")}
# Stands still between its nodes until it is stopped.
HELD = """apps:
  - name: flow
    runs: [{nodes: [start, {type: code, seconds: 100000}, {type: end, outputs: {a: 1}}]}]
  - name: other
    runs: [{nodes: [start]}]
"""
# Goes on and on, so that something comes at any time.
TICKING = """apps:
  - name: flow
    runs: [{nodes: [start, %s]}]
  - name: other
    runs: [{nodes: [start]}]
""" % ", ".join("{id: n%d, type: code, seconds: 1}" % number for number in range(1000))


def bearer(key):
    return {"Authorization": "Bearer " + key}


class World:
    """A simulator and a gateway whose callers bring Dify's keys, or tokens."""

    def __init__(self, given, text=HELD, release="1.14.2", speed=50, sim=(), app=None, **settings):
        self.given, self.checks, self.requests = given, given.checks, 0
        path = scenario(given, "v1-known.yaml", text)
        self.simulator = Simulator(given.build, path, "--release", release, "--speed", str(speed),
                                   "--seed", "1", "--connections", "0", "--workers", "0", "--quiet",
                                   *sim, key=KEY)
        apps = {"flow": app_of(self.simulator, **(app or {})),
                "other": app_of(self.simulator, key=OTHER)}
        self.gateway = Gateway(given.build, apps, speed=speed, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)
        if self.simulator.process.returncode is None:  # else the test has killed it
            self.simulator.__exit__(*error)

    def ask(self, method, path, body=None, key=KEY, **fields):
        """(status, body) of an answer of the gateway."""
        connection = self.gateway.send(method, path, body, dict(bearer(key), **fields))
        connection.read_head()
        return connection.status, connection.body().decode("utf-8")

    def start(self, events=2, key=KEY, user="u"):
        """A run of which so many events have come."""
        order = {"inputs": {}, "user": user, "response_mode": "streaming"}
        return Told(self.gateway.send("POST", RUN, order, bearer(key))).take(events)

    def follow(self, run, query="", key=KEY, user="u"):
        path = "/v1/workflow/%s/events?user=%s%s" % (run, user, query)
        return Told(self.gateway.send("GET", path, fields=bearer(key)))

    def follow_when_up(self, run, user="u"):
        """All of a run that the gateway takes up after a restart. Until it has found one whose id
        was not written yet, it is Dify that answers."""
        while True:
            told = self.follow(run, "&include_state_snapshot=true", user=user)
            if told.status != 503 and told.connection.header("X-Difystream-Run-ID"):
                return told
            told.connection.close()

    def stop(self, task, key=KEY, path="/v1/workflows/tasks/%s/stop"):
        return self.ask("POST", path % task, {"user": "u"}, key)

    def count(self):
        """How many requests the simulator got since this was asked last."""
        before, self.requests = self.requests, self.simulator.stats()["requests"]
        return self.requests - before - 1  # but for this one


class Told:
    """A stream of the gateway's, as events without pings."""

    def __init__(self, connection):
        self.connection = connection.read_head()
        self.status, self.events = connection.status, []
        self.frames = connection.frames()

    def take(self, count):
        while len(self.events) < count:
            self.note(next(self.frames))
        return self

    def until(self, name):
        while not self.events or self.events[-1]["event"] != name:
            self.note(next(self.frames))
        return self

    def note(self, frame):
        if frame.startswith("data: "):
            self.events.append(json.loads(frame[6:]))

    def read(self):
        for frame in self.frames:
            self.note(frame)
        self.connection.close()
        return self

    @property
    def run(self):
        return self.events[0]["workflow_run_id"]

    @property
    def task(self):
        return self.events[0]["task_id"]

    @property
    def names(self):
        return [event["event"] for event in self.events]

    @property
    def end(self):
        """The data of what ended it."""
        return self.events[-1]["data"]


STOPPED = (200, '{"result":"success"}\n')
NO_TASK = (404, {"code": "not_found", "message": "Task not found.", "status": 404})


def is_stopped(end):
    return end["status"] == "stopped" or "User requested stop" in (end["error"] or "")


def test_stop(given):
    checks = given.checks
    with World(given) as world:
        told = world.start()
        second = world.follow(told.run, "&include_state_snapshot=true").take(2)
        checks.equal(detail(world, told.run)[1], world.simulator.detail(told.run), "its detail")
        status, body = world.stop(told.task, OTHER)
        checks.equal((status, json.loads(body)), NO_TASK, "another app's key stops nothing")
        checks.equal(world.simulator.truth(told.run)["state"], "playing", "and the run goes on")
        checks.equal(world.stop(told.task), STOPPED, "it is stopped")
        for name, stream in (("who asked for it", told), ("who follows it", second)):
            stream.read()
            checks.true(stream.names[-1] == "workflow_finished" and is_stopped(stream.end),
                        name + " is told", stream.events[-1])
            checks.equal(stream.connection.end, "last-chunk", name + ": a whole end")
        checks.equal(world.simulator.truth(told.run)["state"], "ended", "at Dify, too")
        world.count()
        checks.equal(world.stop(told.task), STOPPED, "once more, after its end")
        checks.equal(world.stop(told.run), STOPPED, "by its run's id")
        checks.equal(world.count(), 0, "Dify is not asked")
        checks.equal(world.stop(told.task, OTHER)[0], 404, "another's key, after its end")
        world.count()
        unknown = "00000000-0000-4000-8000-000000000000"
        checks.equal(world.stop(unknown), STOPPED, "an unknown task is Dify's")
        checks.equal(world.count(), 1, "Dify is asked")


def test_stop_with_tokens(given):
    checks = given.checks
    tokens = {"one": {"token": "token-of-the-first-one", "apps": ["flow"]},
              "two": {"token": "token-of-the-second-one", "apps": ["other"]}}
    with World(given, tokens=hashed(tokens)) as world:
        told = world.start(key="token-of-the-first-one")
        world.count()
        for task in (told.task, "00000000-0000-4000-8000-000000000000"):
            status, body = world.stop(task, "token-of-the-second-one")
            checks.equal((status, json.loads(body)), NO_TASK, "not the token's: " + task)
        hidden = ("/v1/workflows/t%%61sks/%s/stop", "/v1/workflows/tasks/%s/sto%%70",
                  "/v1/workflow%%73/tasks/%s/stop", "/v1/workflows%%2ftasks%%2f%s%%2fstop",
                  "/v1/chat-message%%73/%s/stop", "/v1/workflows/t%%2561sks/%s/stop")
        for path in hidden:
            checks.equal(world.stop(told.task, "token-of-the-second-one", path)[0], 404, path)
        coded = told.task.replace("-", "%2d")
        checks.equal(world.stop(coded, "token-of-the-second-one")[0], 404, "a task that is coded")
        order = {"inputs": {}, "user": "u", "response_mode": "blocking"}
        for path in ("/v1/workflows/r%75n", "/v1/workflows/a%62c/run", "/v1/ch%61t-messages"):
            checks.equal(world.ask("POST", path, order, "token-of-the-second-one")[0], 404, path)
        checks.equal(world.count(), 0, "Dify is not asked")
        checks.equal(world.follow(told.run, key="token-of-the-second-one").status, 404, "nor does it follow it")
        checks.equal(world.ask("GET", "/v1/workflows/run/" + told.run, key="token-of-the-second-one")[0], 404,
                     "nor has its detail")
        checks.equal(world.stop(told.task, "token-of-the-first-one"), STOPPED, "the right token")
        checks.true(is_stopped(told.read().end), "it is stopped", told.events[-1])


def test_json_by_another_name(given):
    """What Dify takes for JSON starts a run of the gateway, counted and kept as any."""
    with World(given, SCENARIO) as world:
        order = {"inputs": {}, "user": "u", "response_mode": "blocking"}
        for name in ("application/json; charset=utf-8", "application/vnd.api+json", "Application/X+JSON"):
            fields = dict(bearer(KEY), **{"Content-Type": name})
            with world.gateway.send("POST", RUN, order, fields) as connection:
                status = connection.read_head().status
                run = connection.header("X-Difystream-Run-ID")
                connection.body()
            given.checks.true(status == 200 and run, name, (status, run))


def hashed(tokens):
    return {name: {"hash": "sha256:" + hashlib.sha256(one["token"].encode()).hexdigest(),
                   "apps": one["apps"]} for name, one in tokens.items()}


def detail(world, run, key=KEY):
    status, text = world.ask("GET", "/v1/workflows/run/" + run, key=key)
    return status, json.loads(text)


def test_detail(given):
    checks = given.checks
    for release in ("1.12.1", "1.14.2", "1.16.1"):
        with World(given, SCENARIO, release) as world:
            told = world.start().read()
            direct = world.simulator.ask("GET", "/v1/workflows/run/" + told.run).body().decode()
            checks.equal(world.ask("GET", "/v1/workflows/run/" + told.run), (200, direct),
                         release + ": Dify's own, after the end")
            whole = json.loads(direct)
            checks.equal(detail(world, told.run, OTHER)[1].get("status"),
                         None if release == "1.12.1" else 404, release + ": another's key")
            world.simulator.process.kill()
            world.simulator.process.wait()
            status, own = detail(world, told.run)
            checks.equal((status, tuple(own)), (200, MEMBERS), release + ": the gateway's own")
            for name in set(MEMBERS) - {"inputs", "created_at", "finished_at"}:
                checks.equal(own[name], whole[name], "%s: %s, without Dify" % (release, name))
            for name in ("created_at", "finished_at"):
                checks.true(type(own[name]) is int and abs(own[name] - whole[name]) <= 1,
                            "%s: %s" % (release, name), (own[name], whole[name]))
            checks.equal(json.loads(own["inputs"]), {}, release + ": inputs")


def test_detail_of_one_that_was_stopped(given):
    """Dify's row may say `running` for ever; the stream's word counts."""
    checks = given.checks
    with World(given) as world:
        told = world.start()
        checks.equal(world.stop(told.task), STOPPED, "stopped")
        told.read()
        checks.equal(world.simulator.detail(told.run)["status"], "running", "Dify's word")
        status, own = detail(world, told.run)
        checks.equal((status, own["status"], own["id"]), (200, "stopped", told.run), "the gateway's")


def test_events(given):
    checks = given.checks
    with World(given) as world:
        told = world.start(3)
        with_all = world.follow(told.run, "&include_state_snapshot=true").take(3)
        checks.equal(with_all.events[:3], told.events[:3], "with a snapshot: from the begin")
        from_now = world.follow(told.run)
        checks.equal(from_now.status, 200, "without one")
        for user, key, name in (("v", KEY, "another user"), ("u", OTHER, "another app")):
            checks.equal(world.follow(told.run, key=key, user=user).status, 404, name)
        checks.equal(world.follow("00000000-0000-4000-8000-000000000000").status, 404, "unknown")
        head = world.gateway.send("HEAD", "/v1/workflow/%s/events?user=u" % told.run,
                                  fields=bearer(KEY)).read_head()
        checks.equal((head.status, head.header("Content-Type").split(";")[0]),
                     (200, "text/event-stream"), "HEAD")
        for query, name in (("", "no user"), ("?user=", "an empty user"), ("?user=%00", "a bad user")):
            checks.true(world.ask("GET", "/v1/workflow/%s/events%s" % (told.run, query))[0] >= 400, name)
        checks.equal(world.simulator.stats()["streams_open_most"], 1, "one reader at Dify")
        checks.equal(world.stop(told.task), STOPPED, "it ends")
        for stream in (told, with_all, from_now):
            stream.read()
        checks.equal(with_all.events, told.events, "all of it")
        checks.true(len(from_now.events) > 0 and
                    from_now.events == told.events[-len(from_now.events):] and
                    len(from_now.events) < len(told.events), "the rest of it", from_now.names)
        for query in ("", "&include_state_snapshot=true", "&continue_on_pause=true"):
            after = world.follow(told.run, query).read()
            checks.equal(after.events, told.events[-1:], "finished: its end alone" + query)
        checks.equal(world.simulator.stats()["streams_opened"], 1, "no other stream at Dify")


def test_events_of_another_route(given):
    """A run that was asked for at /api/runs is followed as well."""
    checks = given.checks
    with World(given) as world:
        first = world.gateway.send("POST", "/api/runs", {"inputs": {}, "user": "u"},
                                   {"Accept": "text/event-stream"}).read_head()
        run = next(json.loads(line)["workflow_run_id"] for frame in first.frames()
                   for line in [frame.split("data: ")[-1]] if '"workflow_started"' in line)
        told = world.follow(run, "&include_state_snapshot=true").take(1)
        world.stop(told.task)
        told.read()
        checks.equal((told.names[0], told.names[-1]), ("workflow_started", "workflow_finished"),
                     "from its begin to its end")
        checks.equal(world.simulator.stats()["streams_opened"], 1, "one reader at Dify")
    with World(given, SCENARIO) as world:
        result = world.gateway.whole("POST", "/api/runs", {"inputs": {}, "user": "u"})[1]
        after = world.follow(result["data"]["workflow_run_id"]).read()
        checks.equal(after.names, ["workflow_finished"], "finished: Dify's word")


def test_without_a_store(given):
    checks = given.checks
    with World(given, SCENARIO, store=None) as world:
        told = world.start().read()
        checks.equal(world.follow(told.run).read().events, told.events[-1:], "events")
        checks.equal(detail(world, told.run)[1]["status"], "succeeded", "detail")
        checks.equal(world.stop(told.task, OTHER)[0], 404, "another's key stops nothing")


def test_task_of_a_lost_answer(given):
    """The first id that was told stands; where that is a snapshot's it is the run's, and by this the
    run is stopped as well."""
    checks = given.checks
    with World(given, TICKING, speed=10, sim=("--fault", "reset-after-start,on=run,times=1")) as world:
        told = world.start()
        checks.equal(world.stop(told.run, OTHER)[0], 404, "another's key stops nothing")
        checks.equal(world.stop(told.run), STOPPED, "it stops the run")
        told.read()
        checks.true(is_stopped(told.end), "it is stopped", told.events[-1])
        checks.equal({event["task_id"] for event in told.events}, {told.task}, "one task's id")
        for task in (told.task, told.run):
            checks.equal(world.stop(task), STOPPED, "after its end")


def main():
    given = arguments()
    run_tests(given, test_stop, test_stop_with_tokens, test_json_by_another_name, test_detail,
              test_detail_of_one_that_was_stopped, test_events, test_events_of_another_route,
              test_without_a_store, test_task_of_a_lost_answer)


if __name__ == "__main__":
    main()
