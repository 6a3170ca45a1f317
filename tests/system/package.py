#!/usr/bin/env python3
"""The Debian packages, as cpack makes them of this build: their fields, files and modes, the service
and the configuration in them."""

import os
import re
import stat
import struct
import tarfile

import support

EXPOSURE = 15  # tenths; what `systemd-analyze security` may say at most
KEY = "app-package-secret"


class Package:
    """One package: its fields, and what its archive has by path."""

    def __init__(self, path, where):
        self.path = path
        text = support.must_run(["dpkg-deb", "--field", path])
        self.fields = dict(re.findall(r"^([A-Za-z-]+): (.*(?:\n .*)*)", text, re.M))
        self.name = self.fields["Package"]
        self.root = os.path.join(where, self.name)
        support.must_run(["dpkg-deb", "--raw-extract", path, self.root])
        self.control = os.path.join(self.root, "DEBIAN")
        ran = support.run(["dpkg-deb", "--fsys-tarfile", path])
        archive = os.path.join(where, self.name + ".tar")
        with open(archive, "wb") as file:
            file.write(ran.out)
        with tarfile.open(archive) as tar:
            self.members = {member.name.lstrip("."): member for member in tar}

    def depends(self):
        return {re.split(r"[ (]", each)[0]: each
                for each in self.fields.get("Depends", "").split(", ")}

    def has(self, pattern):
        return any(re.fullmatch(pattern, name) for name in self.members)


def make(checks, given, where):
    """The packages of the build, by name."""
    cmake = support.tool("CMAKE", "cmake")
    cpack = os.path.join(os.path.dirname(cmake), "cpack") if os.path.dirname(cmake) else "cpack"
    ran = support.run([cpack, "-G", "DEB", "--config",
                       os.path.join(given.build, "CPackConfig.cmake"), "-D",
                       "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", "-B", where], cwd=where,
                      timeout=4 * support.DEADLINE_S)
    if not checks.true(ran.status == 0, "cpack makes packages", ran):
        checks.finish("nothing more")
    found = [Package(path, where) for path in support.files_below(where, ".deb")
             if "_CPack_Packages" not in path]
    return {package.name: package for package in found}


def check_fields(checks, package, version):
    fields, what = package.fields, package.name
    checks.true(re.fullmatch(re.escape(version) + r"-\S+", fields["Version"]), what + ": version",
                fields["Version"])
    checks.true(re.fullmatch(r"[^<>]+ <[^<>@\s]+@[^<>@\s]+>", fields["Maintainer"]),
                what + ": who answers for it", fields["Maintainer"])
    synopsis, _, rest = fields["Description"].partition("\n")
    checks.true(0 < len(synopsis) < 80 and not synopsis.endswith("."), what + ": synopsis",
                synopsis)
    checks.true(rest and all(len(line) <= 80 for line in rest.split("\n")),
                what + ": description", rest)
    for name in ("Section", "Priority", "Architecture", "Installed-Size"):
        checks.true(fields.get(name), "%s: %s" % (what, name))


