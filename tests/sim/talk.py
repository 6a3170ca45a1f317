"""Talking to a simulator on behalf of one recording."""

import json
import re

import wire
from library import event

UPLOAD_ID = re.compile(r'"upload_file_id": ?"([-0-9a-f]{36})"')
NO_FILE = "00000000-0000-4000-8000-000000000000"


TOO_MANY = 20  # frames beyond the recorded ones, after which a stream is not read on


class Answer:
    def __init__(self, head, body, end):
        self.head, self.body, self.end = head, body, end


class Live:
    """A run in the simulator, and the ids by which it is asked for."""

    def __init__(self, run, app, connection):
        self.run, self.app, self.connection = run, app, connection
        self.ids, self.frames = {}, []

    def note(self, frame):
        self.frames.append(frame)
        said = event(frame)
        data = said.get("data") if isinstance(said.get("data"), dict) else {}
        live = {"run": said.get("workflow_run_id"), "task": said.get("task_id"),
                "conversation": said.get("conversation_id"), "message": said.get("message_id"),
                "token": data.get("form_token")}
        for recorded, kind in self.run.ids.items():
            if live.get(kind) and recorded not in self.ids:
                self.ids[recorded] = live[kind]

    def read(self, count=None):
        """Reads so many frames, pings too; without a number to the end."""
        for frame in self.stream:
            self.note(frame)
            if count is not None and len(self.frames) >= count:
                return self
        return self

    def read_rest(self):
        self.read()
        self.connection.close()
        return self


class Talk:
    """Requests to one simulator on behalf of one recording."""

    def __init__(self, port, key, files):
        self.port, self.key, self.files = port, key, files
        self.ids = {}
        self.open = []

    def close(self):
        for connection in self.open:
            connection.close()

    def connect(self):
        connection = wire.Connection(self.port)
        self.open.append(connection)
        return connection

    def bytes_of(self, recording, key=None, ids=None):
        """The recorded request with this simulator's ids and key put in place."""
        request = recording.request
        ids = dict(self.ids, **(ids or {}))

        def put(text):
            text = text.replace("app-REDACTED", key or self.key)
            for recorded, live in ids.items():
                text = text.replace(recorded, live)
            return text

        if "raw" in request:
            return put(request["raw"]).encode("utf-8")
        headers = {name: put(value) for name, value in request["headers"].items()}
        length = headers.pop("Content-Length", None)
        if "file" in request or "form" in request:
            body = wire.multipart(headers, request.get("form", {}), request.get("file"))
        elif "body_raw" in request:
            body = self.raw_body(request["body_raw"], int(length))
        elif "body" in request:
            recorded = wire.json_bytes(request["body"], int(length or 0))
            body = put(recorded.decode("utf-8")).encode("utf-8")
        else:
            body = b""
        if length is not None:
            headers["Content-Length"] = str(len(body))
        return wire.request_bytes(request["method"], put(request["path"]), headers, body)

    @staticmethod
    def raw_body(text, length):
        body = text.encode("utf-8")
        if len(body) != length:  # bytes that are no UTF-8, which the recording could not keep
            body = text.replace("\N{REPLACEMENT CHARACTER}", "\x00").encode("utf-8")
            body = body.replace(b"\x00", b"\xff")
        return body

    def ask(self, recording, **more):
        """Sends the recorded request; the connection, its head read."""
        connection = self.connect()
        connection.send(self.bytes_of(recording, **more))
        return connection.read_head()

    def post(self, path, body, key=None):
        """An own request; its answer's JSON."""
        data = json.dumps(body).encode("utf-8")
        connection = self.connect()
        connection.send(wire.request_bytes("POST", path, {
            "Host": "127.0.0.1", "Authorization": "Bearer " + (key or self.key),
            "Content-Type": "application/json", "Content-Length": str(len(data))}, data))
        answer = connection.read_head().body()
        connection.close()
        return json.loads(answer)

    def start(self, run, app, user=None):
        """Begins a run, maybe for another user, and reads nothing of it yet."""
        self.upload(run.start, app.key)
        connection = self.connect()
        start = run.start
        if not start.is_stream or user is not None or run.inputs != start.sent.get("inputs"):
            body = dict(start.sent, response_mode="streaming", inputs=run.inputs,
                        user=user or run.user)
            data = wire.json_bytes(body)
            for recorded, live in self.ids.items():
                data = data.replace(recorded.encode(), live.encode())
            connection.send(wire.request_bytes("POST", start.path, {
                "Host": "127.0.0.1", "Authorization": "Bearer " + app.key,
                "Content-Type": "application/json", "Content-Length": str(len(data))}, data))
        else:
            connection.send(self.bytes_of(start, key=app.key))
        live = Live(run, app, connection)
        live.stream = connection.read_head().frames()
        if connection.status != 200:
            raise wire.Broken("%s could not be started: %s" % (
                start.name, connection.body().decode("utf-8", "replace")))
        return live

    def whole(self, run, app, user=None):
        live = self.start(run, app, user).read_rest()
        self.ids.update(live.ids)
        return live

    def upload(self, recording, key, user=None):
        """Uploads the files that a request names; their ids go into `ids`."""
        sent = json.dumps(recording.request.get("body"))
        for recorded in UPLOAD_ID.findall(sent):
            if recorded == NO_FILE or recorded in self.ids:
                continue
            about = self.files.get(recorded, "")
            name = re.search(r'"filename":"([^"]*)"', about)
            kind = re.search(r'"mime_type":"([^"]*)"', about)
            size = re.search(r'"size":(\d+)', about)
            file = {"field": "file", "name": name.group(1) if name else "label2.png",
                    "content_type": kind.group(1) if kind else "image/png",
                    "size": int(size.group(1)) if size else 1795}
            headers = {"Host": recording.request["headers"]["Host"],
                       "Authorization": "Bearer " + key,
                       "Content-Type": "multipart/form-data; boundary=XbOuNdArY7MA4YWxkTrZu0gW"}
            body = wire.multipart(headers, {"user": user or recording.sent.get("user")}, file)
            headers["Content-Length"] = str(len(body))
            connection = self.connect()
            connection.send(wire.request_bytes("POST", "/v1/files/upload", headers, body))
            said = json.loads(connection.read_head().body())
            if "id" not in said:
                raise wire.Broken("an upload was refused: %r" % said)
            self.ids[recorded] = said["id"]
            connection.close()


def answer_to(recording, connection, frames=()):
    """The answer, as far as it was recorded: some recordings end when the recorder left."""
    if recording.is_stream and connection.header("Content-Type") == \
            recording.header("Content-Type"):
        found, wanted = list(frames), len(recording.frames())
        if len(found) < wanted or recording.end != "client-cut":
            for frame in connection.frames():
                found.append(frame)
                if recording.end == "client-cut" and len(found) >= wanted or \
                        len(found) > wanted + TOO_MANY:
                    break
        end = "client-cut" if recording.end == "client-cut" and len(found) >= wanted \
            else connection.end
        body = "".join(frame + "\n\n" for frame in found).encode("utf-8")
        return Answer(connection.head, body, end)
    body = connection.body()
    return Answer(connection.head, body, connection.end)
