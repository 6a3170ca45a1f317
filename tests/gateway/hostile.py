#!/usr/bin/env python3
"""Requests that nobody should send, and clients that take all they can get, against the gateway:
each is refused as it should be, nothing is left of it, and others are served meanwhile."""

import concurrent.futures
import json
import os
import random
import re
import resource
import select
import signal
import socket
import threading
import time

import gateway
import hostile_probes as probes
import support
import wire
from gateway import ASYNC, DEADLINE_S, EVENT_STREAM, Form, Gateway, Simulator, app_of
from hostile_probes import request

AT_ONCE = 16
BYTEWISE_BYTES = 700
RANDOM = 300
MIB = 1 << 20
GROWTH_BYTES = 48 * MIB  # of the process, over all probes
LAST = b"GET /healthz HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
RESOURCES = {503}  # refusals that are no mistake of the request's
SCENARIO = """
release: 1.14.2
apps:
  - name: flow
    key: app-flow
    inputs:
      - {name: word, required: true, max_length: 100}
      - {name: pic, type: file, file_types: [image]}
    runs:
      - when: {inputs: {word: slow}}
        nodes: [start, {type: code, seconds: 100000}, {type: end, outputs: {a: 1}}]
      - when: {inputs: {word: long}}
        nodes: [start, {type: iteration, over: 300, nodes: [{type: code, size: 60000}]},
                {type: end, outputs: {a: 1}}]
      - when: {inputs: {word: big}}
        nodes: [start, {type: end, size: 4000000, outputs: {a: 1}}]
      - nodes: [start, {type: llm, text: "a b"}, {type: end, outputs: {a: "{{inputs.word}}"}}]
"""


# ---- requests as bytes -------------------------------------------------------------------------

def exchange(port, data, bytewise=False, ends=False):
    """Sends and reads at once, to the end: what came, and whether it was the server that closed."""
    received, rest = [], memoryview(data)
    until = time.monotonic() + DEADLINE_S
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        while time.monotonic() < until:
            readable, writable, _ = select.select([sock], [sock] if rest else [], [], DEADLINE_S)
            try:
                if writable:
                    rest = rest[sock.send(rest[:1] if bytewise else rest[:1 << 18]):]
                    if not rest and ends:
                        sock.shutdown(socket.SHUT_WR)
            except OSError:
                rest = memoryview(b"")  # it was answered before it was read
            try:
                if readable:
                    piece = sock.recv(1 << 18)
                    if not piece:
                        return b"".join(received), True
                    received.append(piece)
            except BlockingIOError:
                pass
            except OSError:  # reset
                return b"".join(received), True
    return b"".join(received), False


