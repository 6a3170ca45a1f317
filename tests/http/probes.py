"""The probes of smuggling.py: bytes, and what may come of them. Data only.

A probe is (name, bytes, verdict). `TARGET` is a path that the server has no route for, so that a
request which is taken gets the application's 404 and one which is refused gets a status of the
HTTP layer; `PLANTED` is a request planted where only a misread of the message before would find it.
"""

TARGET = b"/probe"
HOST = b"Host: a.example\r\n"
PLANTED = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"

# Verdicts
REFUSED = ("refused", None)  # one answer of the HTTP layer, or none; then the connection is closed


def status(*allowed):
    """Refused, and if there is an answer then with one of these."""
    return ("refused", allowed)


BROKEN = ("broken", None)  # the body is none: as refused, or the answer of an application that did
#                            not wait for the body; never a further one


def taken(count):
    """Exactly `count` answers, all of the application; then closed, as the last request wants."""
    return ("taken", count)


def either(count):
    """HTTP leaves it open: refused, or taken as exactly `count` requests."""
    return ("either", count)


def head(*fields, method=b"POST", target=TARGET, version=b"HTTP/1.1", host=HOST):
    return b"%s %s %s\r\n%s%s\r\n" % (method, target, version, host,
                                      b"".join(field + b"\r\n" for field in fields))


def get(*fields, **more):
    return head(*fields, method=b"GET", **more)


def chunked(body, *fields):
    return head(b"Transfer-Encoding: chunked", *fields) + body


