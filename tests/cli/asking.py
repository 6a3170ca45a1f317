#!/usr/bin/env python3
"""The commands that ask an app one thing, against the simulator: what they print, how they fail, in
one line each, and that no key is seen anywhere."""

import contextlib
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, name) for name in ("system", "sim", "oracle")]

import runner
import server
import support

RELEASES = ("1.12.1", "1.14.2", "1.16.1")
KEY = "app-S3cr3tOfTheTests9876"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
SCENARIO = """
apps:
  - name: echo
    key: %(key)s
    inputs:
      - {name: topic, label: "What “about”", required: true, max_length: 40}
      - {name: case, type: select, options: [good, "bad, too"], default: good}
      - {name: how_many, type: number, default: 3}
      - {name: papers, type: file-list, max_length: 4, file_types: [image, document]}
    runs:
      - when: {inputs: {topic: fail}}
        nodes: [start, {id: c, type: code, error: "it \\u001b[31mbroke"}]
      - when: {inputs: {topic: long}}
        nodes: [start, {id: c, type: code, seconds: 100000}]
      - nodes:
          - start
          - {id: llm, type: llm, seconds: 1, text: "About {{inputs.topic}}.", tokens: 7, price: "0.1"}
          - {type: end, outputs: {text: "About {{inputs.topic}}.", n: 12345678901234567890}}
  - name: talk
    mode: advanced-chat
    runs:
      - nodes: [start, {type: answer, outputs: {answer: hello}}]
  - name: plain
    mode: completion
    runs:
      - answer: hello
  - name: empty
    runs:
      - nodes: [start, {type: end, outputs: {a: 1}}]
  - name: form
    inputs: [{name: q}]
    runs:
      - recording: %(recordings)s/human-input/approve/streaming
        resumed: %(recordings)s/human-input/approve/events-resume-snapshot-continue
"""


class World:
    """A simulator and the command beside it."""

    def __init__(self, given, release, *options):
        self.checks, self.build, self.folder = given.checks, given.build, given.folder
        self.release = release
        text = SCENARIO % {"key": KEY, "recordings": os.path.join(TESTS, "recordings")}
        self.sim = server.Simulator(given.build, given.scenario(text), "--speed", "0", "--seed",
                                    "7", "--release", release, *options, key=KEY)
        self.said = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.sim.__exit__(*error)
        for words, ran in self.said:
            what = "'%s' on %s" % (" ".join(words), self.release)
            self.checks.true(not ran.crashed(), what + " ends by itself", ran.err[-2000:])
            self.checks.true(KEY not in ran.err and KEY.encode() not in (ran.out or b""),
                             what + " shows no key")
            self.checks.true("\x1b" not in ran.err and b"\x1b" not in (ran.out or b""),
                             what + " shows no control characters")

    def run(self, *words, key=KEY, url=None, environment=None, **more):
        given = {name: value for name, value in os.environ.items()
                 if not name.startswith("DIFY") and "proxy" not in name.lower()}
        given.update({"DIFY_API_KEY": key, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder,
                      "DIFY_BASE_URL": url or "http://127.0.0.1:%d/v1" % self.sim.port,
                      "DIFYSTREAM_SPEED": "100", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})
        given.update(environment or {})
        ran = support.Ran(subprocess.run(
            [os.path.join(self.build, "difystream"), *words], env=given,
            stderr=subprocess.PIPE, timeout=server.DEADLINE_S,
            **dict({"stdout": subprocess.PIPE}, **(more or {"stdin": subprocess.DEVNULL}))))
        self.said.append((words, ran))
        return ran

    def on_terminal(self, *words, columns=80, until=None, **environment):
        """What the command draws on a terminal, whole or up to a pattern; it is not waited for
        then."""
        terminal = support.Terminal(columns)
        given = {"DIFY_API_KEY": KEY, "DIFY_BASE_URL": "http://127.0.0.1:%d" % self.sim.port,
                 "HOME": self.folder, "LC_ALL": "C.UTF-8", "TERM": "xterm", "PATH": "/bin"}
        given.update(environment)
        command = terminal.watch(subprocess.Popen(
            [os.path.join(self.build, "difystream"), *words], env=given, stdin=terminal.far,
            stdout=terminal.far, stderr=terminal.far))
        drawn = b""
        while until is None or not re.search(until, drawn):
            got = terminal.read()
            if not got:
                break
            drawn += got
        if until is not None:
            command.kill()
        terminal.close()
        self.checks.equal(command.wait(server.DEADLINE_S), -9 if until else 0,
                          "'%s' on a terminal" % " ".join(words))
        return drawn.decode("utf-8", "replace").replace("\r\n", "\n")

    def good(self, *words, **more):
        """Standard output of a command that has to succeed, and to say nothing else."""
        ran = self.run(*words, **more)
        self.checks.equal((ran.status, ran.err), (0, ""), "'%s' on %s" % (" ".join(words),
                                                                           self.release))
        return ran.out.decode("utf-8")

    def good_json(self, *words, **more):
        out = self.good(*words, **more)
        self.checks.true(out.count("\n") == 1 and out.endswith("\n"), "one line of JSON", out)
        return json.loads(out)

    def bad(self, status, says, *words, **more):
        """A command that has to fail with one line that holds a pattern."""
        ran = self.run(*words, **more)
        what = "'%s' on %s" % (" ".join(words), self.release)
        self.checks.equal((ran.status, ran.out), (status, b""), what + " fails: " + ran.err)
        self.checks.true(ran.err.count("\n") == 1 and ran.err.startswith("difystream " + words[0]),
                         what + " says one line", ran.err)
        self.checks.true(re.search(says, ran.err), "%s says '%s'" % (what, says), ran.err)
        return ran

    def blocking(self, topic="tea", user="u-1", **more):
        """A run that has ended; its answer."""
        body = {"inputs": dict({"topic": topic}, **more)}
        with self.sim.post_run(user=user, mode="blocking", body=body).read_head() as connection:
            return json.loads(connection.body())


