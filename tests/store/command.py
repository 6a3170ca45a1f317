#!/usr/bin/env python3
"""difystream store: check, export and prune, beside the one who writes and after it."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import support

IDS = ["00000000-0000-%04x-a5a5-a5a5a5a5a5a5" % number for number in (0, 1, 2, 3)]


class Store:
    def __init__(self, program, path):
        self.program, self.path = program, path

    def __call__(self, *arguments):
        """(status, standard output, standard error) of difystream store."""
        ran = subprocess.run([self.program, "store", *arguments], text=True, capture_output=True)
        return ran.returncode, ran.stdout, ran.stderr

    def export(self, *more):
        status, out, err = self("export", self.path, *more)
        assert (status, err) == (0, ""), (status, err)
        return [json.loads(line) for line in out.splitlines()]


def check_export(checks, store):
    runs = store.export()
    checks.equal([run["id"] for run in runs], IDS[1:], "all runs, the oldest first")
    checks.equal([run["state"] for run in runs], ["ended", "started", "ended"], "their states")
    first = runs[0]
    checks.equal(first["result"], {"success": True}, "the result")
    checks.equal(first["inputs"], {"food_type": "Biscuit"}, "the inputs")
    checks.equal((first["created_ms"], first["ended_ms"]), (1000, 2000), "its times")
    checks.equal((first["price"], first["currency"], first["total_tokens"]), ("0.1", "USD", 10),
                 "its figures")
    checks.true(all("log" not in run for run in runs), "no log unless it is asked for")
    checks.equal((runs[1]["workflow_run_id"], runs[1]["result"], runs[1]["ended_ms"]),
                 ("run-2", None, None), "an open run")
    log = store.export("--events", "--run", IDS[2])[0]["log"]
    checks.equal([(record["number"], record["kind"], record["data"]) for record in log],
                 [(1, "event", 1), (2, "event", 2), (3, "stream", {"what": "resumed"}),
                  (4, "event", 4), (5, "event", 5), (6, "repeat", 6), (7, "v1", 7),
                  (8, "ping", None)], "its log")
    checks.equal([run["extra"] for run in runs], [None, {"trace_id": "t"}, None],
                 "what else stood in its request")
    checks.equal(len(store.export("--run", "run-2")), 1, "a run by Dify's id")
    checks.equal([run["id"] for run in store.export("--since", "1d")], IDS[3:],
                 "runs since a moment")
    status, out, err = store("export", store.path, "--run", "nobody")
    checks.equal((status, out), (1, ""), "a run that is not there")
    checks.true("there is no run nobody" in err, "is named", err)


def check_check(checks, store):
    status, out, err = store("check", store.path)
    checks.equal((status, err), (0, ""), "nothing is wrong")
    checks.equal(out, "run %s is open: started\n" % IDS[2], "the open run is named")


def check_words(checks, store):
    for arguments, said in [
            ((), "what to do: check, export or prune"),
            (("mend", store.path), "what to do: check, export or prune"),
            (("check",), "the file of the store is missing"),
            (("check", store.path, "--events"), "--events is for 'difystream store export'"),
            (("export", store.path, "--max-age", "1d"), "--max-age is for 'difystream store prune'"),
            (("export", store.path, "--since", "soon"), "--since takes a time"),
            (("prune", store.path), "prune needs --max-age, --max-size or both"),
            (("prune", store.path, "--max-age", "0"), "--max-age takes a time"),
            (("prune", store.path, "--max-size", "many"), "--max-size takes a size"),
            (("check", store.path + "x"), "unable to open database file"),
            (("prune", store.path + "x", "--max-age", "1d"), "there is no such store")]:
        status, out, err = store(*arguments)
        checks.equal((status, out), (2, ""), "refused: " + " ".join(arguments[:1]))
        checks.true(said in err, "it is said that " + said, err)
    checks.true(not os.path.exists(store.path + "x"), "no store is made by looking for one")


def check_prune(checks, store):
    checks.equal(store("prune", store.path, "--max-age", "1d"), (0, "", "1 run removed\n"),
                 "the old run goes")
    checks.equal([run["id"] for run in store.export()], IDS[2:], "the open one stays")
    checks.equal(store("prune", store.path, "--max-size", "1B")[2], "1 run removed\n",
                 "for the file's size the young one goes, too")
    with sqlite3.connect(store.path) as db:
        db.execute("DELETE FROM details")
    status, out, err = store("check", store.path)
    checks.equal(status, 1, "something is wrong")
    checks.true("run %s lacks its inputs\n" % IDS[2] in out, "it is named", out)
    checks.true("1 fault\n" in err, "and counted", err)


def main():
    program, example = sys.argv[1:]
    checks = support.Checks()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(program, os.path.join(folder, "runs.db"))
        writer = subprocess.Popen([example, store.path], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        checks.equal(writer.stdout.readline(), "ready\n", "a store is open")
        check_export(checks, store)
        check_check(checks, store)
        status, out, err = store("prune", store.path, "--max-age", "1d")
        checks.equal((status, out), (2, ""), "no pruning meanwhile")
        checks.true("in use by process %d\n" % writer.pid in err, "its process is named", err)
        writer.stdin.close()
        checks.equal(writer.wait(), 0, "it is closed")
        check_export(checks, store)
        check_check(checks, store)
        check_words(checks, store)
        check_prune(checks, store)
    checks.finish("difystream store")


if __name__ == "__main__":
    main()
