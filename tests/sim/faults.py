"""Each fault of `difystream sim` does to a raw socket what its name says, where it should, and
nowhere else.

usage: faults.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import datetime
import email.utils
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import library
import runner
import support
import wire
from server import Simulator

# Pieces of text with characters of several bytes in the first and the last one only.
STEPS = """
apps:
  - name: steps
    inputs: [{name: word}]
    runs:
      - nodes:
          - start
          - {type: llm, text: "Grund aus Köln", chunks: 3, tokens: 7}
          - {type: end, outputs: {result: "{{inputs.word}}"}}
  - name: chatflow
    mode: advanced-chat
    runs:
      - nodes: [start, {type: llm, text: Hello, chunks: 2}, {type: answer, text: Hello, chunks: 1}]
  - name: chat
    mode: chat
    runs: [{answer: {text: Hello there, chunks: 3}}]
  - name: held
    runs:
      - nodes: [start, {type: code, seconds: 100000}]
"""
EVENTS = ["workflow_started", "node_started", "node_finished", "node_started", "text_chunk",
          "text_chunk", "text_chunk", "node_finished", "node_started", "node_finished",
          "workflow_finished"]
KEY = "app-steps"
# Faults that act within a stream, with a value with which they act on the one of STEPS.
OF_STREAMS = ["reset-after-events=2", "reset-after-bytes=100", "close-after-events=2",
              "end-after-events=2", "stall-after-events=2", "cut-in-character", "byte-by-byte",
              "bad-json", "big-event=1000", "lost-finish", "error-then-pings", "reset-anywhere=2",
              "close-anywhere=2", "pings-only"]
OF_RUNS = ["reset-before-run", "reset-after-start", "proxy-502", "proxy-503", "proxy-504", "429=3",
           "busy", "dead-worker", "queued=1"]
OF_OTHERS = ["401", "slow-detail=1", "no-events-route", "reset-kept-alive", "clock-skew=100"]
IN_FAULTS_ON = ["lost-in-window=1", "reset", "500", "slow=1"]  # faults_on.py tests these
NAMES = [re.split("=", fault)[0] for fault in OF_STREAMS + OF_RUNS + OF_OTHERS + IN_FAULTS_ON]


def steps(given, *options):
    """A simulator of STEPS that does not wait; 1000 s of Dify's are one."""
    return Simulator(given.build, given.scenario(STEPS), "--seed", "1", "--speed", "1000",
                     *options, key=KEY)


def faulty(simulator, fault, **more):
    return simulator.start({"word": "ä"}, fault=fault, **more)


def in_truth(simulator, run):
    """What became of a run, whatever its client saw."""
    return simulator.until_over(run)["status"]


def ways(given, fault):
    """Simulators that have the fault by the option and by the request's field, and the field."""
    for option, field in ((["--fault", fault], None), ([], fault)):
        with steps(given, *option) as simulator:
            yield simulator, field


# ---- the list and the texts --------------------------------------------------------------------

def test_every_listed_fault_is_tested(given):
    text = support.must_run([os.path.join(given.build, "difystream"), "sim", "--fault", "help"])
    listed = [line.split()[0] for line in text.splitlines()]
    given.checks.equal(sorted(listed), sorted(NAMES), "the faults of --fault help")
    for line in text.splitlines():
        given.checks.true(len(line.split(None, 1)) == 2, "%s has a description" % line)


BAD_TEXTS = {
    "": "there is no fault named ''",
    "no-such-fault": "there is no fault named 'no-such-fault'",
    "Lost-Finish": "there is no fault named",
    "lost-finish=1": "lost-finish takes no value",
    "reset-after-events": "reset-after-events needs a value",
    "reset-after-events=": "must be a whole number",
    "reset-after-events=x": "must be a whole number",
    "reset-after-events=1.5": "must be a whole number",
    "reset-after-events=-1": "must be a whole number",
    "reset-after-events=99999999999999999999": "must be a whole number",
    "lost-finish,p=2": "p",
    "lost-finish,p=": "p",
    "lost-finish,p=-0.1": "p",
    "lost-finish,times=x": "times",
    "lost-finish,times": "times",
    "lost-finish,skip=-1": "skip",
    "lost-finish,often=1": "'often' is none of",
    "lost-finish,": "is none of",
}


