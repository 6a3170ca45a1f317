"""The command `difystream sim` under test: started on a free port, asked, and stopped."""

import json
import os
import re
import socket
import subprocess
import threading
import time

import wire
from library import PING, event

DEADLINE_S = 60  # a safety net; nothing here waits for time to pass
FINISHED = ("succeeded", "failed", "stopped", "partial-succeeded")


class Connection(wire.Connection):
    """One that tells a reset from an end, and that may be a slow reader's."""

    def __init__(self, port, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(("127.0.0.1", port))
        self.until = time.monotonic() + DEADLINE_S
        self.buffer, self.end = b"", ""
        self.at_end = self.was_reset = False
        self.status, self.head = 0, []

    def more(self):
        if self.at_end:
            return False
        if time.monotonic() > self.until:
            raise wire.Broken("no end within %d s" % DEADLINE_S)
        try:
            got = self.socket.recv(65536)
        except socket.timeout as error:
            raise wire.Broken("nothing came for %d s" % DEADLINE_S) from error
        except ConnectionError as error:
            self.was_reset = isinstance(error, ConnectionResetError)
            got = b""
        self.at_end = not got
        self.buffer += got
        return bool(got)

    def has_come(self):
        """Whether something has come that was not read yet, or the end."""
        self.socket.setblocking(False)
        try:
            return bool(self.buffer) or self.more() or self.at_end
        except BlockingIOError:
            return False
        finally:
            self.socket.settimeout(DEADLINE_S)


class Asked:
    """Whom one can send() requests."""

    def ask(self, method, path, body=None, **more):
        """Sends a request and reads the head of its answer."""
        return self.send(method, path, body, **more).read_head()

    def whole(self, method, path, body=None, **more):
        """(status, body) of an answer; the body as JSON where it is some."""
        with self.ask(method, path, body, **more) as connection:
            data = connection.body()
            try:
                return connection.status, json.loads(data)
            except ValueError:
                return connection.status, data


class Simulator(Asked):
    """A running simulator; a context manager, whose end checks that it ended well."""

    def __init__(self, build, scenario, *options, key=None):
        self.key = key  # of requests that name none
        self.log = []
        self.process = subprocess.Popen(
            [os.path.join(build, "difystream"), "sim", "--listen", "127.0.0.1:0", *options,
             scenario],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.port = self.read_port()
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()

    def read_port(self):
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace"))
            match = re.search(r"http://127\.0\.0\.1:(\d+)", self.log[-1])
            if match:
                return int(match.group(1))
        self.process.wait()
        raise SystemExit("the simulator did not start: " + "".join(self.log))

    def drain(self):
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        text = self.end()
        if text and error == (None, None, None):
            raise AssertionError("the simulator did not end well: " + text[-3000:])

    def end(self):
        """Stops it; what it said if that was not as it should be, else None."""
        self.process.terminate()
        status = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        self.process.stderr.close()
        text = "".join(self.log)
        is_well = status == 0 and "Sanitizer" not in text and "runtime error" not in text
        return None if is_well else "status %d: %s" % (status, text)

    # ---- requests ----------------------------------------------------------------------------

    def send(self, method, path, body=None, key=None, fault=None, fields=None, connection=None):
        """Sends a request, on a connection of its own unless one is given, and reads nothing."""
        headers = {"Host": "127.0.0.1:%d" % self.port}
        key = key or self.key
        if key is not None:
            headers["Authorization"] = "Bearer " + key
        if fault is not None:
            headers["X-Sim-Fault"] = fault
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8")
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(len(data))
        headers.update(fields or {})
        connection = connection or Connection(self.port)
        connection.send(wire.request_bytes(method, path, headers, data))
        return connection

    def post_run(self, inputs=None, user="u-1", mode="streaming", path="/v1/workflows/run",
                 body=None, **more):
        """Asks for a run; the connection, of which nothing is read yet."""
        said = dict({"inputs": inputs or {}, "user": user, "response_mode": mode}, **(body or {}))
        return self.send("POST", path, said, **more)

    def start(self, *args, **more):
        """A run's stream."""
        return Stream(self.post_run(*args, **more).read_head())

    def events(self, run, user="u-1", snapshot=False, **more):
        """The stream of the events endpoint."""
        path = "/v1/workflow/%s/events?user=%s" % (run, user)
        if snapshot:
            path += "&include_state_snapshot=true"
        if more.pop("continues", False):
            path += "&continue_on_pause=true"
        return Stream(self.ask("GET", path, **more))

    def detail(self, run, **more):
        return self.whole("GET", "/v1/workflows/run/" + run, **more)[1]

    def logs(self, query="", **more):
        return self.whole("GET", "/v1/workflows/logs?" + query, **more)[1]["data"]

    def stop(self, task, user="u-1", **more):
        return self.whole("POST", "/v1/workflows/tasks/%s/stop" % task, {"user": user}, **more)

    def stats(self):
        return self.whole("GET", "/sim/stats")[1]

    def truth(self, run):
        """What the simulator itself knows of a run."""
        return self.whole("GET", "/sim/runs/" + run)[1]

    def truths(self, query=""):
        return self.whole("GET", "/sim/runs?" + query)[1]

    def until(self, ask, holds):
        """Asks again until the answer is as wanted, which it has to become."""
        for _ in range(100000):
            answer = ask()
            if holds(answer):
                return answer
        raise wire.Broken("it never came to be: %r" % (answer,))

    def until_over(self, run, **more):
        """The detail of a run once it is over."""
        return self.until(lambda: self.detail(run, **more),
                          lambda row: row.get("status") in FINISHED)


class Stream:
    """The events of an answer as they come. Pings stand as "ping"."""

    def __init__(self, connection):
        self.connection = connection
        self.chunks = []   # bytes
        self.frames = []   # texts
        self.source = self.read_frames()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def read_frames(self):
        rest = b""
        for chunk in self.connection.chunks():
            self.chunks.append(chunk)
            rest += chunk
            while b"\n\n" in rest:
                frame, rest = rest.split(b"\n\n", 1)
                yield frame.decode("utf-8")
        self.rest = rest

    def read(self):
        """Reads all to the end."""
        for _ in self:
            pass
        self.connection.close()
        return self

    def __iter__(self):
        for frame in self.source:
            self.frames.append(frame)
            yield "ping" if frame == PING else event(frame)

    def take(self, count):
        """Reads so many frames; fewer are an error."""
        for _ in range(count):
            self.frames.append(next(self.source))
        return self

    def until(self, name):
        """Reads to an event of that name, which has to come; its JSON."""
        for said in self:
            if name == said or said != "ping" and said.get("event") == name:
                return said
        raise wire.Broken("no %s came, but %s and %s" % (name, self.names, self.end))

    @property
    def end(self):
        """last-chunk, eof-premature, reset; "" while it goes on."""
        return "reset" if self.connection.was_reset else self.connection.end

    @property
    def said(self):
        return [event(frame) for frame in self.frames if frame != PING]

    @property
    def names(self):
        return ["ping" if frame == PING else event(frame).get("event", "?")
                for frame in self.frames]

    @property
    def events(self):
        """The names without pings."""
        return [name for name in self.names if name != "ping"]

    @property
    def run(self):
        return next(said["workflow_run_id"] for said in self.said if "workflow_run_id" in said)

    @property
    def task(self):
        return next(said["task_id"] for said in self.said if said.get("task_id"))

    @property
    def finish(self):
        """The data of workflow_finished, None if it did not come."""
        return next((said["data"] for said in self.said
                     if said.get("event") == "workflow_finished"), None)
