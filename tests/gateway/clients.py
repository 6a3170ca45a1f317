"""Clients as people have them, while Dify's side breaks the connection in the middle: curl, Python's
requests, a browser's fetch and EventSource under Node.js; and all of it behind nginx.

What is not here is skipped, and said."""

import contextlib
import importlib.util
import json
import os
import subprocess
import threading

import gateway as kit
import nginx
import support
from server import Simulator

RESET = "reset-after-events=12,times=1"
PICTURE = [{"type": "image", "transfer_method": "remote_url", "url": "http://pictures.example/1.png"}]
INPUTS = {"TagImage": PICTURE, "Foodtype": "饼干"}

# nginx waits 4 s for a silent upstream, which is 60 s of a clock that runs 15 times faster; the run
# takes twice as long, and all of Dify's times are as much shorter.
SPEED, READ_TIMEOUT, RUN_S = 15, "4s", 120
SLOW = """
release: 1.14.2
apps:
  - name: slow
    inputs:
      - {name: picture, type: file, required: true, file_types: [image]}
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, seconds: %d, text: "checked", chunks: 1}
          - {type: end, outputs: {text: "checked"}}
""" % RUN_S

LONG_EVENTS = 100
LONG = """
release: 1.14.2
apps:
  - name: long
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, seconds: 1, text: "%s", chunks: %d}
          - {type: end, outputs: {text: "long"}}
""" % ("long " * 40000, LONG_EVENTS)


def skipped(given, what):
    print("%s: %s is not here: its part is skipped" % (given.checks.name, what))


def event_source(given):
    """The package's file; None where it is not there."""
    path = os.path.join(os.path.dirname(given.build), "deps", "node", "node_modules",
                        "eventsource", "dist", "index.js")
    return path if os.path.exists(path) else None


@contextlib.contextmanager
def with_reset(given, what, speed=20, reset=True, **more):
    """A gateway before a Dify that resets the first stream, and is asked for one run."""
    scenario = os.path.join(given.source, "examples", "sim", "label-check.yaml")
    fault = ["--fault", RESET] if reset else []
    with Simulator(given.build, scenario, "--quiet", "--speed", str(speed), *fault,
                   key="app-label-check") as simulator:
        app = kit.app_of(simulator, routes={"/api/detect": {},
                                            "/api/slowly": {"keepalive_after": "10ms"}})
        with kit.Gateway(given.build, {"label-check": app}, speed=speed, **more) as gateway:
            gateway.url = "http://127.0.0.1:%d" % gateway.port
            gateway.simulator = simulator
            yield gateway
        stats = simulator.stats()
        given.checks.equal((stats["posts"], stats["runs_started"], stats["faults"]),
                           (1, 1, 1 if reset else 0), what + ": one run, and a reset")


def curl(*words):
    ran = support.run(["curl", "-sS", "--noproxy", "*", *words])
    assert ran.status == 0, ran
    return ran.out


def picture(given, name="TagImage"):
    return ["-F", "%s=@%s" % (name, os.path.join(given.source, "examples", "label.png"))]


def check_result(given, result, what):
    checks = given.checks
    checks.equal(result.get("success"), True, what + ": success")
    data = result.get("data", {})
    checks.equal((data.get("status"), data.get("resumed")), ("succeeded", 1), what + ": resumed")
    checks.true("run_id" in result, what + ": has the run's id", list(result))


def check_events(given, records, what, begins=1):
    """(id, event, data) of a whole stream: the ids count up, and the last event has the result."""
    numbers = [int(record[0].split("-")[1]) for record in records if record[1] == "message"]
    ids = sorted(set(int(record[0].split("-")[1]) for record in records if record[0]))
    given.checks.equal(ids, list(range(begins, begins + len(ids))), what + ": ids count up")
    given.checks.equal(numbers, sorted(set(numbers)), what + ": each once")
    given.checks.equal(records[-1][1] if records else None, "end", what + ": the end")
    if records and records[-1][1] == "end":
        check_result(given, json.loads(records[-1][2]), what)


def frames(text):
    """(id, event, data) of a stream's text."""
    found = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
        if "data" in fields:
            found.append((fields.get("id", ""), fields.get("event", "message"), fields["data"]))
    return found


# ---- one by one --------------------------------------------------------------------------------