def test_bad_texts_are_refused(given):
    command = os.path.join(given.build, "difystream")
    for text, why in BAD_TEXTS.items():
        ran = support.run([command, "sim", "--listen", "127.0.0.1:0", "--fault", text])
        given.checks.true(ran.status == 2 and why in ran.err and not ran.crashed(),
                          "--fault '%s' is refused" % text, ran)
    with steps(given) as simulator:
        for text, why in BAD_TEXTS.items():
            if not text:
                continue  # as if the field were not there
            status, said = simulator.whole("POST", "/v1/workflows/run", {}, fault=text)
            given.checks.true(status == 400 and said["code"] == "bad_fault" and
                              why in said["message"], "X-Sim-Fault: %s is refused" % text, said)
        given.checks.equal(simulator.stats()["runs_started"], 0, "no run was started")


# ---- faults within a stream --------------------------------------------------------------------

def test_none(given):
    with steps(given) as simulator:
        stream = faulty(simulator, None).read()
        given.checks.equal(stream.names, ["ping"] + EVENTS, "without a fault all comes")
        given.checks.equal(stream.end, "last-chunk", "and ends whole")
        given.checks.equal([chunk[-2:] for chunk in stream.chunks], [b"\n\n"] * 12,
                           "one event is one chunk")
        given.checks.equal(simulator.stats()["faults"], 0, "no fault is counted")


def ends_after_events(given, name, end):
    for count in (0, 1, 3, 10):
        for simulator, field in ways(given, "%s=%d" % (name, count)):
            stream = faulty(simulator, field).read()
            given.checks.equal((stream.names, stream.rest, stream.end),
                               (["ping"] + EVENTS[:count], b"", end),
                               "%s=%d" % (name, count))
            if count > 0:
                given.checks.equal(in_truth(simulator, stream.run), "succeeded",
                                   "%s=%d: the run goes on" % (name, count))
    with steps(given) as simulator:
        given.checks.equal(faulty(simulator, "%s=%d" % (name, 100)).read().end, "last-chunk",
                           "%s after more events than come" % name)


def test_reset_after_events(given):
    ends_after_events(given, "reset-after-events", "reset")


def test_close_after_events(given):
    ends_after_events(given, "close-after-events", "eof-premature")


def test_end_after_events(given):
    ends_after_events(given, "end-after-events", "last-chunk")


def test_after_events_counts_those_of_a_snapshot(given):
    with steps(given) as simulator:
        with simulator.start(key="app-held") as live:
            live.take(5)
            whole = ["workflow_started", "node_started", "node_finished", "node_started"]
            for name, end in (("reset", "reset"), ("close", "eof-premature"),
                              ("end", "last-chunk")):
                for count in (0, 2, 4):
                    stream = simulator.events(live.run, snapshot=True, key="app-held",
                                              fault="%s-after-events=%d" % (name, count)).read()
                    given.checks.equal((stream.events, stream.end), (whole[:count], end),
                                       "%s-after-events=%d in a snapshot" % (name, count))
            stream = simulator.events(live.run, snapshot=True, key="app-held", fault="bad-json=2")
            while len(stream.events) < 4:  # the worker's pings come in between
                stream.take(1)
            frames = [frame for frame in stream.frames if frame != library.PING]
            given.checks.equal([broken(frame) for frame in frames], [False, False, True, False],
                               "bad-json in a snapshot")
            stream.connection.close()
        done = faulty(simulator, None).read()
        for fault, events, end in (("reset-after-events=0", [], "reset"),
                                   ("reset-after-events=1", ["workflow_finished"], "reset"),
                                   ("end-after-events=0", [], "last-chunk")):
            stream = simulator.events(done.run, fault=fault).read()
            given.checks.equal((stream.events, stream.end), (events, end),
                               "%s of a finished run" % fault)


