"""The client against servers of our own: what is sent once is never sent again, and uploads.

A run's POST costs money. Here servers end its connection in every way that makes HTTP clients
repeat a request by themselves, and count what came. Uploads are read by a server that keeps
nothing, so that files may be large.

usage: sockets.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import follows
from follows import Many, Simulator

SPEED = 1000  # the search for a lost run takes 0.3 s
STOPPED = 100  # of each program: more than are handled in one turn
RUN = "/v1/workflows/run"
UPLOAD = "/v1/files/upload"
ANSWERS = {
    "/v1/info": {"name": "raw", "mode": "workflow"},
    "/v1/parameters": {"user_input_form": [{"file": {"variable": "f", "label": "f",
                                                     "required": False, "type": "file"}}]},
    "/v1/workflows/logs": {"page": 1, "limit": 20, "total": 0, "has_more": False, "data": []},
}
EVENTS = b"".join(b"data: %s\n\n" % json.dumps(dict(
    event, workflow_run_id="5c1b2a3e-0000-4000-8000-000000000001", task_id="t")).encode()
    for event in ({"event": "workflow_started", "data": {"id": "r", "created_at": 1}},
                  {"event": "workflow_finished", "data": {
                      "id": "r", "status": "succeeded", "outputs": {"a": 1}, "total_tokens": 0,
                      "total_steps": 0}}))


def answer(status, body, more=b""):
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status, len(body), more, body)


STREAM = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Version: 1.14.2\r\n"
          b"Connection: close\r\n\r\n" + EVENTS)


class Request:
    """A request as it comes; the body is read and forgotten."""

    def __init__(self, connection):
        self.connection = connection
        self.rest = b""
        self.body_bytes = 0

    def read_head(self):
        while b"\r\n\r\n" not in self.rest:
            got = self.connection.recv(65536)
            if not got:
                return False
            self.rest += got
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        self.lines = head.decode("latin-1").split("\r\n")
        self.method, self.target = self.lines[0].split(" ")[:2]
        self.path = self.target.split("?")[0]
        self.fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip()
                       for line in self.lines[1:]}
        return True

    def read_body(self, most=None):
        """Reads the body, or `most` bytes of it. False if it ends early."""
        if self.fields.get("transfer-encoding") == "chunked":
            last = self.rest
            self.body_bytes += len(self.rest)
            while not last.endswith(b"0\r\n\r\n"):
                got = self.connection.recv(1 << 20)
                if not got:
                    return False
                self.body_bytes += len(got)
                last = (last + got)[-5:]
            self.rest = b""
            return True
        length = int(self.fields.get("content-length", 0))
        wanted = length if most is None else min(most, length)
        while len(self.rest) + self.body_bytes < wanted:
            self.body_bytes += len(self.rest)
            self.rest = self.connection.recv(1 << 20)
            if not self.rest:
                return False
        self.body_bytes += len(self.rest)
        self.rest = b""
        return True


class Server:
    """Answers what a follow asks before and after; `act(request, number)` is called for each
    request to `path` once its head is there, and true keeps the connection."""

    def __init__(self, path, act):
        self.path, self.act = path, act
        self.requests = []  # (path, number on its connection, bytes of the body)
        self.acted = 0
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                request = Request(connection)
                number = 0
                while request.read_head():
                    request.body_bytes = 0
                    number += 1
                    if not self.handle(request, number):
                        return
            except OSError:
                pass

    def handle(self, request, number):
        is_own = request.path == self.path
        with self.lock:
            self.requests.append((request.path, number, request))
            self.acted += is_own
            acted = self.acted
        if is_own:
            return self.act(request, acted)
        request.read_body()
        if request.path in (RUN, UPLOAD):
            request.connection.sendall(STREAM if request.path == RUN else uploaded())
            return request.path == UPLOAD
        request.connection.sendall(answer(b"200 OK", json.dumps(ANSWERS[request.path]).encode()))
        return True

    def came(self, path):
        return [entry for entry in self.requests if entry[0] == path]


def uploaded():
    return answer(b"201 CREATED", json.dumps({"id": "0f0f0f0f-0000-4000-8000-000000000002"}).encode())


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def follow(given, port, orders, *options, **more):
    return Many(given, "http://127.0.0.1:%d/v1" % port, "app-raw", orders, "--speed", SPEED,
                *follows.PATIENT, *options, **more)


# ---- what is sent once -------------------------------------------------------------------------

def closes(request, _):
    request.read_body()
    return False


def resets(request, _):
    request.read_body()
    reset(request.connection)
    return False


def closes_before_the_body(request, _):
    reset(request.connection)
    return False


def says(text):
    def act(request, _):
        request.read_body()
        request.connection.sendall(text)
        return False
    return act


def goes_on(text):
    """Sends `text` again and again, until the client has left."""
    def act(request, _):
        request.read_body()
        try:
            while True:
                request.connection.sendall(text)
        except OSError:
            return False
    return act


def begins(start, text):
    def act(request, number):
        request.read_body()
        request.connection.sendall(start)
        return goes_on(text)(request, number)
    return act


OK = b"HTTP/1.1 200 OK\r\n"
ENDINGS = {
    "closed without an answer": (closes, "run_lost"),
    "reset without an answer": (resets, "run_lost"),
    "reset while the body comes": (closes_before_the_body, "run_lost"),
    "closed in the head": (says(OK + b"Content-Ty"), "run_lost"),
    "closed after 100": (says(b"HTTP/1.1 100 Continue\r\n\r\n"), "run_lost"),
    "no HTTP": (says(b"what is this\r\n\r\n"), "run_lost"),
    "502": (says(answer(b"502 Bad Gateway", b"{}")), "run_lost"),
    "504 and no body": (says(b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 5\r\n\r\n"),
                        "run_lost"),
    "408": (says(answer(b"408 Request Timeout", b"{}", b"Connection: close\r\n")), None),
    "417": (says(answer(b"417 Expectation Failed", b"{}")), None),
    "401 with a challenge": (says(answer(b"401 Unauthorized", b"{}",
                                         b'WWW-Authenticate: Basic realm="a"\r\n')), None),
    "307": (says(answer(b"307 Temporary Redirect", b"{}", b"Location: " + RUN.encode() + b"\r\n")),
            None),
    "400 cut short": (says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{}"), "http_error"),
    "407 with a challenge": (says(answer(b"407 Proxy Authentication Required", b"{}",
                                         b'Proxy-Authenticate: Basic realm="a"\r\n')), "http_error"),
    "401 with three challenges": (says(answer(
        b"401 Unauthorized", b"{}", b'WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n'
        b'WWW-Authenticate: Digest realm="a", nonce="b"\r\n')), "http_error"),
    "303": (says(answer(b"303 See Other", b"{}", b"Location: /v1/info\r\n")), None),
    "101": (says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
            "run_lost"),
    "204": (says(b"HTTP/1.1 204 No Content\r\n\r\n"), None),
    "206": (says(answer(b"206 Partial Content", b"{}", b"Content-Range: bytes 0-1/9\r\n")), None),
    "HTTP/0.9": (says(b"{}"), "run_lost"),
    "HTTP/9": (says(b"HTTP/9 200 OK\r\n\r\n"), "run_lost"),
    "a stream in HTTP/1.0": (says(STREAM.replace(b"HTTP/1.1", b"HTTP/1.0")), ""),
    "a stream with 400": (says(STREAM.replace(b"200 OK", b"400 Bad Request")), "http_error"),
    "a stream behind early hints": (says(
        b"HTTP/1.1 103 Early Hints\r\nX-Workflow-Run-ID: 1\r\n\r\n" * 3 + STREAM), ""),
    "a stream with trailers": (says(
        OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n"
        b"X-Version: 9\r\nX-Workflow-Run-ID: 9\r\n\r\n" % (len(EVENTS), EVENTS)), ""),
    "chunks that are none": (says(OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: "
                                  b"chunked\r\n\r\nzz\r\n"), "run_lost"),
    "a chunk without end": (says(OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: "
                                 b"chunked\r\n\r\nffffffffffffffffff\r\n"), "run_lost"),
    "two lengths": (says(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), None),
    "a length and chunks": (says(
        OK + b"Content-Type: text/event-stream\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(EVENTS), EVENTS)), ""),
    "chunks with extensions": (says(
        OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x;a=\"b\"\r\n%s"
        b"\r\n0;c\r\n\r\n" % (len(EVENTS), EVENTS)), ""),
    "a chunk that is longer than it says": (says(
        OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" + EVENTS),
        "run_lost"),
    "a length that is longer than the stream": (says(
        OK + b"Content-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s" % (
            len(EVENTS) + 1, EVENTS)), ""),
    "lines that end in LF": (says(STREAM.replace(b"\r\n", b"\n")), ""),
    "a line without a colon": (says(OK + b"nothing\r\n\r\n"), "run_lost"),
    "a coding that is not known": (says(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n"), "run_lost"),
    "100 without end": (goes_on(b"HTTP/1.1 100 Continue\r\n\r\n"), "run_lost"),
    "a head without end": (begins(OK, b"X-Version: 1.14.2\r\n" * 9), "run_lost"),
    "a line without end": (begins(OK, b"X" * 1000), "run_lost"),
    # By a ceiling of bytes.
    "a stream that is none": (begins(OK + b"Content-Type: text/event-stream\r\n\r\n", b"x" * 65536),
                              None),
    "an answer without end": (begins(OK + b"Content-Type: application/json\r\n\r\n", b" " * 65536),
                              None),
    "a refusal without end": (begins(b"HTTP/1.1 400 Bad Request\r\n\r\n", b" " * 65536), None),
    "425": (says(answer(b"425 Too Early", b"{}")), None),
    "500": (says(answer(b"500 Internal Server Error", b"{}")), None),
}


def test_a_post_is_never_sent_again(given):
    for name, (act, code) in ENDINGS.items():
        for host in ((), ("--host", "uv")):
            with Server(RUN, act) as server:
                orders = [{"user": "u-%d" % number, "inputs": {}} for number in range(3)]
                many = follow(given, server.port, orders, "--window", 2, *host)
                posts = server.came(RUN)
            what = "%s%s" % (name, " (uv)" if host else "")
            given.checks.equal(len(posts), len(orders), what + ": POSTs")
            given.checks.true(all(number == 1 for _, number, _ in posts),
                              what + ": each on a fresh connection")
            for one in many.followed:
                if code is not None:
                    given.checks.equal(one.code or "", code, what + ": code")
                given.checks.equal(one.result["success"], code == "", what + ": success")


def test_times_without_end(given):
    """Clocks that never ring are clocks."""
    for ms in (2 ** 31, 2 ** 32, 2 ** 63, 2 ** 64 - 1):
        with Server(RUN, says(STREAM)) as server:
            many = follow(given, server.port, [{"inputs": {}}], "--connect-timeout", ms,
                          "--silence-timeout", ms, "--run-timeout", ms)
        given.checks.equal(many.followed[0].result["success"], True, "%d ms" % ms)


def test_a_post_takes_no_kept_connection(given):
    """What was asked before left connections that the server would have kept."""
    def act(request, _):
        request.read_body()
        request.connection.sendall(STREAM)
        return False
    with Server(RUN, act) as server:
        orders = [{"inputs": {}} for _ in range(20)]
        many = follow(given, server.port, orders, "--window", 3)
        posts = server.came(RUN)
    given.checks.equal([one.data["status"] for one in many.followed], ["succeeded"] * 20, "results")
    given.checks.equal([number for _, number, _ in posts], [1] * 20, "each on a fresh connection")


def test_reads_survive_kept_connections(given):
    """Questions may be asked again: each second kept connection is reset under them."""
    path = follows.scenario(given, "kept.yaml", """
