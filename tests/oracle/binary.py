"""Runs the program under test and looks at what it printed."""

import concurrent.futures
import os
import subprocess

import compare

TIMEOUT_S = 60


class Ran:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def crashed(self):
        """Killed by a signal, or a sanitizer's report."""
        return self.status < 0 or self.status > 130 or b"Sanitizer" in self.err \
            or b"runtime error" in self.err

    def result(self):
        """The one line of JSON that `fold` prints."""
        if self.out.count(b"\n") != 1 or not self.out.endswith(b"\n"):
            raise compare.Difference("$", "one line of JSON", "%d bytes, %d lines; stderr: %s" % (
                len(self.out), self.out.count(b"\n"), self.err[:300].decode("utf-8", "replace")))
        try:
            return compare.read(self.out)
        except ValueError as why:
            raise compare.Difference("$", "JSON in UTF-8", "%s: %r" % (why, self.out[:300]))


def run(binary, arguments, stdin=None, environment=None):
    environment = dict(os.environ, **(environment or {}))
    try:
        done = subprocess.run([binary] + arguments, input=b"" if stdin is None else stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT_S, env=environment)
    except subprocess.TimeoutExpired:
        return Ran(-1, b"", b"no end after %d s" % TIMEOUT_S)
    return Ran(done.returncode, done.stdout, done.stderr)


def check_result(ran, expected, status):
    """Raises Difference unless this run printed that result and ended with that status."""
    if ran.crashed():
        raise compare.Difference("crash", "exit status %d" % status, "status %d, stderr: %s" % (
            ran.status, ran.err[-1500:].decode("utf-8", "replace")))
    compare.compare_results(expected, ran.result())
    if ran.status != status:
        raise compare.Difference("exit status", status, ran.status)


def in_pool(work, items):
    """work(item) of all items, a few at a time, in order."""
    with concurrent.futures.ThreadPoolExecutor((os.cpu_count() or 2) * 2) as pool:
        return list(pool.map(work, items))
