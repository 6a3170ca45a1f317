"""Dify's own clients, and others that people use, unchanged: pointed at the gateway they see what
they see of Dify itself; while Dify's side breaks they see whole streams and bodies all the same.

The control is the simulator, asked without the gateway. What is not here is skipped, and said; with
CI in the environment it fails. script/setup test installs the clients.

usage: sdks.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import json
import os
import re
import subprocess
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import gateway as kit
import support
from server import Simulator

SPEED = 100
WORKFLOW = "7d1c1a3e-0000-4000-8000-000000000001"
APPS = """
release: %s
apps:
  - name: flow
    workflow_id: %s
    inputs: [{name: topic, required: true}]
    runs:
      - when: {inputs: {topic: nothing}}
        nodes: [start, {id: llm, type: llm, seconds: 1, error: "upstream 503"}]
      - nodes:
          - start
          - {id: llm, type: llm, seconds: 3, text: "Grün: {{inputs.topic}}", chunks: 6, tokens: 40,
             price: "0.0004"}
          - {id: more, type: code, seconds: 1, outputs: {n: 1}}
          - {type: end, outputs: {text: "Grün: {{inputs.topic}}", n: 1}}
  - name: slow
    runs: [{nodes: [start, {id: llm, type: llm, seconds: 10000, text: slow}]}]
  - name: picture
    inputs: [{name: picture, type: file, required: true, file_types: [image]}]
    runs: [{nodes: [start, {type: end, outputs: {text: seen}}]}]
  - name: chatflow
    mode: advanced-chat
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, seconds: 3, text: "You said: {{query}}, Grün", chunks: 6,
             tokens: 20, price: "0.0002"}
          - {type: answer, outputs: {answer: "You said: {{query}}, Grün", files: []}}
  - name: patient
    mode: advanced-chat
    runs: [{nodes: [start, {id: llm, type: llm, seconds: 60, text: late}, {type: answer, outputs: {
      answer: late}}]}]
  - name: talk
    mode: chat
    runs: [{answer: {text: "Hello, Grün it is.", chunks: 12, seconds: 1, tokens: 12}}]
  - name: writer
    mode: completion
    inputs: [{name: query}]
    runs: [{answer: {text: "Once upon a time, Grün", chunks: 12, seconds: 1, tokens: 12}}]
  - name: agent
    runs: [{recording: %s}]
