"""difystream resume, beside a simulated Dify: runs whose commands were killed at many moments.

usage: resume.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import json
import os
import re
import signal
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import followed
import runner
import support
from followed import KEY, Command, dify

APPS = followed.APPS + """
  - name: large
    runs:
      - nodes: [start, {id: big, type: code, size: 2000000}, {type: end, outputs: {result: done}}]
  - name: form
    inputs: [{name: q}]
    runs:
      - recording: %(root)s/human-input/approve/streaming
        resumed: %(root)s/human-input/approve/events-resume-snapshot-continue
""" % {"root": os.path.join(followed.ROOT, "tests", "recordings")}


def server(given, *options, **more):
    return dify(given, *options, scenario=given.scenario(APPS), **more)


def kill(process):
    """Whether it was killed; on a busy machine it may have ended before."""
    process.kill()
    process.communicate(timeout=support.DEADLINE_S)
    return process.returncode == -signal.SIGKILL


def finished_in(kept):
    """The ids of the nodes of whose ends a journal holds the events."""
    return {json.loads(line)["data"]["id"] for line in re.findall(rb"data: (\{[ -~]*\})\n", kept)
            if b'"event":"node_finished"' in line}


def check_whole(checks, sim, ran, whole, kept, what):
    """The result is that of the undisturbed run, but for nodes that nobody was shown. What was on
    its way to a command when it was killed is seen, to the simulator, and was not kept."""
    data, expected = ran.result["data"], whole.result["data"]
    checks.equal([ran.status, ran.result["success"]], [0, True], what + ": it succeeds")
    checks.equal([data["workflow_outputs"], data["metadata"]["total_tokens"],
                  data["metadata"]["total_steps"]],
                 [expected["workflow_outputs"], expected["metadata"]["total_tokens"],
                  expected["metadata"]["total_steps"]], what + ": its outputs and totals")
    truth = sim.truth(data["workflow_run_id"])
    unseen = {node["id"] for node in truth["nodes"] if not node["seen"] and not node["container"]}
    incomplete = set(data["metadata"].get("incomplete_nodes", []))
    known = {node["id"] for node in data["nodes"]}  # of some that came unseen nothing is known
    checks.true(unseen & known <= incomplete, what + ": what was not seen is named",
                [unseen, incomplete])
    checks.true(not unseen or not data["metadata"]["complete"], what + ": it says that some is missing")
    checks.equal(incomplete & finished_in(kept), set(), what + ": what was seen is there")
    if not incomplete:
        checks.equal(followed.meaning(ran.result), followed.meaning(whole.result), what + ": equal")
    checks.equal(truth["posts"], 1, what + ": one request")


def killed(command, word, *words, app=None):
    """A run killed once it has said so; its own id, or None if it had ended by itself."""
    process = command.start(*words, app=app)
    lines = followed.read_until(process, word)
    return lines[0].split()[-1] if kill(process) else None


def test_moments(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        whole = command.run("run", app="slow")
        for word in ("started     start", "succeeded   one", "started     two",
                     "succeeded   two", "started     three"):
            own = killed(command, word, "run", app="slow")
            if own is None or not command.journals():
                continue
            checks.true(KEY.encode() not in command.kept() and b"app-slow" not in command.kept(),
                        word + ": no key in it")
            kept = command.kept()
            ran = command.run("resume", own, app="slow")
            check_whole(checks, sim, ran, whole, kept, word)
            if word == "succeeded   two":
                checks.true(len(finished_in(kept)) >= 3, "the journal was read")
            checks.equal(command.journals(), [], word + ": the journal is gone")
        checks.equal(sim.stats()["posts"], sim.stats()["runs_started"], "none was started twice")


def test_before_answer(given):
    checks = given.checks
    with server(given, "--fault", "queued=50,times=1,skip=1") as sim:
        command = Command(given, sim)
        whole = command.run("run", "-i", "word=a", "-i", "count=1")
        process = command.start("run", "-i", "word=b", "-i", "count=1")
        own = followed.read_until(process, "run 0")[0].split()[-1]
        sim.until(sim.stats, lambda stats: stats["posts"] == 2)
        kill(process)
        ran = command.run("resume", own[:30])  # an id's beginning will do
        checks.equal([ran.status, ran.result["data"]["workflow_outputs"]], [0, {"result": "b"}],
                     "a run whose id was never known")
        checks.equal(ran.result["data"]["metadata"]["total_tokens"],
                     whole.result["data"]["metadata"]["total_tokens"], "its totals")
        checks.equal(sim.stats()["posts"], 2, "it is not asked for again")


def test_after_end(given):
    """Killed while it handed over a result that nobody took."""
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        process = command.start("run", app="large")
        own = followed.read_until(process, "succeeded   run")[0].split()[-1]
        kill(process)
        requests = sim.stats()["requests"]
        ran = command.run("resume", own, app="large")
        checks.equal([ran.status, ran.result["data"]["workflow_outputs"]], [0, {"result": "done"}],
                     "the result of a run that had ended")
        checks.equal(ran.result["data"]["metadata"]["complete"], True, "all of it")
        checks.equal(sim.stats()["requests"], requests + 1, "Dify is not asked")  # but for this
        checks.equal(command.journals(), [], "the journal is gone")


def test_names(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        none = command.run("resume")
        checks.equal([none.status, none.out, len(none.lines)], [0, "", 1], "nothing to take up")
        process = command.start("run", "--user", "eva", app="held")
        own = followed.read_until(process, "started     code")[0].split()[-1]
        run = sim.truths("user=eva")["data"][0]["id"]
        for name in (own, own[:30], run, run[:9]):
            ran = command.run("resume", name, app="held")
            checks.equal([ran.status, len(ran.lines)], [2, 1], "one process for a journal")
            checks.true("another" in ran.err, "it says so", ran)
        listed = command.run("resume")
        checks.true(own in listed.out and run in listed.out and "followed" in listed.out,
                    "a list of runs", listed)
        kill(process)
        listed = command.run("resume")
        checks.true(own in listed.out and "left" in listed.out, "a list of runs", listed)
        ran = command.run("resume", "no-such-run", app="held")
        checks.equal([ran.status, len(ran.lines)], [2, 1], "an unknown name")
        checks.true("--user" in ran.err, "what to do", ran)
        other = {"DIFY_BASE_URL": "http://127.0.0.1:1/v1"}
        ran = command.run("resume", own, app="held", environment=other)
        checks.equal([ran.status, len(ran.lines)], [2, 1], "another server's settings")
        checks.true("127.0.0.1:1/" in ran.err and str(sim.port) in ran.err, "both are named", ran)
        for words, environment in ((("resume", run), {"DIFY_BASE_URL": ""}),
                                   (("resume", own), other)):
            if environment == other:
                words += ("--base-url", "http://localhost:%d/v1" % sim.port)
            process = command.start(*words, app="held", environment=environment)
            lines = followed.read_until(process, "started     code")
            process.send_signal(signal.SIGTERM)
            ran = command.end(process)
            checks.equal(ran.status, 130, "left again")
            checks.true(own in "".join(lines) and ran.lines[-1].endswith("resume " + own),
                        "by the same name", ran)
        process = command.start("resume", own, app="held")
        followed.read_until(process, "the run is taken up again")
        process.send_signal(signal.SIGINT)
        ran = command.end(process)
        checks.equal([ran.status, ran.result["code"]], [1, "workflow_stopped"], "stopped at last")
        checks.equal(command.journals(), [], "the journal is gone")


# Of a journal: the type of the record of a stop, and the beginning of its field, a time.
STOPPED = b"\x09\x0e" + struct.pack("<I", 8)


def test_stopped(given):
    """Stopped, and left before its stream said so: its row says `running` for ever."""
    checks = given.checks
    with server(given, "--fault", "stall-after-events=4,on=run") as sim:
        command = Command(given, sim)
        process = command.start("run", app="held", environment={"DIFYSTREAM_SPEED": "1"})
        own = followed.read_until(process, "started     code")[0].split()[-1]
        process.send_signal(signal.SIGINT)
        sim.until(sim.truths, lambda truths: truths["data"][0]["outcome"] == "stopped")
        sim.until(command.kept, lambda kept: STOPPED in kept)
        checks.true(kill(process), "it waits for the stream's word")
        ran = command.run("resume", "--max-time", "3000", own, app="held")
        checks.equal([ran.status, ran.result["code"]], [1, "workflow_stopped"], "it was stopped")
        checks.equal(command.journals(), [], "the journal is gone")


def test_configured(given):
    """A run of an app that the configuration names is taken up with that app's key."""
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        config = os.path.join(given.folder, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("default_app: other\napps:\n")
            for name in ("other", "slow"):
                file.write("  %s: {base_url: %s, api_key: app-%s}\n" % (
                    name, command.environment["DIFY_BASE_URL"], name))
        os.chmod(config, 0o600)
        bare = {"DIFY_BASE_URL": "", "DIFY_API_KEY": ""}
        process = command.start("run", "--config", config, "--app", "slow", environment=bare)
        own = followed.read_until(process, "succeeded   one")[0].split()[-1]
        kill(process)
        ran = command.run("resume", own, "--config", config, environment=bare)
        checks.equal([ran.status, ran.result["data"]["workflow_outputs"]], [0, {"result": "done"}],
                     "with the run's own app")
        process = command.start("run", "--config", config, app="slow")
        own = followed.read_until(process, "succeeded   one")[0].split()[-1]
        kill(process)
        checks.true("other" not in command.run("resume").out, "the environment's key is no app's")
        ran = command.run("resume", own, "--config", config, app="slow")
        checks.equal(ran.status, 0, "with the environment's key")


def test_by_id(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        process = command.start("run", "--user", "ada", "--no-journal", app="slow")
        followed.read_until(process, "succeeded   one")
        kill(process)
        run = sim.truths("user=ada")["data"][0]["id"]
        ran = command.run("resume", run, app="slow")
        checks.equal(ran.status, 2, "whose run?")
        ran = command.run("resume", run, "--user", "ada", app="slow")
        checks.equal([ran.status, ran.result["data"]["workflow_outputs"]], [0, {"result": "done"}],
                     "a run of which nothing was kept")
        ran = command.run("resume", "12345678-1234-4234-8234-123456789012", "--user", "ada",
                          "--max-time", "60", app="slow")
        checks.true(ran.status != 0 and not ran.result["success"], "a run that Dify does not know",
                    ran)


TALK = """
apps:
  - name: talk
    mode: advanced-chat
    runs:
      - nodes:
          - start
          - {id: asks, type: code, seconds: 300}
          - {id: waits, type: code, seconds: 100000}
          - {type: answer, outputs: {answer: "x", files: []}}
"""


def test_chatflow_by_id(given):
    """Its kind is not said, but its stop is that of a chatflow."""
    with dify(given, scenario=given.scenario(TALK)) as sim:
        command = Command(given, sim)
        process = command.start("run", "--query", "Hi", "--user", "ada", "--no-journal", app="talk")
        followed.read_until(process, "started     asks")
        kill(process)
        run = sim.truths("user=ada")["data"][0]["id"]
        process = command.start("resume", run, "--user", "ada", app="talk")
        followed.read_until(process, "waits")
        process.send_signal(signal.SIGINT)
        ran = command.end(process)
        given.checks.equal([ran.status, ran.result["code"]], [1, "workflow_stopped"],
                           "Ctrl-C stops it")


def test_refused_key(given):
    """A key that is refused costs nothing of what was kept."""
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        own = killed(command, "succeeded   one", "run", app="slow")
        ran = command.run("resume", own, app="nobody")
        checks.equal([ran.status, ran.result["code"]], [4, "stream_incomplete"], "a wrong key")
        checks.true("Access token is invalid" in ran.err, "it says why", ran)
        checks.true(ran.lines[-1].endswith("difystream resume " + own), "and how to go on", ran)
        ran = command.run("resume", own, app="slow")
        checks.equal([ran.status, ran.result["data"]["workflow_outputs"]], [0, {"result": "done"}],
                     "with the right one")
        checks.equal(ran.result["data"]["outputs"]["a"], 1, "what was seen before is there")
        checks.equal(command.journals(), [], "the journal is gone")


def test_paused(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        ran = command.run("run", "-i", "q=x", app="form")
        checks.equal([ran.status, ran.result["code"]], [5, "workflow_paused"], "a run that waits")
        own = ran.lines[-1].split()[-1]
        token = ran.lines[-2].split()[-1]
        checks.true("difystream form " in ran.lines[-2], "where its form is", ran)
        checks.true("paused" in command.run("resume").out, "it is listed as that")
        form = "/v1/form/human_input/" + token
        said = sim.whole("GET", form, key="app-form")[1]
        inputs = {field["output_variable_name"]: "yes" for field in said.get("inputs", [])}
        status, answer = sim.whole("POST", form, {
            "inputs": inputs, "action": said["user_actions"][0]["id"], "user": "u"}, key="app-form")
        checks.equal(status, 200, "the form is taken: %s" % answer)
        ran = command.run("resume", own, app="form")
        checks.equal([ran.status, ran.result["data"]["status"]], [0, "succeeded"], "it goes on")
        checks.equal(command.journals(), [], "the journal is gone")


def record_end(data):
    """Where a journal's first record ends."""
    begin = data.index(b"\n") + 1
    return begin + 9 + struct.unpack_from("<I", data, begin)[0]


def test_not_sent(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        own = killed(command, "started     code", "run", app="held")
        path = os.path.join(command.state, "difystream", "runs", command.journals()[0])
        data = support.read_bytes(path)
        with open(path, "wb") as file:
            file.write(data[:record_end(data)])
        checks.true("not sent" in command.run("resume").out, "it is listed as that")
        ran = command.run("resume", own, app="held")
        checks.equal([ran.status, len(ran.lines)], [2, 1], "nothing was run")
        checks.true("nothing was run" in ran.err, "it says so", ran)
        checks.equal(command.journals(), [], "the journal is gone")


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "cli.resume",
               "killed at many moments, names, forms, what was not sent")
