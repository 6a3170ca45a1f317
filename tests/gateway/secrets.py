#!/usr/bin/env python3
"""Secrets stay where they belong: keys of Dify's, access tokens, a proxy's password, tokens of
forms, idempotency keys, what runs are given and what their files hold, while everything goes wrong
that can.

What a caller gets of his own is his; what others get, the log, the metrics and the store are
searched. The environment of the process is the operator's own: who may read it is said below, not
what it holds.

usage: secrets.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST]
"""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import tempfile

import gateway
from gateway import RECORDINGS, Gateway, Simulator, app_of, arguments, run_tests
from upstream import Upstream, answer, exchange, message, raw

KEYS = {name: "app-SECRET-" + name
        for name in ("env", "file", "guest", "odd", "form", "refused", "says")}
TOKENS = {name: "dst_SECRET-token-of-" + name for name in ("first", "second")}
PASSWORD = "SECRET-of-the-proxy"
AS_BASIC = base64.b64encode(("user:" + PASSWORD).encode()).decode()
IDEMPOTENCY = "SECRET-idempotency"
INPUT, CONTENT = "SECRET-input", "SECRET-content-of-a-file"
# What Dify says in events of a run is the run's, even its key; the log has it not.
NEVER_KEPT = [*(key for name, key in KEYS.items() if name != "says"),
              *TOKENS.values(), PASSWORD, AS_BASIC, CONTENT]
RUN = "/v1/workflows/run"
SCENARIO = """
apps:
  - {name: env, key: %(env)s, inputs: [{name: word}, {name: picture, type: file}],
     runs: [{nodes: [start, {type: end, outputs: {a: "{{inputs.word}}"}}]}]}
  - {name: file, key: %(file)s, inputs: [{name: word}],
     runs: [{nodes: [start, {type: code, error: "{{inputs.word}}"}]}]}
  - {name: guest, key: %(guest)s, inputs: [{name: word}],
     runs: [{nodes: [start, {type: end, outputs: {a: "{{inputs.word}}"}}]}]}
  - name: form
    key: %(form)s
    inputs: [{name: word}]
    runs: [{recording: %(recordings)s/human-input/approve/streaming,
            resumed: %(recordings)s/human-input/approve/events-resume-snapshot-continue}]
""" % dict(KEYS, recordings=RECORDINGS)


def told(body, status=500):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(answer(status, [("Content-Type", "application/json"),
                               ("Content-Length", str(len(data)))], data))


class Dify:
    """One that tells what it should not: each run gets the next of its answers. `elsewhere` is
    where it sends others to."""

    def __init__(self):
        self.elsewhere = Upstream()
        self.upstream = Upstream(self.answers)
        self.count = 0

    def answers(self, request):
        key, path = request.field("Authorization") or "", request.target
        away = "http://127.0.0.1:%d/v1/x" % self.elsewhere.port
        if path == "/v1/info":
            return told({"name": "odd", "mode": "workflow", "tags": [key]}, 200)
        if path.startswith("/v1/parameters"):
            return told({"user_input_form": [], "opening_statement": key}, 200)
        if request.method != "POST":
            return told({"code": key, "message": key}, 404)
        if key.endswith("says"):
            event = {"event": "error", "code": key.split(" ")[-1], "message": key, "status": 400}
            return raw(answer(200, [("Content-Type", "text/event-stream")],
                              b"data: %s\n\n" % json.dumps(event).encode()))
        self.count += 1
        return (
            told({"code": "unfit", "message": "with " + key}),
            told({"code": key.split(" ")[-1], "message": key, "status": 400}, 400),
            told(key.encode(), 502),
            told({"code": "unauthorized", "message": key}, 401),
            raw(answer(200, [("Content-Type", "application/json"), ("X-Key", key)], b"{}")),
            raw(answer(200, [("Content-Type", "text/event-stream")],
                       ("data: {" + key + "\n\n").encode())),
            raw(answer(200, [("Content-Type", key)], key.encode())),
            raw(answer(302, [("Location", away), ("Content-Length", "0")])),
            raw(answer(307, [("Location", away + "?" + key), ("Content-Length", "0")])),
            raw(("HTTP/1.1 200 %s\r\n%s\r\n\r\n" % (key, key)).encode()),
        )[self.count % 10]

    def close(self):
        self.upstream.close()
        self.elsewhere.close()


