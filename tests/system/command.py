#!/usr/bin/env python3
"""The command from outside: usage, files and pipes, what is printed when, exit statuses."""

import json
import os
import select
import signal
import subprocess

import support

LINE_DEADLINE_S = 20


def event(name, data=None, **more):
    """One server-sent event of Dify's."""
    members = dict({"event": name}, **more)
    if data is not None:
        members["data"] = data
    return b"data: " + json.dumps(members, ensure_ascii=False).encode() + b"\n\n"


def finished(status, **more):
    return event("workflow_started", {"id": "r"}, workflow_run_id="r", task_id="t") + \
        event("workflow_finished", dict({"status": status, "outputs": {"text": "x"}}, **more))


class Command:
    def __init__(self, checks, program, where):
        self.checks, self.program, self.where = checks, program, where

    def run(self, *words, **more):
        ran = support.run([self.program] + list(words), cwd=self.where, **more)
        self.checks.true(not ran.crashed(), "no crash: " + " ".join(words), ran)
        return ran

    def refused(self, *words, **more):
        """Status 2, one line on standard error that names the program, nothing on the other."""
        ran = self.run(*words, **more)
        lines = ran.err.split("\n")
        self.checks.true(ran.status == 2 and not ran.out and len(lines) == 2 and lines[1] == "" and
                         lines[0].startswith("difystream") and ": " in lines[0],
                         "refused with status 2 and one line: %r" % (words,), ran)
        return ran.err

    def file(self, name, content):
        path = os.path.join(self.where, name)
        with open(path, "wb") as file:
            file.write(content)
        return path


def check_usage(command):
    checks = command.checks
    ran = command.run()
    checks.true(ran.status == 2 and not ran.out and "Usage:" in ran.err, "no command: the help", ran)
    good = command.file("good.sse", finished("succeeded"))
    command.file("empty", b"")
    os.mkdir(os.path.join(command.where, "folder"))
    for words, named in (
            (["nonsense"], "nonsense"), (["--bogus"], "--bogus"), (["-x"], "-x"), ([""], "''"),
            (["fold", "--bogus"], "--bogus"), (["fold", "-x"], "-x"), (["fold", "--out"], "--out"),
            (["fold", "--bogus=1"], "--bogus"), (["fold", "--output", "xml"], "xml"),
            (["fold", "--output="], "--output"), (["fold", "-o"], "-o"), (["fold", "-oxml"], "xml"),
            (["fold", "--http=yes"], "--http"), (["fold", "--tts"], "--tts"),
            (["fold", "--read-size"], "--read-size"), (["fold", good, good], good),
            (["sse", good, "-"], "-"), (["events", "--type"], "--type"),
            (["fold", "missing"], "missing"), (["sse", "missing"], "missing"),
            (["events", "missing"], "missing"), (["fold", "folder"], "folder"),
            (["sse", "folder"], "folder"), (["events", "folder"], "folder"),
            (["fold", "--tts", "missing/audio", good], "missing/audio"),
            (["fold", "--tts", "folder", good], "folder"), (["completion"], "completion"),
            (["completion", "tcsh"], "tcsh"), (["man", "x"], "x"), (["help", "nonsense"], "nonsense"),
            (["help", "a", "b"], "b")):
        error = command.refused(*words)
        checks.true(named in error, "the line names %s" % named, error)
    for size in ("0", "x", "", "-1", "+1", " 1", "1k", "0x10", "1.5", "67108865", "99999999999",
                 "99999999999999999999999"):
        for name in ("fold", "sse", "events"):
            checks.true("--read-size" in command.refused(name, "--read-size", size, good),
                        "the line names --read-size")
    for size in ("1", "67108864"):
        checks.equal(command.run("fold", "--read-size", size, good).status, 0, "--read-size " + size)


def check_inputs(command):
    """No operand and "-" are standard input; "--" ends the options."""
    checks = command.checks
    stream = finished("succeeded")
    path = command.file("-dash", stream)
    for name in ("fold", "sse", "events"):
        expected = command.run(name, path)
        checks.true(expected.status == 0 and expected.out and not expected.err, name, expected)
        for words in ([name], [name, "-"], [name, "--", "-dash"], [name, "--", "-"],
                      [name, "--read-size=1", "-"]):
            ran = command.run(*words, stdin=stream)
            checks.equal((ran.status, ran.out, ran.err), (0, expected.out, ""), " ".join(words))
    ran = command.run("fold", stdin=b"")
    checks.true(ran.status == 4 and ran.out.count(b"\n") == 1 and ran.err.count("\n") == 1,
                "an empty stream is incomplete, and one line says that it holds no event", ran)
    for name in ("sse", "events"):
        ran = command.run(name, stdin=b"")
        checks.equal((ran.status, ran.out, ran.err), (0, b"", ""), name + " of nothing")


