"""What a simulated Dify does beside its answers: silence, places, workers, stops, readers, forms.

Order and kind are compared, never how long something took: Dify's 300 s are fractions of a second
here, by --speed, and what has to happen is waited for.

usage: behaviour.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import json
import os
import socket
import struct
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import library
import runner
import support
import wire
from server import Connection, Simulator, Stream

# 100000 s are more than any test takes; `held` pings every 10 s meanwhile, `silent` never does.
APPS = """
apps:
  - name: steps
    inputs: [{name: word, max_length: 10}]
    runs:
      - nodes:
          - start
          - {type: llm, text: "Grund aus Köln", chunks: 3, tokens: 7}
          - {type: end, outputs: {result: "{{inputs.word}}"}}
  - name: must
    inputs: [{name: word, required: true, max_length: 10}]
    runs:
      - nodes: [start, {type: end, outputs: {result: "{{inputs.word}}"}}]
  - name: fails
    runs:
      - nodes: [start, {type: code, error: "It broke."}]
  - name: held
    runs:
      - nodes: [start, {type: code, seconds: 100000}, {type: end, outputs: {a: 1}}]
  - name: hundred
    runs:
      - nodes: [start, {type: code, seconds: 95}, {type: end, outputs: {a: 1}}]
  - name: talks
    runs:
      - nodes: [start, {type: llm, text: "%(text)s", chunks: 40000, seconds: 1000}]
  - name: chatflow
    mode: advanced-chat
    runs:
      - nodes: [start, {type: llm, text: Hello, chunks: 2}, {type: answer, text: Hello, chunks: 1}]
  - name: chat
    mode: chat
    runs: [{answer: {text: Hello there, chunks: 3}}]
  - name: again
    runs: [{nodes: [start, {type: code, seconds: 500, retries: 1}, end]}]
  - name: agent
    mode: agent-chat
    runs: [{answer: Hello}]
  - name: file
    inputs: [{name: paper, type: file}]
    runs:
      - nodes: [start, {type: end, outputs: {a: 1}}]
  - name: limited
    max_active: 2
    runs:
      - nodes: [start, {type: code, seconds: 100000}]
  - name: single
    max_active: 1
    runs:
      - nodes: [start, {type: end, outputs: {a: 1}}]
  - name: unpublished
    published: false
    runs:
      - nodes: [start]
  - name: silent
    runs: [{recording: %(silent)s}]
  - name: form
    inputs: [{name: q}]
    runs:
      - recording: %(root)s/human-input/approve/streaming
        resumed: %(root)s/human-input/approve/events-resume-snapshot-continue
  - name: expires
    inputs: [{name: q}]
    runs:
      - recording: %(root)s/human-input/timeout/streaming
        expired: %(root)s/human-input/timeout/events-snapshot-continue