"""
MODES = ("blocking", "streaming")

# What each client can be asked for.
CLIENTS = {
    "dify-client": "parameters upload feedback completion chat conversations messages",
    "dify-python-sdk": "parameters upload feedback completion chat conversations messages info meta"
                       " site workflow version result logs stop",
    "dify-client-python": "upload feedback completion chat workflow stop",
    "dify-client (Node.js)": "parameters upload feedback workflow completion chat conversations"
                             " messages",
    "dify-ai-provider (Node.js)": "chat picture",
}


def apps(given, release="1.14.2"):
    agent = os.path.join(kit.RECORDINGS, "agent-chat", "streaming")
    return kit.scenario(given, "apps-%s.yaml" % release, APPS % (release, WORKFLOW, agent))


def serve(given, path, *options):
    return Simulator(given.build, path, "--quiet", "--speed", str(SPEED), "--connections", "0",
                     "--workers", "0", *options, key="app-flow")


def stand_before(given, simulator, speed=SPEED):
    """The gateway: one app is configured, the others' keys are the callers' own."""
    return kit.Gateway(given.build, {"flow": kit.app_of(simulator)}, speed=speed)


# ---- the clients -------------------------------------------------------------------------------

class Client:
    """A client in a process of its own."""

    def __init__(self, given, title):
        self.title, self.can = title, CLIENTS[title].split()
        here = os.path.dirname(os.path.abspath(__file__))
        package, deps = title.split()[0], os.path.join(os.path.dirname(given.build), "deps")
        environment = dict(os.environ, NO_PROXY="*", no_proxy="*")
        if "Node.js" in title:
            self.folder = os.path.join(deps, "node-sdks")
            words = ["node", os.path.join(here, "sdks_node.mjs"), package, self.folder]
        else:
            self.folder = os.path.join(deps, "python-sdks")
            environment["PYTHONPATH"] = os.path.join(self.folder, package)
            words = [os.path.join(self.folder, "bin", "python"),
                     os.path.join(here, "sdks_python.py"), package]
        self.is_here = os.path.exists(os.path.join(self.folder, "pins"))
        if self.is_here:
            self.process = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE)

    def ask(self, port, app, call, **words):
        """What it answers: {"value"} or {"error"}."""
        said = dict(words, call=call, key="app-" + app, url="http://127.0.0.1:%d/v1" % port)
        timer = threading.Timer(3 * kit.DEADLINE_S, self.process.kill)
        timer.start()
        self.process.stdin.write(json.dumps(said).encode("utf-8") + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise kit.wire.Broken("%s died at %s" % (self.title, call))
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(kit.DEADLINE_S)
        self.process.stdout.close()


def start_clients(given):
    clients = [Client(given, title) for title in CLIENTS]
    for client in clients:
        if not client.is_here:
            print("%s: %s is not here (script/setup test): its part is skipped" %
                  (given.checks.name, client.title))
            given.checks.true(not os.environ.get("CI"), client.title + " is there in CI")
    return [client for client in clients if client.is_here]


def each(given, do, *words):
    """Does it for all clients at once."""
    with ThreadPoolExecutor(len(given.clients)) as pool:
        for done in [pool.submit(do, given, client, *words) for client in given.clients]:
            done.result()


# ---- answers that may be compared --------------------------------------------------------------

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=timestamp\": )[0-9]+")
OF_THE_MOMENT = re.compile(r".*_at|(.*_)?url|.*time|.*timestamp|latency|reference")


def masked(value):
    """Without what each run has of its own: ids are counted, times are left out. So are those that
    Dify's answers have and the simulator's usage has not."""
    seen = {}

    def count(match):
        return "id-%d" % seen.setdefault(match.group(0), len(seen) + 1)

    def walk(part):
        if isinstance(part, dict):
            return {key: "-" if OF_THE_MOMENT.fullmatch(key) else walk(item)
                    for key, item in part.items() if not key.startswith("time_to_")}
        if isinstance(part, list):
            return [walk(item) for item in part]
        return UUID.sub(count, part) if isinstance(part, str) else part
    return walk(value)


# ---- without faults ----------------------------------------------------------------------------

class Talk:
    """What one client is asked of one address, and the masked answers by what was asked."""

    def __init__(self, given, client, simulator, port):
        self.given, self.client, self.port = given, client, port
        self.simulator, self.answers = simulator, {}

    def ask(self, app, call, **words):
        answer = self.client.ask(self.port, app, call, **words)
        title = " ".join([app, call, *map(str, words.values())])
        self.answers[title] = masked(answer)
        return answer.get("value")

    def all(self):
        self.read()
        if "workflow" in self.client.can:
            self.flow()
        if "upload" in self.client.can:
            self.files()
        if "completion" in self.client.can:
            for mode in MODES:
                self.ask("writer", "completion", inputs={"query": "a poem"}, user="u-1", mode=mode)
        self.chats()
        return self.answers

    def read(self):
        for call in ("info", "site"):
            if call in self.client.can:
                self.ask("flow", call)
        for call in ("parameters", "meta"):
            if call in self.client.can:
                self.ask("flow", call, user="u-1")
                self.ask("unknown", call, user="u-1")

    def flow(self):
        for mode in MODES:
            for topic in ("tea", "nothing"):
                self.ask("flow", "workflow", inputs={"topic": topic}, user="u-1", mode=mode)
            self.ask("unknown", "workflow", inputs={"topic": "tea"}, user="u-1", mode=mode)
            self.ask("talk", "workflow", inputs={}, user="u-1", mode=mode)
            if "version" in self.client.can:
                self.ask("flow", "version", workflow=WORKFLOW, inputs={"topic": "tea"}, user="u-1",
                         mode=mode)
                self.ask("flow", "version", workflow=WORKFLOW[:-1] + "9", inputs={"topic": "tea"},
                         user="u-1", mode=mode)
        self.ask("flow", "workflow", inputs={}, user="u-1", mode="blocking")
        if "result" in self.client.can:
            run = self.client.ask(self.port, "flow", "workflow", inputs={"topic": "tea"},
                                  user="u-logs", mode="blocking")["value"]["workflow_run_id"]
            self.answers["result"] = masked(self.client.ask(self.port, "flow", "result", run=run))
            self.ask("flow", "logs", user="u-logs")

    def files(self):
        path = os.path.join(self.given.source, "examples", "label.png")
        got = self.ask("picture", "upload", user="u-2", path=path)
        if "workflow" not in self.client.can:
            return
        picture = {"type": "image", "transfer_method": "local_file", "upload_file_id": got["id"]}
        for mode in MODES:
            answer = self.client.ask(self.port, "picture", "workflow", inputs={"picture": picture},
                                     user="u-2", mode=mode)
            self.answers["a run with a file, " + mode] = masked(answer)

    def chats(self):
        for app in ("chatflow", "talk", "agent"):
            for mode in MODES:
                if (app, mode) != ("agent", "blocking"):  # Dify refuses it
                    self.ask(app, "chat", query="hello", user="u-3", mode=mode)
        if "picture" in self.client.can:
            path = os.path.join(self.given.source, "examples", "label.png")
            self.ask("talk", "picture", query="hello", user="u-3", mode="streaming", path=path)
        if "messages" in self.client.can:
            self.ask("talk", "conversations", user="u-3")
            self.ask("talk", "messages", conversation=WORKFLOW, user="u-3")
        if "feedback" in self.client.can:
            said = self.client.ask(self.port, "talk", "chat", query="hello", user="u-3",
                                   mode="blocking")["value"]
            answers = [self.client.ask(self.port, "talk", "feedback", message=said["message_id"],
                                       user=user) for user in ("u-3", "u-other")]
            self.answers["feedback"] = masked(answers)
            if "conversation_id" in said:  # dify-client-python drops it
                again = self.client.ask(self.port, "talk", "chat", query="and then?", user="u-3",
                                        mode="streaming", conversation=said["conversation_id"])
                self.answers["the conversation goes on"] = masked(again)


def check_alike(given, client, control, simulator, gateway):
    wanted = Talk(given, client, control, control.port).all()
    found = Talk(given, client, simulator, gateway.port).all()
    for title, answer in wanted.items():
        given.checks.equal(found[title], answer, "%s: %s" % (client.title, title))


def test_alike(given):
    """All that they can, on two releases: the same answers. Nothing breaks, so no clock of the
    gateway's has to be fast; and no answer is so late that it begins before its status is known."""
    for release in ("1.14.2", "1.16.1"):
        path = apps(given, release)
        with serve(given, path) as control, serve(given, path) as simulator, \
                stand_before(given, simulator, speed=1) as gateway:
            each(given, check_alike, control, simulator, gateway)
            given.checks.equal(simulator.stats()["runs_started"], control.stats()["runs_started"],
                               release + ": as many runs")