def proxy_that_refuses(request):
    """It says what it was told."""
    said = request.field("Proxy-Authorization") or "nothing"
    return raw(answer(407, [("Proxy-Authenticate", "Basic realm=\"%s\"" % said),
                            ("Content-Length", "0")]))


class World:
    """Apps whose keys come from everywhere, before a Dify that plays by the rules, one that does not,
    one that is not there, one that speaks no TLS, and one behind a proxy."""

    def __init__(self, given, form, **settings):
        self.given, self.checks, self.dify = given, given.checks, Dify()
        self.proxy = Upstream(proxy_that_refuses)
        self.simulator = Simulator(given.build, gateway.scenario(given, "secrets.yaml", SCENARIO),
                                   "--speed", "200", "--quiet", key=KEYS["env"])
        path = os.path.join(given.folder, "key-file")
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(KEYS["file"] + "\n")
        odd = self.dify.upstream.port
        apps = {"env": app_of(self.simulator), "file": app_of(self.simulator),
                "form": app_of(self.simulator, KEYS["form"]),
                "bad": app_of(self.simulator, KEYS["odd"]),
                "odd": {"base_url": "http://127.0.0.1:%d/v1" % odd, "api_key": KEYS["odd"]},
                "says": {"base_url": "http://127.0.0.1:%d/v1" % odd, "api_key": KEYS["says"]},
                "refused": {"base_url": "http://127.0.0.1:1/v1", "api_key": KEYS["refused"]},
                "tls": {"base_url": "https://127.0.0.1:%d/v1" % self.simulator.port, "api_key": KEYS["odd"] + "s"},
                "proxied": {"base_url": "http://dify.example/v1", "api_key": KEYS["odd"] + "p",
                            "proxy": "http://user:%s@127.0.0.1:%d" % (PASSWORD, self.proxy.port)}}
        apps["env"].update(api_key_env="SECRETS_TEST_KEY")
        apps["file"].update(api_key_file=path)
        for name in ("env", "file"):
            del apps[name]["api_key"]
        self.spool = tempfile.mkdtemp(prefix="spool-", dir=given.folder)
        self.gateway = Gateway(given.build, apps, speed=200, spool=self.spool,
                               environment={"SECRETS_TEST_KEY": KEYS["env"]},
                               log={"level": "debug", "format": form}, **settings)
        self.apps = list(apps)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)
        self.simulator.__exit__(*error)
        self.dify.close()
        self.proxy.close()

    def ask(self, method, path, body=None, bearer=None, **fields):
        """(status, whole answer as text, head included)."""
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        if bearer is not None:
            fields["Authorization"] = "Bearer " + bearer
        with self.gateway.send(method, path, body, fields) as connection:
            connection.read_head()
            return connection.status, "\n".join(connection.head) + \
                connection.body().decode("utf-8", "replace")

    def clean(self, what, text, secrets=NEVER_KEPT):
        """None of them is in it, nor what is left of one that was cut."""
        found = [secret for secret in secrets if secret in text]
        at = text.find(found[0]) if found else 0
        return self.checks.equal(found, [], "%s: …%s…" % (what, text[max(0, at - 80):at + 80]
                                                           if found else ""))


def run_all(world, bearer=None):
    """Runs of every app in every way; what was answered."""
    answers = []
    for app in world.apps:
        for number in range(10 if app == "odd" else 2):
            order = {"inputs": {"word": INPUT}, "user": "u", "app": app}
            fields = {"Idempotency_Key": "%s-%s-%d" % (IDEMPOTENCY, app, number)}
            if number % 2:
                fields["Accept"] = "text/event-stream"
            answers.append(world.ask("POST", "/api/runs?app=" + app, order, bearer, **fields))
    form = gateway.Form({"word": INPUT}, [("picture", INPUT + ".png", "image/png", CONTENT.encode())])
    answers.append(world.ask("POST", "/api/detect", form, bearer))
    return answers


def run_v1(world, key):
    """The same below /v1, and what is relayed."""
    for mode in ("blocking", "streaming"):
        world.ask("POST", RUN, {"inputs": {"word": INPUT}, "user": "u", "response_mode": mode}, key)
    world.ask("GET", "/v1/info?word=" + INPUT, None, key)
    form = gateway.Form({"user": "u"}, [("file", INPUT + ".txt", "text/plain", CONTENT.encode())])
    world.ask("POST", "/v1/files/upload", form, key)