apps:
  - name: flow
    inputs: [{name: n, type: number}]
    runs: [{nodes: [start, {type: code, seconds: 20, outputs: {a: 1}}, {type: end, outputs: {a: 1}}]}]
""")
    for release in ("1.12.1", "1.16.1"):
        with Simulator(given.build, path, "--release", release, "--speed", "50", "--connections", "0",
                       "--workers", "0", "--quiet", "--seed", str(given.seed), "--fault",
                       "reset-kept-alive,p=0.5", "--fault", "reset-after-events=2,on=run",
                       key="app-flow") as simulator:
            orders = [{"user": "u-%d" % number, "inputs": {"n": number}} for number in range(60)]
            many = follows.follow(given, simulator, orders, "--speed", 50, "--window", 20,
                                  *follows.PATIENT)
            stats = simulator.stats()
        for one in many.followed:
            given.checks.equal((one.data["status"], one.data["workflow_outputs"]),
                               ("succeeded", {"a": 1}), release + ": " + one.story())
        given.checks.equal((stats["posts"], stats["runs_started"]), (60, 60), release + ": POSTs")


def test_a_host_that_cannot_watch(given):
    """A socket that nobody watches fails its transfer, and no other: of runs that begin together,
    which ask once what their app is, all, or none."""
    path = follows.scenario(given, "watched.yaml", """
