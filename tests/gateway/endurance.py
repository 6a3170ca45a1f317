"""What the gateway lives through: the same key many times, being stopped, clients that leave, bodies
that never end, a store that cannot be written.

usage: endurance.py --source FOLDER --build FOLDER [--only PART]
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from gateway import (ASYNC, EVENT_STREAM, Events, Form, Gateway, Simulator, app_of, arguments,
                     run_tests, scenario, wire)

SPEED = 200
PATIENT = {"connect_timeout": 100000, "read_timeout": 1000000, "queue_timeout": 100000}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)
SCENARIO = """
apps:
  - name: all
    inputs:
      - {name: case, required: true}
      - {name: picture, type: file-list, file_types: [image]}
    runs:
      - when: {inputs: {case: endless}}
        nodes:
          - start
          - {id: llm, type: llm, seconds: 400000, text: "never"}
      - nodes:
          - start
          - {id: llm, type: llm, seconds: 20, chunks: 20, text: "%s"}
          - {type: end, outputs: {done: true}}
""" % ("About it. " * 300)


def serve(given, *options):
    return Simulator(given.build, scenario(given, "endurance.yaml", SCENARIO), "--speed",
                     str(SPEED), "--connections", "0", "--workers", "0", "--quiet", *options,
                     key="app-all")


def gateway_for(given, simulator, app=None, speed=SPEED, **more):
    settings = dict(max_runs=100, **PATIENT)
    settings.update(app or {})
    more.setdefault("drain_timeout", 0)
    return Gateway(given.build, {"all": app_of(simulator, **settings)}, speed=speed,
                   keeps_port=True, **more)


def order(case="plain", user="u-1"):
    return {"inputs": {"case": case}, "user": user}


def form(case="plain", user="u-1", data=PNG):
    return Form({"case": case, "user": user}, [("picture", "a.png", "image/png", data)])


def begin(gateway, case, fields=None):
    """A run that was accepted."""
    status, answer = gateway.whole("POST", "/api/runs", order(case), fields=dict(ASYNC,
                                                                                **(fields or {})))
    if status != 202:
        raise AssertionError("not accepted: %d %s" % (status, answer))
    return answer["run_id"]


def until_sent(gateway, simulator, run, case="endless"):
    """Its stream, once Dify runs it."""
    events = gateway.events(run)
    for _, name, data in events:
        if "node_started" in data:
            return events
    raise wire.Broken("run %s of case %s has ended" % (run, case))


def known(gateway, dify_run):
    """Dify's id of a run, once the gateway has heard it."""
    while gateway.whole("GET", "/api/runs/" + dify_run)[0] == 404:
        pass
    return dify_run


# ---- the same key --------------------------------------------------------------------------------

def same_key(given):
    """Twenty at once, after a kill, after the end: one run, and one answer."""
    for what, path, make in (("JSON", "/api/runs", order), ("a form", "/api/detect", form)):
        with serve(given) as simulator, gateway_for(given, simulator) as gateway:
            key = {"Idempotency-Key": "the same"}

            def ask(_, path=path, make=make, gateway=gateway, key=key):
                try:
                    return gateway.whole("POST", path, make(), fields=key)
                except (wire.Broken, OSError):
                    return None  # killed meanwhile

            with ThreadPoolExecutor(20) as pool:
                asking = [pool.submit(ask, number) for number in range(20)]
                simulator.until(simulator.stats, lambda stats: stats["posts"] > 0)
                given.checks.true(gateway.kill(), "killed")
                gateway.start()
                again = list(pool.map(ask, range(20)))
                early = [future.result() for future in asking]
            late = [ask(0), gateway.whole("POST", "/api/runs", make(), fields=key)]
            answers = [answer for answer in early + again + late if answer is not None]
            given.checks.true(len(answers) >= 22, what + ": answers", len(answers))
            for status, answer in answers:
                given.checks.equal((status, answer), answers[-1], what + ": one answer for all")
            given.checks.equal((answers[-1][0], answers[-1][1]["success"]), (200, True),
                               what + ": a good one")
            for other in (make(user="u-2"), make(case="other")):
                status, answer = gateway.whole("POST", path, other, fields=key)
                given.checks.equal((status, answer["code"]), (422, "idempotency_key_reused"),
                                   what + ": another request")
            if path == "/api/detect":
                status, _ = gateway.whole("POST", path, form(data=PNG + b"1"), fields=key)
                given.checks.equal(status, 422, what + ": another file")
            stats = simulator.stats()
            given.checks.equal((stats["posts"], stats["runs_started"]), (1, 1), what + ": POSTs")


