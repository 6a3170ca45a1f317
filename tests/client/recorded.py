"""Every recorded stream, played by the simulator and followed, gives the result of `fold`.

The bytes that the client has received are folded by the command: that result and the client's must
be the same, to the last id. Where a stream tells the run's end, its figures must be those of the
recording as well; where it broke off, the client has to learn the end without a second POST.

usage: recorded.py --source FOLDER --build FOLDER [--release R] [--only PART_OF_A_RECORDING]
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import follows
import library
import support
from follows import Simulator

SPEED = 200
CEILING_MS = 600000  # of the streams that fall silent, and whose runs nobody can be asked about
STARTS = ("/workflows/run", "/run", "/chat-messages", "/completion-messages")


def recordings(release):
    """Streams of runs that were started, and that the simulator can play."""
    for name, one in sorted(library.load()[release].items()):
        folder = os.path.join(library.ROOT, name if release == "1.14.2" else
                              os.path.join("v" + release, name))
        if one.is_stream and one.status == 200 and one.method == "POST" and \
                one.path.endswith(STARTS) and os.path.isdir(folder) and one.chunks:
            yield name, one, folder


def is_played(one):
    """Whether there is more in it than the first ping."""
    return any(library.event(frame) for _, frame in one.frames())


def scenario(given, release, chosen):
    lines = ["apps:"]
    for number, (_, _, folder) in enumerate(chosen):
        lines.append("  - {name: a%d, runs: [{recording: %s}]}" % (number, folder))
    return follows.scenario(given, "recorded-%s.yaml" % release, "\n".join(lines) + "\n")


def kind_of(one):
    if "/chat-messages" in one.path:
        return {"kind": "chat", "query": "What was recorded?"}
    if "/completion-messages" in one.path:
        return {"kind": "completion"}
    return {"kind": "workflow"}


def fold(given, data):
    done = subprocess.run([os.path.join(given.build, "difystream"), "fold"], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
    return json.loads(done.stdout.decode("utf-8", "surrogatepass"))


def figures(result):
    """What is the same in the recording, ids aside."""
    data = result["data"]
    names = ("total_tokens", "total_price", "currency", "total_steps")
    return follows.masked([result["success"], data["status"], result.get("code"),
                           len(data.get("nodes", [])), data.get("answer")] +
                          [data["metadata"][name] for name in names])


def play(given, simulator, release, number, name, one):
    checks, what = given.checks, "%s: %s" % (release, name)
    folder = os.path.join(given.folder.name, "%s-%d" % (release, number))
    os.mkdir(folder)
    order = dict(kind_of(one), user="user-%d" % number, inputs={})
    many = follows.Many(given, "http://127.0.0.1:%d/v1" % simulator.port, "app-a%d" % number,
                        [order], "--speed", SPEED, "--keep", folder, "--run-timeout", CEILING_MS)
    followed = many.followed[0]
    streams = follows.kept_streams(folder, 0)
    truth = simulator.truths("user=" + order["user"])
    checks.equal((truth["posts"], truth["started"]), (1, 1), what + ": POSTs")
    if followed.states == ["checking", "submitting", "streaming", "ended"] and \
            followed.reasons[-1] in ("finished", "error_event", "paused"):
        good = checks.equal(followed.result, fold(given, streams[0]), what + ": as folded")
        good &= checks.equal(figures(followed.result), figures(fold(given, one.body)),
                             what + ": as recorded")
        if not good:
            print(followed.story())
        return 1
    if followed.result["success"] is not True and one.end == "last-chunk":
        codes = ["stream_incomplete", "read_timeout", "run_timeout", "workflow_failed"]
        if followed.reasons[-1] in ("finished", "error_event"):  # told, if after a silence
            codes.append(fold(given, streams[0]).get("code"))
        checks.true(followed.code in codes, what + ": its end",
                    "%s\n%s" % (followed.code, followed.story()))
    return 0


def run(given, release):
    chosen = support.share(entry for entry in recordings(release)
                           if given.only in entry[0] and is_played(entry[1]))
    path = scenario(given, release, chosen)
    with Simulator(given.build, path, "--release", release, "--seed", "1", "--speed", str(SPEED),
                   "--connections", "0", "--workers", "0", "--quiet") as simulator:
        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(play, given, simulator, release, number, name, one)
                    for number, (name, one, _) in enumerate(chosen)]
            whole = sum(job.result() for job in jobs)
    print("release %s: %d streams, %d of them told their run's end" % (release, len(chosen), whole))
    given.checks.true(given.only or whole > len(chosen) // 2, release + ": most are whole", whole)
    return len(chosen)


def main():
    given = follows.arguments("recorded", lambda parser: parser.add_argument("--release",
                                                                             default=""))
    releases = [given.release] if given.release else follows.RELEASES
    count = sum(run(given, release) for release in releases)
    given.checks.finish("%d recorded streams" % count)


if __name__ == "__main__":
    main()
