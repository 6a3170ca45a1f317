"""difystream run, beside a simulated Dify: outputs, one clear line for what is wrong, recordings,
signals.

usage: run.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import json
import os
import resource
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import followed
import runner
import support
from followed import KEY, Command, dify

GOOD = ("run", "-i", "word=Wort", "-i", "count=2.50")


def test_outputs(given):
    checks = given.checks
    with dify(given) as sim:
        command = Command(given, sim)
        ran = command.run(*GOOD)
        checks.equal(ran.status, 0, "a run that succeeds")
        checks.equal(ran.result["data"]["workflow_outputs"], {"result": "Wort"}, "its outputs")
        checks.true(ran.lines[0].split()[-2] == "run" and len(ran.lines[0].split()[-1]) == 36,
                    "the run's own id comes first", ran.err)
        checks.equal(command.journals(), [], "its journal is gone")
        run = ran.result["data"]["workflow_run_id"]
        checks.equal(json.loads(sim.detail(run)["inputs"])["count"], 2.5, "a number is sent as one")
        ran = command.run(*GOOD, "-o", "summary", "--quiet")
        checks.true(ran.out.startswith("succeeded\n") and "Write" in ran.out, "a summary", ran)
        checks.equal(ran.err, "", "nothing with --quiet")
        ran = command.run(*GOOD, "--output=jsonl", "-q")
        lines = [json.loads(line) for line in ran.out.splitlines()]
        checks.equal([lines[0]["type"], lines[-2]["type"], lines[-1]["type"]],
                     ["workflow_started", "workflow_finished", "result"], "an event a line")
        checks.equal(lines[-1]["data"]["data"]["event_count"], len(lines) - 1, "all of them")
        ran = command.run(*GOOD, "--verbose")
        checks.true("new -> checking (started)" in ran.err and "submitting -> streaming" in ran.err,
                    "each step with --verbose", ran)
        ran = command.run(*GOOD, "-i", "wrod=x")
        checks.true(ran.status == 0 and "wrod is no input of the app: Dify drops it" in ran.err,
                    "an input that the app does not have", ran)
        ran = command.run(*GOOD, "--no-journal")
        checks.true(" run 0" not in ran.err and ran.status == 0, "no journal, no id", ran)
        ran = command.run(*GOOD, "--blocking")
        checks.equal([ran.status, ran.result["data"]["workflow_outputs"]], [0, {"result": "Wort"}],
                     "a blocking call")
        ran = command.run("run", "--inputs", "-", stdin=b'{"word": "a", "count": 1}')
        checks.equal([ran.status, ran.result["data"]["outputs"]["result"]], [0, "a"],
                     "inputs from standard input")
        ran = command.run("run", "--query", "Na?", app="talk")
        checks.equal([ran.status, ran.result["data"]["answer"]], [0, "You said: Na?"], "a chatflow")
        checks.equal(sim.stats()["posts"], sim.stats()["runs_started"], "no request too many")


def test_failed(given):
    checks = given.checks
    with dify(given) as sim:
        command = Command(given, sim)
        ran = command.run("run", app="fails")
        checks.equal([ran.status, ran.result["code"]], [1, "workflow_failed"], "a run that fails")
        checks.true("broke." in ran.err and "\x1b" not in ran.err, "no escapes of a server", ran)
        checks.equal(command.journals(), [], "its journal is gone")
        ran = command.run("run", app="partial")
        checks.equal([ran.status, ran.result["code"]], [1, "workflow_partial_succeeded"], "in part")
        ran = command.run("run", "--accept-partial", app="partial")
        checks.equal([ran.status, ran.result["success"]], [0, True], "which may be enough")


def test_complaints(given):
    """One line for each thing that is wrong, and nothing of a run."""
    checks = given.checks
    bad = os.path.join(given.folder, "bad.json")
    with open(bad, "w", encoding="utf-8") as file:
        file.write("[1]")
    nowhere = os.path.join(given.folder, "nothing-is-kept")
    with dify(given) as sim:
        command = Command(given, sim)
        closed = {"DIFY_BASE_URL": "http://127.0.0.1:1/v1"}
        wrong_host = {"DIFY_BASE_URL": "http://no-such-host.invalid/v1"}
        cases = [
            (("run",), {}, 3, "word is required in input form; count is required"),
            (("run", "-i", "word=x", "-i", "count=x"), {}, 3, "count"),
            (GOOD, {"DIFY_API_KEY": "app-nobody"}, 3, "DIFY_API_KEY"),
            (GOOD, closed, 7, "127.0.0.1:1"),
            (GOOD, wrong_host, 7, "no-such-host.invalid"),
            (("run", "-i", "word"), {}, 2, "NAME=VALUE"),
            (("run", "-i", "word=@/no/such/file"), {}, 2, "/no/such/file"),
            (("run", "-i", "word=@home"), {}, 2, "is the path right? The text @home would be "
                                                "word=@@home"),
            (("run", "-i", "word=@"), {}, 2, "NAME=@FILE"),
            (GOOD + ("--blocking", "--record", nowhere), {}, 2, "--record keeps streams"),
            (GOOD + ("--record", nowhere), {"USE_STREAMING": "no"}, 2, "--record keeps streams"),
            (("run",) + ("-i", "word=x") * 101, {}, 2, "at most 100 options"),
            (("run", "-i", "word=@" + given.folder), {}, 2, given.folder),
            (("run", "--inputs", "/no/such/file"), {}, 2, "/no/such/file"),
            (("run", "--inputs", bad), {}, 2, "no JSON object"),
            (GOOD + ("--user", "u" * 256), {}, 2, "255"),
            (GOOD, {"DIFYSTREAM_SPEED": "0"}, 2, "DIFYSTREAM_SPEED"),
            (("run",), {"DIFY_API_KEY": "app-talk"}, 3, "--query"),
            (("run", "-i", "word=@" + bad, "-i", "count=1"), {}, 3, "word"),
        ]
        for words, environment, status, said in cases:
            ran = command.run(*words, environment=environment)
            what = " ".join(words)[:60] + " %s" % environment
            checks.equal(ran.status, status, what + ": the status")
            checks.true(len(ran.lines) == 1 and ran.err.startswith("difystream run: ") and
                        said in ran.err, what + ": one line", ran)
            checks.true(KEY not in ran.err + ran.out and "app-nobody" not in ran.err + ran.out,
                        what + ": no key")
            if status != 2:
                checks.equal(ran.result["success"], False, what + ": a result")
        checks.equal(sim.stats()["runs_started"], 0, "nothing was run")
        checks.equal(command.journals(), [], "no journal is left")


def test_upload(given):
    checks = given.checks
    picture = os.path.join(followed.ROOT, "examples", "label.png")
    with dify(given) as sim:
        command = Command(given, sim)
        ran = command.run("run", "-i", "images=@" + picture, "-i", "images=@" + picture,
                          app="picture")
        checks.equal(ran.status, 0, "a run with two files")
        checks.true("uploading 2 files" in ran.err, "it says what takes its time", ran)
        ran = command.run("run", "-i", "images=@@x", app="picture")
        checks.equal(ran.status, 3, "a text for a file")


SINGLE = """
apps:
  - name: single
    mode: workflow
    inputs: [{name: paper, type: file, file_types: [image, document, audio]}]
    runs: [{nodes: [start, end]}]
