"""Many who follow one run, as they come, read and leave: each has every record of its log once.

usage: followers.py --source FOLDER --build FOLDER [--followers N] [--idle N] [--only PART]
"""

import resource
import select
import socket
import sqlite3
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

from gateway import (ASYNC, EVENT_STREAM, Events, Gateway, Simulator, app_of, arguments, run_tests,
                     scenario, wire)

SMALL = 4096  # of a slow reader's receive buffer
# A run of many events, one that waits until it is stopped, and a short one.
SCENARIO = """
apps:
  - name: all
    inputs: [{name: case}]
    runs:
      - when: {inputs: {case: long}}
        nodes:
          - start
          - {id: llm, type: llm, seconds: 400, chunks: 400, text: "%s"}
          - {type: end, outputs: {done: true}}
      - when: {inputs: {case: idle}}
        nodes:
          - start
          - {id: llm, type: llm, seconds: 400000, text: "never"}
      - nodes:
          - start
          - {id: llm, type: llm, seconds: 1, text: "About it."}
          - {type: end, outputs: {done: true}}
""" % ("Grün aus Köln. " * 600)
SPEED = 200
PATIENT = {"connect_timeout": 100000, "read_timeout": 1000000, "queue_timeout": 100000}


def serve(given):
    return Simulator(given.build, scenario(given, "followers.yaml", SCENARIO), "--speed",
                     str(SPEED), "--connections", "0", "--workers", "0", "--quiet", key="app-all")


def gateway_for(given, simulator, **more):
    apps = {"all": app_of(simulator, max_runs=100, **PATIENT)}
    return Gateway(given.build, apps, speed=SPEED, drain_timeout=0, **more)


def begin(gateway, case):
    """A run that was accepted."""
    status, answer = gateway.whole("POST", "/api/runs", {"inputs": {"case": case}}, fields=ASYNC)
    if status != 202:
        raise AssertionError("not accepted: %d %s" % (status, answer))
    return answer["run_id"]


def judge(given, followed, log, what, first=1):
    """A follower against the log, read afresh; it has seen `first` and all behind it."""
    given.checks.true(followed.is_whole, what + ": it ended", followed.connection.end)
    given.checks.equal(followed.others, [], what + ": resets")
    given.checks.equal([record[0] for record in followed.records],
                       [record[0] for record in log.records[first - 1:]], what + ": numbers")
    given.checks.true(followed.records == log.records[first - 1:], what + ": records")


