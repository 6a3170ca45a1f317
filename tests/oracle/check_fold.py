#!/usr/bin/env python3
"""Folds every recording with the program and compares with its expected.json, completely.

    check_fold.py BINARY        e.g. build/release/difystream
    check_fold.py --rewrite     makes every expected.json anew by fold.py

Every member counts, the order of keys and the digits of numbers too; of `message` and a
warning's `reason` only that they are there. Bodies below 64 KB are folded byte by byte and seven
bytes at a time as well. fold.py must still give what expected.json says.
"""

import os
import sys

import binary
import compare
import fold
import jsontext
import recorded

SMALL = 64 * 1024


def rewrite():
    for _, folder in recorded.streams():
        result, _ = fold.fold(open(os.path.join(folder, "response.body"), "rb").read())
        text = jsontext.write(compare.without_message(result)) + "\n"
        open(os.path.join(folder, "expected.json"), "wb").write(text.encode())


def jobs():
    """(name, body's path, expected result, exit status, arguments) of each run to make, and
    the names where fold.py does not give what expected.json says."""
    made, stale = [], []
    for name, folder in recorded.streams():
        path = os.path.join(folder, "response.body")
        body = open(path, "rb").read()
        result, status = fold.fold(body)
        expected = compare.read(open(os.path.join(folder, "expected.json"), "rb").read())
        try:
            compare.compare(expected, compare.without_message(result))
        except compare.Difference as difference:
            stale.append("%s: fold.py and expected.json differ at %s" % (name, difference))
        for size in [None] + ([1, 7] if len(body) < SMALL else []):
            made.append((name, path, expected, status,
                         [] if size is None else ["--read-size", str(size)]))
    return made, stale


def main(arguments):
    if arguments == ["--rewrite"]:
        rewrite()
        return
    if len(arguments) != 1 or not os.access(arguments[0], os.X_OK):
        sys.exit(__doc__)
    todo, failures = jobs()

    def one(job):
        name, path, expected, status, options = job
        ran = binary.run(arguments[0], ["fold"] + options + [path])
        try:
            binary.check_result(ran, expected, status)
        except compare.Difference as difference:
            return "%s %s\n  %s" % (name, " ".join(options), difference)
        return None

    failures += [failure for failure in binary.in_pool(one, todo) if failure]
    for failure in failures[:20]:
        print(failure)
    if len(failures) > 20:
        print("… and %d more" % (len(failures) - 20))
    print("check_fold: %d recordings, %d runs, %d differences"
          % (len({job[0] for job in todo}), len(todo), len(failures)))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
