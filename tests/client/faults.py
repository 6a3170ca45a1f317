"""Every fault of the simulator, at every phase of a run, in every release: each with its result.

An order meets the fault of its place in the list: they are sent one after the other, and each fault
strikes once. How many POSTs there were is counted by the simulator.

usage: faults.py --source FOLDER --build FOLDER [--release R] [--only PART_OF_A_FAULT]
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import follows
from follows import Judge, Simulator

SPEED = 100
COMMAND_SPEED = 50  # of the command, whose clock of silence is Dify's own
CEILING_MS = 400000  # of runs that nothing else ends
SCENARIO = """
apps:
  - name: flow
    inputs: [{name: word}]
    runs:
      - nodes:
          - start
          - id: it
            type: iteration
            over: 2
            outputs: {output: [1, 2]}
            nodes: [{id: in, type: llm, seconds: 1, tokens: 5, price: "0.001", outputs: {b: 1}}]
          - {id: llm, type: llm, text: "Grün aus Köln", chunks: 3, seconds: 3, tokens: 7, price: "0.002"}
          - {type: end, outputs: {result: "Grün"}}
  - name: talk
    mode: advanced-chat
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, text: "Grün aus Köln", chunks: 4, seconds: 3, tokens: 7, price: "0.002"}
          - {type: answer, outputs: {answer: "Grün aus Köln", files: []}}
  - {name: chat, mode: chat, runs: [{answer: &a {text: "Grün aus Köln", chunks: 5, seconds: 3, tokens: 12, price: "0.003"}}]}
  - {name: agent, mode: agent-chat, runs: [{answer: *a}]}
  - {name: completion, mode: completion, runs: [{answer: *a}]}
