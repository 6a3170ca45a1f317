"""The gateway as a service of systemd's: what it tells the service manager, keys that are handed to
it as credentials, and that it leaves no core dump.

usage: service.py --source FOLDER --build FOLDER
"""

import os
import re
import shutil
import socket
import subprocess

import gateway as kit
import support

NOBODY = 65534
KEY = "app-service-secret"
DRAIN_S = 7


def config(given, key):
    return kit.scenario(given, "service.yaml", """
listen: 127.0.0.1:0
apps: {flow: {base_url: "http://127.0.0.1:1/v1", api_key_file: "%s"}}
store: none
drain_timeout: %ds
""" % (key, DRAIN_S))


def start(given, path, user=None, **environment):
    """The gateway, as another user where that can be; `user` None: as this one."""
    program = os.path.join(given.folder, "difystream")
    if not os.path.exists(program):  # where that user can get at it
        shutil.copy(os.path.join(given.build, "difystream"), program)
    more = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    clean = {name: value for name, value in os.environ.items()
             if name.startswith(("PATH", "LD_", "ASAN_", "UBSAN_", "TSAN_"))}
    return subprocess.Popen([program, "serve", "--config", path], stderr=subprocess.PIPE, text=True,
                            env=dict(clean, HOME=given.folder, **environment), **more)


def until_it_listens(process):
    """Its port; None: it has ended, and said what stands in `said`."""
    said = ""
    for line in process.stderr:
        said += line
        match = re.search(r"listening on http://\S*:(\d+)", line)
        if match:
            return int(match.group(1)), said
    process.wait(support.DEADLINE_S)
    return None, said


def stop(process):
    process.terminate()
    rest = process.stderr.read()
    process.stderr.close()
    return process.wait(support.DEADLINE_S), rest


def test_notify(given):
    """It is ready once it listens, and says how long its end may take."""
    checks = given.checks
    key = kit.scenario(given, "key", KEY)
    os.chmod(key, 0o600)
    for name in (os.path.join(given.folder, "notify"), "\0difystream-%d" % os.getpid()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name)
            manager.settimeout(support.DEADLINE_S)
            process = start(given, config(given, key), NOTIFY_SOCKET=name.replace("\0", "@"))
            checks.equal(manager.recv(4096), b"READY=1\n", "it tells that it is ready")
            port, said = until_it_listens(process)
            checks.true(port, "it listens", said)
            with socket.create_connection(("127.0.0.1", port), support.DEADLINE_S):
                status, rest = stop(process)
            checks.equal(manager.recv(4096), b"STOPPING=1\nEXTEND_TIMEOUT_USEC=%d\n"
                         % ((DRAIN_S + 15) * 1000000), "it tells that it is being stopped")
            checks.equal(status, 0, "it ends well: " + rest)
            manager.setblocking(False)
            try:
                checks.equal(manager.recv(4096), b"", "no more is told")
            except BlockingIOError:
                pass
    for name in ("relative", "@", "/", os.path.join(given.folder, "none"), "/" + "x" * 200):
        process = start(given, config(given, key), NOTIFY_SOCKET=name)
        port, said = until_it_listens(process)
        checks.true(port, "it listens where nobody is told: " + name, said)
        checks.equal(stop(process)[0], 0, "and ends well: " + name)


def test_credentials(given):
    """A key as systemd hands it over: in a folder, and a file, that the service may only read."""
    checks = given.checks
    path = config(given, "${CREDENTIALS_DIRECTORY}/dify")
    folder = os.path.join(given.folder, "credentials")
    os.mkdir(folder)
    key = kit.scenario(given, "credentials/dify", KEY + "\n")
    os.chmod(key, 0o400)
    os.chmod(folder, 0o500)
    user = None
    if os.getuid() == 0:
        user = NOBODY
        for each in (key, folder, path):
            os.chown(each, user, user)
        os.chmod(given.folder, 0o755)
    process = start(given, path, user, CREDENTIALS_DIRECTORY=folder)
    port, said = until_it_listens(process)
    checks.true(port, "it takes the key", said)
    checks.true(KEY not in said, "and does not tell it", said)
    proc = "/proc/%d/" % process.pid
    checks.true(re.search(r"^Max core file size +0 +0 +bytes", support.read(proc, "limits"), re.M),
                "it may write no core dump", support.read(proc, "limits"))
    if os.stat("/proc/self/status").st_uid == os.geteuid():
        # What may not be dumped belongs to root there, and only root may look into its memory.
        owner = re.search(r"^Uid:\s+(\d+)", support.read(proc, "status"), re.M).group(1)
        checks.equal(int(owner), os.geteuid() if user is None else user, "it runs as that user")
        if int(owner) != 0:
            checks.equal(os.stat(proc + "status").st_uid, 0, "it cannot be dumped, nor looked into")
    checks.equal(stop(process)[0], 0, "it ends well")
    process = start(given, path, user)
    port, said = until_it_listens(process)
    process.stderr.close()
    checks.equal((port, process.returncode), (None, 2), "without the folder it does not start")
    checks.true("api_key_file: the environment variable CREDENTIALS_DIRECTORY is not set" in said,
                "and tells why", said)
    os.chmod(folder, 0o700)


if __name__ == "__main__":
    kit.run_tests(kit.arguments(), test_notify, test_credentials)