"""
STEPS = ["workflow_started", "node_started", "node_finished", "node_started", "text_chunk",
         "text_chunk", "text_chunk", "node_finished", "node_started", "node_finished",
         "workflow_finished"]
FALLBACK = "Workflow stream ended without a terminal event"
STOPPED = ("Stopped by user.", "Aborted: User requested stop")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def silent_folder(given):
    """A recording that begins a node and says nothing for 100000 s, no ping either."""
    folder = os.path.join(given.folder, "silent")
    with runner.scenarios:
        if os.path.isdir(folder):
            return folder
        os.mkdir(folder)
        run, task = UNKNOWN.replace("0-8", "1-8"), UNKNOWN.replace("0-8", "2-8")
        node = {"id": UNKNOWN.replace("0-8", "3-8"), "node_id": "code", "node_type": "code",
                "title": "code", "index": 1, "predecessor_node_id": None, "inputs": None,
                "created_at": 1795000000, "extras": {}, "iteration_id": None, "loop_id": None}
        begins = {"id": run, "workflow_id": UNKNOWN, "inputs": {}, "created_at": 1795000000,
                  "reason": "initial"}
        ends = dict(begins, status="succeeded", outputs={}, error=None, elapsed_time=100000.0,
                    total_tokens=0, total_steps=1, created_by={}, finished_at=1795100000,
                    exceptions_count=0, files=[])
        frames = ["event: ping\n\n"] + [
            "data: %s\n\n" % json.dumps({"event": name, "workflow_run_id": run, "task_id": task,
                                         "data": data}, separators=(",", ":"))
            for name, data in (("workflow_started", begins), ("node_started", node),
                               ("workflow_finished", ends))]
        chunks = "".join("%.1f\t%d\n" % (at, len(frame))
                         for at, frame in zip((1, 2, 3, 1e8), frames))
        request = {"method": "POST", "path": "/v1/workflows/run", "headers": {},
                   "body": {"inputs": {}, "user": "u-1", "response_mode": "streaming"}}
        for name, text in (("request.json", json.dumps(request)),
                           ("response.head", "HTTP/1.1 200 OK\r\n\r\n"),
                           ("response.body", "".join(frames)),
                           ("chunks.tsv", chunks + "# end\tlast-chunk\t1e8\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
    return folder


def dify(given, release, speed, *options, key="app-steps"):
    text = APPS % {"silent": silent_folder(given), "root": library.ROOT, "text": "x" * 40000}
    return Simulator(given.build, given.scenario(text), "--release", release, "--speed",
                     str(speed), "--seed", "1", *options, key=key)


def leave(stream):
    """Closes as a client does that is killed: with a reset."""
    stream.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        struct.pack("ii", 1, 0))
    stream.connection.close()


# ---- inputs that are refused -------------------------------------------------------------------

BAD = [({"word": "x" * 11}, "app-must"), ({}, "app-must"), ({"word": 5}, "app-must"),
       ({"word": "x" * 11}, "app-steps")]


def test_bad_inputs_before_the_stream_on_1_12(given):
    with dify(given, "1.12.1", 1000) as sim:
        for inputs, key in BAD:
            for mode in ("streaming", "blocking"):
                with sim.post_run(inputs, key=key, mode=mode) as connection:
                    said = json.loads(connection.read_head().body())
                    given.checks.equal((connection.status, said["code"]), (400, "invalid_param"),
                                       "1.12.1: bad inputs, %s" % mode)
        given.checks.equal(sim.stats()["runs_started"], 0, "1.12.1: no run")


def test_bad_inputs_are_silence_on_1_14(given):
    with dify(given, "1.14.2", 1000) as sim:
        for inputs, key in BAD:
            stream = sim.start(inputs, key=key).read()
            given.checks.equal((stream.names, stream.end), (["ping"], "last-chunk"),
                               "1.14.2: one ping, nothing, a clean end")
            status, said = sim.whole("POST", "/v1/workflows/run", key=key, body={
                "inputs": inputs, "user": "u-1", "response_mode": "blocking"})
            given.checks.equal((status, said["code"]), (400, "invalid_param"),
                               "1.14.2: a blocking answer tells")
        given.checks.equal((sim.logs(), sim.logs(key="app-must"), sim.stats()["runs_started"]),
                           ([], [], 0), "1.14.2: no row")
        stream = sim.start(path="/v1/chat-messages", key="app-chatflow",
                           body={"query": "Hi", "conversation_id": UNKNOWN}).read()
        given.checks.equal((stream.names, stream.end), (["ping"], "last-chunk"),
                           "1.14.2: silence for an unknown conversation")


def test_bad_inputs_are_made_up_runs_on_1_16(given):
    with dify(given, "1.16.1", 1) as sim:  # at once: nothing here waits for 300 s
        for inputs, key in BAD:
            stream = sim.start(inputs, key=key).read()
            given.checks.equal((stream.names, stream.end),
                               (["ping", "workflow_started", "workflow_finished"], "last-chunk"),
                               "1.16.1: an invented start and finish")
            given.checks.equal(stream.finish["status"], "failed", "1.16.1: it failed")
            status, said = sim.whole("POST", "/v1/workflows/run", key=key, body={
                "inputs": inputs, "user": "u-1", "response_mode": "blocking"})
            given.checks.equal((status, said["message"]), (400, stream.finish["error"]),
                               "1.16.1: with the words of the blocking answer")
            given.checks.equal(sim.whole("GET", "/v1/workflows/run/" + stream.run, key=key)[0],
                               404, "1.16.1: a run without a row")
            given.checks.true(all(said["task_id"] == stream.run for said in stream.said),
                              "1.16.1: the task's id is the run's", stream.said)
        status, said = sim.whole("POST", "/v1/chat-messages", key="app-chatflow", body={
            "inputs": {}, "query": "Hi", "user": "u-1", "response_mode": "streaming",
            "conversation_id": UNKNOWN})
        given.checks.equal((status, said["code"]), (404, "not_found"),
                           "1.16.1: an unknown conversation is told at once")


def test_what_is_refused_in_any_mode(given):
    for release in library.RELEASES:
        with dify(given, release, 0) as sim:
            for key, path, body, wanted in (
                    ("app-chatflow", "/v1/workflows/run", {}, (400, "not_workflow_app")),
                    ("app-steps", "/v1/chat-messages", {"query": "a"}, (400, "not_chat_app")),
                    ("app-steps", "/v1/completion-messages", {}, (400, "app_unavailable")),
                    ("app-unpublished", "/v1/workflows/run", {}, (400, "invalid_param")),
                    ("app-steps", "/v1/workflows/%s/run" % UNKNOWN, {}, (404, "not_found")),
                    ("app-steps", "/v1/workflows/x/run", {}, (400, "bad_request")),
                    ("app-none", "/v1/workflows/run", {}, (401, "unauthorized"))):
                for mode in ("streaming", "blocking"):
                    status, said = sim.whole("POST", path, key=key, body=dict(
                        {"inputs": {}, "user": "u", "response_mode": mode}, **body))
                    given.checks.equal((status, said["code"]), wanted,
                                       "%s: %s %s, %s" % (release, key, path, mode))
            status, said = sim.whole("POST", "/v1/chat-messages", key="app-agent", body={
                "inputs": {}, "query": "a", "user": "u", "response_mode": "blocking"})
            given.checks.equal((status, said["code"]), (400, "invalid_param"),
                               release + ": agents refuse blocking mode")
            given.checks.equal(sim.stats()["runs_started"], 0, release + ": no run")


# ---- pings and silence -------------------------------------------------------------------------

def test_pings_of_a_stream_come_from_the_worker(given):
    with dify(given, "1.14.2", 1000) as sim:
        stream = sim.start(key="app-hundred").read()
        at = stream.names.index("ping", 1)
        given.checks.equal(stream.names[at:at + 9], ["ping"] * 9, "a worker at work pings")
        given.checks.equal((len(stream.names), stream.names[-1]), (1 + 8 + 9, "workflow_finished"),
                           "one at the beginning, and one each 10 s")
        with sim.start(key="app-silent") as silent:
            silent.take(3)
            with sim.events(silent.run, key="app-silent") as events:
                silent.read()  # its 300 s pass
                events.take(10)
                given.checks.equal((silent.names, silent.end),
                                   (["ping", "workflow_started", "node_started"], "last-chunk"),
                                   "a relay does not ping by itself; 300 s of silence end it")
                given.checks.equal(events.names, ["ping"] * 10, "the events endpoint does")
            given.checks.equal(sim.detail(silent.run, key="app-silent")["status"], "running",
                               "the run itself goes on")
            with sim.events(silent.run, key="app-silent", snapshot=True) as snapshot:
                snapshot.read()
                given.checks.equal((snapshot.events, snapshot.end),
                                   (["workflow_started", "node_started"], "last-chunk"),
                                   "with a snapshot silence ends it, too")


def test_silence_of_1_16_ends_with_an_invention(given):
    with dify(given, "1.16.1", 1000, key="app-silent") as sim:
        stream = sim.start().read()
        given.checks.equal((stream.names, stream.end),
                           (["ping", "workflow_started", "node_started", "workflow_finished"],
                            "last-chunk"), "1.16.1: silence gets a terminal event")
        given.checks.equal((stream.finish["status"], stream.finish["error"],
                            stream.said[-1]["task_id"]), ("failed", FALLBACK, stream.task),
                           "1.16.1: an invented one")
        given.checks.equal(sim.detail(stream.run)["status"], "running", "1.16.1: a false one")


def test_1_12_runs_in_process(given):
    with dify(given, "1.12.1", 1000, "--workers", "1") as sim:
        stream = sim.start({"word": "a"}).read()
        given.checks.equal(stream.events, STEPS, "1.12.1: a whole run")
        with sim.start(key="app-silent") as silent:
            given.checks.equal(sim.start({"word": "b"}).read().events, STEPS,
                               "1.12.1: no run waits for a worker")
            silent.take(1)
        status, body = sim.whole("GET", "/v1/workflow/%s/events?user=u-1" % stream.run)
        given.checks.true(status == 404 and b"doctype" in body, "1.12.1: no events endpoint", body)


# ---- places and workers ------------------------------------------------------------------------

def test_places(given):
    with dify(given, "1.14.2", 1, "--connections", "2", key="app-held") as sim:
        held = [sim.start().take(4) for _ in range(2)]
        third = sim.send("GET", "/v1/info")
        stats = sim.until(sim.stats, lambda stats: stats["waiting"] == 1)
        given.checks.equal(stats["serving"], 2, "two are served")
        fourth = sim.send("GET", "/v1/info")
        sim.until(sim.stats, lambda stats: stats["waiting"] == 2)
        given.checks.true(not third.has_come() and not fourth.has_come(),
                          "a GET waits for a place as well")
        for stream in held:
            stream.connection.close()
        third.close()
        fourth.close()
    with dify(given, "1.14.2", 1, "--connections", "0", key="app-held") as sim:
        held = [sim.start().take(1) for _ in range(20)]
        given.checks.equal(sim.whole("GET", "/v1/info")[0], 200, "0 places: no limit")
        for stream in held:
            stream.connection.close()


def waits_for(given, sim, live, what):
    """A third request is answered only after the first stream's end."""
    with sim.send("GET", "/v1/info") as third:
        third.read_head()
        live.connection.socket.settimeout(0)  # all of it must be here
        try:
            live.read()
        except BlockingIOError:
            pass
        given.checks.equal((third.status, live.end), (200, "last-chunk"), what)