"""
APPS = ("flow", "talk", "chat", "agent", "completion")
ASKABLE = ("flow", "talk")  # their runs have rows
CUTS = {"reset-after-events": "reset", "close-after-events": "closed", "end-after-events": "no_end",
        "cut-in-character": "closed"}
GATEWAY = ("proxy-502", "proxy-503", "proxy-504")


class Phases:
    """How many events come before a moment of a run, by its undisturbed stream."""

    def __init__(self, names):
        ends = [index for index, name in enumerate(names)
                if name in ("workflow_finished", "message_end")]
        inner = [index for index, name in enumerate(names) if name == "iteration_next"]
        nodes = [index for index, name in enumerate(names) if name == "node_finished"]
        self.first = 0
        self.middle = inner[-1] + 2 if inner else ends[0] // 2  # in an iteration
        self.late = nodes[-1] if nodes else ends[0] - 1         # near the end
        self.end = ends[0]                                      # all but the end was told
        self.all = sorted({self.first, self.middle, self.late, self.end})


class Case:
    """A fault, and what is to come of it. `code`: of the result, None: a success; `reason`: one
    that has to be among those told."""

    def __init__(self, fault, code=None, reason=None, posts=1, started=1, times=1,
                 blocking=False, has_user=True):
        self.fault, self.code, self.reason = fault, code, reason
        self.posts, self.started, self.times = posts, started, times
        self.blocking, self.has_user = blocking, has_user

    @property
    def is_of_stream(self):
        """Whether it strikes the events endpoint too, unless told not to."""
        return self.fault.startswith((*CUTS, "stall", "lost-finish", "pings-only", "byte-by-byte",
                                      "big-event", "bad-json", "error-then"))

    def __str__(self):
        return self.fault + (" (blocking)" if self.blocking else "")


def cuts(app, phases):
    """Streams that break off."""
    for name, reason in CUTS.items():
        # the text's last character of several bytes is in its middle
        for events in phases.all[:2] if name == "cut-in-character" else phases.all:
            code = None
            if app not in ASKABLE:
                is_reset_at_once = name == "reset-after-events" and events == 0
                code = "connection_reset" if is_reset_at_once else "stream_incomplete"
            elif app == "talk" and events == 0 and name != "cut-in-character":
                code = "run_lost"  # chatflows stand in no logs
            yield Case("%s=%d" % (name, events), code, reason)


def silences(app, release, phases):
    """Streams that stay open and say nothing, or nothing but pings."""
    is_askable = app in ASKABLE
    for events in phases.all:
        if is_askable and (app != "talk" or events > 0):
            # before its id is known, a run is only looked for if no other can have its user
            yield Case("stall-after-events=%d" % events, None, "finished_detail", has_user=False)
        else:
            yield Case("stall-after-events=%d" % events, "read_timeout", "silent")
    yield Case("lost-finish", *((None, "finished_detail") if is_askable
                                else ("read_timeout", "silent")))
    if app == "flow":
        yield Case("pings-only", None, "finished_detail", has_user=False)
    yield Case("pings-only", "run_timeout", "run_timeout")
    for events in phases.all[1:]:
        if not is_askable:  # they run in the process of the API, whose connection breaks
            yield Case("dead-worker=%d" % events, "stream_incomplete", "closed")
        elif release == "1.12.1":
            yield Case("dead-worker=%d" % events, "run_timeout", "closed")
        else:
            yield Case("dead-worker=%d" % events, "read_timeout", "silent")


def oddities(app, phases):
    """Streams that are strange, and whole but for what was made bad."""
    yield Case("byte-by-byte")
    yield Case("big-event=2000000")
    for events in phases.all:
        loses_end = events == phases.end and app not in ASKABLE
        yield Case("bad-json=%d" % events, *(("stream_incomplete", "no_end") if loses_end else ()))
        if events > 0:
            yield Case("error-then-pings=%d" % events, "completion_request_error", "error_event")


def requests(app, blocking=False):
    """What becomes of the request that starts the run."""
    lost = {"flow": None, "talk": "run_lost"}.get(app, "connection_reset")
    gateway = {"flow": None, "talk": "run_lost"}.get(app, "http_error")
    never = {"flow": "run_lost", "talk": "run_lost"}.get(app, "connection_reset")
    found = [Case("reset-before-run", never, "reset", started=0),
             Case("reset-after-start", lost, "reset"),
             Case("reset,on=run", lost, "reset")]
    found += [Case(name, gateway, "gateway_error") for name in GATEWAY]
    found += [Case("429", None, "busy", posts=2), Case("429=3", None, "busy", posts=2),
              Case("busy", None, "busy", posts=3, times=2),
              Case("429", "too_many_requests", "busy", posts=3, started=0, times=3),
              Case("401,on=run", "unauthorized", "refused", started=0),
              Case("500,on=run", "http_error", "refused", started=0),
              Case("slow=40,on=run"), Case("queued=40")]
    for case in found:
        case.blocking = blocking
    return found


def cases_of(app, release, phases):
    found = [*cuts(app, phases), *silences(app, release, phases), *oddities(app, phases),
             *requests(app)]
    if app in ("flow", "chat", "completion"):
        found += requests(app, blocking=True)
    return found


# ---- running them ------------------------------------------------------------------------------

def is_silent(case):
    """Whether the clocks end it: then they are Dify's, else they are patient with a busy
    machine."""
    return case.code in ("read_timeout", "run_timeout")


def order(app, number, case):
    said = {"inputs": {"word": str(number)} if app == "flow" else {},
            "blocking": case.blocking}
    if case.has_user:
        said["user"] = "user-%d" % number
    if app in ("talk", "chat", "agent"):
        said.update(kind="chat", query="Where to?")
    elif app == "completion":
        said.update(kind="completion")
    return said


def serve(given, app, release, *options, speed=SPEED):
    return Simulator(given.build, given.scenario, "--release", release, "--seed",
                     str(given.seed), "--speed", str(speed),
                     "--connections", "0", "--quiet", *options, key="app-" + app)


def follow(given, simulator, orders, name, silent):
    """One after the other, in the order in which the faults are."""
    folder = os.path.join(given.folder.name, name)
    os.mkdir(folder)
    clocks = ["--run-timeout", CEILING_MS] if silent else follows.PATIENT
    many = follows.follow(given, simulator, orders, "--window", 1, "--speed", SPEED, "--seed",
                          given.seed, "--keep", folder, *clocks)
    return many.followed, folder


def options_of(cases):
    """The faults, in the order of the cases. A POST that is repeated meets a harmless one."""
    options = []
    for case in cases:
        where = ",on=run" if case.is_of_stream else ""
        options += ["--fault", "%s%s,times=%d" % (case.fault, where, case.times)]
        if case.posts > case.times:
            options += ["--fault", "byte-by-byte,on=run,times=%d" % (case.posts - case.times)]
    return options


def undisturbed(given, app, release, name):
    """A run that meets no fault, and its phases."""
    with serve(given, app, release) as simulator:
        found, folder = follow(given, simulator, [order(app, 0, Case(""))], name, False)
    return found[0], Phases([event["event"] for event in
                             follows.events_of(follows.kept_streams(folder, 0)[0])])


def judge(given, judged, one, case, wanted, what):
    checks, truth = given.checks, judged.truths.get(one.user, [])
    good = checks.equal(one.code, case.code, what + ": code")
    if case.reason is not None:
        good &= checks.true(case.reason in one.reasons, what + ": " + case.reason, one.reasons)
    if case.fault.startswith("bad-json"):
        good &= checks.true(one.data["skipped_events"] == 1 or "resumed" in one.data,
                            what + ": skipped")
        good &= checks.equal(one.data["status"], None if case.code else "succeeded",
                             what + ": status")
    elif case.code is None and not case.blocking:
        judged.judge(one, wanted, what, posts=case.posts)
    elif case.code is None:
        good &= checks.equal(follows.totals(one)["workflow_outputs"],
                             follows.totals(wanted)["workflow_outputs"], what + ": outputs")
    good &= checks.equal(len(truth), case.started, what + ": runs")
    if not good:
        print("  its story:\n%s\n    %s" % (one.story(), one.result.get("message")))


def matrix(given, app, release):
    """All cases of an app and a release."""
    name = "%s-%s" % (app, release)
    wanted, phases = undisturbed(given, app, release, name + "-well")
    all_cases = [case for case in cases_of(app, release, phases) if given.only in str(case)]
    for silent in (False, True):
        cases = [case for case in all_cases if is_silent(case) == silent]
        with serve(given, app, release, *options_of(cases)) as simulator:
            found, folder = follow(given, simulator,
                                   [order(app, number, case) for number, case in enumerate(cases)],
                                   "%s-%d" % (name, silent), silent)
            judged = Judge(given, follows.truths(simulator), folder)
            for one, case in zip(found, cases):
                what = "%s, %s: %s" % (release, app, case)
                judge(given, judged, one, case, wanted, what)
                given.checks.equal(simulator.truths("user=" + one.user)["posts"], case.posts,
                                   what + ": POSTs")
    return len(all_cases)


# ---- the command -------------------------------------------------------------------------------

EXITS = {None: 0, "completion_request_error": 1, "unauthorized": 3, "too_many_requests": 3,
         "run_lost": 4, "http_error": 7}


def environment(given, simulator, name):
    home = os.path.join(given.folder.name, name)
    os.mkdir(home)
    return {"PATH": os.environ["PATH"], "HOME": home, "DIFYSTREAM_SPEED": str(COMMAND_SPEED),
            "DIFY_BASE_URL": "http://127.0.0.1:%d/v1" % simulator.port,
            "DIFY_API_KEY": simulator.key}


def command(given, release):
    """The same by `difystream run`: its exit status, its result, its POSTs."""
    phases = undisturbed(given, "flow", release, "command-" + release)[1]
    cases = [case for case in (*cuts("flow", phases), *oddities("flow", phases),
                               *requests("flow"), *requests("flow", blocking=True))
             if given.only in str(case)]
    with serve(given, "flow", release, *options_of(cases), speed=COMMAND_SPEED) as simulator:
        env = environment(given, simulator, "home-" + release)
        for number, case in enumerate(cases):
            what = "%s, difystream run: %s" % (release, case)
            user = "user-%d" % number
            done = subprocess.run(
                [os.path.join(given.build, "difystream"), "run", "--user", user, "-i", "word=a",
                 *(["--blocking"] if case.blocking else [])],
                env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=follows.DEADLINE_S, check=False)
            said = done.stderr.decode("utf-8", "replace")
            given.checks.equal(done.returncode, EXITS[case.code], what + ": exit\n" + said)
            result = json.loads(done.stdout)
            given.checks.equal(result.get("code"), case.code, what + ": code")
            truth = simulator.truths("user=" + user)
            given.checks.equal((truth["posts"], truth["started"]), (case.posts, case.started),
                               what + ": POSTs")


# ---- places at the server ----------------------------------------------------------------------

def bad_inputs(given, release):
    """Ten runs with bad inputs are refused at once and hold no place."""
    with serve(given, "flow", release) as simulator:
        orders = [{"user": "bad-%d" % number, "inputs": {"word": number}} for number in range(10)]
        many = follows.follow(given, simulator, orders, "--speed", SPEED, "--window", 1)
        stats = simulator.stats()
    for one in many.followed:
        given.checks.equal((one.code, one.reasons[-1]), ("invalid_param", "unfit"),
                           release + ": bad inputs")
    given.checks.equal((stats["posts"], stats["streams_opened"], stats["places_held_most"]),
                       (0, 0, 1), release + ": bad inputs ask for the form alone")


def queue(given, release):
    """Runs that wait for a worker are silent for long, and are not left; one whose stream is cut
    while it waits is found when it has begun."""
    options = ["--workers", "1", "--fault", "reset-after-events=0,on=run,skip=2,times=1"]
    with serve(given, "flow", release, *options) as simulator:
        orders = [{"user": "waits-%d" % number, "inputs": {"word": str(number)}}
                  for number in range(12)]
        many = follows.follow(given, simulator, orders, "--speed", SPEED, "--window",
                              "12", *follows.PATIENT)
        stats = simulator.stats()
    for one in many.followed:
        given.checks.equal(one.data["status"], "succeeded", release + ": queued")
    given.checks.equal(sum("found" in one.reasons for one in many.followed), 1,
                       release + ": a queued run whose stream was cut is found")
    if release != "1.12.1":
        given.checks.true(sum("silent" in one.reasons for one in many.followed) > 0,
                          release + ": queued runs are silent")
    given.checks.equal((stats["posts"], stats["runs_started"]), (12, 12), release + ": POSTs")
    given.checks.true(stats["streams_open_most"] <= stats["runs_in_flight_most"],
                      release + ": streams open", stats)
    given.checks.equal(stats["abandoned_most"], 0, release + ": streams left")


def main():
    given = follows.arguments("faults", lambda parser: parser.add_argument("--release", default=""))
    given.scenario = follows.scenario(given, "faults.yaml", SCENARIO)
    releases = [given.release] if given.release else follows.RELEASES
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(command, given, release) for release in releases]
        jobs += [pool.submit(matrix, given, app, release) for release in releases for app in APPS]
        if not given.only:
            jobs += [pool.submit(job, given, release) for release in releases
                     for job in (bad_inputs, queue)]
        count = sum(job.result() or 0 for job in jobs)
    given.checks.finish("%d faults, seed %d" % (count, given.seed))


if __name__ == "__main__":
    main()