def refused_key(given):
    """The key of a request that was refused can be used again, for another one, too."""
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        for number, path in enumerate(("/api/runs", "/api/detect")):
            key = {"Idempotency-Key": "key-%d" % number}
            bad = {"inputs": {}, "user": "u-1"} if path == "/api/runs" else Form({"user": "u-1"})
            for _ in range(2):
                status, answer = gateway.whole("POST", path, bad, fields=key)
                given.checks.equal((status, answer["success"]), (400, False), path + ": refused")
            good = order() if path == "/api/runs" else form()
            status, answer = gateway.whole("POST", path, good, fields=key)
            given.checks.equal((status, answer["success"]), (200, True), path + ": used again")
        given.checks.equal(simulator.stats()["posts"], 2, "POSTs")


def overdue_key(given):
    """The key of a run that waited for a place in vain: nothing was sent, so who comes again, as it
    is told to, gets a run, also for another request; what was stopped while it waited stays so."""
    settings = {"max_runs": 1, "queue": 5, "queue_timeout": "1s"}
    for store in ("runs.db", None):
        with serve(given) as simulator, \
                gateway_for(given, simulator, settings, store=store) as gateway:
            endless = begin(gateway, "endless")
            until_sent(gateway, simulator, endless).connection.close()
            keys = [{"Idempotency-Key": "overdue-%d" % number} for number in range(3)]
            for key in keys[:2]:
                status, answer = gateway.whole("POST", "/api/runs", order(), fields=key)
                given.checks.equal((status, answer["code"]), (429, "too_many_runs"), "no place")
            stopped = begin(gateway, "plain", keys[2])
            gateway.whole("POST", "/api/runs/%s/stop" % stopped)
            given.checks.equal(gateway.until_over(stopped)["code"], "cancelled", "stopped")
            gateway.whole("POST", "/api/runs/%s/stop" % endless)
            gateway.until_over(endless)
            for key, user in zip(keys[:2], ("u-1", "u-2")):
                for _ in range(20):  # the disk may take its time, too
                    status, answer = gateway.whole("POST", "/api/runs", order(user=user),
                                                   fields=key)
                    if status != 429:
                        break
                given.checks.equal((status, answer["success"]), (200, True), "a place: " + user)
            status, answer = gateway.whole("POST", "/api/runs", order(), fields=keys[2])
            given.checks.equal((answer["code"], answer["run_id"]), ("cancelled", stopped),
                               "it stays stopped")
            given.checks.equal(simulator.stats()["posts"], 3, "POSTs")


def contested_key(given):
    """A key that others use for other requests is still that of its run, also while the app takes
    no new ones."""
    settings = {"max_runs": 1, "queue": 0}
    with serve(given) as simulator, gateway_for(given, simulator, settings) as gateway:
        fields = {"Idempotency-Key": "contested"}
        first = gateway.whole("POST", "/api/runs", order(), fields=fields)
        given.checks.equal((first[0], first[1]["success"]), (200, True), "the first")

        def ask(number):
            user = "u-1" if number % 2 else "u-2"
            return user, gateway.whole("POST", "/api/runs", order(user=user), fields=fields)

        def judge(answers):
            for user, (status, answer) in answers:
                if status == 503:
                    given.checks.equal(answer["code"], "busy", user + ": to come again")
                elif user == "u-1":
                    given.checks.equal((status, answer), first, user + ": the run that there is")
                else:
                    given.checks.equal((status, answer["code"]), (422, "idempotency_key_reused"),
                                       user + ": another request")

        with ThreadPoolExecutor(8) as pool:
            judge(pool.map(ask, range(400)))
        until_sent(gateway, simulator, begin(gateway, "endless")).connection.close()
        judge([ask(1), ask(2)])
        for fields in ({}, {"Idempotency-Key": "new"}):
            status, answer = gateway.whole("POST", "/api/runs", order(), fields=fields)
            given.checks.equal((status, answer["code"]), (429, "too_many_runs"), "a new one")
        given.checks.equal(simulator.stats()["posts"], 2, "POSTs")