def closed_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


# ---- what goes wrong, whatever is asked ----------------------------------------------------------


def failures(given):
    with World(given, "1.14.2") as world:
        for words in (("params",), ("show", UNKNOWN), ("stop", "x", "--kind", "chat")):
            if words[0] != "stop":  # the simulator, as Dify, asks for a good key in any case
                world.bad(3, r"Access token is invalid \(unauthorized\); .*doctor", *words,
                          key="app-wrong")
            world.bad(7, "cannot connect to 127.0.0.1:", *words,
                      url="http://127.0.0.1:%d" % closed_port())
            world.bad(7, r"nowhere\.invalid.*[Rr]esolve.*doctor", *words,
                      url="http://nowhere.invalid/v1")
            world.bad(7, "cannot connect to .*SSL", *words,
                      url="https://127.0.0.1:%d/v1" % world.sim.port)
            world.bad(3, "base URL", *words, url="http://127.0.0.1:%d/v2" % world.sim.port)
            world.bad(2, "DIFY_API_KEY", *words, key="")
            world.bad(2, "DIFYSTREAM_SPEED", *words, environment={"DIFYSTREAM_SPEED": "-1"})
        for words in (("show",), ("stop",), ("show", ""), ("stop", "")):
            world.bad(2, "needs .*--help", *words)
        with socket.socket() as silent:  # takes the connection and says nothing
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = "http://127.0.0.1:%d/v1" % silent.getsockname()[1]
            world.bad(6, "sent nothing for 300 s; --read-timeout", "params", url=url)
            world.bad(6, "--max-time", "params", "--max-time", "0.2", url=url,
                      environment={"DIFYSTREAM_SPEED": "1"})


# ---- show, stop, params --------------------------------------------------------------------------


