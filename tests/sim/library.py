"""The recorded requests and answers of tests/recordings, streams and all others."""

import base64
import json
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recordings")
RELEASES = ("1.12.1", "1.14.2", "1.16.1")
PING = "event: ping"


class Recording:
    """One request and its answer. `name` is the folder's, without the release."""

    def __init__(self, release, name, request, head, body, end, chunks):
        self.release, self.name = release, name
        self.group = name.split("/")[0]
        self.request = request
        self.head = head      # lines, without the empty ones
        self.body = body      # bytes; behind a raw request all that came after the head
        # last-chunk, content-length, eof, eof-premature, client-cut (the recorder left)
        self.end = "client-cut" if end == "client-timeout" else end
        self.chunks = chunks  # [(milliseconds, bytes)], maybe empty
        self.method = request.get("method", "")
        self.path = request.get("path", "")
        match = re.match(r"HTTP/1\.[01] (\d+)", head[0]) if head else None
        self.status = int(match.group(1)) if match else 0
        self.text = body.decode("utf-8", "replace")

    def header(self, name):
        for line in self.head[1:]:
            if line.lower().startswith(name.lower() + ":"):
                return line.split(":", 1)[1].strip()
        return None

    @property
    def is_stream(self):
        return (self.header("Content-Type") or "").startswith("text/event-stream")

    @property
    def sent(self):
        """The request's JSON body, {} if there is none."""
        body = self.request.get("body")
        if body is None and "body_raw" in self.request:
            try:
                body = json.loads(self.request["body_raw"])
            except ValueError:
                body = None
        return body if isinstance(body, dict) else {}

    def frames(self):
        """[(milliseconds, text)] of a stream's frames, pings too."""
        return frames_of(self.text, self.chunks)


def frames_of(text, chunks):
    found, at, seen, chunk = [], 0, 0, 0
    for frame in text.split("\n\n"):
        if not frame:
            continue
        at += len(frame.encode("utf-8")) + 2
        while chunk < len(chunks) and seen < at:
            seen += chunks[chunk][1]
            chunk += 1
        found.append((chunks[chunk - 1][0] if chunk else 0.0, frame))
    return found


def event(frame):
    """The JSON of a frame, {} of a ping."""
    if not frame.startswith("data: "):
        return {}
    try:
        return json.loads(frame[6:])
    except ValueError:
        return {}


def head_lines(text):
    return [line for line in text.replace("\r\n", "\n").strip("\n").split("\n") if line]


def read_text(*path):
    with open(os.path.join(*path), encoding="utf-8", newline="") as file:
        return file.read()


def read_chunks(text):
    lines = [line.split("\t") for line in text.split("\n") if line]
    chunks = [(float(line[0]), int(line[1])) for line in lines if not line[0].startswith("#")]
    ends = [line[1] for line in lines if line[0] == "# end"]
    return chunks, ends[0] if ends else ""


def from_folder(release, name, folder):
    chunks, end = read_chunks(read_text(folder, "chunks.tsv"))
    with open(os.path.join(folder, "response.body"), "rb") as file:
        body = file.read()
    return Recording(release, name, json.loads(read_text(folder, "request.json")),
                     head_lines(read_text(folder, "response.head")), body, end, chunks)


def from_answer(release, name, answer):
    if "body_of" in answer:
        with open(os.path.join(ROOT, answer["body_of"], "response.body"), "rb") as file:
            body = file.read()
    elif "body_base64" in answer:
        body = base64.b64decode(answer["body_base64"])
    else:
        body = answer["body"].encode("utf-8")
    return Recording(release, name, answer["request"], answer["head"], body, answer["end"],
                     [tuple(chunk) for chunk in answer.get("chunks", [])])


def release_of(folder):
    """(release, name) of a folder of tests/recordings."""
    match = re.match(r"v(\d+\.\d+\.\d+)/(.*)$", folder)
    return match.groups() if match else ("1.14.2", folder)


def load():
    """{release: {name: Recording}} of the releases that the simulator plays."""
    found = {release: {} for release in RELEASES}
    for folder, folders, files in os.walk(ROOT):
        folders.sort()
        if os.path.relpath(folder, ROOT).split(os.sep)[0] == "answers":
            continue
        if "response.body" in files:
            release, name = release_of(os.path.relpath(folder, ROOT))
            if release in found:
                found[release][name] = from_folder(release, name, folder)
    for release in RELEASES:
        folder = os.path.join(ROOT, "answers", release)
        for file in sorted(os.listdir(folder)):
            group = file[:-len(".json")]
            for rest, answer in json.loads(read_text(folder, file)).items():
                name = "%s/%s" % (group, rest)
                found[release][name] = from_answer(release, name, answer)
    return found
