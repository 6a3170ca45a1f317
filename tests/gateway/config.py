#!/usr/bin/env python3
"""difystream serve --check from outside: mistakes with their lines, what is printed can be read
again, flags and environment, docs/serve.md, what a start makes, and that no key is ever printed."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import support  # noqa: E402

SECRET = "app-secret0123456789"
BROKEN = """listen: [127.0.0.1:8000, 0.0.0.0:9000]
apps:
  one:
    base_ulr: http://d/v1
    api_key_env: KEY
  two:
    base_url: d/v1
    api_key: Bearer %s
    routes:
      detect: {}
      /metrics: {}
default_app: three
store: {max_age: soon}
""" % SECRET
TOLD = """F:1: 0.0.0.0:9000 can be reached from other machines, and whoever reaches it may use every \
app: configure access tokens (difystream token new), or let a server that knows its users stand in \
front and listen on 127.0.0.1, or say --no-auth
F:4: app 'one' has no 'base_ulr'; did you mean 'base_url'?
F:3: app 'one' has no base_url
F:7: the base_url of app 'two' does not begin with https:// or http://
F:8: api_key begins with "Bearer"; the key alone should stand there
F:10: the route 'detect' does not begin with '/'
F:11: the route /metrics is the gateway's own
F:12: default_app: there is no app 'three'
F:13: max_age is a time from 0 to 36600d, such as 90s, 12h or 30d
"""
GOOD = """listen: 127.0.0.1:0
apps:
  one: {base_url: "http://d:5001/v1/chat-messages", api_key_env: KEY}
  two: {base_url: "https://d", api_key_file: key, routes: {/api/x: {fields: {A b: c}}}}
  three: {base_url: "https://d", api_key_file: key, routes: {}}
default_app: two
"""


class World:
    """A folder, the command in it, and all that was ever printed."""

    def __init__(self, checks, program, folder):
        self.checks, self.program, self.folder = checks, program, folder
        self.printed = []
        self.clean = {name: "" for name in (
            "DIFY_BASE_URL", "DIFY_API_BASE_URL", "DIFY_API_URL", "DIFY_API_KEY", "USE_STREAMING",
            "DIFY_CONNECT_TIMEOUT", "DIFY_READ_TIMEOUT", "STATE_DIRECTORY", "XDG_STATE_HOME")}

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def check(self, *words, **variables):
        environment = dict(self.clean, HOME=self.folder, KEY=SECRET, **variables)
        ran = support.run([self.program, "serve", "--check"] + list(words),
                          environment=environment)
        self.printed.append(ran.out.decode() + ran.err)
        return ran.status, ran.out.decode(), ran.err

    def good(self, what, *words, **variables):
        status, out, err = self.check(*words, **variables)
        self.checks.equal((status, err), (0, ""), what)
        return out


def check_mistakes(checks, world):
    path = world.write("broken.yaml", BROKEN)
    told = "".join("difystream serve: %s\n" % line.replace("F", path, 1)
                   for line in TOLD.splitlines())
    checks.equal(world.check("--config", path), (2, "", told), "all mistakes, each with its line")
    status, out, err = world.check()
    checks.equal((status, out), (2, ""), "nothing to serve")
    checks.true("set DIFY_BASE_URL and DIFY_API_KEY" in err, "how to begin", err)
    for words, what in ((["--log-level", "loud"], "--log-level"), (["--listen", "x"], "--listen"),
                        (["--drain-timeout", "x"], "--drain-timeout"), (["--store", ""], "--store")):
        status, out, err = world.check(*words, DIFY_BASE_URL="http://d", DIFY_API_KEY=SECRET)
        checks.equal((status, out), (2, ""), "%s %r is refused" % tuple(words))
        checks.true(what in err and err.count("\n") == 1, "it is named", err)


def check_round_trip(checks, world):
    world.write("key", SECRET + "\n")
    first = world.good("a good file", "--config", world.write("good.yaml", GOOD))
    os.mkdir(os.path.join(world.folder, "else"))
    second = world.good("what was printed", "--config", world.write("else/where.yaml", first))
    checks.equal(second, first, "what is printed reads back to the same")
    for part in ("base_url: http://d:5001/v1\n", "api_key_env: KEY\n",
                 "api_key_file: %s\n" % os.path.join(world.folder, "key"), '"A b": c\n',
                 "default_app: two\n", "  - 127.0.0.1:0\n",
                 "path: %s/.local/state/difystream/gateway.db\n" % world.folder):
        checks.true(part in first, "it is printed: " + part, first)
    checks.true("/api/detect" not in first, "no default path where an app has one")
    checks.true(not os.path.exists(os.path.join(world.folder, ".local")), "no folder is made")


def check_flags(checks, world):
    app = {"DIFY_API_URL": "http://d/v1/workflows/run", "DIFY_API_KEY": SECRET}
    out = world.good("the environment alone", USE_STREAMING="no", DIFY_READ_TIMEOUT="7", **app)
    for part in ("  default:\n    base_url: http://d/v1\n    api_key_env: DIFY_API_KEY\n",
                 "read_timeout: 7s\n", "streaming: false\n", "      /api/detect:\n"):
        checks.true(part in out, "it is printed: " + part, out)
    out = world.good("flags", "--listen", "[::1]:1", "-l", "unix:/x", "--store", "none",
                     "--log-level", "debug", "--log-format", "json", "--drain-timeout", "2", **app)
    for part in ('listen:\n  - "[::1]:1"\n  - unix:/x\napps:', "path: none\n", "level: debug\n",
                 "format: json\n", "drain_timeout: 2s\n"):
        checks.true(part in out, "it is printed: " + part, out)
    status, _, _ = world.check("--listen", "0.0.0.0:1", **app)
    checks.equal(status, 2, "an open address is refused")
    world.good("an open address with --no-auth", "--listen", "0.0.0.0:1", "--no-auth", **app)


def check_start(checks, world):
    """The store's folder is made when the gateway starts, for the user alone."""
    environment = dict(os.environ, **dict(world.clean, HOME=world.folder, DIFY_API_KEY=SECRET,
                                          DIFY_BASE_URL="http://127.0.0.1:1"))
    command = [world.program, "serve", "--listen", "127.0.0.1:0"]
    said = ""
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        watchdog = threading.Timer(support.DEADLINE_S, process.kill)
        watchdog.start()
        for line in process.stderr:
            said += line.decode()
            if b"listening on" in line:
                process.send_signal(signal.SIGTERM)
        status = process.wait()
        watchdog.cancel()
    world.printed.append(said)
    checks.equal(status, 0, "it starts and ends: " + said)
    made = os.path.join(world.folder, ".local", "state", "difystream")
    if checks.true(os.path.isdir(made), "the store's folder is made"):
        checks.equal(stat.S_IMODE(os.stat(made).st_mode), 0o700, "it is the user's alone")
        checks.true(os.path.exists(os.path.join(made, "gateway.db")), "the store lies there")


