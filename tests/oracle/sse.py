#!/usr/bin/env python3
"""The WHATWG event-stream algorithm over bytes, slowly and plainly.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

    sse.py [--all] FILE      one JSON line an event; --all: comments and retries too
                             FILE "-" is standard input; LAST_EVENT_ID sets the first id
"""

import os
import re
import sys

import jsontext

BOM = b"\xef\xbb\xbf"


def lines(stream):
    """(offset, bytes) of each line that has an end: CRLF, LF or CR."""
    start = 3 if stream.startswith(BOM) else 0  # one BOM is stripped, its bytes count
    at = start
    while at < len(stream):
        if stream[at:at + 2] == b"\r\n":
            yield start, stream[start:at]
            at += 2
            start = at
        elif stream[at:at + 1] in (b"\r", b"\n"):
            yield start, stream[start:at]
            at += 1
            start = at
        else:
            # On to the next line end; nothing before it can be one.
            found = re.compile(rb"[\r\n]").search(stream, at)
            at = found.start() if found else len(stream)
    # What stands after the last line end is pending data and is discarded.


def events(stream, last_event_id=""):
    """('event', type, data, last_event_id, offset), ('comment', text) and ('retry', number)."""
    event_type = ""
    data = []
    block = None  # offset of the first line of this block
    for offset, raw in lines(stream):
        # CR and LF are never part of a longer UTF-8 sequence, so decoding line by line is
        # decoding the whole; "replace" puts one U+FFFD for each maximal subpart, as the
        # Encoding standard does.
        line = raw.decode("utf-8", "replace")
        if line == "":
            # The blank line: dispatch. An empty data buffer dispatches nothing.
            if data:
                yield ("event", event_type or "message", "\n".join(data), last_event_id, block)
            event_type = ""
            data = []
            block = None
            continue
        if block is None:
            block = offset
        if line.startswith(":"):
            yield ("comment", line[1:])
            continue
        field, colon, value = line.partition(":")
        if value.startswith(" "):
            value = value[1:]
        if field == "event":
            event_type = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            if "\0" not in value:
                last_event_id = value
        elif field == "retry":
            if re.fullmatch("[0-9]+", value):
                yield ("retry", int(value))
        # Any other field is ignored. At the end of the stream an unfinished event is discarded.


def json_lines(stream, everything=False, last_event_id=""):
    """What `difystream sse` prints, as values."""
    for item in events(stream, last_event_id):
        if item[0] == "event":
            yield jsontext.Obj([("type", item[1]), ("data", item[2]), ("id", item[3])])
        elif everything and item[0] == "comment":
            yield jsontext.Obj([("comment", item[1])])
        elif everything and item[0] == "retry":
            yield jsontext.Obj([("retry", jsontext.Num(item[1]))])


def main(arguments):
    everything = "--all" in arguments
    names = [a for a in arguments if a != "--all"]
    if len(names) != 1:
        sys.exit(__doc__)
    stream = sys.stdin.buffer.read() if names[0] == "-" else open(names[0], "rb").read()
    for value in json_lines(stream, everything, os.environ.get("LAST_EVENT_ID", "")):
        sys.stdout.buffer.write((jsontext.write(value) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