def test_curl(given):
    form = [*picture(given), "-F", "Foodtype=饼干"]
    with with_reset(given, "curl") as gateway:
        check_result(given, json.loads(curl(*form, gateway.url + "/api/detect")), "curl")
    with with_reset(given, "curl, HTTP/1.0") as gateway:
        answer = curl("-0", "-i", *form, gateway.url + "/api/slowly").decode()
        head, body = answer.split("\r\n\r\n", 1)
        given.checks.true("chunked" not in head and "200" in head.split("\r\n")[0],
                          "curl, HTTP/1.0: no chunks", head)
        given.checks.true(body.startswith("\n"), "curl, HTTP/1.0: newlines come first", body[:80])
        check_result(given, json.loads(body), "curl, HTTP/1.0")
    with with_reset(given, "curl -N") as gateway:
        answer = curl("-N", "-H", "Accept: text/event-stream", *form, gateway.url + "/api/runs")
        records = frames(answer.decode())
        check_events(given, records, "curl -N")
        given.checks.true(any(record[1] == "follow" for record in records),
                          "curl -N: the break is told", [record[1] for record in records])


def test_requests(given):
    if not importlib.util.find_spec("requests"):
        skipped(given, "requests")
        return
    import requests
    session = requests.Session()
    session.trust_env = False
    path = os.path.join(given.source, "examples", "label.png")
    with with_reset(given, "requests") as gateway, open(path, "rb") as file:
        response = session.post(gateway.url + "/api/slowly", data={"Foodtype": "饼干"},
                                files={"TagImage": file}, timeout=kit.DEADLINE_S)
        given.checks.equal(response.status_code, 200, "requests: status")
        check_result(given, response.json(), "requests")
    with with_reset(given, "requests, a stream") as gateway:
        response = session.post(gateway.url + "/api/runs", json={"inputs": INPUTS},
                                headers=kit.EVENT_STREAM, stream=True, timeout=kit.DEADLINE_S)
        text = "\n".join(line.decode() for line in response.iter_lines())
        check_events(given, frames(text), "requests, a stream")


def test_fetch(given):
    if not support.have("node"):
        skipped(given, "node")
        return
    with with_reset(given, "fetch") as gateway, \
            Page(given, "fetch", gateway.url + "/api/runs", json.dumps(INPUTS)) as page:
        check_events(given, page.read(), "fetch")


