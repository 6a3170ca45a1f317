#!/usr/bin/env python3
"""The page as the gateway serves it: its files whole in both forms, what browsers and caches are
told of them, and what a page of another site can have of the gateway."""

import gzip
import hashlib
import json
import os
import re

import gateway
from gateway import Gateway
from upstream import Upstream, answer, raw

TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "css": "text/css; charset=utf-8", "svg": "image/svg+xml",
         "txt": "text/plain; charset=utf-8"}
POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
          "img-src": "'self' blob: data:", "media-src": "'self' blob:", "connect-src": "'self'",
          "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
NOWHERE = {"a": {"base_url": "http://127.0.0.1:1/v1", "api_key": "app-secret"}}
TOKEN = "the-token-of-the-page"


def tokens():
    return {"t": {"hash": "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()}}


def files_of(given):
    """(path, bytes, type) of each file that was built."""
    folder = os.path.join(given.source, "web", "dist")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            yield ("/" if name == "index.html" else "/assets/" + name, file.read(),
                   TYPES[name.rpartition(".")[2]])


def fields_of(head):
    return {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head.head[1:]}


def ask(served, path, method="GET", **fields):
    """(status, fields, body); names of fields have _ for -."""
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    with served.ask(method, path, fields=dict(fields, Connection="close")) as head:
        if method == "GET" and head.status != 304:
            return head.status, fields_of(head), head.body()
        while head.more():
            pass
        return head.status, fields_of(head), head.buffer


def check_files(given):
    checks = given.checks
    with Gateway(given.build, NOWHERE, store=None, tokens=tokens()) as served:
        tags = set()
        for path, data, kind in files_of(given):
            for coding, accept in ((None, {}), ("gzip", {"Accept_Encoding": "gzip, deflate, br"})):
                status, said, body = ask(served, path, **accept)
                checks.equal((status, said.get("content-encoding"), said["content-type"]),
                             (200, coding, kind), "%s, %s" % (path, coding))
                checks.true((gzip.decompress(body) if coding else body) == data, path + " is whole")
                if coding:
                    checks.equal(body[4:8], bytes(4), "no time of the build in " + path)
                checks.equal((said["vary"], said["cache-control"]),
                             ("Accept-Encoding", "no-cache"), "what caches are told of " + path)
                tag = said["etag"]
                checks.true(re.fullmatch('"[0-9a-f]{16}"', tag) and tag not in tags,
                            "a strong tag of its own", tag)
                tags.add(tag)
                status, head, rest = ask(served, path, "HEAD", **accept)
                del said["date"], head["date"]
                checks.equal((status, head, rest), (200, said, b""), "HEAD is as GET")
                for given_tags in (tag, "W/" + tag, '"x", ' + tag, "*"):
                    status, head, rest = ask(served, path, If_None_Match=given_tags, **accept)
                    checks.equal((status, head.get("etag"), head.get("vary"), rest),
                                 (304, tag, "Accept-Encoding", b""), "304 for " + given_tags)
                checks.equal(ask(served, path, If_None_Match='"x"', **accept)[0], 200,
                             "another tag")
            with served.ask("POST", path) as head:
                checks.equal((head.status, head.header("Allow")), (405, "GET, HEAD, OPTIONS"),
                             "POST " + path)
        for path in ("/assets/", "/assets", "/assets/none.js", "/assets/index.html", "/assets/..",
                     "/assets/%70age.js", "/assets/a/page.js", "/index.html", "//"):
            status, said, body = ask(served, path, Authorization="Bearer " + TOKEN)
            checks.true(status == 404 and b'"code":"not_found"' in body, "nothing at " + path,
                        (status, body))
        checks.equal(ask(served, "/?app=a&x=1")[0], 200, "a query is the page's own")


# What of Accept-Encoding leads to which form; None: to neither.
ACCEPTED = [
    ("", "plain"), ("gzip", "gzip"), ("GZIP", "gzip"), ("x-gzip", "gzip"), ("br, gzip", "gzip"),
    ("gzip;q=0", "plain"), ("gzip;q=0.000", "plain"), ("gzip;q=0.001", "gzip"),
    ("gzip; q=1.000", "gzip"), ("gzip;Q=0.5, identity;q=0.9", "plain"),
    ("gzip;q=0.9,identity;q=0.5", "gzip"), ("identity", "plain"), ("br", "plain"),
    ("*", "gzip"), ("*;q=0.1", "gzip"), ("*;q=0", None), ("identity;q=0", None),
    ("br, identity;q=0", None), ("gzip, identity;q=0", "gzip"), ("identity;q=0, *", "gzip"),
    ("gzip;q=0, *", "plain"), ("gzip;q=0, *;q=0", None), ("identity, *;q=0", "plain"),
    ("*;q=0, gzip", "gzip"), ("identity;q=0.5, *;q=0.4", "plain"), (", ,gzip,,", "gzip"),
    ("gzip;q=2", "plain"), ("gzip;q=1.001", "plain"), ("gzip;q=x", "plain"), ("gzip;q=", "plain"),
    ("gzipp", "plain"), ("gzip;level=9", "gzip")]


def check_forms(given):
    with Gateway(given.build, NOWHERE, store=None) as served:
        for path in ("/", "/assets/page.css", "/assets/page.js"):
            for accept, form in ACCEPTED:
                status, said, body = ask(served, path, Accept_Encoding=accept)
                got = None if status == 406 else said.get("content-encoding", "plain")
                given.checks.equal(got, form, "%s for Accept-Encoding: %s" % (path, accept))
                if form is None:
                    given.checks.true(b'"code":"not_acceptable"' in body, "it says why", body)
            with served.connect() as connection:  # a list may come in pieces
                connection.send(b"GET %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n"
                                b"Accept-Encoding: gzip;q=0.5\r\n\r\n" % path.encode())
                given.checks.equal(connection.read_head().header("Content-Encoding"), "gzip",
                                   "two fields are one list")


def check_policy(given):
    """A text that got through as markup would run nothing, load nothing, send nothing away."""
    with Gateway(given.build, NOWHERE, store=None) as served:
        for path, _, _ in files_of(given):
            said = ask(served, path)[1]
            policy = dict(each.strip().split(" ", 1)
                          for each in said["content-security-policy"].split(";"))
            given.checks.equal(policy, POLICY, "the policy of " + path)
            given.checks.equal(
                (said["x-content-type-options"], said["referrer-policy"],
                 said["cross-origin-opener-policy"]), ("nosniff", "no-referrer", "same-origin"),
                "and what else browsers are told")
    index = next(data for path, data, _ in files_of(given) if path == "/").decode()
    given.checks.true(not re.search(r"<script(?![^>]* src=)|\sstyle=|\son\w+=|https?:", index),
                      "the page keeps to it", index)
    links = re.findall(r'(?:src|href)="([^"]+)"', index)
    given.checks.true(links and all(link.startswith("assets/") for link in links),
                      "and works below a path of a proxy's", links)


def check_licences(given):
    """Whose code the page has is told by the page, and by the package that it is in."""
    with open(os.path.join(given.source, "web", "package.json"), encoding="utf-8") as file:
        wanted = set(json.load(file)["dependencies"])
    with Gateway(given.build, NOWHERE, store=None) as served:
        text = ask(served, "/assets/licences.txt")[2].decode()
    named = set(re.findall(r"^---- (\S+) ", text, re.M))
    given.checks.true(named and named <= wanted, "the page has code of those it asks for", named)
    with open(os.path.join(given.source, "packaging", "debian", "copyright"),
              encoding="utf-8") as file:
        told = set(re.findall(r"^Files: (\S+)$", file.read(), re.M))
    given.checks.equal(wanted - told, set(), "all of them stand in the package's copyright")


# ---- what a page of another site can have ------------------------------------------------------

HERE = "gateway.example"
# The fields of a request, and whether it comes from a page of another site.
SENT = [
    ({}, False),  # no browser
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://" + HERE}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://" + HERE}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://other." + HERE}, False),
    # a server in front that keeps the Host to itself does not matter
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://" + HERE, "Host": "upstream"}, False),
    # nor does what a browser says without TLS: that may be such a server's own page
    ({"Origin": "http://" + HERE, "Host": "upstream"}, False),
    ({"Origin": "null"}, False),
]
CHANGES = ("/api/runs", "/api/detect", "/api/runs/x/stop", "/api/runs/x/feedback",
           "/api/runs/x/form", "/v1/workflows/run", "/v1/chat-messages")


def is_refused(served, path, fields, method="POST"):
    """Whether a request is refused for where it comes from; else for its type, which a browser
    sends without asking, too."""
    fields = dict({"Host": HERE, "Connection": "close", "Content-Type": "text/plain"}, **fields)
    with served.ask(method, path, b"q=1", fields=fields) as head:
        return head.status == 403 and b'"code":"origin_not_allowed"' in head.body()


def check_sites(given):
    """Without tokens: a page of another site changes nothing, all others go on as ever."""
    with Gateway(given.build, NOWHERE, store=None) as served:
        for fields, is_foreign in SENT:
            for path in CHANGES:
                given.checks.equal(is_refused(served, path, fields), is_foreign,
                                   "POST %s of %s" % (path, fields))
            given.checks.true(not is_refused(served, "/api/runs", fields, "GET"),
                              "who reads is not asked: %s" % fields)
        evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        for method in ("PUT", "DELETE", "PATCH"):
            given.checks.true(is_refused(served, "/v1/x", evil, method), method + " of it")
        given.checks.true(not is_refused(served, "/v1/x", dict(
            evil, Authorization="Bearer app-other")), "a key is nothing that a browser adds")
        given.checks.true(is_refused(served, "/api/runs", dict(
            evil, Authorization="Basic dTpw")), "but a password is")
        with served.ask("POST", "/v1/workflows/run", {}, fields=evil) as head:
            given.checks.true(head.status == 403 and head.body().startswith(
                b'{"code":"origin_not_allowed","message":'), "below /v1 in Dify's form")
        served.until_logs("turned away status=403 code=origin_not_allowed")
        said = "".join(served.log)
        given.checks.true("turned away status=403 code=origin_not_allowed" in said, "it is logged",
                          said[-500:])
    listed = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    with Gateway(given.build, NOWHERE, store=None, cors=["https://app.example"]) as served:
        given.checks.true(not is_refused(served, "/api/runs", listed), "a page that is let in")
        given.checks.true(is_refused(served, "/api/runs", evil), "another one")
    with Gateway(given.build, NOWHERE, store=None, cors="*") as served:
        given.checks.true(not is_refused(served, "/api/runs", evil), "where all are let in")
    with Gateway(given.build, NOWHERE, store=None, tokens=tokens()) as served:
        fields = dict(evil, Authorization="Bearer " + TOKEN)
        given.checks.true(not is_refused(served, "/api/runs", fields), "with a token")


def check_answers(given):
    """What else browsers show runs nothing in the page's origin. (A run's files: routes.py.)"""
    page = b"<script>alert(1)</script>"
    upstream = Upstream(lambda request: raw(answer(200, [
        ("Content-Type", "text/html"), ("Content-Length", str(len(page))),
        ("Content-Security-Policy", "img-src 'none'")], page)))
    apps = {"a": {"base_url": "http://127.0.0.1:%d/v1" % upstream.port, "api_key": "app-secret"}}
    with Gateway(given.build, apps, store=None) as served:
        with served.ask("GET", "/v1/files/x/preview",
                        fields={"Authorization": "Bearer app-secret"}) as head:
            given.checks.equal(head.body(), page, "what Dify has is passed on")
            given.checks.equal([line.split(": ", 1)[1] for line in head.head[1:]
                                if line.startswith("Content-Security-Policy:")],
                               ["img-src 'none'", "sandbox"], "but shown, it can do nothing")
        given.checks.equal(ask(served, "/v1/files/x/preview")[0], 401, "and without a key, not had")
        for path in ("/api/runs", "/api/runs/x", "/api/apps", "/api/stats", "/nothing",
                     "/openapi.json", "/healthz"):
            said = ask(served, path)[1]
            given.checks.equal((said["content-type"], said.get("x-content-type-options")),
                               ("application/json; charset=utf-8", "nosniff"), path)
    upstream.close()


if __name__ == "__main__":
    ARGUMENTS = gateway.arguments()
    gateway.run_tests(ARGUMENTS, check_files, check_forms, check_policy,
                      check_licences, check_sites, check_answers)