def test_reset_after_bytes(given):
    with steps(given) as simulator:
        whole = b"".join(faulty(simulator, None).read().chunks)
    for count in (0, 1, 12, 13, 14, 100, 1500):
        for simulator, field in ways(given, "reset-after-bytes=%d" % count):
            stream = faulty(simulator, field).read()
            body = b"".join(stream.chunks)
            given.checks.equal((len(body), stream.end), (count, "reset"),
                               "reset-after-bytes=%d" % count)
            given.checks.equal(body[:30], whole[:min(count, 30)], "they are the first ones")
    with steps(given) as simulator:
        stream = faulty(simulator, "reset-after-bytes=%d" % len(whole)).read()
        given.checks.equal((len(b"".join(stream.chunks)), stream.end), (len(whole), "reset"),
                           "reset-after-bytes with all bytes")
        stream = faulty(simulator, "reset-after-bytes=%d" % (len(whole) + 1)).read()
        given.checks.equal(stream.end, "last-chunk", "reset-after-bytes beyond the end")


def test_stall_after_events(given):
    for count in (0, 2, 10):
        for simulator, field in ways(given, "stall-after-events=%d" % count):
            with faulty(simulator, field) as stream:
                stream.take(1 + count)
                # While the run ends, and another stream of the same age ends by silence, nothing
                # comes on this one.
                with simulator.start({"word": "b"}, fault="lost-finish") as other:
                    other.read()
                    run = stream.run if count else other.run
                given.checks.equal(in_truth(simulator, run), "succeeded",
                                   "stall-after-events=%d: the run goes on" % count)
                given.checks.true(not stream.connection.has_come() and stream.events == EVENTS[:count],
                                  "stall-after-events=%d: nothing more comes" % count,
                                  stream.names)
    with steps(given) as simulator, simulator.start(key="app-held") as live:
        live.take(5)
        with simulator.events(live.run, snapshot=True, key="app-held",
                              fault="stall-after-events=4") as stalled, \
                simulator.events(live.run, key="app-held") as pinged:
            while len(stalled.events) < 4:  # the worker's pings come in between
                stalled.take(1)
            pinged.take(20)
            given.checks.true(not stalled.connection.has_come(), "a stalled events stream does not ping")


def broken(frame):
    try:
        json.loads(frame[len("data: "):])
        return False
    except ValueError:
        return True


def test_cut_in_character(given):
    for count, whole in ((None, 0), (0, 0), (1, 6), (7, 7)):
        fault = "cut-in-character" + ("" if count is None else "=%d" % count)
        for simulator, field in ways(given, fault):
            stream = faulty(simulator, field).read()
            given.checks.equal((stream.events, stream.end), (EVENTS[:whole], "eof-premature"),
                               "%s: events before the cut" % fault)
            given.checks.true(stream.rest.startswith(b"data: {") and stream.rest[-1] == 0xc3,
                              "%s: cut behind the first byte of a character" % fault, stream.rest)
            try:
                stream.rest.decode("utf-8")
                given.checks.true(False, "%s: the rest is no UTF-8" % fault, stream.rest)
            except UnicodeDecodeError as error:
                given.checks.true(error.start == len(stream.rest) - 1,
                                  "%s: nothing else is wrong" % fault, error)
    with steps(given) as simulator:
        stream = simulator.start({"word": "a"}, fault="cut-in-character=8").read()
        given.checks.equal((stream.events, stream.end), (EVENTS, "last-chunk"),
                           "cut-in-character without such a character")


def test_byte_by_byte(given):
    for simulator, field in ways(given, "byte-by-byte"):
        stream = faulty(simulator, field).read()
        given.checks.equal(stream.names, ["ping"] + EVENTS, "byte-by-byte: all comes")
        given.checks.equal({len(chunk) for chunk in stream.chunks}, {1},
                           "byte-by-byte: each byte is a chunk")
        given.checks.equal(stream.end, "last-chunk", "byte-by-byte: it ends whole")


