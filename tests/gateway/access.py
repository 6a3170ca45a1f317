#!/usr/bin/env python3
"""Who may have what: access tokens by app and path, whose runs are seen, pages of other origins.

The table of routes is taken from /openapi.json, the paths of the configuration and /v1; each of
them is asked for with each method and each token, and for each cell it is said what must come of
it: 401, 403, 404 of an app or run that is not there for the token, or what the route itself says.
"""

import hashlib
import json
import os
import re
import subprocess
import uuid

import gateway
from gateway import ASYNC, Gateway, Simulator, app_of

SCENARIO = """
release: 1.14.2
apps:
  - name: flow
    inputs: [{name: topic, type: paragraph}]
    runs: [{nodes: [start, {type: end, outputs: {text: "About {{inputs.topic}}."}}]}]
  - name: slow
    runs: [{nodes: [start, {id: llm, type: llm, seconds: 100000, text: "x"}, {type: end}]}]
  - name: other
    runs: [{nodes: [start, {type: end}]}]
"""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
OPEN = ("/healthz", "/readyz", "/openapi.json", "/", "/assets/page.js", "/assets/x.js")
FORMS = {"/api/alpha": "alpha", "/api/beta/deep": "beta"}
V1 = ("/v1", "/v1/info", "/v1/parameters", "/v1/workflows/run", "/v1/files/upload",
      "/v1/workflows/tasks/t/stop", "/v1/no-such")
OTHERS = ("/nothing", "/api", "/api/runs/", "/v10", "/healthz/x", "/assetsx", "//healthz")
NONE = "00000000-0000-7000-8000-000000000000"

TOKENS = {name: "secret-of-the-token-" + name for name in
          ("all", "alpha", "beta", "both", "runs", "metrics", "v1", "deep")}
APPS = {"alpha": ["alpha"], "beta": ["beta"], "both": ["beta", "alpha"], "runs": ["alpha"]}
ROUTES = {"runs": ["/api/runs"], "metrics": ["/metrics"], "v1": ["/v1"],
          "deep": ["/api/beta", "/v1/files"]}


def hash_of(token):
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def configured():
    return {name: dict({"hash": hash_of(token)},
                       **({"apps": APPS[name]} if name in APPS else {}),
                       **({"routes": ROUTES[name]} if name in ROUTES else {}))
            for name, token in TOKENS.items()}


def bearer(name, more=None):
    return dict({"Authorization": "Bearer " + TOKENS[name]} if name else {}, **(more or {}))


def sees(token, app):
    return app in APPS.get(token, ("alpha", "beta"))


def may_ask(token, path):
    return token not in ROUTES or any(
        path == route or path.startswith(route + "/") for route in ROUTES[token])


class World:
    """A gateway with two apps, and a run of each that has ended and one that goes on."""

    def __init__(self, given, store, has_slow=False):
        self.has_slow = has_slow
        self.given, self.checks = given, given.checks
        self.simulators = [Simulator(given.build, gateway.scenario(given, "a.yaml", SCENARIO),
                                     key="app-" + key) for key in ("flow", "slow")]
        self.store = store

    def __enter__(self):
        flow, slow = (each.__enter__() for each in self.simulators)
        apps = {"alpha": app_of(flow, routes={"/api/alpha": {}}),
                "beta": app_of(flow, routes={"/api/beta/deep": {}})}
        if self.has_slow:
            apps["slow"] = app_of(slow)
        self.gateway = Gateway(self.given.build, apps, store=self.store, tokens=configured(),
                               listen="0.0.0.0:0").__enter__()
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)
        for each in self.simulators:
            each.__exit__(*error)

    def ask(self, method, path, token=None, body=None, fields=None):
        """(status, head, body) of an answer."""
        with self.gateway.ask(method, path, body, fields=bearer(token, fields)) as connection:
            has_body = method != "HEAD" and connection.status != 204
            return connection.status, connection, connection.body() if has_body else b""

    def json(self, *arguments, **more):
        status, _, data = self.ask(*arguments, **more)
        return status, json.loads(data)

    def run(self, app, token="all", key=None):
        fields = {"Idempotency-Key": key} if key else {}
        return self.json("POST", "/api/runs?app=" + app, token, body={"inputs": {"topic": "x"}},
                         fields=fields)


# ---- the table -------------------------------------------------------------------------------

