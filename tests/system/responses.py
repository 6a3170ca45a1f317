#!/usr/bin/env python3
"""fold --http: recorded HTTP responses, whole, in chunks, cut, refused, and what is none."""

import json
import os
import random

import support

OK = b"HTTP/1.1 200 OK\r\n"
STREAM = OK + b"Content-Type: text/event-stream; charset=utf-8\r\n"
HEAD_BYTES = 64 << 10


def answer(status, content_type, body, reason="X"):
    return ("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
        status, reason, content_type, len(body))).encode() + body


def refusal(status, code, message):
    return answer(status, "application/json", json.dumps(
        {"code": code, "message": message, "status": status}).encode())


def chunked(body, rng, extensions=False, trailers=b"", most=700):
    """The body in HTTP chunks of random sizes."""
    made, at = b"", 0
    while at < len(body):
        size = min(rng.randint(1, most), len(body) - at)
        line = rng.choice(["%x", "%X", "00%x"]) % size
        if extensions:
            line += rng.choice(["", ";a", ";name=value", ' ; q="; x"'])
        made += line.encode() + b"\r\n" + body[at:at + size] + b"\r\n"
        at += size
    return made + b"0\r\n" + trailers + b"\r\n"


class Fold:
    def __init__(self, checks, program):
        self.checks, self.program = checks, program

    def run(self, what, stream, *words):
        """Folds byte by byte and as it comes; both must say the same."""
        runs = [support.run([self.program, "fold", "--http"] + list(words) + more, stream)
                for more in ([], ["--read-size", "1"])]
        for ran in runs:
            self.checks.true(not ran.crashed(), "no crash: " + what, ran)
        first, second = ((ran.status, ran.out, ran.err) for ran in runs)
        self.checks.equal(second, first, "the same byte by byte: " + what)
        return runs[0]

    def same_as(self, plain, what, stream):
        ran = self.run(what, stream)
        self.checks.equal((ran.status, ran.out, ran.err), (plain.status, plain.out, plain.err), what)

    def refused(self, what, stream, status, code, message=None, error=None):
        ran = self.run(what, stream)
        try:
            result = json.loads(ran.out)
        except ValueError:
            self.checks.true(False, what + " gives a result", ran)
            return
        self.checks.equal((ran.status, result["success"], result.get("code")),
                          (status, False, code), what)
        self.checks.true(result.get("message"), what + " has a message")
        if message is not None:
            self.checks.equal(result.get("message"), message, "Dify's words: " + what)
        if error is not None:
            self.checks.equal(result.get("error"), error, "the fixed text: " + what)

    def no_answer(self, what, stream, reported=(7, "invalid_response")):
        """What is no answer: either refused as input (2, no result), or reported as what it is."""
        ran = self.run(what, stream)
        code = json.loads(ran.out).get("code") if ran.out else None
        self.checks.true((ran.status, code) in ((2, None), reported),
                         what + ": status and result agree with docs/result.md", ran)
        self.checks.true(ran.status != 2 or ran.err.count("\n") == 1, what + ": one line", ran.err)


def check_recordings(fold, rng):
    """Heads and bodies as recorded, then in chunks of other sizes, give what the body gives."""
    import recorded
    chosen = support.share(recorded.streams()[::23])
    for name, at in chosen:
        body = support.read_bytes(at, "response.body")
        if len(body) > 65536:
            continue
        head = support.read_bytes(at, "response.head").replace(b"\r\n", b"\n").rstrip(b"\n")
        head = head.replace(b"\n", b"\r\n") + b"\r\n\r\n"
        plain = support.run([fold.program, "fold", "-"], body)
        fold.same_as(plain, name + ", put together", head + body)
        fold.same_as(plain, name + ", LF alone", head.replace(b"\r\n", b"\n") + body)
        if b"chunked" not in head.lower():
            head = head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
        fold.same_as(plain, name + ", in chunks", head + chunked(body, rng))
        fold.same_as(plain, name + ", with trailers and extensions",
                     head + chunked(body, rng, True, b"X-Trailer: data: {}\r\nY: z\r\n"))
        fold.same_as(plain, name + ", in one chunk", head + chunked(body, rng, most=10**6))
        fold.same_as(plain, name + ", after 100 Continue and 103",
                     b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" +
                     head + chunked(body, rng))
        fold.same_as(plain, name + ", lines of more after the last chunk",
                     head + chunked(body, rng) + b"HTTP/1.1 500 no\r\n\r\n")
    return len(chosen)


