"""Measures the gateway beside nginx and back ends in Python, prints the figures as Markdown.

    gateway_figures.py BUILD [--quick] [--write FILE]

BUILD is the folder of a build with DIFY_BENCH. --write also puts the figures between the markers of
FILE. What stands before Dify gets one core, Dify and the client another; they take turns, and each
figure is a median.
"""

import http.client
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import http_figures
from http_figures import BUSY, Elsewhere, Server, uv_version
from page import ROOT, first_line, goal, machine, main, say, table

EVENTS = 50
STAMP = "@@" + "0" * 16
ID = "00000000-0000-4000-8000-000000000000"
TASK_ID = "1" + ID[1:]
TITLES = {
    "nginx": "nginx, passing on",
    "gateway": "**difystream serve**, no store",
    "store": "**difystream serve**, store",
    "aiohttp": "aiohttp",
    "fastapi": "FastAPI, httpx, uvicorn",
}
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
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""
GATEWAY = """
apps:
{apps}
"""
APP = """
  {name}:
    base_url: http://127.0.0.1:{upstream}/v1
    api_key_env: BENCH_{variable}
    max_runs: 20000
    queue: 1000
"""
# What an answer must have.
SURE = {"json": "\"success\":true", "sse": "workflow_finished", "v1": "workflow_finished"}
PACES = {"now": 0, "paced-20": 20, "paced-40": 40, "idle": 0}  # ms between events


# ---- the stream ----------------------------------------------------------------------------------

def event(kind, **data):
    return {"event": kind, "workflow_run_id": ID, "task_id": TASK_ID, "data": data}


def node(kind, name, node_type, index, **more):
    head = {"id": f"{ID}-{name}", "node_id": name, "node_type": node_type, "title": name,
            "index": index, "predecessor_node_id": None, "inputs": None, "inputs_truncated": False,
            "created_at": 1795348476, "extras": {}, "iteration_id": None, "loop_id": None,
            "agent_strategy": None}
    return event(kind, **{**head, **more})


def finished(name, node_type, index, outputs, **more):
    return node("node_finished", name, node_type, index, inputs={"query": "tea"}, process_data={},
                process_data_truncated=False, outputs=outputs, outputs_truncated=False,
                status="succeeded", error=None, elapsed_time=0.079838, finished_at=1795348477,
                files=[], execution_metadata=None, **more)


def stream_text():
    """The events of one run, in the shapes of the recorded ones."""
    usage = {"prompt_tokens": 40, "prompt_unit_price": "0.001", "completion_tokens": 80,
             "total_tokens": 120, "total_price": "0.0012", "currency": "USD", "latency": 1.2}
    started = event("workflow_started", id=ID, workflow_id=ID, inputs={"query": "tea"},
                    created_at=1795348476, reason="initial")
    texts = EVENTS - 8
    said = "一段 made-up text. "
    ended = {"id": ID, "workflow_id": ID, "status": "succeeded",
             "outputs": {"text": said * texts, "at": STAMP}, "error": None, "elapsed_time": 1.25,
             "total_tokens": 120, "total_steps": 3, "created_by": {"id": ID, "user": "bench"},
             "created_at": 1795348476, "finished_at": 1795348477, "exceptions_count": 0, "files": []}
    events = [
        started,
        node("node_started", "start", "start", 1),
        finished("start", "start", 1, {"query": "tea"}),
        node("node_started", "llm", "llm", 2),
        *[event("text_chunk", text=said + STAMP, from_variable_selector=["llm", "text"])
          for _ in range(texts)],
        finished("llm", "llm", 2, {"text": said * texts, "usage": usage, "finish_reason": "stop"}),
        node("node_started", "end", "end", 3),
        finished("end", "end", 3, {"text": said * texts}),
        event("workflow_finished", **ended),
    ]
    return "".join("data: " + json.dumps(part, separators=(",", ":"), ensure_ascii=False) + "\n\n"
                   for part in events)


# ---- who stands before Dify ----------------------------------------------------------------------