def show(given):
    for release in RELEASES:
        with World(given, release) as world:
            run = world.blocking("tea “ü”\n", user="u-ü")["workflow_run_id"]
            said = world.good_json("show", run)
            truth = world.sim.detail(run)
            given.checks.equal(said["outputs"], {"text": "About tea “ü”\n.",
                                                 "n": 12345678901234567890}, "outputs are values")
            given.checks.equal(said["inputs"]["topic"], "tea “ü”\n", "inputs are values")
            given.checks.equal({name: said[name] for name in said
                                if name not in ("inputs", "outputs")},
                               {name: truth[name] for name in truth
                                if name not in ("inputs", "outputs")}, "the rest is as it was")
            text = world.good("show", run, "--output", "summary")
            for words in ("succeeded\n", "run       " + run, "tokens    7\n", "steps     3\n",
                          '"n": 12345678901234567890', "seconds   1."):
                given.checks.true(words in text, "the summary of show has " + words, text)
            run = world.blocking("fail")["workflow_run_id"]
            text = world.good("show", run, "-o", "summary")
            given.checks.true(text.startswith("failed\n") and "error " in text,
                              "the summary of a failed run", text)
            world.bad(3, "not[_ ]found", "show", UNKNOWN)
            world.bad(3, "not[_ ]found", "show", run, key="app-empty")
            world.bad(3, "UUID", "show", "no-uuid")


def stop(given):
    for release in RELEASES:
        with World(given, release, "--speed", "20") as world:
            with world.sim.start({"topic": "long"}) as stream:
                stream.until("node_started")
                given.checks.equal(world.good_json("stop", stream.task, "--user", "u-1"),
                                   {"result": "success"}, "Dify's answer")
                stream.until("workflow_finished")
                given.checks.true(stream.finish["status"] in ("stopped", "failed"),
                                  "the run was stopped", stream.finish)
            for key, kind in ((KEY, "workflow"), ("app-talk", "chat"),
                              ("app-plain", "completion")):
                for words in ((), ("--kind", kind)):
                    given.checks.equal(world.good_json("stop", UNKNOWN, *words, key=key),
                                       {"result": "success"}, "also of an unknown task")
            world.bad(3, "not_workflow_app", "stop", UNKNOWN, "-k", "workflow", key="app-talk")
            world.bad(2, "--kind takes one of", "stop", UNKNOWN, "-k", "agent")


def params(given):
    for release in RELEASES:
        with World(given, release) as world:
            lines = [re.split(r"  +", line) for line in world.good("params").splitlines()]
            given.checks.equal(lines, [
                ["name", "type", "required", "default", "takes", "label"],
                ["topic", "text-input", "yes", "at most 40 characters", "What “about”"],
                ["case", "select", "no", "good", "good|bad, too", "case"],
                ["how_many", "number", "no", "3", "how_many"],
                ["papers", "file-list", "no", "image up to 10 MB, document up to 15 MB, at most 4 files", "papers"],
            ], "the form of %s" % release)
            given.checks.equal(
                world.good_json("params", "--output", "json"),
                world.sim.whole("GET", "/v1/parameters")[1], "the form as it is")
            ran = world.run("params", key="app-empty")
            given.checks.equal((ran.status, ran.out, ran.err),
                               (0, b"", "the app takes no inputs\n"), "a form without inputs")


# ---- list ----------------------------------------------------------------------------------------