def check_files(world, what):
    """The store and the spool: no key, no token; inputs and results are what the store is for."""
    count = 0
    for folder, _, names in os.walk(world.gateway.folder):
        for name in names:
            path = os.path.join(folder, name)
            if not name.startswith("runs.db"):
                continue
            count += 1
            world.checks.equal(os.stat(path).st_mode & 0o077, 0, "%s is its owner's alone" % name)
            with open(path, "rb") as file:
                world.clean("%s, %s" % (what, name), file.read().decode("latin-1"))
    world.checks.true(count >= 3, "there is a store", count)
    world.checks.equal(os.listdir(world.spool), [], what + ": files of the spool have no names")


def check_others(world, bearer=None):
    """What anybody may ask for says nothing of anybody's."""
    secrets = NEVER_KEPT + [IDEMPOTENCY]
    for path in ("/metrics", "/openapi.json", "/healthz", "/readyz", "/api/apps", "/api/stats",
                 "/api/runs?limit=200", "/api/test-dify", "/"):
        world.clean("GET " + path, world.ask("GET", path, None, bearer)[1], secrets)
    world.clean("metrics", world.ask("GET", "/metrics", None, bearer)[1], ["SECRET"])


def check_process(world):
    with open("/proc/%d/cmdline" % world.gateway.process.pid, "rb") as file:
        world.clean("the command line", file.read().decode())


def check_check(world):
    done = subprocess.run([world.gateway.program, "serve", "--check", "--config", world.gateway.path],
                          env=world.gateway.environment, capture_output=True, check=False)
    world.checks.equal(done.returncode, 0, "--check")
    world.clean("what --check prints", (done.stdout + done.stderr).decode())


def form_tokens(answers):
    return set(re.findall(r'"form_token": ?"([^"]+)"', "".join(text for _, text in answers)))


def check_log(world, tokens):
    """Read when the gateway has ended."""
    world.checks.true(len(world.gateway.log) > 100, "there is a log")
    for line in world.gateway.log:
        world.clean("the log", line, NEVER_KEPT + [IDEMPOTENCY, INPUT, "SECRET", *tokens])


def test_without_tokens(given):
    """Callers with keys, one of them a guest."""
    for form in ("text", "json"):
        with World(given, form) as world:
            answers = run_all(world)
            for status, text in answers:
                world.clean("an answer of status %d" % status, text)
            tokens = form_tokens(answers)
            given.checks.true(tokens, "there is a token of a form")
            for key in KEYS.values():
                run_v1(world, key)
            given.checks.equal([request for request in world.dify.elsewhere.requests], [],
                               "nobody is asked elsewhere")
            given.checks.true(world.dify.count >= 10, "every answer was given", world.dify.count)
            given.checks.true(world.proxy.requests, "the proxy was asked")
            given.checks.equal([request.field("Authorization") for request in world.proxy.requests
                                if request.method == "CONNECT"], [], "no key to open a way")
            guest = "key-" + hashlib.sha256(KEYS["guest"].encode()).hexdigest()[:32]
            everybody = world.ask("GET", "/api/runs?limit=200")[1]
            given.checks.true(guest not in everybody, "a guest's runs are nobody else's")
            given.checks.true(guest in world.ask("GET", "/api/runs?limit=200", None, KEYS["guest"])[1],
                              "but his own")
            check_others(world)
            check_process(world)
            check_check(world)
            check_files(world, "while it runs")
        check_log(world, tokens)


