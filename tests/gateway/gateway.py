"""The gateway under test, `difystream serve`: started, asked, killed, started again, and stopped.

    with Simulator(build, scenario, key="app-flow") as simulator, \\
            Gateway(build, {"flow": app_of(simulator)}) as gateway:
        status, result = gateway.whole("POST", "/api/runs", {"inputs": {"word": "a"}})
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
for tests in ("sim", "system", "oracle"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), tests))

import support
import wire
from server import DEADLINE_S, Asked, Connection, Simulator

RECORDINGS = os.path.join(os.path.dirname(HERE), "recordings")
CRASHED = ("Sanitizer", "runtime error", "Assertion")
JSON = {"Content-Type": "application/json"}
EVENT_STREAM = {"Accept": "text/event-stream"}
ASYNC = {"Prefer": "respond-async"}


def arguments(more=None):
    """Those of a test; `checks` to count with, and a `folder` that goes at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=os.path.abspath)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=None, help="of what is random")
    parser.add_argument("--only", default="", help="tests whose name has this")
    if more is not None:
        more(parser)
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1 << 32)
    given.checks = support.Checks()
    given.checks.name = "gateway." + os.path.splitext(os.path.basename(sys.argv[0]))[0]
    given.temporary = tempfile.TemporaryDirectory(prefix="difystream-gateway-")
    given.folder = given.temporary.name
    return given


def run_tests(given, *tests):
    """Runs the functions whose name has given.only, each with `given`."""
    names = []
    for test in tests:
        if given.only in test.__name__:
            names.append(test.__name__)
            test(given)
    given.checks.finish("%s; seed %d" % (", ".join(names), given.seed))


def scenario(given, name, text):
    path = os.path.join(given.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def app_of(simulator, key=None, **settings):
    """An app of a configuration: one of the simulator's."""
    return dict({"base_url": "http://127.0.0.1:%d/v1" % simulator.port,
                 "api_key": key or simulator.key}, **settings)


def quiet_port():
    """A port that the system gives to nobody who asks for any: while the gateway is down nobody
    else gets it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())
    return random.SystemRandom().choice([*range(10000, first), *range(last + 1, 65536)])


class Gateway(Asked):
    """A gateway; a context manager, whose end checks that it ended well.

    `apps` are those of the configuration, as app_of() makes them; `settings` its other members.
    Without `store` there is none; else it is a path, or the name of a file in `folder`, which is
    made (and goes in the end) unless one is given. `keeps_port`: it is to be killed and started
    again. `speed` is that of its clocks towards Dify. The program is $DIFYSTREAM, else the
    build's."""

    def __init__(self, build, apps, folder=None, store="runs.db", speed=1, keeps_port=False,
                 environment=None, listen=None, **settings):
        self.temporary = tempfile.TemporaryDirectory(prefix="difystream-gateway-")
        self.folder = folder or self.temporary.name
        self.program = os.environ.get("DIFYSTREAM") or os.path.join(build, "difystream")
        self.environment = dict(os.environ, HOME=self.folder, TMPDIR=self.folder,
                                DIFYSTREAM_SPEED=str(speed), **(environment or {}))
        self.store = os.path.join(self.folder, store) if store else None
        self.configuration = dict({"apps": apps, "store": {"path": self.store or "none"},
                                   "log": {"level": "info"}}, **settings)
        self.listen, self.keeps_port, self.port = listen, keeps_port, 0
        self.log, self.logs, self.starts = [], threading.Condition(), 0
        self.path = os.path.join(self.folder, "gateway-%s.yaml" % uuid.uuid4().hex[:8])
        self.start()

    # ---- its life --------------------------------------------------------------------------

    def start(self):
        """Starts it, at first or again, then at the same port."""
        self.is_told = False  # to end
        for _ in range(100):  # ports to try
            port = self.port or (quiet_port() if self.keeps_port else 0)
            self.configuration["listen"] = self.listen or "127.0.0.1:%d" % port
            with open(self.path, "w", opener=lambda path, flags: os.open(path, flags, 0o600),
                      encoding="utf-8") as file:
                json.dump(self.configuration, file)  # JSON is YAML
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.path], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            found = self.read_port()
            if found is not None:
                break
            if self.port or not self.keeps_port or "in use" not in self.log[-1]:
                raise SystemExit("the gateway did not start: " + "".join(self.log[-50:]))
        self.port = found
        self.starts += 1
        self.reader = threading.Thread(target=self.drain, args=[self.process.stderr], daemon=True)
        self.reader.start()
        return self

    def read_port(self):
        """The port it listens at (0: a socket in the file system); None: it did not start."""
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace"))
            match = re.search(r"listening on (?:http://\S*:(\d+)|unix:)", self.log[-1])
            if match:
                return int(match.group(1) or 0)
        self.process.wait()
        self.process.stderr.close()
        return None

    def drain(self, stream):
        for line in stream:
            with self.logs:
                self.log.append(line.decode("utf-8", "replace"))
                self.logs.notify_all()

    def until_logs(self, word, times=1):
        """Waits for so many lines with that word."""
        with self.logs:
            if not self.logs.wait_for(lambda: sum(word in line for line in self.log) >= times,
                                      DEADLINE_S):
                raise wire.Broken("%r never came %d times: %s" % (word, times, "".join(self.log)))

    def over(self):
        """Waits for its end; its status."""
        status = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        self.process.stderr.close()
        return status

    def kill(self):
        """kill -9. True, if it lived until then."""
        self.process.kill()
        return self.over() == -signal.SIGKILL and not self.has_crashed()

    def terminate(self):
        """Asks it to drain."""
        self.is_told = True
        self.process.terminate()

    def has_crashed(self):
        return any(word in line for line in self.log for word in CRASHED)

    def end(self):
        """Stops it; what it said if that was not as it should be, else None."""
        if self.process.returncode is None:
            if not self.is_told:  # twice is another thing
                self.terminate()
            try:
                self.process.wait(DEADLINE_S / 2)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)  # it waits for runs; now it does not
            status = self.over()
        else:
            status = max(self.process.returncode, 0)  # it was killed by the test
        text = "".join(self.log)
        self.temporary.cleanup()
        return None if status == 0 and not self.has_crashed() else "status %d: %s" % (status, text)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        text = self.end()
        if text and error == (None, None, None):
            raise AssertionError("the gateway did not end well: " + text[-6000:])

    # ---- requests --------------------------------------------------------------------------

    def connect(self, receive_bytes=None):
        return Connection(self.port, receive_bytes)

    def send(self, method, path, body=None, fields=None, connection=None):
        """Sends a request, on a connection of its own unless one is given, and reads nothing. A
        body that is not bytes is JSON, unless it is a Form."""
        headers = {"Host": "127.0.0.1:%d" % self.port}
        data = b""
        if isinstance(body, Form):
            data, headers["Content-Type"] = body.bytes(), body.content_type
        elif body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8")
            headers["Content-Type"] = "application/json"
        if body is not None or method == "POST":
            headers["Content-Length"] = str(len(data))
        headers.update(fields or {})
        connection = connection or self.connect()
        connection.send(wire.request_bytes(method, path, headers, data))
        return connection

    def run(self, run):
        """A run's state or result."""
        return self.whole("GET", "/api/runs/" + run)[1]

    def events(self, run, last=None, receive_bytes=None):
        """The log of a run as a stream; `last`: the id that was seen last."""
        fields = dict(EVENT_STREAM, **({"Last-Event-ID": last} if last else {}))
        connection = self.send("GET", "/api/runs/%s/events" % run, fields=fields,
                               connection=self.connect(receive_bytes))
        return Events(connection.read_head())

    def until_over(self, run):
        """A run's result, once there is one: its stream is read to its end."""
        return self.events(run).read().result


