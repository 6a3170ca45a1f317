#!/usr/bin/env python3
"""Metrics, health and the log, from outside: what they say against what was run."""

import errno
import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import threading
from decimal import Decimal

import gateway
import support
from gateway import ASYNC, EVENT_STREAM, Gateway, Simulator, app_of
from upstream import Upstream, answer, raw

SECRET = "zebra-secret"  # in keys, inputs, outputs, users, titles, file names, errors
SCENARIO = """
release: 1.14.2
apps:
  - name: flow
    key: app-%(secret)s-flow
    inputs: [{name: word, required: true}]
    runs:
      - when: {inputs: {word: bad}}
        nodes: [start, {type: code, error: "it broke at %(secret)s", seconds: 0.25}]
      - when: {inputs: {word: slow}}
        nodes: [start, {type: code, seconds: 300000}, {type: end, outputs: {a: 1}}]
      - when: {inputs: {word: dear}}
        currency: EUR
        nodes: [start, {type: llm, text: "a", tokens: 3, price: "0.000001"}, end]
      - when: {inputs: {word: strange}}
        currency: "U\\"S\\nD"
        nodes: [start, {type: "odd\\nerror run=1", id: "n\\n2026 error ", tokens: 1, price: "2"},
                end]
      - nodes: [start,
                {type: llm, text: "%(secret)s out b", tokens: 7, price: "0.1", seconds: 0.5,
                 title: "%(secret)s", inputs: {q: "%(secret)s"}},
                {type: http-request, seconds: 0.125}, {type: http-request, seconds: 0.125},
                {type: end, outputs: {a: "{{inputs.word}} %(secret)s"}}]
""" % {"secret": SECRET}
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"')


class World:
    """A simulator and a gateway before it."""

    def __init__(self, given, *faults, level="info", form="text", kind=Gateway, store="runs.db",
                 **app):
        options = [option for fault in faults for option in ("--fault", fault)]
        self.sim = Simulator(given.build, gateway.scenario(given, "observe.yaml", SCENARIO),
                             "--speed", "100", *options, key="app-%s-flow" % SECRET)
        self.gateway = kind(given.build, {"flow": app_of(self.sim, **app)}, speed=100.0,
                            store=store, log={"level": level, "format": form})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)
        self.sim.__exit__(*error)

    def run(self, word="w", **more):
        inputs = {"word": word} if word is not None else {}
        return self.gateway.whole("POST", "/api/runs",
                                  {"inputs": inputs, "user": SECRET + "@example.org"}, **more)[1]

    def metrics(self, checks):
        with self.gateway.ask("GET", "/metrics") as connection:
            text = connection.body().decode("utf-8")
            checks.equal(connection.status, 200, "status of /metrics")
            checks.equal(connection.header("Content-Type"),
                         "text/plain; version=0.0.4; charset=utf-8", "type of /metrics")
        return Metrics(checks, text)

    def until(self, checks, holds):
        """The metrics once they are as wanted, which they have to become."""
        return self.sim.until(lambda: self.metrics(checks), holds)


