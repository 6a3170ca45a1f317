#!/usr/bin/env python3
"""/openapi.json against the gateway: what it says of routes is so, its examples and what is really
answered fit its schemas, and schemathesis, which makes requests of it by the hundred, finds
nothing.

The schemas are held closed here: a member that they do not name is a failure, though clients are
told that there may be more. Whatever is random is given by --seed; --examples N asks schemathesis
for more.

Idempotency-Key stands among the x-parameters of the document, where schemathesis does not see it:
it would use one key for two requests, which is a 422 that no schema can foretell."""

import json
import os
import re
import subprocess
import sys

import gateway

try:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012
except ImportError:
    Draft202012Validator = None

from gateway import ASYNC, EVENT_STREAM, Form, Gateway, Simulator, app_of

SCENARIO = """
release: 1.14.2
apps:
  - name: flow
    inputs:
      - {name: topic, type: paragraph}
      - {name: case, type: select, options: [good, failing]}
      - {name: picture, type: file, file_types: [image]}
    runs:
      - when: {inputs: {case: failing}}
        nodes:
          - start
          - {id: llm, type: llm, seconds: 0.01, error: "upstream 503"}
      - nodes:
          - start
          - {id: each, type: iteration, over: 2, outputs: {output: [a, b]},
             nodes: [{id: read, type: llm, seconds: 0.01, tokens: 10, price: "0.0001", text: read}]}
          - {id: llm, type: llm, title: Write, seconds: 0.01, text: "About {{inputs.topic}}.",
             chunks: 2, tokens: 123, price: "0.0012"}
          - {type: end, outputs: {text: "About {{inputs.topic}}."}}
  - name: talk
    mode: chat
    runs:
      - answer: {text: "Hello.", chunks: 2, seconds: 0.01, tokens: 12, price: "0.00001"}
  - name: slow
    runs:
      - nodes: [start, {id: llm, type: llm, seconds: 100000, text: "x"}, {type: end}]
  - name: form
    runs:
      - recording: %(recordings)s/human-input/approve/streaming
        resumed: %(recordings)s/human-input/approve/events-resume-snapshot-continue
""" % {"recordings": gateway.RECORDINGS}
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


# ---- the document --------------------------------------------------------------------------------

def close(schema):
    """Makes objects take no members but those that they name."""
    if isinstance(schema, list):
        for each in schema:
            close(each)
    elif isinstance(schema, dict):
        for name, each in schema.items():
            if name not in ("example", "examples", "value"):
                close(each)
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)


class Document:
    def __init__(self, text):
        self.json = json.loads(text)
        closed = json.loads(text)
        close(closed)
        self.registry = Registry().with_resource(
            "urn:document", Resource(contents=closed, specification=DRAFT202012))

    def at(self, *names):
        """(value, the names of where it stands) of the document, references followed."""
        value = self.json
        for position, name in enumerate(names):
            value = value[name]
            if isinstance(value, dict) and "$ref" in value:
                target = [unescaped(part) for part in value["$ref"].split("/")[1:]]
                return self.at(*target, *names[position + 1:])
        return value, names

    def wrong(self, names, value):
        """What is wrong with a value by the schema that stands there; "" if nothing is."""
        pointer = "/".join(escaped(name) for name in names)
        validator = Draft202012Validator({"$ref": "urn:document#/" + pointer},
                                         registry=self.registry)
        return "; ".join("%s at %s" % (error.message[:300], list(error.absolute_path))
                         for error in validator.iter_errors(value))

    def operations(self):
        for path, item in self.json["paths"].items():
            for method in item:
                if method in METHODS:
                    yield path, method

    def path_of(self, path):
        """The path of the document that a request's is."""
        for pattern in sorted(self.json["paths"], key=lambda each: "{" in each):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return pattern
        return None


def escaped(name):
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(name):
    return name.replace("~1", "/").replace("~0", "~")


def fetch(gateway):
    with gateway.ask("GET", "/openapi.json") as connection:
        return Document(connection.body())