class Form:
    """A multipart body: fields, and files as (field, name, type, bytes)."""

    def __init__(self, fields=None, files=()):
        self.fields, self.files = dict(fields or {}), list(files)
        self.boundary = "form-" + uuid.uuid4().hex
        self.content_type = "multipart/form-data; boundary=" + self.boundary

    def bytes(self):
        parts = [("Content-Disposition: form-data; name=\"%s\"\r\n\r\n%s" % pair).encode("utf-8")
                 for pair in self.fields.items()]
        for field, name, kind, data in self.files:
            head = "Content-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n" \
                "Content-Type: %s\r\n\r\n" % (field, name, kind)
            parts.append(head.encode("utf-8") + data)
        return b"".join(b"--%s\r\n%s\r\n" % (self.boundary.encode(), part) for part in parts) + \
            b"--%s--\r\n" % self.boundary.encode()


class Events:
    """A stream of a run's log. `records` are (id, event, data) as they came, those with an id;
    `others` the rest of events; `result` that of the end, None until it has come."""

    def __init__(self, connection):
        self.connection = connection
        self.status = connection.status
        self.records, self.others, self.result, self.last = [], [], None, None
        self.rest, self.chunks = b"", connection.chunks()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def __iter__(self):
        """Events as they come: (id, event, data)."""
        while True:
            while b"\n\n" in self.rest:
                frame, self.rest = self.rest.split(b"\n\n", 1)
                found = self.take(frame.decode("utf-8"))
                if found is not None:
                    yield found
            chunk = next(self.chunks, None)
            if chunk is None:
                return
            self.rest += chunk

    def take(self, frame):
        number, name, data = None, "message", []
        for line in frame.split("\n"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "id":
                number = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if not data:
            return None  # a comment, or the time to wait
        found = (number, name, "\n".join(data))
        if name == "end":
            self.result = json.loads(found[2])
        (self.records if number is not None else self.others).append(found)
        self.last = number or self.last
        return found

    def next(self):
        """The next one, which has to come."""
        for found in self:
            return found
        raise wire.Broken("the stream has ended: %s" % (self.connection.end or "broken"))

    def read(self):
        """Reads all to the end, and closes."""
        if self.status == 200:
            for _ in self:
                pass
        self.connection.close()
        return self

    @property
    def is_whole(self):
        """It ended as it should, with the result."""
        return self.result is not None and self.connection.end == "last-chunk"