# ---- what is better than Dify ------------------------------------------------------------------

def check_better(given, client, gateway):
    if "workflow" in client.can:
        answer = client.ask(gateway.port, "flow", "workflow", inputs={}, user="u-4",
                            mode="streaming")
        error = answer.get("error") or {}
        given.checks.equal((error.get("status"), error.get("code")), (400, "invalid_param"),
                           client.title + ": a missing input of a stream is told")
    if "chat" in client.can and client.title != "dify-client-python":  # knows no such mode
        answer = client.ask(gateway.port, "agent", "chat", query="hello", user="u-4",
                            mode="blocking")
        given.checks.true("Let me check." in json.dumps(answer.get("value")),
                          client.title + ": an agent's blocking answer", answer)


    if "chat" in client.can:  # newlines come first
        answer = client.ask(gateway.port, "patient", "chat", query="hello", user="u-4",
                            mode="blocking")
        given.checks.true("late" in json.dumps(answer.get("value")),
                          client.title + ": a blocking answer that takes its time", answer)


def test_better(given):
    """What Dify leaves to 300 s of silence, or refuses, or what proxies cut."""
    with serve(given, apps(given)) as simulator, stand_before(given, simulator) as gateway:
        each(given, check_better, gateway)


# ---- a stop ------------------------------------------------------------------------------------

def check_stop(given, client, gateway):
    if "stop" not in client.can:
        return
    body = {"inputs": {}, "user": "u-5", "response_mode": "streaming"}
    connection = gateway.ask("POST", "/v1/workflows/run", body,
                             fields={"Authorization": "Bearer app-slow"})
    events = kit.Events(connection)
    task = json.loads(events.next()[2])["task_id"]
    answer = client.ask(gateway.port, "slow", "stop", task=task, user="u-5", kind="workflow")
    given.checks.equal(answer, {"value": {"result": "success"}}, client.title + ": stop")
    events.read()
    last = json.loads(events.others[-1][2])
    given.checks.equal((last["event"], last["data"]["status"]), ("workflow_finished", "stopped"),
                       client.title + ": the stream tells of the stop")