def test_bad_json(given):
    for count in (None, 0, 4, 10):
        fault = "bad-json" + ("" if count is None else "=%d" % count)
        at = 1 if count is None else count
        for simulator, field in ways(given, fault):
            stream = faulty(simulator, field).read()
            frames = [frame for frame in stream.frames if frame != library.PING]
            given.checks.equal([broken(frame) for frame in frames],
                               [number == at for number in range(len(EVENTS))],
                               "%s: which events are broken" % fault)
            given.checks.true(frames[at].startswith('data: {"event":"%s",' % EVENTS[at]),
                              "%s: it stands in its place" % fault, frames[at])
            given.checks.equal(stream.end, "last-chunk", "%s: the stream goes on" % fault)


def test_big_event(given):
    for size in (100, 1000, 65536, 3000000):
        for simulator, field in ways(given, "big-event=%d" % size):
            stream = faulty(simulator, field).read()
            frames = [frame for frame in stream.frames if frame != library.PING]
            given.checks.equal(stream.events, EVENTS[:1] + ["sim_padding"] + EVENTS[1:],
                               "big-event=%d: one more event behind the first" % size)
            given.checks.equal(len(frames[1].encode("utf-8")) - len("data: "), size,
                               "big-event=%d: its JSON's bytes" % size)
            given.checks.equal(stream.chunks[2], frames[1].encode("utf-8") + b"\n\n",
                               "big-event=%d: it is one chunk" % size)


def test_lost_finish(given):
    for simulator, field in ways(given, "lost-finish"):
        stream = faulty(simulator, field).read()
        given.checks.equal((stream.names, stream.end), (["ping"] + EVENTS[:-1], "last-chunk"),
                           "lost-finish: all but the end, then the end by silence")
        given.checks.equal(in_truth(simulator, stream.run), "succeeded", "lost-finish: in truth")
        chat = simulator.start(path="/v1/chat-messages", body={"query": "Hi"}, key="app-chatflow",
                               fault=field).read()
        given.checks.equal([name for name in chat.events
                            if name in ("message_end", "workflow_finished")], [],
                           "lost-finish: nor a chatflow's ends")
        with simulator.events(stream.run, fault=field) as replay:
            given.checks.equal(replay.take(3).names, ["ping"] * 3,
                               "lost-finish: only pings of a finished run")
    with steps(given, "--release", "1.16.1") as simulator:
        stream = faulty(simulator, "lost-finish").read()
        given.checks.equal(stream.events, EVENTS, "lost-finish: 1.16.1 makes an end up")
        given.checks.equal((stream.finish["status"], stream.finish["error"]),
                           ("failed", "Workflow stream ended without a terminal event"),
                           "lost-finish: which is false")
        given.checks.equal(in_truth(simulator, stream.run), "succeeded", "lost-finish: in truth")


def test_error_then_pings(given):
    for count in (None, 0, 5):
        fault = "error-then-pings" + ("" if count is None else "=%d" % count)
        before = 1 if count is None else count
        for simulator, field in ways(given, fault):
            with faulty(simulator, field) as stream:
                stream.take(1 + before + 1 + 40)
                given.checks.equal(stream.names,
                                   ["ping"] + EVENTS[:before] + ["error"] + ["ping"] * 40,
                                   "%s: what comes" % fault)
                error = stream.said[before]
                given.checks.true({"event", "code", "status", "message"} <= set(error),
                                  "%s: the error's members" % fault, error)
                if before:
                    given.checks.equal(in_truth(simulator, stream.run), "succeeded",
                                       "%s: in truth" % fault)


def test_pings_only(given):
    for simulator, field in ways(given, "pings-only"):
        with faulty(simulator, field) as stream:
            given.checks.equal(stream.take(40).names, ["ping"] * 40, "pings-only: what comes")
            rows = simulator.until(simulator.logs, lambda rows: len(rows) == 1 and
                                   rows[0]["workflow_run"]["status"] == "succeeded")
            given.checks.equal(len(rows), 1, "pings-only: the run goes on")


# ---- faults of a request that starts a run -----------------------------------------------------

