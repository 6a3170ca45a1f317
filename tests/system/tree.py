#!/usr/bin/env python3
"""The tree by docs of style: heads, sizes, names that are not used, nothing of one machine."""

import os
import re

import support

FILE_LINES = 800
FUNCTION_LINES = 70
LIBRARY = ("src/", "include/")
OURS = LIBRARY + ("fuzz/", "bench/", "examples/", "tests/unit/")
BANNED = re.compile(r"\b(strcpy|strcat|strncpy|strtok|sprintf|vsprintf|atoi|gmtime|localtime)\s*\(")
HEAD = re.compile(r"/\* SPDX-License-Identifier: Apache-2\.0\n \*\n \* (\S+): \S")

# Paths and hosts of somebody's machine. Put together here, so that this file does not hold them.
MACHINE = [re.compile("(?<![\\w.])/" + name + "/") for name in ("work", "root", "home")]
HOST = re.compile(r"\bhttps?://(?:[^\s/@\"'<>]*@)?([A-Za-z0-9.-]+)")
PRIVATE = re.compile(r"^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)|"
                     r"\.(internal|local|lan|corp|intra|svc|cluster)$")
SETTINGS = re.compile(r"(index-url|registry|proxy)\s*=\s*https?:|GOPROXY\s*=\s*http", re.I)


def tracked(source):
    """The paths that git knows and that are still there; without git, all but builds."""
    ran = support.run(["git", "-C", source, "ls-files", "-z"]) if support.have("git") else None
    if ran and ran.status == 0 and ran.out:
        names = ran.out.decode().split("\0")
    else:
        names = [os.path.relpath(path, source) for path in support.files_below(source, "")]
        names = [name for name in names
                 if not re.match(r"(build|\.git)/|.*(node_modules|__pycache__)/", name)]
    return sorted(name for name in names if name and os.path.isfile(os.path.join(source, name)))


def functions(text):
    """(name, lines) of each function: from the line of its name to its closing brace, which stands
    in the first column."""
    lines = support.without_comments(text).split("\n")
    start = None
    for number, line in enumerate(lines):
        if re.match(r"[A-Za-z_].*\(", line) and not line.rstrip().endswith((";", "\\")):
            start = (number, re.search(r"(\w+)\s*\(", line).group(1))
        elif line.startswith("}") and start is not None:
            yield start[1], number - start[0] + 1
            start = None
        elif line.rstrip().endswith(";") and not line.startswith((" ", "\t", "{")):
            start = None


def check_source(checks, name, text):
    head = HEAD.match(text)
    checks.true(head is not None and head.group(1) == os.path.basename(name),
                "%s begins with the licence's line and what it is" % name, text[:120])
    found = BANNED.findall(support.without_comments(text))
    checks.equal(found, [], "%s uses nothing that is not used here" % name)
    wide = [line for line in text.split("\n") if len(line) > 100]
    checks.equal(wide, [], "%s: lines of more than 100 columns" % name)
    checks.true("\t" not in text and not re.search(r" $", text, re.M) and text.endswith("\n"),
                "%s: no tabs, no blanks at line ends, a line end at its end" % name)
    count = 0
    for function, lines in functions(text):
        count += 1
        if name.startswith(LIBRARY):
            checks.true(lines <= FUNCTION_LINES, "%s: %s() has %d lines" % (name, function, lines))
    if name.startswith(LIBRARY):
        lines = text.count("\n")
        checks.true(lines <= FILE_LINES, "%s has %d lines" % (name, lines))
    return count


def check_machine(checks, name, text):
    for pattern in MACHINE:
        found = pattern.search(text)
        checks.true(found is None, "%s names a folder of a machine" % name,
                    text[max(0, found.start() - 60):found.end() + 60] if found else "")
    checks.true(not SETTINGS.search(text), "%s names a registry" % name)
    if name.startswith("tests/recordings/"):  # their servers were on the recorder's machine
        return
    hosts = {host for host in HOST.findall(text) if PRIVATE.search(host)}
    checks.equal(sorted(hosts), [], "%s names hosts of a private network" % name)


def check_counter(checks):
    """The counter of lines itself."""
    text = "int a(void)\n{\n    x;\n}\n\nstruct s {\n    int b;\n};\n\nstatic int c(int x,\n" \
           "             int y)\n{\n    if (x) {\n    }\n}\n"
    checks.equal(list(functions(text)), [("a", 4), ("c", 6)], "lines of functions are counted")


def main():
    given = support.arguments()
    checks = support.Checks()
    check_counter(checks)
    files = count = 0
    for name in tracked(given.source):
        content = support.read_bytes(given.source, name)
        if b"\0" in content[:8192]:
            continue
        text = content.decode("utf-8", "replace")
        files += 1
        check_machine(checks, name, text)
        if name.startswith(OURS) and name.endswith((".c", ".h")):
            count += check_source(checks, name, text)
    checks.true(count > 100, "functions were found", count)
    checks.finish("%d files, %d functions of C" % (files, count))


if __name__ == "__main__":
    main()
