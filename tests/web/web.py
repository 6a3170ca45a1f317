#!/usr/bin/env python3
"""The page's own tests, as far as they are no tests of difystream: that web/dist is what web/src
gives, how large it is, its types and unit tests; and a way into those in a browser.

Building difystream needs no Node.js. Where it is missing, or web/node_modules is, a test is
skipped and says so; with CI in the environment it fails.

usage: web.py --source FOLDER --build FOLDER fresh|size|types|unit|browser [FILE.test.mjs]
"""

import argparse
import gzip
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import support

SIZE = 100_000  # bytes, compressed: what a browser loads to show a view
LOADED = ("index.html", "page.css", "icon.svg", "page.js")
LATER = "formatter.js"  # with each view: it may show Markdown
OLDEST_NODE = 18  # Debian 12's


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=os.path.abspath)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("what", choices=sorted(TESTS))
    parser.add_argument("file", nargs="?", type=os.path.abspath)
    given = parser.parse_args()
    given.web = os.path.join(given.source, "web")
    given.checks = support.Checks()
    given.checks.name = "web." + given.what
    return given


def missing(given):
    """What is not here; "" where all is."""
    if not support.have("node"):
        return "no Node.js"
    version = support.must_run(["node", "--version"])
    if int(re.match(r"v(\d+)", version).group(1)) < OLDEST_NODE:
        return "Node.js %s is older than %d" % (version.strip(), OLDEST_NODE)
    installed = os.path.join(given.web, "node_modules", ".installed-lock.json")
    if not os.path.isfile(installed):
        return "no web/node_modules"
    if support.read(installed) != support.read(given.web, "package-lock.json"):
        return "web/node_modules is not of this package-lock.json"
    return ""


def node(given, *words, **more):
    """Runs Node.js in web/, its words going where ours go; its status."""
    why = missing(given)
    if why:
        why += " (script/setup page)"
        if os.environ.get("CI"):
            print("%s: FAILED, since in CI nothing is to be missing: %s" % (given.checks.name, why))
            sys.exit(1)
        given.checks.skip(why)
    sys.stdout.flush()
    return subprocess.run(["node", *words], cwd=given.web, check=False, **more).returncode


def fresh(given):
    given.checks.equal(node(given, "build.mjs", "--check"), 0, "web/dist is what web/src gives")
    given.checks.finish("web/dist")


def with_imports(given, names):
    """The files and all that they import, but for what they import later."""
    found, open_ = set(), set(names)
    while open_:
        name = open_.pop()
        found.add(name)
        text = support.read(given.web, "dist", name) if name.endswith(".js") else ""
        open_ |= set(re.findall(r'(?:from|import)"\./([^"]+)"', text)) - found
    return found


def size(given):
    names = os.listdir(os.path.join(given.web, "dist"))
    views = sorted(name for name in names if name.startswith("view-"))
    given.checks.true(len(views) == 3, "the form, the runs and a run are files of their own", views)
    most = 0
    for view in views:
        loaded = with_imports(given, (*LOADED, LATER, view))
        total = sum(len(gzip.compress(support.read_bytes(given.web, "dist", name), 9, mtime=0))
                    for name in loaded)
        given.checks.true(total < SIZE, "%s: less than %d bytes, compressed" % (view, SIZE), total)
        most = max(most, total)
    given.checks.finish("%d of %d bytes at most" % (most, SIZE))


def types(given):
    compiler = os.path.join("node_modules", "typescript", "bin", "tsc")
    given.checks.equal(node(given, compiler, "--noEmit"), 0, "the types hold")
    given.checks.finish("tsc")


def unit(given):
    given.checks.equal(node(given, "build.mjs", "--tests"), 0, "the tests are built")
    folder = os.path.join(given.web, "build", "tests")
    names = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
             if name.endswith(".test.mjs")]
    given.checks.true(names, "there are tests")
    status = node(given, "--enable-source-maps", "--test", "--test-reporter=spec", *names)
    given.checks.equal(status, 0, "they hold")
    given.checks.finish("%d files" % len(names))


def browser(given):
    start = time.monotonic()
    status = node(given, given.file, "--source", given.source, "--build", given.build)
    print("%.1f s in all" % (time.monotonic() - start))
    sys.exit(status)


TESTS = {"fresh": fresh, "size": size, "types": types, "unit": unit, "browser": browser}


def main():
    given = arguments()
    TESTS[given.what](given)


if __name__ == "__main__":
    main()