def check_failed_starts(checks, world):
    """What a start fails for is said in one line, and is all that happens."""
    garbage = world.write("garbage.db", "this is no database\n" * 100)
    environment = dict(os.environ, **dict(world.clean, HOME=world.folder, DIFY_API_KEY=SECRET,
                                          DIFY_BASE_URL="http://127.0.0.1:1"))

    def fails(what, said, *words, listen="127.0.0.1:0"):
        ran = support.run([world.program, "serve", "--listen", listen] + list(words),
                          environment=environment)
        world.printed.append(ran.err)
        checks.equal(ran.status, 1, what + ": " + ran.err)
        checks.true(said in ran.err and ran.err.count("\n") == 1, what + " is told", ran.err)

    fails("a store that is none", "cannot open the store: ", "--store", garbage)
    fails("a store that is a folder", "cannot open the store: ", "--store", world.folder)
    fails("a store where none can be", "cannot open the store: ", "--store", "/proc/runs.db")
    fails("a name that is too long", "cannot open the store: ", "--store",
          os.path.join(world.folder, "x" * 300))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        fails("a port that is taken", "address already in use", "--store", "none",
              listen="127.0.0.1:%d" % taken.getsockname()[1])


def check_manual(checks, world, source):
    text = support.read(source, "docs", "serve.md")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    checks.true(blocks, "docs/serve.md has an example")
    for block in blocks:
        world.good("an example of docs/serve.md", "--config", world.write("doc.yaml", block),
                   LABEL_CHECK_KEY=SECRET, SUMMARY_KEY=SECRET)
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", text, re.M))))
    for file in ("config.c", "config_app.c", "config_route.c"):
        code = support.read(source, "src", "gateway", file)
        members = re.findall(r"\[[A-Z_]+\] = \"(\w+)\"", code)
        checks.true(members, "%s has members" % file)
        for member in members:
            checks.true(member in named | {"error", "warning", "info", "debug"},
                        "docs/serve.md has the member " + member)


def main():
    given = support.arguments()
    checks = support.Checks()
    checks.name = "gateway.config-check"
    with support.folder() as folder:
        world = World(checks, os.path.join(given.build, "difystream"), folder)
        check_mistakes(checks, world)
        check_round_trip(checks, world)
        check_flags(checks, world)
        check_start(checks, world)
        check_failed_starts(checks, world)
        check_manual(checks, world, given.source)
        checks.true(all(SECRET not in text for text in world.printed), "no key was ever printed")
        checks.true(len(world.printed) > 10, "something was printed")
    checks.finish("difystream serve --check")


if __name__ == "__main__":
    main()