def table(text):
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def listing(given):
    for release in RELEASES:
        with World(given, release) as world:
            ran = world.run("list")
            given.checks.equal((ran.status, ran.out, ran.err), (0, b"", "no runs\n"), "an empty list")
            runs = [world.blocking("tea", user="u-1"), world.blocking("fail", user="u-ü 2"),
                    world.blocking("milk", user="u-1")]
            ids = [run["workflow_run_id"] for run in reversed(runs)]
            rows = table(world.good("list"))
            given.checks.equal(rows[0], ["began", "status", "seconds", "tokens", "steps", "user",
                                         "run"], "the titles")
            given.checks.equal([row[-1] for row in rows[1:]], ids, "newest first")
            given.checks.equal([row[1] for row in rows[1:]], ["succeeded", "failed", "succeeded"],
                               "how they ended")
            given.checks.equal([row[-2] for row in rows[1:]], ["u-1", "u-ü 2", "u-1"], "for whom")
            began = world.sim.detail(ids[0])["created_at"]
            given.checks.equal(rows[1][0], server.time.strftime(
                "%Y-%m-%d %H:%M:%S", server.time.gmtime(began + 9 * 3600)), "the user's clock")
            for words, fits in ((("--user", "u-1"), [ids[0], ids[2]]), (("-u", "u-ü 2"), [ids[1]]),
                                (("--status", "failed"), [ids[1]]), (("-k", "milk"), [ids[0]]),
                                (("--limit", "1"), ids[:1]), (("-n1", "-p2"), ids[1:2]),
                                (("--after", "1h"), ids), (("--before", "2999-01-01"), ids),
                                (("-n1", "--all"), ids), (("-a",), ids)):
                said = world.good("list", *words)
                given.checks.equal([row[-1] for row in table(said)[1:]], fits, "list %r" % (words,))
            whole = world.sim.whole("GET", "/v1/workflows/logs")[1]["data"]
            given.checks.equal(world.good_json("list", "-o", "json"), whole, "rows as they are")
            given.checks.equal(world.good_json("list", "-o", "json", "-n1", "--all"), whole,
                               "all rows as they are")
            lines = world.good("list", "-o", "jsonl").splitlines()
            given.checks.equal([json.loads(line) for line in lines], whole, "a row a line")
            for words in (("--before", "1h"), ("--after", "2999-12-31T23:59+09:00"),
                          ("--user", "nobody"), ("-p", "9"), ("-k", "'; drop table", "--all")):
                ran = world.run("list", *words)
                given.checks.equal((ran.status, ran.out), (0, b""), "list %r: none" % (words,))
                given.checks.true(re.fullmatch("no such runs( on this page)?\n", ran.err), ran.err)
            ran = world.run("list", "-o", "json", "--user", "nobody")
            given.checks.equal((ran.status, ran.out), (0, b"[]\n"), "an empty array")
            for words in (("--after", "yesterday"), ("--before", "2026-02-30"), ("-n", "0"),
                          ("-n", "101"), ("-p", "0"), ("-p", "1", "--all")):
                world.bad(2, "--", "list", *words)
            world.bad(3, "unauthorized", "list", key="app-wrong")


def pages(given):
    """All pages of many runs, and no run twice although new ones push the others on."""
    with World(given, "1.14.2") as world:
        for number in range(230):
            world.blocking("n%d" % number)
        lines = [json.loads(line) for line in
                 world.good("list", "--all", "-o", "jsonl").splitlines()]
        given.checks.equal(len({line["id"] for line in lines}), 230, "all rows")
        given.checks.equal(len(lines), 230, "none twice")
        asked = [line for line in world.sim.log if "/v1/workflows/logs" in line]
        given.checks.equal(len(asked), 3, "pages of a hundred")


# ---- upload --------------------------------------------------------------------------------------