def paths_of(document, runs):
    """(path, app) of the document's routes, for each app that one may be about; None: of none."""
    for path in document["paths"]:
        if path.startswith(("/v1", "/assets/")) or path in FORMS:
            continue
        if "{app}" in path:
            for app in ("alpha", "beta"):
                yield path.replace("{app}", app), app
        elif "{" in path:
            for app, run in runs.items():
                yield re.sub(r"\{\w+\}", "0", path.replace("{id}", run, 1)), app
        else:
            yield path, None


def is_right(token, path, app, method, status, code, allowed):
    """Whether an answer is what has to come of it. `allowed`: the methods that the route has."""
    if path in OPEN:
        return status not in (401, 403)
    if token is None:
        return (status, code) == (401, "unauthorized")
    if not may_ask(token, path):
        return (status, code) == (403, "forbidden")
    if status in (401, 403):
        return False
    if method not in allowed:
        return path.startswith("/v1") or status == (204 if method == "OPTIONS" else 405) or \
            (status, code) == (404, "app_not_found")
    if app is not None and not sees(token, app):
        # what is wrong with the body may be told first
        return (status, code) in ((404, "app_not_found"), (404, "run_not_found"),
                                  (400, "invalid_param"), (415, "unsupported_media_type"),
                                  (400, "invalid_json"))
    return code not in ("app_not_found", "run_not_found") or path.startswith("/v1")


def check_table(given):
    with World(given, "runs.db") as world:
        status, document = world.json("GET", "/openapi.json")
        given.checks.equal(status, 200, "the description needs no token")
        runs = {app: world.run(app)[1]["run_id"] for app in ("alpha", "beta")}
        cells = [(path, app, {method.upper() for method in document["paths"].get(path, ())})
                 for path, app in paths_of(document, runs)]
        patterns = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", pattern)), set(map(str.upper, item)))
                    for pattern, item in document["paths"].items()]
        table = []
        for path, app, allowed in cells:
            for pattern, methods in patterns:
                if not allowed and pattern.fullmatch(path):
                    allowed = methods
            table.append((path, app, allowed | ({"HEAD"} if "GET" in allowed else set())))
        table += [(path, app, {"POST"}) for path, app in FORMS.items()]
        table += [(path, None, set(METHODS)) for path in V1 + OPEN + OTHERS
                  if path not in document["paths"]]
        count = 0
        for path, app, allowed in table:
            for token in (None, *TOKENS):
                for method in METHODS:
                    body = {} if method in ("POST", "PUT", "PATCH") else None
                    fields = dict(ASYNC if path in ("/api/runs", *FORMS) else {})
                    status, head, data = world.ask(method, path, token, body, fields)
                    code = json.loads(data).get("code") if data[:1] == b"{" else None
                    if method == "HEAD":
                        code = {401: "unauthorized", 403: "forbidden"}.get(status)
                        if status == 404 and app and not sees(token, app):
                            code = "app_not_found"
                    count += 1
                    given.checks.true(
                        is_right(token, path, app, method, status, code, allowed),
                        "%s %s with %s" % (method, path, token), (status, code, data[:200]))
                    if status == 401:
                        given.checks.equal(head.header("WWW-Authenticate"), "Bearer",
                                           "what to bring")
                    if status in (401, 403) and path.startswith("/v1") and method != "HEAD" and \
                            path != "/v10":
                        wanted = {"code": code, "status": status, "message": {
                            401: "Access token is invalid",
                            403: "the access token is not for this address"}[status]}
                        given.checks.equal(json.loads(data), wanted, "in Dify's form")
        given.checks.true(count > 1500, "the table is whole", count)


# ---- tokens ----------------------------------------------------------------------------------

