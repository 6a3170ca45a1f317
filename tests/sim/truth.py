"""What the simulator tells of itself under /sim/: its counts, and what of a run a client has seen.

What a raw socket got is held against it, never how long something took.

usage: truth.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import library
import runner
import wire
from server import Simulator

APPS = """
apps:
  - name: steps
    inputs: [{name: word, max_length: 10}]
    runs:
      - nodes:
          - start
          - {type: llm, text: "Grund aus Köln", chunks: 3, tokens: 7}
          - {type: code, outputs: {a: "ä"}}
          - {id: it, type: iteration, over: 3, nodes: [{id: inner, type: code, outputs: {b: 1}}]}
          - {type: end, outputs: {result: "{{inputs.word}}"}}
  - name: waits
    runs:
      - nodes:
          - start
          - {type: code, seconds: 100, outputs: {a: 1}}
          - {type: end, outputs: {a: 1}}
  - name: held
    runs:
      - nodes: [start, {type: code, seconds: 100000}]
  - name: fails
    runs:
      - nodes: [start, {type: code, error: "It broke."}]
  - name: chat
    mode: chat
    runs: [{answer: {text: Hello there, chunks: 3}}]
  - name: silent
    runs: [{recording: %(root)s/loop-break/streaming}]
  - name: form
    inputs: [{name: q}]
    runs:
      - recording: %(root)s/human-input/approve/streaming
        resumed: %(root)s/human-input/approve/events-resume-snapshot-continue
