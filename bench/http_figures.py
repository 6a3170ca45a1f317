"""Measures the HTTP layer beside nginx and a bare epoll loop, prints the figures as Markdown.

    http_figures.py BUILD [--quick] [--write FILE]

BUILD is the folder of a build with DIFY_BENCH. --write also puts the figures between the markers of
FILE. The servers get one core, the client another; they take turns, and each figure is a median.
"""

import http.client
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from page import ROOT, first_line, goal, machine, main, say, table

CONNECTIONS = 64
BUSY = 0.15  # cores with other work from which on the page says so
PATHS = {
    "/1k": "A page of 1 KB",
    "/sse50": "A stream of 50 events that are there when the request comes",
    "/turns": "A stream of 50 events, each sent by itself",
}
TITLES = {"epoll": "bare epoll loop", "difystream": "**difystream's HTTP layer**", "nginx": "nginx"}
NGINX = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/pid;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server_tokens off;
    etag off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    server {{
        listen 127.0.0.1:{port};
        location = /1k {{
            default_type application/json;
            return 200 '{page}';
        }}
        location = /sse50 {{
            default_type 'text/event-stream; charset=utf-8';
            root {folder};
        }}
        location = /idle {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


class Server:
    def __init__(self, name, port, pid):
        self.name, self.port, self.pid = name, port, pid

    def pss(self):
        """Bytes of memory, without the kernel's."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB$", rollup, re.M).group(1)) * 1024

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        return body


class Bench:
    def __init__(self, build, quick):
        self.build = Path(build).resolve()
        self.rounds = 3 if quick else 7
        self.ms = 600 if quick else 2000
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[-1], cores[0]
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.files = 1 << 20 if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))
        # nginx needs two for each stream that it passes on.
        self.idle = min(1000 if quick else 9000, (self.files - 100) // 2)
        self.nginx = next((path for path in (shutil.which("nginx"), "/usr/sbin/nginx")
                           if path and os.access(path, os.X_OK)),
                          str(ROOT / "build/deps/nginx/usr/sbin/nginx"))

    def program(self, name):
        return str(self.build / "bench" / name)

    def spawn(self, core, *command, **more):
        return subprocess.Popen([str(part) for part in command], text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, {core}), **more)

    def body(self, path):
        return subprocess.run([self.program("bench_http_epoll"), "body", path], check=True,
                              stdout=subprocess.PIPE).stdout

    @contextmanager
    def own(self, name):
        """One of our two servers."""
        program = {"epoll": "bench_http_epoll", "difystream": "bench_http_server"}[name]
        with self.spawn(self.server_core, self.program(program),
                        stdout=subprocess.PIPE) as process:
            try:
                yield Server(name, int(process.stdout.readline()), process.pid)
            finally:
                process.kill()

    @contextmanager
    def nginx_server(self, connections, upstream=1):
        with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
            self.fill_nginx(folder)
            process, port = self.start_nginx(folder, connections, upstream)
            try:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
                yield Server("nginx", port, int(children.split()[0]))
            finally:
                process.terminate()
                process.wait()

    def fill_nginx(self, folder):
        Path(folder, "sse50").write_bytes(self.body("/sse50"))

    def nginx_config(self, folder, port, connections, upstream):
        return NGINX.format(
            user="user root;" if os.geteuid() == 0 else "", folder=folder, port=port,
            connections=connections, upstream=upstream, files=self.files,
            page=self.body("/1k").decode())

    def start_nginx(self, folder, connections, upstream):
        """nginx cannot choose a free port itself; one that was free just now is taken, again if
        another process was faster."""
        log = Path(folder, "error.log")
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            Path(folder, "nginx.conf").write_text(
                self.nginx_config(folder, port, connections, upstream))
            process = self.spawn(self.server_core, self.nginx, "-p", folder, "-e", log, "-c",
                                 f"{folder}/nginx.conf")
            while process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    return process, port
                except ConnectionRefusedError:
                    time.sleep(0.01)
        raise RuntimeError(f"nginx does not start: {log.read_text()}")

    def run(self, server, path):
        """Requests/s, CPU microseconds of the server per request, how busy the client was."""
        with self.spawn(self.client_core, self.program("bench_http_load"), "run", server.port, path,
                        CONNECTIONS, self.ms, server.pid, stdout=subprocess.PIPE) as load:
            text = load.communicate()[0]
        if load.returncode != 0:
            raise RuntimeError(f"{server.name} {path}: the client failed")
        answers, seconds, cpu, client_cpu = map(float, text.split())
        return answers / seconds, cpu * 1e6 / answers, client_cpu / seconds

    def memory_of_idle(self, server, before):
        """Bytes for each of the streams that wait."""
        with self.spawn(self.client_core, self.program("bench_http_load"), "idle", server.port,
                        "/idle", self.idle, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
            load.stdout.readline()
            after = server.pss()
            load.communicate()
        if load.returncode != 0:
            raise RuntimeError(f"{server.name}: an idle stream ended")
        return (after - before) / self.idle


class Elsewhere:
    """How many cores were busy with other work since this was made: the machine's time less that
    of our servers and of all that we started and that has ended."""

    def __init__(self, servers):
        self.servers = servers
        self.start = self.read()

    def read(self):
        line = Path("/proc/stat").read_text().split("\n")[0]
        fields = [int(field) for field in line.split()[1:9]]
        times = os.times()
        ours = sum(times[:4]) + sum(server.cpu_seconds() for server in self.servers)
        all_of = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
        return all_of - ours, times.elapsed

    def cores(self):
        seconds, elapsed = (now - then for now, then in zip(self.read(), self.start))
        return max(0, seconds / elapsed)


def check_bodies(bench, servers):
    for path in PATHS:
        expected = bench.body("/1k" if path == "/1k" else "/sse50")
        for server in servers:
            if may_serve(server, path) and server.get(path) != expected:
                raise RuntimeError(f"{server.name} answers {path} wrongly")


def may_serve(server, path):
    return server.name != "nginx" or path != "/turns"


def speeds(bench):
    """{(path, name): (requests/s, CPU us per request, client's CPU share)}, medians; and how many
    cores had other work."""
    found = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.own(name)) for name in ("epoll", "difystream")]
        servers.append(stack.enter_context(bench.nginx_server(2 * CONNECTIONS)))
        check_bodies(bench, servers)
        elsewhere = Elsewhere(servers)
        for path in PATHS:
            for _ in range(bench.rounds):
                for server in servers:
                    if may_serve(server, path):
                        found.setdefault((path, server.name), []).append(bench.run(server, path))
        busy = elsewhere.cores()
    return {key: [statistics.median(column) for column in zip(*rows)]
            for key, rows in found.items()}, busy


def speed_rows(found, path):
    rows = []
    bare = found[path, "epoll"]
    for name, title in TITLES.items():
        if (path, name) in found:
            rate, cpu, client = found[path, name]
            rows.append([title, f"{rate:,.0f}", f"{cpu:.2f}", f"{cpu / bare[1]:.2f}",
                         f"{client:.0%}"])
    return rows


def idle_memory(bench):
    """{name: bytes of a stream}"""
    found = {}
    for name in "epoll", "difystream":
        with bench.own(name) as server:
            server.get("/1k")
            found[name] = bench.memory_of_idle(server, server.pss())
    # nginx makes room for all connections that it may have when it starts: the room counts, so
    # what was before is measured with a small one.
    with bench.nginx_server(32) as server:
        server.get("/1k")
        before = server.pss()
    with bench.own("epoll") as upstream:
        with bench.nginx_server(2 * bench.idle + 32, upstream.port) as server:
            server.get("/1k")
            found["nginx"] = bench.memory_of_idle(server, before)
    return found


def measure(bench):
    say(f"{len(PATHS)} kinds of answers, {bench.rounds} rounds")
    found, busy = speeds(bench)
    say(f"memory of {bench.idle:,} streams that wait")
    memory = idle_memory(bench)
    if busy > BUSY:
        say(f"the machine had other work to do ({busy:.1f} cores): the figures say little")

    def cpu(path, name):
        return found[path, name][1]
    ours = memory["difystream"]
    goals = [
        goal("1 KB: CPU ≤ nginx", f"{cpu('/1k', 'difystream') / cpu('/1k', 'nginx'):.2f} ×",
             cpu("/1k", "difystream") <= cpu("/1k", "nginx")),
        goal("50 events: CPU ≤ nginx sending a file of them",
             f"{cpu('/sse50', 'difystream') / cpu('/sse50', 'nginx'):.2f} ×",
             cpu("/sse50", "difystream") <= cpu("/sse50", "nginx")),
        goal("memory of an idle stream ≤ nginx passing it on", f"{ours / memory['nginx']:.2f} ×",
             ours <= memory["nginx"]),
    ]
    parts = [f"{machine(bench.build)}; libuv {uv_version()}; "
             f"{first_line(bench.nginx, '-v').replace('nginx version: ', '')}.\n"]
    if busy > BUSY:
        parts.append(f"**The machine had other work to do** ({busy:.1f} cores of "
                     f"{os.cpu_count()}).\n")
    parts.append(table(["goal", "measured", "reached"], goals))
    for path, title in PATHS.items():
        parts += [f"**{title}** (`{path}`)\n",
                  table(["", "requests/s", "CPU µs per request", "× bare loop",
                         "client's core busy"], speed_rows(found, path))]
    parts += [f"**Memory of an idle stream**, {bench.idle:,} of them at once\n",
              table(["", "bytes each"],
                    [[title + (", passing it on" if name == "nginx" else ""),
                      f"{memory[name]:,.0f}"] for name, title in TITLES.items()])]
    return "\n".join(parts)


def uv_version():
    return first_line("pkg-config", "--modversion", "libuv")


if __name__ == "__main__":
    main("http", __doc__, Bench, measure)