def put(given, name, content, folder="files"):
    path = os.path.join(given.folder, folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def upload(given):
    png = b"\x89PNG\r\n\x1a\n" + bytes(64)
    first, quoted = put(given, "a.png", png), put(given, 'b "ü" b.txt', b"hello\n")
    empty, large = put(given, "empty.txt", b""), put(given, "large.png", png)
    os.truncate(large, (10 << 20) + 1)
    for release in RELEASES:
        with World(given, release) as world:
            lines = [json.loads(line) for line in
                     world.good("upload", first, quoted, empty, "--user", "u-1").splitlines()]
            given.checks.equal([line["size"] for line in lines], [len(png), 6, 0], "the sizes")
            given.checks.equal([line["mime_type"] for line in lines[:2]],
                               ["image/png", "text/plain"], "the types")
            given.checks.equal(lines[0]["name"], "a.png", "the name")
            given.checks.true("ü" in lines[1]["name"], "a name in Unicode", lines[1]["name"])
            given.checks.equal(len({line["id"] for line in lines}), 3, "the ids")
            file = {"type": "image", "transfer_method": "local_file", "upload_file_id":
                    lines[0]["id"]}
            run = world.blocking("tea", papers=[file])
            given.checks.equal(run["data"]["status"], "succeeded", "a run takes the file")
            said = world.good_json("upload", "-", "--name", "x.csv", "-t", "text/csv", input=b"1,2")
            given.checks.equal((said["name"], said["size"], said["mime_type"]),
                               ("x.csv", 3, "text/csv"), "from standard input")
            world.bad(3, r"large\.png.*(exceeded|limit)", "upload", large)
            missing = os.path.join(given.folder, "missing.png")
            world.bad(2, "cannot open .*missing.png: No such file", "upload", missing)
            world.bad(2, "is a folder", "upload", given.folder)
            world.bad(2, "--name", "upload", "-")
            world.bad(2, "--name", "upload", first, quoted, "--name", "x")
            world.bad(2, "needs a file", "upload")
            world.bad(2, "standard input", "upload", "-", "-n", "x", "--api-key-file", "-")
            ran = world.run("upload", missing, large, first)
            given.checks.equal((ran.status, ran.out.count(b"\n"), ran.err.count("\n")), (2, 1, 2),
                               "the others are sent all the same")
            ran = world.run("upload", first, large, missing)
            given.checks.equal((ran.status, ran.out.count(b"\n"), ran.err.count("\n")), (3, 1, 2),
                               "the first that failed decides")
            world.bad(3, "unauthorized", "upload", first, quoted, key="app-wrong")
            world.bad(7, "cannot connect", "upload", first, quoted,
                      url="http://127.0.0.1:%d" % closed_port())


# ---- form ----------------------------------------------------------------------------------------


def form(given):
    for release in RELEASES[1:]:
        with World(given, release) as world:
            world.sim.key = "app-form"

            def pause():
                with world.sim.start({"q": "x"}) as stream:
                    stream.until("workflow_paused")
                    return stream.run, next(said["data"]["form_token"] for said in stream.said
                                            if said["event"] == "human_input_required")

            run, token = pause()
            text = world.good("form", token, key="app-form")
            for words in ("Please review: draft for", "comment  paragraph  draft for",
                          "approve  Approve\n", "reject   Reject\n", "\nopen until 20"):
                given.checks.true(words in text, "the form shows " + words, text)
            said = world.good_json("form", token, "-o", "json", key="app-form")
            given.checks.equal(sorted(said), ["expiration_time", "form_content", "inputs",
                                              "resolved_default_values", "user_actions"],
                               "the form as it is")
            world.bad(3, r"Missing required inputs: comment \(invalid_form_data\)", "form", token,
                      "--submit", "approve", key="app-form")
            world.bad(3, "Invalid action: nonsense", "form", token, "--submit", "nonsense",
                      "--input", "comment=x", key="app-form")
            for words in (("-i", "comment=x"), ("-s", "approve", "-i", "comment"),
                          ("-s", "approve", "-i", "=x")):
                world.bad(2, "--input", "form", token, *words, key="app-form")
            given.checks.equal(world.good_json(
                "form", token, "-s", "approve", "-i", "comment=no", "-i", 'comment=yes "ü" = y',
                "--user", "u-1", key="app-form"), {}, "it is submitted")
            world.sim.until(lambda: world.sim.truth(run), lambda truth: truth["state"] != "paused")
            for words in ((), ("-s", "approve", "-i", "comment=x")):
                world.bad(3, r"already been submitted .*\(human_input_form_submitted\)", "form",
                          token, *words, key="app-form")
            world.bad(3, "no form with the token nonsense", "form", "nonsense", key="app-form")
            world.bad(3, "no form with the token", "form", token)
            world.bad(2, "needs the token", "form")
    with World(given, "1.12.1") as world:
        world.bad(3, "forms from 1.14 on", "form", "some-token")


# ---- doctor --------------------------------------------------------------------------------------

CHECKS = ["settings", "proxy", "name", "tcp", "tls", "http", "clock", "key", "app", "release",
          "inputs", "stream"]


def refusing_proxy():
    """The address of a proxy that lets nobody through without a password."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            client = server.accept()[0]
            client.recv(65536)
            client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n"
                           b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            client.close()
    threading.Thread(target=serve, daemon=True).start()
    return "http://127.0.0.1:%d" % server.getsockname()[1]


class Tls:
    """A TLS server in front of a port, with a certificate of its own for 127.0.0.1."""

    def __init__(self, folder, port):
        self.certificate = os.path.join(folder, "certificate.pem")
        key = os.path.join(folder, "key.pem")
        support.must_run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                          "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                          "-keyout", key, "-out", self.certificate])
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.behind = port
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as near, \
                    socket.create_connection(("127.0.0.1", self.behind)) as far:
                back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
                back.start()
                self.pump(near, far)
                back.join()
        except OSError:  # a client that does not trust the certificate leaves
            client.close()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def check_states(world, status, bad, *words, none=(), hint=True, **more):
    """What doctor's JSON says of each check, and that its text says the same: all is good up to
    `bad`, but for what does not apply."""
    ran = world.run("doctor", "-o", "json", *words, **more)
    said = json.loads(ran.out)
    checks, what = world.checks, "doctor %r on %s" % (words, world.release)
    checks.equal((ran.status, ran.err), (status, ""), what + ": status")
    checks.equal((said["good"], said["exit_status"]), (status == 0, status), what + ": JSON")
    checks.equal([check["check"] for check in said["checks"]], CHECKS, what + ": names")
    states = {check["check"]: check["state"] for check in said["checks"]}
    checks.equal([name for name in CHECKS if states[name] == "bad"], [bad] if bad else [],
                 what + ": what is bad: %r" % said)
    checks.equal({name for name in CHECKS if states[name] == "none"}, set(none), what + ": none")
    found = {check["check"]: check for check in said["checks"]}
    for check in said["checks"]:
        checks.true((check["hint"] is not None) == (check["state"] == "bad" and hint),
                    what + ": a hint where it is bad", check)
        checks.true(check["ms"] is None or 0 <= check["ms"] < 60000, what + ": a time", check)
    ran = world.run("doctor", *words, **more)
    checks.equal((ran.status, ran.err), (status, ""), what + ": the text's status")
    lines = [line for line in ran.out.decode("utf-8").splitlines() if not line.startswith(" ")]
    marks = {"good": "\u2713", "bad": "\u2717", "none": "\u2013", "untried": "\u2013"}
    checks.equal(sorted(line.split()[:2] for line in lines),
                 sorted([marks[states[name]], name] for name in CHECKS), what + ": the text")
    return found


def doctor(given):
    for release in RELEASES:
        with World(given, release) as world:
            none = ["proxy", "tls", "stream"]
            found = check_states(world, 0, None, none=none)
            given.checks.true(release in found["release"]["text"], found["release"])
            given.checks.equal(found["app"]["text"], '"echo", workflow', "the app")
            given.checks.equal(found["inputs"]["text"], "4, 1 of them required", "the inputs")
            given.checks.true("app-\u2026 of %d characters (DIFY_API_KEY)" % len(KEY) in
                              found["settings"]["text"], found["settings"])
            given.checks.true("(DIFY_BASE_URL)" in found["settings"]["text"], found["settings"])
            world.blocking("tea", user="u-ü & 2")
            if release == "1.12.1":
                found = check_states(world, 0, None, none=none)
                given.checks.true("from 1.14 on" in found["stream"]["text"], found["stream"])
            else:
                found = check_states(world, 0, None, none=none[:2])
                given.checks.true(found["stream"]["ms"] is not None, found["stream"])
            found = check_states(world, 0, None, none=none, key="app-plain")
            given.checks.equal(found["app"]["text"], '"plain", completion', "another app")
            check_states(world, 3, "key", none=none[:2], key="app-wrong")


class OnPage(http.server.BaseHTTPRequestHandler):
    """A Dify whose newest run was made on the app's web page. The user that it names is none of the
    API's, to whom the run's events are 404."""

    def do_GET(self):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.server.behind, self.path),
                                         headers={"Authorization": self.headers["Authorization"]})
        try:
            answer = urllib.request.urlopen(request, timeout=support.DEADLINE_S)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            body = answer.read()
        if self.path.startswith("/v1/workflows/logs"):
            logs = json.loads(body)
            row = json.loads(json.dumps(logs["data"][0]))
            row["workflow_run"]["id"] = "00000000-0000-4000-8000-00000000beef"
            row["created_from"] = "web-app"
            row["created_by_end_user"].update(type="browser", is_anonymous=True)
            logs["data"].insert(0, row)
            body = json.dumps(logs).encode()
        self.send_response(answer.status)
        for name in ("Content-Type", "X-Version"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def doctor_passes_by(given):
    """A run that cannot be followed over the API says nothing of streams."""
    with World(given, "1.14.2") as world, \
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), OnPage) as page:
        run = world.blocking("tea")["workflow_run_id"]
        page.behind = world.sim.port
        threading.Thread(target=page.serve_forever, daemon=True).start()
        found = check_states(world, 0, None, none=["proxy", "tls"],
                             url="http://127.0.0.1:%d/v1" % page.server_address[1])
        given.checks.true(run in found["stream"]["text"], "the one before it", found["stream"])
        page.shutdown()


def doctor_finds(given):
    """Each thing that can be wrong."""
    with World(given, "1.14.2") as world:
        none = ["proxy", "tls"]
        check_states(world, 7, "tcp", none=["proxy"],
                     url="http://127.0.0.1:%d" % closed_port())
        check_states(world, 7, "tls", none=["proxy"], url="https://127.0.0.1:%d" % world.sim.port)
        check_states(world, 7, "name", none=["proxy"], url="http://nowhere.invalid/v1")
        check_states(world, 7, "http", none=none, url="http://127.0.0.1:%d/v2" % world.sim.port)
        check_states(world, 2, "settings", hint=False, key="")
        found = check_states(world, 2, "settings", hint=False, url="gopher://x")
        given.checks.true("DIFY_BASE_URL" in found["settings"]["text"], found["settings"])
        proxy = "http://u:PassWordOfTheProxy@127.0.0.1:%d" % closed_port()
        for name in ("http_proxy", "ALL_PROXY"):
            found = check_states(world, 7, "tcp", none=["proxy"], environment={name: proxy})
            given.checks.equal(found["proxy"]["text"], "%s (%s)" % (proxy.split("@")[1], name),
                               "the proxy of " + name)
            given.checks.true("PassWord" not in json.dumps(found), "no password is shown")
        for proxy in ("http://u:PassWord Of The Proxy@127.0.0.1:1", "gopher://u:PassWord@127.0.0.1:1",
                      "http://u:PassWord@127.0.0.1:none", "http://u:PassWord@[::1"):
            found = check_states(world, 7, "name", none=["proxy"], environment={"http_proxy": proxy})
            given.checks.true("PassWord" not in json.dumps(found) and
                              "Unsupported proxy" in found["name"]["text"],
                              "no password of a proxy that is none: %s" % found)
        found = check_states(world, 7, "http", "--proxy", refusing_proxy(), none=none)
        given.checks.true("proxy before" in found["http"]["text"] and
                          "user and password" in found["http"]["hint"], found["http"])
        path = put(given, "key", KEY.encode() + b"\n")
        os.chmod(path, 0o600)
        found = check_states(world, 0, None, "--api-key-file", path, none=none + ["stream"])
        given.checks.true("(%s)" % path in found["settings"]["text"], found["settings"])
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            check_states(world, 7, "http", none=["proxy"],
                         url="http://127.0.0.1:%d/v1" % silent.getsockname()[1])
        with Tls(given.folder, world.sim.port) if support.have("openssl") else \
                contextlib.nullcontext() as tls:
            if tls is not None:
                url = "https://127.0.0.1:%d" % tls.port
                found = check_states(world, 0, None, "--ca-file", tls.certificate, url=url,
                                     none=["proxy", "stream"])
                given.checks.true(found["tls"]["ms"] is not None, found["tls"])
                check_states(world, 7, "tls", none=["proxy"], url=url)
    for fault, none in (("clock-skew=60", none + ["stream"]), ("clock-skew=-600", none + ["stream"])):
        with World(given, "1.14.2", "--fault", fault) as world:
            found = check_states(world, 1, "clock", none=none)
            given.checks.true(re.search(r"is (5[89]|6[01]|59\d|60[01]) s (ahead of|behind) this",
                                        found["clock"]["text"]), found["clock"])
    with World(given, "1.14.2", "--fault", "no-events-route") as world:
        world.blocking("tea")
        check_states(world, 0, None, none=["proxy", "tls", "stream"])


# ---- on a terminal -------------------------------------------------------------------------------


def terminal(given):
    with World(given, "1.16.1") as world:
        run = world.blocking("tea")["workflow_run_id"]
        text = world.on_terminal("show", run)
        given.checks.true(text.startswith('{\n  "id": "%s",\n' % run), "indented JSON", text)
        given.checks.true("\x1b[" in world.on_terminal("show", run, "-o", "summary"), "colours")
        for words in (("show", run, "-o", "summary"), ("list",), ("params",), ("doctor",)):
            given.checks.true("\x1b" not in world.on_terminal(*words, NO_COLOR="1"),
                              "no colours with NO_COLOR: %r" % (words,))
        text = world.on_terminal("params", NO_COLOR="1")
        given.checks.true("image up to 10 MB, document up to 15 MB\u2026" in text,
                          "wide cells are cut", text)
        world.blocking("tea", user="u" * 200)
        text = world.on_terminal("list", "-n1", NO_COLOR="1")
        given.checks.true(" " + "u" * 19 + "\u2026  " in text, "a long user is cut", text)
        given.checks.true("u" * 200 in world.good("list", "-n1"), "but not elsewhere")
        path = put(given, "long.bin", b"")
        os.truncate(path, 14000000)
        with socket.socket() as slow:  # takes the connection, and nothing from it
            slow.bind(("127.0.0.1", 0))
            slow.listen()
            text = world.on_terminal("upload", path, until=rb"\d\.\d of 14\.0 MB",
                                     DIFY_BASE_URL="http://127.0.0.1:%d" % slow.getsockname()[1])
            given.checks.true(re.search(r"\r +\d+\.\d of 14\.0 MB", text), "progress", text)
        text = world.on_terminal("upload", path)
        given.checks.true(text.endswith("}\n") and '{"id":' in text, "a line of JSON", text)


def lost_output(given):
    with World(given, "1.14.2") as world, open("/dev/full", "wb") as full:
        run = world.blocking("tea")["workflow_run_id"]
        for words in (("show", run), ("show", run, "-o", "summary"), ("list",), ("params",),
                      ("list", "-o", "json"), ("stop", run), ("doctor",), ("doctor", "-o", "json")):
            ran = world.run(*words, stdin=subprocess.DEVNULL, stdout=full)
            given.checks.equal(ran.status, 2, "%r cannot write: %s" % (words, ran.err))
            given.checks.true(re.search("No space left|could not be written", ran.err), ran.err)


def main():
    tests = [failures, show, stop, params, listing, pages, upload, form, doctor,
             doctor_passes_by, doctor_finds, lost_output]
    missing = support.missing_terminal()
    if missing:
        print("terminal: skipped: %s" % missing)
    else:
        tests.append(terminal)
    runner.run(tests, "cli.asking", "commands that ask one thing, on %s" % ", ".join(RELEASES))


if __name__ == "__main__":
    main()