def test_with_tokens(given):
    """Callers with tokens, who get neither a key nor another's token, whatever Dify says of runs."""
    hashed = {name: {"hash": "sha256:" + hashlib.sha256(token.encode()).hexdigest()}
              for name, token in TOKENS.items()}
    hashed["second"]["apps"] = ["odd"]
    with World(given, "text", tokens=hashed) as world:
        answers = run_all(world, TOKENS["first"])
        for status, text in answers:
            world.clean("an answer of status %d" % status, text)
        for _ in range(10):
            for mode in ("blocking", "streaming"):
                order = {"inputs": {}, "user": "u", "response_mode": mode}
                _, text = world.ask("POST", RUN, order, TOKENS["second"])
                world.clean("/v1, " + mode, text)
        run_v1(world, TOKENS["first"])
        for token in ("", "dst_SECRET-token-of-nobody-at-all", KEYS["env"]):
            status, text = world.ask("GET", "/api/runs", None, token)
            given.checks.equal(status, 401, "no token of the configuration")
            world.clean("401", text, ["SECRET"])
        seen = [pair for request in world.dify.upstream.requests for pair in request.fields]
        world.clean("what Dify gets", str(seen), list(TOKENS.values()))
        check_others(world, TOKENS["first"])
        check_check(world)
        check_files(world, "with tokens")
        tokens = form_tokens(answers)
    check_log(world, tokens)


def test_key_stays_with_its_host(given):
    """Whatever a path, a Host or an answer says, the key goes to the configured address only."""
    elsewhere = Upstream()
    there = "127.0.0.1:%d" % elsewhere.port
    dify = Upstream(lambda request: raw(answer(307, [("Location", "http://%s/v1/x" % there),
                                                     ("Content-Length", "0")])))
    app = {"base_url": "http://127.0.0.1:%d/v1" % dify.port, "api_key": KEYS["odd"]}
    key = [("Authorization", "Bearer " + KEYS["odd"])]
    with Gateway(given.build, {"odd": app}, store=None) as gate:
        for path in ("/v1/info", "//%s/v1/info" % there, "/v1//%s/x" % there, "/v1/@%s/x" % there,
                     "/v1/info?url=http://%s/" % there, "/v1/http://%s/x" % there,
                     "http://%s/v1/info" % there, "/v1/..//%s/" % there, "/v1\\@%s/x" % there,
                     "/v1:80@%s/x" % there, "/V1/info"):
            for host in ("gateway.example", there):
                for more in ([], [("X-Forwarded-Host", there), ("Forwarded", "host=" + there),
                                  ("X-Original-URL", "http://%s/x" % there),
                                  ("X-Rewrite-URL", "//%s/x" % there)]):
                    exchange(gate.port, message("GET", path, key + more, host=host))
                    order = json.dumps({"inputs": {}, "response_mode": "blocking", "user": "u"})
                    exchange(gate.port, message("POST", path, key + more + [
                        ("Content-Type", "application/json")], order.encode(), host=host))
        given.checks.true(dify.requests, "Dify was asked")
        given.checks.equal({request.field("Host") for request in dify.requests},
                           {"127.0.0.1:%d" % dify.port}, "by its own name")
        given.checks.equal((elsewhere.connections, elsewhere.requests), (0, []), "nobody else was")
    dify.close()
    elsewhere.close()


def owner_of_environment(given):
    """That of /proc/PID/environ of a gateway which nobody owns; root, where it may not be looked at.
    None: it cannot be told here."""
    words = {"DIFY_BASE_URL": "http://127.0.0.1:1/v1", "DIFY_API_KEY": KEYS["env"], "HOME": "/",
             "TMPDIR": "/tmp"}
    more = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    program = os.environ.get("DIFYSTREAM") or os.path.join(given.build, "difystream")
    try:
        process = subprocess.Popen([program, "serve", "--store", "none", "--listen", "127.0.0.1:0"],
                                   env=words, stderr=subprocess.PIPE, cwd="/", **more)
    except PermissionError:
        return None
    with process, process.stderr:
        if not any(b"listening on" in line for line in process.stderr):
            return None
        with open("/proc/%d/limits" % process.pid, encoding="ascii") as file:
            limit = re.search(r"Max core file size +(\d+) +(\d+)", file.read())
        owner = os.stat("/proc/%d/environ" % process.pid).st_uid
        process.terminate()
        process.stderr.read()
    given.checks.equal(limit and limit.groups(), ("0", "0"), "no core dump")
    return owner


def test_process(given):
    """No core dump, and neither memory nor environment for another process of the same user."""
    owner = owner_of_environment(given)
    if owner is None:
        print("gateway.secrets: the program cannot be run by another user here")
    else:
        given.checks.equal(owner, 0, "its memory and environment are root's to read")


def main():
    given = arguments()
    run_tests(given, test_without_tokens, test_with_tokens, test_key_stays_with_its_host, test_process)


if __name__ == "__main__":
    main()