def check_credentials(given):
    good = TOKENS["all"]
    cases = [({"Authorization": "Bearer " + good}, 200), ({"Authorization": "bearer " + good}, 200),
             ({"Authorization": "BEARER   " + good}, 200),
             ({"Authorization": "Bearer " + good + "x"}, 401),
             ({"Authorization": "Bearer " + good[:-1]}, 401),
             ({"Authorization": "Bearer " + good.upper()}, 401),
             ({"Authorization": "Bearer" + good}, 401), ({"Authorization": good}, 401),
             ({"Authorization": "Basic " + good}, 401), ({"Authorization": "Bearer"}, 401),
             ({"Authorization": "Bearer "}, 401), ({"Authorization": ""}, 401),
             ({"Authorization": "Bearer " + good + "," + good}, 401),
             ({"Authorization": "Bearer " + good + " " + good}, 401),
             ({"Authorization": "Bearer " + hash_of(good)}, 401),
             ({"Authorization": "Bearer x"}, 401),
             ({"Authorization": "Bearer " + "x" * 15000}, 401),
             ({"Authorization": "Bearer " + "\u00ff" * 40}, 401), ({"X-Api-Key": good}, 401),
             ({"Authorization": "Bearer " + good, "authorization": "Bearer " + good}, 401),
             ({"Authorization": "Bearer " + good, "authorization": "Bearer no"}, 401),
             ({"authorization": "Basic x", "Authorization": "Bearer " + good}, 401)]
    with World(given, None) as world:
        for fields, wanted in cases:
            status = world.ask("GET", "/api/apps", fields=fields)[0]
            given.checks.equal(status, wanted, "Authorization: %r" % str(fields)[:60])
        status = world.ask("GET", "/api/apps?access_token=" + good)[0]
        given.checks.equal(status, 401, "a token in the query is none")
        # no path that leads elsewhere
        for path in ("/v1/files/../info", "/v1/files/%2e%2E/info", "/v1/files/..%2finfo",
                     "/v1/files/.%2e%5Cinfo", "/v1/files//../info", "/v1/files/..", "/v1/filesx",
                     "/v1/./files", "/v1/files/%252e%252e/info", "/v1/files/..;/info",
                     "/api/beta/../alpha", "/V1/files", "/v1%2ffiles"):
            given.checks.equal(world.ask("GET", path, "deep")[0], 403, "%s is refused" % path)
        world.gateway.until_logs("turned away token=deep status=403")
        text = "".join(world.gateway.log)
        given.checks.true(not any(token in text for token in TOKENS.values()), "no token is logged")
        given.checks.true("turned away" in text and "status=401" in text, "but that one was wrong")
        given.checks.true("turned away token=deep status=403" in text, "and whose it was",
                          text[-500:])


def rows_of(world, token, query=""):
    status, page = world.json("GET", "/api/runs" + query, token)
    return status, [row["run_id"] for row in page["data"]]


def check_one_run(given, world, token, app, run):
    """What a token may do with a run of an app."""
    status, result = world.json("GET", "/api/runs/" + run, token)
    wanted = (200, None) if sees(token, app) else (404, "run_not_found")
    given.checks.equal((status, result.get("code") if status != 200 else None), wanted,
                       "%s's run of %s" % (token, app))
    for what in (run, world.json("GET", "/api/runs/" + run, "all")[1]["data"]["workflow_run_id"]):
        for method, path, body in (("GET", "", None), ("GET", "/events", None),
                                   ("HEAD", "/events", None), ("POST", "/stop", None)):
            status = world.ask(method, "/api/runs/" + what + path, token, body)[0]
            given.checks.equal(status, wanted[0], "%s%s of it" % (method, path))
        for method, path, body in (("POST", "/feedback", {"rating": "like"}),
                                   ("GET", "/form", None), ("POST", "/form", {"action": "x"}),
                                   ("GET", "/files/0", None)):
            status, answer = world.json(method, "/api/runs/" + what + path, token, body)
            given.checks.equal((status, answer.get("code")) == (404, "run_not_found"),
                               not sees(token, app), "%s %s of it" % (method, path))


def check_one_app(given, world, token, app):
    """What a token may do with an app."""
    wanted = 200 if sees(token, app) else 404
    status = world.ask("GET", "/api/apps/%s/parameters" % app, token)[0]
    given.checks.equal(status, wanted, "%s's parameters of %s" % (token, app))
    given.checks.equal(world.ask("GET", "/api/test-dify?app=" + app, token)[0], wanted, "a test")
    given.checks.equal(world.run(app, token)[0], wanted, "a run")
    status = world.ask("POST", "/api/runs", token, {"app": app, "inputs": {"topic": "x"}})[0]
    given.checks.equal(status, wanted, "a run, by its body")
    path = next(path for path, owner in FORMS.items() if owner == app)
    given.checks.equal(world.ask("POST", path, token, {"topic": "x"})[0], wanted, "a form")