def test_a_place_is_free_when_its_stream_ends(given):
    with dify(given, "1.14.2", 100, "--connections", "2") as sim:
        live, other = sim.start(key="app-hundred"), sim.start(key="app-silent")
        live.take(4)
        other.take(3)
        waits_for(given, sim, live, "the third request waits for a place")
        other.connection.close()


def test_abandoned_silent_streams_keep_their_places(given):
    for goes in (leave, lambda stream: stream.connection.close()):  # with a reset, and without
        with dify(given, "1.14.2", 200, "--connections", "2", key="app-silent") as sim:
            live = sim.start().take(3)
            goes(sim.start().take(3))
            waits_for(given, sim, live, "nobody notices that a silent stream was left")


def test_places_of_left_streams_are_free_at_the_next_ping(given):
    with dify(given, "1.14.2", 100, "--connections", "2", key="app-held") as sim:
        streams = [sim.start().take(4) for _ in range(2)]
        for stream in streams:
            leave(stream)
        given.checks.equal(sim.whole("GET", "/v1/info")[0], 200,
                           "a write that fails frees the place")
        runs = sim.logs()
        given.checks.equal([row["workflow_run"]["status"] for row in runs], ["running"] * 2,
                           "and the runs go on")


def test_workers(given):
    for release in ("1.14.2", "1.16.1"):
        with dify(given, release, 1, "--workers", "2", "--connections", "0") as sim:
            busy = [sim.start(key="app-held").take(4) for _ in range(2)]
            queued = [sim.start({"word": str(number)}).take(1) for number in range(3)]
            given.checks.equal((len(sim.logs()), sim.stats()["runs_started"]), (0, 5),
                               release + ": a queued run has no row, but is counted")
            for stream in queued:
                given.checks.true(not stream.connection.has_come() and stream.names == ["ping"],
                                  release + ": one ping, then nothing")
            status, said = sim.whole("POST", "/v1/workflows/run", {
                "inputs": {"word": "b"}, "user": "u-1", "response_mode": "blocking"})
            given.checks.equal((status, said["data"]["status"]), (200, "succeeded"),
                               release + ": blocking mode needs no worker")
            sim.stop(busy[0].task)
            for number, stream in enumerate(queued):
                stream.read()
                given.checks.equal((stream.names, stream.finish["outputs"]),
                                   (["ping"] + STEPS, {"result": str(number)}),
                                   release + ": then all of it")
            times = [sim.detail(stream.run)["created_at"] for stream in queued]
            given.checks.equal(times, sorted(times), release + ": in their order")
            for stream in busy:
                stream.connection.close()


