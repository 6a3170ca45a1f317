"""HTTP as bytes: requests sent as they are, answers taken apart without any help."""

import json
import re
import socket
import struct
import time

DEADLINE_S = 60  # a safety net: nothing waits for time to pass


class Broken(Exception):
    """The connection ended, or nothing came, where something had to come."""


class Connection:
    """One request on one connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.until = time.monotonic() + DEADLINE_S
        self.buffer = b""
        self.at_end = self.was_reset = False
        self.end = ""      # of the body: last-chunk, content-length, eof, eof-premature
        self.status, self.head = 0, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Leaves as one who is gone: the other side gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, request):
        try:
            self.socket.sendall(request)
        except OSError:
            pass  # it may be answered before it was read to its end

    def more(self):
        """False at the end of the connection."""
        if self.at_end:
            return False
        try:
            self.socket.settimeout(max(self.until - time.monotonic(), 0.001))
            got = self.socket.recv(65536)
        except socket.timeout as error:
            raise Broken("no end within %d s" % DEADLINE_S) from error
        except ConnectionError:
            got = b""
        self.at_end = not got
        self.buffer += got
        return bool(got)

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise Broken("the connection ended within a line: %r" % self.buffer[:80])
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, count):
        pieces, have = [], 0  # put together once: a body may be large
        while have + len(self.buffer) < count:
            pieces.append(self.buffer)
            have += len(self.buffer)
            self.buffer = b""
            if not self.more():
                self.buffer = b"".join(pieces)
                raise Broken("the connection ended within a body")
        pieces.append(self.buffer[:count - have])
        self.buffer = self.buffer[count - have:]
        return b"".join(pieces)

    def read_head(self):
        self.head = [self.line().decode("latin-1")]
        while True:
            line = self.line().decode("latin-1")
            if not line:
                break
            self.head.append(line)
        match = re.match(r"HTTP/1\.[01] (\d\d\d)", self.head[0])
        if match is None:
            raise Broken("no status line: %r" % self.head[0])
        self.status = int(match.group(1))
        return self

    def header(self, name):
        for line in self.head[1:]:
            if line.lower().startswith(name.lower() + ":"):
                return line.split(":", 1)[1].strip()
        return None

    def chunks(self):
        """The body's chunks, as they come; `end` is set behind the last one."""
        if (self.header("Transfer-Encoding") or "").lower() == "chunked":
            try:
                while True:
                    size = int(self.line(), 16)
                    chunk = self.exactly(size + 2)[:-2]
                    if size == 0:
                        self.end = "last-chunk"
                        return
                    yield chunk
            except Broken:
                if not self.at_end:
                    raise
                self.end = "eof-premature"
        elif self.header("Content-Length") is not None:
            yield self.exactly(int(self.header("Content-Length")))
            self.end = "content-length"
        else:
            while self.more():
                pass
            yield self.buffer
            self.end = "eof"

    def body(self):
        return b"".join(self.chunks())

    def frames(self):
        """The frames of an event stream, as texts without their blank line."""
        rest = b""
        for chunk in self.chunks():
            rest += chunk
            while b"\n\n" in rest:
                frame, rest = rest.split(b"\n\n", 1)
                yield frame.decode("utf-8")
        if rest:
            yield rest.decode("utf-8", "replace")


def request_bytes(method, path, headers, body):
    lines = ["%s %s HTTP/1.1" % (method, path)]
    lines += ["%s: %s" % pair for pair in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + body


def multipart(headers, form, file):
    """The body of a recorded upload; the file's bytes are of no importance but for their number."""
    boundary = headers["Content-Type"].split("boundary=")[1]
    parts = []
    for name, value in form.items():
        parts.append(("Content-Disposition: form-data; name=\"%s\"\r\n\r\n%s" % (name, value))
                     .encode("utf-8"))
    if file is not None:
        head = "Content-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n" \
            "Content-Type: %s\r\n\r\n" % (file["field"], file["name"], file["content_type"])
        parts.append(head.encode("utf-8") + b"." * file["size"])
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return body + b"--%s--\r\n" % boundary.encode()


def json_bytes(value, length=None):
    """As the recorder wrote it: spaced, and either way of writing what is beyond ASCII."""
    text = json.dumps(value)
    if length is not None and len(text) != length:
        raw = json.dumps(value, ensure_ascii=False).encode("utf-8")
        if len(raw) == length:
            return raw
    return text.encode("utf-8")