# ---- being stopped -------------------------------------------------------------------------------

def until_draining(gateway):
    """Asks for runs until they are refused; the answer that refuses."""
    while True:
        try:
            status, answer = gateway.whole("POST", "/api/runs", {"inputs": {}, "user": "u"})
        except (wire.Broken, ConnectionError):
            return None  # it listens no more
        if status != 400:
            return status, answer


def until_preparing(gateway):
    while b'_runs_waiting{app="all"} 1' not in gateway.whole("GET", "/metrics")[1]:
        pass


def drains(given):
    """SIGTERM: new runs are refused, live ones end and are answered, then it ends."""
    with serve(given) as simulator, gateway_for(given, simulator, drain_timeout=100000) as gateway:
        run = begin(gateway, "endless")
        stays = until_sent(gateway, simulator, run)
        waits = gateway.send("POST", "/api/runs", order())
        idle = gateway.connect()  # a connection from before
        simulator.until(simulator.stats, lambda stats: stats["runs_started"] == 2)
        gateway.terminate()
        refused = until_draining(gateway)
        given.checks.true(refused is None or refused[0] == 503 and refused[1]["code"] == "stopping",
                          "new runs are refused", refused)
        with waits.read_head():
            given.checks.equal((waits.status, b'"success":true' in waits.body()), (200, True),
                               "a live run ends, and is answered")
        task = next(row["task_id"] for row in simulator.truths()["data"]
                    if row["state"] == "playing")
        simulator.stop(task)
        stays.read()
        given.checks.true(stays.is_whole, "who followed has the end", stays.connection.end)
        given.checks.equal(gateway.over(), 0, "then it ends")
        idle.close()


def drains_uploads(given):
    """SIGTERM: a run whose files are being uploaded is not kept anywhere yet; it ends as well."""
    for store in ("runs.db", None):
        with serve(given) as simulator, \
                gateway_for(given, simulator, speed=1, drain_timeout=100000, store=store) as gateway:
            gateway.whole("GET", "/api/apps/all/parameters")
            simulator.process.send_signal(signal.SIGSTOP)
            waits = gateway.send("POST", "/api/detect", form())
            until_preparing(gateway)
            gateway.terminate()
            gateway.until_logs("draining")
            simulator.process.send_signal(signal.SIGCONT)
            with waits.read_head():
                given.checks.equal((waits.status, b'"success":true' in waits.body()), (200, True),
                                   "it ends, and is answered")
            given.checks.equal(gateway.over(), 0, "then it ends")


def leaves(given):
    """Without time to drain: who waits is told where the run is; the next process ends it."""
    with serve(given) as simulator, gateway_for(given, simulator, drain_timeout=0) as gateway:
        key = {"Idempotency-Key": "left"}
        waits = gateway.send("POST", "/api/runs", order("endless"), fields=key)
        simulator.until(simulator.stats, lambda stats: stats["runs_started"] == 1)
        run = begin(gateway, "endless", key)
        follows = until_sent(gateway, simulator, run)
        gateway.terminate()
        with waits.read_head():
            answer = waits.body()
            given.checks.equal((waits.status, b'"success":true' in answer, run.encode() in answer),
                               (503, False, True), "who waits is told: %s" % answer)
        follows.read()
        given.checks.equal((follows.result, follows.connection.end), (None, "last-chunk"),
                           "who follows comes again")
        given.checks.equal(gateway.over(), 0, "it ends at once")
        gateway.start()
        again = gateway.events(run, last=follows.last)
        status, _ = gateway.whole("POST", "/api/runs/%s/stop" % run)
        given.checks.equal(status, 202, "the next process can stop it")
        again.read()
        log = gateway.events(run).read()
        given.checks.true(again.is_whole, "and ends it", again.connection.end)
        given.checks.equal(follows.records + again.records, log.records, "all of its log, once")
        given.checks.equal(log.result["success"], False, "it was stopped")
        stats = simulator.stats()
        given.checks.equal((stats["posts"], stats["runs_started"]), (1, 1), "POSTs")