def check_files(checks, package):
    what = package.name
    sums = {"/" + path for path in re.findall(
        r"^[0-9a-f]{32} [ *](.+)$", support.read(package.control, "md5sums"), re.M)}
    for name, member in package.members.items():
        checks.equal((member.uid, member.gid), (0, 0), "%s: %s is root's" % (what, name))
        checks.true(not name or name.split("/")[1] in ("etc", "usr", ""),
                    "%s: %s lies in /etc or /usr" % (what, name))
        if member.isfile():
            checks.true(name in sums, "%s: %s has its sum" % (what, name))
            is_program = name.startswith("/usr/bin/")
            checks.equal(oct(member.mode & 0o7777), oct(0o755 if is_program else 0o644),
                         "%s: mode of %s" % (what, name))
        elif member.isdir() and not name.endswith("/keys"):
            checks.equal(oct(member.mode & 0o7777), oct(0o755), "%s: mode of %s" % (what, name))
        elif member.issym():
            checks.true("/" not in member.linkname, "%s: %s leads to its neighbour" % (what, name))
    at = "/usr/share/doc/%s/" % what
    for name in ("copyright", "changelog.gz", "changelog.Debian.gz"):
        checks.true(at + name in package.members, "%s has its %s" % (what, name))
    for path in support.files_below(package.root, ".gz"):
        head = support.read_bytes(path)[:8]
        checks.equal((head[:2], struct.unpack("<I", head[4:])), (b"\x1f\x8b", (0,)),
                     "%s is compressed without a time" % os.path.basename(path))
    for name in ("postinst", "prerm", "postrm"):
        path = os.path.join(package.control, name)
        if os.path.exists(path):
            text = support.read(path)
            checks.true(text.startswith("#!/bin/sh\n") and "\nset -e\n" in text,
                        "%s: %s stops at what fails" % (what, name))
            checks.equal(stat.S_IMODE(os.stat(path).st_mode), 0o755, "%s can be run" % name)
            checks.equal(support.run(["sh", "-n", path]).status, 0, "%s: %s parses" % (what, name))


def check_service(checks, package, given):
    """The package with the command: its files, its configuration, its unit."""
    wanted = ["/etc/difystream/config.yaml", "/etc/difystream/keys", "/usr/bin/difystream",
              "/usr/lib/systemd/system/difystream.service", "/usr/share/man/man1/difystream.1.gz",
              "/usr/share/bash-completion/completions/difystream",
              "/usr/share/zsh/site-functions/_difystream",
              "/usr/share/fish/vendor_completions.d/difystream.fish",
              "/usr/share/doc/difystream/examples/alerts.yaml"]
    checks.equal([name for name in wanted if name not in package.members], [],
                 "files that it lacks")
    checks.true(not package.has(r"/usr/(include|lib/.*\.(so|a|pc|cmake)).*"),
                "it has nothing of the library")
    checks.equal(oct(package.members["/etc/difystream/keys"].mode & 0o7777), oct(0o700),
                 "only root sees the keys")
    conffiles = support.read(package.control, "conffiles").split()
    checks.equal(conffiles, sorted(name for name, member in package.members.items()
                                   if name.startswith("/etc/") and member.isfile()),
                 "what lies in /etc is configuration")
    needs = package.depends()
    for name in ("libc6", "libcurl4", "libsqlite3-0", "libssl3", "libuv1", "libyaml-0-2",
                 "adduser"):
        checks.true(any(re.match(re.escape(name) + r"(t64)?$", each) for each in needs),
                    "it depends on " + name, needs)
    program = os.path.join(package.root, "usr", "bin", "difystream")
    ran = support.run([program, "--version"])
    checks.true(ran.status == 0 and ran.out.startswith(b"difystream "), "its command runs", ran)
    dynamic = support.run([support.tool("OBJDUMP", "objdump"), "-h", program]).out or b""
    checks.true(b".debug_info" not in dynamic, "it is stripped")
    for text in (support.read(given.source, "packaging", name)
                 for name in ("config.yaml", "difystream.service")):
        for path in re.findall(r"/usr/[\w./-]*\w", text):
            checks.true(path in package.members, "what is named is there: " + path)