class Bench(http_figures.Bench):
    def __init__(self, build, quick):
        super().__init__(build, quick)
        self.rounds = 3 if quick else 5
        self.ms = 1000 if quick else 2000
        self.folder = None
        self.idle_counts = [500, 1000] if quick else [2000, min(9000, (self.files - 500) // 2)]
        try:
            os.nice(-10)  # other work of the machine disturbs less; all that is compared gets it
        except PermissionError:
            pass

    def fill_nginx(self, folder):
        pass

    def nginx_config(self, folder, port, connections, upstream):
        return NGINX.format(user="user root;" if os.geteuid() == 0 else "", folder=folder,
                            port=port, connections=connections, upstream=upstream, files=self.files)

    @contextmanager
    def dify(self):
        """The port of a Dify that costs little."""
        stream = Path(self.folder, "stream")
        stream.write_text(stream_text())
        with self.spawn(self.client_core, self.program("bench_gateway_dify"), stream,
                        stdout=subprocess.PIPE) as process:
            try:
                yield int(process.stdout.readline())
            finally:
                process.kill()

    @contextmanager
    def gateway(self, name, upstream):
        config = Path(self.folder, f"{name}.yaml")
        config.write_text(GATEWAY.format(apps="".join(
            APP.format(name=pace, upstream=upstream, variable=variable(pace)) for pace in PACES)))
        keys = {f"BENCH_{variable(pace)}": f"app-{pace}" for pace in PACES}
        with tempfile.TemporaryDirectory(prefix="store-", dir=self.build) as folder:
            store = f"{folder}/runs.db" if name == "store" else "none"
            process, port = self.start_gateway(config, store, {**os.environ, **keys})
            try:
                yield Server(name, port, process.pid)
            finally:
                process.kill()
                process.wait()

    def start_gateway(self, config, store, env):
        """As nginx it does not log what it does; so it is told its port."""
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            process = self.spawn(self.server_core, self.build / "difystream", "serve", "--config",
                                 config, "--listen", f"127.0.0.1:{port}", "--store", store,
                                 "--log-level", "warning", env=env)
            while process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    return process, port
                except ConnectionRefusedError:
                    time.sleep(0.01)
        raise RuntimeError("difystream serve does not start")

    @contextmanager
    def python(self, name, upstream):
        with self.spawn(self.server_core, "/usr/bin/python3", ROOT / f"bench/gateway_{name}.py",
                        f"http://127.0.0.1:{upstream}/v1", stdout=subprocess.PIPE) as process:
            try:
                yield Server(name, int(process.stdout.readline()), process.pid)
            finally:
                process.kill()

    def server(self, name, upstream, connections=2048):
        if name == "nginx":
            return self.nginx_server(connections, upstream)
        return (self.gateway if name in ("gateway", "store") else self.python)(name, upstream)

    def request(self, name, kind, pace):
        """A file with the request for one run."""
        body = {"inputs": {"query": "tea"}, "user": "bench-" + STAMP}
        path, fields = f"/{kind}", {"Authorization": f"Bearer app-{pace}"}
        if name == "nginx" or kind == "v1":
            path = "/v1/workflows/run"
            body["response_mode"] = "streaming"
        elif name in ("gateway", "store"):
            path = f"/api/runs?app={pace}"
            fields = {"Accept": "text/event-stream" if kind == "sse" else "application/json"}
        text = json.dumps(body)
        fields = {"Host": "127.0.0.1", **fields, "Content-Type": "application/json",
                  "Content-Length": len(text)}
        head = "".join(f"{field}: {value}\r\n" for field, value in fields.items())
        file = Path(self.folder, f"{name}-{kind}-{pace}")
        file.write_text(f"POST {path} HTTP/1.1\r\n{head}\r\n{text}", newline="")
        return file

    def load(self, server, kind, pace, connections):
        """What the client found."""
        sure = SURE[kind] if server.name != "aiohttp" else SURE[kind].replace(":", ": ")
        spread = max(100, PACES[pace] * EVENTS)
        with self.spawn(self.client_core, self.program("bench_gateway_load"), "run", server.port,
                        self.request(server.name, kind, pace), sure, connections, spread, self.ms,
                        server.pid, stdout=subprocess.PIPE) as load:
            text = load.communicate()[0]
        if load.returncode != 0:
            raise RuntimeError(f"{server.name}, {kind}, {pace}: the client failed")
        return json.loads(text)


def variable(pace):
    return pace.upper().replace("-", "_")



# ---- speed ---------------------------------------------------------------------------------------

# What is measured of whom: {title: (key, {name: runs at once})}
LOADS = {
    "Events that come one by one, 20 ms apart": (
        "paced-20", {"nginx": 200, "gateway": 200, "store": 200, "aiohttp": 50, "fastapi": 50}),
    "Events that are all there at once": (
        "now", {"nginx": 64, "gateway": 64, "store": 64, "aiohttp": 64, "fastapi": 64}),
}
KINDS = {"json": "one JSON", "sse": "the stream", "v1": "`/v1` streaming relay"}


def answers(name, kind):
    """Whether it answers in this way; what passes /v1 on by itself has one stream, Dify's."""
    if name == "nginx":
        return kind == "sse"
    return kind != "v1" or name in ("gateway", "store")


def speeds(bench, upstream):
    """{(key, kind, name): what the client found, median of each}; how many cores had other work."""
    found = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.server(name, upstream)) for name in TITLES]
        elsewhere = Elsewhere(servers)
        for key, at_once in LOADS.values():
            say(f"{key}: {bench.rounds} rounds")
            for _ in range(bench.rounds):
                for kind in KINDS:
                    for server in servers:
                        if answers(server.name, kind):
                            row = bench.load(server, kind, key, at_once[server.name])
                            found.setdefault((key, kind, server.name), []).append(figures(row))
        busy = elsewhere.cores()
    return medians(found), busy


