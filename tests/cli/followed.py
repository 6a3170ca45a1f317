"""What the tests of run, resume and chat share: the command beside a simulated Dify."""

import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
for folder in ("system", "sim"):
    sys.path.insert(0, os.path.join(ROOT, "tests", folder))

import support
from server import Simulator

SPEED = "100"
KEY = "app-secret-of-the-test"
APPS = """
apps:
  - name: steps
    key: %(key)s
    inputs: [{name: word, required: true}, {name: count, type: number, required: true}]
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, title: Write, text: "Grund aus Köln", chunks: 3, tokens: 7, price: "0.0007"}
          - {type: code, outputs: {a: "ä"}}
          - {id: it, type: iteration, over: 3, nodes: [{id: inner, type: code, outputs: {b: 1}}]}
          - {type: end, outputs: {result: "{{inputs.word}}"}}
  - name: held
    runs:
      - nodes: [start, {type: code, seconds: 100000}]
  - name: slow
    runs:
      - nodes:
          - start
          - {id: one, type: code, outputs: {a: 1}}
          - {id: two, type: llm, text: "zwei", chunks: 2, tokens: 9, price: "0.1", seconds: 2}
          - {id: three, type: code, seconds: 100, outputs: {b: 2}}
          - {type: end, outputs: {result: done}}
  - name: fails
    runs:
      - nodes: [start, {type: code, error: "It\\e[31m broke."}]
  - name: partial
    runs:
      - nodes: [start, {type: code, error: handled, on_error: continue}, {type: end, outputs: {a: 1}}]
  - name: picture
    inputs: [{name: images, type: file-list, required: true, file_types: [image]}]
    runs:
      - nodes: [start, {type: end, outputs: {seen: yes}}]
  - name: talk
    mode: advanced-chat
    runs:
      - nodes:
          - start
          - {id: llm, type: llm, text: "You said: {{query}}", tokens: 20, chunks: 3}
          - {type: answer, outputs: {answer: "You said: {{query}}", files: []}}
""" % {"key": KEY}


class Command:
    """Starts difystream with settings of its own: no configuration, its own folder of journals."""

    def __init__(self, given, simulator, folder=None):
        self.program = os.path.join(given.build, "difystream")
        self.folder = folder or given.folder
        self.state = os.path.join(self.folder, "state-%d" % id(self))
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.lower().startswith(("dify", "xdg", "no_color", "http", "all_"))}
        self.environment.update(HOME=self.folder, XDG_STATE_HOME=self.state, LC_ALL="C.UTF-8",
                                DIFYSTREAM_SPEED=SPEED, DIFY_API_KEY=KEY, NO_PROXY="*")
        if simulator is not None:
            self.environment["DIFY_BASE_URL"] = "http://127.0.0.1:%d/v1" % simulator.port

    def start(self, *words, app=None, environment=None, **more):
        """A process; `app`: of the scenario, by its key."""
        said = dict(self.environment, **(environment or {}))
        if app is not None:
            said["DIFY_API_KEY"] = "app-" + app
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.program, *words], env=said, **more)

    def end(self, process, stdin=None):
        """Waits for it: its status, output and errors."""
        out, err = process.communicate(stdin, timeout=support.DEADLINE_S)
        return Done(process.returncode, (out or b"").decode("utf-8"), (err or b"").decode("utf-8"))

    def run(self, *words, stdin=None, **more):
        if stdin is not None:
            more["stdin"] = subprocess.PIPE
        return self.end(self.start(*words, **more), stdin)

    def journals(self):
        """The journals' names."""
        where = os.path.join(self.state, "difystream", "runs")
        return sorted(os.listdir(where)) if os.path.isdir(where) else []

    def kept(self):
        """All bytes of the folder of journals."""
        return b"".join(support.read_bytes(path) for path in support.files_below(self.state, ""))


class Done:
    """How a command ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return "status %r, out %r, err %r" % (self.status, self.out[:400], self.err[-1500:])

    @property
    def result(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.err.splitlines()


def read_until(process, word):
    """The lines of standard error up to one that holds the word; it has to come."""
    lines = []
    for line in process.stderr:
        lines.append(line.decode("utf-8"))
        if word in lines[-1]:
            return lines
    raise AssertionError("%r did not come, but %r" % (word, lines))


def dify(given, *options, speed=SPEED, scenario=None):
    path = scenario or given.scenario(APPS)
    return Simulator(given.build, path, "--seed", "1", "--speed", str(speed), *options, key=KEY)


def meaning(result):
    """What must be the same of two runs of the same inputs."""
    data = result["data"]
    nodes = [[node[name] for name in ("node_id", "status", "total_tokens", "total_price")]
             for node in data["nodes"]]
    return [result["success"], result.get("code"), data["status"], data["outputs"],
            data["workflow_outputs"], data["metadata"]["total_tokens"],
            data["metadata"]["total_price"], data["metadata"]["total_steps"],
            data["metadata"]["complete"], nodes]

