"""The probes of hostile.py: requests that nobody should send, and what may come of them. Data only.

A probe is (name, bytes, statuses, goes_on): what is sent, by which statuses it may be answered, and
whether the connection goes on behind it: True (a request that follows is answered, or it was said
that the connection closes), False (what follows is never answered), None (either).
"""

import json
import random

HOST = b"Host: a.example\r\n"
UNKNOWN = "00000000-0000-7000-8000-000000000000"
MIB = 1 << 20
MAX_BODY, MAX_FILE = 6 * MIB, 2 * MIB  # of the gateway's configuration
JSON_BYTES = 4 * MIB
BOUNDARY = b"xyzzy"
FORM = b"multipart/form-data; boundary=" + BOUNDARY


def request(method, target, *fields, body=None, version=b"HTTP/1.1", host=HOST):
    """The bytes of a request; a body has its true length, unless a field tells another."""
    if body is not None and not any(field.lower().startswith((b"content-length", b"transfer-enc"))
                                    for field in fields):
        fields += (b"Content-Length: %d" % len(body),)
    if isinstance(target, str):
        target = target.encode("utf-8", "surrogateescape")
    return b"%s %s %s\r\n%s%s\r\n%s" % (
        method, target, version, host, b"".join(field + b"\r\n" for field in fields), body or b"")


def post(target, body, kind=None, *fields):
    kind = (b"Content-Type: " + kind,) if kind is not None else ()
    return request(b"POST", target, *kind, *fields, body=body)


def chunked(target, kind, body, *fields):
    return request(b"POST", target, b"Content-Type: " + kind, b"Transfer-Encoding: chunked",
                   *fields, body=body)


def part(head, data=b"x"):
    return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n"


def field(name, data=b"x"):
    return part(b'Content-Disposition: form-data; name="%s"' % name, data)


def file(name, file_name, data=b"x"):
    return part(b'Content-Disposition: form-data; name="%s"; filename="%s"\r\n'
                b"Content-Type: image/png" % (name, file_name), data)


END = b"--" + BOUNDARY + b"--\r\n"


# ---- forms ---------------------------------------------------------------------------------------

def form_types():
    good = field(b"word") + END
    kinds = {
        "no boundary": b"multipart/form-data", "an empty one": b"multipart/form-data; boundary=",
        "an empty quoted one": b'multipart/form-data; boundary=""',
        "71 bytes": b"multipart/form-data; boundary=" + b"b" * 71,
        "10,000 bytes": b"multipart/form-data; boundary=" + b"b" * 10000,
        "two": b"multipart/form-data; boundary=xyzzy; boundary=other",
        "an open quote": b'multipart/form-data; boundary="xyzzy',
        "a NUL escaped": b'multipart/form-data; boundary="xy\\\x7fzzy"',
        "UTF-8": "multipart/form-data; boundary=日本".encode(),
        "a space at its end": b'multipart/form-data; boundary="xyzzy "',
        "of another": b"multipart/form-data; boundary=other",
        "of another type": b"multipart/mixed; boundary=xyzzy", "related": b"multipart/related",
        "no type": b"; boundary=xyzzy", "only a slash": b"/", "a word": b"x", "commas":
        b"multipart/form-data, application/json", "1,000 parameters":
        b"multipart/form-data" + b"; a=b" * 1000, "a header in it":
        b'multipart/form-data; boundary="a\\\r\\\nb"',
    }
    for name, kind in kinds.items():
        yield "form, boundary: " + name, post("/api/runs", good, kind), (400, 415), \
            None if b"\r" in kind else True