def no_answer(given, simulator, field, what):
    connection = simulator.post_run({"word": "a"}, fault=field)
    try:
        connection.read_head()
        given.checks.true(False, "%s: no answer" % what, connection.head)
    except wire.Broken:
        given.checks.true(connection.was_reset and not connection.buffer,
                          "%s: a reset without a byte" % what, connection.buffer)


def test_reset_before_run(given):
    for simulator, field in ways(given, "reset-before-run"):
        no_answer(given, simulator, field, "reset-before-run")
        stats = simulator.stats()
        given.checks.equal((stats["runs_started"], stats["faults"], simulator.logs()), (0, 1, []),
                           "reset-before-run: no run is started")


def test_reset_after_start(given):
    for simulator, field in ways(given, "reset-after-start"):
        no_answer(given, simulator, field, "reset-after-start")
        given.checks.equal(simulator.stats()["runs_started"], 1, "reset-after-start: one run")
        rows = simulator.until(simulator.logs, lambda rows: rows and
                               rows[0]["workflow_run"]["status"] == "succeeded")
        given.checks.equal(len(rows), 1, "reset-after-start: the run goes on")
        given.checks.equal(simulator.stats()["runs"],
                           [{"app": "steps", "inputs": {"word": "a"}, "posts": 1,
                             "started": 1}],
                           "reset-after-start: the run's inputs are told")


def test_proxy_pages(given):
    for status, title in ((502, "502 Bad Gateway"), (503, "503 Service Temporarily Unavailable"),
                          (504, "504 Gateway Time-out")):
        for mode in ("streaming", "blocking"):
            for simulator, field in ways(given, "proxy-%d" % status):
                connection = simulator.post_run({"word": "a"}, mode=mode, fault=field).read_head()
                body = connection.body().decode("ascii")
                what = "proxy-%d, %s" % (status, mode)
                given.checks.equal(connection.status, status, what)
                given.checks.true(title in body and "nginx" in body, what + ": its page", body)
                given.checks.equal((connection.header("Content-Type"), connection.header("Server"),
                                    connection.header("X-Version")), ("text/html", "nginx", None),
                                   what + ": it is not Dify's")
                given.checks.equal(len([line for line in connection.head
                                        if line.startswith("Content-Length")]), 1,
                                   what + ": one Content-Length")
                rows = simulator.until(simulator.logs, lambda rows: rows and
                                       rows[0]["workflow_run"]["status"] == "succeeded")
                given.checks.equal((len(rows), simulator.stats()["runs_started"]), (1, 1),
                                   what + ": one run, which goes on")


def test_429(given):
    for fault, after in (("429", None), ("429=7", "7"), ("429=0", "0")):
        for mode in ("streaming", "blocking"):
            for simulator, field in ways(given, fault):
                connection = simulator.post_run(mode=mode, fault=field).read_head()
                said = json.loads(connection.body())
                given.checks.equal((connection.status, said["code"], said["status"],
                                    connection.header("Retry-After")),
                                   (429, "too_many_requests", 429, after), fault)
                given.checks.equal(simulator.stats()["runs_started"], 0, fault + ": no run")


def test_401(given):
    routes = [("GET", "/v1/info"), ("GET", "/v1/parameters"), ("GET", "/v1/workflows/logs"),
              ("POST", "/v1/workflows/run"), ("POST", "/v1/files/upload"),
              ("GET", "/v1/workflows/run/" + wire_id()),
              ("GET", "/v1/workflow/%s/events?user=u" % wire_id())]
    for simulator, field in ways(given, "401"):
        for method, path in routes:
            with simulator.ask(method, path, {} if method == "POST" else None,
                               fault=field) as connection:
                said = json.loads(connection.body())
                given.checks.equal((connection.status, said["code"]), (401, "unauthorized"),
                                   "401: %s %s" % (method, path))
                given.checks.equal(connection.header("WWW-Authenticate"), 'Bearer realm="api"',
                                   "401: its field")
        given.checks.equal(simulator.whole("GET", "/sim/stats", fault=field)[0], 200,
                           "401: not of the simulator's own")
        given.checks.equal(simulator.stats()["runs_started"], 0, "401: no run")