def bodyless(gateway, method, path, **fields):
    """(status, fields) of an answer that has no body; one that has is none of HTTP."""
    with gateway.ask(method, path, fields=dict(fields, Connection="close")) as connection:
        head = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip()
                for line in connection.head[1:]}
        while connection.more():
            pass
        assert connection.buffer == b"", connection.buffer
        return connection.status, head


def check_serving(given, gateway):
    checks = given.checks
    with gateway.ask("GET", "/openapi.json") as connection:
        tag, length = connection.header("ETag"), connection.header("Content-Length")
        checks.equal((connection.status, connection.header("Content-Type")),
                     (200, "application/json; charset=utf-8"), "the document is served as JSON")
    checks.true(re.fullmatch('"[0-9a-f]{16}"', tag or ""), "it has a tag", tag)
    for tags in (tag, "*", '"other", W/' + tag):
        status, head = bodyless(gateway, "GET", "/openapi.json", **{"If-None-Match": tags})
        checks.equal((status, head.get("etag")), (304, tag), "304 for " + tags)
    status, head = bodyless(gateway, "HEAD", "/openapi.json", **{"If-None-Match": '"other"'})
    checks.equal((status, head.get("etag"), head.get("content-length")), (200, tag, length),
                 "HEAD is answered as GET is")


def check_allowed(given, gateway, document):
    """OPTIONS tells the methods that the document has."""
    for path, item in document.json["paths"].items():
        said = {method.upper() for method in item if method in METHODS} | {"OPTIONS"}
        said |= {"HEAD"} & ({"HEAD"} if "GET" in said else set())
        status, head = bodyless(gateway, "OPTIONS", re.sub(r"\{\w+\}", "x", path))
        given.checks.equal((status, set(head.get("allow", "").split(", "))), (204, said),
                           "the methods of " + path)


def examples_of(value, names=()):
    """(names of the schema, name, example) of all that have a schema beside their examples."""
    if isinstance(value, dict):
        if "schema" in value:
            for name, example in value.get("examples", {}).items():
                yield names + ("schema",), name, example["value"]
            if "example" in value:
                yield names + ("schema",), "example", value["example"]
        for name, each in value.items():
            if name not in ("schema", "examples", "schemas"):
                yield from examples_of(each, names + (name,))


def check_examples(given, document):
    count = 0
    for names, name, value in examples_of(document.json):
        count += 1
        wrong = document.wrong(names, value)
        given.checks.true(not wrong, "example %s of %s" % (name, "/".join(names)), wrong)
    given.checks.true(count > 30, "there are examples", str(count))
    for name in document.json["components"]["schemas"]:
        Draft202012Validator.check_schema(document.json["components"]["schemas"][name])


def check_words(given, document):
    """Each operation, parameter, answer and member says what it is."""
    ids = []
    for path, method in document.operations():
        operation = document.json["paths"][path][method]
        ids.append(operation["operationId"])
        for member in ("summary", "description", "tags", "responses"):
            given.checks.true(operation.get(member), "%s %s has %s" % (method, path, member))
        known = {tag["name"] for tag in document.json["tags"]}
        given.checks.true(set(operation["tags"]) <= known, "tags of %s %s" % (method, path))
    given.checks.equal(len(set(ids)), len(ids), "ids of operations are unique")
    for name, schema in document.json["components"]["schemas"].items():
        given.checks.true("description" in schema, "schema %s has a description" % name)
    used = set(re.findall(r'"#/components/(\w+/\w+)"', json.dumps(document.json)))
    used |= {"securitySchemes/" + name for way in document.json["security"] for name in way}
    there = {"%s/%s" % (kind, name) for kind, of in document.json["components"].items()
             for name in of}
    given.checks.equal(used, there, "components are used, and those that are used are there")


def events_of(text):
    """The events of a stream as objects, as a schema of one has them."""
    for frame in text.split("\n\n"):
        event = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
        if "data" in event:
            yield event


# ---- what is answered ----------------------------------------------------------------------------

