"""run, resume and chat in a real terminal: a pseudo-terminal with the keys that people press.

usage: typed.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import codecs
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import followed
import runner
import support
from followed import Command, dify
from screen import Screen

CTRL_C = b"\x03"
CTRL_S = b"\x13"
CTRL_Q = b"\x11"
APPS = followed.APPS + """
  - name: assistant
    mode: chat
    runs: [{answer: {text: "Hello,\\e[2J this is an answer.", chunks: 5, seconds: 2}}]
  - name: long
    runs:
      - nodes:
          - start
          - {id: talks, type: llm, title: "Überlegt", text: "eins zwei drei", chunks: 3, tokens: 9}
          - {id: waits, type: code, title: "Wartet auf etwas mit einem langen Namen", seconds: 100000}
"""


class Typed:
    """A command whose standard error, and all that is not said otherwise, is a terminal of its own
    session, so that keys become signals."""

    def __init__(self, command, *words, columns=80, rows=24, app=None, environment=None, **more):
        self.terminal = support.Terminal(columns, rows)
        self.screen = Screen(columns, rows)
        self.raw = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        far = self.terminal.far
        more = dict({"stdin": far, "stdout": far, "stderr": far}, **more)
        self.process = self.terminal.watch(command.start(
            *words, app=app, environment=dict({"TERM": "xterm"}, **(environment or {})),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0), **more))

    def press(self, keys):
        os.write(self.terminal.near, keys)

    def read(self):
        """False at the end."""
        got = self.terminal.read()
        text = self.decoder.decode(got)
        self.raw += text
        self.screen.feed(text)
        return bool(got)

    def until(self, word):
        """Reads until the screen shows it, which has to come."""
        while word not in self.screen.text():
            if not self.read():
                raise AssertionError("%r did not come, but %r" % (word, self.screen.text()))

    def end(self):
        """Reads to the end; the status and what a standard output of its own said, which has to
        be less than a pipe holds."""
        while self.read():
            pass
        self.terminal.close()
        out = b""
        if self.process.stdout is not None:
            out = self.process.stdout.read()
            self.process.stdout.close()
        return self.process.wait(support.DEADLINE_S), out.decode("utf-8")


def check_left(checks, typed, what):
    """The terminal is as it was."""
    screen = typed.screen
    checks.equal(screen.unknown, [], what + ": nothing that a terminal might not know")
    checks.true(screen.wraps and screen.cursor and not screen.coloured, what + ": modes are back")
    checks.equal(screen.x, 0, what + ": the cursor is at the beginning of a line")


def test_live(given):
    checks = given.checks
    with dify(given) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", app="slow", stdout=subprocess.PIPE)
        typed.until("three")
        status, out = typed.end()
        text = typed.screen.text()
        checks.equal([status, json.loads(out)["success"]], [0, True], "it succeeds")
        check_left(checks, typed, "live")
        checks.true(re.search(r"run 0\S{35}\n", text), "the run's own id comes first", text)
        for word in ("start", "one", "two", "three", "end"):
            checks.equal(len(re.findall(r"^. %s\b" % word, text, re.M)), 1, "a line for " + word)
        checks.true("\x1b[" in typed.raw and re.search(r"\x1b\[3\dm", typed.raw), "in colours")
        typed = Typed(command, "run", app="slow", environment={"NO_COLOR": "1"},
                      stdout=subprocess.PIPE)
        checks.equal(typed.end()[0], 0, "NO_COLOR")
        checks.true(not re.search(r"\x1b\[[0-9;]*m", typed.raw), "without colours", typed.raw)
        typed = Typed(command, "run", "-q", app="slow", stdout=subprocess.PIPE)
        checks.equal([typed.end()[0], typed.raw], [0, ""], "nothing with --quiet")
        typed = Typed(command, "run", app="slow", environment={"TERM": "dumb"},
                      stdout=subprocess.PIPE)
        checks.equal(typed.end()[0], 0, "TERM=dumb")
        checks.true("\x1b" not in typed.raw and "succeeded   run" in typed.raw, "plain lines",
                    typed.raw)


def test_all(given):
    """Progress and result on one terminal."""
    checks = given.checks
    with dify(given, scenario=given.scenario(APPS)) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", columns=200, rows=100, app="slow")
        checks.equal(typed.end()[0], 0, "it succeeds")
        check_left(checks, typed, "all")
        text = typed.screen.text()
        result = json.loads(text[text.index("{\n"):])
        checks.equal(result["success"], True, "an indented result stands behind the progress")
        typed = Typed(command, "run", "-o", "jsonl", columns=200, rows=200, app="slow")
        checks.equal(typed.end()[0], 0, "events on the terminal")
        check_left(checks, typed, "jsonl")
        checks.true('"type":"result"' in typed.screen.text(), "the last line")
        typed = Typed(command, "chat", "Hi", columns=200, app="assistant")
        typed.until("Hello")
        checks.equal(typed.end()[0], 0, "a chat")
        check_left(checks, typed, "chat")
        text = typed.screen.text()
        checks.true(re.search(r"^Hello,\S*\[2J this is an answer\.$", text, re.M),
                    "its text comes once, and its escapes are none", text)


def test_once(given):
    checks = given.checks
    with dify(given, scenario=given.scenario(APPS)) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", app="long", stdout=subprocess.PIPE)
        typed.until("Wartet")
        typed.press(CTRL_C)
        status, out = typed.end()
        checks.equal([status, json.loads(out)["code"]], [1, "workflow_stopped"], "Ctrl-C stops it")
        checks.true("once more leaves it running" in typed.screen.text(), "it says so",
                    typed.screen.text())
        check_left(checks, typed, "once")
        checks.equal(command.journals(), [], "no journal is left")


def test_twice(given):
    checks = given.checks
    with dify(given, "--fault", "queued=100000", scenario=given.scenario(APPS)) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", columns=120, app="long", stdout=subprocess.PIPE)
        typed.until("run 0")
        typed.press(CTRL_C)
        typed.until("once more")
        typed.press(CTRL_C)
        status, out = typed.end()
        checks.equal([status, json.loads(out)["code"]], [130, "cancelled"], "Ctrl-C twice leaves it")
        own = re.search(r"run (0\S{35})", typed.screen.text()).group(1)
        last = typed.screen.text().split("\n")[-1]
        checks.true(last.endswith("difystream resume " + own), "the last line says how to go on",
                    typed.screen.text())
        check_left(checks, typed, "twice")
        checks.equal(len(command.journals()), 1, "its journal stays")


def test_held_terminal(given):
    """Ctrl-S holds up the terminal, not the run, and keeps nobody from ending the command."""
    checks = given.checks
    with dify(given, scenario=given.scenario(APPS)) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", app="long", stdout=subprocess.PIPE)
        typed.until("Wartet")
        typed.press(CTRL_S)
        ended = False
        while not ended:
            typed.process.terminate()
            try:
                typed.process.wait(0.1)
                ended = True
            except subprocess.TimeoutExpired:
                pass
        checks.true(typed.process.returncode in (-signal.SIGTERM, 130), "it ends",
                    typed.process.returncode)  # 130: before the key had reached the terminal
        checks.equal(len(command.journals()), 1, "its journal stays")
        typed.process.stdout.close()
        typed.terminal.close()


def test_held_while_running(given):
    """The run goes on, and so does what is not the terminal's."""
    checks = given.checks
    with dify(given, scenario=given.scenario(APPS)) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", "-o", "jsonl", app="slow", stdout=subprocess.PIPE)
        typed.until("two")
        typed.press(CTRL_S)
        for line in typed.process.stdout:
            if json.loads(line)["type"] == "workflow_finished":
                break
        else:
            checks.true(False, "all events came")
        typed.press(CTRL_Q)
        checks.equal(typed.end()[0], 0, "it succeeds")
        check_left(checks, typed, "held")


def test_narrow(given):
    checks = given.checks
    with dify(given, scenario=given.scenario(APPS)) as sim:
        command = Command(given, sim)
        typed = Typed(command, "run", columns=30, rows=8, app="long", stdout=subprocess.PIPE)
        typed.until("Wartet")
        typed.terminal.resize(26, 6)
        seen = len(typed.raw)
        while len(typed.raw) < seen + 2000:  # some drawings later
            typed.read()
        typed.press(CTRL_C)
        checks.equal(typed.end()[0], 1, "it is stopped")
        checks.equal(typed.screen.unknown, [], "narrow: nothing that a terminal might not know")
        checks.true(typed.screen.wraps and typed.screen.cursor, "narrow: modes are back")


def main():
    support.Checks().need_terminal()
    runner.run(runner.tests_of(sys.modules[__name__]), "cli.typed",
               "live progress, keys, colours, sizes in a terminal")


if __name__ == "__main__":
    main()
