"""Faults that are sent to one kind of request, faults of any request, cuts that are drawn, events
that are lost behind a snapshot; and feedback, which such faults can meet.

usage: faults_on.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import library
import runner
import wire
from faults import EVENTS, STEPS
from server import Simulator

FORM = """
  - name: form
    inputs: [{name: q}]
    runs:
      - recording: %s/human-input/approve/streaming
        resumed: %s/human-input/approve/events-resume-snapshot-continue
  - name: completion
    mode: completion
    runs: [{answer: Hello}]
""" % (library.ROOT, library.ROOT)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
MODES = (("chat", "chat-messages"), ("chatflow", "chat-messages"),
         ("completion", "completion-messages"))


def dify(given, *options, speed="1000", release="1.14.2"):
    return Simulator(given.build, given.scenario(STEPS + FORM), "--seed", "1", "--speed", speed,
                     "--release", release, *options, key="app-steps")


def is_reset(connection):
    try:
        connection.read_head()
        return False
    except wire.Broken:
        return connection.was_reset and not connection.buffer


def requests(sim):
    """A request of each kind by its name, with the status that it gets: (method, path, body)."""
    run = sim.start({"word": "a"}).read()
    paused = sim.start({"q": "a"}, key="app-form").read()
    token = paused.said[-2]["data"]["form_token"]
    return {
        "run": ("POST", "/v1/workflows/run", {"inputs": {}, "user": "u-1",
                                              "response_mode": "blocking"}),
        "events": ("GET", "/v1/workflow/%s/events?user=u-1" % run.run, None),
        "detail": ("GET", "/v1/workflows/run/" + run.run, None),
        "logs": ("GET", "/v1/workflows/logs", None),
        "parameters": ("GET", "/v1/parameters", None),
        "info": ("GET", "/v1/info", None),
        "meta": ("GET", "/v1/meta", None),
        "site": ("GET", "/v1/site", None),
        "stop": ("POST", "/v1/workflows/tasks/%s/stop" % run.task, {"user": "u-1"}),
        "form": ("GET", "/v1/form/human_input/" + token, None),
    }


def key_of(kind):
    return "app-form" if kind == "form" else None


# ---- one kind of request -----------------------------------------------------------------------

def test_a_fault_meets_the_kind_it_is_sent_to(given):
    for fault, wanted in (("proxy-502", 502), ("proxy-503", 503), ("proxy-504", 504), ("500", 500),
                          ("429=7", 429), ("401", 401), ("slow=1", 200)):
        with dify(given) as sim:
            kinds = requests(sim)
            for sent_to in kinds:
                faults = sim.stats()["faults"]
                for kind, (method, path, body) in kinds.items():
                    status, _ = sim.whole(method, path, body, key=key_of(kind),
                                          fault="%s,on=%s" % (fault, sent_to))
                    given.checks.equal(status, wanted if kind == sent_to else 200,
                                       "%s,on=%s meets %s" % (fault, sent_to, kind))
                given.checks.equal(sim.stats()["faults"] - faults, 1, "and is counted once")


def test_resets_meet_the_kind_they_are_sent_to(given):
    for fault in ("reset", "reset-before-run"):
        with dify(given) as sim:
            for kind, (method, path, body) in requests(sim).items():
                connection = sim.send(method, path, body, key=key_of(kind),
                                      fault="%s,on=%s" % (fault, kind))
                given.checks.true(is_reset(connection), "%s,on=%s" % (fault, kind))
            given.checks.equal(sim.stats()["runs_started"], 3 if fault == "reset" else 2,
                               fault + ": whether the run is started")


def test_a_proxys_page_is_the_same_everywhere(given):
    with dify(given) as sim:
        for kind in ("run", "detail", "events"):
            method, path, body = requests(sim)[kind]
            with sim.ask(method, path, body, fault="proxy-503,on=" + kind) as connection:
                page = connection.body().decode("ascii")
            given.checks.true("503 Service Temporarily Unavailable" in page and "nginx" in page,
                              kind, page)
            given.checks.equal((connection.header("Server"), connection.header("X-Version"),
                                connection.header("Content-Type")), ("nginx", None, "text/html"),
                               kind + ": it is not Dify's")


def test_uploads_and_forms_are_carried_out_behind_their_faults(given):
    with dify(given) as sim:
        head = {"Content-Type": "multipart/form-data; boundary=XXX"}
        body = wire.multipart(head, {"user": "u-1"}, {
            "field": "file", "name": "a.txt", "content_type": "text/plain", "size": 10})
        for fault in ("reset,on=upload", "reset-before-run,on=upload"):
            given.checks.true(is_reset(sim.send("POST", "/v1/files/upload", body, fields=head,
                                                fault=fault)), fault)
        given.checks.equal(sim.whole("POST", "/v1/files/upload", body, fields=head,
                                     fault="proxy-504,on=upload")[0], 504, "an upload")
        path = requests(sim)["form"][1]
        form = {"inputs": {"comment": "yes"}, "action": "approve", "user": "u-1"}
        status, _ = sim.whole("POST", path, form, key="app-form", fault="500,on=form")
        given.checks.equal(status, 500, "a form that is not taken")
        status, _ = sim.whole("POST", path, form, key="app-form", fault="proxy-502,on=form")
        given.checks.equal(status, 502, "a form that is taken, whatever the proxy says")
        status, said = sim.whole("POST", path, form, key="app-form")
        given.checks.equal((status, said["code"]), (412, "human_input_form_submitted"), "was taken")


def test_by_the_option(given):
    with dify(given, "--fault", "500,on=logs,times=1,skip=1") as sim:
        found = [sim.whole("GET", "/v1/" + path)[0] for path in
                 ("info", "workflows/logs", "info", "workflows/logs", "workflows/logs")]
        given.checks.equal(found, [200, 200, 200, 500, 200], "other kinds do not use it up")
    with dify(given, "--fault", "reset-after-events=2,on=events") as sim:
        stream = sim.start()
        given.checks.equal(stream.read().events, EVENTS, "not of the POST's stream")
        with sim.start(key="app-held") as live:
            live.take(5)
            reader = sim.events(live.run, snapshot=True, key="app-held").read()
        given.checks.equal((reader.events, reader.end), (EVENTS[:2], "reset"), "but of a reader's")


# ---- any request -------------------------------------------------------------------------------

def test_slow(given):
    with dify(given, speed="1") as sim:
        for send in (lambda fault=None: sim.send("GET", "/v1/info", fault=fault),
                     lambda fault=None: sim.post_run(mode="blocking", fault=fault)):
            slow = send("slow=100000")
            with send() as other:
                given.checks.equal(other.read_head().status, 200, "another one is not slow")
            given.checks.true(not slow.has_come(), "nothing comes at once")
            slow.close()
        given.checks.equal((sim.stats()["posts"], sim.stats()["runs_started"]), (2, 1),
                           "a slow run has not begun")
    with dify(given) as sim:
        stream = sim.start({"word": "a"}, fault="slow=100")
        given.checks.equal((stream.read().events, stream.end), (EVENTS, "last-chunk"),
                           "a slow run is whole")


def test_500_of_a_run(given):
    with dify(given) as sim:
        status, said = sim.whole("POST", "/v1/workflows/run", {"inputs": {}, "user": "u-1"},
                                 fault="500")
        given.checks.equal((status, said), (500, {"message": "Internal Server Error",
                                                  "code": "unknown", "status": 500}), "Dify's 500")
        truth = sim.truths("user=u-1")
        given.checks.equal((truth["posts"], truth["started"]), (1, 0), "no run was started")


def test_busy(given):
    for release in library.RELEASES:
        with dify(given, release=release) as sim:
            for mode in ("streaming", "blocking"):
                with sim.post_run(mode=mode, fault="busy").read_head() as connection:
                    said = json.loads(connection.body())
                given.checks.true(
                    (connection.status, said["code"], said["status"]) == (400, "invalid_param", 400)
                    and said["message"].startswith("Too many requests. Please try again later. The "
                                                   "current maximum concurrent requests allowed "
                                                   "for ") and said["message"].endswith(" is 1."),
                    "busy: " + mode, said)
            given.checks.equal(sim.post_run(key="app-none", fault="busy").read_head().status, 401,
                               "busy: the key comes first")
            given.checks.equal((sim.stats()["runs_started"], sim.truths("user=u-1")["posts"]),
                               (0, 2), "busy: no run")


# ---- cuts that are drawn -----------------------------------------------------------------------

def cuts(given, fault, seed, count=40):
    with Simulator(given.build, given.scenario(STEPS), "--seed", seed, "--speed", "0", "--fault",
                   fault, key="app-steps") as sim:
        streams = [sim.start({"word": "a"}).read() for _ in range(count)]
        for stream in streams:
            given.checks.equal(stream.events, EVENTS[:len(stream.events)], fault + ": the first")
        return [len(stream.events) for stream in streams], {stream.end for stream in streams}


def test_cuts_anywhere(given):
    for fault, end in (("reset-anywhere=11", "reset"), ("close-anywhere=11", "eof-premature")):
        found, ends = cuts(given, fault, "7")
        given.checks.equal(ends, {end}, fault + ": how it ends")
        given.checks.true(len(set(found)) > 6 and max(found) <= 11, fault + ": where", found)
        given.checks.equal(cuts(given, fault, "7")[0], found, fault + ": the same seed, the same")
        given.checks.true(cuts(given, fault, "8")[0] != found, fault + ": another seed")
    given.checks.equal(cuts(given, "reset-anywhere=0", "7", 5)[0], [0] * 5, "reset-anywhere=0")
    found, ends = cuts(given, "reset-anywhere=1000000", "7", 5)
    given.checks.equal((found, ends), ([11] * 5, {"last-chunk"}), "beyond the end")
    with dify(given) as sim, sim.start(key="app-held") as live:
        live.take(5)
        reader = sim.events(live.run, snapshot=True, key="app-held",
                            fault="close-anywhere=3").read()
        given.checks.true(len(reader.events) <= 3 and reader.end == "eof-premature",
                          "a reader's", reader.names)


# ---- behind a snapshot -------------------------------------------------------------------------

def resumed(given, sim, **more):
    """What a reader gets of a run that waited for its form, and gets it once the reader is there."""
    live = sim.start({"q": "a"}, key="app-form").read()
    token = live.said[-2]["data"]["form_token"]
    reader = sim.events(live.run, snapshot=True, continues=True, key="app-form", **more)
    reader.until("workflow_paused")
    count = len(reader.events)
    status, _ = sim.whole("POST", "/v1/form/human_input/" + token, {
        "inputs": {"comment": "yes"}, "action": "approve", "user": "u-1"}, key="app-form")
    given.checks.equal(status, 200, "the form is taken")
    reader.read()
    truth = sim.until(lambda: sim.truth(live.run), lambda truth: truth["state"] == "ended")
    return reader.events[count:], reader, truth


def test_lost_in_window(given):
    with dify(given) as sim:
        whole, _, truth = resumed(given, sim)
        given.checks.true(all(node["seen"] for node in truth["nodes"]), "all was seen", truth)
        for count in (0, 1, 3, len(whole) - 1):
            events, reader, _ = resumed(given, sim, fault="lost-in-window=%d" % count)
            given.checks.equal((events, reader.end), (whole[count:], "last-chunk"),
                               "lost-in-window=%d" % count)
        events, reader, truth = resumed(given, sim, fault="lost-in-window=%d" % len(whole))
        given.checks.equal((events, reader.end, truth["outcome"]), ([], "last-chunk", "succeeded"),
                           "the end was lost, too: pings, and an end by silence")
        given.checks.true(reader.names[-1] == "ping", "it pings meanwhile", reader.names[-3:])
        given.checks.true(not all(node["seen"] for node in truth["nodes"]), "nodes were lost",
                          truth)


def test_an_end_that_is_lost_in_the_window(given):
    for snapshot in (True, False):
        with dify(given) as sim:
            live = sim.start(key="app-held")
            live.until("node_finished")
            live.until("node_started")
            reader = sim.events(live.run, snapshot=snapshot, key="app-held",
                                fault="lost-in-window=1")
            if snapshot:
                while len(reader.events) < 4:
                    reader.take(1)
            else:
                reader.take(1)
            sim.stop(live.task, key="app-held")
            live.read()
            given.checks.equal(live.finish["status"], "stopped", "the other stream has the end")
            # Without a snapshot it pings for ever.
            (reader.read() if snapshot else reader.take(20)).connection.close()
            given.checks.equal(reader.finish, None, "this one does not, snapshot %s" % snapshot)


# ---- feedback ----------------------------------------------------------------------------------

def rate(sim, message, rating, app, user="u-1", **more):
    body = {"rating": rating, "user": user, "content": "so so"}
    return sim.whole("POST", "/v1/messages/%s/feedbacks" % message, body, key="app-" + app, **more)


def test_feedback(given):
    with dify(given) as sim:
        for app, path in MODES:
            stream = sim.start(path="/v1/" + path, key="app-" + app, body={"query": "Hi"}).read()
            message = stream.said[0]["message_id"]
            good = (200, {"result": "success"})
            status, said = rate(sim, message, None, app)
            given.checks.equal((status, said["code"], said["message"]), (
                400, "invalid_param", "rating cannot be None when feedback not exists"),
                app + ": there is none to take back")
            for rating in ("like", "dislike", None):
                given.checks.equal(rate(sim, message, rating, app), good, "%s: %s" % (app, rating))
            status, said = rate(sim, message, "good", app)
            given.checks.true((status, said["code"]) == (400, "invalid_param") and
                              "Input should be 'like' or 'dislike'" in said["message"],
                              app + ": another word", said)
            none = (404, {"code": "not_found", "message": "Message Not Exists.", "status": 404})
            for what, answer in (("message", rate(sim, UNKNOWN, "like", app)),
                                 ("user", rate(sim, message, "like", app, user="u-2")),
                                 ("app", rate(sim, message, "like", "steps"))):
                given.checks.equal(answer, none, "%s: another %s" % (app, what))
            status, said = sim.whole("POST", "/v1/messages/%s/feedbacks" % message, {},
                                     key="app-" + app)
            given.checks.equal((status, said["message"]), (400, "Arg user must be provided."),
                               app + ": no user")
        given.checks.equal(rate(sim, "x", "like", "chat")[0], 404, "no message's id")


def test_feedback_behind_its_faults(given):
    with dify(given) as sim:
        stream = sim.start(path="/v1/chat-messages", key="app-chat", body={"query": "Hi"}).read()
        message = stream.said[0]["message_id"]
        for fault, wanted in (("500", 400), ("429", 400), ("401", 400), ("proxy-502", 200)):
            rate(sim, message, "like", "chat", fault=fault + ",on=feedback")
            given.checks.equal(rate(sim, message, None, "chat")[0], wanted,
                               fault + ": whether it was carried out")
        for fault, wanted in (("reset-before-run", 400), ("reset", 200)):
            given.checks.true(is_reset(sim.send(
                "POST", "/v1/messages/%s/feedbacks" % message, {"rating": "like", "user": "u-1"},
                key="app-chat", fault=fault + ",on=feedback")), fault)
            given.checks.equal(rate(sim, message, None, "chat")[0], wanted,
                               fault + ": whether it was carried out")


# ---- what was said -----------------------------------------------------------------------------

def history(sim, conversation, app="chatflow", user="u-1", more="", **options):
    return sim.whole("GET", "/v1/messages?conversation_id=%s&user=%s%s" % (conversation, user, more),
                     key="app-" + app, **options)


def test_history(given):
    with dify(given) as sim:
        for app in ("chat", "chatflow"):
            first = sim.start(path="/v1/chat-messages", key="app-" + app, body={"query": "0"}).read()
            talk = first.said[0]["conversation_id"]
            for number in range(1, 5):
                sim.start(path="/v1/chat-messages", key="app-" + app,
                          body={"query": str(number), "conversation_id": talk}).read()
            sim.start(path="/v1/chat-messages", key="app-" + app, body={"query": "other"}).read()
            rate(sim, first.said[0]["message_id"], "dislike", app)
            status, said = history(sim, talk, app)
            given.checks.equal((status, said["limit"], said["has_more"],
                                [one["query"] for one in said["data"]]),
                               (200, 20, False, ["0", "1", "2", "3", "4"]), app + ": all of it")
            given.checks.true(all(one["answer"] and one["conversation_id"] == talk
                                  for one in said["data"]), app + ": with the answers", said)
            given.checks.equal([one["feedback"] for one in said["data"]],
                               [{"rating": "dislike"}] + 4 * [None], app + ": and the rating")
            ids = [one["id"] for one in said["data"]]
            for more, wanted, has_more in (("&limit=2", ids[3:], True), ("&limit=5", ids, False),
                                           ("&first_id=" + ids[2], ids[:2], False),
                                           ("&limit=1&first_id=" + ids[2], ids[1:2], True),
                                           ("&first_id=" + ids[0], [], False)):
                _, said = history(sim, talk, app, more=more)
                given.checks.equal(([one["id"] for one in said["data"]], said["has_more"]),
                                   (wanted, has_more), app + ": a page, " + more)
            for what, answer in (("conversation", history(sim, UNKNOWN, app)),
                                 ("user", history(sim, talk, app, user="u-2")),
                                 ("app", history(sim, talk, "chat" if app == "chatflow" else
                                                 "chatflow")),
                                 ("first message", history(sim, talk, app, more="&first_id=" + UNKNOWN))):
                given.checks.equal((answer[0], answer[1]["code"]), (404, "not_found"),
                                   "%s: another %s" % (app, what))
            for what, answer in (("no id", history(sim, "nope", app)),
                                 ("no user", history(sim, talk, app, user="")),
                                 ("too many", history(sim, talk, app, more="&limit=101"))):
                given.checks.equal((answer[0], answer[1]["code"]), (400, "invalid_param"),
                                   "%s: %s" % (app, what))
            given.checks.equal(history(sim, talk, app, fault="proxy-502,on=messages")[0], 502,
                               app + ": a fault")
        given.checks.equal(history(sim, UNKNOWN, "steps")[1]["code"], "not_chat_app", "a workflow")


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "sim.faults-on", "faults by place")
