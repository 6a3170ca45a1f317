"""The examples of back ends and a front end, each as it stands, against the gateway and a simulated
Dify that breaks a connection; the back ends also while the gateway is killed.

What is not here (Node.js, python3-requests) is skipped, and said."""

import importlib.util
import json
import os
import subprocess
import sys

import gateway as kit
import support
from server import Simulator

# As a caller says them, and as the app calls them.
ARGUMENTS = ["饼干", "预包装食品", "单品", "100g", "2024-05-01", "无"]
NAMES = ["Foodtype", "PackageFoodType", "SingleOrMulti", "PackageSize", "DetectionTime",
         "SpecialRequirement"]
RECORDING = os.path.join(kit.RECORDINGS, "label-check", "streaming", "expected.json")
RESET = "reset-after-events=12,times=1"


def node(given, oldest=18):
    """Node.js, None where it is missing or too old."""
    if not support.have("node"):
        print("%s: node is not here: its part is skipped" % given.checks.name)
        return None
    version = support.must_run(["node", "--version"]).strip()
    if int(version[1:].split(".")[0]) < oldest:
        print("%s: node %s is too old: its part is skipped" % (given.checks.name, version))
        return None
    return "node"


def python(given):
    """A Python that has requests."""
    if importlib.util.find_spec("requests"):
        return sys.executable
    if support.run(["/usr/bin/python3", "-c", "import requests"]).status == 0:
        return "/usr/bin/python3"
    print("%s: python3-requests is not here: its part is skipped" % given.checks.name)
    return None


def commands(given):
    """The examples of back ends that can be run here, by name."""
    folder = os.path.join(given.source, "examples", "back-end")
    found = {"python": [python(given), os.path.join(folder, "python", "dify_workflow.py")],
             "javascript": [node(given),
                            os.path.join(folder, "javascript", "dify-workflow.mjs")]}
    return {name: words for name, words in found.items() if words[0]}


def start(words, picture, gateway):
    return subprocess.Popen([*words, picture, *ARGUMENTS], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1",
                                     DIFYSTREAM_URL="http://127.0.0.1:%d" % gateway.port))


def result_of(given, process, what):
    out, errors = process.communicate(timeout=2 * kit.DEADLINE_S)
    given.checks.equal(errors.decode(), "", what + ": says nothing on standard error")
    try:
        return json.loads(out)
    except ValueError:
        given.checks.true(False, what + ": prints JSON", out.decode())
        return {"data": {}}


def check_result(given, result, what):
    """It has all that the recorded run has."""
    expected = json.loads(support.read(RECORDING))["data"]
    data = result.get("data", {})
    given.checks.equal(result.get("success"), True, what + ": success")
    for member in ("status", "workflow_outputs"):
        given.checks.equal(data.get(member), expected[member], "%s: %s" % (what, member))
    # The simulator gives files and such new ids. What a node gave is lost if it ended between two
    # streams, as on a slow machine; then the result says so.
    names = list(data.get("outputs", {}))
    if data.get("metadata", {}).get("complete") is not False:
        given.checks.equal(names, list(expected["outputs"]), what + ": names of the outputs")
    else:
        given.checks.true(set(expected["workflow_outputs"]) <= set(names) < set(expected["outputs"]),
                          what + ": names of the outputs that are left", names)
    for member in ("total_tokens", "total_price", "total_steps"):
        given.checks.equal(data.get("metadata", {}).get(member), expected["metadata"][member],
                           "%s: %s" % (what, member))


def check_sent(given, simulator, what):
    """One run was asked for, with the inputs under the app's own names."""
    stats = simulator.stats()
    given.checks.equal((stats["posts"], stats["runs_started"]), (1, 1), what + ": one run")
    inputs = dict(stats["runs"][0]["inputs"])
    pictures = inputs.pop("TagImage", None)
    given.checks.true(isinstance(pictures, list) and len(pictures) == 1, what + ": one picture",
                      pictures)
    given.checks.equal(inputs, dict(zip(NAMES, ARGUMENTS)), what + ": the inputs")


def simulate(given, speed, *options):
    return Simulator(given.build, os.path.join(given.source, "examples", "sim", "label-check.yaml"),
                     "--quiet", "--speed", speed, *options, key="app-label-check")


def serve(given, simulator, **more):
    return kit.Gateway(given.build, {"label-check": kit.app_of(simulator)}, speed=10, **more)


def test_back_ends(given):
    """Dify's side resets the connection in the middle."""
    picture = os.path.join(given.source, "examples", "label.png")
    for name, words in commands(given).items():
        with simulate(given, "5", "--fault", RESET) as simulator, \
                serve(given, simulator) as gateway:
            result = result_of(given, start(words, picture, gateway), name)
            check_result(given, result, name)
            given.checks.equal(result.get("data", {}).get("resumed"), 1, name + ": was taken up")
            check_sent(given, simulator, name)
            result = result_of(given, start(words, picture + ".not", gateway), name)
            given.checks.equal((result["success"], result.get("code")), (False, "file_unreadable"),
                               name + ": no such picture")


def test_killed(given):
    """The gateway is killed while a back end waits; the next one answers it."""
    picture = os.path.join(given.source, "examples", "label.png")
    for name, words in commands(given).items():
        what = name + ", the gateway is killed"
        with simulate(given, "4") as simulator, \
                serve(given, simulator, keeps_port=True) as gateway:
            process = start(words, picture, gateway)
            simulator.until(simulator.stats, lambda stats: stats["runs_started"] == 1)
            given.checks.true(gateway.kill(), what + ": it lived until then")
            gateway.start()
            result = result_of(given, process, what)
            given.checks.equal((result.get("success"), result["data"].get("status")),
                               (True, "succeeded"), what + ": the result")
            check_sent(given, simulator, what)


def test_front_end(given):
    """The page's script: a result, and a form without its picture."""
    if node(given) is None:
        return
    folder = os.path.dirname(os.path.abspath(__file__))
    page = os.path.join(given.source, "examples", "front-end", "index.html")
    picture = os.path.join(given.source, "examples", "label.png")
    fields = ["=".join(pair) for pair in zip(NAMES, ARGUMENTS)]

    def show(gateway, picture):
        shown = support.must_run(["node", os.path.join(folder, "page.mjs"), page,
                                  "http://127.0.0.1:%d" % gateway.port, picture, *fields])
        return json.loads(shown)

    with simulate(given, "5", "--fault", RESET) as simulator, serve(given, simulator) as gateway:
        shown = show(gateway, "")
        given.checks.equal(shown["state"], "请求参数无效", "page: what failed")
        given.checks.true("TagImage" in shown["result"], "page: the message", shown["result"])
        given.checks.equal(simulator.stats()["posts"], 0, "page: nothing was sent for it")
        shown = show(gateway, picture)
        given.checks.true(shown["state"].startswith("完成"), "page: it is done", shown)
        run = gateway.whole("GET", "/api/runs")[1]["data"][0]["run_id"]
        result = gateway.whole("GET", "/api/runs/" + run)[1]
        check_result(given, result, "page")
        given.checks.equal(json.loads(shown["result"] or "{}"), result["data"]["outputs"],
                           "page: the outputs")
        given.checks.equal((shown["asked"], shown["isEnabled"]), (["/api/detect"], True),
                           "page: it asked once, and can ask again")
        check_sent(given, simulator, "page")


if __name__ == "__main__":
    kit.run_tests(kit.arguments(), test_back_ends, test_killed, test_front_end)
