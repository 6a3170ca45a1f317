#!/usr/bin/env python3
"""A stand-in for systemctl: as much of systemd as a service of Type=notify needs.

usage: manager.py ROOT COMMAND [OPTION]... [UNIT]

The unit is read from below ROOT, with its drop-ins: ExecStart=, LoadCredential=, StateDirectory=.
Units that are not there (nginx, caddy) are only noted, in ROOT/run/asked."""

import glob
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys

DEADLINE_S = 60


class Unit:
    def __init__(self, root, name):
        self.root, self.name = root, name
        self.run = os.path.join(root, "run", name)
        self.pid_file = os.path.join(self.run, "pid")
        path = os.path.join(root, "usr", "lib", "systemd", "system", name + ".service")
        self.is_there = os.path.exists(path)
        paths = [path] + sorted(glob.glob(os.path.join(
            root, "etc", "systemd", "system", name + ".service.d", "*.conf")))
        self.settings = {}
        for path in paths if self.is_there else []:
            with open(path, encoding="utf-8") as file:
                for key, value in re.findall(r"^(\w+)=(.*)$", file.read(), re.M):
                    self.settings.setdefault(key, []).append(value)

    def below(self, path):
        is_ours = path.startswith(self.root + "/")  # a drop-in that a test has written
        return self.root + path if path.startswith("/") and not is_ours else path

    def start(self):
        os.makedirs(self.run, exist_ok=True)
        credentials = os.path.join(self.run, "credentials")
        shutil.rmtree(credentials, ignore_errors=True)
        os.mkdir(credentials, 0o700)
        for each in self.settings.get("LoadCredential", []):
            name, _, path = each.partition(":")
            shutil.copyfile(self.below(path), os.path.join(credentials, name))
            os.chmod(os.path.join(credentials, name), 0o400)
        state = os.path.join(self.root, "var", "lib", self.settings["StateDirectory"][-1])
        os.makedirs(state, 0o700, exist_ok=True)
        words = [self.below(word) for word in self.settings["ExecStart"][-1].split()]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            notify = "\0difystream-manager-%d" % os.getpid()
            manager.bind(notify)
            with open(os.path.join(self.run, "journal"), "ab") as journal:
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=journal, stderr=journal,
                    start_new_session=True, env={
                        "PATH": os.environ["PATH"], "HOME": "/",
                        "DIFYSTREAM_SPEED": os.environ.get("DIFYSTREAM_SPEED", "1"),
                        "STATE_DIRECTORY": state, "CREDENTIALS_DIRECTORY": credentials,
                        "NOTIFY_SOCKET": notify.replace("\0", "@")})
            end = os.pidfd_open(process.pid)
            ready, _, _ = select.select([manager, end], [], [], DEADLINE_S)
            if manager not in ready or b"READY=1" not in manager.recv(4096):
                process.kill()
                sys.exit("%s did not start: %s" % (self.name, self.journal()[-2000:]))
        with open(self.pid_file, "w", encoding="ascii") as file:
            file.write(str(process.pid))

    def stop(self):
        try:
            with open(self.pid_file, encoding="ascii") as file:
                pid = int(file.read())
            end = os.pidfd_open(pid)
        except (FileNotFoundError, ProcessLookupError):
            return
        os.kill(pid, signal.SIGTERM)
        if end not in select.select([end], [], [], DEADLINE_S)[0]:
            sys.exit("%s did not stop" % self.name)
        os.unlink(self.pid_file)

    def journal(self):
        with open(os.path.join(self.run, "journal"), encoding="utf-8") as file:
            return file.read()


def main():
    root, command, *words = sys.argv[1:]
    names = [word for word in words if not word.startswith("-")]
    with open(os.path.join(root, "run", "asked"), "a", encoding="utf-8") as file:
        file.write("%s %s\n" % (command, " ".join(words)))
    unit = Unit(root, names[0]) if names else None
    if unit is None or not unit.is_there:
        return
    if command in ("stop", "restart"):
        unit.stop()
    if command in ("start", "restart") or (command == "enable" and "--now" in words):
        unit.start()


if __name__ == "__main__":
    main()
