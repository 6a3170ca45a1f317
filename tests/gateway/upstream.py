"""A server that answers with the bytes it is told, and a client that takes answers apart by itself:
what stands on either side of a gateway."""

import queue
import re
import socket
import threading
import zlib

DEADLINE_S = 60  # a safety net: nothing waits for time to pass


def message(method, path, fields=(), body=b"", version="1.1", host="gateway.example"):
    """A request as bytes. The connection ends after it; a body without a length gets one."""
    lines = ["%s %s HTTP/%s" % (method, path, version), "Host: " + host]
    names = [name.lower() for name, _ in fields]
    if not any("close" in value for name, value in fields if name == "Connection"):
        lines.append("Connection: close")
    if body and not {"content-length", "transfer-encoding", "content-length\t"} & set(names):
        lines.append("Content-Length: %d" % len(body))
    lines += ["%s: %s" % pair for pair in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def answer(status, fields, body=b""):
    lines = ["HTTP/1.1 %d Something" % status] + ["%s: %s" % pair for pair in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def chunked(pieces, trailers=()):
    text = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"
    return text + b"".join(("%s: %s\r\n" % pair).encode() for pair in trailers) + b"\r\n"


def masked(what):
    """Without ids and times."""
    text = what if isinstance(what, str) else repr(what)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE", text)
    text = re.sub(r"nonce=\w+&sign=[-\w=]+", "SIGNED", text)
    return re.sub(r"\b\d{10}\b", "TIME", text)


class Fields:
    """Whatever has a list of fields."""

    fields = []

    def field(self, name):
        for one, value in self.fields:
            if one.lower() == name.lower():
                return value
        return None


def split_head(head):
    """The first line of a head, and its fields as they stand."""
    lines = head.decode("latin-1").split("\r\n")
    return lines[0], [(name, value.strip(" \t")) for name, value in
                      (line.split(":", 1) for line in lines[1:])]


# ---- the client -------------------------------------------------------------------------------

class Answer(Fields):
    """All that came on a connection until its end: `rest` behind the head, and what it means."""

    def __init__(self, data, was_reset, is_of_head):
        head, _, self.rest = data.partition(b"\r\n\r\n")
        while re.match(rb"HTTP/1\.1 1\d\d", head):
            head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        line, self.fields = split_head(head) if head else ("HTTP/1.1 0", [])
        self.status = int(line.split(" ")[1])
        self.body, self.trailers, self.is_whole = self.rest, [], not was_reset
        if is_of_head:
            self.body = b""
        elif self.field("Transfer-Encoding") is not None:
            self.read_chunks()
        elif self.field("Content-Length") is not None:
            self.is_whole = len(self.rest) == int(self.field("Content-Length"))

    def passed_on(self):
        """Fields without what the gateway adds to all that it relays."""
        return [pair for pair in self.fields if pair != ("Content-Security-Policy", "sandbox")]

    def own_fields(self):
        """The same without those that it has of itself where the other side has none."""
        return [pair for pair in self.passed_on() if pair[0] not in ("Date", "Server")]

    def read_chunks(self):
        rest, pieces, self.is_whole = self.rest, [], False
        while b"\r\n" in rest:
            line, rest = rest.split(b"\r\n", 1)
            size = int(line, 16)
            if size == 0:
                trailers, end, behind = (b"\r\n" + rest).partition(b"\r\n\r\n")
                self.is_whole = bool(end) and not behind
                if trailers:
                    self.trailers = split_head(b"\r\n" + trailers[2:])[1]
                break
            if len(rest) < size + 2:
                break
            pieces.append(rest[:size])
            rest = rest[size + 2:]
        self.body = b"".join(pieces)


def exchange(port, sent):
    """Sends bytes on a connection of their own; the Answer."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as connection:
        pieces, was_reset = [], False
        try:
            connection.sendall(sent)
        except ConnectionError:
            pass  # it may be answered before it was read to its end
        try:
            while piece := connection.recv(1 << 20):
                pieces.append(piece)
        except ConnectionError:
            was_reset = True
    return Answer(b"".join(pieces), was_reset, sent.startswith(b"HEAD "))


# ---- the server -------------------------------------------------------------------------------

class Reply:
    """What a request is answered with: bytes, then `then()`; the connection ends if `ends`."""

    def __init__(self, data, ends, then=None):
        self.data, self.ends, self.then = data, ends, then


def raw(data):
    return Reply(data, True)


def reply(data, then=None):
    return Reply(data, False, then)


class Request(Fields):
    """A request as it came. With sums, of its body the length and the CRC alone."""

    def __init__(self, upstream, connection):
        self.upstream, self.connection = upstream, connection
        self.buffer, self.body, self.length, self.sum = b"", b"", 0, 0

    def more(self):
        got = self.connection.recv(1 << 20)
        if not got:
            raise EOFError
        self.buffer += got

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, count):
        pieces = []
        while count > 0:
            if not self.buffer:
                self.more()
            piece, self.buffer = self.buffer[:count], self.buffer[count:]
            count -= len(piece)
            self.length += len(piece)
            self.sum = zlib.crc32(piece, self.sum)
            if not self.upstream.sums:
                pieces.append(piece)
        self.body += b"".join(pieces)

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        line, self.fields = split_head(head)
        self.method, self.target, self.version = line.split(" ")

    def read_body(self):
        if self.field("Transfer-Encoding") is None:
            self.take(int(self.field("Content-Length") or 0))
            return
        while size := int(self.line(), 16):
            self.take(size)
            self.line()
        while self.line():
            pass

    def hold(self):
        """No answer, until the test lets go."""
        held = Held(self.connection)
        self.upstream.held.put(held)
        held.gone.wait(DEADLINE_S)
        return raw(b"")


class Held:
    """A connection on which nothing is answered."""

    def __init__(self, connection):
        self.connection, self.gone = connection, threading.Event()

    def until_gone(self):
        """Whether the other side has ended it."""
        try:
            self.connection.settimeout(DEADLINE_S)
            while self.connection.recv(1 << 16):
                pass
            return True
        except ConnectionError:
            return True
        except OSError:
            return False
        finally:
            self.gone.set()


def fine(request):
    del request
    return raw(answer(200, [("Content-Length", "4"), ("Connection", "close")], b"fine"))


class Upstream:
    """The server. `answers(request)` gives a Reply; `early(request)`, where it is set, bytes that
    are sent once the head and `early_bytes` of the body have come, and nothing more is read. `requests` are those that came
    whole. A connection is kept where `keeps`; `is_deaf`: none is even accepted."""

    def __init__(self, answers=None):
        self.answers, self.early, self.early_bytes = answers or fine, None, 0
        self.keeps = self.sums = self.is_deaf = False
        self.requests, self.connections, self.held = [], 0, queue.Queue()
        self.kept, self.ended = None, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def next_held(self):
        return self.held.get(timeout=DEADLINE_S)

    def close(self):
        self.ended.set()
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            if self.is_deaf:
                self.kept = connection
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                while self.serve_one(connection):
                    pass
            except (EOFError, OSError):
                pass

    def serve_one(self, connection):
        request = Request(self, connection)
        request.read_head()
        if self.early is not None:
            request.take(self.early_bytes)
            connection.sendall(self.early(request))
            self.held.put(Held(connection))
            self.ended.wait(DEADLINE_S)
            return False
        try:
            request.read_body()
        except EOFError:
            return False
        self.requests.append(request)
        told = self.answers(request)
        connection.sendall(told.data)
        if told.then is not None:
            told.then()
        return self.keeps and not told.ends