def forms():
    ok = field(b"word")
    bodies = {
        "empty": b"", "no final boundary": ok, "cut in a boundary": ok + b"--xyz",
        "one dash at the end": ok + b"--xyzzy-\r\n", "only CRLF": b"\r\n\r\n",
        "only text": b"hello" * 100, "NULs": b"\0" * 1000, "another boundary":
        b"--other\r\n\r\n--other--\r\n", "a boundary with a tail": b"--xyzzyx\r\n" + ok[9:] + END,
        "line feeds only": (ok + END).replace(b"\r\n", b"\n"),
        "a head without its end": b"--xyzzy\r\nContent-Disposition: form-data; name=\"a\"",
        "no head": b"--xyzzy\r\n\r\nx\r\n" + END, "no colon": part(b"Content-Disposition") + END,
        "no name": part(b"Content-Disposition: form-data") + END,
        "an empty name": field(b"") + END, "no disposition": part(b"Content-Type: text/plain") + END,
        "another disposition": part(b'Content-Disposition: attachment; name="word"') + END,
        "two dispositions": part(b'Content-Disposition: form-data; name="a"\r\n'
                                 b'Content-Disposition: form-data; name="b"') + END,
        "two names": part(b'Content-Disposition: form-data; name="a"; name="b"') + END,
        "an open quote": part(b'Content-Disposition: form-data; name="a') + END,
        "a folded head": part(b'Content-Disposition: form-data;\r\n\tname="word" x') + END,
        "a space before the colon": part(b'Content-Disposition : form-data; name="a"') + END,
        "a NUL in the head": part(b'Content-Disposition: form-data; name="a\0b"') + END,
        "a NUL in a field's name": field(b"a\0b") + END,
        "a control in a name": field(b"a\x01b") + END, "DEL in a name": field(b"a\x7fb") + END,
        "a header in a name": field(b"a%0d%0aX: y") + END,
        "CR in a name": field(b"a\rb") + END, "LF in a name": field(b"a\nX: y") + END,
        "no UTF-8 in a name": field(b"\xff\xfe") + END,
        "half a character in a name": field(b"\xed\xa0\x80") + END,
        "a name of 257 bytes": field(b"n" * 257) + END,
        "a name of 7,000 bytes": field(b"n" * 7000) + END,
        "a value that is no UTF-8": field(b"word", b"\xff\xfe") + END,
        "a head of 8 KiB and 1": part(b"X: " + b"y" * 8192) + END,
        "a head of 100 KiB": part(b"X: " + b"y" * 100000) + END,
        "1,001 parts": field(b"word") * 1001 + END, "201 fields":
        b"".join(field(b"f%d" % i) for i in range(201)) + END,
        "51 files": b"".join(file(b"f", b"f%d.png" % i) for i in range(51)) + END,
        "1,001 empty files": file(b"f", b"") * 1001 + END,
        "a transfer encoding": part(b'Content-Disposition: form-data; name="a"\r\n'
                                    b"Content-Transfer-Encoding: base64", b"!!!!") + END,
        "a form in a form": part(b'Content-Disposition: form-data; name="a"\r\nContent-Type: '
                                 b"multipart/mixed; boundary=inner", b"--inner\r\n\r\nx\r\n"
                                 b"--inner--\r\n") + END,
        "a file's name of 257 bytes": file(b"pic", b"n" * 257) + END,
        "no file's field": file(b"", b"a.png") + END,
        "inputs that are none": field(b"inputs", b"[1]") + END,
        "inputs cut": field(b"inputs", b'{"a": ') + END,
        "inputs with NUL": field(b"inputs", b'{"a": "\0"}') + END,
        "inputs 513 deep": field(b"inputs", b'{"a":' * 513 + b"1" + b"}" * 513) + END,
        "an app that is none": field(b"app", b"nobody") + END,
        "an app of 1,000 bytes": field(b"app", b"n" * 1000) + END,
        "an app that is a path": field(b"app", b"../../flow") + END,
        "a user of 300": field(b"user", b"u" * 300) + END,
        "a user with NUL": field(b"user", b"u\0") + END,
    }
    for path in ("/api/runs", "/api/detect"):
        for name, body in bodies.items():
            if path == "/api/detect" and name.startswith(("inputs", "an app")):
                continue  # inputs of these names, that the app does not know
            # what the app asks for is missing, or what is told is no such thing
            yield "form to %s: %s" % (path, name), post(path, body, FORM), (400, 404, 422), \
                None if len(body) > 65536 else True  # what comes late is more than is passed over
    for size, what in ((MAX_FILE + 1, "a file"), (MAX_BODY, "a body")):
        yield "%s too large" % what, post("/api/detect", file(b"pic", b"a.png", b"x" * size) + END,
                                          FORM), (413,), None
    yield "fields too large", post("/api/runs", field(b"word", b"x" * JSON_BYTES) + END, FORM), \
        (413,), None
    pairs = {"201": b"&".join(b"f%d=1" % i for i in range(201)), "no UTF-8": b"word=%ff%fe",
             "a NUL": b"wo%00rd=1", "no name": b"=1", "half an escape": b"%ff%=%f",
             "only ampersands": b"&" * 100000, "a name of 257": b"n" * 257 + b"=1",
             "inputs that are none": b"inputs=1"}
    for name, body in pairs.items():
        yield "pairs: " + name, post("/api/runs", body, b"application/x-www-form-urlencoded"), \
            (400,), True
    yield "pairs too large", post("/api/runs", b"a=" + b"x" * JSON_BYTES,
                                  b"application/x-www-form-urlencoded"), (413,), None


