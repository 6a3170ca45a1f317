#!/usr/bin/env python3
"""docs/migrating.md: its programs and commands, in order, before a simulated Dify that breaks its
streams. Each program has to print the run's text, and each of them is one run at Dify.

What is another than on a machine of its own is told in page.py. What is not here (python3-requests,
Node.js, the SDK) is skipped, and that is said."""

import os
import re
import shlex
import sys

import support
from page import Page

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from gateway import Simulator, quiet_port  # noqa: E402

SCENARIO = """
release: 1.14.2
apps:
  - name: summary
    inputs: [{name: topic}]
    runs:
      - nodes:
          - start
          - {type: llm, text: "About {{inputs.topic}}.", chunks: 9, seconds: 4}
          - {type: end, outputs: {text: "About {{inputs.topic}}."}}
"""
CONFIG = """listen: 127.0.0.1:%d
apps:
  dify:
    base_url: http://127.0.0.1:%d/v1
    api_key_file: ${CREDENTIALS_DIRECTORY}/dify
"""
TEXT = "About tea.\n"


def set_up(checks, given, top, simulator):
    """The page, and a gateway that runs as docs/operating.md has it."""
    root, where = os.path.join(top, "root"), os.path.join(top, "back-end")
    os.makedirs(where)
    port = quiet_port()  # the page names one, so the gateway cannot choose
    page = Page(checks, given, "migrating.md", root, where, [
        ("/etc/", root + "/etc/"), ("127.0.0.1:8000", "127.0.0.1:%d" % port),
        ("app-0123456789", "app-summary")])
    support.must_run([os.path.join(page.stubs, "apt-get"), "install"],
                     environment=page.environment)
    for name, text in (("config.yaml", CONFIG % (port, simulator.port)),
                       ("keys/dify", "app-summary\n")):
        with open(os.path.join(root, "etc", "difystream", name), "w", encoding="ascii") as file:
            file.write(text)
    os.chmod(os.path.join(root, "etc", "difystream", "keys", "dify"), 0o600)
    ran = page.systemctl("start", "difystream")
    checks.true(ran.status == 0, "the gateway is started", ran)
    return page


def find_missing(checks, given, page):
    """The programs of the page that cannot be run here."""
    missing = set()
    python = next((path for path in (sys.executable, "/usr/bin/python3") if support.run(
        [path, "-c", "import requests"]).status == 0), None)
    sdk = os.path.join(os.path.dirname(given.build), "deps", "python-sdks",
                       "dify-python-sdk")
    if python is None:
        missing |= {"blocking.py", "streaming.py", "result.py", "sdk.py"}
    else:
        page.stub("python3", "exec %s \"$@\"\n" % shlex.quote(python))
    if os.path.isdir(sdk):
        page.environment["PYTHONPATH"] = sdk
    else:
        missing.add("sdk.py")
    if not support.have("node") or support.run(
            ["node", "-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"]).status != 0:
        missing |= {"blocking.mjs", "result.mjs"}
    if missing:
        print("%s: not run here: %s" % (checks.name, ", ".join(sorted(missing))))
    return missing


def write_program(page, block):
    """A block that is a program: its first line says which."""
    name = re.match(r"(?:#|//) ([\w.]+)\n", block).group(1)
    with open(os.path.join(page.where, name), "w", encoding="utf-8") as file:
        file.write(page.changed(block))


def run_commands(checks, page, heading, block, missing, simulator):
    """Runs a block's programs one by one: what each prints, and that it is one run."""
    others = []
    for line in block.split("\n"):
        program = re.match(r"(?:python3|node) (\S+) tea$", line)
        if program is None:
            others.append(line)
            continue
        page.run(heading, "\n".join(others))
        others = []
        if program.group(1) in missing:
            continue
        before = simulator.stats()["runs_started"]
        checks.equal(page.run(heading, line), TEXT, "what %s prints" % line)
        checks.equal(simulator.stats()["runs_started"], before + 1, "%s is one run" % line)
    page.run(heading, "\n".join(others))


def run_page(checks, given, top, simulator):
    page = set_up(checks, given, top, simulator)
    missing = find_missing(checks, given, page)
    try:
        for heading, language, block in page.blocks():
            if language in ("python", "javascript"):
                write_program(page, block)
            elif checks.equal(language, "sh", "a block of a known kind"):
                run_commands(checks, page, heading, block, missing, simulator)
    finally:
        page.systemctl("stop", "difystream")
    page.check_changes()
    checks.true("Sanitizer" not in page.journal() and "runtime error" not in page.journal(),
                "it ran cleanly", page.journal())
    if "streaming.py" not in missing:
        checks.true("resumed=1" in page.journal(), "streams were broken, and taken up again",
                    page.journal()[-2000:])


def main():
    given = support.arguments()
    checks = support.Checks()
    if not support.have("curl"):
        checks.skip("curl is not here")
    with support.folder() as top:
        scenario = os.path.join(top, "scenario.yaml")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
        with Simulator(given.build, scenario, "--quiet", "--speed", "20", "--fault",
                       "reset-after-events=4,on=run", key="app-summary") as simulator:
            run_page(checks, given, top, simulator)
    checks.finish("docs/migrating.md")


if __name__ == "__main__":
    main()
