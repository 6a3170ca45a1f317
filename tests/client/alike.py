"""Requests that are the same, of one user, sent at the same time, whose answers are all lost, over
real sockets: each has a run of its own in the end, and none was sent twice.

usage: alike.py --source FOLDER --build FOLDER [--release R] [--runs N] [--seed N]
"""

import follows
from follows import Simulator

SPEED = 50
SCENARIO = """
apps:
  - name: all
    inputs: [{name: topic}]
    runs:
""" + "".join("""
      - when: {inputs: {topic: %s}}
        nodes:
          - start
          - {id: llm, type: llm, seconds: 5, text: "About it."}
          - {type: end, outputs: {topic: %s}}
""" % (topic, topic) for topic in ("tea", "juice"))
# Not all at once: some workers, so that runs wait and have no row yet.
WORKERS = 4


def serve(given, *options):
    return Simulator(given.build, follows.scenario(given, "alike.yaml", SCENARIO), "--release",
                     given.release, "--seed", str(given.seed), "--speed", str(SPEED),
                     "--connections", "0", "--workers", str(WORKERS), "--quiet", *options,
                     key="app-all")


def run_all(given, what, topics, *options):
    with serve(given, *options) as simulator:
        orders = [{"user": "ann", "inputs": {"topic": topic}} for topic in topics]
        many = follows.follow(given, simulator, orders, "--speed", SPEED, "--window", len(orders),
                              "--seed", given.seed, *follows.PATIENT)
        stats = simulator.stats()
    given.checks.equal((stats["posts"], stats["runs_started"]), (len(topics), len(topics)),
                       what + ": POSTs and runs")
    for topic, one in zip(topics, many.followed):
        name = "%s: run %d" % (what, one.line)
        given.checks.true(one.result["success"], name, one.story())
        given.checks.equal(one.data["outputs"].get("topic"), topic, name + ": of its inputs")
    given.checks.equal(len({one.run for one in many.followed}), len(topics),
                       what + ": each has a run of its own")
    return many


def main():
    given = follows.arguments("alike", lambda parser: (
        parser.add_argument("--release", default="1.14.2"),
        parser.add_argument("--runs", type=int, default=12)))
    given.checks.name += "-" + given.release
    many = run_all(given, "all lost", ["tea"] * given.runs, "--fault", "reset-after-start")
    given.checks.true(all("found" in one.reasons for one in many.followed), "all were looked for",
                      "\n\n".join(one.story() for one in many.followed))
    run_all(given, "some lost", ["tea"] * given.runs, "--fault", "reset-after-start,p=0.5")
    run_all(given, "of two kinds", ["tea", "juice"] * (given.runs // 2), "--fault",
            "reset-after-start")
    given.checks.finish("%d runs that are alike, seed %d" % (given.runs, given.seed))


if __name__ == "__main__":
    main()