def test_stop(given):
    with serve(given, apps(given)) as simulator, stand_before(given, simulator) as gateway:
        each(given, check_stop, gateway)


# ---- with faults -------------------------------------------------------------------------------

# What strikes every POST that starts a run, and what strikes then. All come before the end of any
# of the streams.
FAULTS = [
    ["byte-by-byte"], ["reset-after-events=0"], ["reset-after-events=1"], ["reset-after-events=6"],
    ["close-after-events=5"], ["end-after-events=7"], ["cut-in-character=3"],
    ["stall-after-events=4"], ["lost-finish"], ["reset-after-start"], ["proxy-504"],
    ["reset-after-events=4", "reset-after-events=5,on=events,times=1"],
    ["reset-after-events=3", "proxy-504,on=events,times=2"],
]
NO_ID = ("reset-after-events=0", "reset-after-start", "proxy-504")  # the run's id was never seen
HARMLESS = ("byte-by-byte",)


def of(events, name):
    return [event for event in events if event.get("event") == name]


def nodes(events, name):
    """The executions told of by these events: (id, node)."""
    return [(event["data"]["id"], event["data"]["node_id"]) for event in of(events, name)]


def answer_of(events):
    """What a chat's reader has in the end."""
    text = ""
    for event in events:
        if event["event"] in ("message", "message_replace"):
            text = event["answer"] if event["event"] == "message_replace" else \
                text + event["answer"]
    return text


# Of the events that begin and end a run: those that are known however the end was learnt. Of a usage
# only the tokens are.
TOLD = {"workflow_started": ["id", "workflow_id"], "message_end": [],
        "workflow_finished": ["id", "workflow_id", "status", "outputs", "error", "total_tokens",
                              "total_steps"]}


def told(events, name):
    return [masked({key: event["data"][key] for key in TOLD[name]}) for event in of(events, name)]


def check_flow(checks, what, wanted, found):
    """A stream of a workflow or chatflow: whole, each thing told once. A node that began and ended
    while no stream was open may be missing."""
    for name in TOLD:
        checks.equal(told(found, name), told(wanted, name), "%s: %s, once" % (what, name))
    checks.equal([event["event"] for event in (found[0], found[-1])],
                 [event["event"] for event in (wanted[0], wanted[-1])], what + ": begin and end")
    tasks = {event["task_id"] for event in found}
    runs = {event["workflow_run_id"] for event in found if event.get("workflow_run_id")}
    checks.equal(len(runs), 1, what + ": one run")
    checks.equal(len(tasks), 1, what + ": one task")
    for name in ("node_started", "node_finished"):
        each_one = nodes(found, name)
        checks.equal(len(set(each_one)), len(each_one), "%s: %s once of each" % (what, name))
        checks.equal({node for _, node in each_one} - {node for _, node in nodes(wanted, name)}, set(),
                     "%s: %s of such nodes only" % (what, name))
    checks.equal(answer_of(found), answer_of(wanted), what + ": the answer")


def text_of(parts):
    """What the AI SDK's reader has in the end: an answer that replaces another begins anew."""
    texts = [""]
    for part in parts:
        if part["type"] == "text-start":
            texts.append("")
        elif part["type"] == "text-delta":
            texts[-1] += part["delta"]
    return [text for text in texts if text][-1:]


def check_parts(checks, what, wanted, found):
    for kind in ("finish", "error"):
        checks.equal([part["type"] for part in found].count(kind),
                     [part["type"] for part in wanted].count(kind), "%s: %s" % (what, kind))
    checks.equal(text_of(found), text_of(wanted), what + ": the answer")


LOST = ("connection_reset", "read_timeout", "run_lost", "stream_incomplete")