apps:
  - name: flow
    inputs: [{name: n, type: number}]
    runs: [{nodes: [start, {type: code, seconds: 9, outputs: {a: 1}}, {type: end, outputs: {a: 1}}]}]
""")
    for refuse in (1, 2, 3, 5, 8, 13, 21):
        with Simulator(given.build, path, "--speed", "50", "--connections", "0", "--workers", "0",
                       "--quiet", key="app-flow") as simulator:
            orders = [{"inputs": {"n": number}} for number in range(20)]
            many = follows.follow(given, simulator, orders, "--speed", 50, "--seed", given.seed,
                                  "--host", "uv", "--refuse", refuse, "--window", 2,
                                  *follows.PATIENT)
            posts = simulator.stats()["posts"]
        given.checks.true(posts <= len(orders), "one in %d: POSTs" % refuse, posts)
        won = sum(one.result["success"] for one in many.followed)
        given.checks.true(won == 0 if refuse == 1 else refuse == 2 or won > 0,
                          "one in %d: successes" % refuse, won)
        for one in many.followed:
            given.checks.true(one.code in (None, "connect_failed", "run_lost", "connection_reset",
                                           "invalid_response"),
                              "one in %d: %s" % (refuse, one.code), one.story())
            given.checks.true("silent" not in one.story(), "one in %d: no silence" % refuse,
                              one.story())


def test_a_stopped_program_loses_nothing(given):
    """A program is stopped while it waits for a sign of its runs, which comes when the clock of
    silence is over. It goes on after they have ended: what came meanwhile is read before the clock
    rings."""
    path = follows.scenario(given, "stopped.yaml", """