class Metrics:
    """The text format, read as strictly as promtool reads it."""

    def __init__(self, checks, text):
        self.types, self.samples = {}, {}
        name = helped = None
        bad = [] if text.endswith("\n") else ["no newline at the end"]
        for line in text.split("\n")[:-1]:
            if line.startswith("# HELP "):
                helped = line.split(" ", 3)[2]
                if helped in self.types or not line.split(" ", 3)[3].endswith("."):
                    bad.append(line)
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                if name != helped or kind not in ("counter", "gauge", "histogram") or \
                        (kind == "counter") != name.endswith("_total"):
                    bad.append(line)
                self.types[name] = kind
            elif not self.take(name, line):
                bad.append(line)
        for metric, kind in self.types.items():
            if kind == "histogram":
                bad += self.broken_buckets(metric)
        checks.equal(bad, [], "lines of /metrics that are not as they should be")

    def take(self, name, line):
        match = SAMPLE.fullmatch(line)
        if match is None or name is None:
            return False
        suffixes = ("_bucket", "_sum", "_count") if self.types[name] == "histogram" else ("",)
        labels = tuple(sorted(LABEL.findall(match.group(2) or "")))
        key = (match.group(1), labels)
        is_new = key not in self.samples
        self.samples[key] = Decimal(match.group(3))
        return match.group(1) in [name + suffix for suffix in suffixes] and is_new and \
            self.samples[key] >= 0

    def broken_buckets(self, metric):
        rows = {}
        for (name, labels), value in self.samples.items():
            if name == metric + "_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                rows.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        return ["buckets of %s %s" % (metric, rest) for rest, row in rows.items()
                if row != sorted(row) or [count for _, count in row] != sorted(
                    count for _, count in row) or row[-1][0] != float("inf") or
                row[-1][1] != self.samples[(metric + "_count", rest)]]

    def get(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def nonzero(self, name, label):
        return {dict(labels)[label]: value for (sample, labels), value in self.samples.items()
                if sample == name and value != 0}

    def sum(self, name):
        return sum(value for (sample, _), value in self.samples.items() if sample == name)


# ---- metrics -----------------------------------------------------------------------------------

def test_figures(given):
    """What is counted is what was run."""
    checks = given.checks
    with World(given) as world:
        before = world.metrics(checks)
        checks.equal(before.sum("difystream_runs_total"), 0, "nothing has run")
        results = [world.run() for _ in range(3)] + [world.run("bad"), world.run("dear")]
        refused = world.run(None)
        for rating in ("like", "like", "dislike", None):
            world.gateway.whole("POST", "/api/runs/%s/feedback" % results[0]["run_id"],
                                {"rating": rating})
        checks.equal([result["success"] for result in results], [True] * 3 + [False, True],
                     "results")
        checks.equal(refused["code"], "invalid_param", "a run that is unfit")
        world.gateway.whole("GET", "/no/such/address")
        with world.gateway.connect() as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            connection.read_head()
        after = world.metrics(checks)
        check_runs(checks, after, results)
        check_clients(checks, world, before, after)
        check_store(checks, after)
        check_page(given, after)


def check_runs(checks, after, results):
    data = [result["data"] for result in results]
    checks.equal(after.nonzero("difystream_ratings_total", "rating"), {"like": 2, "dislike": 1},
                 "ratings; one that is taken back is none")
    checks.equal(after.nonzero("difystream_runs_total", "outcome"),
                 {"succeeded": 4, "failed": 1, "invalid_param": 1}, "runs by outcome")
    checks.equal(after.get("difystream_run_duration_seconds_count", app="flow"), 6, "durations")
    checks.true(after.get("difystream_run_duration_seconds_sum", app="flow") > 0, "their sum")
    checks.equal(after.get("difystream_first_event_seconds_count", app="flow"), 5,
                 "first events, of runs that were sent")
    checks.equal(after.get("difystream_streams_opened_total", app="flow"), 5, "streams")
    checks.equal(after.get("difystream_events_total", app="flow"),
                 sum(one["event_count"] for one in data), "events")
    checks.equal(after.get("difystream_tokens_total", app="flow"), 3 * 7 + 3, "tokens")
    checks.equal(after.nonzero("difystream_price_total", "currency"),
                 {"USD": Decimal("0.3"), "EUR": Decimal("0.000001")}, "prices, exactly")
    nodes = {"start": 5, "llm": 4, "http-request": 6, "code": 1, "end": 4}
    checks.equal(after.nonzero("difystream_nodes_total", "node_type"), nodes, "nodes")
    times = after.nonzero("difystream_node_seconds_total", "node_type")
    told = {}
    for node in [node for one in data for node in one["nodes"]]:
        told[node["node_type"]] = told.get(node["node_type"], 0) + Decimal(
            str(node["elapsed_time"])).quantize(Decimal("0.000001"), "ROUND_DOWN")
    checks.equal(times, {kind: value for kind, value in told.items() if value},
                 "seconds of nodes")
    checks.equal(after.sum("difystream_events_skipped_total") +
                 after.sum("difystream_events_unknown_total") +
                 after.sum("difystream_event_warnings_total") +
                 after.sum("difystream_streams_failed_total") +
                 after.sum("difystream_resumes_total"), 0, "nothing has gone wrong")
    checks.equal((after.get("difystream_runs_running", app="flow"),
                  after.get("difystream_runs_waiting", app="flow"),
                  after.get("difystream_max_runs", app="flow")), (0, 0, 8), "places")


def check_clients(checks, world, before, after):
    def answers(metrics, method, route, status):
        return metrics.get("difystream_requests_total", method=method, route=route, status=status)
    checks.equal((answers(after, "POST", "/api/runs", "2xx"),
                  answers(after, "POST", "/api/runs", "4xx"),
                  answers(after, "POST", "/api/runs", "5xx")), (4, 1, 1), "runs by status")
    checks.equal((answers(after, "other", "none", "4xx"),
                  answers(after, "other", "malformed", "4xx")), (1, 1), "what is no route")
    checks.equal(answers(after, "GET", "/metrics", "2xx"), 1, "the metrics themselves")
    world.until(checks, lambda now: now.get("difystream_connections") == 1)  # the asker's own
    checks.true(after.get("difystream_connections_accepted_total") >= 9, "connections")
    checks.true(after.get("difystream_received_bytes_total") >
                before.get("difystream_received_bytes_total") + 6 * 60, "bytes in")
    checks.true(after.get("difystream_sent_bytes_total") >
                before.get("difystream_sent_bytes_total") + 6 * 300, "bytes out")
    checks.true(after.get("difystream_stream_received_bytes_total", app="flow") > 5000,
                "bytes of streams")
    started = after.get("process_start_time_seconds")
    checks.equal(started, before.get("process_start_time_seconds"), "the start stays")
    age = os.stat("/proc/%d" % world.gateway.process.pid).st_ctime - float(started)
    checks.true(abs(age) < 600, "the start's time", age)
    checks.true(after.get("process_cpu_seconds_total") > 0, "time of the processor")
    checks.equal(after.sum("difystream_build_info"), 1, "the build")


def check_store(checks, after):
    checks.equal((after.get("difystream_store_failing"),
                  after.get("difystream_store_failed_commits_total")), (0, 0), "the store is well")
    checks.true(after.get("difystream_store_commits_total") >=
                after.get("difystream_store_synced_commits_total") >= 10, "commits")
    checks.true(after.get("difystream_store_writes_total") >= 20, "writes")
    checks.true(after.get("difystream_store_commit_seconds_total") > 0, "their time")
    checks.true(after.get("difystream_store_database_bytes") >= 4096, "the database")


def check_page(given, after):
    """docs/metrics.md has all of them, and no other."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\| [^|]", support.read(
        given.source, "docs", "metrics.md"), re.M)
    given.checks.equal({name: kind for name, kind, _ in rows}, after.types,
                       "the metrics of docs/metrics.md")
    for name, _, labels in rows:
        found = {label for (sample, pairs), _ in after.samples.items() for label, _ in pairs
                 if re.fullmatch(name + "(_bucket|_sum|_count)?", sample)} - {"le"}
        given.checks.equal(found, set(re.findall(r"`(\w+)`", labels)), "labels of " + name)


def test_gauges(given):
    """What is going on now; and HEAD."""
    checks = given.checks
    with World(given, max_runs=1) as world:
        runs = [world.run("slow", fields=ASYNC)["run_id"]]
        runs.append(world.gateway.send("POST", "/api/runs", {"inputs": {"word": "slow"}}))
        stream = world.gateway.events(runs[0])
        stream.next()
        now = world.until(checks, lambda now: now.get("difystream_runs_waiting", app="flow") == 1
                          and now.get("difystream_callers_waiting") == 1)
        checks.equal((now.get("difystream_runs_running", app="flow"),
                      now.get("difystream_followers")), (1, 1), "a run and its follower")
        for path in ("/metrics", "/healthz", "/readyz"):
            with world.gateway.ask("HEAD", path, fields={"Connection": "close"}) as connection:
                while connection.more():
                    pass
                checks.equal((connection.status, connection.buffer), (200, b""), "HEAD " + path)
        stream.connection.close()
        runs[1].close()
        world.gateway.whole("POST", "/api/runs/%s/stop" % runs[0])
        for row in world.gateway.whole("GET", "/api/runs")[1]["data"]:
            world.gateway.whole("POST", "/api/runs/%s/stop" % row["run_id"])
        world.until(checks, lambda now: now.sum("difystream_runs_total") == 2 and (
            now.get("difystream_followers"), now.get("difystream_callers_waiting"),
            now.get("difystream_runs_running", app="flow"),
            now.get("difystream_runs_waiting", app="flow")) == (0, 0, 0, 0))


def test_faults(given):
    """Breaks, their causes, and what is skipped."""
    checks = given.checks
    cases = (("reset-after-events=2", "reset", 1, 0), ("close-after-events=2", "closed", 1, 0),
             ("end-after-events=2", "no_end", 1, 0), ("bad-json=2", None, 0, 1),
             ("proxy-504", "gateway_error", 0, 0))
    for fault, cause, resumed, skipped in cases:
        with World(given, fault + ",on=run,times=1") as world:
            result = world.run()
            now = world.metrics(checks)
            checks.true(result["success"], "the result after " + fault, result)
            reasons = {cause: 1} if cause else {}
            checks.equal(now.nonzero("difystream_streams_failed_total", "reason"), reasons,
                         "what failed by " + fault)
            causes = now.nonzero("difystream_resumes_total", "cause")
            checks.equal(sum(causes.values()), result["data"].get("resumed", 0), "resumes by " + fault)
            if resumed:
                checks.equal(causes, reasons, "their cause by " + fault)
            checks.equal((now.sum("difystream_events_skipped_total"), skipped),
                         (result["data"]["skipped_events"],) * 2, "skipped by " + fault)
            checks.equal(now.sum("difystream_event_warnings_total") > 0, skipped > 0,
                         "warnings by " + fault)
            world.gateway.until_logs(" warning ", skipped)
            lines = [line for line in world.gateway.log if " warning " in line]
            checks.equal(len(lines), skipped, "warnings in the log by " + fault)
            if cause:
                world.gateway.until_logs("reason=%s" % cause)
                checks.equal(len([line for line in world.gateway.log
                                  if " info " in line and "reason=%s" % cause in line]), 1,
                             "the break is told once, by " + fault)


# ---- the log -----------------------------------------------------------------------------------

def milestones(log, run):
    """How often each of a run's lines stands there: {(level, message): times}."""
    found = {}
    for line in log:
        match = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) run=%s app=flow (\w+)"
                         % run, line)
        if match:
            found[match.groups()] = found.get(match.groups(), 0) + 1
    return found


