"""Ends of requests below /v1 that are none of Dify's: a caller who reads too slowly, a run that is
given up before it was kept, a request that cannot even be relayed.

usage: v1_ends.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import json

from gateway import Gateway, Simulator, app_of, arguments, run_tests, scenario
from upstream import Upstream

KEY = "app-flow"
RUN = "/v1/workflows/run"
FIELDS = {"Authorization": "Bearer " + KEY}
ORDER = {"inputs": {}, "user": "u", "response_mode": "streaming"}
# More than the gateway keeps for one who is behind, and than lies in sockets.
LARGE = """apps:
  - name: flow
    runs: [{nodes: [start, %s, {type: end, outputs: {a: 1}}]}]
""" % ", ".join(["{type: code, size: 1000000}"] * 24)


def test_slow_reader(given):
    """What he missed is not there any more: his stream is cut, and has no words but Dify's."""
    checks = given.checks
    with Simulator(given.build, scenario(given, "large.yaml", LARGE), "--speed", "50", "--quiet",
                   key=KEY) as simulator, \
            Gateway(given.build, {"flow": app_of(simulator)}, speed=50, store=None) as gateway:
        slow = gateway.send("POST", RUN, ORDER, FIELDS, connection=gateway.connect(4096))
        slow.read_head()
        run = slow.header("X-Difystream-Run-ID")
        checks.true(gateway.until_over(run)["success"], "the run ends")
        body = b"".join(slow.chunks())
        checks.true(b"reset" not in body, "no word of the gateway's", body[-200:])
        checks.true(b'"event":"workflow_finished"' in body or slow.end != "last-chunk",
                    "it does not look whole", slow.end)
        ended = gateway.send("GET", "/v1/workflow/%s/events?user=u&include_state_snapshot=true" % run,
                             fields=FIELDS).read_head()
        checks.true(b'"workflow_finished"' in b"".join(ended.chunks()), "its end is still there")
        checks.equal(ended.end, "last-chunk", "and whole")


def test_given_up_before_it_was_kept(given):
    """A stream that began while Dify was silent ends with an error once its run is given up."""
    checks = given.checks
    upstream = Upstream(lambda request: request.hold())
    app = {"base_url": "http://127.0.0.1:%d/v1" % upstream.port, "api_key": KEY}
    with Gateway(given.build, {"flow": app}, speed=20) as gateway:
        caller = gateway.send("POST", RUN, ORDER, FIELDS)
        caller.read_head()  # after what are 20 s
        checks.equal(caller.status, 200, "it begins")
        run = caller.header("X-Difystream-Run-ID")
        gateway.whole("POST", "/api/runs/%s/stop" % run)
        frames = [frame for frame in caller.frames() if frame.startswith("data: ")]
        checks.equal([json.loads(frame[6:])["event"] for frame in frames], ["error"], "its end")
        checks.equal(caller.end, "last-chunk", "and whole")
        while upstream.held.qsize() > 0:
            upstream.next_held().gone.set()
    upstream.close()


def test_not_even_relayed(given):
    """A body that Dify is to refuse, with an address that is too long for it."""
    checks = given.checks
    upstream = Upstream()
    base = "http://127.0.0.1:%d/%s/v1" % (upstream.port, "b" * 1900)
    with Gateway(given.build, {"flow": {"base_url": base, "api_key": KEY}}, store=None) as gateway:
        for _ in range(20):
            status, error = gateway.whole("POST", RUN + "?q=" + "q" * 15000, {}, fields=FIELDS)
            checks.equal((status, error["code"]), (414, "uri_too_long"), "refused")
        status, _ = gateway.whole("POST", RUN, {}, fields=FIELDS)
        checks.equal(status, 200, "another is relayed")
        checks.equal(len(upstream.requests), 1, "and nothing else was")
    upstream.close()


def test_half_a_request_at_the_end(given):
    """Bodies that are still coming when the gateway ends do not outlive what they are for."""
    upstream = Upstream()
    app = {"base_url": "http://127.0.0.1:%d/v1" % upstream.port, "api_key": KEY}
    head = "POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n" \
        "Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    for store in (None, "runs.db"):
        with Gateway(given.build, {"flow": app}, store=store, drain_timeout=0) as gateway:
            held = [gateway.connect() for _ in range(20)]
            for number, connection in enumerate(held):
                connection.send((head % (RUN if number % 2 else "/v1/files/upload", KEY)).encode())
                connection.line()  # of the 100: it is being read
            gateway.terminate()
            given.checks.equal(gateway.over(), 0, "a good end")
            for connection in held:
                connection.close()
    upstream.close()


def main():
    given = arguments()
    run_tests(given, test_slow_reader, test_given_up_before_it_was_kept, test_not_even_relayed,
              test_half_a_request_at_the_end)


if __name__ == "__main__":
    main()