def check_configuration(checks, package, where):
    """The configuration as it is installed is right once its key is there."""
    program = os.path.join(package.root, "usr", "bin", "difystream")
    path = os.path.join(package.root, "etc", "difystream", "config.yaml")
    keys = os.path.join(where, "keys")
    os.mkdir(keys)
    environment = {"CREDENTIALS_DIRECTORY": keys, "STATE_DIRECTORY": where}
    check = [program, "serve", "--check", "--config", path]
    ran = support.run(check, environment=environment)
    checks.true(ran.status == 2 and "cannot read key file %s/dify: " % keys in ran.err,
                "without its key that is told", ran)
    with open(os.path.join(keys, "dify"), "w", encoding="ascii",
              opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(KEY + "\n")
    ran = support.run(check, environment=environment)
    out = (ran.out or b"").decode()
    checks.true(ran.status == 0 and KEY not in out + ran.err, "with its key it is right", ran)
    for part in ("- 127.0.0.1:8000\n", "path: %s/gateway.db\n" % where):
        checks.true(part in out, "it is as it says: " + part, out)


def check_unit(checks, package, where):
    """systemd's own opinion of the unit."""
    if not support.have("systemd-analyze"):
        print("systemd-analyze is not here: nobody but us looked at the unit")
        return
    text = support.read(package.root, "usr", "lib", "systemd", "system", "difystream.service")
    program = os.path.join(package.root, "usr", "bin", "difystream")
    checks.true("ExecStart=/usr/bin/difystream serve " in text, "the unit serves")
    unit = os.path.join(where, "difystream.service")
    with open(unit, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/bin/difystream", program))
    ran = support.run(["systemd-analyze", "--man=no", "verify", unit])
    # Of units of this machine it may have something to say as well.
    said = [line for line in ran.err.split("\n") if "difystream" in line]
    checks.equal(said, [], "systemd-analyze verify")
    ran = support.run(["systemd-analyze", "security", "--offline=true",
                       "--threshold=%d" % EXPOSURE, unit])
    if "offline" in ran.err:
        print("systemd-analyze is too old to weigh a unit that is not loaded")
        return
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ran.out.decode())
    checks.true(ran.status == 0 and found, "systemd-analyze security", ran.out.decode()[-600:])
    print("exposure of the service: %s of 10" % (found.group(1) if found else "?"))


def check_library(checks, library, development, version):
    soname = "libdifystream.so." + version.rsplit(".", 1)[0]
    checks.true(library.has(r"/usr/lib/(.*/)?" + re.escape(soname)), "the library has its soname")
    checks.true(re.match(r"libdifystream %s %s\b" % (re.escape(version.rsplit(".", 1)[0]),
                                                    re.escape(library.name)),
                         support.read(library.control, "shlibs")), "dpkg learns of it")
    checks.true("ldconfig" in support.read(library.control, "triggers"), "ld.so learns of it")
    checks.equal(development.depends().get(library.name),
                 "%s (= %s)" % (library.name, library.fields["Version"]),
                 "what programs are built with is of the same version")
    for pattern in (r"/usr/include/difystream/run\.h", r"/usr/lib/(.*/)?libdifystream\.(so|a)",
                    r"/usr/lib/(.*/)?pkgconfig/difystream\.pc",
                    r"/usr/lib/(.*/)?cmake/difystream/difystreamConfig\.cmake"):
        checks.true(development.has(pattern), "it has " + pattern)


def main():
    given = support.arguments()
    checks = support.Checks()
    for program in ("dpkg-deb", "dpkg-shlibdeps", "file"):
        if not support.have(program):
            checks.skip(program + " is not here")
    checker = support.instrumentation(os.path.join(given.build, "libdifystream.a"))
    if checker:
        checks.skip("this build is made for %s" % checker)
    version = re.search(r'DIFY_VERSION "([\d.]+)"', support.read(
        given.source, "include", "difystream", "version.h")).group(1)
    library = "libdifystream" + version.rsplit(".", 1)[0]
    with support.folder() as where:
        packages = make(checks, given, where)
        checks.equal(sorted(packages), sorted(["difystream", library, "libdifystream-dev"]),
                     "the packages")
        for package in packages.values():
            check_fields(checks, package, version)
            check_files(checks, package)
        check_service(checks, packages["difystream"], given)
        check_configuration(checks, packages["difystream"], where)
        check_unit(checks, packages["difystream"], where)
        check_library(checks, packages[library], packages["libdifystream-dev"], version)
    checks.finish(", ".join(sorted(packages)))


if __name__ == "__main__":
    main()
