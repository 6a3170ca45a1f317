"""What the tests of the client over real sockets share: the program many, and the simulator."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("sim", "system", "oracle"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))

import support
from server import Simulator

RECORDINGS = os.path.join(os.path.dirname(HERE), "recordings")
RELEASES = ("1.12.1", "1.14.2", "1.16.1")
DEADLINE_S = 300  # a safety net; nothing here waits for time to pass
# What each run has of its own: ids, as they are or in a file's reference, and times.
OWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
                 r"|dify-file-ref:[\w=+/-]+|\b1[789]\d{8}\b")
# Between events of a faster clock a busy machine is silent for long: only a test of silence says
# less.
PATIENT = ["--silence-timeout", 1000000000, "--run-timeout", 1000000000]


def arguments(name, more=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=os.path.abspath)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=1435)
    parser.add_argument("--only", default="", help="tests whose name has this")
    if more is not None:
        more(parser)
    given = parser.parse_args()
    given.checks = support.Checks()
    given.checks.name = "client.many-" + name
    given.folder = tempfile.TemporaryDirectory(prefix="difystream-client-")
    return given


def scenario(given, name, text):
    path = os.path.join(given.folder.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Followed:
    """A run as the program many tells of it."""

    def __init__(self, told):
        self.line, self.user = told["line"], told["user"]
        self.result = told["result"]
        self.data = self.result["data"]
        self.metadata = self.data["metadata"]
        self.changes = told["changes"]

    @property
    def run(self):
        return self.data["workflow_run_id"]

    @property
    def code(self):
        return self.result.get("code")

    @property
    def reasons(self):
        return [change[2] for change in self.changes]

    @property
    def states(self):
        return [change[1] for change in self.changes]

    def story(self):
        return "\n".join("    %s -> %s: %s: %s" % tuple(change) for change in self.changes)


def url_of(simulator):
    return "http://127.0.0.1:%d/v1" % simulator.port


def many_command(given, base_url, key, *options):
    return [os.path.join(given.build, "tests", "client", "client_many"), "--base-url", base_url,
            "--api-key", key, *map(str, options)]


def order_lines(orders):
    return "".join(json.dumps(order) + "\n" for order in orders).encode()


def start(given, simulator, orders, *options, stdout=subprocess.PIPE):
    """The program many, running, for tests that stop or kill it."""
    many = subprocess.Popen(many_command(given, url_of(simulator), simulator.key, *options),
                            stdin=subprocess.PIPE, stdout=stdout)
    many.stdin.write(order_lines(orders))
    many.stdin.close()
    return many


class Many:
    """What became of some orders. `followed` are in the order of the orders."""

    def __init__(self, given, base_url, key, orders, *options, descriptors=(), deadline_s=DEADLINE_S):
        command = many_command(given, base_url, key, *options)
        try:
            done = subprocess.run(command, input=order_lines(orders), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=deadline_s,
                                  pass_fds=descriptors, check=False)
        except subprocess.TimeoutExpired as error:
            raise AssertionError("not all runs have ended: %s" % (error.stdout or b"")[-2000:]) \
                from error
        self.err = done.stderr.decode("utf-8", "replace")
        if done.returncode != 0 or self.err:
            raise AssertionError("many ended with %d: %s" % (done.returncode, self.err[-4000:]))
        lines = [json.loads(line) for line in done.stdout.decode("utf-8", "surrogatepass").split("\n")
                 if line]
        self.summary = lines.pop()
        self.followed = sorted(map(Followed, lines), key=lambda one: one.line)
        if [one.line for one in self.followed] != list(range(len(orders))):
            raise AssertionError("not one result for each order")


def follow(given, simulator, orders, *options, **more):
    return Many(given, url_of(simulator), simulator.key, orders, *options, **more)


def truths(simulator):
    """What the simulator knows of all its runs, by user."""
    found, page = {}, 1
    while True:
        answer = simulator.truths("limit=100&page=%d" % page)
        for run in answer["data"]:
            found.setdefault(run["user"], []).append(run)
        if not answer["has_more"]:
            return found
        page += 1


def masked(value):
    """A value without what each run has of its own."""
    return OWN.sub("OWN", json.dumps(value, sort_keys=True))


def kept_streams(folder, line):
    """The bytes of the streams of a run."""
    streams = []
    while os.path.exists(os.path.join(folder, "%d-%d.sse" % (line, len(streams)))):
        with open(os.path.join(folder, "%d-%d.sse" % (line, len(streams))), "rb") as file:
            streams.append(file.read())
    return streams


def events_of(stream):
    """The events of a stream's bytes, those that are whole and JSON."""
    for frame in stream.split(b"\n\n")[:-1]:
        if frame.startswith(b"data: "):
            try:
                yield json.loads(frame[6:])
            except ValueError:
                pass


CONTAINERS = ("iteration", "loop")


# What a node_finished has lost in a snapshot.
LOST_MEMBERS = ("inputs", "outputs", "process_data", "execution_metadata")