def check_runs(given):
    """What a token sees of runs and apps, with a store and without; of live runs, and when the
    apps are not configured any more."""
    for store in ("runs.db", None):
        with World(given, store) as world:
            runs = {app: world.run(app)[1]["run_id"] for app in ("alpha", "beta")}
            tokens = [name for name in TOKENS if name not in ROUTES]
            for token in tokens + ["runs"]:
                seen = [runs[app] for app in ("beta", "alpha") if sees(token, app)]
                given.checks.equal(rows_of(world, token), (200, seen), "the list of " + token)
                for app, run in runs.items():
                    given.checks.equal(rows_of(world, token, "?app=" + app),
                                       (200, [run] if sees(token, app) else []),
                                       "%s's list of %s" % (token, app))
                    check_one_run(given, world, token, app, run)
            for token in tokens:
                apps = world.json("GET", "/api/apps", token)[1]["data"]
                mine = [app for app in ("alpha", "beta") if sees(token, app)]
                given.checks.equal([app["app"] for app in apps], mine, "the apps of " + token)
                first = APPS.get(token, ["alpha"])[0]
                given.checks.equal([app["app"] for app in apps if app["is_default"]], [first],
                                   "its default app")
                stats = world.json("GET", "/api/stats", token)[1]
                given.checks.equal((stats["runs"], [app["app"] for app in stats["apps"]]),
                                   (len(mine), mine), "totals of " + token)
                given.checks.equal(world.json("GET", "/api/stats?app=beta", token)[1]["runs"],
                                   sees(token, "beta"), "and of one app")
                given.checks.equal(world.json("GET", "/api/test-dify", token)[1]["app"], first,
                                   "the app that is tested")
            for token in tokens:
                first = APPS.get(token, ["alpha"])[0]
                for app in runs:
                    check_one_app(given, world, token, app)
                status, result = world.json("POST", "/api/runs", token, {"inputs": {"topic": "y"}})
                row = world.json("GET", "/api/runs?limit=1", token)[1]["data"][0]
                given.checks.equal((status, row["app"], row["run_id"]),
                                   (200, first, result["run_id"]), "a run of no app by name")
            if store is None:
                continue
            world.gateway.kill()
            apps = world.gateway.configuration["apps"]
            apps["gamma"] = apps.pop("beta")
            for token in world.gateway.configuration["tokens"].values():
                if "beta" in token.get("apps", ()):
                    token["apps"] = [app.replace("beta", "gamma") for app in token["apps"]]
            world.gateway.start()
            for token, wanted in (("all", 200), ("alpha", 404), ("beta", 404), ("both", 404)):
                for path in ("", "/events"):  # twice: the second may find it live
                    status = world.ask("GET", "/api/runs/" + runs["beta"] + path, token)[0]
                    given.checks.equal(status, wanted, "%s's run of an app that is gone" % token)


def check_live(given):
    """Runs that go on are hidden as well."""
    with World(given, "runs.db", has_slow=True) as world:
        run = world.json("POST", "/api/runs?app=slow", "all", {"inputs": {}}, ASYNC)[1]["run_id"]
        for token in ("alpha", "beta", "both"):
            for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/stop"),
                                 ("POST", "/feedback")):
                status, answer = world.json(method, "/api/runs/" + run + path, token,
                                            {"rating": "like"} if path == "/feedback" else None)
                given.checks.equal((status, answer.get("code")), (404, "run_not_found"),
                                   "%s%s of a live run" % (method, path))
        given.checks.true(world.ask("POST", "/api/runs/%s/stop" % run, "all")[0] in (200, 202),
                          "whoever sees it may stop it")
        world.ask("GET", "/api/runs/%s/events" % run, "all")  # until its end


def check_guests(given):
    """Without tokens lists and totals have a guest's runs for the guest's key alone; guests.py has
    the rest."""
    path = gateway.scenario(given, "guests.yaml", SCENARIO)
    order = {"inputs": {}, "user": "u", "response_mode": "blocking"}
    guest = "key-" + hashlib.sha256(b"app-other").hexdigest()[:32]
    for store in ("runs.db", None):
        with Simulator(given.build, path, key="app-flow") as simulator, \
                Gateway(given.build, {"alpha": app_of(simulator)}, store=store) as served:

            def ask(method, path, key=None, body=None):
                fields = {"Authorization": "Bearer " + key} if key else {}
                return served.whole(method, path, body, fields=fields)

            status = ask("POST", "/v1/workflows/run", "app-other", order)[0]
            given.checks.equal(status, 200, "a run")
            ask("POST", "/api/runs", body={"inputs": {"topic": "x"}})
            for key, seen in ((None, False), ("app-slow", False), ("app-flow", False),
                              ("app-other", True), ("App-other", False)):
                for query, wanted in (("", ["alpha"] + [guest] * seen), ("&app=alpha", ["alpha"]),
                                      ("&app=" + guest, [guest] * seen)):
                    page = ask("GET", "/api/runs?limit=9" + query, key)[1]
                    given.checks.equal([row["app"] for row in page["data"]], wanted,
                                       "the list%s with %s" % (query, key))
                    totals = ask("GET", "/api/stats?buckets=2" + query, key)[1]
                    given.checks.equal((totals["runs"], sum(part["runs"] for part in
                                                            totals["buckets"])),
                                       (len(wanted), len(wanted)), "its totals")


