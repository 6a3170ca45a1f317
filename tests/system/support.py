"""What the system tests share: their arguments, running programs, counting checks."""

import argparse
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading

DEADLINE_S = 60  # a safety net; nothing here waits for time to pass
SKIPPED = 77


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=os.path.abspath)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    given = parser.parse_args()
    sys.path.insert(0, os.path.join(given.source, "tests", "oracle"))
    return given


def missing_terminal():
    """Why there is no pseudo-terminal here, as in a chroot without /dev/pts; "" where there is."""
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as error:
        return "no pseudo-terminal here: %s" % error
    return ""


class Terminal:
    """A pseudo-terminal: `far` is the command's end. It stays open here until the command has ended
    and a mark stands behind all that it wrote: the reader of a terminal that nobody has open can be
    told so before it was given what was written last (rarely, on a busy machine)."""

    MARK = b"\0the command has ended\0"

    def __init__(self, columns=80, rows=24):
        self.near, self.far = pty.openpty()
        self.resize(columns, rows)
        self.held = b""  # what may be the beginning of the mark
        self.ended = False

    def resize(self, columns, rows):
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def watch(self, process):
        """Its end is the end of what is read here. Gives the process back."""
        threading.Thread(target=self._mark_end, args=(process,), daemon=True).start()
        return process

    def _mark_end(self, process):
        process.wait()
        try:
            os.write(self.far, self.MARK)
        except OSError:  # the terminal went first
            pass
        os.close(self.far)

    def read(self):
        """What was written, as soon as there is something; b"" at the end."""
        while not self.ended:
            self.held += os.read(self.near, 65536)
            text, mark, _ = self.held.partition(self.MARK)
            if mark:
                self.ended = True
                return text
            begun = next(i for i in range(len(self.MARK), -1, -1)
                         if text.endswith(self.MARK[:i]))
            self.held = text[len(text) - begun:]
            if len(text) > begun:
                return text[:len(text) - begun]
        return b""

    def read_all(self):
        """What is written until the command ends."""
        return b"".join(iter(self.read, b""))

    def close(self):
        os.close(self.near)


class Checks:
    """Counts what held; the first failures are printed at once."""

    def __init__(self):
        self.name = "system." + os.path.splitext(os.path.basename(sys.argv[0]))[0]
        self.count = self.failed = 0

    def true(self, condition, what, detail=""):
        self.count += 1
        if not condition:
            self.failed += 1
            print("FAILED %s%s" % (what, "\n    " + short(detail) if detail != "" else ""))
        return condition

    def equal(self, actual, expected, what):
        return self.true(actual == expected, what, "expected: %s\n    actual:   %s" % (
            short(expected), short(actual)) if actual != expected else "")

    def finish(self, what):
        print("%s: %d checks (%s), %d failed" % (self.name, self.count, what, self.failed))
        sys.exit(1 if self.failed else 0)

    def skip(self, why):
        print("%s: skipped: %s" % (self.name, why))
        sys.exit(SKIPPED)

    def need_terminal(self):
        why = missing_terminal()
        if why:
            self.skip(why)


def short(value, most=600):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[:most] + "… (%d characters)" % len(text)


class Ran:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "replace") if done.stderr is not None else ""

    def __repr__(self):
        return "status %d, out %r, err %r" % (self.status, (self.out or b"")[:300], self.err[:600])

    def crashed(self):
        """Ended by a signal, or by a sanitizer's report."""
        return self.status < 0 or "Sanitizer" in self.err or "runtime error" in self.err


def run(words, stdin=b"", environment=None, **more):
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("timeout", DEADLINE_S)
    if "stdin" not in more:
        more["input"] = stdin
    return Ran(subprocess.run(words, stderr=subprocess.PIPE,
                              env=dict(os.environ, **(environment or {})), **more))


def must_run(words, **more):
    """Standard output of a tool that has to succeed."""
    ran = run(words, **more)
    if ran.status != 0:
        print("%s: %r" % (" ".join(words), ran))
        sys.exit(1)
    return ran.out.decode("utf-8", "replace")


def tool(name, default):
    return os.environ.get(name) or default


def folder():
    """A temporary folder; a context manager."""
    return tempfile.TemporaryDirectory(prefix="difystream-system-")


def share(cases):
    """Of many cases alike those that are tried: every DIFY_TEST_SHARE-th. Programs with sanitizers
    take long to start and to end, and the other build tries all."""
    return list(cases)[::int(os.environ.get("DIFY_TEST_SHARE") or 1)]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def read_bytes(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def files_below(root, *endings):
    found = []
    for at, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        found += [os.path.join(at, name) for name in sorted(names) if name.endswith(endings)]
    return found


def without_comments(text):
    """C source without its comments and the insides of its literals; line ends stay."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub("[^\n]", " ", found)
        return found[0] + found[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def instrumentation(library):
    """The names of a checker or profiler that a library was built for; "" for a plain build."""
    names = must_run([tool("NM", "nm"), library])
    found = {kind for kind in ("asan", "ubsan", "tsan", "msan", "gcov")
             if re.search(r"\b_*%s_" % kind, names)}
    return ", ".join(sorted(found))


def have(program):
    return shutil.which(program) is not None
