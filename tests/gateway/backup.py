"""A store that is restored from a copy: what the copy has as open is not sent a second time.

Of two runs the second waits for its turn when the copy is made, so that the copy has it as certainly
not sent; then both are carried out. The copy is restored as the manual says, and beside the marks of
what was sent meanwhile. And a row that is damaged, beside others.

usage: backup.py --source FOLDER --build FOLDER
"""

import os
import sqlite3

from gateway import ASYNC, Gateway, Simulator, app_of, arguments, run_tests, scenario

SPEED = 25
SCENARIO = """
apps:
  - name: flow
    inputs: [{name: word}]
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, text: "done", chunks: 3, seconds: 20}
          - {type: end, outputs: {result: "done"}}
"""


def post(gateway, word):
    body = {"inputs": {"word": word}, "user": "user-" + word}
    return gateway.whole("POST", "/api/runs", body, fields=ASYNC)[1]["run_id"]


def make_copy(store, path):
    with sqlite3.connect(store) as rows, sqlite3.connect(path) as copy:
        rows.backup(copy)
        copy.commit()
    rows.close()
    copy.close()


def restore(gateway, path, *beside):
    """The copy in place of the store; the files `beside` it go."""
    gateway.terminate()
    status = gateway.over()
    for suffix in ("-wal", "-shm", *beside):
        if os.path.exists(gateway.store + suffix):
            os.unlink(gateway.store + suffix)
    os.replace(path, gateway.store)
    gateway.start()
    return status


def run_copy(given, what, *beside):
    checks = given.checks
    with Simulator(given.build, scenario(given, "backup.yaml", SCENARIO), "--speed", str(SPEED),
                   "--quiet", key="app-flow") as simulator:
        app = app_of(simulator, max_runs=1, queue=10, max_time=4000, queue_timeout=100000)
        with Gateway(given.build, {"flow": app}, speed=SPEED, keeps_port=True) as gateway:
            runs = [post(gateway, "one"), post(gateway, "two")]
            copy = os.path.join(given.folder, "copy.db")
            make_copy(gateway.store, copy)
            with sqlite3.connect(copy) as rows:
                checks.equal(rows.execute("SELECT state FROM runs ORDER BY number").fetchall()[1:],
                             [(0,)], what + ": the second is only accepted")
            rows.close()
            for run in runs:
                checks.equal(gateway.until_over(run)["success"], True, what + ": its run")
            checks.equal(simulator.stats()["posts"], 2, what + ": POSTs")
            checks.equal(restore(gateway, copy, *beside), 0, what + ": the gateway's end")
            for run in runs:
                result = gateway.until_over(run)
                checks.true(result["success"] or result["code"], what + ": has an end", result)
            checks.equal(simulator.stats()["posts"], 2, what + ": POSTs, restored")
            checks.equal(gateway.until_over(post(gateway, "three"))["success"], True,
                         what + ": a new run")
            checks.equal(simulator.stats()["posts"], 3, what + ": POSTs, with a new run")


def test_without_marks(given):
    run_copy(given, "without -sent", "-lock", "-sent")


def test_beside_newer_marks(given):
    run_copy(given, "beside a newer -sent")


def test_damaged_row(given):
    """One that nothing can be made of keeps no other from going on."""
    with Simulator(given.build, scenario(given, "backup.yaml", SCENARIO), "--speed", str(SPEED),
                   "--quiet", key="app-flow") as simulator:
        app = app_of(simulator, max_runs=2, max_time=4000)
        with Gateway(given.build, {"flow": app}, speed=SPEED, keeps_port=True) as gateway:
            runs = [post(gateway, "one"), post(gateway, "two")]
            gateway.kill()
            with sqlite3.connect(gateway.store) as rows:
                rows.execute("UPDATE runs SET user = NULL, state = 2, run_id = 'x' WHERE number = 1")
            rows.close()
            gateway.start()
            given.checks.equal(gateway.until_over(runs[1])["success"], True, "the run beside it")
            gateway.until_logs("cannot be taken up")
            given.checks.true(any("cannot be taken up" in line and "left open" in line
                                  for line in gateway.log), "the log names it", gateway.log[-9:])
            given.checks.equal(gateway.whole("GET", "/api/runs/" + runs[0])[0], 200,
                               "it is shown as it stands")


if __name__ == "__main__":
    run_tests(arguments(), test_without_marks, test_beside_newer_marks, test_damaged_row)