def is_empty(data):
    """Whether a node_finished is one of a snapshot, which has lost what the node made."""
    return all(data.get(name) is None for name in LOST_MEMBERS)


class Received:
    """What a client has read of a run: its nodes' executions, those that ended with their figures,
    those that the last stream left running, and whether a container may have been open while it
    read nothing."""

    def __init__(self, streams):
        self.named, self.whole, self.running = set(), set(), set()
        self.open_containers, self.has_open_gap = 0, False
        self.shown_containers, self.ended_containers = set(), 0
        for stream in streams:
            self.running = set()
            for event in events_of(stream):
                self.take(event.get("event"), event.get("data"))
            self.has_open_gap |= (self.open_containers > 0 or
                                  len(self.shown_containers) > self.ended_containers)

    def take(self, name, data):
        if name in ("iteration_started", "loop_started"):
            self.open_containers += 1
        elif name in ("iteration_completed", "loop_completed"):
            self.has_open_gap |= self.open_containers == 0  # it began while nothing was read
            self.open_containers -= self.open_containers > 0
            self.ended_containers += 1
        elif name == "node_started" and data["node_type"] in CONTAINERS:
            self.shown_containers.add(data["id"])  # by a snapshot, which does not say that it ended
        elif name in ("node_started", "node_finished", "node_retry") and \
                data["node_type"] not in CONTAINERS:
            self.take_node(data, name == "node_finished")

    def take_node(self, data, has_ended):
        self.named.add(data["id"])
        self.running.add(data["id"])
        if not has_ended:
            return
        self.running.discard(data["id"])
        if not is_empty(data):
            self.whole.add(data["id"])


# ---- what is right -----------------------------------------------------------------------------

def totals(one):
    """What is right of every run."""
    return {"status": one.data["status"], "code": one.code,
            "workflow_outputs": one.data["workflow_outputs"],
            "total_steps": one.metadata["total_steps"],
            "total_tokens": one.metadata["total_tokens"]}


def figures(one):
    """What is right of a complete one."""
    return {"outputs": one.data["outputs"], "total_price": one.metadata["total_price"],
            "currency": one.metadata["currency"], "elapsed_time": one.metadata["elapsed_time"],
            "nodes": sorted((node["node_id"], node["status"], node["total_tokens"],
                             node["total_price"], node["retries"])
                            for node in one.data["nodes"])}


def retries(data):
    return sum(node["retries"] for node in data["nodes"])


class Judge:
    """Holds results against those of undisturbed runs, what the client has received (kept in
    `folder`) and what the simulator knows."""

    def __init__(self, given, truths, folder):
        self.checks, self.truths, self.folder = given.checks, truths, folder

    def judge(self, one, wanted, what, posts=1):
        runs = self.truths.get(one.user, [])
        good = self.checks.equal(len(runs), 1, what + ": runs at the server")
        if not good:
            return
        truth = runs[0]
        good &= self.checks.equal((truth["posts"], truth["started"]), (posts, 1), what + ": POSTs")
        if one.run is not None:  # a chat's has no id in its stream
            good &= self.checks.equal(one.run, truth["id"], what + ": run")
        good &= self.checks.equal(masked(totals(one)), masked(totals(wanted)),
                                  what + ": totals")
        good &= self.nodes(one, wanted, truth, what)
        if one.metadata["complete"]:
            good &= self.checks.equal(masked(figures(one)),
                                      masked(figures(wanted)), what + ": figures")
        if not good:
            print("  its story:\n%s" % one.story())

    def nodes(self, one, wanted, truth, what):
        received = Received(kept_streams(self.folder, one.line))
        ended = {node["id"] for node in truth["nodes"]
                 if node["node_type"] not in CONTAINERS}
        seen = {node["id"] for node in truth["nodes"] if node["seen"]}
        good = self.checks.true(not received.whole - seen, what + ": the simulator saw it seen",
                                received.whole - seen)
        return good & check_nodes(self.checks, received, ended, one.data, what,
                                  lacks_more=retries(one.data) < retries(wanted.data))


def check_nodes(checks, received, ended, data, what, lacks_more=False):
    """Incomplete are exactly the nodes that ended and whose end was not read; those can be named of
    which anything was read. Of a run that failed one cannot tell an end that a stream has lost from
    a node that was running until then."""
    metadata, missing = data["metadata"], ended - received.whole
    unsure = received.running if data["status"] == "failed" else set()
    good = checks.equal(sorted(missing & unsure | set(metadata.get("incomplete_nodes", []))),
                        sorted(missing & received.named), what + ": incomplete nodes")
    # In a container there may then have been nodes that nothing names; and a retry that was not
    # seen is missing in its node, though the node's end was.
    may_be_incomplete = bool(unsure) or received.has_open_gap or lacks_more
    return good & checks.true(
        metadata["complete"] != bool(missing) or
        may_be_incomplete and not metadata["complete"], what + ": complete", missing)