def check_outputs(command):
    """An output that cannot be written is status 2 and a line, whatever is printed."""
    checks = command.checks
    small = command.file("small.sse", finished("succeeded"))
    large = command.file("large.sse", finished("succeeded", outputs={"text": "x" * 300000}))
    for words in (["--help"], ["--version"], ["man"], ["completion", "bash"], ["fold", small],
                  ["fold", large], ["fold", "--output", "summary", small], ["sse", small],
                  ["sse", large], ["events", small], ["events", large]):
        for what, more in (("full", {}), ("closed", {"preexec_fn": lambda: os.close(1)})):
            with open("/dev/full", "wb") as full:
                ran = command.run(*words, stdout=full, **more)
            lines = ran.err.split("\n")
            checks.true(ran.status == 2 and len(lines) == 2 and "difystream" in lines[0],
                        "standard output %s: %s" % (what, " ".join(words[:2])), ran)
        reader, writer = os.pipe()
        os.close(reader)
        ran = support.run([command.program] + words, stdout=writer)
        os.close(writer)
        checks.true(ran.status == -signal.SIGPIPE and ran.err == "",
                    "quiet where nobody reads: " + " ".join(words[:2]), ran)
    audio = event("tts_message", audio="AAECAwQF", message_id="m")
    stream = audio + finished("succeeded", outputs={"text": "x" * 300000})
    path = os.path.join(command.where, "audio")
    ran = command.run("fold", "--tts", path, stdin=stream, stdout=None,
                      preexec_fn=lambda: os.close(1))
    checks.equal((ran.status, support.read_bytes(path)[:50]), (2, b"\0\1\2\3\4\5"),
                 "with standard output closed the audio's file takes no result")
    kept = os.path.join(command.where, "recording")
    with open(kept, "wb") as file:
        file.write(stream)
    ran = command.run("fold", "--tts", kept, kept)
    checks.equal((ran.status, support.read_bytes(kept)), (2, stream),
                 "audio never goes over the recording itself")
    ran = command.run("fold", "--tts", "/dev/full", stdin=stream)
    checks.true(ran.status == 2 and ran.err.count("\n") == 1 and "/dev/full" in ran.err,
                "audio that cannot be written", ran.err)