def wire_id():
    return "00000000-0000-4000-8000-000000000000"


def test_dead_worker(given):
    for count in (None, 0, 4):
        fault = "dead-worker" + ("" if count is None else "=%d" % count)
        before = 1 if count is None else count
        for simulator, field in ways(given, fault):
            stream = faulty(simulator, field).read()
            given.checks.equal((stream.names, stream.end),
                               (["ping"] + EVENTS[:before], "last-chunk"),
                               "%s: silence, then the end" % fault)
            if not before:
                given.checks.equal(simulator.logs(), [], fault + ": there is no row")
                continue
            given.checks.equal(simulator.detail(stream.run)["status"], "running",
                               "%s: running for ever" % fault)
            with simulator.events(stream.run) as events:
                given.checks.equal(events.take(5).names, ["ping"] * 5,
                                   "%s: the events endpoint pings all the same" % fault)
            given.checks.equal(simulator.start({"word": "b"}, fault="byte-by-byte").read().events,
                               EVENTS, "%s: its place is free again" % fault)
    with steps(given) as simulator:
        connection = simulator.post_run({"word": "a"}, mode="blocking", fault="dead-worker")
        given.checks.true(not connection.more() and not connection.was_reset,
                          "dead-worker: a blocking run's connection ends without an answer")
        given.checks.equal([row["workflow_run"]["status"] for row in simulator.logs()],
                           ["running"], "dead-worker: and the row stays")
        chat = simulator.start(path="/v1/chat-messages", body={"query": "Hi"}, key="app-chat",
                               fault="dead-worker").read()
        given.checks.equal((chat.events, chat.end), (["message"], "eof-premature"),
                           "dead-worker: so does a chat's")
    with steps(given, "--release", "1.16.1") as simulator:
        stream = faulty(simulator, "dead-worker=2").read()
        given.checks.equal((stream.events, stream.finish["error"]),
                           (EVENTS[:2] + ["workflow_finished"],
                            "Workflow stream ended without a terminal event"),
                           "dead-worker: 1.16.1 makes an end up")
        given.checks.equal(simulator.detail(stream.run)["status"], "running",
                           "dead-worker: the row is not made up")


def test_queued(given):
    for simulator, field in ways(given, "queued=100"):
        stream = faulty(simulator, field)
        stream.take(1)
        with simulator.start({"word": "b"}, fault="byte-by-byte") as other:
            given.checks.equal(other.read().events, EVENTS, "queued: another run passes it")
        stream.read()
        given.checks.equal((stream.names, stream.end), (["ping"] + EVENTS, "last-chunk"),
                           "queued: a ping, and in the end all")
    with steps(given) as simulator:
        with faulty(simulator, "queued=1000000") as stream:
            stream.take(1)
            given.checks.equal((simulator.logs(), simulator.stats()["runs_started"]), ([], 1),
                               "queued: accepted, and no row yet")
            given.checks.equal(stream.read().names, ["ping"], "queued too long: silence")


# ---- faults of other requests ------------------------------------------------------------------

def test_slow_detail(given):
    for simulator, field in ways(given, "slow-detail=300"):
        run = simulator.start().read().run
        with simulator.send("GET", "/v1/workflows/run/" + run, fault=field) as slow, \
                simulator.post_run(fault="lost-finish") as other:
            # The other one ends by 300 s of silence that begin after the detail was asked for.
            other.read_head().body()
            slow.read_head()
            given.checks.equal((slow.status, json.loads(slow.body())["status"]),
                               (200, "succeeded"), "slow-detail: it is answered")
    with Simulator(given.build, given.scenario(STEPS), "--speed", "1", key=KEY) as simulator:
        run = simulator.start().read().run
        slow = simulator.send("GET", "/v1/workflows/run/" + run, fault="slow-detail=100000")
        given.checks.equal(simulator.detail(run)["status"], "succeeded", "another one is not slow")
        given.checks.true(not slow.has_come(), "slow-detail: nothing comes at once")
        slow.close()


