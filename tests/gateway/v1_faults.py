"""Every fault of the simulator below /v1, in both modes: a caller who streams gets one stream, as if
nothing had been; one who blocks Dify's body, or a failure that is named; and the run is sent once.

Each order meets the fault of its place in the list (see faults.py).

usage: v1_faults.py --source FOLDER --build FOLDER [--release R] [--only PART_OF_A_TEST]
"""

import collections
import json
from concurrent.futures import ThreadPoolExecutor

import faults
from faults import CEILING_S, FAULTS, SENT_AGAIN, SPEED, Case
from gateway import Gateway, Simulator, app_of, arguments, run_tests, scenario
from v1 import ask
from v1_known import KEY, RUN, SCENARIO, World, bearer

ANSWER = "Grün aus Köln, und noch mehr."
CHATFLOW = """
  - name: flow
    mode: advanced-chat
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, text: "%s", chunks: 6, seconds: 3, tokens: 7, price: "0.002"}
          - {type: answer, text: "{{query}}", chunks: 0}
        outputs: {answer: "%s"}
""" % (ANSWER, ANSWER)
APPS = {"workflow": ("/v1/workflows/run", faults.SCENARIO),
        "chatflow": ("/v1/chat-messages", "apps:" + CHATFLOW)}
ENDS = ("workflow_finished", "error")


class Order:
    """What one run's caller got."""

    def __init__(self, gateway, kind, case, number):
        self.case, self.kind, self.user = case, kind, "user-%d" % number
        body = {"inputs": {"word": "w%d" % number}} if kind == "workflow" else {}
        connection, self.text = ask(gateway, "app-flow", APPS[kind][0], case.caller, self.user, body)
        self.status, self.end = connection.status, connection.end
        self.is_stream = (connection.header("Content-Type") or "").startswith("text/event-stream")
        self.events = [json.loads(frame[6:]) for frame in self.text.split("\n\n")
                       if frame.startswith("data: ")] if self.is_stream else []

    @property
    def names(self):
        return [event["event"] for event in self.events]

    @property
    def answer(self):
        text = ""
        for event in self.events:
            if event["event"] == "message":
                text += event["answer"]
            elif event["event"] == "message_replace":
                text = event["answer"]
        return text


def judge_error(checks, order, what):
    """With the status of the answer, unless that began with a newline: then it is 200."""
    body = json.loads(order.text)
    status = 200 if order.text[0] == "\n" else body.get("status")
    checks.equal((body.get("status") >= 400, order.status, sorted(body)),
                 (True, status, ["code", "message", "status"]), what + ": named")
    checks.true("127.0.0.1" not in order.text, what + ": no inner address", order.text[:300])


def is_success(order):
    if order.is_stream:
        return bool(order.events) and order.events[-1]["event"] == "workflow_finished" and \
            order.events[-1]["data"]["status"] == "succeeded"
    body = json.loads(order.text)
    return "code" not in body and (order.kind == "chatflow" or
                                   body["data"]["status"] == "succeeded")


def judge_stream(checks, order, what):
    names = collections.Counter(order.names)
    if not order.events:
        checks.true(False, what + ": a stream without an event", order.text[-300:])
        return
    checks.true(order.names[-1] in ENDS and sum(names[end] for end in ENDS) == 1,
                what + ": one end", order.names)
    checks.equal(order.end, "last-chunk", what + ": whole")
    checks.true(names["workflow_started"] <= 1, what + ": one begin", order.names)
    for name in ("node_started", "node_finished"):
        ids = [event["data"]["id"] for event in order.events if event["event"] == name]
        checks.equal(len(ids), len(set(ids)), "%s: %s once" % (what, name))
    for name in ("task_id", "workflow_run_id", "message_id"):
        ids = {event[name] for event in order.events if event.get(name)}
        checks.true(len(ids) <= 1, "%s: one %s" % (what, name), ids)
    if order.kind == "chatflow" and is_success(order):
        if order.case.name != "bad-json":
            checks.equal(order.answer, ANSWER, what + ": answer")
        checks.equal(names["message_end"], 1, what + ": one message_end")


