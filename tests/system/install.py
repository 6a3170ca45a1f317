#!/usr/bin/env python3
"""An installed difystream: its files, and programs built against it from elsewhere.

The program is the README's C example. The prefix is then moved, and all works again.
"""

import os
import re
import shutil
import subprocess

import support

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(difystream 0.1 REQUIRED)
foreach(kind difystream difystream_static)
    add_executable(use_${kind} x.c)
    target_link_libraries(use_${kind} PRIVATE difystream::${kind})
endforeach()
"""


def expected_files(source):
    """Paths below the prefix, `LIB` being the folder of the libraries."""
    headers = os.listdir(os.path.join(source, "include", "difystream"))
    full = re.search(r'DIFY_VERSION "([\d.]+)"', support.read(
        source, "include", "difystream", "version.h")).group(1)
    return sorted(
        ["bin/difystream", "LIB/libdifystream.a", "LIB/libdifystream.so",
         "LIB/libdifystream.so." + full.rsplit(".", 1)[0], "LIB/libdifystream.so." + full,
         "LIB/pkgconfig/difystream.pc"] +
        ["LIB/cmake/difystream/difystream" + name for name in (
            "Config.cmake", "ConfigVersion.cmake", "Targets.cmake", "Targets-TYPE.cmake")] +
        ["include/difystream/" + name for name in headers if name.endswith(".h")] +
        ["share/doc/difystream/" + name for name in ("README.md", "LICENSE", "CHANGELOG.md")] +
        ["share/man/man1/difystream.1", "share/bash-completion/completions/difystream",
         "share/zsh/site-functions/_difystream",
         "share/fish/vendor_completions.d/difystream.fish"])


def found_files(prefix, lib):
    names = [os.path.relpath(path, prefix) for path in support.files_below(prefix, "")]
    names = [re.sub("^%s/" % re.escape(lib), "LIB/", name) for name in names]
    return sorted(re.sub(r"Targets-[a-z]+\.cmake$", "Targets-TYPE.cmake", name) for name in names)


def is_optional(name):
    """Documents may come and go."""
    return name.startswith("share/doc/difystream/")


def find_lib(prefix):
    """The folder of the libraries below the prefix: lib, lib64 or lib/<machine>."""
    for path in support.files_below(prefix, "difystream.pc"):
        return os.path.relpath(os.path.dirname(os.path.dirname(path)), prefix)
    return "lib"


class User:
    """A program of somebody else's, in a folder of its own, using what is at `prefix`."""

    def __init__(self, checks, prefix, where, text, stream, output):
        self.checks, self.prefix, self.where = checks, prefix, where
        self.text, self.stream, self.output = text, stream, output
        self.lib = os.path.join(prefix, find_lib(prefix))
        os.makedirs(where)
        with open(os.path.join(where, "x.c"), "w", encoding="utf-8") as file:
            file.write(text)

    def check_run(self, program, what, environment=None):
        ran = support.run([program, self.stream], environment=environment, cwd=self.where)
        self.checks.equal((ran.status, ran.out), (0, self.output), what + " runs: " + ran.err)

    def by_pkg_config(self, is_static):
        what = "pkg-config, %s" % ("static" if is_static else "shared")
        environment = {"PKG_CONFIG_PATH": os.path.join(self.lib, "pkgconfig")}
        flags = support.must_run(["pkg-config", "--cflags", "--libs"] +
                                 (["--static"] if is_static else []) + ["difystream"],
                                 environment=environment).split()
        if is_static:  # of the two libraries there the static one
            at = flags.index("-ldifystream")
            flags[at:at + 1] = ["-Wl,-Bstatic", "-ldifystream", "-Wl,-Bdynamic"]
        program = os.path.join(self.where, "static" if is_static else "shared")
        ran = support.run([support.tool("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic",
                           "-Werror", "x.c", "-o", program] + flags, cwd=self.where)
        if self.checks.true(ran.status == 0, what + " builds", ran.err):
            self.check_run(program, what, None if is_static else {"LD_LIBRARY_PATH": self.lib})

    def by_cmake(self):
        with open(os.path.join(self.where, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write(PROJECT)
        cmake = support.tool("CMAKE", "cmake")
        for words in ([cmake, "-S", ".", "-B", "b", "-DCMAKE_PREFIX_PATH=" + self.prefix,
                       "-DCMAKE_C_COMPILER=" + support.tool("CC", "cc")],
                      [cmake, "--build", "b"]):
            ran = support.run(words, cwd=self.where)
            if not self.checks.true(ran.status == 0, "find_package: " + " ".join(words[:2]),
                                    ran.err + (ran.out or b"").decode("utf-8", "replace")):
                return
        for kind in ("difystream", "difystream_static"):
            self.check_run(os.path.join(self.where, "b", "use_" + kind), "find_package, " + kind)

    def by_cxx(self):
        """A C++ program finds the functions, too: the headers give them C linkage."""
        cxx = next((name for name in ("c++", "g++", "clang++") if support.have(name)), None)
        if cxx is None:
            print("no C++ compiler here: no C++ program was built")
            return
        ran = support.run([cxx, "-x", "c++", "-", "-o", os.path.join(self.where, "cxx"), "-I",
                           os.path.join(self.prefix, "include"), "-L", self.lib, "-ldifystream"],
                          b"#include <difystream/version.h>\n"
                          b"int main() { return dify_version() == nullptr; }\n")
        self.checks.true(ran.status == 0, "a C++ program links", ran.err)

    def check_all(self):
        self.by_cxx()
        self.by_pkg_config(False)
        self.by_pkg_config(True)
        self.by_cmake()


def examples(source):
    """The README's C programs: one that runs a workflow, one that folds a recorded stream."""
    return re.findall(r"^```c\n(.*?)^```", support.read(source, "README.md"), re.M | re.S)


def check_run(checks, prefix, where, text):
    """The README's program that runs a workflow, on the installed simulator."""
    lib = os.path.join(prefix, find_lib(prefix))
    flags = support.must_run(["pkg-config", "--cflags", "--libs", "difystream"], environment={
        "PKG_CONFIG_PATH": os.path.join(lib, "pkgconfig")}).split()
    os.makedirs(where)
    with open(os.path.join(where, "run.c"), "w", encoding="utf-8") as file:
        file.write(text)
    ran = support.run([support.tool("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic",
                       "-Werror", "run.c", "-o", "run"] + flags, cwd=where)
    if not checks.true(ran.status == 0, "the README's run program builds", ran.err):
        return
    command = [os.path.join(prefix, "bin", "difystream"), "sim", "--listen", "127.0.0.1:0",
               "--speed", "20", "--fault", "reset-after-events=8,times=1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as simulator:
        try:
            url = re.search(r"http://\S+", simulator.stderr.readline()).group(0)
            ran = support.run([os.path.join(where, "run"), url, '{"topic":"tea"}'], environment={
                "DIFY_API_KEY": "app-summary", "LD_LIBRARY_PATH": lib})
        finally:
            simulator.kill()
    checks.true(ran.status == 0 and b'"status": "succeeded"' in ran.out, "it runs a workflow", ran)
    checks.true("search succeeded" in ran.err and "taken up again" in ran.err,
                "it shows nodes, and that the run was taken up again", ran.err)


def without_head(text):
    """A program without the comment that it begins with."""
    return text[text.index("*/") + 3:].lstrip("\n")


def write_stream(where):
    """A recorded run whose output `text` is known."""
    path = os.path.join(where, "stream.sse")
    with open(path, "wb") as file:
        file.write('data: {"event":"workflow_started","workflow_run_id":"r","task_id":"t",'
                   '"data":{"id":"r"}}\n\n'
                   'data: {"event":"workflow_finished","data":{"status":"succeeded",'
                   '"outputs":{"text":"合格 \\ud83d\\ude00"}}}\n\n'.encode())
    return path, "合格 \U0001F600\n".encode()


def check_recording(checks, prefix):
    """The installed command on a recording of a real Dify, from a folder that is not ours."""
    import recorded
    name, at = recorded.streams()[0]
    ran = support.run([os.path.join(prefix, "bin", "difystream"), "fold",
                       os.path.join(at, "response.body")], cwd=prefix)
    checks.true(ran.out.startswith(b'{"success":') and ran.err == "", "folds " + name, ran)


def main():
    given = support.arguments()
    checks = support.Checks()
    checker = support.instrumentation(os.path.join(given.build, "libdifystream.a"))
    if checker:
        checks.skip("this build is made for %s, and so would be every program that links it"
                    % checker)
    with support.folder() as top:
        prefix = os.path.join(top, "first")
        support.must_run([support.tool("CMAKE", "cmake"), "--install", given.build, "--prefix",
                          prefix], cwd=top)
        found = found_files(prefix, find_lib(prefix))
        expected = expected_files(given.source)
        checks.equal([name for name in found if name not in expected and not is_optional(name)],
                     [], "files installed that are on no list")
        checks.equal([name for name in expected if name not in found], [], "files not installed")
        for path in support.files_below(prefix, ".pc", ".cmake"):
            checks.true(given.source not in support.read(path) and top not in support.read(path),
                        os.path.basename(path) + " names no folder of this machine")
        stream, output = write_stream(top)
        run, text = examples(given.source)
        checks.equal(run, without_head(support.read(given.source, "examples", "run.c")),
                     "the README's program is examples/run.c")
        check_run(checks, prefix, os.path.join(top, "runs"), run)
        User(checks, prefix, os.path.join(top, "user one"), text, stream, output).check_all()
        check_recording(checks, prefix)

        moved = os.path.join(top, "second", "place")
        os.makedirs(os.path.dirname(moved))
        shutil.move(prefix, moved)
        User(checks, moved, os.path.join(top, "user two"), text, stream, output).check_all()
        check_recording(checks, moved)
    checks.finish("%d files installed; shared, static and CMake users, before and after a move"
                  % len(found))


if __name__ == "__main__":
    main()