def test_no_events_route(given):
    for simulator, field in ways(given, "no-events-route"):
        run = simulator.start(fault=field).read().run
        connection = simulator.ask("GET", "/v1/workflow/%s/events?user=u-1" % run, fault=field)
        body = connection.body().decode("ascii")
        given.checks.true(connection.status == 404 and "<!doctype html>" in body and
                          connection.header("Content-Type") == "text/html; charset=utf-8",
                          "no-events-route: an HTML 404", body)
        given.checks.equal(simulator.detail(run)["status"], "succeeded",
                           "no-events-route: the detail is there")


def test_reset_kept_alive(given):
    for simulator, field in ways(given, "reset-kept-alive"):
        connection = simulator.ask("GET", "/v1/info", fault=field)
        connection.body()
        given.checks.equal((connection.status, connection.header("Connection")),
                           (200, "keep-alive"), "reset-kept-alive: it looks kept alive")
        simulator.send("GET", "/v1/info", connection=connection)
        try:
            connection.read_head()
            given.checks.true(False, "reset-kept-alive: no second answer", connection.head)
        except wire.Broken:
            given.checks.true(connection.was_reset, "reset-kept-alive: a reset")
        run = faulty(simulator, field)
        given.checks.equal((run.read().events, run.end), (EVENTS, "last-chunk"),
                           "reset-kept-alive: the answer itself is whole")
    with steps(given) as simulator:
        connection = simulator.ask("GET", "/v1/info")
        connection.body()
        simulator.send("GET", "/v1/info", connection=connection, fault="reset-kept-alive")
        given.checks.equal(connection.read_head().status, 200, "the request itself is answered")


def test_clock_skew(given):
    for skew in (86400, -86400):
        with steps(given, "--fault", "clock-skew=%d" % skew) as simulator:
            now = datetime.datetime.now(datetime.timezone.utc).timestamp()
            stream = simulator.start().read()
            found = {"the stream": stream.connection.header("Date"),
                     "the detail": simulator.ask("GET", "/v1/workflows/run/" + stream.run)
                     .header("Date"),
                     "no route": simulator.ask("GET", "/v1/nothing").header("Date")}
            for what, date in found.items():
                at = email.utils.parsedate_to_datetime(date).timestamp()
                given.checks.true(abs(at - now - skew) < 3600, "clock-skew: Date of " + what, date)
            times = [said["data"]["created_at"] for said in stream.said
                     if "created_at" in said["data"]] + [stream.finish["finished_at"]]
            times += [simulator.detail(stream.run)["created_at"],
                      simulator.logs()[0]["created_at"]]
            given.checks.true(len(times) > 5 and all(abs(at - now - skew) < 3600 for at in times),
                              "clock-skew: all times", times)


# ---- where faults do not act -------------------------------------------------------------------

def test_faults_of_others_leave_runs_alone(given):
    with steps(given) as simulator:
        for fault in ("slow-detail=100000", "no-events-route", "clock-skew=5"):
            stream = faulty(simulator, fault).read()
            given.checks.equal((stream.names, stream.end), (["ping"] + EVENTS, "last-chunk"),
                               "%s does nothing to a run" % fault)
        given.checks.equal(simulator.stats()["faults"], 0, "and is not counted")


def test_faults_of_runs_leave_others_alone(given):
    for fault in OF_STREAMS + OF_RUNS:
        options = ["--fault", fault + ",skip=1"]  # the run itself is not met
        with steps(given, *options) as simulator:
            run = simulator.start({"word": "ä"}).read().run
            for path in ("/v1/info", "/v1/parameters", "/v1/workflows/logs",
                         "/v1/workflows/run/" + run):
                status = simulator.whole("GET", path)[0]
                given.checks.equal(status, 200, "%s does nothing to %s" % (fault, path))
                status = simulator.whole("GET", path, fault=fault)[0]
                given.checks.equal(status, 200, "%s by the field, neither" % fault)
            given.checks.equal(simulator.whole("POST", "/v1/workflows/tasks/x/stop",
                                               {"user": "u"}, fault=fault)[0], 200,
                               "%s does nothing to a stop" % fault)
            if fault in OF_RUNS:
                stream = simulator.events(run, fault=fault).read()
                given.checks.equal((stream.names, stream.end),
                                   (["workflow_finished"], "last-chunk"),
                                   "%s does nothing to the events endpoint" % fault)
            given.checks.equal(simulator.stats()["faults"], 0, "%s is not counted" % fault)


