"""A page of the manual whose commands are run: its blocks of sh, in order, in an environment of the
test's own."""

import os
import re
import stat
import subprocess

import support


class Page:
    """Reads a page; run() does what it says.

    `root` stands for the machine's own folders and `where` for the folder that one works in.
    `changes` are pairs (before, after): what is replaced in each command, and has to be there at
    least once in the page."""

    def __init__(self, checks, source, name, root, where, changes, environment=None):
        self.checks, self.name, self.root, self.where = checks, name, root, where
        self.text = support.read(source, "docs", name)
        self.changes, self.used = changes, set()
        self.stubs = os.path.join(root, "stubs")
        os.makedirs(self.stubs, exist_ok=True)
        self.environment = dict(os.environ, **(environment or {}))
        self.environment["PATH"] = os.pathsep.join([
            self.stubs, os.path.join(root, "usr", "bin"), os.environ["PATH"]])
        self.ran = []

    def stub(self, name, text):
        """A program in place of the machine's own."""
        path = os.path.join(self.stubs, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/usr/bin/env bash\nset -euo pipefail\n" + text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def blocks(self):
        """(heading, language, text) of each block, as they stand."""
        heading = ""
        for found in re.finditer(r"^#+ ([^\n]*)$|^```(\w+)\n(.*?)^```$", self.text, re.M | re.S):
            if found.group(1) is not None:
                heading = found.group(1)
            else:
                yield heading, found.group(2), found.group(3)

    def changed(self, text):
        for before, after in self.changes:
            if before in text:
                self.used.add(before)
                text = text.replace(before, after)
        return text

    def run(self, heading, block, timeout_s=support.DEADLINE_S):
        """Runs a block; what it printed."""
        ran = support.run(["bash", "-euo", "pipefail", "-c", self.changed(block)], cwd=self.where,
                          environment=self.environment, timeout=timeout_s,
                          stdout=subprocess.PIPE)
        self.checks.true(ran.status == 0, "%s: %s: %s" % (self.name, heading, block.strip()), ran)
        self.ran.append(block)
        return (ran.out or b"").decode("utf-8", "replace")

    def check_changes(self):
        self.checks.equal([before for before, _ in self.changes if before not in self.used], [],
                          "%s: what is replaced and stands nowhere" % self.name)
