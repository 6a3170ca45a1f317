#!/usr/bin/env python3
"""Each claim of docs/threat-model.md names tests that exist, in files that have them."""

import json
import os
import re
import shutil
import subprocess

import support

REFERENCE = re.compile(r"`([a-z0-9.-]+): (tests/[\w/.]+) (\w+)`")


def claims(text):
    """(claim, what holds it) of the tables that say so."""
    is_claims = False
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            is_claims = False
        elif cells == ["claim", "held by"]:
            is_claims = True
        elif is_claims and set(line) - set("|-"):
            yield cells[0], cells[1] if len(cells) == 2 else ""


def commands(build):
    """Those of the build's tests, by name."""
    ctest = shutil.which("ctest") or os.path.join(os.path.dirname(os.environ["CMAKE"]), "ctest")
    listed = subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"],
                            capture_output=True, check=True, timeout=support.DEADLINE_S)
    return {test["name"]: test.get("command", []) for test in json.loads(listed.stdout)["tests"]}


def runs(command, path):
    """Whether a test's command is of this file: the script, or what is built from it."""
    name, kind = os.path.splitext(os.path.basename(path))
    if kind == ".py":
        return any(word.endswith("/" + path) for word in command)
    return any(os.path.basename(word).endswith("_" + name.removeprefix("test_"))
               for word in command[:1])


def has(text, function):
    """Whether a file has the function, and does more with it than to have it."""
    is_there = re.search(r"^(def |static void )%s\(" % function, text, re.M)
    return bool(is_there) and len(re.findall(r"\b%s\b" % function, text)) > 1


def main():
    given = support.arguments()
    checks, tests = support.Checks(), commands(given.build)
    text = support.read(os.path.join(given.source, "docs", "threat-model.md"))
    named = set()
    for claim, held in claims(text):
        found = REFERENCE.findall(held)
        checks.true(found and REFERENCE.sub("", held).strip(", ") == "",
                    "a claim is held by tests alone: " + claim, held)
        for name, path, function in found:
            named.add(path)
            whole = os.path.join(given.source, path)
            if checks.true(name in tests and os.path.isfile(whole), "%s of %s" % (name, path)):
                checks.true(runs(tests[name], path), "%s runs %s" % (name, path), tests[name])
                checks.true(has(support.read(whole), function), "%s has %s" % (path, function))
    checks.true(len(named) > 10, "the claims were found", named)
    checks.equal(text.count("`tests/") + text.count(": tests/"), len(REFERENCE.findall(text)),
                 "every reference is in a row of claims, in the form that is checked")
    checks.finish("%d files" % len(named))


if __name__ == "__main__":
    main()