class Asking:
    """Asks, and holds each answer against the document."""

    def __init__(self, given, gateway, document):
        self.checks, self.gateway, self.document = given.checks, gateway, document
        self.seen = set()

    def ask(self, status, method, path, body=None, **more):
        name = "%s %s" % (method, path)
        with self.gateway.ask(method, path, body, **more) as connection:
            data = b"" if connection.status in (204, 304) else connection.body()
            self.checks.equal(connection.status, status, "status of " + name)
            return self.hold(name, method, path, connection, data)

    def hold(self, name, method, path, connection, data):
        pattern = self.document.path_of(path.split("?")[0])
        answers = self.document.json["paths"][pattern][method.lower()]["responses"]
        status = str(connection.status)
        key = status if status in answers else status[0] + "XX"
        if not self.checks.true(key in answers, "%s may answer %s" % (name, status)):
            return None
        self.seen.add((pattern, method, key))
        answer, names = self.document.at("paths", pattern, method.lower(), "responses", key)
        self.hold_fields(name, answer, connection)
        kind = (connection.header("Content-Type") or "").split(";")[0]
        if "content" not in answer:
            self.checks.equal(data, b"", "%s has no body" % name)
            return None
        if not self.checks.true(kind in answer["content"], "type of " + name, kind):
            return None
        text = data.decode("utf-8")
        value = json.loads(data) if kind == "application/json" else text
        for each in events_of(text) if kind == "text/event-stream" else [value]:
            wrong = self.document.wrong((*names, "content", kind, "schema"), each)
            self.checks.true(not wrong, "schema of %s, %s" % (name, status), wrong)
        return value

    def hold_fields(self, name, answer, connection):
        for field in answer.get("headers", {}):
            about, _ = self.document.at("components", "headers", field.replace("-", ""))
            value = connection.header(field)
            self.checks.true(value is not None or not about.get("required"),
                             "%s has %s" % (name, field))
            if value is not None:
                kind = about["schema"]["type"]
                self.checks.true(kind == "string" or value.isdigit(), "%s of %s" % (field, name))
                self.checks.true(re.search(about["schema"].get("pattern", ""), value),
                                 "%s of %s" % (field, name), value)


def ask_for_runs(asking):
    done = asking.ask(200, "POST", "/api/runs", {"inputs": {"topic": "tea"}, "user": "line-3"})
    asking.ask(502, "POST", "/api/runs", {"inputs": {"case": "failing"}})
    asking.ask(200, "POST", "/api/runs", {"inputs": {}}, fields=EVENT_STREAM)
    asking.ask(200, "POST", "/api/runs?app=talk", {"query": "Hello?"})
    asking.ask(400, "POST", "/api/runs", {"inputs": {"topic": 5}})
    asking.ask(400, "POST", "/api/runs", {"input": {}, "user": 5})
    asking.ask(400, "POST", "/api/runs", b"{")
    asking.ask(404, "POST", "/api/runs?app=nobody", {})
    asking.ask(415, "POST", "/api/runs", b"x", fields={"Content-Type": "text/plain"})
    asking.ask(413, "POST", "/api/runs", b" " * (5 << 20))
    key = {"Idempotency-Key": "once"}
    first = asking.ask(200, "POST", "/api/runs", {"inputs": {"topic": "a"}}, fields=key)
    again = asking.ask(200, "POST", "/api/runs", {"inputs": {"topic": "a"}}, fields=key)
    asking.checks.equal(again["run_id"], first["run_id"], "a key joins")
    asking.ask(422, "POST", "/api/runs", {"inputs": {"topic": "b"}}, fields=key)
    asking.ask(400, "POST", "/api/runs", {}, fields={"Idempotency-Key": "x" * 300})
    return done["run_id"]


def ask_for_forms(asking):
    picture = [("picture", "label.png", "image/png", PNG)]
    asking.ask(200, "POST", "/api/detect", Form({"topic": "tea"}, picture))
    asking.ask(400, "POST", "/api/detect", Form({"case": "unheard"}, picture))
    asking.ask(400, "POST", "/api/detect", Form({}, picture * 51))
    asking.ask(400, "POST", "/api/detect", b"x", fields={
        "Content-Type": "multipart/form-data; boundary=b"})
    asking.ask(415, "POST", "/api/detect", b"x", fields={"Content-Type": "text/plain"})
    asking.ask(200, "POST", "/api/rewrite", b"Subject=tea", fields={
        "Content-Type": "application/x-www-form-urlencoded"})