def judge(checks, simulator, order, what, whole):
    truth = simulator.truths("user=" + order.user)
    checks.true(truth["posts"] in range(1, 4 if order.case.name in SENT_AGAIN else 2) and
                truth["started"] <= 1, what + ": sent once", (truth["posts"], truth["started"]))
    if order.is_stream:
        judge_stream(checks, order, what)
    elif "code" in json.loads(order.text):
        judge_error(checks, order, what)
        return
    if is_success(order):
        checks.equal((truth["started"], truth["data"][0]["outcome"]), (1, "succeeded"),
                     what + ": of a run that succeeded")
    else:
        checks.true(order.case.name in ("dead-worker",) or order.is_stream and
                    order.names[-1:] == ["error"], what + ": why it has no success", order.text[-300:])
    # a piece of text that was no JSON is lost
    if is_success(order) and not order.is_stream and order.case.name != "bad-json":
        body, wanted = json.loads(order.text), json.loads(whole.text)
        ours, theirs = ((one["data"]["outputs"], one["data"]["total_tokens"], one["data"]["total_steps"])
                        if order.kind == "workflow" else one["answer"] for one in (body, wanted))
        checks.equal(ours, theirs, what + ": what it came to")


def matrix(given, release, kind, mode):
    cases = [Case(fault, mode) for fault in FAULTS]
    path = scenario(given, "v1-faults-%s-%s-%s.yaml" % (release, kind, mode), APPS[kind][1])
    options = [word for case in cases for word in case.options]
    codes = []
    with Simulator(given.build, path, "--release", release, "--seed", str(given.seed % 1000000),
                   "--speed", str(SPEED), "--connections", "0", "--quiet", *options,
                   key="app-flow") as simulator:
        app = app_of(simulator, max_time=CEILING_S, connect_timeout=100000)
        with Gateway(given.build, {"flow": app}, speed=SPEED) as gateway:
            orders = [Order(gateway, kind, case, number) for number, case in enumerate(cases)]
            whole = Order(gateway, kind, Case("none", mode), len(cases))  # meets none
            given.checks.true(whole.status == 200 and is_success(whole), "undisturbed", whole.text)
            for order in orders + [whole]:
                what = "%s, %s: %s" % (release, kind, order.case)
                judge(given.checks, simulator, order, what, whole)
                codes.append("%s %s" % (order.case.fault, "ok" if order.status == 200 and is_success(order)
                                        else order.names[-1:] if order.is_stream
                                        else json.loads(order.text).get("code")))
            given.checks.equal(simulator.stats()["faults"], len(options) // 2, "all have struck")
    return "%s, %s, %s: %s" % (release, kind, mode, ", ".join(codes))


def test_faults(given):
    releases = [given.release] if given.release else ["1.12.1", "1.14.2", "1.16.1"]
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(matrix, given, release, kind, mode) for release in releases
                for kind in APPS for mode in ("blocking", "streaming")]
        for job in jobs:
            print(job.result())


def test_kill(given):
    """What was under way when the gateway was killed the next process ends, and tells of."""
    checks = given.checks
    with World(given, SCENARIO, speed=0.5, keeps_port=True) as world:
        told = world.start(3)
        waits = world.gateway.send("POST", RUN, {"inputs": {}, "user": "w"}, bearer(KEY))
        other = world.simulator.until(lambda: world.simulator.truths("user=w")["data"],
                                      lambda data: data and data[0]["nodes"])[0]["id"]
        checks.true(world.gateway.kill(), "killed")
        told.connection.close()
        waits.close()
        world.gateway.start()
        followed = [(run, user, world.follow_when_up(run, user))
                    for run, user in ((told.run, "u"), (other, "w"))]
        for run, user, stream in followed:
            names = collections.Counter(stream.read().names)
            checks.equal((stream.names[0], stream.names[-1], stream.end["status"]),
                         ("workflow_started", "workflow_finished", "succeeded"), "its stream goes on")
            for name in ("node_started", "node_finished"):
                ids = {event["data"]["id"] for event in stream.events if event["event"] == name}
                checks.equal(len(ids), names[name], name + " once")
            checks.equal({event["task_id"] for event in stream.events}, {stream.task}, "one task")
            status, text = world.ask("GET", "/v1/workflows/run/" + run)
            checks.equal((status, json.loads(text)["status"]), (200, "succeeded"), "its detail")
            checks.equal(world.simulator.truths("user=" + user)["posts"], 1, "sent once")


def main():
    given = arguments(lambda parser: parser.add_argument("--release", default=""))
    run_tests(given, test_faults, test_kill)


if __name__ == "__main__":
    main()
