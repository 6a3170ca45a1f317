"""Ends of requests below /v1 that are none of Dify's: a request that cannot even be relayed.

usage: v1_ends.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

from gateway import Gateway, arguments, run_tests
from upstream import Upstream

KEY = "app-flow"
RUN = "/v1/workflows/run"
FIELDS = {"Authorization": "Bearer " + KEY}

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


def main():
    given = arguments()
    run_tests(given, test_not_even_relayed)


if __name__ == "__main__":
    main()