def test_stream_faults_leave_blocking_answers_alone(given):
    with steps(given) as simulator:
        for fault in OF_STREAMS:
            with simulator.post_run({"word": "ä"}, mode="blocking", fault=fault) as connection:
                said = json.loads(connection.read_head().body())
                given.checks.equal(said["data"]["outputs"], {"result": "ä"},
                                   "%s in blocking mode" % fault)


# ---- how often ---------------------------------------------------------------------------------

def pattern(simulator, count, fault=None):
    """For each of so many runs whether it lost its end."""
    return "".join("." if simulator.start({"word": "a"}, fault=fault).read().finish else "x"
                   for _ in range(count))


def test_times_and_skip(given):
    for words, wanted in (("", "xxxxxx"), (",times=2", "xx...."), (",skip=2", "..xxxx"),
                          (",skip=1,times=3", ".xxx.."), (",times=0", "......"),
                          (",p=0", "......"), (",p=1,times=1", "x.....")):
        with steps(given, "--fault", "end-after-events=3" + words) as simulator:
            given.checks.equal(pattern(simulator, 6), wanted, "end-after-events=3" + words)
            given.checks.equal(simulator.stats()["faults"], wanted.count("x"),
                               "faults are counted" + words)


def test_other_requests_do_not_use_a_fault_up(given):
    with steps(given, "--fault", "end-after-events=3,times=1,skip=1") as simulator:
        for _ in range(3):
            simulator.whole("GET", "/v1/info")
            simulator.logs()
        given.checks.equal(pattern(simulator, 4), ".x..", "only runs count")


def test_the_first_that_strikes_acts(given):
    with steps(given, "--fault", "end-after-events=1,times=1", "--fault",
               "end-after-events=2,times=1", "--fault", "close-after-events=3,skip=1") as simulator:
        found = [faulty(simulator, None).read() for _ in range(4)]
        given.checks.equal([(len(stream.events), stream.end) for stream in found],
                           [(1, "last-chunk"), (2, "last-chunk"), (11, "last-chunk"),
                            (3, "eof-premature")], "faults in their order")
        stream = faulty(simulator, "end-after-events=5").read()
        given.checks.equal((len(stream.events), stream.end), (5, "last-chunk"),
                           "the field comes before the options")


def chances(given, seed, chance):
    with Simulator(given.build, given.scenario(STEPS), "--seed", seed, "--speed", "0",
                   "--fault", "end-after-events=3,p=%s" % chance, key=KEY) as simulator:
        return pattern(simulator, 60)


def test_probability_replays(given):
    first, again, other = (chances(given, seed, "0.3") for seed in ("7", "7", "8"))
    given.checks.equal(again, first, "the same seed, the same faults")
    given.checks.true(other != first, "another seed, other faults", other)
    given.checks.true(3 <= first.count("x") <= 36, "about three in ten", first)
    half = chances(given, "7", ".5")
    given.checks.true(12 <= half.count("x") <= 48, "about one in two", half)
    given.checks.equal(chances(given, "7", "1.0"), "x" * 60, "p=1.0 is always")


def test_probability_by_the_field(given):
    found = []
    for _ in range(2):
        with Simulator(given.build, given.scenario(STEPS), "--seed", "3", "--speed", "0",
                       key=KEY) as simulator:
            found.append(pattern(simulator, 40, "end-after-events=3,p=0.5"))
    given.checks.equal(found[1], found[0], "p= by the field replays, too")
    given.checks.true(8 <= found[0].count("x") <= 32, "and is drawn", found[0])


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "sim.faults",
               "%d faults by raw sockets" % len(NAMES))
