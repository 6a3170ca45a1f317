"""Every fault of the simulator through the gateway: the right result, or a failure that is named;
never a success that is none, and never two POSTs that both start a run.

Each order meets the fault of its place in the list. What is to come of each fault the client's own
tests know (tests/client/faults.py); here it is held against what the simulator knows of the run.

usage: faults.py --source FOLDER --build FOLDER [--release R] [--only PART_OF_A_FAULT]
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

from gateway import (EVENT_STREAM, Events, Gateway, Simulator, app_of, arguments, scenario, support)

SPEED = 100
CEILING_S = 400  # of runs that nothing else ends
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
"""
# With what is needed to say where they strike; "" strikes nothing.
FAULTS = """
reset-after-events=0 reset-after-events=4 reset-after-events=9 reset-after-bytes=900
reset-anywhere=10 close-anywhere=10 close-after-events=5 end-after-events=0 end-after-events=7
cut-in-character=3 stall-after-events=6 lost-finish pings-only byte-by-byte big-event=2000000
bad-json=0 bad-json=5 error-then-pings=5 reset-before-run reset-after-start reset
proxy-502 proxy-503 proxy-504 429 429=3 busy 401 500 slow=40 queued=40 dead-worker=3
""".split()
# What else strikes a run whose stream was cut, or all requests.
BESIDE = """
slow-detail=5 lost-in-window=1 lost-in-window=4 no-events-route reset-kept-alive clock-skew=500
clock-skew=-500 reset,on=events,times=1 500,on=events,times=1 reset,on=detail,times=1
""".split()
# Sent again after such an answer, which says that nothing was started.
SENT_AGAIN = ("429", "busy")


class Case:
    def __init__(self, fault, caller):
        self.fault, self.caller = fault, caller

    @property
    def name(self):
        return self.fault.split("=")[0]

    @property
    def options(self):
        """It strikes once; a POST that is repeated meets a harmless one."""
        faults = [self.fault] + ["byte-by-byte"] * (self.name in SENT_AGAIN)
        return [word for fault in faults for word in ("--fault", fault + ",on=run,times=1")]

    def __str__(self):
        return "%s (%s)" % (self.fault, self.caller)


def known_faults(given):
    """The names of all faults, as the simulator lists them."""
    ran = support.run([given.build + "/difystream", "sim", "--fault", "help"])
    text = (ran.out or b"").decode("utf-8") + ran.err
    return {line.split(" ")[0] for line in text.splitlines() if line.strip()}, text


def ask(gateway, case, number):
    """A run, by one of the three ways; (status, result)."""
    body = {"inputs": {"word": "w%d" % number}, "user": "user-%d" % number}
    if case.caller == "blocking":
        return gateway.whole("POST", "/api/runs", body)
    with gateway.ask("POST", "/api/runs", body, fields=EVENT_STREAM) as connection:
        if not (connection.header("Content-Type") or "").startswith("text/event-stream"):
            return connection.status, json.loads(connection.body())
        return 200, Events(connection).read().result


def judge(given, simulator, case, number, status, result, wanted):
    checks, what = given.checks, str(case)
    truth = simulator.truths("user=user-%d" % number)
    posts = range(1, 4 if case.name in SENT_AGAIN else 2)
    good = checks.true(truth["posts"] in posts and truth["started"] <= 1, what + ": POSTs",
                       (truth["posts"], truth["started"]))
    if not checks.true(isinstance(result, dict) and isinstance(result.get("success"), bool),
                       what + ": a result", (status, result)):
        return
    data = result["data"]
    if result["success"]:
        good &= checks.equal((truth["started"], data["status"]), (1, "succeeded"),
                             what + ": of a run that succeeded")
        good &= checks.equal(truth["data"][0]["outcome"], "succeeded", what + ": at Dify, too")
        good &= checks.equal([data["workflow_outputs"], data["metadata"]["total_tokens"],
                              data["metadata"]["total_steps"]], wanted, what + ": its totals")
        if case.caller == "blocking":
            good &= checks.equal(status, 200, what + ": status")
    else:
        good &= checks.true(result.get("code") and result.get("error") and
                            result.get("detail") == result["error"], what + ": named", result)
        if case.caller == "blocking":
            good &= checks.true(status >= 400, what + ": status", status)
    text = json.dumps(result)
    good &= checks.true("127.0.0.1" not in text and "localhost" not in text,
                        what + ": no inner address", text[:600])
    if not good:
        print("    %d %s" % (status, json.dumps(result, ensure_ascii=False)[:600]))