def uploading(given):
    """What is being uploaded, or received, when the gateway ends is not begun behind the back of
    who was told that it is not."""
    for store in ("runs.db", None):
        with serve(given) as simulator, \
                gateway_for(given, simulator, speed=1, store=store) as gateway:
            gateway.whole("GET", "/api/apps/all/parameters")
            simulator.process.send_signal(signal.SIGSTOP)
            waits = gateway.send("POST", "/api/detect", form())
            body = form(user="slow")
            head = {"Content-Type": body.content_type, "Content-Length": str(len(body.bytes()))}
            slow, never = gateway.connect(), gateway.connect()
            for connection in (slow, never):
                connection.send(wire.request_bytes("POST", "/api/detect", dict(head, Host="a"),
                                                   body.bytes()[:-10]))
            until_preparing(gateway)
            gateway.terminate()
            with waits.read_head():
                given.checks.equal(waits.status, 503, "it is told")
            simulator.process.send_signal(signal.SIGCONT)
            simulator.until(simulator.stats, lambda stats: True)
            slow.send(body.bytes()[-10:])
            try:
                given.checks.equal(slow.read_head().status, 503, "so is who was too slow")
            except (wire.Broken, OSError):
                pass  # it was slower than that
            given.checks.equal(gateway.over(), 0, "it ends, whoever still sends")
            given.checks.equal(simulator.stats()["posts"], 0, "POSTs")
            never.close()


# ---- clients that leave --------------------------------------------------------------------------

def left_alone(given):
    """on_disconnect: cancel stops a run when the last of its clients has left; continue does not."""
    for path, make in (("/api/runs", order), ("/api/detect", form)):
        with serve(given) as simulator, \
                gateway_for(given, simulator, {"on_disconnect": "cancel"}) as gateway:
            waits = gateway.send("POST", path, make("endless"))
            simulator.until(simulator.stats, lambda stats: stats["runs_started"] == 1)
            dify_run = known(gateway, simulator.truths()["data"][0]["id"])
            follows = until_sent(gateway, simulator, dify_run)
            waits.abort()
            for _ in range(5):  # it still goes on for the other one
                gateway.whole("GET", "/healthz")
            given.checks.equal(simulator.truth(dify_run)["state"], "playing", path + ": goes on")
            follows.connection.abort()
            simulator.until(lambda: simulator.truth(dify_run),
                            lambda truth: truth["state"] == "ended")
            log = gateway.events(dify_run).read()
            given.checks.equal((log.result["success"], log.result["code"]), (False, "workflow_stopped"),
                               path + ": stopped")
    with serve(given) as simulator, gateway_for(given, simulator) as gateway:
        gateway.send("POST", "/api/runs", order()).abort()
        waits = gateway.send("POST", "/api/runs", order(user="left"))
        simulator.until(lambda: simulator.truths("user=left"), lambda truth: truth["started"] == 1)
        dify_run = known(gateway, simulator.truths("user=left")["data"][0]["id"])
        waits.abort()
        given.checks.equal(gateway.events(dify_run).read().result["success"], True, "it continues")


# ---- more clients than may wait ------------------------------------------------------------------

def crowded(given):
    """Who cannot follow what it wants to begin is told so, and nothing is sent; who comes with the
    same key waits for the run that there is."""
    with serve(given) as simulator, \
            gateway_for(given, simulator, limits={"max_followers": 1}) as gateway:
        follows = until_sent(gateway, simulator, begin(gateway, "endless"))
        key = {"Idempotency-Key": "crowded"}
        waits = gateway.send("POST", "/api/runs", order("endless", "joined"), fields=key)
        simulator.until(simulator.stats, lambda stats: stats["runs_started"] == 2)
        for user, fields in (("u-2", EVENT_STREAM), ("joined", dict(EVENT_STREAM, **key))):
            for _ in range(3):
                status, answer = gateway.whole("POST", "/api/runs", order("endless", user),
                                               fields=fields)
                given.checks.equal((status, answer["code"], answer["run_id"]),
                                   (503, "too_many_followers", None), user + ": is told")
        given.checks.equal(gateway.whole("GET", "/healthz")[0], 200, "it is alive")
        given.checks.equal(gateway.whole("POST", "/api/runs", order())[0], 200, "it runs")
        given.checks.equal(simulator.stats()["posts"], 3, "POSTs")
        given.checks.equal(simulator.truths("user=u-2")["posts"], 0, "of those that were told")
        waits.close()
        follows.connection.close()