def take_answer(data, is_head):
    """The first answer, as (status, fields, body), and the rest. Interim ones are passed over."""
    while True:
        head, mark, rest = data.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]*(?:\r\n|$)", head)
        if not match or not mark:
            raise wire.Broken("no answer: %r" % data[:100])
        if match.group(1) != b"100":
            break
        data = rest
    status = int(match.group(1))
    fields = {name.strip().lower(): value.strip() for name, _, value in
              (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    if is_head or status == 204:
        return (status, fields, b""), rest
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while True:
            size, mark, rest = rest.partition(b"\r\n")
            count = int(size, 16)
            if len(rest) < count + 2:
                raise wire.Broken("an answer cut in a chunk")
            body, rest = body + rest[:count], rest[count + 2:]
            if count == 0:
                return (status, fields, body), rest
    if b"content-length" not in fields:
        return (status, fields, rest), b""
    length = int(fields[b"content-length"])
    if len(rest) < length:
        raise wire.Broken("an answer cut in its body")
    return (status, fields, rest[:length]), rest[length:]


def answers(data, first):
    found = []
    while data:
        answer, data = take_answer(data, first.startswith(b"HEAD ") and not found)
        found.append(answer)
    return found


def is_error(answer):
    """An error of the gateway's form, or of Dify's below /v1, that tells nothing of what is inside."""
    status, fields, body = answer
    if status < 400:
        return True
    try:
        said = json.loads(body)
    except ValueError:
        return False
    text = body.decode("utf-8")
    is_result = list(said)[:5] == ["success", "error", "code", "message", "data"]  # of no run
    is_dify = list(said) == ["code", "message", "status"] and said["status"] == status
    return (is_dify or said["success"] is False and (
        is_result or said["error"] == said["detail"] and list(said)[:6] == [
            "success", "error", "detail", "code", "message", "run_id"])) and \
        isinstance(said["message"], str) and "\n" not in said["message"] and \
        not re.search(r"app-flow|127\.0\.0\.1|/tmp/|\.c:", text) and \
        fields.get(b"content-type", b"").startswith(b"application/json") and \
        (status not in (429, 503) or b"retry-after" in fields) and \
        (status != 405 or b"allow" in fields)


def wrong(probe, found):
    """Why the answers are not what may come of a probe; None if they are."""
    _, _, statuses, goes_on = probe
    got = [answer[0] for answer in found]
    for answer in found[:-1] if got[-1:] == [200] else found:
        if statuses is None and answer[0] == 501:
            continue
        if not is_error(answer):
            return "answered with %r" % (answer,)
    if statuses is None:  # what it was changed to may be several requests, good ones among them
        bad = [status for status in got if status >= 500 and status not in (501, 503, 505)]
        return "answered with %s" % got if bad else None
    if not got:
        return "not answered"
    if got[0] not in statuses:
        return "answered with %s %s, wanted %s" % (got, found[0][2][:300], statuses)
    if got[1:] not in ([], [200]) and (goes_on != "no more" or got[1:] not in ([400], [501])):
        return "answered with %s" % got
    if goes_on is True and len(got) == 1 and found[0][1].get(b"connection") != b"close":
        return "closed without a word"
    if goes_on in (False, "no more") and 200 in got:
        return "what follows was answered"
    if len(got) == 2 and found[0][1].get(b"connection") == b"close":
        return "it goes on, though it said it would not"
    return None


def send_probe(port, probe, bytewise):
    data = probe[1] + LAST
    try:
        received, is_closed = exchange(port, data, bytewise, ends=probe[2] is None)
        if not is_closed:
            return "was not closed; %r" % received[:200]
        return wrong(probe, answers(received, probe[1]))
    except (wire.Broken, ValueError, OSError) as error:
        return repr(error)


# ---- the world ---------------------------------------------------------------------------------

class Neighbour(threading.Thread):
    """A client that does what it should, one run after another, and must always be served."""

    def __init__(self, port_of):
        super().__init__(daemon=True)
        self.ask, self.count, self.failed = port_of, 0, []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(0.05):
            word = "n%d" % self.count
            try:
                status, said = self.ask("POST", "/api/runs?app=good", {"inputs": {"word": word}})
                if status != 200 or said["data"]["workflow_outputs"] != {"a": word}:
                    self.failed.append((status, said))
            except Exception as error:  # pylint: disable=broad-except
                self.failed.append(repr(error))
            self.count += 1

    def end(self):
        """After one run at least."""
        while self.count == 0 and self.is_alive():
            self.join(0.01)
        self.is_over.set()
        self.join(DEADLINE_S)


class World:
    """A simulator, a gateway with two apps of it, and a neighbour."""

    def __init__(self, given, has_neighbour=True, limits=None, app=None, **settings):
        self.checks, self.given = given.checks, given
        self.spool = os.path.join(given.folder, "spool")
        os.makedirs(self.spool, exist_ok=True)
        self.sim = Simulator(given.build, gateway.scenario(given, "hostile.yaml", SCENARIO),
                             "--quiet", "--speed", "1000", key="app-flow")
        limits = dict({"max_body": probes.MAX_BODY, "max_file": probes.MAX_FILE}, **(limits or {}))
        self.gateway = Gateway(given.build, {"flow": app_of(self.sim, **(app or {})),
                                             "good": app_of(self.sim)}, spool=self.spool,
                               default_app="flow", limits=limits, **settings)
        self.neighbour = Neighbour(self.gateway.whole) if has_neighbour else None
        self.is_plain = not support.instrumentation(self.gateway.program)
        self.pid = self.gateway.process.pid

    def __enter__(self):
        for _ in range(3):  # what is made once is made now
            self.gateway.whole("POST", "/api/runs?app=good", {"inputs": {"word": "w"}})
            self.metric("difystream_connections")
            self.gateway.whole("GET", "/api/runs")
        if self.neighbour:
            self.neighbour.start()
        return self

    def __exit__(self, *error):
        if self.neighbour:
            self.neighbour.end()
            self.checks.equal(self.neighbour.failed[:3], [], "the neighbour is always served")
        self.gateway.__exit__(*error)
        self.sim.__exit__(*error)

    def metric(self, name):
        """The sum of a metric."""
        text = self.gateway.whole("GET", "/metrics")[1].decode("utf-8")
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.split("\n")
                   if re.match(re.escape(name) + r"[ {]", line))

    def memory(self):
        with open("/proc/%d/status" % self.pid, encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024

    def deleted_files(self):
        """Open files without a name: those of the spool. (SQLite has some of its own.)"""
        folder, found = "/proc/%d/fd" % self.pid, []
        for name in os.listdir(folder):
            try:
                found.append(os.readlink(os.path.join(folder, name)))
            except OSError:
                pass
        return [path for path in found if path.startswith(self.spool)]

    def until(self, holds, what):
        """It has to become so."""
        end, has_come = time.monotonic() + DEADLINE_S, False
        while not has_come and time.monotonic() < end:
            has_come = holds()
        return self.checks.true(has_come, what)

    def is_clean(self, what):
        """Nothing is left of what was sent. The neighbour is quiet by then."""
        self.until(lambda: self.metric("difystream_spool_bytes") == 0, what + ": the spool is empty")
        self.until(lambda: not self.deleted_files(), what + ": no open files of the spool")
        self.until(lambda: self.metric("difystream_connections") == 1, what + ": connections")
        self.checks.equal(os.listdir(self.spool), [], what + ": nothing in the folder")


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


# ---- the probes --------------------------------------------------------------------------------

def refused(given):
    """Every probe, the short ones also byte by byte."""
    found = probes.all_probes(given.seed, RANDOM)
    found = [probe for probe in found if given.probe in probe[0]]
    with World(given) as world:
        before = descriptors(world.pid)
        memory = world.memory()
        jobs = [(probe, bytewise) for index, probe in enumerate(found)
                for bytewise in (False, True)
                if not bytewise or (len(probe[1]) <= BYTEWISE_BYTES and index % 4 == 0)]
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            whys = pool.map(lambda job: send_probe(world.gateway.port, *job), jobs)
            for (probe, bytewise), why in zip(jobs, whys):
                world.checks.true(why is None, "probe %s%s" % (
                    probe[0], ", byte by byte" if bytewise else ""), why or "")
        print("%d probes, sent %d times (%.1f s)" % (len(found), len(jobs),
                                                     time.monotonic() - began))
        rows = world.gateway.whole("GET", "/api/runs?app=flow&limit=200")[1]["data"]
        world.neighbour.end()
        world.is_clean("probes")
        world.checks.true(descriptors(world.pid) <= before + 16, "descriptors", "%d, then %d" % (
            before, descriptors(world.pid)))
        if world.is_plain:
            world.checks.true(world.memory() <= memory + GROWTH_BYTES, "memory", "%d, then %d" % (
                memory, world.memory()))
        world.checks.true(all(row["success"] is False for row in rows), "no run came of them", rows)


class SlowClients:
    """Heads and bodies that come a byte a second: the clocks of the server end them."""

    def __init__(self, world):
        self.world, self.threads, self.failed = world, [], []
        head = b"GET /api/runs HTTP/1.1\r\nHost: a.example\r\nX: "
        body = b"POST /api/detect HTTP/1.1\r\nHost: a.example\r\nContent-Type: %s\r\n" \
            b"Content-Length: 100000\r\n\r\n" % probes.FORM
        self.counts = {}
        for name, data in (("head", head), ("nothing", b""), ("body", body), (
                "file", body + probes.file(b"pic", b"a.png", b"x" * 1000)[:-2]), (
                "JSON", body.replace(probes.FORM, b"application/json"))):
            thread = threading.Thread(target=self.drip, args=[name, data], daemon=True)
            thread.start()
            self.threads.append(thread)

    def drip(self, name, data):
        until = time.monotonic() + 2 * DEADLINE_S
        received = b""
        with socket.create_connection(("127.0.0.1", self.world.gateway.port), DEADLINE_S) as sock:
            sock.sendall(data)
            while time.monotonic() < until:
                if select.select([sock], [], [], 1)[0]:
                    try:
                        piece = sock.recv(65536)
                    except OSError:
                        piece = b""
                    received += piece
                    if not piece:
                        break
                elif data:
                    try:
                        sock.sendall(b"x")
                    except OSError:
                        pass
            else:
                self.failed.append((name, "was not closed"))
                return
        status = take_answer(received, False)[0][0] if received else None
        if status not in (408, None if name == "nothing" else 408):
            self.failed.append((name, status))

    def end(self):
        for thread in self.threads:
            thread.join(2 * DEADLINE_S)
        self.world.checks.equal(self.failed, [], "slow clients are cut")


def slow_begin(given):
    """They take the time of the server's clocks, so all else goes on meanwhile."""
    given.slow_world = World(given)
    given.slow_world.__enter__()
    given.slow = SlowClients(given.slow_world)


def slow_end(given):
    try:
        given.slow.end()
        given.slow_world.neighbour.end()
        given.slow_world.is_clean("slow clients")
    finally:
        given.slow_world.__exit__(None, None, None)


def cut_short(given):
    """Requests that stop somewhere, by an end of what is sent or a reset: nothing comes of them, and
    nothing stays."""
    source = random.Random(given.seed)
    good = [probes.post("/api/detect", probes.field(b"word", b"cut") + probes.file(
        b"pic", b"a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 50000) + probes.END, probes.FORM),
            probes.post("/api/runs", b'{"inputs": {"word": "cut"}}', b"application/json"),
            probes.chunked("/api/runs", b"application/json",
                           b'1b\r\n{"inputs": {"word": "cut"}}\r\n0\r\n\r\n')]
    with World(given) as world:
        for number in range(300):
            data = source.choice(good)
            data = data[:source.randrange(1, len(data) - 4)]
            how = source.choice(("ends", "leaves", "resets"))
            if how == "ends":
                received, is_closed = exchange(world.gateway.port, data, ends=True)
                got = [answer[0] for answer in answers(received, data)]
                world.checks.true(is_closed and got in ([], [400], [408]), "cut at %d of %r" % (
                    len(data), data[:20]), got)
                continue
            connection = world.gateway.connect()
            connection.send(data)
            (connection.close if how == "leaves" else connection.abort)()
        world.neighbour.end()
        world.is_clean("cut short")
        rows = world.gateway.whole("GET", "/api/runs?app=flow&limit=200")[1]["data"]
        world.checks.equal(rows, [], "no run came of them")


def last_ids(given):
    """An id that is none of the run's is told, and all comes again."""
    ids = ["1", "1-2-3", "-1", "-1--1", "4294967296-1", "1-4294967296", "9" * 5000, "%00", "a-b",
           "1-" + "9" * 300, "-", "0-0", "1-0x2", "\u6c34", "4294967295-4294967295", "1,2", "null"]
    with World(given) as world:
        run = world.gateway.whole("POST", "/api/runs", {"inputs": {"word": "w"}})[1]["run_id"]
        whole = world.gateway.events(run).read()
        world.checks.true(whole.is_whole and whole.records, "its log")
        for last in ids:
            events = world.gateway.events(run, last).read()
            world.checks.true(
                events.status == 200 and events.is_whole and events.records == whole.records and
                [name for _, name, _ in events.others] == ["reset"], "Last-Event-ID " + last[:30],
                (events.status, events.others))


# ---- clients that take all they can get --------------------------------------------------------

def pipelined(given):
    """10,000 requests at once on one connection are answered one after another; of one who does not
    read the answers no more are taken than fit into what may wait."""
    count = 10000
    one = request(b"GET", "/healthz") + request(b"GET", "/api/runs/" + probes.UNKNOWN)
    with World(given) as world:
        received, is_closed = exchange(world.gateway.port, one * (count // 2) + LAST)
        got = [answer[0] for answer in answers(received, one)]
        world.checks.true(is_closed and got == [200, 404] * (count // 2) + [200],
                          "as many answers, in order", (len(got), got[:10]))
        memory = world.memory()
        deaf = [world.gateway.connect(4096) for _ in range(20)]
        for connection in deaf:
            connection.socket.setblocking(False)
        for connection in deaf:
            data = memoryview(one * count)
            try:
                while data:
                    data = data[connection.socket.send(data):]
            except (BlockingIOError, OSError):
                pass  # it takes no more
        world.gateway.whole("GET", "/healthz")
        if world.is_plain:
            world.checks.true(world.memory() <= memory + 16 * MIB, "memory for who does not read",
                              (memory, world.memory()))
        for connection in deaf:
            connection.abort()
        world.neighbour.end()
        world.is_clean("pipelined")


def connections(given):
    """One connection over the ceiling is told, and the next one after an end is taken."""
    most = 64
    with World(given, has_neighbour=False, limits={"max_connections": most}) as world:
        world.until(lambda: world.metric("difystream_connections") == 1, "they are gone")
        held = [world.gateway.ask("GET", "/healthz") for _ in range(most)]
        world.checks.equal([one.status for one in held], [200] * most, "as many as may be")
        for _ in range(10):
            received, is_closed = exchange(world.gateway.port, LAST)
            found = answers(received, LAST)
            world.checks.true(is_closed and [one[0] for one in found] in ([503], []) and
                              all(map(is_error, found)), "one more", found)
        held.pop().close()

        def is_taken():
            received, _ = exchange(world.gateway.port, LAST)
            return received.startswith(b"HTTP/1.1 200")

        world.until(is_taken, "one is taken again")
        for connection in held:
            connection.close()
        world.until(is_taken, "others are served")
        world.is_clean("connections")


def descriptors_run_out(given):
    """The process takes as many descriptors as it may have, and more clients than that do not keep
    it from serving those it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        world = World(given)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with world:
        held = [world.gateway.ask("GET", "/healthz") for _ in range(400)]
        world.checks.equal({one.status for one in held}, {200}, "more than the soft limit")
        for connection in held:
            connection.close()
        world.neighbour.end()
        world.is_clean("descriptors")


def stop_all(world, runs):
    for run in runs:
        world.gateway.whole("POST", "/api/runs/%s/stop" % run)
    for run in runs:
        world.gateway.until_over(run)


def start_slow(world, word="slow"):
    status, said = world.gateway.whole("POST", "/api/runs", {"inputs": {"word": word}},
                                       fields=ASYNC)
    world.checks.equal(status, 202, "a run is taken")
    return said["run_id"]


def followers(given):
    most = 20
    with World(given, limits={"max_followers": most}) as world:
        run = start_slow(world)
        held = [world.gateway.events(run) for _ in range(most)]
        world.checks.equal([one.status for one in held], [200] * most, "as many as may be")
        path = "/api/runs/%s/events" % run
        for _ in range(10):
            with world.gateway.ask("GET", path, fields=EVENT_STREAM) as connection:
                world.checks.true(connection.status == 503 and
                                  connection.header("Retry-After") == "5", "one more",
                                  connection.head)
        with world.gateway.ask("GET", "/api/runs/" + run) as connection:
            world.checks.equal(connection.status, 200, "its state is told all the same")
        held.pop().connection.close()

        def is_taken():
            with world.gateway.ask("GET", path, fields=EVENT_STREAM) as connection:
                return connection.status == 200

        world.until(is_taken, "one is taken again")
        for one in held:
            one.connection.close()
        stop_all(world, [run])
        world.neighbour.end()
        world.is_clean("followers")


def queue(given):
    """More runs than may run and wait: refused before and behind their body, and others go on."""
    with World(given, app={"max_runs": 2, "queue": 3}) as world:
        runs = [start_slow(world) for _ in range(5)]
        for body in ({"inputs": {"word": "slow"}}, Form({"word": "slow"}),
                     Form({"word": "a"}, [("pic", "a.png", "image/png", b"x" * MIB)])):
            for path in ("/api/runs", "/api/detect"):
                for fields in ({}, {"Idempotency-Key": "a"}, EVENT_STREAM):
                    with world.gateway.ask("POST", path, body, fields=fields) as connection:
                        world.checks.true(connection.status == 429 and
                                          connection.header("Retry-After") == "5",
                                          "one more is refused", connection.head)
        stop_all(world, runs)
        status, said = world.gateway.whole("POST", "/api/runs", {"inputs": {"word": "a"}})
        world.checks.true(status == 200 and said["success"], "and one is taken again", said)
        world.neighbour.end()
        world.is_clean("queue")


def uploads(given):
    """A thousand uploads that do not go on: the spool has its ceiling, and gets all of it back."""
    most, piece = 32 * MIB, 100000
    head = b"POST /api/detect HTTP/1.1\r\nHost: a.example\r\nContent-Type: %s\r\n" \
        b"Content-Length: 1000000\r\n\r\n" % probes.FORM
    data = head + probes.file(b"pic", b"../../a.png", b"x" * piece)[:-2]
    with World(given, limits={"spool": most}) as world:
        memory = world.memory()
        held = [world.gateway.connect() for _ in range(1000)]
        for connection in held:
            connection.send(data)
        world.until(lambda: world.metric("difystream_spool_bytes") > most - 2 * piece,
                    "the spool is full")
        world.checks.true(world.metric("difystream_spool_bytes") <= most, "and no fuller")
        waiting, refused_ones = [], 0
        for connection in held[1:]:  # those before it have been read, too
            if connection.has_come():
                connection.read_head()
                world.checks.true(connection.status == 503 and
                                  connection.header("Retry-After") == "5", "refused",
                                  connection.head)
                refused_ones += 1
            else:
                waiting.append(connection)
        world.checks.true(refused_ones >= 1000 - most // piece - 100 and
                          len(waiting) >= most // piece - 100, "some wait, and some are refused",
                          (refused_ones, len(waiting)))
        if world.is_plain:
            world.checks.true(world.memory() <= memory + 64 * MIB, "memory for uploads",
                              (memory, world.memory()))
        with world.gateway.ask("POST", "/api/detect", Form({"word": "a"}, [
                ("pic", "a.png", "image/png", b"x" * MIB)])) as connection:
            world.checks.equal(connection.status, 503, "no room for a good one either")
        for index, connection in enumerate(held):
            (connection.abort if index % 2 else connection.close)()
        world.until(lambda: world.metric("difystream_spool_bytes") == 0, "all of it comes back")
        status, said = world.gateway.whole("POST", "/api/detect", Form({"word": "a"}, [
            ("pic", "a.png", "image/png", b"\x89PNG\r\n\x1a\n" + b"x" * MIB)]))
        world.checks.true(status == 200 and said["success"], "and a good one is taken", said)
        world.neighbour.end()
        world.is_clean("uploads")


def lookups(given):
    """More look-ups at once than may wait for the store: each is answered."""
    count = 2500
    with World(given) as world:
        held = [world.gateway.connect() for _ in range(count)]
        world.gateway.process.send_signal(signal.SIGSTOP)  # that they come at once
        for index, connection in enumerate(held):
            connection.send(request(b"GET", "/api/runs/01a22914-fc67-7554-a8cb-%012x" % index,
                                    b"Connection: close"))
        world.gateway.process.send_signal(signal.SIGCONT)
        statuses = {404: 0, 503: 0}
        for connection in held:
            connection.read_head()
            statuses[connection.status] = statuses.get(connection.status, 0) + 1
            if connection.status == 503:
                world.checks.equal(connection.header("Retry-After"), "5", "when to come again")
            connection.close()
        world.checks.true(set(statuses) == {404, 503} and statuses[404] >= 1000 and
                          statuses[503] > 0, "found not, or busy", statuses)
        world.neighbour.end()
        world.is_clean("lookups")


def deaf(given):
    """Clients that ask for much and read nothing of it."""
    with World(given) as world:
        status, said = world.gateway.whole("POST", "/api/runs", {"inputs": {"word": "long"}})
        world.checks.equal(status, 200, "a run with a large log")
        memory = world.memory()
        held = [world.gateway.send(
            "GET", "/api/runs/%s/events" % said["run_id"], fields=EVENT_STREAM,
            connection=world.gateway.connect(4096)) for _ in range(100)]
        for connection in held:
            connection.read_head()
        world.gateway.whole("GET", "/healthz")
        if world.is_plain:
            world.checks.true(world.memory() <= memory + 32 * MIB, "memory of streams unread",
                              (memory, world.memory()))
        for connection in held:
            connection.abort()
        large = world.gateway.whole("POST", "/api/runs", {"inputs": {"word": "big"}})[1]["run_id"]
        for path, statuses in (("/api/runs/" + large, {200, 503}),
                               ("/api/runs/%s/events" % large, {200})):
            held = [world.gateway.send("GET", path, connection=world.gateway.connect(4096))
                    for _ in range(200)]
            got = [connection.read_head().status for connection in held]
            world.checks.equal(set(got), statuses, "of large answers some, of large events a begin")
            if world.is_plain:
                world.checks.true(world.memory() <= memory + 400 * MIB, "memory of what is unread",
                                  (memory, world.memory()))
            for connection in held:
                connection.abort()
            world.until(lambda: world.gateway.whole("GET", "/api/runs/" + large)[0] == 200,
                        "and it is answered again")
        world.neighbour.end()
        world.is_clean("deaf")


def main():
    given = gateway.arguments(lambda parser: parser.add_argument(
        "--probe", default="", help="probes with this in their name"))
    given.slow_world = None
    try:
        gateway.run_tests(given, slow_begin, refused, cut_short, last_ids, pipelined, connections,
                          descriptors_run_out, followers, queue, uploads, lookups, deaf, slow_end)
    finally:
        if given.slow_world:  # it ends in slow_end()
            given.slow_world.gateway.process.kill()
            given.slow_world.sim.process.kill()


if __name__ == "__main__":
    main()