def check_keys(given):
    """An idempotency key is the token's own; the log says who asked."""
    with World(given, "runs.db") as world:
        key = uuid.uuid4().hex
        made = {token: world.run("alpha", token, key)[1]["run_id"]
                for token in ("all", "alpha", "both")}
        given.checks.equal(len(set(made.values())), 3, "a run for each token")
        for token, run in made.items():
            given.checks.equal(world.run("alpha", token, key)[1]["run_id"], run,
                               "the same for the same token")
            world.gateway.until_logs("run=" + run)
            given.checks.true(any("run=" + run in line and "token=" + token in line
                                  for line in world.gateway.log if "accepted" in line),
                              "the log has the token's name")


# ---- pages of other origins ----------------------------------------------------------------------

def cors(head):
    return {name: head.header(name) for name in (
        "Access-Control-Allow-Origin", "Vary", "Access-Control-Expose-Headers",
        "Access-Control-Allow-Credentials")}


def check_origins(given):
    page, other = "https://app.example", "https://evil.example"
    expose = "Location, Retry-After, X-Version, X-Difystream-Run-ID"
    said = {page: {"Access-Control-Allow-Origin": page, "Vary": "Origin",
                   "Access-Control-Expose-Headers": expose,
                   "Access-Control-Allow-Credentials": None},
            other: {"Access-Control-Allow-Origin": None, "Vary": "Origin",
                    "Access-Control-Expose-Headers": None,
                    "Access-Control-Allow-Credentials": None}}
    said[None] = said[other]
    app = {"base_url": "http://127.0.0.1:1/v1", "api_key": "app-x"}
    preflight = {"Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization,content-type"}
    asked = (("GET", "/api/apps", None), ("GET", "/healthz", None), ("GET", "/nothing", "all"),
             ("GET", "/api/runs", "all"), ("POST", "/api/runs", "all"), ("PUT", "/api/runs", "all"),
             ("GET", "/v1/info", None), ("GET", "/metrics", "runs"), ("GET", "/openapi.json", None),
             ("GET", "/api/runs/" + NONE, "all"))

    class Asker(World):
        def __init__(self, gateway_):
            self.gateway = gateway_

    with Gateway(given.build, {"a": app}, tokens={
            "all": {"hash": hash_of(TOKENS["all"])},
            "runs": {"hash": hash_of(TOKENS["runs"]), "routes": ["/api/runs"]}},
            cors=[page, "http://localhost:5173"], limits={"max_body": 1000}) as gateway_:
        world = Asker(gateway_)
        for origin in (page, other, None):
            fields = {"Origin": origin} if origin else {}
            for method, path, token in asked:
                head = world.ask(method, path, token, fields=fields)[1]
                given.checks.equal(cors(head), said[origin], "%s %s of %s" % (method, path, origin))
            head = world.ask("POST", "/api/runs", "all", b"x" * 2000, fields)[1]
            given.checks.equal((head.status, cors(head)), (413, said[origin]), "what is refused")
            status, head, data = world.ask("OPTIONS", "/api/runs", fields=dict(fields, **preflight))
            allowed = {name: head.header("Access-Control-" + name) for name in
                       ("Allow-Methods", "Allow-Headers", "Max-Age")}
            if origin is None:
                given.checks.equal(status, 401, "no preflight without an origin")
                continue
            given.checks.equal((status, data, cors(head)), (204, b"", said[origin]),
                               "a preflight of " + origin)
            given.checks.equal(allowed, {
                "Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
                "Allow-Headers": "authorization,content-type", "Max-Age": "7200"}
                if origin == page else dict.fromkeys(allowed), "what it may")
            status = world.ask("OPTIONS", "/api/runs", fields=fields)[0]
            given.checks.equal(status, 401, "an OPTIONS that is no preflight needs a token")
    path = gateway.scenario(given, "origins.yaml", SCENARIO)
    with Simulator(given.build, path, key="app-flow") as simulator:
        for setting, of_page, of_other in (([page], page, None), ("*", "*", "*"), (None, "*", "*")):
            more = {"cors": setting} if setting else {}
            with Gateway(given.build, {"a": app_of(simulator)}, **more) as gateway_:
                for origin, wanted in ((page, of_page), (other, of_other)):
                    with gateway_.ask("GET", "/v1/info", fields={
                            "Origin": origin, "Authorization": "Bearer app-flow"}) as head:
                        lines = [line.split(": ", 1)[1] for line in head.head[1:]
                                 if line.lower().startswith("access-control-allow-origin:")]
                        given.checks.equal(lines, [wanted] if wanted else [],
                                           "what Dify says of it, cors: %s" % setting)
    for setting, origin_said in (("*", {"Access-Control-Allow-Origin": "*", "Vary": None,
                                        "Access-Control-Expose-Headers": expose,
                                        "Access-Control-Allow-Credentials": None}), (None, None)):
        more = {"cors": setting} if setting else {}
        with Gateway(given.build, {"a": app}, **more) as gateway_:
            world = Asker(gateway_)
            nothing = dict.fromkeys(said[page])
            head = world.ask("GET", "/api/runs", fields={"Origin": other})[1]
            given.checks.equal(cors(head), origin_said or nothing, "cors: %s" % setting)
            given.checks.equal(cors(world.ask("GET", "/api/runs")[1]), nothing, "without an origin")
            head = world.ask("OPTIONS", "/api/runs", fields=dict(preflight, Origin=other))[1]
            given.checks.equal((head.status, head.header("Allow")),
                               (204, None if setting else "GET, HEAD, POST, OPTIONS"),
                               "a preflight")