class Pipe:
    """A command that is fed piece by piece."""

    def __init__(self, command, *words):
        self.command = command
        self.process = subprocess.Popen([command.program] + list(words), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.waiting = b""

    def write(self, piece):
        try:
            self.process.stdin.write(piece)
        except BrokenPipeError:
            pass

    def line(self):
        """The next line; None if none comes (the deadline is for a broken program only, which is
        then ended: nothing more comes from it)."""
        while b"\n" not in self.waiting:
            if not select.select([self.process.stdout], [], [], LINE_DEADLINE_S)[0]:
                self.process.kill()
            got = os.read(self.process.stdout.fileno(), 65536)
            if got == b"":
                return None
            self.waiting += got
        line, _, self.waiting = self.waiting.partition(b"\n")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        rest = self.waiting + self.process.stdout.read()
        return self.process.wait(support.DEADLINE_S), rest


def check_live(command):
    """Each event's line stands before more input is written."""
    checks = command.checks
    pipe = Pipe(command, "sse", "--all")
    for piece, expected in (
            (b"data: a\n\n", {"type": "message", "data": "a", "id": ""}),
            (b":hello\n", {"comment": "hello"}),
            (b"retry: 10\r\n", {"retry": 10}),
            (b"id: 7\rdata: b\r\r", {"type": "message", "data": "b", "id": "7"}),
            (b"\nevent: x\r\ndata: \xe4\xb8\xad\r\n\r\n", {"type": "x", "data": "中", "id": "7"})):
        pipe.write(piece)
        checks.equal(pipe.line(), expected, "sse answers %r at once" % piece)
    pipe.write(b"data: never ended\n")
    checks.equal(pipe.end(), (0, b""), "an event that was not ended is none")

    pipe = Pipe(command, "events")
    at = 0
    for number in range(5):
        piece = event("node_started", {"index": number})
        pipe.write(b": ping\n\n" + piece)
        checks.equal(pipe.line(), {"offset": at + 8, "type": "node_started", "data": {
            "event": "node_started", "data": {"index": number}}}, "events answers at once")
        at += 8 + len(piece)
    checks.equal(pipe.end(), (0, b""), "events ends")


def check_sse(command):
    checks = command.checks
    stream = b":c1\nretry: 007\ndata: 1\n: c2\n\nretry: 1s\nid\ndata: 2\n\n:c3\n"
    ran = command.run("sse", "--all", stdin=stream, environment={"LAST_EVENT_ID": "上次"})
    first = {"type": "message", "data": "1", "id": "上次"}
    second = {"type": "message", "data": "2", "id": ""}
    checks.equal([json.loads(line) for line in ran.out.splitlines()],
                 [{"comment": "c1"}, {"retry": 7}, {"comment": " c2"}, first, second,
                  {"comment": "c3"}], "sse --all keeps the order of the stream")
    ran = command.run("sse", stdin=stream, environment={"LAST_EVENT_ID": "上次"})
    checks.equal([json.loads(line) for line in ran.out.splitlines()], [first, second],
                 "sse without --all; LAST_EVENT_ID is the first id")


def check_events(command):
    """Offsets and data against the oracle; only pings and bad events are missing."""
    import recorded
    import sse
    checks = command.checks
    streams = [(name, support.read_bytes(at, "response.body"))
               for name, at in support.share(recorded.streams()[::9])]
    streams.append(("made", b"\xef\xbb\xbfevent: ping\r\n\r\n: c\r\n\r\ndata: {\"event\": \r\n"
                            b"data: \"x\", \"n\": 1.50}\r\n\r\n" + event("ping") + event("message")))
    for name, stream in streams:
        if len(stream) > 1 << 20:
            continue
        expected = []
        for item in sse.events(stream):
            if item[0] != "event" or item[2] == "" or json.loads(item[2])["event"] == "ping":
                continue
            data = item[2].replace("\n", " ")
            expected.append('{"offset":%d,"type":%s,"data":%s}' % (
                item[4], json.dumps(json.loads(data)["event"]), data))
        path = command.file("recorded", stream)
        ran = command.run("events", path)
        checks.equal((ran.status, ran.out.decode().split("\n")[:-1], ran.err), (0, expected, ""),
                     "events of " + name)
        if len(stream) < 65536:
            ran = command.run("events", "--read-size", "1", path)
            checks.equal(ran.out.decode().split("\n")[:-1], expected, "byte by byte: " + name)
        kinds = sorted({json.loads(line)["type"] for line in expected})
        for kind in kinds[:4] + ["nonsense"]:
            ran = command.run("events", "--type", kind, path)
            wanted = [line for line in expected if json.loads(line)["type"] == kind]
            checks.equal(ran.out.decode().split("\n")[:-1], wanted, "--type %s: %s" % (kind, name))
    bad = b"data: {\n\n"
    ran = command.run("events", stdin=event("a") + bad + b"data: [1]\n\n" + event("b"))
    lines = ran.err.splitlines()
    at = len(event("a"))
    checks.true(ran.status == 0 and ran.out.count(b"\n") == 2 and len(lines) == 2 and
                "byte %d " % at in lines[0] and "byte %d " % (at + len(bad)) in lines[1],
                "events that are no JSON object are named on standard error", ran)


def check_statuses(command):
    """docs/result.md: the exit status and the code of each end that a stream can tell."""
    checks = command.checks
    for stream, status, code in (
            (finished("succeeded"), 0, None),
            (finished("failed", error="no"), 1, "workflow_failed"),
            (finished("failed", error="Workflow execution failed: User requested stop"), 1,
             "workflow_stopped"),
            (finished("stopped"), 1, "workflow_stopped"),
            (finished("partial-succeeded"), 1, "workflow_partial_succeeded"),
            (finished("strange"), 1, "workflow_strange"),
            (event("error", status=400, code="quota", message="m"), 1, "quota"),
            (event("error", message="m"), 1, "stream_error"),
            (event("workflow_paused", {"status": "paused"}), 5, "workflow_paused"),
            (event("workflow_started", {"id": "r"}), 4, "stream_incomplete"),
            (finished("succeeded")[:-1], 4, "stream_incomplete"),
            (event("message", answer="a"), 4, "stream_incomplete"),
            (event("message", answer="a") + event("message_end"), 0, None)):
        for words in (["fold"], ["fold", "--accept-partial"], ["fold", "--output", "summary"],
                      ["fold", "-osummary", "--read-size", "1"]):
            ran = command.run(*words, stdin=stream)
            accepted = "--accept-partial" in words and code == "workflow_partial_succeeded"
            checks.equal(ran.status, 0 if accepted else status, "status of %s, %s" % (code, words))
            if words[-1] in ("fold", "--accept-partial"):
                result = json.loads(ran.out)
                checks.equal((result["success"], result.get("code")),
                             (True, None) if accepted else (code is None, code),
                             "result of %s" % code)
            elif code is not None:
                checks.true(code.encode() in ran.out, "the summary names " + code, ran)


def check_audio(command, source):
    """--tts writes the audio as it was sent, whatever the reads."""
    import base64
    body = os.path.join(source, "tests", "recordings", "basic-chat-tts", "streaming",
                        "response.body")
    audio = b""
    for line in support.read_bytes(body).splitlines():
        if line.startswith(b"data: {"):
            members = json.loads(line[6:])
            if members["event"] == "tts_message":
                audio += base64.b64decode(members["audio"])
    path = os.path.join(command.where, "audio")
    for size in ("1", "65536"):
        ran = command.run("fold", "--tts", path, "--read-size", size, body)
        command.checks.true(audio != b"" and support.read_bytes(path) == audio,
                            "--tts writes the recorded audio")
        command.checks.equal(json.loads(ran.out)["data"]["tts_bytes"], len(audio), "tts_bytes")


def main():
    given = support.arguments()
    checks = support.Checks()
    with support.folder() as where:
        command = Command(checks, os.path.join(given.build, "difystream"), where)
        check_usage(command)
        check_inputs(command)
        check_outputs(command)
        check_live(command)
        check_sse(command)
        check_events(command)
        check_statuses(command)
        check_audio(command, given.source)
    checks.finish("usage, inputs, outputs, live pipes, events, exit statuses, audio")


if __name__ == "__main__":
    main()
