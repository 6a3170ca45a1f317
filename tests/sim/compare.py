"""Whether an answer is the recorded one, ids and times aside.

What is taken out on both sides, and nothing else:
- UUIDs, form tokens, and a tool's file names: the n-th different one of a body becomes <id n>,
  <token n>, <name n>, so that the same id must stand at the same places; a file reference, which
  is base64 of its id, becomes <reference>;
- Unix seconds of this decade, the workflow's version (a time), HTTP dates;
- elapsed_time but for 0.0, a model's latency and times, an agent's started_at and finished_at;
- time, nonce and signature of a signed file address;
- the header Date; Content-Length must fit the answer's own body.
All else is compared byte for byte: spaces, escapes, the order of members.
"""

import difflib
import re

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TOKEN = re.compile(r"(form_token\\*\": ?\\*\")([0-9A-Za-z]{22})\b|"
                   r"(human_input\\?/)([0-9A-Za-z]{22})\b")
SIGNED = re.compile(r"timestamp=\d+&nonce=[0-9a-f]+&sign=[-_0-9A-Za-z]+(?:=|%3D)*")
SECONDS = re.compile(r"(?<![\d.\-A-Za-z])1[78]\d{8}(?![\d.])")
VERSION = re.compile(r"(\"version\": ?\")\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\"")
DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
ELAPSED = re.compile(r"(elapsed_time\\*\": ?)(?!0\.0\b)\d[-.0-9e]*")
CLOCK = re.compile(r"((?:started_at|finished_at)\\*\": ?)\d+\.\d+")
REFERENCE = re.compile(r"dify-file-ref:[A-Za-z0-9+/]+=*")
HEX = re.compile(r"(?<![0-9a-f-])[0-9a-f]{32}(?![0-9a-f-])")
LATENCY = re.compile(r"((?:latency|time_to_first_token|time_to_generate)\\*\": ?)\d[-.0-9e]*")


def plain(text):
    """A body without what differs from run to run."""
    seen = {"id": {}, "token": {}, "name": {}}

    def number(kind, value):
        return "<%s %d>" % (kind, seen[kind].setdefault(value, len(seen[kind]) + 1))

    def token(match):
        return (match.group(1) or match.group(3)) + number(
            "token", match.group(2) or match.group(4))

    text = SIGNED.sub("<signed>", text)
    text = REFERENCE.sub("<reference>", text)
    text = TOKEN.sub(token, text)
    text = HEX.sub(lambda match: number("name", match.group()), text)
    text = UUID.sub(lambda match: number("id", match.group()), text)
    text = VERSION.sub(r'\1<version>"', text)
    text = DATE.sub("<date>", text)
    text = ELAPSED.sub(r"\1<elapsed>", text)
    text = CLOCK.sub(r"\1<seconds>", text)
    text = LATENCY.sub(r"\1<seconds>", text)
    return SECONDS.sub("<time>", text)


def header_fields(head, body_length):
    """Sorted "name: value", what differs from run to run taken out."""
    fields = []
    for line in head[1:]:
        name, value = line.split(":", 1)
        name, value = name.strip(), value.strip()
        if name.lower() == "date":
            value = "<date>"
        elif name.lower() == "content-length" and value == str(body_length):
            value = "<of the body>"
        fields.append("%s: %s" % (name, value))
    return sorted(fields)


def cut_out(text, at, width=160):
    start = max(0, at - 60)
    end = at + width
    return ("…" if start else "") + text[start:end] + ("…" if len(text) > end else "")


def first_difference(expected, actual):
    """Two short extracts where the texts part."""
    at = 0
    limit = min(len(expected), len(actual))
    while at < limit and expected[at] == actual[at]:
        at += 1
    return ["- " + cut_out(expected, at), "+ " + cut_out(actual, at)]


def difference_of_lines(expected, actual, most=12):
    """Lines that differ; "-" recorded, "+" the simulator's."""
    lines = []
    matcher = difflib.SequenceMatcher(None, expected, actual, autojunk=False)
    for tag, low, high, other_low, other_high in matcher.get_opcodes():
        if tag == "equal":
            continue
        if tag == "replace" and high - low == other_high - other_low:
            for left, right in zip(expected[low:high], actual[other_low:other_high]):
                lines += first_difference(left, right)
        else:
            lines += ["- " + cut_out(line, 0, 220) for line in expected[low:high]]
            lines += ["+ " + cut_out(line, 0, 220) for line in actual[other_low:other_high]]
    if len(lines) > most:
        lines = lines[:most] + ["(%d lines more)" % (len(lines) - most)]
    return lines


def answers(recording, answer):
    """Lines that say how an answer differs from the recorded one; none if it does not."""
    lines = []
    if recording.head[:1] != answer.head[:1]:
        lines += ["- " + (recording.head[0] if recording.head else "(no answer)"),
                  "+ " + (answer.head[0] if answer.head else "(no answer)")]
    lines += difference_of_lines(header_fields(recording.head, len(recording.body)),
                                 header_fields(answer.head, len(answer.body)))
    if recording.is_stream:
        expected = plain(recording.text).split("\n\n")
        actual = plain(answer.body.decode("utf-8", "replace")).split("\n\n")
        lines += difference_of_lines(expected, actual)
    else:
        expected, actual = plain(recording.text), plain(answer.body.decode("utf-8", "replace"))
        if expected != actual:
            lines += first_difference(expected, actual)
    if recording.end != answer.end:
        lines += ["- the body's end: " + recording.end, "+ the body's end: " + answer.end]
    return lines