# ---- JSON ----------------------------------------------------------------------------------------

def json_bodies():
    """Bodies that are no good JSON object."""
    yield "empty", b""
    for name, text in (
            ("a blank", " "), ("null", "null"), ("a list", "[]"), ("a number", "1"),
            ("a string", '"a"'), ("cut", '{"inputs": {"word": "a"'), ("cut in a string", '{"inp'),
            ("cut in an escape", '{"inputs": {"word": "\\u12'), ("a comma", '{"inputs": {},}'),
            ("no value", '{"inputs": }'), ("no colon", '{"inputs" {}}'),
            ("single quotes", "{'inputs': {}}"), ("no quotes", "{inputs: {}}"),
            ("a comment", '{"inputs": {}} // x'), ("a comment inside", '{/* x */"inputs": {}}'),
            ("something behind", '{"inputs": {}} x'), ("two", '{"inputs": {}}{"inputs": {}}'),
            ("NaN", '{"inputs": {"word": NaN}}'), ("infinity", '{"inputs": {"word": Infinity}}'),
            ("hex", '{"inputs": {"word": 0x10}}'), ("a leading zero", '{"inputs": {"word": 01}}'),
            ("a plus", '{"inputs": {"word": +1}}'), ("a bare point", '{"inputs": {"word": 1.}}'),
            ("a bad escape", '{"inputs": {"word": "\\x"}}'), ("True", '{"inputs": True}'),
            ("a raw line feed", '{"inputs": {"word": "a\nb"}}'),
            ("a raw NUL", '{"inputs": {"word": "a\0b"}}'), ("a NUL behind", '{"inputs": {}}\0'),
            ("a NUL in front", '\0{"inputs": {}}'),
            ("a lone high surrogate", '{"inputs": {"word": "\\ud800"}}'),
            ("a lone low surrogate", '{"inputs": {"word": "\\udc00"}}'),
            ("surrogates swapped", '{"inputs": {"word": "\\udc00\\ud800"}}'),
            ("513 deep", '{"inputs": ' + '{"a":' * 513 + "1" + "}" * 514),
            ("100,000 deep", '{"inputs": ' * 100000), ("100,000 lists", '{"inputs":' + "[" * 100000),
            ("a form feed", '\f{"inputs": {}}')):
        yield name, text.encode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"):
        yield encoding, '{"inputs": {"word": "a"}}'.encode(encoding)
    for name, raw in (("0xFF", b"\xff"), ("an overlong slash", b"\xc0\xaf"),
                      ("half a character", b"\xe6\xb0"), ("a surrogate's bytes", b"\xed\xa0\x80"),
                      ("beyond Unicode", b"\xf4\x90\x80\x80"), ("a NUL's overlong", b"\xc0\x80")):
        yield name, b'{"inputs": {"word": "' + raw + b'"}}'
    yield "a deflated one", bytes.fromhex("789cab56cacc2b282d2956b2aa56ca2fca4f51b252504a54aaad05"
                                          "005d4d0700")