def figures(row):
    seconds, runs = row["seconds"], max(1, row["runs"])
    return {"rate": runs / seconds, "cpu": row["cpu_s"] * 1e6 / runs,
            "client": row["own_cpu_s"] / seconds, "events": row["stamps"] / seconds,
            **{name: value / 1000 for name, value in row.items() if name.endswith("_us")}}


def medians(found):
    return {key: {name: statistics.median(row[name] for row in rows) for name in rows[0]}
            for key, rows in found.items()}


def speed_table(found, key, at_once):
    rows = []
    base = found[key, "sse", "nginx"]["cpu"]
    for kind, answer in KINDS.items():
        for name, title in TITLES.items():
            row = found.get((key, kind, name))
            if row:
                age = "run" if kind == "json" else "event"
                rows.append([title, answer, at_once[name], f"{row['rate']:,.0f}",
                             f"{row['cpu']:,.0f}", f"{base / row['cpu']:.2f}",
                             f"{row[age + '_p50_us']:.1f}", f"{row[age + '_p99_us']:.1f}",
                             f"{row['client']:.0%}"])
    return table(["", "answer", "runs at once", "runs/s", "CPU µs per run",
                  "runs per CPU second, × nginx", "ms later, p50", "p99", "client's core busy"], rows)


# ---- 20,000 events a second ----------------------------------------------------------------------

DENSE = ("paced-40", 800)
DENSE_NAMES = "nginx", "gateway", "store"


def dense_delays(bench, upstream):
    """{name: what the client found}, with 800 streams that each have 25 events a second."""
    found = {}
    key, at_once = DENSE
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.server(name, upstream)) for name in DENSE_NAMES]
        for _ in range(3):
            for server in servers:
                row = bench.load(server, "sse", key, at_once)
                found.setdefault(server.name, []).append(figures(row))
    return medians(found)


def dense_table(found):
    return table(["", "events/s", "ms later, p50", "p99", "CPU µs per event"],
                 [[TITLES[name], f"{row['events']:,.0f}", f"{row['event_p50_us']:.2f}",
                   f"{row['event_p99_us']:.2f}",
                   f"{row['cpu'] * row['rate'] / row['events']:.1f}"]
                  for name, row in found.items()])


# ---- memory of idle runs -------------------------------------------------------------------------

PATIENCE_S = 120
IDLE_KINDS = {"nginx": ["sse"], "gateway": ["json", "sse"], "store": ["json", "sse"],
              "aiohttp": ["json"], "fastapi": ["json"]}


def count_streams(upstream):
    connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=60)
    connection.request("GET", "/count")
    count = int(connection.getresponse().read())
    connection.close()
    return count


