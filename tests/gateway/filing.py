"""A server of files in front of a simulator, which has none: what it does not know goes on to the
simulator."""

import select
import socket
import threading

import wire
from server import DEADLINE_S


class Files:
    """Answers paths of `files`, {path: (status, [header line], body)}; the rest is relayed.

    `asked` are the heads of requests for files; `stalled` is set when a client has taken nothing
    for a second, and `sent` counts the bytes of bodies."""

    def __init__(self, port, files):
        self.behind, self.files = port, files
        self.asked, self.sent, self.stalled = [], 0, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(DEADLINE_S)

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.answer, args=[client], daemon=True).start()

    def answer(self, client):
        with client:
            data = b""
            while b"\r\n\r\n" not in data:
                got = client.recv(65536)
                if not got:
                    return
                data += got
            head, rest = data.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            path = lines[0].split(" ")[1]
            try:
                if path in self.files:
                    self.asked.append(head.decode("latin-1"))
                    self.give(client, *self.files[path])
                else:
                    self.relay(client, lines, rest)
            except OSError:
                pass  # it has left

    def give(self, client, status, fields, body):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        head = ["HTTP/1.1 %d Some" % status, "Connection: close"] + fields
        client.sendall(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
        client.setblocking(False)
        view = memoryview(body)
        while view:
            if not select.select([], [client], [], 1)[1]:
                self.stalled.set()
                continue
            try:
                count = client.send(view[:65536])
            except BlockingIOError:
                continue
            self.sent += count
            view = view[count:]

    def relay(self, client, lines, rest):
        names = [line.split(":")[0].lower() for line in lines]
        need = 0
        if "content-length" in names:
            need = int(lines[names.index("content-length")].split(":")[1])
        lines = [line for line, name in zip(lines, names) if name != "connection"]
        while len(rest) < need:
            rest += client.recv(65536)
        with wire.Connection(self.behind) as behind:
            behind.send("\r\n".join(lines + ["Connection: close", "", ""]).encode("latin-1") + rest)
            while True:
                got = behind.socket.recv(65536)
                if not got:
                    return
                client.sendall(got)