def runs_json():
    kind = b"application/json"
    for name, body in json_bodies():
        yield "JSON: " + name, post("/api/runs", body, kind), (400,), True
        yield "JSON to a path: " + name, post("/api/detect", body, kind), (400,), True
    for name, body in (
            ("inputs twice", '{"inputs": {"word": "a"}, "inputs": {"word": "b"}}'),
            ("user twice", '{"user": "a", "user": "b", "inputs": {"word": "a"}}'),
            ("an input twice", '{"inputs": {"word": "a", "word": "b"}}'),
            ("an input twice, escaped", '{"inputs": {"word": "a", "w\\u006frd": "b"}}'),
            ("inputs that are a list", '{"inputs": []}'), ("inputs null", '{"inputs": null}'),
            ("a user that is a number", '{"user": 1, "inputs": {"word": "a"}}'),
            ("a user that is empty and NUL", '{"user": "\\u0000", "inputs": {"word": "a"}}'),
            ("a user of 256", '{"user": "%s", "inputs": {"word": "a"}}' % ("u" * 256)),
            ("an unknown member", '{"word": "a"}'), ("a prototype", '{"__proto__": {"word": "a"}}'),
            ("a mode", '{"inputs": {"word": "a"}, "response_mode": "streaming"}'),
            ("201 inputs", json.dumps({"inputs": {"f%d" % i: 1 for i in range(201)}})),
            ("an empty object", "{}"), ("no input", '{"inputs": {}}'),
            ("a missing input", '{"inputs": {"other": "a"}}'),
            ("an input that is an object", '{"inputs": {"word": {"a": 1}}}'),
            ("a huge exponent", '{"inputs": {"word": 1e999999}}'),
            ("an input too long", json.dumps({"inputs": {"word": "a" * 5000}})),
            ("a query of a workflow", '{"query": 1, "inputs": {"word": "a"}}')):
        yield "JSON: " + name, post("/api/runs", body.encode(), kind), (400,), True
    for name in ("nobody", "", "flow\0", "../flow", "f" * 10000, "FLOW", "{}", "%s%n"):
        yield "JSON: app " + name[:20], post("/api/runs", json.dumps(
            {"app": name, "inputs": {}}).encode(), kind), (400, 404), True
    room = JSON_BYTES - len('{"inputs": {"word": ""}}')
    yield "JSON of the most", post("/api/runs", b'{"inputs": {"word": "%s"}}' % (b"a" * room),
                                   kind), (400,), True
    yield "JSON and a byte too much", post("/api/runs", b'{"inputs": {"word": "%s"}}' % (
        b"a" * (room + 1)), kind), (413,), None
    for name, kind in (
            ("none", None), ("text", b"text/plain"), ("XML", b"application/xml"), ("empty", b""),
            ("octets", b"application/octet-stream"), ("JSON lines", b"application/jsonl"),
            ("a suffix", b"application/x+json"), ("two", b"application/json, text/plain"),
            ("garbage", b";;;===\"\"\""), ("controls escaped", b"application\\json"),
            ("long", b"a/" + b"b" * 9000), ("0xFF", b"application/json\xff")):
        yield "JSON as " + name, post("/api/runs", b'{"inputs": {"nothing": "a"}}', kind), \
            (400, 415), True
    for name, kind in (("open", b'application/json; charset="utf-8'), ("empty", b"application/json;"),
                       ("twice", b"application/json; charset=a; charset=b"), ("NUL escaped",
                       b'application/json; a="\\"'), ("UTF-16", b"application/json; charset=utf-16")):
        yield "JSON with a parameter: " + name, post("/api/runs", b"{", kind), (400, 415), True


# ---- what frames a body --------------------------------------------------------------------------

