#!/usr/bin/env python3
"""Random event streams: the program against the oracle.

    check_random.py BINARY [--seed N] [--count N] [--only I] [--keep DIR]

For each stream `BINARY fold --read-size R -` must print what fold.py does, completely, and
`BINARY sse --all --read-size R -` what sse.py does. The seed is printed first; a stream that
shows a difference is saved, and how to replay it is printed.
"""

import argparse
import os
import random
import sys
import tempfile
import time

import binary
import compare
import fold
import generate
import jsontext
import sse

READ_SIZES = [1, 2, 3, 5, 7, 13, 64, 1000, 4096, 65536]


def check(program, seed, index):
    """(stream, read size, failures)"""
    rng = random.Random("%d:%d" % (seed, index))
    stream = generate.stream(rng)
    size = str(rng.choice(READ_SIZES))
    last_event_id = rng.choice(["", "", "7", "上次"])
    failures = []

    expected, status = fold.fold(stream)
    ran = binary.run(program, ["fold", "--read-size", size, "-"], stream)
    try:
        binary.check_result(ran, expected, status)
    except compare.Difference as difference:
        failures.append(("fold --read-size %s" % size, "fold.py", str(difference)))

    ran = binary.run(program, ["sse", "--all", "--read-size", size, "-"], stream,
                     {"LAST_EVENT_ID": last_event_id})
    try:
        check_lines(ran, list(sse.json_lines(stream, True, last_event_id)))
    except compare.Difference as difference:
        failures.append(("sse --all --read-size %s" % size, "sse.py --all", str(difference)))
    return stream, last_event_id, failures


def check_lines(ran, expected):
    if ran.crashed() or ran.status != 0:
        raise compare.Difference("exit status", 0, "%d %s" % (
            ran.status, ran.err[-1000:].decode("utf-8", "replace")))
    try:
        lines = ran.out.decode("utf-8").split("\n")
        actual = [jsontext.parse(line) for line in lines[:-1]]
    except ValueError as why:
        raise compare.Difference("$", "lines of JSON", str(why))
    compare.compare("", lines[-1], "after the last line end")
    compare.compare(expected, actual)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("binary")
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--only", type=int, help="this one stream of the seed")
    options.add_argument("--keep", default=tempfile.gettempdir(), help="where streams are saved")
    given = options.parse_args()
    print("check_random: --seed %d --count %d" % (given.seed, given.count), flush=True)
    start = time.monotonic()
    indices = range(given.count) if given.only is None else [given.only]
    done = binary.in_pool(lambda index: (index,) + check(given.binary, given.seed, index), indices)

    shown = 0
    for index, stream, last_event_id, failures in done:
        if not failures or shown >= 10:
            continue
        shown += 1
        path = os.path.join(given.keep, "difystream-random-%d-%d.sse" % (given.seed, index))
        open(path, "wb").write(stream)
        for arguments, oracle, why in failures:
            print("stream %d: %s" % (index, why))
            print("  replay: %s%s %s %s" % (
                "LAST_EVENT_ID='%s' " % last_event_id if "sse" in oracle else "",
                given.binary, arguments, path))
            print("  oracle: python3 tests/oracle/%s %s" % (oracle, path))
        print("  again:  check_random.py %s --seed %d --only %d" % (
            given.binary, given.seed, index))
    bad = sum(1 for each in done if each[3])
    if bad > shown:
        print("… and %d more" % (bad - shown))
    print("check_random: %d streams, %d bytes, %d differences, %.1f s" % (
        len(done), sum(len(each[1]) for each in done), bad, time.monotonic() - start))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