def check_raw(fold, source):
    """Bodies kept as they came over the connection."""
    root = os.path.join(source, "tests", "recordings")
    for name in support.share(support.read(root, "RAW.txt").split()):
        head = support.read_bytes(root, name, "response.head").rstrip(b"\r\n") + b"\r\n\r\n"
        ran = fold.run(name, head + support.read_bytes(root, name, "response.body"))
        fold.checks.true(ran.status == 0 and json.loads(ran.out)["success"] is True, name, ran)


def check_heads(fold):
    body = b'data: {"event":"message","answer":"a"}\n\ndata: {"event":"message_end"}\n\n'
    plain = support.run([fold.program, "fold"], body)
    for what, head in (
            ("HTTP/2 of curl", b"HTTP/2 200 \r\ncontent-type: text/event-stream\r\n"),
            ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n"),
            ("capitals", OK + b"CONTENT-TYPE:TEXT/EVENT-STREAM;charset=utf-8\r\n"),
            ("blanks", OK + b"Content-Type: \t text/event-stream \r\n"),
            ("an empty reason", b"HTTP/1.1 200\r\nContent-Type: text/event-stream\r\n"),
            ("HTTP/3 of curl", b"HTTP/3 200 \r\ncontent-type: text/event-stream\r\n"),
            ("a proxy's head in front", b"HTTP/1.1 200 Connection established\r\n\r\n" + STREAM),
            ("a redirection in front", b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n" + STREAM),
            ("a body said to be as it is", STREAM + b"Content-Encoding: identity\r\n"),
            ("a head of nearly 64 KB", STREAM + b"X: " + b"a" * (HEAD_BYTES - 200) + b"\r\n"),
            ("a type in another's value", OK + b"X: Content-Type: a\r\n" + STREAM[len(OK):])):
        fold.same_as(plain, what, head + b"\r\n" + body)
    for what, header in (("gzip", b"Content-Encoding: gzip"),
                         ("gzip in transfer", b"Transfer-Encoding: gzip, chunked")):
        ran = fold.run(what, STREAM + header + b"\r\n\r\n\x1f\x8b")
        fold.checks.equal((ran.status, json.loads(ran.out)["code"]), (7, "invalid_response"), what)
    for part in (b"data: {", b"abc\n\n", b"10\n", b"0", b"5"):
        fold.same_as(support.run([fold.program, "fold"], part + b"\n" + body),
                     "named chunked but put together, beginning with %r" % part,
                     STREAM + b"Transfer-Encoding: chunked\r\n\r\n" + part + b"\n" + body)


def check_cut(fold, rng):
    """A chunked stream cut anywhere: what came is folded, and without its end it is no success."""
    first = b'data: {"event":"message","answer":"a"}\n\n'
    last = b'data: {"event":"message_end"}\n\n'
    head = STREAM + b"Transfer-Encoding: chunked\r\n\r\n"
    whole = chunked(first, rng)[:-5] + chunked(last, rng)
    done = len(whole) - len(b"\r\n0\r\n\r\n")  # the last byte of the last event stands before
    for length in support.share(range(0, len(whole), 3)):
        ran = support.run([fold.program, "fold", "--http"], head + whole[:length])
        fold.checks.equal((ran.status, json.loads(ran.out)["success"]),
                          (0, True) if length >= done else (4, False), "cut at %d" % length)


def check_refusals(fold):
    refused, failed = "Dify拒绝了请求", "Dify服务返回异常"
    fold.refused("400", refusal(400, "invalid_param", "query 不能为空"), 3, "invalid_param",
                 "query 不能为空", refused)
    fold.refused("401", refusal(401, "unauthorized", "Access token is invalid"), 3, "unauthorized",
                 "Access token is invalid", refused)
    fold.refused("413, no words", refusal(413, "file_too_large", ""), 3, "file_too_large", None,
                 refused)
    fold.refused("404, HTML", answer(404, "text/html", b"<html>404</html>"), 3, "http_error", None,
                 refused)
    fold.refused("404, empty", answer(404, "text/html", b""), 3, "http_error", None, refused)
    fold.refused("400, an event stream", answer(400, "text/event-stream", b"data: x\n\n"), 3,
                 "http_error", None, refused)
    fold.refused("400, members of other types", answer(
        400, "application/json", b'{"code":5,"message":["x"]}'), 3, "http_error", None, refused)
    fold.refused("500, JSON", refusal(500, "internal_server_error", "oops"), 7, "http_error", "oops",
                 failed)
    fold.refused("502, HTML", answer(502, "text/html", b"<h1>Bad Gateway</h1>"), 7, "http_error",
                 None, failed)
    fold.refused("504, 1 MB", answer(504, "text/html", b"x" * (1 << 20)), 7, "http_error", None,
                 failed)
    fold.refused("200, JSON", answer(200, "application/json", b'{"answer":"x"}'), 7,
                 "invalid_response", None, failed)
    fold.refused("200, no type", OK + b"\r\n" + b"data: {}\n\n", 7, "invalid_response", None, failed)
    fold.refused("302", b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", 7, "invalid_response", None,
                 failed)
    rng = random.Random(1)
    body = json.dumps({"code": "c", "message": "m", "status": 400}).encode()
    fold.refused("400 in chunks", b"HTTP/1.1 400 X\r\nContent-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, rng, most=5), 3, "c", "m")


def check_no_answers(fold):
    fold.no_answer("nothing", b"")
    fold.no_answer("cut in the status line", b"HTTP/1.1 2")
    fold.no_answer("cut in the head", STREAM + b"X-Ve")
    fold.no_answer("cut before the blank line", STREAM)
    fold.no_answer("only 100 Continue", b"HTTP/1.1 100 Continue\r\n\r\n")
    fold.no_answer("an event stream", b"data: {}\n\n")
    fold.no_answer("bytes", b"\0\1\2\n\n")
    fold.no_answer("another protocol", b"ICY 200 OK\r\n\r\n")
    fold.no_answer("no status", b"HTTP/1.1\r\n\r\n")
    fold.no_answer("a long status", b"HTTP/1.1 2000 OK\r\n\r\n")
    fold.no_answer("a head of 64 KB and a byte",
                   STREAM + b"X: " + b"a" * (HEAD_BYTES + 1 - len(STREAM) - 7) + b"\r\n\r\n")
    fold.no_answer("a head without end", STREAM + b"X: " + b"a" * (1 << 20))
    head = STREAM + b"Transfer-Encoding: chunked\r\n\r\n"
    for what, chunk in (("a chunk without its end", b"1\r\naXX1\r\nb\r\n"),
                        ("a size that is none", b"1\r\na\r\nx\r\n"),
                        ("a size past 64 bits", b"1\r\na\r\n" + b"f" * 17 + b"\r\n")):
        fold.no_answer(what, head + chunk, (4, "stream_incomplete"))
    fold.no_answer("a head that is not ASCII", b"HTTP/1.1 \xff\xff\xff\r\n\r\n")


def main():
    given = support.arguments()
    checks = support.Checks()
    fold = Fold(checks, os.path.join(given.build, "difystream"))
    rng = random.Random(20261122)
    count = check_recordings(fold, rng)
    check_raw(fold, given.source)
    check_heads(fold)
    check_cut(fold, rng)
    check_refusals(fold)
    check_no_answers(fold)
    checks.finish("%d recordings whole and in chunks, heads, cuts, refusals, no answers" % count)


if __name__ == "__main__":
    main()