def framing():
    kind = b"application/json"
    good = b'{"inputs": {"nothing": 1}}'  # is refused by 400, once it is read

    def said(*fields, body=good):
        return request(b"POST", "/api/runs", b"Content-Type: " + kind, *fields, body=body)

    for name, value in (("negative", b"-1"), ("plus", b"+26"), ("hex", b"0x1a"), ("empty", b""),
                        ("a word", b"many"), ("two", b"26, 27"), ("a blank inside", b"2 6"),
                        ("2^64", b"18446744073709551616"), ("2^63", b"9223372036854775808"),
                        ("1,000 digits", b"9" * 1000), ("a point", b"26.0"), ("exponent", b"2e1"),
                        ("quoted", b'"26"'), ("Arabic digits", "٢٦".encode())):
        yield "length: " + name, said(b"Content-Length: " + value), (400, 413), False
    yield "two lengths", said(b"Content-Length: 26", b"Content-Length: 27"), (400,), False
    yield "a length and chunks", said(b"Content-Length: 26", b"Transfer-Encoding: chunked"), \
        (400,), False
    yield "a length too large", said(b"Content-Length: %d" % (MAX_BODY + 1)), (413,), False
    yield "a short length", said(b"Content-Length: 5"), (400,), "no more"
    for name, coding in (("gzip", b"gzip"), ("gzip, chunked", b"gzip, chunked"),
                         ("chunked twice", b"chunked, chunked"), ("identity", b"identity"),
                         ("a blank", b"chunked\x0b"), ("xchunked", b"xchunked"), ("empty", b"")):
        yield "coding: " + name, said(b"Transfer-Encoding: " + coding, body=b"1a\r\n" + good +
                                      b"\r\n0\r\n\r\n"), (400, 501), False
    for name, body in (
            ("no size", b"\r\n"), ("a word", b"hello\r\n"), ("negative", b"-1\r\n"),
            ("a prefix", b"0x1\r\nx\r\n"), ("2^64", b"10000000000000000\r\nx"),
            ("blanks in front", b" 1\r\nx\r\n0\r\n\r\n"), ("a line feed", b"1\nx\r\n0\r\n\r\n"),
            ("no CRLF behind", b"1\r\nxx0\r\n\r\n"), ("a bare CR", b"1\rx\r\n0\r\n\r\n"),
            ("a long extension", b"1;" + b"a" * 2000 + b"\r\nx\r\n0\r\n\r\n"),
            ("many zeros", b"0" * 20000 + b"1\r\nx\r\n0\r\n\r\n"), ("a NUL", b"1\0\r\nx\r\n"),
            ("a field without colon", b"0\r\nX\r\n\r\n"), ("a trailer too long",
             b"0\r\nX: " + b"y" * 20000 + b"\r\n\r\n"), ("101 trailers", b"0\r\n" +
             b"".join(b"X%d: y\r\n" % i for i in range(101)) + b"\r\n"),
            ("a folded trailer", b"0\r\nX: y\r\n z\r\n\r\n"),
            ("an extension with a quote", b'1;a="\r\n\r\nx\r\n0\r\n\r\n')):
        yield "chunks: " + name, chunked("/api/runs", kind, body), (400, 431), False
    one = b"".join(b"1\r\n%c\r\n" % byte for byte in good)
    yield "chunks of a byte", chunked("/api/runs", kind, one + b"0\r\n\r\n"), (400,), True
    yield "chunks with trailers", chunked("/api/runs", kind, one + b"0\r\nX: y\r\n\r\n"), (400,), True
    yield "chunks of a form too large", chunked(
        "/api/detect", FORM, (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 100 + b"0\r\n\r\n"), \
        (400, 413), None
    for name, value, statuses in (
            ("good", b"100-continue", (400,)), ("in capitals", b"100-CONTINUE", (400,)),
            ("another", b"200-ok", (400, 417)), ("two", b"100-continue, x", (400, 417)),
            ("empty", b"", (400, 417)), ("long", b"x" * 5000, (400, 417))):
        yield "Expect: " + name, said(b"Expect: " + value), statuses, None
    yield "Expect without a body", request(b"GET", "/api/runs/" + UNKNOWN,
                                           b"Expect: 100-continue"), (404,), None
    yield "HTTP/1.0 with chunks", request(b"POST", "/api/runs", b"Transfer-Encoding: chunked",
                                          version=b"HTTP/1.0", body=b"0\r\n\r\n"), (400,), False
    yield "a GET with a body", request(b"GET", "/api/runs/" + UNKNOWN, body=b"x" * 1000), (404,), \
        None
    yield "a GET with a large body", request(b"GET", "/api/runs/" + UNKNOWN, body=b"x" * MIB), \
        (404,), None
    yield "encoded content", said(b"Content-Encoding: gzip", body=b"\x1f\x8b" + b"\0" * 100), \
        (400, 415), True


# ---- heads ---------------------------------------------------------------------------------------

def heads():
    target = "/api/runs/" + UNKNOWN

    def get(*fields, **more):
        return request(b"GET", more.pop("target", target), *fields, **more)

    yield "100 fields", get(*[b"X%d: y" % i for i in range(99)]), (404,), True
    yield "101 fields", get(*[b"X%d: y" % i for i in range(100)]), (431,), False
    yield "10,000 fields", get(*[b"X: y"] * 10000), (431,), False
    room = 16384 - len(get(b"X: "))
    yield "a head of 16 KiB", get(b"X: " + b"y" * room), (404,), True
    yield "a head of 16 KiB and 1", get(b"X: " + b"y" * (room + 1)), (431,), False
    yield "a head of 1 MiB", get(b"X: " + b"y" * MIB), (431,), False
    yield "a target of 20,000", get(target="/" + "a" * 20000), (414, 431), False
    yield "a query of 20,000", get(target="/api/runs?" + "a" * 20000), (414, 431), False
    yield "no host", get(host=b""), (400,), False
    yield "two hosts", get(b"Host: b.example"), (400,), False
    for name, host in (("a path", b"a/b"), ("a user", b"u@a"), ("blank inside", b"a b"),
                       ("a port too large", b"a:99999"), ("a NUL", b"a\0")):
        yield "host: " + name, get(host=b"Host: " + host + b"\r\n"), (400,), False
    for name, line in (("no colon", b"X"), ("no name", b": x"), ("a blank in front", b" X: y"),
                       ("a blank before the colon", b"X : y"), ("a NUL", b"X: a\0b"),
                       ("a bare CR", b"X: a\rb"), ("a control", b"X: a\x01b"), ("folded",
                       b"X: a\r\n b"), ("0xFF in a name", b"X\xff: a"), ("a name with a slash",
                       b"X/Y: a")):
        yield "field line: " + name, get(line), (400,), False
    for method in (b"PUT", b"DELETE", b"PATCH", b"TRACE", b"QUERY"):
        for path in ("/api/runs", "/api/runs/" + UNKNOWN, "/api/detect", "/metrics"):
            yield "%s %s" % (method.decode(), path), request(method, path), (405,), True
        yield "%s with a body" % method.decode(), request(method, "/api/runs", body=b"x" * 100), \
            (400, 405), None
    for method in (b"BREW", b"get", b"GETX", b"CONNECT", b"PRI", b"A" * 5000, b"G ET", b"\0", b"",
                   b"PROPFIND", b"M-SEARCH", b"G\xc3\x89T", b'"GET"'):
        yield "method %r" % method[:10], request(method, target), (400, 405, 414, 431, 501), False
    for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/3", b"http/1.1", b"HTTP/1.1 x",
                    b"HTTP/11", b"HTTP/1.", b"HTTP/", b"FTP/1.1", b"HTTP/1.1\t", b"HTTP/-1.1"):
        yield "version %r" % version, get(version=version), (400, 505), False
    yield "HTTP/0.9", b"GET /healthz\r\n\r\n", (400, 505), False
    yield "HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", \
        (400, 405, 501, 505), False
    yield "TLS's hello", bytes.fromhex("16030100a5010000a10303") + bytes(range(200)), (400,), False
    yield "SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", (400, 501), False
    yield "a SOCKS greeting", b"\x05\x02\x00\x01\r\n\r\n", (400,), False
    yield "the PROXY protocol", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(), (400, 501), False
    yield "NULs only", b"\0" * 5000, (400, 431), False
    yield "an upgrade", get(b"Connection: Upgrade", b"Upgrade: websocket",
                            b"Sec-WebSocket-Key: eA==", b"Sec-WebSocket-Version: 13"), (404,), None
    yield "an upgrade to h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                                   b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), (404,), None