# ---- bodies --------------------------------------------------------------------------------------

def spooled(gateway):
    text = gateway.whole("GET", "/metrics")[1].decode("utf-8")
    return int(float(re.search(r"^difystream_spool_bytes (\S+)", text, re.M).group(1)))


def bodies(given):
    """Bodies that break off, or are refused late, give back what they held of the disk."""
    limits = {"spool": "3MiB", "max_file": "2MiB"}
    with serve(given) as simulator, gateway_for(given, simulator, limits=limits) as gateway:
        whole = form(data=PNG + bytes(1500000))
        data = whole.bytes()
        head = {"Host": "x", "Content-Type": whole.content_type, "Content-Length": str(len(data))}
        for number in range(12):  # each alone would fit, all together would not
            connection = gateway.connect()
            connection.send(wire.request_bytes("POST", "/api/detect", head,
                                               data[:len(data) - 1000]))
            simulator.until(lambda: spooled(gateway), lambda held: held > 1000000)
            if number % 3 == 0:
                connection.abort()
            elif number % 3 == 1:
                connection.close()
            else:
                connection.send(b"x" * 1000)  # its end is missing: refused
                given.checks.equal(connection.read_head().status, 400, "a body without its end")
                connection.close()
            simulator.until(lambda: spooled(gateway), lambda held: held == 0)
        one, other = gateway.connect(), gateway.connect()
        one.send(wire.request_bytes("POST", "/api/detect", head, data[:len(data) - 1000]))
        simulator.until(lambda: spooled(gateway), lambda held: held > 1000000)
        other.send(wire.request_bytes("POST", "/api/detect", head, data[:1500000]))
        simulator.until(lambda: spooled(gateway), lambda held: held > 2500000)
        status, answer = gateway.whole("POST", "/api/detect", whole)
        given.checks.equal(status, 503, "a full spool: %s" % answer)
        other.abort()
        one.send(data[len(data) - 1000:])
        given.checks.equal(one.read_head().status, 200, "who came first is served")
        one.close()
        status, _ = gateway.whole("POST", "/api/detect", form(data=PNG + bytes(2 << 20)))
        given.checks.equal(status, 413, "a file that is too large")
        given.checks.equal(gateway.whole("POST", "/api/detect", whole)[0], 200, "and then as ever")
        given.checks.equal((spooled(gateway), os.listdir(gateway.folder).count("spool")), (0, 0),
                           "nothing is left")
        given.checks.equal(simulator.stats()["posts"], 2, "POSTs")


# ---- a store that cannot be written --------------------------------------------------------------