def ask_for_one(asking, run):
    asking.ask(200, "GET", "/api/runs/" + run)
    asking.ask(404, "GET", "/api/runs/nobody")
    stream = asking.ask(200, "GET", "/api/runs/%s/events" % run, fields=EVENT_STREAM)
    last = re.findall("^id: (.*)$", stream, re.M)[-1]
    asking.ask(204, "GET", "/api/runs/%s/events" % run, fields={"Last-Event-ID": last})
    unknown = asking.ask(200, "GET", "/api/runs/%s/events" % run,
                         fields={"Last-Event-ID": "no-id"})
    asking.checks.true("event: reset\n" in unknown, "an unknown id is told", unknown[:200])
    asking.ask(404, "GET", "/api/runs/nobody/events")
    asking.ask(200, "POST", "/api/runs/%s/stop" % run)
    asking.ask(404, "POST", "/api/runs/nobody/stop")
    rating = "/api/runs/%s/feedback" % run
    asking.ask(200, "POST", rating, {"rating": "like", "comment": "all right"})
    asking.ask(200, "POST", rating, {"rating": None})
    asking.ask(400, "POST", rating, {"rating": 5})
    asking.ask(413, "POST", rating, b" " * (1 << 20))
    asking.ask(415, "POST", rating, b"x", fields={"Content-Type": "text/plain"})
    asking.ask(404, "POST", "/api/runs/nobody/feedback", {"rating": "like"})
    asking.ask(404, "GET", "/api/runs/%s/files/0" % run)


def ask_for_slow(asking):
    """Of one place one run has it, one waits, and no further one is taken."""
    slow = "/api/runs?app=slow"
    live = asking.ask(202, "POST", slow, {"inputs": {}}, fields=ASYNC)["run_id"]
    waiting = asking.ask(202, "POST", slow, {"inputs": {}}, fields=ASYNC)["run_id"]
    asking.ask(429, "POST", slow, {"inputs": {}})
    asking.ask(409, "POST", "/api/runs/%s/feedback" % live, {"rating": "like"})
    for run in (live, waiting):
        asking.ask(200, "GET", "/api/runs/" + run)
    asking.ask(200, "GET", "/api/runs?status=running")
    with asking.gateway.ask("POST", "/api/runs/%s/stop" % waiting) as connection:
        status = connection.status
    asking.checks.true(status in (200, 202), "a run that waits is given up", str(status))
    asking.ask(202, "POST", "/api/runs/%s/stop" % live)
    asking.gateway.until_over(live)
    ended = asking.ask(200, "GET", "/api/runs/" + live)
    asking.checks.equal(ended["code"], "workflow_stopped", "it is stopped")


def ask_for_pause(asking):
    run = asking.ask(502, "POST", "/api/runs?app=form", {"inputs": {"q": "x"}})["run_id"]
    form = "/api/runs/%s/form" % run
    asking.ask(200, "GET", form)
    asking.ask(404, "GET", form + "?token=other")
    asking.ask(400, "GET", form + "?token=" + "x" * 300)
    asking.ask(400, "POST", form, {"action": "approve"})
    asking.ask(400, "POST", form, {"inputs": {}})
    asking.ask(415, "POST", form, b"x", fields={"Content-Type": "text/plain"})
    asking.ask(200, "GET", "/api/runs/%s/events" % run)
    asking.ask(202, "POST", form, {"action": "approve", "inputs": {"comment": "fine"}})
    asking.gateway.until_over(run)
    asking.ask(409, "GET", form)
    asking.ask(200, "GET", "/api/runs/" + run)


def ask_for_lists(asking):
    page = asking.ask(200, "GET", "/api/runs?limit=2")
    asking.ask(200, "GET", "/api/runs?cursor=" + page["next_cursor"])
    asking.ask(400, "GET", "/api/runs?limit=x&since=y")
    asking.ask(200, "GET", "/api/stats")
    asking.ask(200, "GET", "/api/stats?since=1700000000&buckets=3")
    asking.ask(400, "GET", "/api/stats?buckets=x")
    asking.ask(200, "GET", "/api/apps")
    asking.ask(200, "GET", "/api/apps/flow/parameters")
    asking.ask(404, "GET", "/api/apps/nobody/parameters")
    asking.ask(502, "GET", "/api/apps/away/parameters")
    asking.ask(200, "GET", "/api/test-dify")
    asking.ask(502, "GET", "/api/test-dify?app=away")
    asking.ask(404, "GET", "/api/test-dify?app=nobody")