def with_length(value, body):
    return head(b"Content-Length: " + value) + body


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def lengths_and_encodings():
    """CL.TE and TE.CL, and every way of hiding one from somebody."""
    inner = b"0\r\n\r\n" + PLANTED
    both = [(b"Content-Length: %d" % len(inner), b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(inner))]
    for order, fields in zip(("CL.TE", "TE.CL"), both):
        yield order, head(*fields) + inner, status(400)
    yield "TE.CL with a chunk that holds a request", head(
        b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (
            len(PLANTED), PLANTED), status(400)
    yield "CL.TE where both agree", head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + \
        b"0\r\n\r\n", status(400)
    yield "CL 0 and TE", head(b"Content-Length: 0", b"Transfer-Encoding: chunked") + CHUNKS, \
        status(400)
    yield "CL and TE: identity", head(b"Content-Length: 5", b"Transfer-Encoding: identity") + \
        b"hello" + PLANTED, REFUSED
    yield "CL and an empty TE", head(b"Content-Length: 5", b"Transfer-Encoding:") + b"hello" + \
        PLANTED, REFUSED
    yield "CL and TE in a GET", get(b"Content-Length: %d" % len(inner),
                                    b"Transfer-Encoding: chunked") + inner, status(400)
    yield "two equal TE", chunked(CHUNKS + PLANTED, b"Transfer-Encoding: chunked"), REFUSED
    yield "TE.TE: chunked, then another", chunked(inner, b"Transfer-Encoding: cow"), REFUSED
    yield "TE.TE: another, then chunked", head(b"Transfer-Encoding: cow",
                                               b"Transfer-Encoding: chunked") + inner, REFUSED
    yield "TE.TE: identity, then chunked", head(b"Transfer-Encoding: identity",
                                                b"Transfer-encoding: chunked") + inner, REFUSED
    yield "TE in HTTP/1.0", head(b"Transfer-Encoding: chunked", version=b"HTTP/1.0") + inner, \
        REFUSED
    yield "TE in HTTP/1.0 with keep-alive and CL", head(
        b"Connection: keep-alive", b"Content-Length: 5", b"Transfer-Encoding: chunked",
        version=b"HTTP/1.0") + inner, REFUSED

    # A value that is not exactly "chunked". Whoever ignores it sees no body, and a second request.
    values = {
        "x": b"chunked, x", "x in front": b"x, chunked", "gzip": b"gzip, chunked",
        "gzip behind": b"chunked, gzip", "twice": b"chunked, chunked", "identity": b"identity",
        "identity and chunked": b"identity, chunked", "chunked and identity": b"chunked, identity",
        "empty": b"", "unknown": b"cow", "longer": b"chunkedx", "shorter": b"chunke",
        "in front of it a letter": b"xchunked", "quoted": b'"chunked"', "single quotes":
        b"'chunked'", "parameter": b"chunked;x=y", "semicolon": b"chunked;", "comma": b"chunked,",
        "comma in front": b",chunked", "NUL behind": b"chunked\x00", "NUL in front":
        b"\x00chunked", "NUL within": b"chu\x00nked", "vertical tab in front": b"\x0bchunked",
        "vertical tab behind": b"chunked\x0b", "form feed": b"\x0cchunked", "0xFF in front":
        b"\xffchunked", "no-break space": b"\xa0chunked", "UTF-8 no-break space":
        b"\xc2\xa0chunked", "long s": "chun\u212aed".encode(), "backspace": b"\x08chunked",
        "DEL": b"chunked\x7f", "bare CR in front": b"\rchunked", "bare CR behind": b"chunked\r",
        "bare CR within": b"chun\rked", "brackets": b"[chunked]", "two spaces and a word":
        b"chunked  x", "colon": b": chunked", "equals": b"=chunked", "percent": b"%63hunked",
        "backslash": b"\\chunked", "newline escaped": b"chunked\\r\\n",
    }
    for name, value in values.items():
        yield "TE value: " + name, head(b"Transfer-Encoding: " + value) + inner, REFUSED
        if name in ("unknown", "x", "NUL behind", "vertical tab in front", "identity", "0xFF in front"):
            yield "CL and TE value: " + name, head(
                b"Content-Length: %d" % len(inner), b"Transfer-Encoding: " + value) + inner, REFUSED

    # A name that somebody might take for it. The ones that are names are other fields: then the
    # length counts, and what is in the body is body.
    names = [b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
             b" Transfer-Encoding: chunked", b"\tTransfer-Encoding: chunked",
             b"Transfer-Encoding\x00: chunked", b"\x00Transfer-Encoding: chunked",
             b"Transfer-Encoding\x0b: chunked", b"Transfer\x0bEncoding: chunked",
             b"Transfer Encoding: chunked", b"Transfer-Encoding", b"Transfer-Encoding chunked",
             b"Transfer-Encoding\xff: chunked", b"\xffTransfer-Encoding: chunked",
             b"Transfer-Encoding\r: chunked", b"\rTransfer-Encoding: chunked",
             b"Transfer-Encoding\n: chunked", b"Foo: bar\nTransfer-Encoding: chunked",
             b"Foo: bar\rTransfer-Encoding: chunked", b"Foo: bar\r\rTransfer-Encoding: chunked",
             b"Foo: bar\n\rTransfer-Encoding: chunked", b'"Transfer-Encoding": chunked',
             b"Transfer-Encoding\\: chunked", b"Transfer-Encoding;x: chunked",
             b"Transfer-Encoding=x: chunked", b"(x)Transfer-Encoding: chunked",
             b"Transfer-Encoding\xc2\xa0: chunked", b": chunked", b"Transfer-\r\n Encoding: chunked",
             b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding:\n chunked",
             b"Transfer-Encoding: \r\n\tchunked", b"Foo:\r\n Transfer-Encoding: chunked",
             b"Transfer-Encoding:\r\n \r\n chunked", b"@Transfer-Encoding: chunked",
             b"Transfer/Encoding: chunked"]
    for name in names:
        yield "field line %r" % name.decode("latin-1"), head(
            b"Content-Length: %d" % len(inner), name) + inner + LAST, REFUSED
        if b"\r\n" not in name and name.lstrip() != name:
            yield "first field line %r" % name.decode("latin-1"), head(
                name, b"Content-Length: %d" % len(inner), HOST[:-2], host=b"") + inner + LAST, \
                REFUSED
    yield "tabs around chunked", head(b"Transfer-Encoding:\t chunked \t") + CHUNKS + LAST, either(2)
    for name in (b"Transfer_Encoding", b"X-Transfer-Encoding", b"Transfer-Encodin", b"TransferEncoding",
                 b"Transfer-Encoding2", b"HTTP_TRANSFER_ENCODING"):
        yield "other field %s" % name.decode(), head(
            b"Content-Length: %d" % len(inner), name + b": chunked") + inner + LAST, either(2)
    yield "other field Content_Length", head(
        b"Content-Length: %d" % len(inner), b"Content_Length: 0") + inner + LAST, either(2)


def lengths():
    """Content-Length. Five bytes follow, or a request planted for who takes it for 0."""
    body = b"hello" + PLANTED
    values = {
        "plus": b"+5", "minus": b"-5", "minus zero": b"-0", "hexadecimal": b"0x5",
        "octal": b"0o5", "underscore": b"1_0", "underscore in front": b"_5", "decimal point":
        b"5.0", "exponent": b"5e0", "letter behind": b"5a", "letter in front": b"a5", "comma": b"5,",
        "list of equal ones": b"5, 5", "list of others": b"5, 6", "list with zero": b"0, 5",
        "semicolon": b"5;", "parameter": b"5;x=y", "two numbers": b"5 5", "two numbers, tab":
        b"5\t5", "quoted": b'"5"', "empty": b"", "NUL behind": b"5\x00", "NUL in front": b"\x005",
        "vertical tab": b"\x0b5", "form feed behind": b"5\x0c", "bare CR behind": b"5\r",
        "bare CR in front": b"\r5", "folded": b"\r\n 5", "folded behind": b"5\r\n ",
        "folded digits": b"5\r\n 5", "Arabic-Indic digit": "٥".encode(),
        "full-width digit": "５".encode(), "superscript": b"\xb2", "Latin-1 no-break space": b"\xa05",
        "2^63": b"9223372036854775808", "2^64": b"18446744073709551616",
        "2^64 + 5": b"18446744073709551621", "2^32 + 5 of 2^64": b"18446744078004518917",
        "a hundred digits": b"1" + b"0" * 99, "infinity": b"inf", "NaN": b"nan", "true": b"true",
        "percent": b"%35", "colon": b": 5", "brackets": b"[5]", "calculation": b"2+3",
    }
    for name, value in values.items():
        yield "CL value: " + name, with_length(value, body), REFUSED
    yield "CL larger than any body", with_length(b"9223372036854775800", body), status(400, 413)
    yield "CL leading zeros", with_length(b"00005", b"hello" + LAST), either(2)
    yield "CL white space around", with_length(b" \t 5 \t ", b"hello" + LAST), either(2)
    for name, fields in {
            "two equal": (b"Content-Length: 5", b"Content-Length: 5"),
            "two others": (b"Content-Length: 5", b"Content-Length: 6"),
            "zero, then one": (b"Content-Length: 0", b"Content-Length: 5"),
            "one, then zero": (b"Content-Length: 5", b"Content-Length: 0"),
            "one, then a bad one": (b"Content-Length: 5", b"Content-Length: x"),
            "one, then an empty one": (b"Content-Length: 5", b"Content-Length:"),
            "two in other cases": (b"Content-Length: 5", b"content-length: 50"),
            "three": (b"Content-Length: 5",) * 3,
    }.items():
        yield "CL fields: " + name, head(*fields) + body, REFUSED
    for name in (b"Content-Length : 5", b"Content-Length\t: 5", b" Content-Length: 5", b"Content-Length\x00: 5",
                 b"Content Length: 5", b"Content-Length", b"Content-Length 5", b"Content-Length\x0b: 5",
                 b"Foo: bar\nContent-Length: 5", b"Foo: bar\rContent-Length: 5",
                 b"\xc2\xa0Content-Length: 5", b"Content-Length\xad: 5"):
        yield "field line %r" % name.decode("latin-1"), head(name) + body, REFUSED


def bodies():
    """Requests that somebody believes to have no body, or another one."""
    inner = PLANTED
    length = b"Content-Length: %d" % len(inner)
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
        yield "CL.0: a body in %s" % method.decode(), head(length, method=method) + inner + LAST, \
            either(2)
    yield "CL.0: a body in POST", head(length) + inner + LAST, either(2)
    yield "chunks in GET", get(b"Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (
        len(inner), inner) + LAST, either(2)
    yield "CL.0: Connection: Content-Length", head(length, b"Connection: Content-Length") + inner + \
        LAST, either(2)
    yield "Connection: Transfer-Encoding", chunked(CHUNKS + LAST, b"Connection: Transfer-Encoding"), \
        either(2)
    yield "a body in HTTP/1.0 with keep-alive", head(
        length, b"Connection: keep-alive", version=b"HTTP/1.0") + inner + LAST, either(2)
    for value in (b"100-continue", b"100-Continue"):
        yield "Expect: %s with the body" % value.decode(), head(length, b"Expect: " + value) + \
            inner + LAST, either(2)
    yield "Expect in GET without a body", get(b"Expect: 100-continue") + LAST, either(2)
    for value in (b"y 100-continue", b"100-continue, x", b"x", b"", b"100-continu", b"200-ok",
                  b"\x0b100-continue", b"100-continue\x00", b"100-continue;x"):
        yield "Expect: %r" % value.decode("latin-1"), head(length, b"Expect: " + value) + inner + \
            LAST, REFUSED if b"\x0b" in value or b"\x00" in value else either(2)
    yield "Expect folded", head(length, b"Expect:\r\n 100-continue") + inner, REFUSED
    for fields in ((b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
                   (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
                   (b"Connection: Upgrade", b"Upgrade: TLS/1.0"),
                   (b"Upgrade: h2c",)):
        yield "%s" % fields[-1].decode().split("\r")[0], get(*fields) + LAST, either(2)
        yield "%s with a body" % fields[-1].decode(), head(*fields, length) + inner + LAST, either(2)


def chunks():
    """What frames a chunk. What follows a bad one is never a request."""
    bad = {
        "no digits": b"\r\nhello\r\n0\r\n\r\n", "a letter": b"g\r\nhello\r\n0\r\n\r\n",
        "0x": b"0x5\r\nhello\r\n0\r\n\r\n", "plus": b"+5\r\nhello\r\n0\r\n\r\n",
        "minus": b"-5\r\nhello\r\n0\r\n\r\n", "minus zero": b"-0\r\n\r\n",
        "underscore": b"0_5\r\nhello\r\n0\r\n\r\n", "space in front": b" 5\r\nhello\r\n0\r\n\r\n",
        "tab in front": b"\t5\r\nhello\r\n0\r\n\r\n", "space within": b"0 5\r\nhello\r\n0\r\n\r\n",
        "NUL behind": b"5\x00\r\nhello\r\n0\r\n\r\n", "vertical tab": b"5\x0b\r\nhello\r\n0\r\n\r\n",
        "comma": b"5,5\r\nhello\r\n0\r\n\r\n", "point": b"5.0\r\nhello\r\n0\r\n\r\n",
        "full-width digit": "５".encode() + b"\r\nhello\r\n0\r\n\r\n",
        "2^64": b"10000000000000000\r\nhello\r\n0\r\n\r\n",
        "2^64 + 5": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        "2^32 + 5 beyond 2^64": b"100000001000000005\r\nhello\r\n0\r\n\r\n",
        "2^64 - 1": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "2^63": b"8000000000000000\r\nhello\r\n0\r\n\r\n",
        "thirty digits": b"5" * 30 + b"\r\nhello\r\n0\r\n\r\n",
        "too short": b"4\r\nhello\r\n0\r\n\r\n", "too long": b"6\r\nhello\r\n0\r\n\r\n",
        "LF behind the size": b"5\nhello\r\n0\r\n\r\n", "CR behind the size": b"5\rhello\r\n0\r\n\r\n",
        "CR X behind the size": b"5\rXhello\r\n0\r\n\r\n", "CR CR LF behind the size":
        b"5\r\r\nhello\r\n0\r\n\r\n", "LF behind the data": b"5\r\nhello\n0\r\n\r\n",
        "CR behind the data": b"5\r\nhello\r0\r\n\r\n", "nothing behind the data":
        b"5\r\nhello0\r\n\r\n", "two bytes behind the data": b"5\r\nhelloXX0\r\n\r\n",
        "LF LF behind the data": b"5\r\nhello\n\n0\r\n\r\n", "CR CR behind the data":
        b"5\r\nhello\r\r0\r\n\r\n", "LF behind the last size": b"5\r\nhello\r\n0\n\r\n",
        "LF as the end": b"5\r\nhello\r\n0\r\n\n", "LF LF as the end": b"5\r\nhello\r\n0\n\n",
        "CR CR as the end": b"5\r\nhello\r\n0\r\r", "X as the end": b"5\r\nhello\r\n0\r\nX\r\n\r\n",
        "CR X as the end": b"5\r\nhello\r\n0\r\n\rX",
        "a colon line as trailer": b"0\r\n: x\r\n\r\n", "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
        "a space first in the trailer": b"0\r\n A: b\r\n\r\n",
        "a space in front of a trailer's colon": b"0\r\nA : b\r\n\r\n",
        "NUL in a trailer": b"0\r\nA: b\x00\r\n\r\n", "LF behind a trailer": b"0\r\nA: b\n\r\n",
        "CR within a trailer": b"0\r\nA: b\rc\r\n\r\n",
        "NUL in an extension": b"5;a\x00\r\nhello\r\n0\r\n\r\n",
        "LF behind an extension": b"5;a\nhello\r\n0\r\n\r\n",
        "LF behind a semicolon": b"5;\nhello\r\n0\r\n\r\n",
        "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        "LF within quotes": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
        "CRLF within quotes": b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n',
        "LF in the last extension": b"5\r\nhello\r\n0;\n\r\n",
        "TERM.EXT": b"2;\nxx\r\n%x\r\n0\r\n\r\n" % len(PLANTED),
        "extension without semicolon": b"5 a=b\r\nhello\r\n0\r\n\r\n",
        "a control character in an extension": b"5;a=\x01\r\nhello\r\n0\r\n\r\n",
        "no last chunk, a request instead": b"5\r\nhello\r\n",
    }
    for name, body in bad.items():
        yield "chunk: " + name, chunked(body + PLANTED + LAST), BROKEN
    open_to_both = {
        "leading zeros": b"0000000005\r\nhello\r\n0\r\n\r\n",
        "capital digits": b"A\r\nhellohello\r\n0\r\n\r\n", "space behind the size":
        b"5 \r\nhello\r\n0\r\n\r\n", "an extension": b"5;a=b\r\nhello\r\n0;c\r\n\r\n",
        "an extension in quotes": b'5;a="b;c"\r\nhello\r\n0\r\n\r\n',
        "white space around an extension": b"5 ; a = b\r\nhello\r\n0\r\n\r\n",
        "a semicolon alone": b"5;\r\nhello\r\n0\r\n\r\n",
        "zeros as the last": b"5\r\nhello\r\n000\r\n\r\n", "a trailer": b"0\r\nX-A: b\r\n\r\n",
        "a large chunk size that fits": b"00000000000000000000005\r\nhello\r\n0\r\n\r\n",
        "a request within a chunk": b"%x\r\n%s\r\n0\r\n\r\n" % (len(PLANTED), PLANTED),
    }
    for name, body in open_to_both.items():
        yield "chunk: " + name, chunked(body + LAST), either(2)
    for name in (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: b.example",
                 b"Connection: close", b"Authorization: Bearer x"):
        yield "trailer %s" % name.decode(), chunked(b"0\r\n%s\r\n\r\n" % name + LAST), BROKEN
    yield "very long extensions", chunked(b"5;" + b"a" * 20000 + b"\r\nhello\r\n0\r\n\r\n" + LAST), \
        BROKEN
    yield "very many extensions", chunked(b"1;aaaaaaaaaaaaaaaa\r\nx\r\n" * 5000 + b"0\r\n\r\n" + LAST), \
        BROKEN
    yield "very long trailers", chunked(b"0\r\nA: " + b"a" * 200000 + b"\r\n\r\n" + LAST), BROKEN
    yield "very many trailers", chunked(b"0\r\n" + b"A: b\r\n" * 5000 + b"\r\n" + LAST), BROKEN
    yield "endless zeros", chunked(b"0" * 100000 + b"5\r\nhello\r\n0\r\n\r\n" + LAST), either(2)


def request_lines():
    rest = HOST + b"\r\n" + PLANTED
    lines = {
        "HTTP/0.9": b"GET /probe\r\n", "HTTP/0.9 by LF": b"GET /probe\n", "no version, a space":
        b"GET /probe \r\n", "no target": b"GET HTTP/1.1\r\n", "an empty target": b"GET  HTTP/1.1\r\n",
        "two spaces": b"GET  /probe HTTP/1.1\r\n", "two spaces later": b"GET /probe  HTTP/1.1\r\n",
        "a tab": b"GET\t/probe HTTP/1.1\r\n", "a tab later": b"GET /probe\tHTTP/1.1\r\n",
        "a vertical tab": b"GET\x0b/probe HTTP/1.1\r\n", "a vertical tab later":
        b"GET /probe\x0bHTTP/1.1\r\n", "a form feed": b"GET /probe\x0cHTTP/1.1\r\n",
        "a no-break space": b"GET\xa0/probe HTTP/1.1\r\n", "a CR": b"GET\r/probe HTTP/1.1\r\n",
        "a CR later": b"GET /probe\rHTTP/1.1\r\n", "a NUL": b"GET /pro\x00be HTTP/1.1\r\n",
        "a space in front": b" GET /probe HTTP/1.1\r\n", "a tab in front": b"\tGET /probe HTTP/1.1\r\n",
        "a space behind": b"GET /probe HTTP/1.1 \r\n", "a tab behind": b"GET /probe HTTP/1.1\t\r\n",
        "a word behind": b"GET /probe HTTP/1.1 x\r\n", "a space in the target":
        b"GET /probe x HTTP/1.1\r\n", "two versions": b"GET /probe HTTP/1.1 HTTP/1.1\r\n",
        "http in lower case": b"GET /probe http/1.1\r\n", "HTTP 1.1": b"GET /probe HTTP 1.1\r\n",
        "HTTP/1": b"GET /probe HTTP/1\r\n", "HTTP/1.": b"GET /probe HTTP/1.\r\n",
        "HTTP/.1": b"GET /probe HTTP/.1\r\n", "HTTP/11": b"GET /probe HTTP/11\r\n",
        "HTTP/1.10": b"GET /probe HTTP/1.10\r\n", "HTTP/01.1": b"GET /probe HTTP/01.1\r\n",
        "HTTP/1.01": b"GET /probe HTTP/1.01\r\n", "HTTP/ 1.1": b"GET /probe HTTP/ 1.1\r\n",
        "HTTP/1 .1": b"GET /probe HTTP/1 .1\r\n", "HTTP/1,1": b"GET /probe HTTP/1,1\r\n",
        "HTTP//1.1": b"GET /probe HTTP//1.1\r\n", "HTTPS/1.1": b"GET /probe HTTPS/1.1\r\n",
        "ICE/1.0": b"GET /probe ICE/1.0\r\n", "RTSP/1.0": b"GET /probe RTSP/1.0\r\n",
        "HTTP/1.1 in full width": "GET /probe HTTP/１.1\r\n".encode(), "HTTP/-1.1":
        b"GET /probe HTTP/-1.1\r\n", "get": b"get /probe HTTP/1.1\r\n", "Get":
        b"Get /probe HTTP/1.1\r\n", "G@T": b"G@T /probe HTTP/1.1\r\n", "G E T":
        b"G E T /probe HTTP/1.1\r\n", "GET with a NUL": b"GE\x00T /probe HTTP/1.1\r\n",
        "GET:": b"GET: /probe HTTP/1.1\r\n", "no method": b"/probe HTTP/1.1\r\n",
        "a line end as method": b"\r\n\r\nGET /probe HTTP/1.1\r\n", "LF in front":
        b"\nGET /probe HTTP/1.1\r\n", "CR in front": b"\rGET /probe HTTP/1.1\r\n",
        "a BOM in front": b"\xef\xbb\xbfGET /probe HTTP/1.1\r\n", "a quote": b'"GET" /probe HTTP/1.1\r\n',
        "LF at the end": b"GET /probe HTTP/1.1\n", "CR at the end": b"GET /probe HTTP/1.1\r",
        "CR CR LF at the end": b"GET /probe HTTP/1.1\r\r\n", "a fragment":
        b"GET /probe#x HTTP/1.1\r\n", "no slash": b"GET probe HTTP/1.1\r\n", "a raw byte":
        b"GET /pr\xf6be HTTP/1.1\r\n", "raw UTF-8": "GET /pröbe HTTP/1.1\r\n".encode(),
        "a DEL": b"GET /pro\x7fbe HTTP/1.1\r\n", "* in GET": b"GET * HTTP/1.1\r\n",
        "authority form in GET": b"GET a.example:80 HTTP/1.1\r\n", "** in OPTIONS":
        b"OPTIONS ** HTTP/1.1\r\n", "an SMTP command": b"HELO a.example\r\n", "a TLS hello":
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a SOCKS greeting": b"\x05\x01\x00",
        "a PROXY line": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /probe HTTP/1.1\r\n",
        "an answer": b"HTTP/1.1 200 OK\r\n", "nothing but NULs": b"\x00" * 64,
    }
    for name, line in lines.items():
        yield "request line: " + name, line + rest, REFUSED
    for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9",
                    b"HTTP/0.0"):
        yield "version %s" % version.decode(), get(version=version) + PLANTED, status(400, 505)
    yield "HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", REFUSED
    for method in (b"CONNECT", b"TRACK", b"PRI", b"SOURCE", b"BREW", b"M-SEARCH", b"GETX",
                   b"PROPFIND", b"A" * 300):
        target = b"a.example:443" if method == b"CONNECT" else TARGET
        yield "method %s" % method[:20].decode(), head(method=method, target=target) + PLANTED, \
            status(400, 405, 501)
    yield "CONNECT to a path", head(method=b"CONNECT") + PLANTED, status(400, 405, 501)
    # what its body is, is beyond doubt, though it should have none (RFC 9110 section 9.3.8)
    yield "TRACE with a body", head(b"Content-Length: 5", method=b"TRACE") + b"hello" + LAST, taken(2)
    yield "TRACE with chunks", head(b"Transfer-Encoding: chunked", method=b"TRACE") + CHUNKS + \
        LAST, taken(2)
    for method in (b"TRACE", b"QUERY"):
        yield "method %s" % method.decode(), head(method=method) + LAST, taken(2)
    yield "QUERY with a body", head(b"Content-Length: 5", method=b"QUERY") + b"hello" + LAST, taken(2)
    yield "an empty line in front", b"\r\n" + get() + LAST, either(2)
    yield "absolute form", get(target=b"http://a.example/probe") + LAST, either(2)
    yield "absolute form, host in capitals", get(target=b"HTTP://A.EXAMPLE/probe") + LAST, either(2)
    yield "OPTIONS *", head(method=b"OPTIONS", target=b"*") + LAST, either(2)
    for target in (b"http://b.example/probe", b"http://a.example@b.example/probe",
                   b"http://b.example@a.example/probe", b"http:///probe", b"http://", b"http:/probe",
                   b"http://a.example:99999/probe", b"http://a.example\\@b.example/probe",
                   b"ftp://a.example/probe", b"javascript:x", b"http://a.example:80:80/probe",
                   b"http://a.example#/probe"):
        yield "absolute form %s" % target.decode(), get(target=target) + PLANTED, REFUSED
    yield "//b.example/probe is a path", get(target=b"//b.example/probe") + LAST, either(2)


def hosts():
    hosts = {
        "none": b"", "two": HOST * 2, "two others": HOST + b"Host: b.example\r\n", "two, one folded":
        HOST + b" Host: b.example\r\n", "empty": b"Host:\r\n", "userinfo": b"Host: u@a.example\r\n",
        "userinfo with a password": b"Host: u:p@a.example\r\n", "a path": b"Host: a.example/x\r\n",
        "a list": b"Host: a.example, b.example\r\n", "a space": b"Host: a.example b.example\r\n",
        "a scheme": b"Host: http://a.example\r\n", "a large port": b"Host: a.example:99999\r\n",
        "a port of letters": b"Host: a.example:x\r\n", "two ports": b"Host: a.example:80:80\r\n",
        "a question mark": b"Host: a.example?x\r\n", "a fragment": b"Host: a.example#x\r\n",
        "a backslash": b"Host: a.example\\x\r\n", "a NUL": b"Host: a.example\x00\r\n", "a raw byte":
        b"Host: \xe4.example\r\n", "an open bracket": b"Host: [::1\r\n", "brackets without address":
        b"Host: [x]\r\n", "space in front of the colon": b"Host : a.example\r\n", "first field folded":
        b" Host: a.example\r\n", "a tab within": b"Host: a\texample\r\n", "quotes":
        b'Host: "a.example"\r\n', "a bare CR": b"Host: a.example\rX\r\n", "with TE and two":
        HOST + b"Transfer-Encoding: chunked\r\n" + HOST,
    }
    for name, host in hosts.items():
        yield "host: " + name, get(host=host) + PLANTED, REFUSED
    for host in (b"a.example:8080", b"[::1]", b"[::1]:80", b"127.0.0.1", b"a-b.example."):
        yield "host: %s" % host.decode(), get(host=b"Host: %s\r\n" % host) + LAST, taken(2)
    yield "host: none in HTTP/1.0", get(b"Connection: keep-alive", host=b"", version=b"HTTP/1.0") + \
        LAST, either(2)
    yield "host: two in HTTP/1.0", get(host=HOST * 2, version=b"HTTP/1.0") + PLANTED, REFUSED


def fields():
    bad = {
        "no colon": b"hello", "an empty name": b": x", "a space in the name": b"A b: c",
        "a space behind the name": b"A : b", "a tab behind the name": b"A\t: b", "a NUL in the name":
        b"A\x00: b", "a NUL in the value": b"A: b\x00c", "a bare CR in the value": b"A: b\rc",
        "a bare CR at the end": b"A: b\r", "a bare LF": b"A: b\nC: d", "a line by LF CR": b"A: b\n\rC: d",
        "a folded line": b"A: b\r\n c", "a folded line by tab": b"A: b\r\n\tc", "a folded empty line":
        b"A: b\r\n ", "a first folded line": b" A: b", "a raw byte in the name": b"\xe4: b",
        "a quote in the name": b'"A": b', "a bracket in the name": b"(A): b", "an at in the name": b"@A: b",
        "a slash in the name": b"A/b: c", "a control character": b"A: \x01", "a DEL": b"A: \x7f",
        "a backspace": b"A: b\x08", "an escape": b"A: \x1b[0m", "a vertical tab": b"A: b\x0bc",
        "a request line": b"GET /x HTTP/1.1", "a lone CR line": b"\r", "a comma in the name": b"A,b: c",
        "a second request by LF": b"A: b\n\nGET /smuggled HTTP/1.1\nHost: a.example\n",
    }
    for name, line in bad.items():
        yield "field: " + name, get(line) + PLANTED, REFUSED
    yield "only LF", get().replace(b"\r\n", b"\n") + PLANTED.replace(b"\r\n", b"\n"), REFUSED
    yield "only CR", get().replace(b"\r\n", b"\r") + PLANTED.replace(b"\r\n", b"\r"), REFUSED
    yield "LF as the head's end", get()[:-2] + b"\n" + PLANTED, REFUSED
    yield "CR as the head's end", get()[:-2] + b"\r" + PLANTED, REFUSED
    yield "LF LF as the head's end", get()[:-4] + b"\n\n" + PLANTED, REFUSED
    yield "no end of the head", get()[:-2] + PLANTED, REFUSED
    yield "a hundred and one fields", get(*[b"X-%d: y" % i for i in range(101)]) + PLANTED, \
        status(400, 431)
    yield "very many fields", get(*[b"A: b"] * 50000) + PLANTED, status(400, 431)
    yield "a field of 1 MB", get(b"A: " + b"b" * 1000000) + PLANTED, status(400, 431)
    yield "a name of 1 MB", get(b"A" * 1000000 + b": b") + PLANTED, status(400, 431)
    yield "a target of 1 MB", get(target=b"/" + b"a" * 1000000) + PLANTED, status(400, 414, 431)
    yield "a method of 1 MB", b"A" * 1000000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", REFUSED
    yield "a version of 1 MB", b"GET / HTTP/1." + b"1" * 1000000 + b"\r\n" + HOST + b"\r\n", REFUSED
    yield "endless empty lines", b"\r\n" * 100000 + get() + PLANTED, REFUSED


def pipelines():
    """What follows a request that was taken. The last item is refused, those before are answered."""
    yield "garbage behind a request", get() + b"garbage\r\n\r\n" + PLANTED, ("mixed", 1)
    yield "garbage behind a body", with_length(b"5", b"hello" + b"X\r\n\r\n" + PLANTED), ("mixed", 1)
    yield "one byte too many behind a body", with_length(b"5", b"helloX" + PLANTED), ("mixed", 1)
    yield "a line end behind chunks, then garbage", chunked(CHUNKS + b"\r\n\r\n\r\n" + PLANTED), \
        ("mixed", 1)
    yield "a bad length behind two requests", get() + get() + with_length(b"x", PLANTED), ("mixed", 2)
    yield "Connection: close, then a request", get(b"Connection: close") + PLANTED, taken(1)
    yield "Connection: CLOSE in a list", get(b"Connection: x, CLOSE") + PLANTED, taken(1)
    yield "HTTP/1.0, then a request", get(version=b"HTTP/1.0") + PLANTED, taken(1)
    yield "close in a POST of chunks", chunked(CHUNKS + PLANTED, b"Connection: close"), taken(1)


def controls():
    """Good requests, so that a server which refuses everything fails too."""
    yield "GET", LAST, taken(1)
    yield "two GETs", get() + LAST, taken(2)
    yield "twenty GETs", get() * 19 + LAST, taken(20)
    yield "POST with a length", with_length(b"5", b"hello" + LAST), taken(2)
    yield "POST of nothing", with_length(b"0", LAST), taken(2)
    yield "POST without a length", head() + LAST, taken(2)
    yield "POST of chunks", chunked(CHUNKS + LAST), taken(2)
    yield "POST of many chunks", chunked(b"1\r\nx\r\n" * 200 + b"0\r\n\r\n" + LAST), taken(2)
    yield "POST of no chunks", chunked(b"0\r\n\r\n" + LAST), taken(2)
    yield "Chunked in capitals", head(b"TRANSFER-ENCODING: CHUNKED") + CHUNKS + LAST, taken(2)
    yield "spaces around chunked", head(b"Transfer-Encoding:   chunked  ") + CHUNKS + LAST, taken(2)
    yield "PUT with a length", head(b"Content-Length: 5", method=b"PUT") + b"hello" + LAST, taken(2)
    yield "DELETE", head(method=b"DELETE") + LAST, taken(2)
    yield "a body that is a request", with_length(b"%d" % len(PLANTED), PLANTED + LAST), taken(2)
    yield "an empty value", get(b"A:") + LAST, taken(2)
    yield "bytes above 127 in a value", get(b"A: \xe4\xff") + LAST, taken(2)
    yield "odd names", get(b"!#$%&'*+-.^_`|~: x", b"A_b: c") + LAST, taken(2)
    yield "ninety fields", get(*[b"X-%d: y" % i for i in range(90)]) + LAST, taken(2)
    yield "a query and escapes", get(target=b"/probe%2F?a=b&c=%00;:@!$'()*+,/?") + LAST, taken(2)
    yield "a long target", get(target=b"/" + b"a" * 4000) + LAST, taken(2)
    yield "HTTP/1.0", get(version=b"HTTP/1.0"), taken(1)
    yield "HTTP/1.0 with keep-alive", get(b"Connection: keep-alive", version=b"HTTP/1.0") + LAST, \
        taken(2)


def unfinished():
    """The client ends its side within a request: nothing that was not whole is answered with more
    than a refusal."""
    whole = chunked(CHUNKS)
    for at in (1, 3, 10, 20, len(whole) - 17, len(whole) - 13, len(whole) - 8, len(whole) - 3,
               len(whole) - 1):
        yield "cut at %d of %d" % (at, len(whole)), whole[:at], ("cut", 0)
    yield "a head without its last line end", get()[:-2], ("cut", 0)
    yield "a head without its last LF", get()[:-1], ("cut", 0)
    yield "half a body", with_length(b"10", b"hello"), ("cut", 0)
    yield "nothing at all", b"", ("cut", 0)


def all_probes():
    """(name, bytes, verdict) of every probe; names are unique."""
    groups = (controls, lengths_and_encodings, lengths, bodies, chunks, request_lines, hosts, fields,
              pipelines, unfinished)
    return [("%s: %s" % (group.__name__, name), data, verdict)
            for group in groups for name, data, verdict in group()]