class Page:
    """A program of clients.mjs: its records as they come, and whether it closed."""

    def __init__(self, given, *words):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients.mjs")
        self.process = subprocess.Popen(["node", program, *words], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        self.timer = threading.Timer(2 * kit.DEADLINE_S, self.process.kill)
        self.timer.start()
        self.records, self.is_closed = [], False

    def take(self, count):
        """Reads so many more, or to the end."""
        for line in self.process.stdout:
            said = json.loads(line)
            self.is_closed = said.get("closed", False)
            if self.is_closed:
                break
            self.records.append((said["id"], said["event"], said["data"]))
            count -= 1
            if count == 0:
                break
        return self.records

    def read(self):
        return self.take(-1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_event_source(given):
    """It comes again by itself when the gateway was killed, misses nothing, and stops at the end."""
    package = event_source(given)
    if not support.have("node") or package is None:
        skipped(given, "node with the package eventsource")
        return
    with with_reset(given, "EventSource", speed=2, reset=False, keeps_port=True) as gateway:
        status, receipt = gateway.whole("POST", "/api/runs", {"inputs": INPUTS}, fields=kit.ASYNC)
        given.checks.equal(status, 202, "EventSource: the run is accepted")
        path = "/api/runs/%s/events" % receipt["run_id"]
        with Page(given, "eventsource", gateway.url + path, package) as page:
            page.take(5)
            given.checks.true(gateway.kill(), "EventSource: the gateway lived until then")
            gateway.start()
            records = page.read()
            given.checks.true(page.is_closed, "EventSource: it has closed by itself")
        given.checks.equal(gateway.simulator.stats()["runs_in_flight"], 0, "EventSource: the end")
        log = gateway.events(receipt["run_id"]).read()
        wanted = [record for record in log.records if record[1] == "message"]
        given.checks.equal([record for record in records if record[1] == "message"], wanted,
                           "EventSource: each event of the log once")
        given.checks.equal(records[-1][1], "end", "EventSource: the end is the last")
        with gateway.ask("GET", path, fields={"Last-Event-ID": records[-1][0]}) as answer:
            given.checks.equal(answer.status, 204, "EventSource: nothing more to come")


def test_long_streams(given):
    """Streams of more than is made for a client at a time: live, and read from the store."""
    path = kit.scenario(given, "long.yaml", LONG)
    with Simulator(given.build, path, "--quiet", "--speed", "100", key="app-long") as simulator, \
            kit.Gateway(given.build, {"long": kit.app_of(simulator)}, speed=20) as gateway:
        url = "http://127.0.0.1:%d/api/runs" % gateway.port
        live = frames(curl("-N", "-H", "Accept: text/event-stream", "-H",
                           "Content-Type: application/json", "-d", '{"inputs":{}}', url).decode())
        texts = [record for record in live if '"text_chunk"' in record[2]]
        given.checks.equal((len(texts), live[-1][1]), (LONG_EVENTS, "end"), "a long stream: live")
        run = json.loads(live[-1][2])["run_id"]
        again = frames(curl("-N", "%s/%s/events" % (url, run)).decode())
        given.checks.equal(again, live, "a long stream: from the store")


# ---- behind nginx ------------------------------------------------------------------------------

def ask_slowly(given, port, path, what, answers):
    """A form whose run takes twice as long as nginx waits."""
    out = curl("-w", "\n%{http_code}", *picture(given, "picture"),
               "http://127.0.0.1:%d%s" % (port, path))
    body, status = out.decode().rsplit("\n", 1)
    answers[what] = (int(status), body)


def follow_slowly(given, simulator, port, receipt, answers):
    """A stream whose events are not held back: the first comes while the run goes on."""
    connection = kit.Connection(port)
    connection.send(kit.wire.request_bytes("GET", "/api/runs/%s/events" % receipt["run_id"],
                                           {"Host": "127.0.0.1"}, b""))
    with kit.Events(connection.read_head()) as events:
        events.next()
        flying = simulator.stats()["runs_in_flight"]
        events.read()
        answers["events"] = (events.status, flying, events.is_whole, events.result)


def check_slow(given, answers):
    checks = given.checks
    for what in ("defaults", "example"):
        status, body = answers[what]
        checks.equal(status, 200, "nginx, %s: status" % what)
        result = json.loads(body) if status == 200 else {}
        checks.equal(result.get("success"), True, "nginx, %s: success" % what)
        checks.true(body.startswith("\n\n"), "nginx, %s: newlines kept it" % what, body[:80])
    checks.equal(answers["silent"][0], 504, "nginx: an answer without newlines is cut")
    status, flying, is_whole, result = answers["events"]
    checks.equal((status, is_whole, result and result["success"]), (200, True, True),
                 "nginx: a stream of events")
    checks.true(flying > 0, "nginx: events come at once", flying)


def test_nginx(given):
    if nginx.program(given.build) is None:
        skipped(given, "nginx")
        return
    path = kit.scenario(given, "slow.yaml", SLOW)
    with Simulator(given.build, path, "--quiet", "--speed", str(SPEED), "--connections", "0",
                   "--workers", "0", key="app-slow") as simulator:
        routes = {"/api/detect": {"keepalive_after": "1s"}, "/api/silent": {"keepalive_after": 0}}
        app = kit.app_of(simulator, routes=routes)
        with kit.Gateway(given.build, {"slow": app}, speed=SPEED) as gateway, \
                nginx.Nginx(given.build, given.source, gateway.port, READ_TIMEOUT) as front:
            url = "http://127.0.0.1:%d" % front.example_port
            given.checks.equal(curl(url + "/index.html").decode(),
                               support.read(given.source, "examples", "front-end", "index.html"),
                               "nginx: the page")
            receipt = json.loads(curl("-H", "Prefer: respond-async", *picture(given, "picture"),
                                      url + "/api/runs"))
            answers = {}
            asking = [(ask_slowly, given, front.port, "/api/detect", "defaults", answers),
                      (ask_slowly, given, front.example_port, "/api/detect", "example", answers),
                      (ask_slowly, given, front.port, "/api/silent", "silent", answers),
                      (follow_slowly, given, simulator, front.port, receipt, answers)]
            threads = [threading.Thread(target=words[0], args=words[1:]) for words in asking]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            check_slow(given, answers)


if __name__ == "__main__":
    arguments = kit.arguments()
    if not support.have("curl"):
        arguments.checks.skip("curl is not here")
    kit.run_tests(arguments, test_curl, test_requests, test_fetch, test_event_source,
                  test_long_streams, test_nginx)