def ask_for_page(asking, dist):
    for name in os.listdir(dist):
        path = "/" if name == "index.html" else "/assets/" + name
        asking.ask(200, "GET", path)
        asking.ask(406, "GET", path, fields={"Accept-Encoding": "*;q=0"})
    asking.ask(404, "GET", "/assets/nothing")


def ask_for_the_rest(asking):
    asking.ask(200, "GET", "/healthz")
    asking.ask(200, "GET", "/readyz")
    asking.ask(200, "GET", "/metrics")
    asking.ask(200, "GET", "/openapi.json")


def apps_of(simulator):
    return {"flow": app_of(simulator, routes={
                "/api/detect": {}, "/api/rewrite": {"fields": {"Subject": "topic"}}}),
            "talk": app_of(simulator, key="app-talk"),
            "slow": app_of(simulator, key="app-slow", max_runs=1, queue=1, queue_timeout="5m"),
            "form": app_of(simulator, key="app-form"),
            "away": {"base_url": "http://127.0.0.1:1/v1", "api_key": "app-away"}}


def test_document(given):
    with Simulator(given.build, gateway.scenario(given, "openapi.yaml", SCENARIO), "--speed", "0",
                   key="app-flow") as simulator, \
            Gateway(given.build, apps_of(simulator)) as serving:
        document = fetch(serving)
        check_serving(given, serving)
        check_allowed(given, serving, document)
        check_examples(given, document)
        check_words(given, document)
        asking = Asking(given, serving, document)
        run = ask_for_runs(asking)
        ask_for_forms(asking)
        ask_for_one(asking, run)
        ask_for_slow(asking)
        ask_for_pause(asking)
        ask_for_lists(asking)
        ask_for_page(asking, os.path.join(given.source, "web", "dist"))
        ask_for_the_rest(asking)
        operations = {(path, method) for path, method in document.operations()}
        asked = {(path, method.lower()) for path, method, _ in asking.seen}
        given.checks.equal(operations - asked, set(), "each operation was asked for")


# ---- schemathesis --------------------------------------------------------------------------------

def test_schemathesis(given):
    program = os.path.join(given.deps, "python", "bin", "schemathesis")
    if not os.path.exists(program):
        print("gateway.openapi: schemathesis is skipped: it is not in build/deps/python "
              "(script/setup)")
        return
    with Simulator(given.build, gateway.scenario(given, "openapi.yaml", SCENARIO), "--speed", "0",
                   "--quiet", key="app-flow") as simulator, \
            Gateway(given.build, {"flow": apps_of(simulator)["flow"]}) as serving:
        words = [program, "run", "--no-color",
                 "--seed", str(given.seed), "--max-examples", str(given.examples),
                 "--request-timeout", "60", "--checks", "all",
                 "http://127.0.0.1:%d/openapi.json" % serving.port]
        done = subprocess.run(words, cwd=given.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        text = done.stdout.decode("utf-8", "replace")
        given.checks.equal(done.returncode, 0, "schemathesis finds nothing")
        if done.returncode != 0 or given.examples > 20:
            print(text)


def more(parser):
    parser.add_argument("--examples", type=int, default=5, help="of schemathesis, an operation")


def main():
    given = gateway.arguments(more)
    given.deps = os.path.join(given.source, "build", "deps")
    python = os.path.join(given.deps, "python", "bin", "python")
    if Draft202012Validator is None:
        if os.path.exists(python) and "DIFY_SECOND" not in os.environ:
            os.execve(python, [python, *sys.argv], dict(os.environ, DIFY_SECOND="1"))
        given.checks.skip("no jsonschema for Python here (script/setup)")
    gateway.run_tests(given, test_document, test_schemathesis)


if __name__ == "__main__":
    main()
