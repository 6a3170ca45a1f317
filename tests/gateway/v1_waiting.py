"""Callers below /v1 who wait: newlines before a body that takes its time, and refusals of the gateway's
own, in Dify's form.

usage: v1_waiting.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import json

from gateway import arguments, run_tests, wire
from v1_known import KEY, OTHER, RUN, World, bearer

ORDER = {"inputs": {}, "response_mode": "blocking"}


def blocking(world, user, version="1.1"):
    """A request for a run that blocks."""
    data = json.dumps(dict(ORDER, user=user)).encode("utf-8")
    fields = dict(bearer(KEY), Host="x", **{"Content-Type": "application/json",
                                            "Content-Length": str(len(data))})
    connection = world.gateway.connect()
    request = wire.request_bytes("POST", RUN, fields, data)
    connection.send(request.replace(b"HTTP/1.1", b"HTTP/" + version.encode()))
    return connection


def task_of(world, user):
    data = world.simulator.until(lambda: world.simulator.truths("user=" + user)["data"], bool)
    return data[0]["task_id"]


def newlines(connection, count):
    """Reads so many bytes of an answer, which have to be newlines; the rest of it."""
    if (connection.header("Transfer-Encoding") or "") != "chunked":
        rest = iter(lambda: connection.exactly(1) if connection.buffer or connection.more() else b"",
                    b"")
    else:
        rest = connection.chunks()
    seen = b""
    while len(seen) < count:
        seen += next(rest)
    return seen, rest


def test_newlines(given):
    checks = given.checks
    for version in ("1.1", "1.0"):
        with World(given) as world:
            connection = blocking(world, "u", version).read_head()  # it begins, as it takes long
            checks.equal((connection.status, connection.header("Content-Type"),
                          connection.header("X-Accel-Buffering")), (200, "application/json", "no"), version)
            checks.equal(connection.header("Transfer-Encoding"),
                         "chunked" if version == "1.1" else None, version + ": framing")
            seen, rest = newlines(connection, 3)
            checks.equal(set(seen), {10}, version + ": newlines")
            world.stop(task_of(world, "u"))
            text = b"".join(rest).decode("utf-8")
            body = json.loads(text)
            checks.equal((body["data"]["status"] in ("stopped", "failed"), set(body)),
                         (True, {"task_id", "workflow_run_id", "data"}), version + ": the body")
            checks.equal(connection.end if version == "1.1" else "last-chunk", "last-chunk", "whole")


def test_a_failure_behind_newlines(given):
    checks = given.checks
    with World(given, sim=("--fault", "dead-worker=1,on=run"), app={"max_time": 60}) as world:
        connection = blocking(world, "u").read_head()
        checks.equal(connection.status, 200, "it has begun")
        body = json.loads(connection.body())
        checks.equal((sorted(body), body["status"] >= 500, body["code"]),
                     (["code", "message", "status"], True, "run_timeout"), "the error in the body")


def check_refusal(checks, answer, status, code):
    body = json.loads(answer.body())
    checks.equal((answer.status, body.get("code"), body.get("status"), sorted(body)),
                 (status, code, status, ["code", "message", "status"]), code)
    checks.true(int(answer.header("Retry-After")) > 0, code + ": when to come again")


def halved(world):
    """A request of which only the begin was sent, and the rest."""
    whole = world.gateway.connect()
    sent = []
    whole.send, send = sent.append, whole.send
    world.gateway.send("POST", RUN, dict(ORDER, user="v"), bearer(OTHER), connection=whole)
    send(sent[0][:-5])
    whole.send = send
    return whole, sent[0][-5:]


def until_it_drains(world):
    """It takes no more connections then."""
    for _ in range(100000):
        try:
            world.gateway.connect().close()
        except OSError:
            return
    raise wire.Broken("it goes on taking connections")


def test_refusals(given):
    checks = given.checks
    with World(given, app={"max_runs": 1, "queue": 0}) as world:
        told = world.start()
        for mode in ("blocking", "streaming"):
            answer = world.gateway.send("POST", RUN, dict(ORDER, user="v", response_mode=mode),
                                        bearer(KEY)).read_head()
            check_refusal(checks, answer, 429, "too_many_requests")
        checks.equal(world.simulator.truths("user=v")["posts"], 0, "nothing was sent")
        held, rest = halved(world)
        for path, status in (("/v1/workflows/run", 405), ("/v1/chat-messages", 405)):
            checks.equal(world.ask("GET", path)[0], status, "GET " + path + " is Dify's to refuse")
        world.gateway.terminate()
        until_it_drains(world)
        held.send(rest)
        check_refusal(checks, held.read_head(), 503, "stopping")
        world.simulator.stop(told.task)
        checks.equal(told.read().names[-1], "workflow_finished", "what was under way ends")


def main():
    run_tests(arguments(), test_newlines, test_a_failure_behind_newlines, test_refusals)


if __name__ == "__main__":
    main()