def many(given):
    """Some from the beginning, others who come late; slow ones beside quick ones."""
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        run = begin(gateway, "long")
        first = gateway.events(run)
        released = threading.Event()

        def follow(number):
            is_slow = number % 4 == 0
            with gateway.events(run, receive_bytes=SMALL if is_slow else None) as events:
                if is_slow:
                    events.next()
                    released.wait()  # until the run is over it reads no more
                return events.read()

        with ThreadPoolExecutor(given.followers) as pool:
            early = [pool.submit(follow, number) for number in range(given.followers // 2)]
            while len(first.records) < 100:
                first.next()
            late = [pool.submit(follow, number) for number in range(given.followers // 2)]
            first.read()
            released.set()
            followed = [future.result() for future in early + late]
        log = gateway.events(run).read()
        given.checks.true(len(log.records) > 400, "the log is long", len(log.records))
        for number, events in enumerate([first, *followed]):
            judge(given, events, log, "follower %d" % number)


def leaving(given):
    """Clients that leave in the middle, by a reset or by closing, harm nobody; those that close only
    their side get all."""
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        run = begin(gateway, "long")
        stays = gateway.events(run)
        others = [gateway.events(run) for _ in range(30)]
        for number, events in enumerate(others):
            for _ in range(number):
                events.next()
            if number % 3 == 0:
                events.connection.abort()
            elif number % 3 == 1:
                events.connection.close()
            else:
                events.connection.socket.shutdown(socket.SHUT_WR)
        halves = [events.read() for events in others[2::3]]
        stays.read()
        log = gateway.events(run).read()
        judge(given, stays, log, "who stays")
        for number, events in enumerate(halves):
            judge(given, events, log, "half closed, %d" % number)
        # who left in the middle comes again
        last = others[10].last
        again = gateway.events(run, last=last).read()
        judge(given, again, log, "come again", int(last.split("-")[1]) + 1)


def ended(given):
    """A run that has ended: from any record on, slowly too; after its end 204; an id that is not of
    its log gets a reset and all of it. The same after a restart."""
    with serve(given) as simulator, gateway_for(given, simulator, keeps_port=True) as gateway:
        run = begin(gateway, "long")
        log = gateway.events(run).read()
        given.checks.true(log.is_whole, "the run ends")
        for what in ("at once", "after a restart"):
            count = len(log.records) - 1  # the end aside
            for seen in (0, 1, count // 2, count - 1, count):
                events = gateway.events(run, last="1-%d" % seen).read()
                judge(given, events, log, "%s, after %d" % (what, seen), seen + 1)
            given.checks.equal(gateway.events(run, last=log.last).status, 204,
                               what + ": nothing is behind the end")
            for last in ("2-5", "1-%d" % (count + 2), "nonsense", "1-x", "-", "1-99999999999"):
                events = gateway.events(run, last=last).read()
                given.checks.equal([other[1] for other in events.others], ["reset"],
                                   "%s: a reset for %s" % (what, last))
                given.checks.true(events.records == log.records, "%s: all for %s" % (what, last))
            slow(given, gateway, run, log, what)
            given.checks.equal(gateway.whole("GET", "/api/runs/" + run.replace("0", "1")
                                             + "/events")[0], 404, what + ": no such run")
            given.checks.true(gateway.kill(), what + ": killed")
            gateway.start()


def slow(given, gateway, run, log, what):
    """Who reads a little whenever nothing more comes by itself."""
    with gateway.events(run, receive_bytes=SMALL) as events:
        connection = events.connection
        while not connection.at_end:
            select.select([connection.socket], [], [], wire.DEADLINE_S)
            connection.buffer += got if (got := connection.socket.recv(1000)) else b""
            connection.at_end = not got or connection.buffer.endswith(b"\r\n0\r\n\r\n")
        judge(given, events.read(), log, what + ", slowly")


def records_of(bytes_of_log):
    """(kind, text) of each record of a segment."""
    while bytes_of_log:
        kind, length = struct.unpack_from("<cI", bytes_of_log)
        yield kind, bytes_of_log[5:5 + length]
        bytes_of_log = bytes_of_log[5 + length:]


def rewrite(gateway, opens):
    """The log of the only run, as one whose stream was broken and mended for a caller of /v1: every
    third event is one that he does not get, behind every fourth stand what only he gets and a ping.
    Returns the ids that followers see; `opens`: the run is as it was before its end."""
    records, ids = b"", []
    with sqlite3.connect(gateway.store) as rows:
        old = b"".join(row[0] for row in rows.execute("SELECT records FROM segments ORDER BY position"))
        count = 0
        for kind, text in records_of(old):
            if kind in b"VP":
                continue
            count += 1
            kind = b"R" if kind == b"E" and count % 3 == 0 else kind
            records += struct.pack("<cI", kind, len(text)) + text
            ids.append("1-%d" % count)
            if count % 4 == 0:
                records += struct.pack("<cI2scI", b"V", 2, b"{}", b"P", 0)
                count += 2
        rows.execute("DELETE FROM segments")
        rows.execute("INSERT INTO segments (position, count, records) VALUES (1 << 24 | 1, ?, ?)",
                     (count, records))
        if opens:
            rows.execute("DELETE FROM results")
            rows.execute("UPDATE runs SET state = 2, ended = NULL, status = NULL")
    rows.close()
    return ids, count + 1


def for_others(given):
    """What stands in a log only for callers of /v1 is not shown and not folded; its numbers are used
    up. Events that they do not get are shown and folded as any other."""
    with serve(given) as simulator, gateway_for(given, simulator, keeps_port=True) as gateway:
        run = begin(gateway, "short")
        log = gateway.events(run).read()
        for opens in (False, True):
            gateway.terminate()
            given.checks.equal(gateway.over(), 0, "it is stopped")
            ids, end = rewrite(gateway, opens)
            gateway.start()
            seen = gateway.events(run).read()
            given.checks.true(seen.is_whole, "the log is read to its end")
            given.checks.equal([record[1:] for record in seen.records[:len(ids)]],
                               [record[1:] for record in log.records[:-1]], "what is shown")
            given.checks.equal([record[0] for record in seen.records[:len(ids)]], ids, "its numbers")
            given.checks.equal(len(seen.records) - len(ids), 1, "and the end")
            for field in ("success", "answer", "outputs", "total_steps", "total_tokens", "nodes"):
                given.checks.equal(seen.result.get(field), log.result.get(field), "its " + field)
            for last in range(end):
                rest = gateway.events(run, last="1-%d" % last).read()
                given.checks.equal(rest.records, [record for record in seen.records
                                                  if int(record[0].split("-")[1]) > last],
                                   "what comes behind %d" % last)
            given.checks.equal(simulator.stats()["posts"], 1, "POSTs")


def idle(given):
    """So many who follow a run in which nothing happens, and what each costs."""
    need = 2 * given.idle + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < given.idle + 200:
        print("idle followers: skipped, %d files may be open" % hard)
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(need, hard)), hard))
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        run = begin(gateway, "idle")
        first = gateway.events(run)
        while "node_started" not in first.next()[2] or len(first.records) < 4:
            pass
        before, followers = memory(gateway), []
        for _ in range(given.idle):
            followers.append(gateway.send("GET", "/api/runs/%s/events" % run, fields=EVENT_STREAM))
        followers = [Events(connection.read_head()) for connection in followers]
        for events in followers:
            for _ in first.records:
                events.next()
        after = memory(gateway)
        print("%d idle followers: %.1f KB each" % (given.idle, (after - before) / given.idle))
        status, answer = gateway.whole("POST", "/api/runs/%s/stop" % run)
        given.checks.equal(status, 202, "it is stopped: %s" % answer)
        for events in [first, *followers]:
            events.read()
        log = gateway.events(run).read()
        for number, events in enumerate([first, *followers]):
            judge(given, events, log, "idle follower %d" % number)


def memory(gateway):
    """Of the process, in KB."""
    with open("/proc/%d/status" % gateway.process.pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def main():
    given = arguments(lambda parser: (
        parser.add_argument("--followers", type=int, default=200),
        parser.add_argument("--idle", type=int, default=1000)))
    run_tests(given, many, leaving, ended, for_others, idle)


if __name__ == "__main__":
    main()