def test_milestones(given):
    checks = given.checks
    with World(given, level="debug") as world:
        result = world.run()
        stream = world.gateway.send("POST", "/api/runs", {"inputs": {"word": "dear"}},
                                    fields=EVENT_STREAM).read_head()
        follower = gateway.Events(stream).read()
        world.gateway.whole("POST", "/api/runs", b"x", fields={"Content-Type": "text/plain"})
        found = milestones(end_and_read(world), result["run_id"])
        log = world.gateway.log
    for message in ("accepted", "sent", "started", "ended"):
        checks.equal(found.get(("info", message)), 1, "%s, once" % message)
    checks.equal(found.get(("debug", "event")), result["data"]["event_count"],
                 "each event at the level debug")
    ended = [line for line in log if " app=flow ended " in line and result["run_id"] in line][0]
    for word in ("outcome=succeeded", "status=200", "tokens=7", "skipped=0", "resumed=0",
                 "events=%d" % result["data"]["event_count"]):
        checks.true(" %s" % word in ended, "%s in the last line" % word, ended)
    checks.true(any("caller=stream" in line and follower.result["run_id"] in line
                    for line in log), "who asked", log)
    checks.true(any(" info refused status=415 code=unsupported_media_type" in line
                    for line in log), "what was refused", log)
    with World(given, level="info") as world:
        run = world.run()["run_id"]
        found = milestones(end_and_read(world), run)
    checks.equal(found, {("info", message): 1 for message in
                         ("accepted", "sent", "started", "ended")}, "the level info")