def mounted(given):
    """A small file system of its own; None: not allowed here."""
    folder = tempfile.mkdtemp(dir=given.folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder if done.returncode == 0 else None


def fill(folder):
    """A file that takes what is left of the file system."""
    ballast = os.path.join(folder, "ballast")
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def full_disk(given):
    """New runs are refused, those under way answer; with space again all is as it was."""
    folder = mounted(given) if os.geteuid() == 0 else None
    if folder is None:
        print("full disk: skipped, no file system can be mounted")
        return
    try:
        with serve(given) as simulator:
            gateway = gateway_for(given, simulator, store=os.path.join(folder, "runs.db"))
            with gateway:
                full_disk_in(given, simulator, gateway, folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def full_disk_in(given, simulator, gateway, folder):
    waits = [gateway.send("POST", "/api/runs", order("endless", "waits-%d" % number))
             for number in range(5)]
    simulator.until(simulator.stats, lambda stats: stats["runs_started"] == len(waits))
    runs = [row["id"] for row in simulator.truths()["data"]]
    streams = [until_sent(gateway, simulator, known(gateway, run)) for run in runs]
    late = form(user="late")
    body = late.bytes()
    head = {"Host": "a", "Content-Type": late.content_type, "Content-Length": str(len(body))}
    slow = gateway.connect()
    slow.send(wire.request_bytes("POST", "/api/detect", head, body[:-10]))
    ballast = fill(folder)
    for row in simulator.truths()["data"]:
        simulator.stop(row["task_id"], user=row["user"])
    for events in streams:
        events.read()
        given.checks.true(events.is_whole, "who follows has the end", events.connection.end)
    for connection in waits:
        with connection.read_head():
            given.checks.true(b'"success":false' in connection.body(), "who waits is answered")
    status, answer = gateway.whole("POST", "/api/runs", order())
    given.checks.equal((status, answer["code"]), (503, "store_unavailable"), "new runs are refused")
    slow.send(body[-10:])
    with slow.read_head():
        given.checks.equal((slow.status, b'"store_unavailable"' in slow.body()), (503, True),
                           "also one that began before")
    given.checks.equal(gateway.whole("GET", "/healthz")[0], 200, "it is alive")
    given.checks.equal(simulator.stats()["posts"], len(waits), "POSTs")
    os.remove(ballast)
    simulator.until(lambda: gateway.whole("POST", "/api/runs", order())[0],
                    lambda status: status == 200)
    given.checks.equal(simulator.stats()["posts"], len(waits) + 1, "POSTs after that")
    results = {run: gateway.run(run) for run in runs}
    given.checks.true(gateway.kill(), "killed")
    gateway.start()
    for run, events in zip(runs, streams):
        log = gateway.events(run).read()
        given.checks.equal(log.result, results[run], "its result is written")
        given.checks.equal(log.records, events.records, "and all of its log")


def full_while_queued(given):
    """Runs that were accepted and wait for a place wait for the disk as well."""
    folder = mounted(given) if os.geteuid() == 0 else None
    if folder is None:
        print("full while queued: skipped, no file system can be mounted")
        return
    try:
        with serve(given) as simulator, \
                gateway_for(given, simulator, {"max_runs": 1},
                            store=os.path.join(folder, "runs.db")) as gateway:
            first = until_sent(gateway, simulator, begin(gateway, "endless"))
            runs = [begin(gateway, "plain") for _ in range(5)]
            ballast = fill(folder)
            simulator.stop(simulator.truths()["data"][0]["task_id"], user="u-1")
            given.checks.equal(first.read().is_whole, True, "who follows has the end")
            simulator.until(lambda: gateway.whole("POST", "/api/runs", order())[1]["code"],
                            lambda code: code == "store_unavailable")
            for run in runs:
                given.checks.equal(gateway.run(run)["success"], None, "it waits")
            os.remove(ballast)
            for run in runs:
                given.checks.equal(gateway.until_over(run)["success"], True, "it was run")
            given.checks.equal(simulator.stats()["posts"], 6, "POSTs")
    finally:
        subprocess.run(["umount", folder], check=True)


def reasons(given):
    """Why Dify cannot be reached: of each attempt its own reason, and no address."""
    with socket.socket() as closed, serve(given) as simulator:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        port = closed.getsockname()[1]
        others = {
            "refused": {"base_url": "http://127.0.0.1:%d/v1" % port, "api_key": "app-x"},
            "no-tls": {"base_url": "https://127.0.0.1:%d/v1" % simulator.port, "api_key": "app-x"},
            "nameless": {"base_url": "http://no-name.invalid:81/v1", "api_key": "app-x"}}
        with Gateway(given.build, others, speed=SPEED, default_app="refused") as gateway:
            for app, words in (("refused", "Connection refused"), ("no-tls", "SSL"),
                               ("nameless", "resolve host"), ("no-tls", "SSL")):
                status, result = gateway.whole("POST", "/api/runs?app=" + app, order())
                said, text = result["message"], str(result)
                given.checks.equal((status, result["code"]), (502, "connect_failed"), app)
                given.checks.true(words in said, app + ": its reason", said)
                given.checks.equal("refused" in said, app == "refused", app + ": only its own")
                given.checks.true(all(inner not in text for inner in (
                    "127.0.0.1", "no-name", ":%d" % port, ":%d" % simulator.port)),
                    app + ": no address", text)


def main():
    given = arguments()
    run_tests(given, same_key, refused_key, overdue_key, contested_key, drains, drains_uploads,
              leaves, uploading, left_alone, crowded, bodies, full_disk, full_while_queued, reasons)


if __name__ == "__main__":
    main()
