"""run, chat and doctor beside a server that means them ill: nothing of it moves a terminal's cursor
or stands unquoted in a line that people paste into a shell, and what is said helps.

usage: hostile.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import gzip
import http.server
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from followed import Command
import runner

BAD = "x'; touch pasted; \x1b]0;title\x07\x1b[2J\u202e\u2067"


def event(name, **more):
    return b"data: " + json.dumps(dict({"event": name, "task_id": "t" + BAD}, **more)).encode() + b"\n\n"


PAUSED = b"".join((
    event("workflow_started", workflow_run_id=BAD, data={"id": BAD, "workflow_id": "w"}),
    event("node_started", workflow_run_id=BAD,
          data={"id": "n", "node_id": "n", "node_type": "code", "title": BAD}),
    event("human_input_required", workflow_run_id=BAD,
          data={"form_id": "f", "node_id": "n", "node_title": BAD, "form_token": "token" + BAD}),
    event("workflow_paused", workflow_run_id=BAD, data={"workflow_run_id": BAD, "reasons": []})))
TALK = b"".join((
    event("message", message_id="m", conversation_id=BAD, answer="Hi"),
    event("message_end", message_id="m", conversation_id=BAD, metadata={})))
STREAM, JSON, HTML = "text/event-stream", "application/json", "text/html"
PAGE = b"<html>Please log in</html>"
BOMB = gzip.compress(b'{"mode": "' + b"w" * (80 << 20) + b'"}')
# By the key: what the app is, what starts a run answers, and what /info answers instead.
APPS = {
    "app-paused": ("workflow", (STREAM, PAUSED), None),
    "app-talk": ("advanced-chat", (STREAM, TALK), None),
    "app-echo": ("workflow", None, None),
    "app-page": ("workflow", (HTML, PAGE), None),
    "app-bomb": ("workflow", (JSON, b"{}"), (JSON, BOMB)),
    "app-list": ("workflow", (JSON, b"{}"), (JSON, b"[1]")),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, kind, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Version", "1.14.2")
        if body is BOMB:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        mode, _, info = APPS[self.headers["Authorization"].split()[-1]]
        if self.path.startswith("/v1/info"):
            self.answer(*(info or (JSON, json.dumps({"name": BAD, "mode": mode}).encode())))
        else:
            self.answer(JSON, b'{"user_input_form": [], "data": [], "has_more": false}')

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"].endswith("app-echo"):
            said = {"code": "bad_request", "message": "sent: %s" % self.headers["Authorization"] + BAD}
            self.answer(JSON, json.dumps(said).encode(), 400)
            return
        self.answer(*APPS[self.headers["Authorization"].split()[-1]][1])

    def log_message(self, *_):
        pass


class Server:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.port = self.server.server_address[1]
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def check_quiet(checks, ran, what):
    """Nothing of BAD but what is shown of a title: with no escape, and in no advice."""
    checks.true(not set("\x1b\x07\u202e\u2067") & set(ran.err), what + ": no escapes", ran)
    advice = [line for line in ran.lines if "difystream resume" in line or "difystream form" in line
              or "difystream chat --" in line]
    checks.true(not any("touch" in line for line in advice), what + ": no words of its own", ran)


def test_ids(given):
    checks = given.checks
    with Server() as server:
        command = Command(given, server)
        for words in (("run",), ("run", "--no-journal"), ("run", "-o", "summary")):
            ran = command.run(*words, app="paused")
            checks.equal(ran.status, 5, "a run that is paused")
            check_quiet(checks, ran, "paused %r" % (words,))
        checks.equal(len(command.journals()), 2, "each can be taken up")
        checks.true("\x1b" not in command.run("resume").out, "also in the list of what was left")
        ran = command.run("chat", "Hello", app="talk")
        checks.equal([ran.status, ran.out], [0, "Hi\n"], "a chat")
        check_quiet(checks, ran, "chat")


def test_answers(given):
    checks = given.checks
    with Server() as server:
        command = Command(given, server)
        ran = command.run("run", app="page")
        checks.equal([ran.status, ran.result["code"]], [7, "invalid_response"], "an HTML page")
        checks.equal(ran.err.count("base URL"), 1, "which is asked about once: " + ran.err)
        for words in (("run",), ("stop", "task", "--kind", "workflow")):
            ran = command.run(*words, app="echo")
            checks.equal(ran.status, 3, "a refusal")
            checks.true("app-echo" not in ran.out + ran.err and "Bearer ********" in ran.err,
                        "which shows no key", ran)
            check_quiet(checks, ran, "refused %r" % (words,))
        for app in ("bomb", "list"):
            ran = command.run("doctor", "-o", "json", app=app)
            states = {check["check"]: check["state"] for check in ran.result["checks"]}
            checks.equal([ran.status, states["http"], states["key"]], [7, "bad", "untried"],
                         app + ": the key is not to blame")


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "cli.hostile",
               "a server that means ill")