def test_nodes_of_pieces(given):
    """The node of each event is told at the level debug, of pieces of text as well."""
    with open(os.path.join(given.source, "tests/recordings/v1.16.1/llm-think-separated/streaming",
                           "response.body"), "rb") as file:
        stream = file.read()
    run = answer(200, [("Content-Type", "text/event-stream")], stream)
    form = answer(200, [("Content-Type", "application/json")], b'{"user_input_form":[]}')
    upstream = Upstream(lambda request: raw(run if request.method == "POST" else form))
    app = {"base_url": "http://127.0.0.1:%d/v1" % upstream.port, "api_key": "app-flow"}
    with Gateway(given.build, {"flow": app}, store=None, log={"level": "debug"}) as one:
        one.send("POST", "/v1/workflows/run",
                 {"inputs": {}, "user": "u", "response_mode": "blocking"},
                 {"Authorization": "Bearer app-flow"}).read_head()
        one.terminate()
        one.over()
        nodes = [line.split(" type=reasoning_chunk ")[1].split()[0] for line in one.log
                 if " type=reasoning_chunk " in line]
    given.checks.equal(nodes, ["node=llm"] * stream.count(b'"event":"reasoning_chunk"'),
                       "the node of each")
    upstream.close()


def end_and_read(world):
    """The whole log of a gateway, which ends."""
    world.gateway.terminate()
    world.gateway.over()
    return world.gateway.log