def await_streams(upstream, count):
    end = time.monotonic() + PATIENCE_S
    while count_streams(upstream) != count:
        if time.monotonic() > end:
            raise RuntimeError(f"{count_streams(upstream)} streams instead of {count}")
        time.sleep(0.05)


def memory_before(bench, name, upstream):
    """Of nginx the memory that it has with few places for connections: the room for them counts."""
    with bench.server("nginx", upstream, 32) as server:
        bench.load(server, "sse", "now", 1)
        return server.pss()


def idle_memory(bench, name, kind, count, upstream):
    """Bytes for each run that waits."""
    # nginx ends connections that have no request yet when a sixteenth of its places is left.
    connections = 2 * count * 9 // 8 + 32
    before = memory_before(bench, name, upstream) if name == "nginx" else None
    with bench.server(name, upstream, connections) as server:
        if before is None:
            bench.load(server, kind, "now", 1)
            before = server.pss()
        with bench.spawn(bench.client_core, bench.program("bench_gateway_load"), "hold",
                         server.port, bench.request(name, kind, "idle"), count,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
            load.stdout.readline()
            await_streams(upstream, count)
            after = server.pss()
            load.communicate()
    await_streams(upstream, 0)
    return (after - before) / count


def memories(bench, upstream):
    """{(name, kind, count): bytes}"""
    found = {}
    for count in bench.idle_counts:
        for name in TITLES:
            for kind in KINDS:
                if kind in IDLE_KINDS[name] and (name != "fastapi" or count <= 2000):
                    say(f"memory of {count:,} runs that wait: {name}, {kind}")
                    found[name, kind, count] = idle_memory(bench, name, kind, count, upstream)
    return found


def memory_table(bench, found):
    rows = []
    for name, title in TITLES.items():
        for kind, answer in KINDS.items():
            cells = [found.get((name, kind, count)) for count in bench.idle_counts]
            if cells[0] is not None:
                rows.append([title, answer] + [f"{cell / 1000:.1f}" if cell is not None else "–"
                                               for cell in cells])
    return table(["", "answer", *(f"KB each, of {count:,}" for count in bench.idle_counts)], rows)


# ---- all of it -----------------------------------------------------------------------------------

def measure(bench):
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        bench.folder = folder
        with bench.dify() as upstream:
            found, busy = speeds(bench, upstream)
            say("20,000 events a second")
            dense = dense_delays(bench, upstream)
            memory = memories(bench, upstream)
    parts = []
    if busy > BUSY:
        say(f"the machine had other work to do ({busy:.1f} cores): the figures say little")
        parts.append(f"**The machine had other work to do** ({busy:.1f} cores of "
                     f"{os.cpu_count()}).\n")
    goals = []
    for title, (key, at_once) in LOADS.items():
        base = found[key, "sse", "nginx"]["cpu"]
        for kind, name, least in (("json", "gateway", 1.25), ("json", "store", 0.8),
                                  ("sse", "gateway", 1)):
            ratio = base / found[key, kind, name]["cpu"]
            goals.append(goal(f"{title}: {KINDS[kind]}, {'' if name == 'store' else 'no '}store: "
                              f"runs per CPU second ≥ {least} × nginx", f"{ratio:.2f} ×",
                              ratio >= least))
        parts += [f"**{title}**\n", speed_table(found, key, at_once)]
    most = max(bytes_ for (name, *_), bytes_ in memory.items() if name == "gateway")
    goals.append(goal("memory of an idle run, no store ≤ 24 KB", f"{most / 1000:.1f} KB",
                      most <= 24000))
    late = dense["gateway"]["event_p99_us"]
    goals.append(goal("20,000 events/s over 800 streams, no store: p99 ≤ 5 ms", f"{late:.1f} ms",
                      late <= 5))
    parts += ["**20,000 events a second**, 800 streams with 25 each\n", dense_table(dense),
              "**Memory of an idle run**\n", memory_table(bench, memory)]
    head = (f"{machine(bench.build)}; libuv {uv_version()}; "
            f"{first_line(bench.nginx, '-v').replace('nginx version: ', '')}.\n")
    return "\n".join([head, table(["goal", "measured", "reached"], goals), *parts])


if __name__ == "__main__":
    main("gateway", __doc__, Bench, measure)