# ---- stops -------------------------------------------------------------------------------------

def test_stop(given):
    for release, error, row in (("1.14.2", STOPPED[0], "running"),
                                ("1.16.1", STOPPED[1], "stopped")):
        with dify(given, release, 20, key="app-silent") as sim:
            stream = sim.start().take(3)
            status, said = sim.stop(stream.task, user="nobody", key="app-steps")
            given.checks.equal((status, said), (200, {"result": "success"}),
                               release + ": any user, any app's key")
            stream.read()
            given.checks.equal((stream.names[3:], stream.end),
                               (["workflow_finished"], "last-chunk"), release + ": it stops")
            given.checks.equal((stream.finish["status"], stream.finish["error"]),
                               ("stopped", error), release + ": the stream's word")
            given.checks.equal(sim.detail(stream.run)["status"], row, release + ": the row's word")
            given.checks.equal(sim.logs()[0]["workflow_run"]["status"], row,
                               release + ": the log's word")


def test_stop_of_what_does_not_run(given):
    for release in library.RELEASES:
        with dify(given, release, 100) as sim:
            given.checks.equal(sim.stop(UNKNOWN), (200, {"result": "success"}),
                               release + ": stop of an unknown task")
            stream = sim.start({"word": "a"}).read()
            before = sim.detail(stream.run)
            given.checks.equal(sim.stop(stream.task)[0], 200, release + ": stop of a finished run")
            given.checks.equal((sim.detail(stream.run), before["status"]), (before, "succeeded"),
                               release + ": changes nothing")
            given.checks.equal(sim.whole("POST", "/v1/workflows/tasks/%s/stop" % stream.task,
                                         {})[0], 400, release + ": a stop names its user")
    with dify(given, "1.14.2", 0) as sim:
        stream = sim.start({"q": "a"}, key="app-form").read()
        given.checks.equal(sim.stop(stream.task, key="app-form")[0], 200, "stop of a paused run")
        given.checks.equal(sim.detail(stream.run, key="app-form")["status"], "paused",
                           "it stays paused")


def test_stop_of_a_queued_run(given):
    with dify(given, "1.14.2", 20, "--workers", "1") as sim:
        busy = sim.start(key="app-held").take(4)
        queued = sim.start({"word": "q"}).take(1)
        sim.stop(busy.task)
        given.checks.equal(queued.read().events, STEPS, "the worker of a stopped run is free")
        busy.connection.close()


# ---- the events endpoint -----------------------------------------------------------------------