def check_broken(checks, what, answer, mode):
    """Nothing can be read again of these apps' messages: what was lost is told, as Dify would. An
    answer that has begun, since it takes its time, has the status in its body: some clients say 200
    then, and typed ones take it for no message."""
    if mode == "blocking" or "error" in answer:
        said = answer.get("error") or answer["value"]
        has_begun = said.get("status") in (None, 200)
        checks.true(said.get("status") in (502, 504) or has_begun and said.get("code") in LOST or
                    "ValidationError" in said.get("type", ""), what + ": told by a status", answer)
        return
    found = answer.get("value")
    if checks.true(bool(found), what + ": a stream that ends", answer):
        last = found[-1]
        checks.true("error" in (last.get("event"), last.get("type")), what + ": told by an error",
                    last)
        ends = [one for one in found if one.get("event") in ("message_end", "error") or
                one.get("type") in ("finish", "error")]
        checks.equal(len(ends), 1, what + ": one end")


def known(answer, fault):
    """A blocking answer without what cannot be known where the end was not seen."""
    said = json.loads(json.dumps(answer))
    if "usage" in (said.get("value") or {}):
        del said["value"]["usage"]  # dify-ai-provider
    for key, value in ((said.get("value") or {}).get("metadata") or {}).get("usage", {}).items():
        if key != "total_tokens":
            said["value"]["metadata"]["usage"][key] = type(value).__name__
    if fault[0] in NO_ID and "task_id" in (said.get("value") or {}):
        del said["value"]["task_id"]
    return said


ASKED = [("flow", "workflow", {"inputs": {"topic": "tea"}}), ("chatflow", "chat", {"query": "tea"}),
         ("talk", "chat", {"query": "tea"}), ("agent", "chat", {"query": "tea"}),
         ("writer", "completion", {"inputs": {"query": "tea"}})]


def asked_of(client):
    """(app, call, mode, words) of all that it starts runs with."""
    return [(app, call, mode, words) for app, call, words in ASKED if call in client.can
            for mode in MODES if (app, mode) != ("agent", "blocking")]


def check_faults(given, client, simulator, gateway, fault):
    checks = given.checks
    for app, call, mode, words in asked_of(client):
        user = str(uuid.uuid4())
        what = "%s: %s, %s, %s" % (client.title, app, mode, " and ".join(fault))
        answer = client.ask(gateway.port, app, call, user=user, mode=mode, **words)
        wanted = given.wanted[client.title, app, mode]
        if fault[0] in HARMLESS:
            checks.equal(masked(answer), masked(wanted), what)
        elif app not in ("flow", "chatflow") or app == "chatflow" and fault[0] in NO_ID:
            check_broken(checks, what, answer, mode)
        elif mode == "blocking":
            checks.equal(masked(known(answer, fault)), masked(known(wanted, fault)), what)
        elif checks.true(bool(answer.get("value")), what + ": a stream", answer):
            check = check_parts if "provider" in client.title else check_flow
            check(checks, what, wanted["value"], answer["value"])
        truth = simulator.truths("user=" + user)
        checks.equal((truth["posts"], truth["started"]), (1, 1), what + ": sent once")


def ask_without(given, client, control):
    for app, call, mode, words in asked_of(client):
        given.wanted[client.title, app, mode] = client.ask(
            control.port, app, call, user=str(uuid.uuid4()), mode=mode, **words)


def test_faults(given):
    path = apps(given)
    given.wanted = {}
    with serve(given, path) as control:
        each(given, ask_without, control)
    for fault in FAULTS:
        options = [word for name in fault
                   for word in ("--fault", name if ",on=" in name else name + ",on=run")]
        with serve(given, path, *options) as simulator, stand_before(given, simulator) as gateway:
            each(given, check_faults, simulator, gateway, fault)
            given.checks.true(simulator.stats()["faults"] > 0, "%s: it struck" % fault)


# ---- the manual --------------------------------------------------------------------------------

def test_manual(given):
    """docs/clients.md names the versions that are tested here."""
    text = support.read(given.source, "docs", "clients.md")
    for folder in sorted({client.folder for client in given.clients}):
        for pin in support.read(folder, "pins").split():
            name, version = re.fullmatch(r"(.+?)(?:==|@)([\d.]+)", pin).groups()
            given.checks.true(re.search(r"`%s` %s\b" % (re.escape(name), re.escape(version)), text),
                              "docs/clients.md: %s %s" % (name, version))


def main():
    given = kit.arguments()
    given.clients = start_clients(given)
    if not given.clients and not given.checks.failed:
        given.checks.skip("no client is here: script/setup test installs them")
    try:
        kit.run_tests(given, test_alike, test_better, test_stop, test_faults, test_manual)
    finally:
        for client in given.clients:
            client.close()


if __name__ == "__main__":
    main()