def test_privacy(given):
    """Nothing private in any line, and no line that another made."""
    checks = given.checks
    for form in ("text", "json"):
        with World(given, "reset-after-events=3,on=run,times=1", "bad-json=2,on=run,skip=1,times=1",
                   level="debug", form=form) as world:
            for word in (SECRET, SECRET, "bad", "strange", "dear", None):
                world.run(word, fields={"Idempotency-Key": "%s-%s" % (SECRET, word)})
            upload = gateway.Form({"word": SECRET, SECRET: SECRET},
                                  [(SECRET, SECRET + ".png", "image/png", b"\x89PNG")])
            world.gateway.whole("POST", "/api/detect", upload)
            world.gateway.whole("GET", "/%s?%s" % (SECRET, SECRET))
            now = world.metrics(checks)
            log = end_and_read(world)
        checks.true(len(log) > 50, "there is a log")
        checks.equal([line for line in log if SECRET in line], [], "what is private, as " + form)
        pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug) [^\x00-\x1f" \
            r"\x7f-\x9f\u2028\u2029]+\n"
        if form == "json":
            checks.true(all(is_line(line) for line in log), "lines of JSON",
                        [line for line in log if not is_line(line)])
        else:
            checks.equal([line for line in log if not re.fullmatch(pattern, line)], [],
                         "lines of text")
        checks.true(any("odd" in line for line in log), "the odd type is told")
        checks.equal(now.nonzero("difystream_nodes_total", "node_type").get("other"), 1,
                     "a node of an unknown type")
        checks.equal(now.nonzero("difystream_price_total", "currency").get("other"), 2,
                     "a price in what is no currency")


def is_line(text):
    row = json.loads(text)
    return list(row)[:2] == ["time", "level"] and isinstance(row["message"], str) and \
        not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text[:-1])


class Mute(Gateway):
    """A gateway whose log nobody reads until `reads` is set, through a pipe of a page."""

    def start(self):
        self.reads = threading.Event()
        return super().start()

    def drain(self, stream):
        while True:
            try:
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 4096)
                break
            except OSError as error:  # there is more in it already
                if error.errno != errno.EBUSY:
                    raise
            super().drain([stream.readline()])
        self.reads.wait()
        super().drain(stream)


