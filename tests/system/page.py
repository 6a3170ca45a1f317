"""A page of the manual whose commands are run: its blocks of sh, in order, in an environment of the
test's own."""

import os
import re
import shlex
import stat
import sys

import support

SUDO = r"""
while [[ $# -gt 0 && $1 == *=* ]]; do export "$1"; shift; done
exec "$@"
"""
APT_GET = r"""
[[ $1 == install ]]
kept=$(mktemp)
config=%(root)s/etc/difystream/config.yaml
[[ ! -e $config ]] || cp -p "$config" "$kept"
for component in command service; do
    DESTDIR=%(root)s %(cmake)s --install %(build)s --prefix /usr --component $component
done
[[ ! -s $kept ]] || cp -p "$kept" "$config"
rm "$kept"
[[ ! -e %(root)s/run/difystream/pid ]] || systemctl restart difystream
"""


class Page:
    """Reads a page; run() does what it says.

    `root` stands for the machine's own folders and `where` for the folder that one works in.
    `changes` are pairs (before, after): what is replaced in each command, and has to be there at
    least once in the page. sudo and apt-get are stubs; systemctl is manager.py."""

    def __init__(self, checks, given, name, root, where, changes):
        self.checks, self.name, self.root, self.where = checks, name, root, where
        self.text = support.read(given.source, "docs", name)
        self.changes, self.used, self.exports = changes, set(), ""
        self.stubs = os.path.join(root, "stubs")
        for folder in (self.stubs, os.path.join(root, "usr", "bin"), os.path.join(root, "run")):
            os.makedirs(folder)
        self.environment = {
            "DIFYSTREAM_SPEED": "20", "NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.pathsep.join([self.stubs, os.path.join(root, "usr", "bin"),
                                     os.environ["PATH"]])}
        values = {"root": shlex.quote(root), "build": shlex.quote(given.build),
                  "cmake": shlex.quote(support.tool("CMAKE", "cmake"))}
        self.stub("sudo", SUDO)
        self.stub("apt-get", APT_GET % values)
        self.stub("systemctl", "exec %s %s %s \"$@\"\n" % tuple(map(shlex.quote, (
            sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "manager.py"),
            root))))

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
        """Runs a block; what it printed. What it exports, later blocks have, too."""
        ran = support.run(["bash", "-euo", "pipefail", "-c", self.exports + self.changed(block)],
                          cwd=self.where, environment=self.environment, timeout=timeout_s)
        self.checks.true(ran.status == 0, "%s: %s: %s" % (self.name, heading, block.strip()), ran)
        self.exports += "".join(line + "\n" for line in self.changed(block).split("\n")
                                if line.startswith("export "))
        return (ran.out or b"").decode("utf-8", "replace")

    def systemctl(self, *words):
        return support.run([os.path.join(self.stubs, "systemctl"), *words],
                           environment=self.environment)

    def journal(self):
        return support.read(self.root, "run", "difystream", "journal")

    def check_changes(self):
        self.checks.equal([before for before, _ in self.changes if before not in self.used], [],
                          "%s: what is replaced and stands nowhere" % self.name)