def test_who_may_read_events(given):
    for release in ("1.14.2", "1.16.1"):
        with dify(given, release, 100) as sim:
            run = sim.start({"word": "a"}).read().run
            for user, key, wanted in (("u-1", "app-steps", 200), ("u-2", "app-steps", 404),
                                      ("u-1", "app-must", 404), ("u-1", "app-none", 401),
                                      ("", "app-steps", 400)):
                with sim.ask("GET", "/v1/workflow/%s/events?user=%s" % (run, user),
                             key=key) as connection:
                    connection.body()
                    given.checks.equal(connection.status, wanted,
                                       "%s: events for %s of %s" % (release, user, key))
            for path, wanted in (("/v1/workflow/%s/events?user=u-1" % UNKNOWN, 404),
                                 ("/v1/workflow/%s/events" % run, 400),
                                 ("/v1/workflow/x/events?user=u-1", 500),
                                 ("/v1/workflows/run/" + UNKNOWN, 404),
                                 ("/v1/workflows/run/x", 500)):
                given.checks.equal(sim.whole("GET", path)[0], wanted, release + ": " + path)
            given.checks.equal(sim.whole("GET", "/v1/workflows/run/" + run, key="app-must")[0],
                               404, release + ": another app's detail")
            replay = sim.events(run).read()
            given.checks.equal((replay.names, replay.end), (["workflow_finished"], "last-chunk"),
                               release + ": of a finished run the end alone")
            given.checks.equal((replay.said[0]["task_id"], replay.finish["outputs"]),
                               (run, {"result": "a"}), release + ": with the run's id as task")


def test_snapshots(given):
    with dify(given, "1.14.2", 20, key="app-silent") as sim:
        with sim.start() as live:
            live.take(3)
            with sim.events(live.run) as plain, \
                    sim.events(live.run, snapshot=True) as snapshot:
                snapshot.take(3)
                given.checks.equal(snapshot.names, ["ping", "workflow_started", "node_started"],
                                   "a snapshot tells what was")
                given.checks.equal({said["task_id"] for said in snapshot.said}, {live.run},
                                   "with the run's id as the task's")
                given.checks.equal(plain.take(1).names, ["ping"], "without one nothing is told")
                sim.stop(live.task)
                for stream in (plain, snapshot, live):
                    stream.read()
                    given.checks.equal((stream.events[-1], stream.end),
                                       ("workflow_finished", "last-chunk"), "all get what is live")
                given.checks.equal((plain.events, snapshot.said[-1]["task_id"]),
                                   (["workflow_finished"], live.task), "with the task's own id")
    with dify(given, "1.14.2", 1, key="app-talks") as sim:
        with sim.start() as live:
            live.take(6)
            with sim.events(live.run, snapshot=True) as snapshot:
                snapshot.take(40)
                names = [name for name in snapshot.events if name != "text_chunk"]
                given.checks.equal(names, ["workflow_started", "node_started", "node_finished",
                                           "node_started"], "nodes, and then live texts")
                finished = snapshot.said[2]["data"]
                given.checks.equal((finished["inputs"], finished["outputs"]), (None, None),
                                   "a snapshot's node has lost what it gave")
    with dify(given, "1.14.2", 100, key="app-again") as sim:
        with sim.start() as live:
            while live.names[-1:] != ["node_retry"]:
                live.take(1)
            with sim.events(live.run, snapshot=True) as snapshot:
                snapshot.take(6)
                given.checks.equal([said["data"].get("status") for said in snapshot.said[1:5]],
                                   [None, "succeeded", None, "retry"],
                                   "a node that is tried again is shown as `retry`")


def test_readers(given):
    for release in ("1.14.2", "1.16.1"):
        with dify(given, release, 1, "--connections", "0", key="app-talks") as sim:
            live = sim.start().take(6)
            plain = sim.events(live.run).take(4)
            shown = sim.events(live.run, snapshot=True).take(10)
            leave(sim.events(live.run).take(3))
            if release == "1.14.2":
                for stream in (live, plain, shown):
                    stream.take(200)
                given.checks.equal(live.names[-200:], ["text_chunk"] * 200,
                                   "1.14.2: a reader that leaves harms nobody")
                continue
            for stream in (live, plain):
                stream.read()
                given.checks.equal((stream.finish, stream.end), (None, "eof-premature"),
                                   "1.16.1: its leaving cuts the others")
            given.checks.equal(sim.detail(live.run)["status"], "running", "1.16.1: the run goes on")
            with sim.events(live.run) as again:
                given.checks.equal(again.take(20).names[1:], ["text_chunk"] * 19,
                                   "1.16.1: a new one reads on")
            shown.connection.close()


# ---- clients that leave, clients that are slow -------------------------------------------------

def test_runs_go_on_without_their_clients(given):
    for release in library.RELEASES:
        with dify(given, release, 5) as sim:
            for mode in ("streaming", "blocking"):
                user = "gone-" + mode
                connection = sim.post_run({"word": mode}, user=user, mode=mode)
                if mode == "streaming":
                    stream = Stream(connection.read_head()).take(1)
                    leave(stream)
                else:
                    sim.until(sim.stats, lambda stats: stats["runs_started"] == 2)
                    connection.close()
                query = "created_by_end_user_session_id=" + user
                rows = sim.until(lambda: sim.logs(query), lambda rows: rows and
                                 rows[0]["workflow_run"]["status"] == "succeeded")
                given.checks.equal(len(rows), 1, "%s: cut in %s mode" % (release, mode))
                row = sim.detail(rows[0]["workflow_run"]["id"])
                outputs = row["outputs"]
                outputs = json.loads(outputs) if isinstance(outputs, str) else outputs
                given.checks.equal(outputs, {"result": mode}, release + ": the result is there")
            given.checks.equal(len(sim.logs("created_by_end_user_session_id=gone")), 0,
                               release + ": the user is compared as a whole")