"""


def test_kinds(given):
    """A file is called what Dify will find by its name, else by its media type: anything else is
    300 s of silence."""
    checks = given.checks
    files = {"voice.m4a": b"\0\0\0\x20ftypisom\0\0\2\0", "scan.bmp": b"BM\0\0", "a.pptx": b"PK",
             "lies.txt": b"\x89PNG\r\n\x1a\n", "picture": b"\x89PNG\r\n\x1a\n",
             "with.dots.TIFF": b"II*\0"}
    with dify(given, scenario=given.scenario(SINGLE)) as sim:
        command = Command(given, sim)
        for name, content in files.items():
            path = os.path.join(given.folder, name)
            with open(path, "wb") as file:
                file.write(content)
            ran = command.run("run", "-i", "paper=@" + path, app="single")
            checks.equal(ran.status, 0, name + ": a run with it")
        path = os.path.join(given.folder, "a.zip")
        with open(path, "wb") as file:
            file.write(b"PK\3\4")
        ran = command.run("run", "-i", "paper=@" + path, app="single")
        checks.equal([ran.status, ran.result["message"]],
                     [3, "File validation failed for file: a.zip"], "a kind that is not taken")
        checks.equal(sim.stats()["runs_started"], len(files), "it was not sent")


def test_record(given):
    checks = given.checks
    where = os.path.join(given.folder, "recorded")
    with dify(given) as sim:
        command = Command(given, sim)
        ran = command.run(*GOOD, "--record", where)
        again = command.run("fold", os.path.join(where, "response.body"))
        checks.equal(again.result, ran.result, "a recording can be folded")
        request = json.loads(support.read(where, "request.json"))
        checks.equal([request["path"], request["body"]["inputs"]],
                     ["/v1/workflows/run", {"word": "Wort", "count": 2.5}], "its request")
        text = b"".join(support.read_bytes(path) for path in support.files_below(where, ""))
        checks.true(KEY.encode() not in text, "no key in a recording")
        twice = command.run(*GOOD, "--record", where)
        checks.equal([twice.status, len(twice.lines)], [2, 1], "never over another one")
        started = sim.stats()["runs_started"]
        checks.equal(started, 1, "nothing was run for it")
    with dify(given, scenario=where) as sim:
        played = Command(given, sim).run(*GOOD, app="recorded")
        checks.equal(followed.meaning(played.result), followed.meaning(ran.result),
                     "a recording can be played")
    with dify(given, "--fault", "reset-after-events=5,times=1") as sim:
        where = os.path.join(given.folder, "resumed")
        ran = Command(given, sim).run(*GOOD, "--record", where)
        checks.equal([ran.status, ran.result["data"]["resumed"]], [0, 1], "a run taken up again")
        checks.true("reset" in ran.err and "taken up again" in ran.err, "it says so", ran)
        request = json.loads(support.read(where, "resumed-1", "request.json"))
        checks.true(request["method"] == "GET" and "/events?user=" in request["path"],
                    "the second stream stands below the first", request)
    for release in ("1.14.2", "1.16.1"):
        with dify(given, "--release", release, "--fault", "reset-after-events=5,times=1") as sim:
            where = os.path.join(given.folder, "resumed-" + release)
            ran = Command(given, sim).run(*GOOD, "-u", "Zoë & Co", "--record", where)
            checks.equal(ran.status, 0, "a user that stands in an address")
        paths = [json.loads(support.read(where, name, "request.json"))["path"]
                 for name in sorted(os.listdir(where)) if name.startswith("resumed-")]
        asked = [line.split()[1] for line in sim.log if line.startswith("GET /v1/workflow/")]
        checks.equal([path for path in paths if path not in asked], [], "requests as they were sent")


def test_stop(given):
    checks = given.checks
    with dify(given) as sim:
        command = Command(given, sim)
        process = command.start("run", app="held")
        followed.read_until(process, "started     code")
        process.send_signal(signal.SIGINT)
        ran = command.end(process)
        checks.equal([ran.status, ran.result["code"]], [1, "workflow_stopped"], "SIGINT stops the run")
        checks.true("once more leaves it running" in ran.err, "it says what it does", ran)
        run = ran.result["data"]["workflow_run_id"]
        checks.equal(sim.until(lambda: sim.truth(run)["state"], lambda state: state == "ended"),
                     "ended", "at Dify too")
        checks.equal(command.journals(), [], "its journal is gone")


def test_stop_refused(given):
    checks = given.checks
    with dify(given, "--fault", "500,on=stop,times=2", speed=20) as sim:
        command = Command(given, sim)
        process = command.start("run", app="held", environment={"DIFYSTREAM_SPEED": "20"})
        followed.read_until(process, "started     code")
        process.send_signal(signal.SIGINT)
        ran = command.end(process)
        checks.equal([ran.status, ran.result["code"]], [1, "workflow_stopped"], "stopped at last")
        told = [line for line in ran.lines if "the run is not stopped: " in line]
        checks.true(len(told) == 1 and told[0].endswith("Internal Server Error; it is tried again"),
                    "why it took longer is told once", ran)


def test_not_sent(given):
    """Interrupted while a server that says nothing is asked about its app."""
    checks = given.checks
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = Command(given, None)
        where = {"DIFY_BASE_URL": "http://127.0.0.1:%d/v1" % silent.getsockname()[1]}
        process = command.start("run", environment=where)
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        ran = command.end(process)
        connection.close()
        checks.equal([ran.status, ran.result["code"]], [130, "cancelled"], "nothing was sent")
        checks.true("nothing was run" in ran.err and len(ran.lines) == 1, "it says so", ran)
        checks.equal(command.journals(), [], "no journal")


def test_leave(given):
    checks = given.checks
    with dify(given, "--fault", "queued=100000") as sim:
        command = Command(given, sim)
        process = command.start("run", app="held")
        own = followed.read_until(process, "run 0")[-1].split()[-1]
        process.send_signal(signal.SIGINT)
        followed.read_until(process, "once more")
        process.send_signal(signal.SIGINT)
        ran = command.end(process)
        checks.equal([ran.status, ran.result["code"]], [130, "cancelled"], "SIGINT twice leaves it")
        checks.true(ran.lines[-1].endswith("difystream resume " + own), "how to take it up", ran)
        checks.equal(len(command.journals()), 1, "its journal stays")
        checks.true(KEY.encode() not in command.kept(), "no key in a journal")
    for number in (signal.SIGTERM, signal.SIGHUP):
        with dify(given) as sim:
            command = Command(given, sim)
            process = command.start("run", "--no-journal", "--user", "u", app="held")
            followed.read_until(process, "started     code")
            process.send_signal(number)
            ran = command.end(process)
            checks.equal([ran.status, ran.result["code"]], [130, "cancelled"], "a signal leaves it")
            run = ran.result["data"]["workflow_run_id"]
            checks.true(ran.lines[-1].endswith("difystream resume --user 'u' " + run),
                        "without a journal by Dify's id", ran)
            checks.equal(sim.detail(run, key="app-held")["status"], "running", "it goes on")


def test_output_lost(given):
    """Who reads nothing more gets the run's result by its journal."""
    checks = given.checks
    with dify(given) as sim:
        command = Command(given, sim)
        with open("/dev/full", "wb") as full:
            ran = command.end(command.start(*GOOD, stdout=full))
        checks.equal(ran.status, 2, "the status")
        checks.true("could not be written" in ran.err and "difystream resume" in ran.err,
                    "it says that, and how to have the result", ran)
        checks.equal(len(command.journals()), 1, "its journal stays")
        process = command.start(*GOOD, "-o", "jsonl")
        process.stdout.close()
        process.stdout = None
        ran = command.end(process)
        checks.equal(ran.status, 2, "a closed pipe")
        runs = sim.truths()["data"]
        checks.equal([run["state"] for run in runs], ["ended", "ended"], "followed to their ends")


def test_journal_lost(given):
    """A run does not fail for its journal."""
    checks = given.checks
    with dify(given) as sim:
        command = Command(given, sim)
        blocked = os.path.join(given.folder, "no-folder")
        with open(blocked, "w", encoding="utf-8"):
            pass
        ran = command.run(*GOOD, environment={"XDG_STATE_HOME": blocked})
        checks.equal(ran.status, 0, "without a folder")
        checks.true("cannot be taken up" in ran.err, "it says so once", ran)
        ran = command.end(command.start(*GOOD, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (600, 600))))
        checks.equal(ran.status, 0, "on a full disk")
        checks.equal(ran.err.count("cannot be taken up"), 1, "it says so once")


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "cli.run",
               "outputs, complaints, recordings, signals, journals that cannot be had")