def flood(world, requests):
    """So many requests, each of which makes a line at the level debug."""
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with world.gateway.connect() as connection:
        for _ in range(requests // 100):
            connection.send(one * 100)
            for _ in range(100):
                connection.read_head()
                connection.body()


def test_nobody_reads(given):
    """A log that is not read stops nothing; what was dropped is told once it is read."""
    checks = given.checks
    with World(given, level="debug", kind=Mute) as world:
        flood(world, 20000)
        checks.true(world.run()["success"], "a run while nobody reads")
        now = world.metrics(checks)
        dropped = now.get("difystream_log_dropped_lines_total")
        checks.true(dropped > 5000, "lines are dropped", dropped)
        world.gateway.reads.set()
        # a line that comes when there is room again comes behind what tells of the others
        world.sim.until(lambda: world.gateway.whole("GET", "/healthz")[0] and world.gateway.log,
                        lambda log: any("were dropped" in line for line in list(log)))
        now = world.metrics(checks)
        written = now.get("difystream_log_lines_total")
        dropped = now.get("difystream_log_dropped_lines_total")
        log = end_and_read(world)
        told = [int(match.group(1)) for match in (
            re.search(r"warning (\d+) lines of the log were dropped", line) for line in log)
            if match]
        checks.equal(sum(told), dropped, "as many as are told of")
        checks.true(len(log) - len(told) >= written, "all others are there",
                    (len(log), written, told))
        checks.equal([line for line in log if not re.match(r"\d{4}-.{18}Z \w+ .*\n", line)], [],
                     "whole lines")
    with World(given, level="debug", kind=Mute) as world:
        flood(world, 2000)
        world.gateway.terminate()
        checks.equal(world.gateway.process.wait(gateway.DEADLINE_S), 0,
                     "it ends though nobody reads")
        world.gateway.reads.set()
        world.gateway.over()


# ---- health ------------------------------------------------------------------------------------

def test_draining(given):
    """Who has begun to ask is told that it is being stopped; it lives all the while."""
    checks = given.checks
    with World(given) as world:
        run = world.run("slow", fields=ASYNC)["run_id"]
        probes = {path: world.gateway.connect() for path in ("/readyz", "/healthz", "/metrics")}
        for path, probe in probes.items():
            probe.send(("GET %s HTTP/1.1\r\nHost: a\r\n" % path).encode())
        stream = world.gateway.events(run)
        stream.next()
        world.gateway.terminate()
        world.gateway.until_logs("draining")
        answers = {}
        for path, probe in probes.items():
            probe.send(b"\r\n")
            probe.read_head()
            answers[path] = (probe.status, probe.body())
            probe.close()
        checks.equal(answers["/readyz"][0], 503, "it is not ready")
        checks.equal(json.loads(answers["/readyz"][1])["code"], "stopping", "why")
        checks.equal(answers["/healthz"][0], 200, "it lives")
        checks.true(b"\ndifystream_draining 1\n" in answers["/metrics"][1], "it drains")
        stream.connection.close()
        world.gateway.process.send_signal(signal.SIGTERM)
        world.gateway.over()


def test_failing_store(given):
    """A full disk: not ready, until there is room again."""
    checks = given.checks
    with World(given) as world:
        pid = world.gateway.process.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        checks.equal(world.gateway.whole("GET", "/readyz"), (200, {"status": "ready"}), "ready")
        world.run()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, most))
        world.gateway.send("POST", "/api/runs", {"inputs": {"word": "w"}}).close()
        world.until(checks, lambda now: now.get("difystream_store_failing") == 1 and
                    now.get("difystream_store_failed_commits_total") > 0)
        status, answer = world.gateway.whole("GET", "/readyz")
        checks.equal((status, answer["code"]), (503, "store_unavailable"), "not ready")
        checks.equal(world.gateway.whole("GET", "/healthz"), (200, {"status": "ok"}), "it lives")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        world.until(checks, lambda now: now.get("difystream_store_failing") == 0)
        world.sim.until(lambda: world.gateway.whole("GET", "/readyz")[0],
                        lambda status: status == 200)
        checks.true(world.run()["success"], "a run when there is room again")
        log = end_and_read(world)
        checks.equal([len([line for line in log if word in line]) for word in
                      (" error the store cannot be written", " the store can be written again")],
                     [1, 1], "each is told once")


def test_without_store(given):
    """Without a store its metrics have no samples."""
    with World(given, store=None) as world:
        given.checks.true(world.run()["success"], "a run")
        now = world.metrics(given.checks)
        given.checks.equal([name for name, _ in now.samples if "_store_" in name], [],
                           "samples of a store")
        given.checks.equal(world.gateway.whole("GET", "/readyz")[0], 200, "it is ready")


if __name__ == "__main__":
    gateway.run_tests(gateway.arguments(), test_figures, test_gauges, test_faults, test_milestones,
                      test_nodes_of_pieces, test_privacy, test_nobody_reads, test_draining,
                      test_failing_store, test_without_store)