SLOW = """
apps:
  - name: slow
    runs:
      - nodes: [start%s, {type: code, seconds: 100000}]
""" % "".join(", {type: code, size: 2000000}" for _ in range(14))


def test_slow_readers_lose_events_and_not_the_end(given):
    with Simulator(given.build, given.scenario(SLOW), "--speed", "20", key="app-slow") as sim:
        connection = Connection(sim.port, receive_bytes=65536)
        with Stream(sim.post_run(connection=connection).read_head()) as slow:
            slow.take(2)
            with sim.events(slow.run) as quick:
                while quick.names.count("ping") < 4:  # which come behind all that is much
                    quick.take(1)
            while slow.names[1:][-1] != "ping":  # all that waited was read, and it is live again
                slow.take(1)
            sim.stop(slow.task)
            slow.read()
        nodes = slow.events.count("node_finished")
        given.checks.true(0 < nodes < 16, "a slow reader has lost events", nodes)
        given.checks.equal((slow.events[-1], slow.end), ("workflow_finished", "last-chunk"),
                           "and gets the terminal one")


BIG = """
apps:
  - name: big
    runs:
      - when: {inputs: {one: true}}
        nodes: [start, {type: code, size: 9000000, seconds: 0}, {type: end, seconds: 0}]
      - nodes:
          - start
%s          - {type: end, seconds: 0}
""" % "".join("          - {id: n%d, type: code, size: 300000, seconds: 0}\n" % n for n in range(60))


def test_readers_lose_nothing(given):
    """However much comes at once: some 36 MB, and an event of 9 MB."""
    for speed in ("0", "1", "1000000"):
        with Simulator(given.build, given.scenario(BIG), "--speed", speed, key="app-big") as sim:
            for inputs, nodes in (({}, 62), ({"one": True}, 3)):
                stream = sim.start(inputs).read()
                given.checks.equal(
                    (stream.events.count("node_started"), stream.events.count("node_finished"),
                     stream.events[-1], stream.end),
                    (nodes, nodes, "workflow_finished", "last-chunk"),
                    "speed %s, %s: all events" % (speed, inputs))


def test_users_of_many_bytes(given):
    user, quoted = "用" * 255, urllib.parse.quote("用" * 255)
    with dify(given, "1.14.2", 0) as sim:
        sim.start({"word": "other"}).read()
        stream = sim.start({"word": "a"}, user=user).read()
        rows = sim.logs("created_by_end_user_session_id=" + quoted)
        given.checks.equal([row["workflow_run"]["id"] for row in rows], [stream.run],
                           "the logs of a user of 765 bytes are his alone")
        with sim.events(stream.run, user=quoted) as events:
            events.read()
        given.checks.equal(events.events, ["workflow_finished"], "and he may read his events")


def test_idle_connections_are_closed(given):
    with dify(given, "1.14.2", 100) as sim:
        connection = sim.send("GET", "/v1/info")
        sim.send("GET", "/v1/site", connection=connection)  # both at once
        for _ in range(2):
            given.checks.equal((connection.read_head().status, connection.header("Connection")),
                               (200, "keep-alive"), "a connection serves several requests")
            connection.body()
        given.checks.true(not connection.more() and not connection.was_reset,
                          "an idle connection is closed, without a reset")
        connection = sim.ask("GET", "/v1/info", fields={"Connection": "close"})
        connection.body()
        given.checks.true(connection.header("Connection") == "close" and not connection.more(),
                          "one that is not to be kept, at once")


# ---- forms -------------------------------------------------------------------------------------

def test_form_is_sent_and_the_run_resumes(given):
    with dify(given, "1.14.2", 20, key="app-form") as sim:
        live = sim.start({"q": "a"}).read()
        given.checks.equal((live.events[-2:], live.end),
                           (["human_input_required", "workflow_paused"], "last-chunk"),
                           "a run pauses")
        token = live.said[-2]["data"]["form_token"]
        path = "/v1/form/human_input/" + token
        given.checks.equal(sim.detail(live.run)["status"], "paused", "its row is paused")
        status, form = sim.whole("GET", path)
        given.checks.equal((status, [action["id"] for action in form["user_actions"]]),
                           (200, ["approve", "reject"]), "its form")
        good = {"inputs": {"comment": "yes"}, "action": "approve", "user": "u-1"}
        for change, wanted in (({"action": "else"}, (400, "invalid_form_data")),
                               ({"inputs": {}}, (400, "invalid_form_data"))):
            status, said = sim.whole("POST", path, dict(good, **change))
            given.checks.equal((status, said["code"]), wanted, "a form that is not right")
        given.checks.equal(sim.whole("GET", path, key="app-steps")[0], 404, "another app's form")
        given.checks.equal(sim.whole("GET", path + "x")[0], 404, "no such form")
        with sim.events(live.run, snapshot=True) as closes:
            closes.read()
            given.checks.equal((closes.events[-1], closes.end), ("workflow_paused", "last-chunk"),
                               "a paused run's snapshot closes")
        with sim.events(live.run, snapshot=True, continues=True) as reader, \
                sim.events(live.run) as plain:
            reader.until("workflow_paused")
            given.checks.equal(plain.take(3).names, ["ping"] * 3, "without a snapshot, pings only")
            given.checks.equal(sim.whole("POST", path, good), (200, {}), "the form is taken")
            reader.read()
            at = reader.events.index("workflow_paused")
            given.checks.equal((reader.events[at + 1], reader.said[at + 1]["data"]["reason"],
                                reader.events[-1], reader.finish["status"]),
                               ("workflow_started", "resumption", "workflow_finished", "succeeded"),
                               "and the run resumes")
        given.checks.equal(sim.until_over(live.run)["status"], "succeeded", "its row is final")
        for method, body in (("GET", None), ("POST", good)):
            status, said = sim.whole(method, path, body)
            given.checks.equal((status, said["code"]), (412, "human_input_form_submitted"),
                               "%s of a form that was sent" % method)


