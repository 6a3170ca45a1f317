"""Runs below /v1 that wait for a person: how their callers are told, the form, and what follows, which
is between client and Dify.

usage: v1_forms.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import json
import os

from gateway import RECORDINGS, arguments, run_tests
from v1 import ask, masked, unlike
from v1_known import KEY, Told, World, bearer

SCENARIO = """apps:
  - {name: flow, runs: [{recording: %s, resumed: %s}]}
  - {name: other, runs: [{recording: %s, resumed: %s}]}
""" % tuple(os.path.join(RECORDINGS, name) for name in (
    "human-input/approve/streaming", "human-input/approve/events-resume-snapshot-continue",
    "chat-human/streaming", "chat-human/events-continue"))
APPS = (("flow", KEY, "/v1/workflows/run"), ("chatflow", "app-other", "/v1/chat-messages"))


def form_of(told):
    return next(event["data"] for event in told.events if event["event"] == "human_input_required")


def order(path):
    body = {"inputs": {}, "user": "u", "response_mode": "streaming"}
    return dict(body, query="x") if "chat" in path else body


def test_paused(given):
    checks = given.checks
    with World(given, SCENARIO) as world:
        for name, key, path in APPS:
            told = Told(world.gateway.send("POST", path, order(path), bearer(key))).read()
            checks.equal(told.names[-2:], ["human_input_required", "workflow_paused"], name + ": the end")
            checks.equal(told.connection.end, "last-chunk", name + ": whole")
            direct, expected = ask(world.simulator, key, path, "blocking")
            through, actual = ask(world.gateway, key, path, "blocking")
            checks.equal((through.status, *unlike(masked(actual), masked(expected))[:1]),
                         (direct.status, unlike(masked(actual), masked(expected))[1]),
                         name + ": who blocks")
            checks.equal(json.loads(world.ask("GET", "/v1/workflows/run/" + told.run, key=key)[1])["status"],
                         "paused", name + ": its detail")


def test_form(given):
    """Read, sent once, and what follows: as Dify does it."""
    checks = given.checks
    with World(given, SCENARIO) as world:
        for name, key, path in APPS:
            told = Told(world.gateway.send("POST", path, order(path), bearer(key))).read()
            token = form_of(told)["form_token"]
            status, text = world.ask("GET", "/v1/form/human_input/" + token, key=key)
            checks.equal(status, 200, name + ": the form")
            form = json.loads(text)
            inputs = {field["output_variable_name"]: "yes" for field in form["inputs"]}
            action = form["user_actions"][0]["id"]
            events = world.follow(told.run, "&include_state_snapshot=true&continue_on_pause=true", key=key)
            checks.equal(events.status, 200, name + ": the events of a paused run")
            events.until("workflow_paused")
            answers = [world.ask("POST", "/v1/form/human_input/" + token,
                                 {"inputs": inputs, "action": action, "user": "u"}, key)[0] for _ in range(2)]
            checks.equal(answers, [200, 412], name + ": submitted once")
            events.read()
            checks.equal((events.names[-1], events.end["status"]), ("workflow_finished", "succeeded"),
                         name + ": it goes on to its end")
            checks.equal(json.loads(world.ask("GET", "/v1/workflows/run/" + told.run, key=key)[1])["status"],
                         "succeeded", name + ": its detail")


def main():
    run_tests(arguments(), test_paused, test_form)


if __name__ == "__main__":
    main()
