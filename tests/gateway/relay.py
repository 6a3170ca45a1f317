#!/usr/bin/env python3
"""What is asked below /v1 and is no run goes to Dify as it came, and its answer comes back so."""

import gzip
import hashlib
import json
import os
import re
import socket
import time
import uuid
import zlib

import gateway
import wire
from gateway import Gateway, Simulator, app_of
from upstream import (DEADLINE_S, Upstream, answer, chunked, exchange, masked, message, raw,
                      reply)

KEY = "app-of-the-upstream"
OF_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "trailer"}
SCENARIO = """
release: 1.14.2
apps:
  - name: flow
    key: app-flow
    inputs: [{name: word, required: true}]
    runs:
      - nodes: [start, {type: end, outputs: {a: "{{inputs.word}}"}}]
"""


class World:
    """A gateway before a server of the test's."""

    def __init__(self, given, answers=None, **settings):
        self.upstream = Upstream(answers)
        app = {"base_url": "http://127.0.0.1:%d/v1" % self.upstream.port, "api_key": KEY}
        app.update(settings.pop("app", {}))
        self.gateway = Gateway(given.build, {"flow": app}, store=None, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)
        self.upstream.close()

    def ask(self, method="GET", path="/v1/x", fields=(), body=b"", version="1.1"):
        """A whole answer of the gateway, and the request as the server got it (None: not)."""
        before = len(self.upstream.requests)
        got = exchange(self.gateway.port, asked(method, path, fields, body, version))
        seen = self.upstream.requests[before:]
        return got, seen[-1] if seen else None

    def figure(self, name):
        """The sum of a metric's samples."""
        text = self.gateway.whole("GET", "/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(name + r"[ {]", line))

    def until(self, holds, what):
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            if holds():
                return
        raise wire.Broken("it never came to be: " + what)


def asked(method, path, fields=(), body=b"", version="1.1", key=KEY):
    """A request with the app's key, unless it has one."""
    has_key = any(name == "Authorization" for name, _ in fields)
    own = [] if has_key else [("Authorization", "Bearer " + key)]
    return message(method, path, [*own, *fields], body, version)


def of_the_way(fields):
    return [(name.lower(), value) for name, value in fields if name.lower() not in OF_CONNECTION]


def check_error(given, got, status, code, what):
    """An error in Dify's form."""
    try:
        body = json.loads(got.body)
    except ValueError:
        body = {}
    given.checks.equal((got.status, body.get("code"), body.get("status"), sorted(body)),
                       (status, code, status, ["code", "message", "status"]), what)
    given.checks.true(bool(body.get("message")) and "127.0.0.1" not in got.body.decode(),
                      what + ": a message without addresses", got.body)


# ---- Dify's routes ----------------------------------------------------------------------------

def asked_of_dify():
    """(method, path, fields, body) of what applications ask."""
    form = gateway.Form({"user": "u-1"}, [("file", "a.txt", "text/plain", b"hello " * 1000)])
    as_json = [("Content-Type", "application/json")]
    yield "GET", "/v1/info", [], b""
    yield "HEAD", "/v1/info", [], b""
    yield "GET", "/v1/parameters?user=u-1", [], b""
    yield "GET", "/v1/meta", [], b""
    yield "GET", "/v1/site", [], b""
    yield "GET", "/v1/form/human_input/none", [], b""
    yield "GET", "/v1/conversations?user=u-1&limit=20", [], b""
    yield "GET", "/v1/messages?user=u-1&conversation_id=" + str(uuid.UUID(int=1)), [], b""
    yield "POST", "/v1/messages/%s/feedbacks" % uuid.UUID(int=2), as_json, b'{"user":"u-1"}'
    yield "POST", "/v1/files/upload", [("Content-Type", form.content_type)], form.bytes()
    yield "POST", "/v1/files/upload", [("Content-Type", "application/json")], b"{}"
    yield "DELETE", "/v1/info", [], b""


def test_dify(given):
    """Each route through the gateway answers as it does without it, random ids aside."""
    path = gateway.scenario(given, "relay.yaml", SCENARIO)
    with Simulator(given.build, path, key="app-flow") as sim, \
            Gateway(given.build, {"flow": app_of(sim)}, store=None) as gate:
        for method, path, fields, body in asked_of_dify():
            key = [("Authorization", "Bearer app-flow")]
            direct = exchange(sim.port, message(method, path, fields + key, body,
                                                host="127.0.0.1:%d" % sim.port))
            through = exchange(gate.port, asked(method, path, fields, body, key="app-flow"))
            given.checks.equal((through.status, masked(of_the_way(through.passed_on())),
                                masked(through.body)),
                               (direct.status, masked(of_the_way(direct.fields)),
                                masked(direct.body)), "%s %s" % (method, path))
        upload = [one for one in asked_of_dify() if one[1] == "/v1/files/upload"][0]
        got = exchange(gate.port, asked(*upload, key="app-flow"))
        given.checks.equal((got.status, json.loads(got.body)["size"]), (201, 6000), "an upload")


# ---- answers ----------------------------------------------------------------------------------

BIG = bytes(range(256)) * 4000
ZIPPED = gzip.compress(b"a text " * 1000)

# Name: what the server sends; what the client gets: status, fields of the way, body, trailers.
ODD = {
    "a length": (answer(200, [("Content-Type", "text/plain"), ("Content-Length", "5")], b"hello"),
                 (200, [("content-type", "text/plain"), ("content-length", "5")], b"hello", [])),
    "an empty one": (answer(200, [("Content-Length", "0")]),
                     (200, [("content-length", "0")], b"", [])),
    "204": (answer(204, [("X-A", "1")]), (204, [("x-a", "1")], b"", [])),
    "304": (answer(304, [("ETag", '"e"')]), (304, [("etag", '"e"')], b"", [])),
    "chunks": (answer(200, [("Transfer-Encoding", "chunked")], chunked([b"ab", b"c", BIG])),
               (200, [], b"abc" + BIG, [])),
    "trailers": (
        answer(200, [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")],
               chunked([b"abc"], [("X-Sum", "9"), ("Content-Length", "7"), ("X-Other", "")])),
        (200, [], b"abc", [("X-Sum", "9"), ("X-Other", "")])),
    "interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
        answer(200, [("Content-Length", "1")], b"x"),
        (200, [("content-length", "1")], b"x", [])),
    "HTTP/1.0, ended by its end": (
        b"HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nall of it", (200, [("x-a", "1")], b"all of it", [])),
    "gzip": (answer(200, [("Content-Encoding", "gzip"), ("Content-Length", str(len(ZIPPED)))],
                    ZIPPED),
             (200, [("content-encoding", "gzip"), ("content-length", str(len(ZIPPED)))], ZIPPED,
              [])),
    "two Set-Cookie": (
        answer(200, [("Set-Cookie", "a=1; Path=/"), ("X-Version", "1.14.2"),
                     ("Set-Cookie", "b=2"), ("Content-Disposition", 'attachment; filename="a"'),
                     ("Content-Length", "0")]),
        (200, [("set-cookie", "a=1; Path=/"), ("x-version", "1.14.2"), ("set-cookie", "b=2"),
               ("content-disposition", 'attachment; filename="a"'), ("content-length", "0")], b"",
         [])),
    "fields of the connection": (
        answer(200, [("Connection", "X-Hop, close"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"),
                     ("Proxy-Authenticate", "Basic"), ("Upgrade", "h2c"), ("Via", "1.1 inner"),
                     ("Alt-Svc", 'h3=":443"'), ("X-Way", "2"), ("Content-Length", "0")]),
        (200, [("x-way", "2"), ("content-length", "0")], b"", [])),
    "a large head": (answer(200, [("X-Large", "y" * 50000), ("Content-Length", "0")]),
                     (200, [("x-large", "y" * 50000), ("content-length", "0")], b"", [])),
    "many fields": (
        answer(200, [("X-%d" % i, str(i)) for i in range(1000)] + [("Content-Length", "0")]),
        (200, [("x-%d" % i, str(i)) for i in range(1000)] + [("content-length", "0")], b"", [])),
    "a status of its own": (answer(599, [("Content-Length", "2")], b"no"),
                            (599, [("content-length", "2")], b"no", [])),
    "an error of Dify's": (
        answer(404, [("Content-Type", "application/json"), ("Content-Length", "2")], b"{}"),
        (404, [("content-type", "application/json"), ("content-length", "2")], b"{}", [])),
    "two equal lengths": (answer(200, [("Content-Length", "1"), ("Content-Length", "1")], b"x"),
                          (200, [("content-length", "1")], b"x", [])),
}

# What is no answer that can be passed on: 502.
BAD = {
    "two lengths": answer(200, [("Content-Length", "1"), ("Content-Length", "2")], b"xx"),
    "a length and chunks": answer(
        200, [("Content-Length", "1"), ("Transfer-Encoding", "chunked")], chunked([b"x"])),
    "chunks twice": answer(200, [("Transfer-Encoding", "chunked"),
                                 ("Transfer-Encoding", "chunked")], chunked([b"x"])),
    "another encoding": answer(200, [("Transfer-Encoding", "gzip, chunked")], chunked([ZIPPED])),
    "a length that is none": answer(200, [("Content-Length", "1x")], b"x"),
    "a head too large": answer(200, [("X-Large", "y" * 70000), ("Content-Length", "0")]),
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/0.9": b"hello",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nX-A: ",
    "a folded field": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "a field without a colon": b"HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n",
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n",
    "a bare CR": b"HTTP/1.1 200 OK\r\nX-A: 1\r2\r\nContent-Length: 0\r\n\r\n",
}

# Answers that end too early: the connection is cut, so that nobody takes them for whole.
CUT = {
    "within its length": answer(200, [("Content-Length", "10")], b"12345"),
    "within a chunk": answer(200, [("Transfer-Encoding", "chunked")], b"a\r\n12345"),
    "before the last chunk": answer(200, [("Transfer-Encoding", "chunked")], b"1\r\nx\r\n"),
    "in a malformed chunk": answer(200, [("Transfer-Encoding", "chunked")], b"1\r\nx\r\nzz\r\n"),
}


def test_answers(given):
    with World(given) as world:
        for name, (sent, wanted) in ODD.items():
            world.upstream.answers = lambda request, sent=sent: raw(sent)
            got, _ = world.ask()
            given.checks.equal((got.status, of_the_way(got.own_fields()), got.body, got.trailers,
                                got.is_whole), wanted + (True,), name)
        for name, sent in BAD.items():
            world.upstream.answers = lambda request, sent=sent: raw(sent)
            got, _ = world.ask()
            given.checks.equal(got.status, 502, name)
            given.checks.equal(sorted(json.loads(got.body)), ["code", "message", "status"],
                               name + ": in Dify's form")
        for name, sent in CUT.items():
            for version in ("1.1", "1.0"):
                world.upstream.answers = lambda request, sent=sent: raw(sent)
                got, _ = world.ask(version=version)
                given.checks.equal((got.status, got.is_whole), (200, False),
                                   "%s, to HTTP/%s" % (name, version))


def test_head_and_old_clients(given):
    """HEAD has the fields of GET and no body; HTTP/1.0 gets neither chunks nor trailers."""
    with World(given) as world:
        world.upstream.answers = lambda request: raw(answer(200, [("Content-Length", "5")]))
        got, seen = world.ask("HEAD")
        given.checks.equal((seen.method, got.status, got.field("Content-Length"), got.rest),
                           ("HEAD", 200, "5", b""), "HEAD")
        world.upstream.answers = lambda request: raw(
            answer(200, [("Transfer-Encoding", "chunked")], chunked([b"ab", b"c"], [("X-T", "1")])))
        got, _ = world.ask(version="1.0")
        given.checks.equal((got.body, got.field("Transfer-Encoding"), got.trailers),
                           (b"abc", None, []), "to HTTP/1.0")


# ---- requests ---------------------------------------------------------------------------------

def test_requests(given):
    """Method, path, query, fields and body as they came; the key in place of the caller's."""
    fields = [("Authorization", "bearer " + KEY), ("X-Way", "1"), ("X-Way", "2"),
              ("X-Empty", ""), ("User-Agent", "tester/1"), ("Accept", "a/b"),
              ("Accept-Encoding", "br"), ("Cookie", "c=1"), ("Content-Type", "x/y"),
              ("Connection", "X-Hop, close"), ("X-Hop", "1"), ("Keep-Alive", "a"),
              ("TE", "trailers"), ("Upgrade", "websocket"), ("Proxy-Authorization", "Basic eA=="),
              ("Proxy-Connection", "close"), ("HTTP2-Settings", "AA"), ("Idempotency-Key", "k"),
              ("X-Forwarded-For", "10.0.0.1"), ("Max-Forwards", "3")]
    target = "/v1/a/%e4%BD%a0;p=1/b'(c)!*:@~-_.,$&+=?q=a%2Fb&r[]={x}|^`\"<>\\&&s=..//%zz"
    with World(given) as world:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"):
            got, seen = world.ask(method, target, fields, b"a body")
            given.checks.equal((got.status, got.body), (200, b"fine"), method)
            if seen is None:
                continue
            given.checks.equal((seen.method, seen.target, seen.body), (method, target, b"a body"),
                               method + ": what came")
            ours = {"host": "127.0.0.1:%d" % world.upstream.port,
                    "authorization": "Bearer " + KEY, "via": "1.1 difystream",
                    "content-length": "6"}
            wanted = dict({name.lower(): value for name, value in fields[3:9]}, **ours)
            wanted.update({"idempotency-key": "k", "x-forwarded-for": "10.0.0.1",
                           "max-forwards": "2" if method == "OPTIONS" else "3"})
            given.checks.equal([value for name, value in seen.fields if name.lower() == "x-way"],
                               ["1", "2"], method + ": both")
            given.checks.equal(dict(pair for pair in of_the_way(seen.fields) if pair[0] != "x-way"),
                               wanted, method + ": fields")
        key = fields[:1]
        bare, seen = world.ask("POST", "/v1/", key + [("Content-Length", "0")])
        given.checks.equal((bare.status, seen.target, sorted(of_the_way(seen.fields))),
                           (200, "/v1/", [("authorization", "Bearer " + KEY),
                                          ("content-length", "0"), ("host", ours["host"]),
                                          ("via", "1.1 difystream")]), "nothing is added")
        _, seen = world.ask("DELETE", "/v1/x", key)
        given.checks.equal(seen.field("Content-Length"), None, "no body, no length")
        _, seen = world.ask("GET", "/v1/x", key, version="1.0")
        given.checks.equal(seen.field("Via"), "1.0 difystream", "from HTTP/1.0")
        _, seen = world.ask("PUT", "/v1/x", key + [("Transfer-Encoding", "chunked")],
                            chunked([b"ab", b"cde", BIG], [("X-T", "1")]))
        given.checks.equal((seen.body, seen.field("Transfer-Encoding"), seen.field("X-T")),
                           (b"abcde" + BIG, "chunked", None), "chunks; trailers end here")
        got, seen = world.ask("OPTIONS", "/v1/x", key + [("Max-Forwards", "0")])
        given.checks.equal((got.status, seen), (204, None), "an OPTIONS for the gateway itself")


def test_tokens(given):
    """With access tokens a caller never needs Dify's key, and Dify never sees a token."""
    token = "dst_" + 43 * "a"
    tokens = {"caller": {"hash": "sha256:" + hashlib.sha256(token.encode()).hexdigest()}}
    with World(given, tokens=tokens) as world:
        got, seen = world.ask(fields=[("Authorization", "Bearer " + token)])
        given.checks.equal((got.status, seen.field("Authorization"), token in str(seen.fields)),
                           (200, "Bearer " + KEY, False), "a token")
        for fields in ([], [("Authorization", "Bearer " + token + "x")]):
            got, seen = world.ask(fields=fields)
            check_error(given, got, 401, "unauthorized", "Dify's key, or another token")
            given.checks.true(seen is None, "not relayed")


def test_refused(given):
    """What is not relayed is answered in Dify's form, and Dify never hears of it."""
    unsafe = ["/v1/..", "/v1/../console", "/v1/a/../../b", "/v1/.", "/v1/./a", "/v1/a/..",
              "/v1/%2e%2e/b", "/v1/%2E./b", "/v1/.%2e", "/v1/a%2f..%2f..%2fb", "/v1/%2e%2e%2fb",
              "/v1//b", "/v1/a//b", "/v1/a%2f%2fb", "/v1/a\\b", "/v1/..\\b", "/v1/a%5cb",
              "/v1/%5c..", "/v1/%252e%252e/b", "/v1/%25%32%65%252e/b", "/v1/..;/b", "/v1/..;x=1/b",
              "/v1/a%00b", "/v1/a%0d%0ab", "/v1/%c0%ae%c0%ae/b", "/v1/%", "/v1/%2", "/v1/%zz"]
    with World(given) as world:
        for path in unsafe:
            got, seen = world.ask(path=path)
            check_error(given, got, 404, "not_found", path)
            given.checks.true(seen is None, path + ": not relayed")
        for path in ["/v1/a.b", "/v1/...", "/v1/.a", "/v1/a..", "/v1/a/", "/v1/a%2eb", "/v1/%25",
                     "/v1/a;..", "/v1/a?../..//\\%zz", "/v1/?", "/v1/a?"]:
            got, seen = world.ask(path=path)
            given.checks.equal((got.status, seen and seen.target), (200, path), path)
        for method, path, body, status, code in [
                ("TRACE", "/v1/x", b"", 501, "not_implemented"),
                ("HEAD", "/v1/x", b"ab", 400, "bad_request"),
                ("GET", "/v1/" + "a" * 5000, b"", 414, "uri_too_long")]:
            fields = [("Content-Length", str(len(body)))] if body else []
            got, seen = world.ask(method, path, fields, body)
            what = "%s %.20s" % (method, path)
            if method == "HEAD":
                given.checks.equal(got.status, status, what)
            else:
                check_error(given, got, status, code, what)
            given.checks.true(seen is None, what + ": not relayed")


SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def test_smuggling(given):
    """One request in is one request out, whatever looks like a second one."""
    shapes = {
        "a length and chunks": [("Content-Length", "0"), ("Transfer-Encoding", "chunked")],
        "two lengths": [("Content-Length", "0"), ("Content-Length", str(len(SMUGGLED)))],
        "an odd encoding": [("Transfer-Encoding", "xchunked")],
        "encodings twice": [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
        "a signed length": [("Content-Length", "+%d" % len(SMUGGLED))],
        "a tab before the colon": [("Content-Length\t", str(len(SMUGGLED)))],
    }
    with World(given) as world:
        for name, fields in shapes.items():
            got, seen = world.ask("POST", "/v1/x", fields, SMUGGLED)
            given.checks.equal((got.status, seen), (400, None), name)
        hidden = [("Connection", "Content-Length"), ("Content-Length", str(len(SMUGGLED)))]
        _, seen = world.ask("POST", "/v1/x", hidden, SMUGGLED)
        given.checks.equal((seen.body, seen.field("Content-Length"), len(world.upstream.requests)),
                           (SMUGGLED, str(len(SMUGGLED)), 1), "a length that Connection names")
        hidden = [("Connection", "Transfer-Encoding"), ("Transfer-Encoding", "chunked")]
        _, seen = world.ask("GET", "/v1/x", hidden, chunked([SMUGGLED]))
        given.checks.equal((seen.body, len(world.upstream.requests)), (SMUGGLED, 2),
                           "chunks that Connection names")
        hidden = [("Connection", "Authorization, Host")]
        _, seen = world.ask("GET", "/v1/x", hidden)
        given.checks.equal((seen.field("Authorization"), seen.field("Host")),
                           ("Bearer " + KEY, "127.0.0.1:%d" % world.upstream.port),
                           "key and host that Connection names")
        # what follows an answer belongs to nobody
        world.upstream.answers = lambda request: raw(
            answer(200, [("Content-Length", "1")], b"x") + answer(200, [("X-Next", "1")]))
        for _ in range(3):
            got, _ = world.ask()
            given.checks.equal((got.body, got.field("X-Next")), (b"x", None), "a second answer")


def test_where_dify_is(given):
    """No answer says where Dify is; what leads below it leads below the gateway."""
    with World(given) as world:
        host = "127.0.0.1:%d" % world.upstream.port
        leads = {
            "http://%s/v1/a?b#c" % host: "/v1/a?b#c", "http://%s/v1" % host: "/v1",
            "HTTP://%s/v1/a" % host: "/v1/a", "/v1/a": "/v1/a", "a/b": "a/b",
            "https://elsewhere.example/v1/a": "https://elsewhere.example/v1/a",
            "http://%s/v1x" % host: None, "http://%s/console" % host: None,
            "https://%s/v1/a" % host: None, "//%s/v1/a" % host: None,
            "http://127.0.0.1/v1/a": None, "http://127.0.0.1:1/v1/a": None,
            "http://u@%s/v1/a" % host: None, "http:\\\\%s\\v1" % host: None,
            "https://e.example/?to=http://%s/v1/a" % host: None}
        for given_location, wanted in leads.items():
            for status, name in ((302, "Location"), (201, "Content-Location")):
                world.upstream.answers = lambda request, to=given_location, status=status, \
                    name=name: raw(answer(status, [(name, to), ("Content-Length", "0")]))
                got, _ = world.ask()
                given.checks.equal((got.status, got.field(name)), (status, wanted),
                                   "%s: %s" % (name, given_location))
        world.upstream.answers = lambda request: raw(answer(
            200, [("Link", "<http://%s/v1/a>; rel=next" % host), ("Content-Length", "0")]))
        given.checks.equal(world.ask()[0].field("Link"), None, "another field")
    with World(given, app={"base_url": "http://127.0.0.1:1/v1"}) as world:
        got, _ = world.ask()
        check_error(given, got, 502, "connect_failed", "nobody is there")


# ---- connections ------------------------------------------------------------------------------

def test_repeated_by_nobody(given):
    """A server that closes without an answer has one request, also of a connection used before."""
    with World(given) as world:
        kept = [("Content-Length", "2")]
        world.upstream.answers = lambda request: reply(answer(200, kept, b"ok"))
        world.upstream.keeps = True
        for _ in range(3):
            world.ask()
        given.checks.true(world.upstream.connections < 3, "GET: connections are used again",
                          world.upstream.connections)
        before = world.upstream.connections
        for _ in range(3):
            world.ask("POST", "/v1/x", [("Content-Length", "1")], b"x")
        given.checks.equal(world.upstream.connections - before, 3, "POST: a fresh one each")
        world.upstream.answers = lambda request: raw(b"")
        for method in ("POST", "DELETE", "PUT", "OPTIONS"):
            before = len(world.upstream.requests)
            got, _ = world.ask(method, "/v1/x", [("Content-Length", "1")], b"x")
            given.checks.equal((got.status, len(world.upstream.requests) - before), (502, 1),
                               method + " is sent once")


def test_clients_that_leave(given):
    """Whose client has gone is cancelled at Dify, before and amid both bodies."""
    with World(given, lambda request: request.hold()) as world:
        half = asked("POST", "/v1/b", [("Content-Length", "100")], b"half")
        for early, sent in ((None, asked("GET", "/v1/a")), (lambda request: b"", half)):
            world.upstream.early = early
            connection = world.gateway.connect()
            connection.send(sent)
            held = world.upstream.next_held()
            connection.abort()
            given.checks.true(held.until_gone(), "amid its body" if early else "before its answer")
        world.upstream.early = None
        world.upstream.answers = lambda request: reply(
            answer(200, [("Content-Length", "1000000")], b"a"), then=request.hold)
        connection = world.gateway.connect()
        connection.send(asked("GET", "/v1/c"))
        held = world.upstream.next_held()
        connection.read_head()
        connection.abort()
        given.checks.true(held.until_gone(), "amid the answer")
        world.until(lambda: world.figure("difystream_relays") == 0, "no relays")


def test_expectations(given):
    """100 Continue is the gateway's to say; Dify does not see the question."""
    with World(given) as world:
        connection = world.gateway.connect()
        connection.send(asked("POST", "/v1/x", [("Content-Length", "4"),
                                                  ("Expect", "100-continue")]))
        given.checks.equal(connection.line(), b"HTTP/1.1 100 Continue", "it is said")
        connection.line()
        connection.send(b"body")
        connection.read_head()
        seen = world.upstream.requests[-1]
        given.checks.equal((connection.status, seen.body, seen.field("Expect")),
                           (200, b"body", None), "what Dify gets")


def test_early_answers(given):
    """A server that refuses a body before it has come is heard, though the rest never comes."""
    for body in (answer(413, [("Content-Length", "2")], b"no"),
                 answer(413, [("Transfer-Encoding", "chunked")], chunked([b"no"]))):
        with World(given) as world:
            world.upstream.early = lambda head, body=body: body
            world.upstream.early_bytes = len(b"a part")
            connection = world.gateway.connect()
            connection.send(asked("POST", "/v1/x", [("Content-Length", "1000000")], b"a part"))
            connection.read_head()
            given.checks.equal((connection.status, connection.body()), (413, b"no"), "the answer")
            world.gateway.until_logs("relayed")
            lines = [line for line in world.gateway.log if "relayed" in line]
            given.checks.true("answer=whole" in lines[0], "by its answer's end", lines)


def test_silence(given):
    """A server that says nothing is given up: before its answer with 504, amid it with a cut."""
    with World(given, lambda request: request.hold(),
               app={"read_timeout": "2s", "connect_timeout": "2s"}) as world:
        check_error(given, world.ask()[0], 504, "read_timeout", "no answer")
        world.upstream.answers = lambda request: reply(
            answer(200, [("Content-Length", "9")], b"a"), then=request.hold)
        got, _ = world.ask()
        given.checks.equal((got.status, got.is_whole), (200, False), "amid an answer")
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    waiting = [socket.socket() for _ in range(3)]  # more than it takes: further ones hang
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(address)
    with World(given, app={"base_url": "http://127.0.0.1:%d/v1" % address[1],
                           "connect_timeout": "1s"}) as world:
        check_error(given, world.ask()[0], 504, "connect_timeout", "no connection")
    for one in waiting + [full]:
        one.close()


def test_slowness(given):
    """Who is slow is not silent: a client that stops amid its body, or reads nothing for longer
    than the clock of silence, gets its answer all the same."""
    size = 32 << 20  # more than the system's buffers take
    data = bytes(size)
    def answers(request):
        if request.target == "/v1/silent":
            return request.hold()
        return raw(answer(200, [("Content-Length", str(size))], data))
    with World(given, answers, app={"read_timeout": "3s"}) as world:
        sender = world.gateway.connect()
        sender.send(asked("POST", "/v1/up", [("Content-Length", "4")], b"ha"))
        world.until(lambda: world.figure("difystream_relays") == 1, "it is begun")
        reader = world.gateway.connect(receive_bytes=1 << 12)
        reader.send(asked("GET", "/v1/down"))
        reader.read_head()
        for _ in range(2):  # the clock of one that began later has rung, twice
            given.checks.equal(world.ask(path="/v1/silent")[0].status, 504, "silence")
        sender.send(b"lf")
        given.checks.equal((sender.read_head().status, len(sender.body())), (200, size),
                           "a slow sender")
        given.checks.equal(world.upstream.requests[-1].body, b"half", "its body")
        given.checks.equal(reader.body(), data, "a slow reader")


# ---- size -------------------------------------------------------------------------------------

LARGE = 200 << 20
ROOM = 24 << 20  # what the gateway may grow by meanwhile: far less than a body


def memory(process, name):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
        return int(re.search(name + r":\s+(\d+) kB", file.read()).group(1)) << 10


def test_large_bodies(given):
    """200 MB both ways at once, and to a reader that stands still: memory stays as it was."""
    block = os.urandom(1 << 20)
    wanted = 0
    for _ in range(LARGE // len(block)):
        wanted = zlib.crc32(block, wanted)
    def down(request):
        return reply(answer(200, [("Content-Length", str(LARGE))]),
                     then=lambda: [request.connection.sendall(block)
                                   for _ in range(LARGE // len(block))])
    # what a sanitizer keeps of freed memory is not the gateway's
    with World(given, down, environment={"ASAN_OPTIONS": "quarantine_size_mb=1"}) as world:
        world.ask("POST", "/v1/x", [("Content-Length", "1")], b"x")
        before = memory(world.gateway.process, "VmRSS")
        world.upstream.sums = True
        for fields in ([("Content-Length", str(LARGE))], [("Transfer-Encoding", "chunked")]):
            connection = world.gateway.connect(receive_bytes=1 << 16)
            connection.send(asked("POST", "/v1/up", fields))
            for _ in range(LARGE // len(block)):
                connection.send(block if len(fields[0][0]) == 14 else chunk(block))
            if len(fields[0][0]) != 14:
                connection.send(b"0\r\n\r\n")
            sent, got = 0, 0
            connection.read_head()
            while got < LARGE:
                piece = connection.exactly(min(1 << 20, LARGE - got))
                sent = zlib.crc32(piece, sent)
                got += len(piece)
            seen = world.upstream.requests[-1]
            given.checks.equal((sent, seen.sum, seen.length), (wanted, wanted, LARGE),
                               fields[0][0])
            connection.close()
        grown = memory(world.gateway.process, "VmHWM") - before
        given.checks.true(grown < ROOM, "memory stays flat", "grown by %d KiB" % (grown >> 10))


def chunk(block):
    return b"%x\r\n%s\r\n" % (len(block), block)


def test_places(given):
    """So many relays at once and one more, which is told to come again."""
    places = 1000
    with World(given, lambda request: request.hold()) as world:
        world.upstream.is_deaf = True  # connections wait in the system's queue, unread
        key = {"Authorization": "Bearer " + KEY}
        held = [world.gateway.send("GET", "/v1/held", fields=key) for _ in range(places)]
        world.until(lambda: world.figure("difystream_relays") == places, "all are relayed")
        got, _ = world.ask()
        check_error(given, got, 503, "too_many_relays", "one too many")
        given.checks.equal(got.field("Retry-After"), "5", "when to come again")
        for one in held:
            one.abort()
        world.until(lambda: world.figure("difystream_relays") == 0, "all have gone")


def test_figures(given):
    """Metrics and the log: classes, bytes, one line each, nothing private."""
    with World(given, lambda request: raw(answer(
            404 if "none" in request.target else 302 if "moved" in request.target else 200,
            [("Content-Length", "3")], b"abc"))) as world:
        for path in ("/v1/files/a", "/v1/moved/zebra", "/v1/none?zebra=1"):
            world.ask("POST", path, [("Content-Length", "2")], b"zz")
        world.gateway.until_logs("relayed", 3)
        text = world.gateway.whole("GET", "/metrics")[1].decode()
        for line in ('difystream_relayed_total{status="2xx"} 1',
                     'difystream_relayed_total{status="3xx"} 1',
                     'difystream_relayed_total{status="4xx"} 1',
                     'difystream_relayed_bytes_total{direction="up"} 6',
                     'difystream_relayed_bytes_total{direction="down"} 9',
                     'difystream_requests_total{method="other",route="relay",status="3xx"} 1'):
            given.checks.true(line + "\n" in text, line)
        lines = [line for line in world.gateway.log if "relayed" in line]
        given.checks.true(all("zebra" not in line and KEY not in line for line in lines),
                          "nothing private", lines)
        given.checks.true("method=POST area=files status=200 answer=whole up=2 down=3" in lines[0],
                          "a line", lines[0])


def main():
    given = gateway.arguments()
    gateway.run_tests(given, test_dify, test_answers, test_head_and_old_clients, test_requests,
                      test_tokens, test_refused, test_smuggling, test_where_dify_is, test_repeated_by_nobody,
                      test_clients_that_leave, test_expectations, test_early_answers, test_silence,
                      test_slowness, test_large_bodies, test_places, test_figures)


main()