def test_form_expires(given):
    with dify(given, "1.14.2", 200000, key="app-expires") as sim:  # its 3 days are 1.3 s
        live = sim.start({"q": "t"}).read()
        given.checks.equal(live.events[-1], "workflow_paused", "a run pauses")
        row = sim.until_over(live.run)
        given.checks.equal(row["status"], "succeeded", "and goes on when its form expires")
        path = "/v1/form/human_input/" + live.said[-2]["data"]["form_token"]
        status, said = sim.whole("POST", path, {"inputs": {"comment": "x"}, "action": "approve",
                                                "user": "u-1"})
        given.checks.equal((status, said["code"]), (412, "human_input_form_expired"),
                           "the form is closed")


# ---- counts and limits -------------------------------------------------------------------------

def test_every_accepted_run_is_counted(given):
    with dify(given, "1.14.2", 0, "--connections", "0") as sim:
        for word, times in (("a", 3), ("b", 1)):
            for number in range(times):
                mode = "blocking" if number == 2 else "streaming"
                sim.post_run({"word": word}, mode=mode).read_head().body()
        sim.post_run({"word": "x" * 11}).read_head().body()           # refused, silently
        sim.post_run({}, key="app-none").read_head().body()           # no key
        sim.send("POST", "/v1/workflows/run", b"{").read_head().body()  # no JSON
        sim.start(path="/v1/chat-messages", key="app-chat", body={"query": "Hi"}).read()
        stats = sim.stats()
        given.checks.equal(stats["runs_started"], 5, "runs in all")
        found = {(one["app"], one["inputs"].get("word")): one["started"] for one in stats["runs"]
                 if one["started"]}
        given.checks.equal(found, {("steps", "a"): 3, ("steps", "b"): 1, ("chat", None): 1},
                           "runs by app and inputs")


def test_limits_of_runs_at_once(given):
    with dify(given, "1.12.1", 1, key="app-limited") as sim:
        first = [sim.start().take(4) for _ in range(2)]
        status, said = sim.whole("POST", "/v1/workflows/run", {
            "inputs": {}, "user": "u", "response_mode": "streaming"})
        given.checks.true(status == 400 and said["code"] == "invalid_param" and
                          said["message"].startswith("Too many requests. Please try again later."),
                          "a run too many", said)
        given.checks.equal(sim.start({"word": "a"}, key="app-steps").read().events, STEPS,
                           "the limit is the app's own")
        sim.stop(first[0].task)
        first[0].read()
        sim.start().take(1).connection.close()
        given.checks.equal(sim.stats()["runs_started"], 4, "a place is free again")
        first[1].connection.close()
    with dify(given, "1.14.2", 0, key="app-single") as sim:
        for mode, wanted in (("streaming", 400), ("blocking", 200)):
            given.checks.equal(sim.whole("POST", "/v1/workflows/run", {
                "inputs": {}, "user": "u", "response_mode": mode})[0], wanted,
                "a limit of 1 from 1.13 on, " + mode)


def test_blocking_twin(given):
    for release in library.RELEASES:
        with dify(given, release, 0) as sim:
            stream = sim.start({"word": "a"}).read()
            status, said = sim.whole("POST", "/v1/workflows/run", {
                "inputs": {"word": "a"}, "user": "u-1", "response_mode": "blocking"})
            data = said["data"]
            for name in ("status", "outputs", "error", "total_tokens", "total_steps",
                         "workflow_id"):
                given.checks.equal(data[name], stream.finish[name],
                                   "%s: blocking as streaming: %s" % (release, name))
            given.checks.equal((status, data["id"]), (200, said["workflow_run_id"]),
                               release + ": its ids")
            status, said = sim.whole("POST", "/v1/workflows/run", {
                "inputs": {}, "user": "u-1", "response_mode": "blocking"}, key="app-fails")
            given.checks.equal((status, said["data"]["status"], said["data"]["error"]),
                               (200, "failed", "It broke."), release + ": a run that failed")
            stream = sim.start(path="/v1/chat-messages", key="app-chat",
                               body={"query": "Hi"}).read()
            status, said = sim.whole("POST", "/v1/chat-messages", key="app-chat", body={
                "inputs": {}, "query": "Hi", "user": "u-1", "response_mode": "blocking"})
            answer = "".join(one.get("answer", "") for one in stream.said)
            given.checks.equal((status, said["answer"], stream.names.count("ping")),
                               (200, answer, 0), release + ": a chat, without pings")