# ---- addresses -----------------------------------------------------------------------------------

def addresses():
    for path in ("//", "/assets", "/assets/", "/assets/a/b", "/api", "/api/",
                 "//api/runs", "/api//runs", "/api/runs/", "/API/RUNS",
                 "/api/runs/..;/", "/api/./runs", "/api/runs/../runs", "/api/runs;x", "/api/detect/",
                 "/%61pi/runs", "/api%2fruns", "/api/runs%00", "/api/runs%20", "/api/detect%00",
                 "/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/healthz/", "/healthz%00",
                 "/metrics/..", "/openapi.json/", "/openapi.yaml", "/favicon.ico", "/.env",
                 "/.git/config", "/api/runs/%s/" % UNKNOWN, "/api/runs/%s/events/" % UNKNOWN,
                 "/api/runs/%s/files" % UNKNOWN, "/api/runs/%s/files/" % UNKNOWN, "/a" * 4000,
                 "/api/runs//events", "/api/apps//parameters", "/api/stats/", "/api/runs/a/b/c/d",
                 "/api/runs/%s/log" % UNKNOWN, "/v1", "/v2", "/cgi-bin/x"):
        yield "GET " + path[:40], request(b"GET", path), (404,), True
        yield "POST " + path[:40], post(path, b"{}", b"application/json"), (404,), True
    for path in ("/v1/", "/v1/workflows/run", "/v1/files/upload", "/v1/..", "/v1/%2e%2e/x"):
        yield "GET " + path, request(b"GET", path), (401,), True  # without a key
        yield "POST " + path, post(path, b"{}", b"application/json"), (401,), True
    ids = ["%2e%2e", "%2e%2e%2f%2e%2e", "..", ".", "%00", "%", "%zz", "%ff%fe", "a" * 255, "a" * 256,
           "a" * 10000, UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.upper() + "x", "{" + UNKNOWN + "}",
           "' OR 1=1 --".replace(" ", "+"), "1;DROP", "%27%3b", "*", "-1", "0", "null", "undefined",
           "%0d%0aX:y", "%s%n%x", "${jndi}", "<script>", "\\..\\", "a;b=c", "a:b", "@", "~root",
           "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    for what in ids:
        for tail in ("", "/events", "/form", "/files/1", "/files/" + what[:3000]):
            yield "GET id %s%s" % (what[:20], tail[:20]), request(
                b"GET", "/api/runs/" + what + tail), (400, 404), None
        for tail, body in (("/stop", b""), ("/feedback", b'{"rating": "like"}'),
                           ("/form", b'{"action": "a"}')):
            yield "POST id %s%s" % (what[:20], tail), post(
                "/api/runs/" + what + tail, body, b"application/json"), (400, 404), None
        yield "GET app " + what[:20], request(b"GET", "/api/apps/%s/parameters" % what), \
            (400, 404), None
    for target in ("*", "", "api/runs", "http://", "http:///x", "http://b.example/healthz",
                   "https://a.example@b/healthz", "a.example:80", "?x", "/a b", "/\x00", "/\x7f",
                   "/#a", "/\ud800"):
        yield "target %r" % target, request(b"GET", target.encode("utf-8", "surrogatepass")), \
            (400, 404, 405, 421), None


def queries():
    texts = ["", "-1", "+1", "0", "1e3", "0x10", "1.5", "99999999999999999999999", "NaN", "null",
             "%00", "%ff", "a" * 256, "a" * 9000, "1%201", "١", "true", "1,2", "[1]", "%", "%zz"]
    lists = {"limit": texts[1:], "cursor": [text for text in texts[1:] if text != "0"],
             "since": ["yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                       "2026-01-01T24:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "-1", "1e9",
                       "9" * 30, "253402300800", "%00", "2026-01-01T00:00:00%2B99:99", "a" * 256,
                       "2026-01-01T00:00:00.Z", "1.", ".5", "1.x"],
             "status": ["queued", "%00", "a" * 256],
             "user": ["%00", "%ff", "a" * 256], "q": ["%00", "%ff", "a" * 256, "a" * 9000]}
    lists["until"] = lists["since"]
    for name, values in lists.items():
        for value in values:
            yield "list: %s=%s" % (name, value[:20]), request(
                b"GET", "/api/runs?%s=%s" % (name, value)), (400,), True
        yield "list: %s twice" % name, request(b"GET", "/api/runs?%s=1&%s=1" % (name, name)), \
            (400,), True
    for value in lists["since"]:
        yield "stats: since=" + value[:20], request(b"GET", "/api/stats?since=" + value), (400,), \
            True
    for value in texts[1:] + ["101"]:
        yield "stats: buckets=" + value[:20], request(
            b"GET", "/api/stats?since=1&buckets=" + value), (400,), True
    for value in ("%00", "%ff", "nobody", "a" * 256, "a" * 9000):
        yield "app=" + value[:20], post(
            "/api/runs?app=" + value, b'{"inputs": {"word": "a"}}', b"application/json"), \
            (400, 404), True
        yield "form: token=" + value[:20], request(
            b"GET", "/api/runs/%s/form?token=%s" % (UNKNOWN, value)), (400, 404), True


# ---- fields that the gateway reads ---------------------------------------------------------------

def own_fields():
    for name, key in (("empty", b""), ("256", b"k" * 256), ("10,000", b"k" * 10000),
                      ("a tab", b"a\tb"), ("DEL", b"a\x7fb"), ("a control", b"a\x01")):
        yield "Idempotency-Key: " + name, post(
            "/api/runs", b'{"inputs": {"word": "a"}}', b"application/json",
            b"Idempotency-Key: " + key), (400,), None
    for name, key in (("255", b"k" * 255), ("UTF-8", "水".encode()), ("quotes", b'"a"'),
                      ("0xFF", b"\xff"), ("twice", b"a\r\nIdempotency-Key: b")):
        yield "Idempotency-Key and no input: " + name, post(
            "/api/runs", b'{"inputs": {}}', b"application/json", b"Idempotency-Key: " + key), \
            (400,), True
    for value in (b"1", b"1-2-3", b"-1", b"-1--1", b"4294967296-1", b"1-4294967296", b"9" * 5000,
                  b"1-" + b"9" * 300, b"%00", b"a-b", b" ", b"\xff", b"-", b"0-0", b"1-0x2"):
        yield "Last-Event-ID %r of no run" % value[:20], request(
            b"GET", "/api/runs/%s/events" % UNKNOWN, b"Last-Event-ID: " + value), (404,), True
    for name in (b"Accept", b"Prefer", b"Accept-Encoding", b"Accept-Language", b"Cookie", b"Range",
                 b"If-None-Match", b"X-Forwarded-For", b"Authorization", b"Connection", b"Via"):
        for value in (b",".join([b"a"] * 5000), b",,,;;;===", b"q=" + b"9" * 500, b"\xff\xfe"):
            yield "%s of %d bytes" % (name.decode(), len(value)), request(
                b"GET", "/api/runs/" + UNKNOWN, name + b": " + value), (404,), None


def small_bodies():
    """Of the routes beside runs."""
    for tail in ("feedback", "form"):
        path = "/api/runs/%s/%s" % (UNKNOWN, tail)
        for name, body in json_bodies():
            yield "%s: %s" % (tail, name), post(path, body, b"application/json"), (400, 404, 413), \
                None
        for kind in (b"text/plain", b"multipart/form-data; boundary=x", b"", b"application/jsonx"):
            yield "%s as %s" % (tail, kind.decode()), post(path, b"{}", kind), (415,), True
        yield tail + " too large", post(path, b'{"comment": "%s"}' % (b"a" * (5 * MIB)),
                                        b"application/json"), (413,), None
    for name, body in (
            ("no rating", "{}"), ("another word", '{"rating": "love"}'), ("a number",
             '{"rating": 1}'), ("in capitals", '{"rating": "LIKE"}'), ("a NUL",
             '{"rating": "like\\u0000"}'), ("a comment alone", '{"comment": "a"}'),
            ("a comment that is a list", '{"rating": "like", "comment": []}'),
            ("a comment with NUL", '{"rating": "like", "comment": "\\u0000"}'),
            ("a comment of 4,097", '{"rating": "like", "comment": "%s"}' % ("c" * 4097)),
            ("an unknown member", '{"rating": "like", "x": 1}')):
        yield "feedback: " + name, post("/api/runs/%s/feedback" % UNKNOWN, body.encode(),
                                        b"application/json"), (400,), True
    for name, body in (
            ("no action", "{}"), ("a number", '{"action": 1}'), ("an empty one", '{"action": ""}'),
            ("a NUL", '{"action": "a\\u0000"}'), ("256", '{"action": "%s"}' % ("a" * 256)),
            ("inputs that are a list", '{"action": "a", "inputs": []}'),
            ("a token that is a number", '{"action": "a", "token": 1}'),
            ("a token of 5,000", '{"action": "a", "token": "%s"}' % ("t" * 5000)),
            ("an unknown member", '{"action": "a", "x": 1}')):
        yield "form: " + name, post("/api/runs/%s/form" % UNKNOWN, body.encode(),
                                    b"application/json"), (400,), True


# ---- random ones ---------------------------------------------------------------------------------

def mutated(seed, count):
    """Good requests with some bytes changed; what they come to is not known, but that it is an
    answer or an end. None of them can be a good run: what it has to have is missing."""
    source = random.Random(seed)
    good = [post("/api/runs", field(b"other") + file(b"pic", b"a.png") + END, FORM),
            post("/api/detect", field(b"other") + END, FORM),
            post("/api/runs", b'{"inputs": {"other": "a"}, "user": "u"}', b"application/json"),
            chunked("/api/runs", b"application/json", b"4\r\n{\"in\r\n8\r\nputs\":{}\r\n1\r\n}\r\n"
                    b"0\r\n\r\n"),
            request(b"GET", "/api/runs?limit=5&since=2026-01-01T00:00:00Z&q=abc"),
            request(b"GET", "/api/stats?since=1000&until=2000&buckets=7"),
            request(b"GET", "/api/runs/%s/events" % UNKNOWN, b"Last-Event-ID: 1-5"),
            post("/api/runs/%s/feedback" % UNKNOWN, b'{"rating": "like"}', b"application/json")]
    for number in range(count):
        data = bytearray(source.choice(good))
        for _ in range(source.choice((1, 1, 2, 5))):
            at = source.randrange(len(data))
            what = source.randrange(4)
            if what == 0:
                data[at] = source.randrange(256)
            elif what == 1:
                del data[at:at + source.randrange(1, 9)]
            elif what == 2:
                data[at:at] = bytes(source.randrange(256) for _ in range(source.randrange(1, 9)))
            else:
                data[at:at] = data[at:at + source.randrange(1, 60)]
        yield "changed %d" % number, bytes(data), None, None


def all_probes(seed, random_count):
    found = []
    for group in (form_types, forms, runs_json, framing, heads, addresses, queries, own_fields,
                  small_bodies):
        found += [("%s: %s" % (group.__name__, probe[0]),) + probe[1:] for probe in group()]
    return found + list(mutated(seed, random_count))
