#!/usr/bin/env python3
"""The layers of the design, as includes, as symbols, and as headers that stand alone."""

import os
import re

import support

# A folder of src/ and what its files may include besides their own folder's headers: folders, or
# single headers. Of the core the HTTP layer uses memory and bytes, nothing that knows Dify.
LAYERS = {
    "core": {"difystream", "yyjson"},
    "client": {"difystream", "core"},
    "store": {"difystream", "core"},
    "http": {"difystream", "core/alarms.h", "core/memory.h", "core/slices.h", "core/hex.h",
             "core/prefetch.h", "core/utf8.h"},
    "conf": {"difystream", "core"},
    "gateway": {"difystream", "http", "client", "store", "core", "conf"},
    "sim": {"difystream", "http", "core", "conf"},
    "cli": {"difystream", "core", "client", "store", "http", "gateway", "sim", "conf"},
}
# What a folder may use of other libraries ("libc" is any header of libc or POSIX).
OTHERS = {"client": {"curl", "yyjson"}, "store": {"sqlite3"}, "http": {"uv", "llhttp"},
          "conf": {"yaml"}, "gateway": {"uv", "yyjson", "yaml", "openssl"}, "sim": {"uv", "yyjson", "yaml"},
          "cli": {"uv", "yaml"}}
LIBRARY_OF = {"yyjson.h": "yyjson", "uv.h": "uv", "llhttp.h": "llhttp", "sqlite3.h": "sqlite3",
              "yaml.h": "yaml"}

# The core has no I/O, clock, threads or locale: these headers of libc and no others.
CORE_LIBC = {"assert.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
PUBLIC_LIBC = {"stdbool.h", "stddef.h", "stdint.h"}

# What the core's objects may import.
MEMORY = {"malloc", "realloc", "free", "memcpy", "memmove", "memset", "memcmp", "memchr", "memrchr",
          "strlen", "strchr", "strcmp", "strncmp", "__stack_chk_fail", "__assert_fail",
          "_GLOBAL_OFFSET_TABLE_", "__memcpy_chk", "__memmove_chk", "__memset_chk"}
CHECKERS = re.compile(r"_*(asan|ubsan|tsan|msan|sanitizer|gcov|odr_asan|llvm_gc|llvm_profile)")


def includes(path):
    text = support.read(path)
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^>"]+)[>"]', text, re.M)


def allowed(folder, name):
    """Whether a file of src/FOLDER may include NAME."""
    first = name.split("/")[0]
    if "/" in name and (first in LAYERS or first == "difystream"):
        return first == folder or bool({first, name} & LAYERS[folder])
    library = LIBRARY_OF.get(name, first if first in ("curl", "openssl") else None)
    if library is not None:
        return library in LAYERS[folder] | OTHERS.get(folder, set())
    return name in CORE_LIBC if folder == "core" else "/" not in name or first == "sys" \
        or first in ("netinet", "arpa")


def check_includes(checks, source):
    for path in support.files_below(os.path.join(source, "src"), ".c", ".h"):
        name = os.path.relpath(path, os.path.join(source, "src"))
        folder = name.split(os.sep)[0]
        if not checks.true(folder in LAYERS, "src/%s: a folder of the design" % name):
            continue
        for include in includes(path):
            checks.true(allowed(folder, include), "src/%s may not include %s" % (name, include))
    public = os.path.join(source, "include", "difystream")
    names = {"difystream/" + name for name in os.listdir(public)}
    for path in support.files_below(public, ".h"):
        for include in includes(path):
            checks.true(include in names | PUBLIC_LIBC,
                        "%s is public and may not include %s" % (os.path.basename(path), include))


def compiles(compiler, language, include, text):
    return support.run([compiler, "-x", language[0], "-std=" + language[1], "-Wall", "-Wextra",
                        "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include, "-"],
                       text.encode())


def constants(path):
    """Macros of a header that stand for values."""
    found = re.findall(r"^#define (DIFY_\w+) +(?!__attribute__|extern|\})\S", support.read(path), re.M)
    return [name for name in found if name not in ("DIFY_API", "DIFY_MUST_CHECK")]


def check_headers(checks, source):
    """Each public header compiles alone, twice over, as C11 and as C++; its constants can be used
    with nothing else included."""
    languages = [(support.tool("CC", "cc"), ("c", "c11"))]
    cxx = next((name for name in ("c++", "g++", "clang++") if support.have(name)), None)
    if cxx is None:
        print("no C++ compiler here: headers are compiled as C only")
    else:
        languages.append((cxx, ("c++", "c++11")))
    include = os.path.join(source, "include")
    for path in support.files_below(os.path.join(include, "difystream"), ".h"):
        name = os.path.basename(path)
        text = "#include <difystream/%s>\n" % name * 2 + "int unit;\n"
        for compiler, language in languages:
            ran = compiles(compiler, language, include, text)
            checks.true(ran.status == 0, "%s alone as %s" % (name, language[1]), ran.err)
        for constant in constants(path):
            ran = compiles(languages[0][0], languages[0][1], include,
                           text + "enum { size = sizeof(%s) };\n" % constant)
            checks.true(ran.status == 0, "%s can be used with %s alone" % (constant, name), ran.err)


def check_objects(checks, source, build):
    objects = support.files_below(os.path.join(build, "CMakeFiles", "dify_core.dir"), ".o")
    sources = support.files_below(os.path.join(source, "src", "core"), ".c")
    checks.equal(len(objects), len(sources), "an object for each file of src/core")
    nm, objdump = support.tool("NM", "nm"), support.tool("OBJDUMP", "objdump")
    defined = set(support.must_run([nm, "--defined-only", "-f", "posix"] + objects).split())
    imported = re.findall(r"^(\S+) U\b", support.must_run([nm, "-u", "-f", "posix"] + objects), re.M)
    for name in sorted(set(imported)):
        if name not in defined and not CHECKERS.match(name):
            checks.true(name in MEMORY or name.startswith("yyjson_"), "the core imports " + name)
    checks.true(len(set(imported)) > 5, "some imports were seen", imported)
    # Symbols in sections that can be written to; .data.rel.ro is read-only once it is loaded.
    table = support.must_run([objdump, "-t"] + objects)
    writable = re.findall(r"^[0-9a-f]+ .{7} (\*COM\*|\.(?:data|bss)\S*)\t[0-9a-f]+ +(?:\.hidden )?(\S+)",
                          table, re.M)
    found = [name for section, name in writable if not section.startswith(".data.rel.ro")
             and not CHECKERS.match(name) and not name.startswith((".", "_ub", "L"))]
    checks.true("*UND*" in table, "objdump's table was read")
    checks.equal(sorted(set(found)), [], "no writable globals in the core")


def main():
    given = support.arguments()
    checks = support.Checks()
    check_includes(checks, given.source)
    check_headers(checks, given.source)
    check_objects(checks, given.source, given.build)
    checks.finish("includes, public headers, the core's imports and globals")


if __name__ == "__main__":
    main()