def matrix(given, release, caller):
    cases = [Case(fault, caller) for fault in FAULTS if given.only in fault]
    path = scenario(given, "faults-%s-%s.yaml" % (release, caller), SCENARIO)
    options = [word for case in cases for word in case.options]
    codes = []
    with Simulator(given.build, path, "--release", release, "--seed", str(given.seed % 1000000),
                   "--speed", str(SPEED), "--connections", "0", "--quiet", *options,
                   key="app-flow") as simulator:
        app = app_of(simulator, max_time=CEILING_S, connect_timeout=100000)
        with Gateway(given.build, {"flow": app}, speed=SPEED) as gateway:
            answers = [ask(gateway, case, number) for number, case in enumerate(cases)]
            # now that all have struck, one that meets none
            status, well = ask(gateway, Case("none", "blocking"), len(cases))
            given.checks.equal((status, well["success"]), (200, True), "undisturbed")
            data = well["data"]
            wanted = [data["workflow_outputs"], data["metadata"]["total_tokens"],
                      data["metadata"]["total_steps"]]
            for number, (case, (status, result)) in enumerate(zip(cases, answers)):
                judge(given, simulator, case, number, status, result, wanted)
                codes.append("%s %s" % (case.fault, (result or {}).get("code") or "ok"))
            given.checks.equal(simulator.stats()["faults"], len(options) // 2, "all faults have struck")
    return "%s, %s: %s" % (release, caller, ", ".join(codes))


def beside(given, release):
    """Faults that need a stream that was cut: one run each."""
    codes = []
    for number, fault in enumerate(fault for fault in BESIDE if given.only in fault):
        path = scenario(given, "beside-%s-%d.yaml" % (release, number), SCENARIO)
        with Simulator(given.build, path, "--release", release, "--seed",
                       str(given.seed % 1000000), "--speed", str(SPEED), "--connections", "0",
                       "--quiet", "--fault", "reset-after-events=4,on=run,times=1", "--fault",
                       fault, key="app-flow") as simulator:
            app = app_of(simulator, max_time=CEILING_S, connect_timeout=100000)
            with Gateway(given.build, {"flow": app}, speed=SPEED) as gateway:
                case = Case(fault, "blocking")
                status, result = ask(gateway, case, number)
                data = result["data"]
                wanted = [{"result": "Grün"}, data["metadata"]["total_tokens"],
                          data["metadata"]["total_steps"]]
                judge(given, simulator, case, number, status, result, wanted)
                codes.append("%s %s" % (fault, result.get("code") or "ok"))
    return "%s, beside a cut: %s" % (release, ", ".join(codes))


def main():
    given = arguments(lambda parser: parser.add_argument("--release", default=""))
    names, text = known_faults(given)
    missing = names - {fault.split(",")[0].split("=")[0] for fault in FAULTS + BESIDE}
    given.checks.true(len(names) > 10 and not missing, "each fault has its case",
                      (missing, text))
    releases = [given.release] if given.release else ["1.12.1", "1.14.2", "1.16.1"]
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(matrix, given, release, caller) for release in releases
                for caller in ("blocking", "stream")]
        jobs += [pool.submit(beside, given, release) for release in releases]
        for job in jobs:
            print(job.result())
    given.checks.finish("%d faults, %s; seed %d" % (len(FAULTS + BESIDE), ", ".join(releases), given.seed))


if __name__ == "__main__":
    main()
