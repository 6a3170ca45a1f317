#!/usr/bin/env python3
"""What the shared and the static library offer is what the headers declare, and no more."""

import os
import re

import support

CHECKERS = re.compile(r"_*(asan|ubsan|tsan|msan|sanitizer|gcov|odr_asan|llvm_)")


def declared(checks, source):
    """Names of the functions that the public headers mark with DIFY_API; all have to be."""
    names = set()
    for path in support.files_below(os.path.join(source, "include"), ".h"):
        text = support.without_comments(support.read(path))
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        text = re.sub(r"\{[^{}]*\}", "", text)  # of enums and structs
        for declaration in text.split(";"):
            name = re.search(r"\b(dify_\w+)\s*\(", declaration)
            if name is None or re.search(r"\b(typedef|inline)\b", declaration):
                continue
            checks.true("DIFY_API" in declaration, "%s() is marked DIFY_API" % name.group(1))
            names.add(name.group(1))
        for name in re.findall(r"\bDIFY_API\b[^;(]*?(\w+)\s*[;(]", text):
            names.add(name)
    return names


def globals_of(words):
    out = support.must_run([support.tool("NM", "nm"), "--defined-only", "-f", "posix"] + words)
    names = {line.split()[0] for line in out.splitlines() if len(line.split()) >= 3}
    return {name for name in names if not CHECKERS.match(name)}


def main():
    given = support.arguments()
    checks = support.Checks()
    names = declared(checks, given.source)
    checks.true(len(names) > 20, "declarations were found", sorted(names))
    checks.equal(sorted(name for name in names if not re.match(r"dify_[a-z]", name)), [],
                 "public names begin with dify_")
    shared = os.path.join(given.build, "libdifystream.so")
    static = os.path.join(given.build, "libdifystream.a")
    if any(name.startswith("__gcov") for name in globals_of(["-D", shared])):
        checks.skip("gcov puts names of its own into the libraries")
    checks.equal(sorted(globals_of(["-D", shared]) - {"_init", "_fini"}), sorted(names),
                 "the shared library's symbols")
    checks.equal(sorted(globals_of(["-g", static])), sorted(names), "the static library's symbols")

    headers = support.must_run([support.tool("OBJDUMP", "objdump"), "-p", shared])
    version = re.search(r'DIFY_VERSION "(\d+\.\d+)\.\d+"', support.read(
        given.source, "include", "difystream", "version.h")).group(1)
    soname = re.findall(r"SONAME\s+(\S+)", headers)
    checks.equal(soname, ["libdifystream.so." + version], "the soname")
    needed = set(re.findall(r"NEEDED\s+(\S+)", headers))
    extra = {name for name in needed
             if not re.match(r"(libc|libm|libcurl|libyyjson|lib[a-z]+san|ld-linux\S*|libgcc_s)\.so", name)}
    checks.equal(sorted(extra), [], "the shared library needs libc, libcurl and yyjson alone")
    checks.finish("%d public functions in both libraries, the soname" % len(names))


if __name__ == "__main__":
    main()