apps:
  - name: flow
    inputs: [{name: n, type: number}]
    runs:
      - nodes:
          - start
          - {type: code, seconds: 7, outputs: {a: 1}}
          - {type: llm, seconds: 2, text: "one two three four", chunks: 70}
""")
    with Simulator(given.build, path, "--connections", "0", "--workers", "0", "--quiet",
                   key="app-flow") as simulator:
        orders = [{"inputs": {"n": number}} for number in range(STOPPED)]
        programs = [follows.start(given, simulator, orders, "--window", STOPPED,
                                  "--silence-timeout", 6000, *host)
                    for host in ((), ("--host", "uv"))]
        total = len(programs) * STOPPED
        before = simulator.until(simulator.stats, lambda stats: stats["streams_open"] == total)
        looks = itertools.count(1)  # which are requests, too
        simulator.until(simulator.stats, lambda stats: stats["requests"] - before["requests"] >=
                        next(looks) + total)  # each asks about its silent run
        for many in programs:
            os.kill(many.pid, signal.SIGSTOP)
        is_slow = simulator.stats()["streams_open"] < total  # a machine that took 3 s for it
        simulator.until(simulator.stats, lambda stats: stats["runs_in_flight"] == 0)
        results = []
        for many in programs:
            os.kill(many.pid, signal.SIGCONT)
            results += [json.loads(line) for line in many.stdout][:-1]
            given.checks.equal(many.wait(), 0, "exit status")
        given.checks.equal((simulator.stats()["posts"], len(results)), (total, total), "POSTs")
    others = [result for result in results if result["result"]["data"]["status"] != "succeeded"]
    if is_slow:
        print("this machine was too slow to be stopped in time: results were not looked at")
    else:
        given.checks.equal(others[:1], [], "results")


def test_killed_runs_are_taken_up(given):
    """A program is killed in the middle of its runs; another takes them up, by their ids or, where
    it does not know them, by what was sent and when. Nothing is sent again."""
    path = follows.scenario(given, "killed.yaml", """
