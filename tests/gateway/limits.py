#!/usr/bin/env python3
"""docs/limits.md has every ceiling and clock of the gateway's headers, with its value, and no other."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import support  # noqa: E402

HEADERS = ["src/gateway/limits.h", "src/http/limits.h", "src/store/store.h",
           "src/store/log.h", "src/conf/file.h",
           "src/conf/api_key.h"]
# Sizes that nature gives, which nobody meets.
NO_LIMITS = {"STORE_ID_BYTES", "STORE_HASH_BYTES", "STORE_ERROR_BYTES", "STORE_RECORD_HEAD"}
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "ms": 1, "s": 1000,
         "h": 3600000, "d": 86400000}


def of_header(text):
    """{name: value} of the macros that stand for numbers."""
    text = re.sub(r"/\*.*?\*/", "", text.replace("\\\n", " "), flags=re.S)
    found = {}
    for name, value in re.findall(r"^#define (\w+) +(\S.*?) *$", text, re.M):
        value = re.sub(r"\((?:size_t|uint\d+_t)\)", "", value)
        if re.fullmatch(r"[\dxA-Fa-f+*()<\- ]+", value):
            found[name] = eval(value, {"__builtins__": {}})  # digits and operators alone
    return found


def value_of(name, text):
    """A cell's number, in the unit of the name."""
    parsed = re.fullmatch(r"([\d,]+)(?: (\w+))?", text)
    if parsed is None or (parsed.group(2) or "") not in UNITS:
        return None
    value = int(parsed.group(1).replace(",", "")) * UNITS[parsed.group(2) or ""]
    return value // 1000 if name.endswith("_S") else value


def main():
    given = support.arguments()
    checks = support.Checks()
    checks.name = "gateway.limits"
    wanted = {}
    for header in HEADERS:
        found = of_header(support.read(given.source, *header.split("/")))
        checks.true(found, "%s has limits" % header)
        wanted.update(found)
    for name in NO_LIMITS:
        checks.true(wanted.pop(name, None), "%s is there" % name)
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \| ([^|]*?) \|$",
                      support.read(given.source, "docs", "limits.md"), re.M)
    names = [name for name, _, _ in rows]
    checks.equal(sorted(names), sorted(set(names)), "no limit stands there twice")
    checks.equal(sorted(set(wanted) - set(names)), [], "limits that docs/limits.md lacks")
    checks.equal(sorted(set(names) - set(wanted)), [], "limits that no header has")
    for name, text, what in rows:
        checks.equal(value_of(name, text), wanted.get(name), "the value of %s" % name)
        checks.true(what, "%s is explained" % name)
    checks.finish("%d limits of the headers and of the manual" % len(wanted))


if __name__ == "__main__":
    main()