"""
UNKNOWN = "00000000-0000-4000-8000-000000000000"
EVENTS = 24  # of the app `steps`
ENDS = ("node_finished", "iteration_completed", "loop_completed")


def dify(given, speed, *options, release="1.14.2", key="app-steps"):
    return Simulator(given.build, given.scenario(APPS % {"root": library.ROOT}), "--seed", "1",
                     "--release", release, "--speed", str(speed), *options, key=key)


def over(sim, run):
    """The truth about a run once nothing of it is to come."""
    return sim.until(lambda: sim.truth(run), lambda truth: truth["state"] == "ended")


def got(*streams):
    """What the clients of these streams saw to its end: (node_id, execution or "")."""
    found = []
    for stream in streams:
        for said in stream.said:
            data = said.get("data")
            if said.get("event") not in ENDS or not data["outputs"] and \
                    "execution_metadata" in data and data["execution_metadata"] is None and \
                    data["inputs"] is None:
                continue
            is_container = said["event"] != "node_finished"
            found.append((data["node_id"], "" if is_container else data["id"]))
    return sorted(set(found))


def seen(truth, is_seen=True):
    return sorted((node["node_id"], "" if node["container"] else node["id"])
                  for node in truth["nodes"] if node["seen"] == is_seen)


# ---- requests ----------------------------------------------------------------------------------

def test_every_post_is_counted(given):
    with dify(given, 0, "--connections", "0") as sim:
        def post(user, fault=None, **more):
            try:
                sim.post_run({"word": "a"}, user=user, fault=fault, **more).read_head().body()
            except wire.Broken:
                pass
        post("once")
        post("blocking", mode="blocking")
        for fault in ("reset-before-run", "429", "401", "reset-after-start", "proxy-502"):
            post(fault, fault)
        for _ in range(3):
            post("thrice")
        post("refused", body={"inputs": {"word": "x" * 11}}, mode="blocking")
        post("nobody", key="app-none")
        sim.send("POST", "/v1/workflows/run", b"{").read_head().body()
        sim.whole("GET", "/v1/info")
        stats = sim.stats()
        given.checks.equal((stats["posts"], stats["runs_started"]), (13, 7), "in all")
        found = {user: tuple(sim.truths("user=" + user)[name] for name in
                             ("posts", "started", "total"))
                 for user in ("once", "blocking", "reset-before-run", "429", "401",
                              "reset-after-start", "proxy-502", "thrice", "refused", "nobody", "")}
        given.checks.equal(found, {
            "once": (1, 1, 1), "blocking": (1, 1, 1), "reset-before-run": (1, 0, 0),
            "429": (1, 0, 0), "401": (1, 0, 0), "reset-after-start": (1, 1, 1),
            "proxy-502": (1, 1, 1), "thrice": (3, 3, 3), "refused": (1, 0, 0),
            "nobody": (0, 0, 0), "": (0, 0, 0)}, "by their users")
        given.checks.equal({one["inputs"].get("word"): (one["posts"], one["started"])
                            for one in stats["runs"]}, {"a": (10, 7), "x" * 11: (1, 0)},
                           "by their inputs")
        given.checks.equal((sim.truths()["posts"], sim.truths()["started"]), (13, 7),
                           "without a user, all")


def test_requests_that_break_off_in_their_body(given):
    with dify(given, 0) as sim:
        for fault in (None, "reset-before-run"):
            head = {"Content-Length": "1000", "Content-Type": "application/json"}
            connection = sim.send("POST", "/v1/workflows/run", fault=fault, fields=head)
            connection.close()
        sim.until(sim.stats, lambda stats: stats["serving"] == 0 and stats["posts"] == 2)


# ---- places and runs ---------------------------------------------------------------------------

def test_the_most_places_held(given):
    with dify(given, 1, "--connections", "3", key="app-held") as sim:
        given.checks.equal(sim.stats()["places_held_most"], 0, "a new one has held none")
        held = [sim.start().take(4) for _ in range(3)]
        waiting = sim.send("GET", "/v1/info")
        sim.until(sim.stats, lambda stats: stats["waiting"] == 1)
        blocking = sim.post_run(mode="blocking")
        sim.until(sim.stats, lambda stats: stats["waiting"] == 2)
        given.checks.equal((sim.stats()["streams_open"], sim.stats()["streams_open_most"]), (3, 3),
                           "three streams")
        stats = sim.stats()
        blocking.close()
        for stream in held:
            stream.connection.abort()
        given.checks.equal((stats["places_held_most"], stats["runs_in_flight_most"],
                            stats["runs_in_flight"]), (3, 3, 3), "what waits holds none")
        waiting.close()


def test_places_held_for_nobody(given):
    for goes in ("close", "abort"):
        with dify(given, 1, key="app-held") as sim:
            streams = [sim.start().take(4) for _ in range(3)]
            given.checks.equal(sim.stats()["abandoned_most"], 0, "none was left yet")
            for count, stream in enumerate(streams[:2], 1):
                getattr(stream.connection, goes)()
                stats = sim.until(sim.stats, lambda stats, count=count:
                                  stats["abandoned"] == count)
                given.checks.equal((stats["abandoned_most"], stats["serving"]), (count, 3),
                                   "left by " + goes)
            streams[2].connection.close()
    with dify(given, 1000, key="app-held") as sim:
        sim.start().take(4).connection.close()
        stats = sim.until(sim.stats, lambda stats: stats["serving"] == 0)
        given.checks.equal((stats["abandoned"], stats["abandoned_most"]), (0, 1),
                           "a write that fails frees the place")


def test_places_of_those_who_left_while_they_waited(given):
    with dify(given, 1, "--connections", "1", key="app-held") as sim:
        first = sim.start().take(4)
        sim.post_run(user="gone").close()
        sim.until(sim.stats, lambda stats: stats["waiting"] == 1)
        given.checks.equal(sim.stats()["abandoned"], 0, "what waits holds no place")
        first.connection.close()
        sim.until(sim.stats, lambda stats: stats["abandoned"] == 1)


def test_who_reads_to_the_end_leaves_no_place(given):
    for release in library.RELEASES:
        with dify(given, 100, release=release) as sim:
            stream = sim.start()
            stream.until("workflow_finished")
            stream.connection.close()
            blocking = sim.post_run(mode="blocking").read_head()
            blocking.body()
            blocking.close()
            sim.whole("GET", "/v1/info")
            sim.until(sim.stats, lambda stats: stats["serving"] == 0)
            given.checks.equal(sim.stats()["abandoned_most"], 0, release)


def test_runs_in_flight(given):
    with dify(given, 0, "--workers", "1") as sim:
        live = [sim.start(key="app-held").take(4) for _ in range(1)]
        queued = sim.start(key="app-steps")
        given.checks.equal(sim.stats()["runs_in_flight"], 2, "one plays, one waits for a worker")
        live[0].connection.close()
        queued.connection.close()
        form = sim.start({"q": "a"}, key="app-form", user="u-1")
        form.connection.close()
    with dify(given, 0) as sim:
        sim.start({"q": "a"}, key="app-form").read()
        sim.start({"word": "x" * 11}).connection.close()
        sim.until(sim.stats, lambda stats: stats["runs_in_flight"] == 0)
        given.checks.equal(sim.stats()["runs_in_flight_most"], 1,
                           "a paused run and a refused one are not under way")


# ---- what was seen -----------------------------------------------------------------------------

def check_seen(given, truth, what, *streams):
    given.checks.equal(seen(truth), got(*streams), what + ": what was seen")
    nodes = truth["nodes"]
    given.checks.equal(len({node["id"] for node in nodes}), len(nodes), what + ": ids")


def test_a_whole_stream_is_seen(given):
    with dify(given, 0) as sim:
        stream = sim.start({"word": "a"}).read()
        truth = over(sim, stream.run)
        given.checks.equal((truth["id"], truth["task_id"], truth["app"], truth["user"],
                            truth["status"], truth["outcome"], truth["posts"], truth["started"]),
                           (stream.run, stream.task, "steps", "u-1", "succeeded", "succeeded", 1,
                            1), "about the run")
        given.checks.equal([(node["node_id"], node["node_type"], node["container"])
                            for node in truth["nodes"]],
                           [("start", "start", False), ("llm", "llm", False),
                            ("code", "code", False), ("it", "iteration", True)] +
                           [("inner", "code", False)] * 3 + [("end", "end", False)], "its nodes")
        check_seen(given, truth, "whole", stream)
        given.checks.equal((seen(truth, False), len(stream.events)), ([], EVENTS),
                           "nothing is unseen")
        given.checks.equal(sim.truth(stream.task), truth, "by its task id")
        failed = sim.start(key="app-fails").read()
        truth = over(sim, failed.run)
        given.checks.equal(truth["outcome"], "failed", "one that fails")
        check_seen(given, truth, "failed", failed)


def test_what_a_cut_left_is_seen_and_no_more(given):
    faults = ["%s-after-events=%d" % (how, count) for how in ("reset", "close", "end", "stall")
              for count in (0, 1, 3, 7, 8, 9, 12, 15, 20, EVENTS, EVENTS + 1)]
    faults += ["reset-after-bytes=%d" % count for count in range(0, 9000, 611)]
    faults += ["cut-in-character", "byte-by-byte", "bad-json=2", "bad-json=7", "big-event=300000",
               "lost-finish", "error-then-pings=7", "pings-only"]
    with dify(given, 0, "--connections", "0") as sim:
        for number, fault in enumerate(faults):
            user = "u-%d" % number
            stream = sim.start({"word": "ä"}, user=user, fault=fault)
            run = sim.until(lambda: sim.truths("user=" + user)["data"],
                            lambda runs: runs and runs[0]["state"] == "ended")[0]
            if fault.startswith("stall"):
                stream.take(1 + min(int(fault.split("=")[1]), EVENTS)).connection.close()
            elif "pings" in fault:
                stream.take(10).connection.close()
            else:
                stream.read()
            check_seen(given, run, fault, stream)
            given.checks.equal(len(run["nodes"]), 8, fault + ": the run goes on")


def test_a_reset_waits_for_what_went_before(given):
    """Whoever reads late finds all events that came before the reset."""
    with dify(given, 0) as sim:
        for fault, count in (("big-event=300000", EVENTS + 1), ("reset-after-events=20", 20)):
            stream = sim.start({"word": "a"}, fault=fault)
            sim.until(lambda: sim.stats(), lambda stats: stats["runs_in_flight"] == 0)
            stream.read()
            given.checks.equal(len(stream.events), count, fault)


def test_nobody_saw_anything(given):
    with dify(given, 0) as sim:
        for fault in ("reset-after-start", "proxy-502"):
            try:
                sim.post_run(user=fault, fault=fault).read_head()
            except wire.Broken:
                pass
        sim.post_run(user="blocking", mode="blocking").read_head().body()
        for user in ("reset-after-start", "proxy-502", "blocking"):
            run = sim.until(lambda user=user: sim.truths("user=" + user)["data"],
                            lambda runs: runs[0]["state"] == "ended")[0]
            given.checks.equal((len(run["nodes"]), seen(run)), (8, []), user)


def test_several_streams(given):
    with dify(given, 100, key="app-waits") as sim:
        for fault in ("reset-after-events=2", "reset-after-events=3", "stall-after-events=4"):
            first = sim.start(fault=fault)
            first.until("node_started")
            run = first.run
            second = sim.events(run, snapshot=True).read()
            truth = over(sim, run)
            first.connection.socket.setblocking(False)
            try:
                first.read()
            except BlockingIOError:
                pass
            first.connection.close()
            check_seen(given, truth, fault, first, second)
            given.checks.equal(truth["status"], "succeeded", fault)


def test_a_finished_run_shows_no_nodes(given):
    with dify(given, 0) as sim:
        run = sim.start(fault="reset-after-events=3").read().run
        over(sim, run)
        sim.events(run, snapshot=True).read()
        given.checks.equal(len(seen(sim.truth(run))), 1, "what a later reader gets is no node")


def test_recorded_containers(given):
    with dify(given, 0) as sim:
        stream = sim.start(key="app-silent").read()
        truth = over(sim, stream.run)
        check_seen(given, truth, "a loop", stream)
        given.checks.equal([node["node_type"] for node in truth["nodes"] if node["container"]],
                           ["loop"], "its container")


def test_a_node_that_waits_for_its_form(given):
    with dify(given, 0, key="app-form") as sim:
        stream = sim.start({"q": "a"}).read()
        truth = sim.truth(stream.run)
        given.checks.equal((truth["state"], truth["status"], truth["outcome"]),
                           ("paused", "paused", None), "at its form")
        given.checks.true("human-input" not in [node["node_type"] for node in truth["nodes"]],
                          "a node that waits has not ended", truth)
        check_seen(given, truth, "up to the form", stream)
        token = next(said["data"]["form_token"] for said in stream.said
                     if said["event"] == "human_input_required")
        sim.whole("POST", "/v1/form/human_input/" + token, {
            "user": "u-1", "inputs": {"comment": "yes"}, "action": "approve"})
        truth = over(sim, stream.run)
        given.checks.equal(seen(truth), got(stream), "nobody saw what came after")
        given.checks.true(seen(truth, False), "which ended all the same", truth)


# ---- the list ----------------------------------------------------------------------------------

def test_the_list_and_its_pages(given):
    with dify(given, 0) as sim:
        given.checks.equal(sim.truths(), {"total": 0, "posts": 0, "started": 0,
                                          "has_more": False, "data": []}, "none yet")
        runs = [sim.start(user="ü %d" % (number % 2)).read().run for number in range(5)]
        given.checks.equal([run["id"] for run in sim.truths()["data"]], runs[::-1], "all")
        pages = [sim.truths("limit=2&page=%d" % page) for page in (1, 2, 3, 4)]
        given.checks.equal([([run["id"] for run in page["data"]], page["has_more"], page["total"])
                            for page in pages],
                           [(runs[4:2:-1], True, 5), (runs[2:0:-1], True, 5),
                            (runs[:1], False, 5), ([], False, 5)], "pages")
        found = sim.truths("user=" + urllib.parse.quote("ü 1"))
        given.checks.equal(([run["id"] for run in found["data"]], found["total"], found["posts"]),
                           ([runs[3], runs[1]], 2, 2), "of a user")
        chat = sim.start(path="/v1/chat-messages", key="app-chat", body={"query": "Hi"}).read()
        truth = sim.truths()["data"][0]
        given.checks.equal((truth["message_id"], truth["conversation_id"], truth["status"],
                            truth["nodes"]), (chat.said[0]["message_id"],
                                              chat.said[0]["conversation_id"], None, []), "a chat")
        for path in ("/sim/runs/" + UNKNOWN, "/sim/runs/x"):
            status, said = sim.whole("GET", path)
            given.checks.equal((status, said["code"]), (404, "not_found"), path)


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "sim.truth", "counts and runs")