apps:
  - name: flow
    inputs: [{name: n, type: number}]
    runs:
      - nodes:
          - start
          - {type: llm, seconds: 20, text: "one two three four", chunks: 4, tokens: 9}
          - {type: end, outputs: {n: "{{inputs.n}}"}}
""")
    for release in follows.RELEASES:
        with Simulator(given.build, path, "--release", release, "--speed", "50", "--connections",
                       "0", "--workers", "8", "--quiet", key="app-flow") as simulator:
            orders = [{"user": "u-%d" % number, "inputs": {"n": number}} for number in range(80)]
            began = int(time.time())
            many = follows.start(given, simulator, orders, "--speed", 50, "--window", 20,
                                 stdout=subprocess.DEVNULL)
            simulator.until(simulator.stats, lambda stats: stats["posts"] >= 50)
            many.kill()
            many.wait()
            sent = simulator.stats()["posts"]
            known = follows.truths(simulator)
            again = []
            for number, order in enumerate(orders):
                runs = known.get(order["user"], [])
                if not runs:
                    continue
                # of a queued run nobody can know the id
                is_known = number % 2 and runs[0]["state"] != "queued"
                name, value = ("workflow_run_id", runs[0]["id"]) if is_known else \
                    ("sent_at", began)
                again.append(dict(order, **{name: value}))
            found = follows.follow(given, simulator, again, "--speed", 50, "--window", 20,
                                   *follows.PATIENT).followed
            given.checks.equal(simulator.stats()["posts"], sent, release + ": POSTs after the kill")
        given.checks.true(len(again) >= 49, release + ": runs", len(again))
        for order, one in zip(again, found):
            given.checks.equal(
                (one.data["status"], one.data["workflow_outputs"], one.metadata["total_tokens"],
                 one.run), ("succeeded", {"n": str(order["inputs"]["n"])}, 9,
                            known[order["user"]][0]["id"]),
                "%s: %s: %s\n%s" % (release, order, one.code, one.story()))


# ---- uploads -----------------------------------------------------------------------------------

def takes(request, _):
    given_whole = request.read_body()
    if given_whole:
        request.connection.sendall(uploaded())
    return given_whole


def sparse(given, size):
    path = os.path.join(given.folder.name, "zeros-%d.txt" % size)
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def with_file(**file):
    return {"user": "u", "inputs": {}, "files": [dict(name="f", **file)]}


def test_a_large_file_needs_no_memory(given):
    peaks = []
    for size in (1000, 200 << 20):
        with Server(UPLOAD, takes) as server:
            many = follow(given, server.port, [with_file(path=sparse(given, size))])
            uploads = server.came(UPLOAD)
        given.checks.equal(many.followed[0].data["status"], "succeeded",
                           "%d bytes: %s" % (size, many.followed[0].result.get("message")))
        given.checks.equal(len(uploads), 1, "%d bytes: uploads" % size)
        given.checks.true(uploads[0][2].body_bytes > size, "%d bytes: all came" % size)
        peaks.append(many.summary["peak_kb"])
    given.checks.true(peaks[1] < peaks[0] + 16384, "flat memory", peaks)
    print("peak memory: %d KB with 1,000 bytes, %d KB with 200 MB" % tuple(peaks))


def pipe(size):
    source = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
    return source, source.stdout.fileno()


def test_a_pipe(given):
    with Server(UPLOAD, takes) as server:
        source, descriptor = pipe(5 << 20)
        order = with_file(descriptor=descriptor, **{"as": "zeros.bin"})
        many = follow(given, server.port, [order], descriptors=(descriptor,))
        source.stdout.close()
        source.wait()
        uploads = server.came(UPLOAD)
    given.checks.equal(many.followed[0].data["status"], "succeeded",
                       "a pipe: %s" % many.followed[0].result.get("message"))
    given.checks.equal(len(uploads), 1, "a pipe: uploads")
    given.checks.true(uploads[0][2].body_bytes > 5 << 20, "a pipe: all came",
                      uploads[0][2].body_bytes)


def cuts_first(most):
    def act(request, number):
        if number > 1:
            return takes(request, number)
        request.read_body(most)
        reset(request.connection)
        return False
    return act


def test_a_cut_upload_is_sent_again(given):
    path = sparse(given, 8 << 20)
    with Server(UPLOAD, cuts_first(1 << 20)) as server:
        many = follow(given, server.port, [with_file(path=path)])
        given.checks.equal((many.followed[0].data["status"], len(server.came(UPLOAD)),
                            len(server.came(RUN))), ("succeeded", 2, 1),
                           "a file: %s" % many.followed[0].result.get("message"))
        given.checks.true(server.came(UPLOAD)[1][2].body_bytes > 8 << 20, "a file: all came")
    with Server(UPLOAD, cuts_first(1 << 20)) as server:
        source, descriptor = pipe(8 << 20)
        order = with_file(descriptor=descriptor, **{"as": "zeros.bin"})
        many = follow(given, server.port, [order], descriptors=(descriptor,))
        source.stdout.close()
        source.wait()
        given.checks.equal((many.followed[0].result["success"], len(server.came(UPLOAD)),
                            len(server.came(RUN))), (False, 1, 0),
                           "a pipe cannot be sent again: %s" % many.followed[0].code)


def test_refused_uploads(given):
    path = follows.scenario(given, "files.yaml", """