# ---- making tokens -------------------------------------------------------------------------------

def check_command(given):
    program = os.environ.get("DIFYSTREAM") or os.path.join(given.build, "difystream")

    def call(*words, text=""):
        ran = subprocess.run([program, "token", *words], input=text, text=True, capture_output=True)
        return ran.returncode, ran.stdout, ran.stderr

    status, out, err = call("new", "--name", "front-end")
    token = out.rstrip("\n")
    given.checks.true(re.fullmatch(r"dst_[A-Za-z0-9_-]{43}", token), "a token", out)
    given.checks.equal((status, err), (0, "tokens:\n  front-end:\n    hash: %s\n" % hash_of(token)),
                       "its lines")
    given.checks.true(call("new")[1] != call("new")[1], "each is another one")
    made = json.loads(call("new", "--json")[1])
    given.checks.equal((made["hash"], made["name"]),
                       (hash_of(made["token"]), "token-" + made["hash"][7:15]), "as JSON")
    given.checks.equal(call("hash", text=token + "\n"), (0, hash_of(token) + "\n", ""), "its hash")
    given.checks.equal(call("hash", "--json", text=token),
                       (0, '{"hash":"%s"}\n' % hash_of(token), ""), "as JSON")
    for words, text in ((["hash"], "short"), (["hash"], ""), (["hash"], "x" * 513),
                        (["hash"], "a token that has blanks in it"),
                        (["hash", "--name", "x"], token), (["new", "--name", "a b"], ""),
                        (["new", "--name", ""], ""), ([], ""), (["old"], "")):
        status, out, err = call(*words, text=text)
        given.checks.equal((status, out), (2, ""), "%s %r is refused" % (words, text[:20]))
        given.checks.true(err and (not text or text not in err), "without saying what it was", err)
    app = {"base_url": "http://127.0.0.1:1/v1", "api_key": "app-x"}
    lines = {made["name"]: {"hash": made["hash"]}}
    with Gateway(given.build, {"a": app}, store=None, tokens=lines) as served:
        status = served.send("GET", "/api/runs", fields={
            "Authorization": "Bearer " + made["token"]}).read_head().status
        given.checks.equal(status, 200, "the gateway takes it")


if __name__ == "__main__":
    ARGUMENTS = gateway.arguments()
    gateway.run_tests(ARGUMENTS, check_table, check_credentials, check_runs, check_live,
                      check_guests, check_keys, check_origins, check_command)