# ---- uploads -----------------------------------------------------------------------------------

def upload(sim, size=100, user="u-1", key="app-file", name="a.txt"):
    headers = {"Host": "h", "Authorization": "Bearer " + key,
               "Content-Type": "multipart/form-data; boundary=b0undary"}
    body = wire.multipart(headers, {"user": user}, {"field": "file", "name": name, "size": size,
                                                    "content_type": "text/plain"})
    headers["Content-Length"] = str(len(body))
    connection = Connection(sim.port)
    connection.send(wire.request_bytes("POST", "/v1/files/upload", headers, body))
    said = json.loads(connection.read_head().body())
    connection.close()
    return connection.status, said


def test_uploads(given):
    for release in library.RELEASES:
        with dify(given, release, 0, key="app-file") as sim:
            status, said = upload(sim)
            given.checks.equal((status, said["size"], said["name"], said["extension"]),
                               (201, 100, "a.txt", "txt"), release + ": an upload")

            def run(user="u-1", key="app-file", file=said["id"], kind="document"):
                return sim.whole("POST", "/v1/workflows/run", key=key, body={
                    "user": user, "response_mode": "blocking", "inputs": {"paper": {
                        "type": kind, "transfer_method": "local_file",
                        "upload_file_id": file}}})
            given.checks.equal(run()[1].get("data", {}).get("status"), "succeeded",
                               release + ": a run with it")
            for what, answer in (("user", run(user="u-2")), ("file", run(file=UNKNOWN))):
                given.checks.true(answer[0] == 400 and "Invalid upload file" in
                                  answer[1]["message"], "%s: another %s's" % (release, what),
                                  answer)
            for kind in ("image", "custom"):
                answer = run(kind=kind)
                given.checks.true(answer[0] == 400 and "Detected file type does not match" in
                                  answer[1]["message"], "%s: called %s" % (release, kind), answer)
            unknown = upload(sim, name="a.log")[1]["id"]
            given.checks.equal(run(file=unknown)[1].get("data", {}).get("status"), "succeeded",
                               release + ": by its media type, which is text/plain")
            other = upload(sim, key="app-must")[1]["id"]
            given.checks.true("Invalid upload file" in run(file=other)[1].get("message", ""),
                              release + ": another app's")


def test_upload_limits(given):
    with dify(given, "1.14.2", 0) as sim:
        for name, most in (("a.png", 10 << 20), ("a.txt", 15 << 20)):
            for size, wanted in ((most, 201), (most + 1, 413)):
                status, said = upload(sim, size, name=name)
                given.checks.equal(status, wanted, "%d bytes of %s" % (size, name))
            given.checks.equal((said["code"], said["message"]), ("file_too_large", ""),
                               "with no message")


# ---- methods and paths -------------------------------------------------------------------------

def test_methods(given):
    with dify(given, "1.14.2", 0) as sim:
        whole = sim.ask("GET", "/v1/info")
        body = whole.body()
        head = sim.ask("HEAD", "/v1/info", fields={"Connection": "close"})
        head.more()
        given.checks.equal((head.status, head.header("Content-Length"), head.buffer),
                           (200, str(len(body)), b""), "HEAD is GET without a body")
        for path, allow in (("/v1/info", "GET, HEAD, OPTIONS"),
                            ("/v1/workflows/run", "POST, OPTIONS"),
                            ("/v1/form/human_input/x", "GET, HEAD, OPTIONS, POST")):
            options = sim.ask("OPTIONS", path)
            given.checks.equal((options.status, set(options.header("Allow").split(", ")),
                                options.body()), (200, set(allow.split(", ")), b""),
                               "OPTIONS of " + path)
        for method, path, wanted in (("POST", "/v1/info", 405), ("GET", "/v1/workflows/run", 405),
                                     ("DELETE", "/v1/chat-messages", 405), ("GET", "/v1/", 404),
                                     ("GET", "/v1/nothing", 404), ("OPTIONS", "/nothing", 404),
                                     ("GET", "/v1/info/", 404), ("GET", "/", 404),
                                     ("POST", "/sim/stats", 405), ("GET", "/sim/nothing", 404)):
            answer = sim.ask(method, path)
            body = answer.body()
            given.checks.equal(answer.status, wanted, "%s %s" % (method, path))
            given.checks.true((b"<!doctype html>" in body) == (wanted == 404),
                              "%s %s: its page" % (method, path), body)


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "sim.behaviour",
               "releases " + ", ".join(library.RELEASES))