apps:
  - name: flow
    inputs: [{name: f, type: file}]
    runs: [{nodes: [start, {type: end, outputs: {a: 1}}]}]
""")
    faults = {"": None, "reset-before-run,on=upload,times=1": None, "reset,on=upload,times=1": None,
              "proxy-502,on=upload": "http_error", "500,on=upload": "http_error",
              "401,on=upload": "unauthorized"}
    cases = [(1000, fault, code) for fault, code in faults.items()]
    cases.append((16 << 20, "", "file_too_large"))
    for size, fault, code in cases:
        what = "%d bytes, %s" % (size, fault)
        options = ["--fault", fault] if fault else []
        with Simulator(given.build, path, "--speed", "100", "--quiet", *options,
                       key="app-flow") as simulator:
            many = follows.follow(given, simulator, [with_file(path=sparse(given, size))], "--speed",
                                  100, *follows.PATIENT)
            posts = simulator.stats()["posts"]
        one = many.followed[0]
        given.checks.equal((one.code, posts), (code, 0 if code else 1),
                           "%s: %s" % (what, one.result.get("message")))
    missing = os.path.join(given.folder.name, "missing.png")
    with Server(UPLOAD, takes) as server:
        one = follow(given, server.port, [with_file(path=missing)]).followed[0]
        given.checks.equal((one.code, len(server.came(UPLOAD)), len(server.came(RUN))),
                           ("upload_failed", 0, 0), "a missing file")
        given.checks.true("missing.png" in one.result["message"], "names it", one.result["message"])


def main():
    given = follows.arguments("sockets")
    for name, test in list(globals().items()):
        if name.startswith("test_") and given.only in name:
            test(given)
    given.checks.finish("POSTs and uploads")


if __name__ == "__main__":
    main()
