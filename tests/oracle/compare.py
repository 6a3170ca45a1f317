#!/usr/bin/env python3
"""Compares two results value by value, the digits of numbers and the order of keys included.

    compare.py EXPECTED ACTUAL      files with one JSON document each; exit 1 on a difference

Every member of EXPECTED must be in ACTUAL with the same value, and what both have must stand in
the same order. Of two things only the presence counts, since their words are free: the top
level's `message` and each warning's `reason`.
"""

import sys

import jsontext
from jsontext import Num, Obj

# result.md: the members of the first two blocks, fixed and in this order, before all others.
FIXED_TOP = {True: ["success", "data"], False: ["success", "error", "code", "message", "data"]}
FIXED_DATA = ["workflow_run_id", "task_id", "status", "outputs", "metadata", "created_at",
              "finished_at", "event_count"]
FIXED_FAILED = ["workflow_id", "total_tokens", "total_price", "currency", "elapsed_time",
                "total_steps"]
FIXED_METADATA = ["total_tokens", "total_price", "currency", "elapsed_time", "total_steps"]


class Difference(Exception):
    def __init__(self, path, expected, actual):
        if len(path) > 120:
            path = path[:60] + " … " + path[-50:]
        super().__init__("%s\n  expected: %s\n  actual:   %s" % (path, expected, actual))


def kind(value):
    if isinstance(value, Num):
        return "number"
    return {bool: "boolean", str: "string", Obj: "object", list: "array"}.get(type(value), "null")


def short(value, most=400):
    if isinstance(value, Exception):
        return str(value)
    text = jsontext.write(value)
    return text if len(text) <= most else text[:most] + "… (%d characters)" % len(text)


def first_difference(expected, actual):
    """Where two long strings part, with a little of what stands before."""
    at = 0
    while at < min(len(expected), len(actual)) and expected[at] == actual[at]:
        at += 1
    start = max(0, at - 20)
    return at, expected[start:at + 60], actual[start:at + 60]


def compare(expected, actual, path="$", partial=False):
    """Raises Difference. partial: ACTUAL's objects may have members that EXPECTED's lack."""
    if kind(expected) != kind(actual):
        raise Difference(path, short(expected), short(actual))
    if isinstance(expected, Obj):
        compare_objects(expected, actual, path, partial)
    elif isinstance(expected, list):
        if len(expected) != len(actual):
            raise Difference(path + " (length)", "%d: %s" % (len(expected), short(expected)),
                             "%d: %s" % (len(actual), short(actual)))
        for index, pair in enumerate(zip(expected, actual)):
            compare(*pair, "%s[%d]" % (path, index), partial)
    elif expected != actual:
        if isinstance(expected, str) and not isinstance(expected, Num) and len(expected) > 100:
            at, left, right = first_difference(expected, actual)
            raise Difference("%s (from character %d)" % (path, at), short(left), short(right))
        raise Difference(path, short(expected), short(actual))


def compare_objects(expected, actual, path, partial):
    if partial:
        known = set(expected.keys())
        found = Obj((k, v) for k, v in actual if k in known)
    else:
        found = actual
    if expected.keys() != found.keys():
        raise Difference(path + " (members)", " ".join(expected.keys()), " ".join(found.keys()))
    for (key, left), (_, right) in zip(expected, found):
        where = "%s.%s" % (path, key)
        if key == "warnings" and path == "$.data":
            left, right = without_reasons(left, where), without_reasons(right, where)
        compare(left, right, where, partial and where not in WHOLE)


# Below these every member counts also in a partial comparison.
WHOLE = ("$.data.outputs", "$.data.workflow_outputs", "$.data.forms")


def without_reasons(warnings, path):
    """A reason's words are free, but it must have some."""
    if not isinstance(warnings, list):
        raise Difference(path, "an array", short(warnings))
    kept = []
    for warning in warnings:
        if not isinstance(warning, Obj) or not warning.get("reason"):
            raise Difference(path, "{offset, reason}", short(warning))
        kept.append(Obj((k, True if k == "reason" else v) for k, v in warning))
    return kept


def check_fixed(result):
    """The fixed members, first and in their order; a message where the run failed."""
    if not isinstance(result, Obj):
        raise Difference("$", "an object", short(result))
    top = FIXED_TOP.get(result.get("success"))
    if top is None:
        raise Difference("$.success", "true or false", short(result.get("success")))
    check_order(result, top, "$")
    if "message" in top and not (isinstance(result.get("message"), str) and result.get("message")):
        raise Difference("$.message", "a non-empty string", short(result.get("message")))
    data = result.get("data")
    check_order(data, FIXED_DATA + ([] if result.get("success") else FIXED_FAILED), "$.data")
    check_order(data.get("metadata"), FIXED_METADATA, "$.data.metadata")


def check_order(value, fixed, path):
    keys = value.keys() if isinstance(value, Obj) else [short(value)]
    if keys[:len(fixed)] != fixed:
        raise Difference(path + " (fixed members)", " ".join(fixed), " ".join(keys))


def without_message(result):
    return Obj((k, v) for k, v in result if k != "message")


def compare_results(expected, actual, partial=False):
    """A result against what it must be; its fixed members and its message are checked too."""
    check_fixed(actual)
    compare(without_message(expected), without_message(actual), "$", partial)


def read(data):
    """One JSON document, a result's depth allowed."""
    return jsontext.parse(data.decode("utf-8"), max_depth=10000)


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    expected, actual = (read(open(name, "rb").read()) for name in arguments)
    try:
        compare_results(expected, actual, partial=True)
    except Difference as difference:
        print(difference)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
