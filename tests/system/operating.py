#!/usr/bin/env python3
"""docs/operating.md: all its commands, in order, but for those of Docker.

What is another than on a machine of its own: a folder stands for /; systemctl is manager.py, which
starts the real program as the real unit says; sudo and apt-get are stubs (the packages themselves
are system.package's); Dify is the simulator. nginx, Caddy, promtool and sqlite3 are the real ones,
and where they are missing that is said. After the upgrade a run that was under way has to succeed,
sent once."""

import glob
import json
import os
import shlex
import sys
import urllib.request

import support
from page import Page

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from gateway import Simulator, quiet_port  # noqa: E402

SCENARIO = """
release: 1.14.2
apps:
  - name: summary
    inputs: [{name: topic}]
    runs:
      - when: {inputs: {topic: slow}}
        nodes: [start, {type: llm, text: "Slowly.", chunks: 4, seconds: 40}, end]
      - nodes: [start, {type: llm, text: "Tea.", seconds: 1}, end]
  - name: talk
    mode: advanced-chat
    runs:
      - nodes: [start, {type: llm, text: "Hello."}, {type: answer, outputs: {answer: "Hello."}}]
"""
CHECK_NGINX = r"""
exec %(nginx)s -p %(root)s -c %(root)s/nginx.conf "$@"
"""
NGINX = """
daemon off; error_log stderr; pid %(root)s/run/nginx.pid; events {}
http {
    access_log off; client_body_temp_path %(root)s/t1; proxy_temp_path %(root)s/t2;
    fastcgi_temp_path %(root)s/t3; uwsgi_temp_path %(root)s/t4; scgi_temp_path %(root)s/t5;
    include %(root)s/etc/nginx/conf.d/*.conf;
}
"""
FOLDERS = ("etc/nginx/conf.d", "etc/caddy", "etc/prometheus", "etc/ssl/certs", "etc/ssl/private",
           "etc/systemd/system", "var/lib", "var/backups")


def program(given, name, *paths):
    """A program of the machine, or what script/setup has unpacked; None: not here."""
    deps = os.path.join(os.path.dirname(given.build), "deps")
    found = [path for folder in ("/usr/sbin", "/usr/bin", "/usr/local/bin",
                                 *glob.glob(os.path.join(deps, "*", "usr", "*bin")))
             for path in [os.path.join(folder, name)] if os.access(path, os.X_OK)]
    if not found:
        print("%s is not here: what needs it was not run" % name)
    return found[0] if found else None


def set_up(checks, given, root, where, simulator, port):
    for folder in FOLDERS:
        os.makedirs(os.path.join(root, folder))
    changes = [(each, root + each) for each in (
        "/etc/", "/var/lib/", "/var/backups/", "/usr/share/doc/")]
    changes += [
        ("https://dify.example/v1", "http://127.0.0.1:%d/v1" % simulator.port),
        ("127.0.0.1:8000", "127.0.0.1:%d" % port),
        ("app-0123456789", "app-summary"), ("app-9876543210", "app-talk"),
        ("script/package\n", ""),  # system.package makes them
        ("-o difystream -g difystream ", ""),  # it is all one user's here
        ("sudo chown -R difystream:difystream ", "true ")]
    page = Page(checks, given, "operating.md", root, where, changes)
    page.port = port
    return page


def set_up_nginx(page, root, nginx):
    """nginx as it is started for a test, with the page's file in its folder, and a certificate."""
    page.stub("nginx", CHECK_NGINX % {"nginx": shlex.quote(nginx), "root": shlex.quote(root)})
    with open(os.path.join(root, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(NGINX % {"root": root})
    support.must_run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                      "-subj", "/CN=gateway.example",
                      "-keyout", os.path.join(root, "etc/ssl/private/gateway.example.key"),
                      "-out", os.path.join(root, "etc/ssl/certs/gateway.example.pem")])


def fix_paths(root, *names):
    """The paths that stand in an example's file, as in the commands."""
    for name in names:
        path = os.path.join(root, "usr/share/doc/difystream/examples", name)
        text = support.read(path).replace(" /etc/", " %s/etc/" % root)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def ask(page, method, path, body=None, **fields):
    """A request to the gateway, with the token that the page has made; the answer's body."""
    token = support.read(page.where, "shop.token").strip()
    request = urllib.request.Request(
        "http://127.0.0.1:%d%s" % (page.port, path), method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers=dict({"Content-Type": "application/json", "Authorization": "Bearer " + token},
                     **fields))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=support.DEADLINE_S) as answer:
        return answer.read().decode()


def begin_run(page):
    """A run that is under way, of a gateway that gives it no time when it is stopped."""
    config = os.path.join(page.root, "etc/difystream/config.yaml")
    with open(config, "a", encoding="utf-8") as file:
        file.write("drain_timeout: 0\n")
    page.systemctl("restart", "difystream")
    return json.loads(ask(page, "POST", "/api/runs", {
        "app": "dify", "inputs": {"topic": "slow"}}, Prefer="respond-async"))


def check_upgraded(checks, page, simulator, run):
    events = ask(page, "GET", "/api/runs/%s/events" % run["run_id"], Accept="text/event-stream")
    end = json.loads(events.rpartition("event: end\ndata: ")[2].split("\n")[0])
    checks.true(end["success"], "a run that was under way succeeds after the upgrade", end)
    topics = [each["inputs"].get("topic") for each in simulator.stats()["runs"]]
    checks.equal(topics.count("slow"), 1, "and was sent once")
    log = page.journal()
    checks.true("app-summary" not in log and "app-talk" not in log, "no key stands in the log")


def follow(checks, given, page, simulator):
    """Runs the page from its top to its end."""
    missing = {name for name in ("sqlite3", "curl", "openssl") if not support.have(name)}
    programs = {name: program(given, name) for name in ("nginx", "caddy", "promtool")}
    for name in ("caddy", "promtool"):
        if programs[name]:
            page.stub(name, "exec %s \"$@\"\n" % shlex.quote(programs[name]))
    if programs["nginx"] and "openssl" not in missing:
        set_up_nginx(page, page.root, programs["nginx"])
    else:
        programs["nginx"] = None
    missing |= {name for name, path in programs.items() if not path}
    count = 0
    for heading, language, block in page.blocks():
        if language != "sh" or "docker" in block:
            checks.true(language in ("sh", "yaml"), "a block of a known kind", language)
            continue
        lines = [line for line in block.split("\n")
                 if not any(line.startswith((name, "sudo " + name)) for name in missing)]
        run = None
        if heading == "Upgrade":
            run = begin_run(page)
            simulator.until(simulator.stats, lambda stats: any(
                each["inputs"].get("topic") == "slow" for each in stats["runs"]))
        page.run(heading, "\n".join(lines), 2 * support.DEADLINE_S)
        if heading == "Install":
            fix_paths(page.root, "nginx.conf")
        if run:
            check_upgraded(checks, page, simulator, run)
        count += 1
    return count


def run_page(checks, given, top, simulator):
    root, where = os.path.join(top, "root"), os.path.join(top, "checkout")
    os.makedirs(where)
    port = quiet_port()  # the page names one, so the gateway cannot choose
    page = set_up(checks, given, root, where, simulator, port)
    try:
        count = follow(checks, given, page, simulator)
    finally:
        page.systemctl("stop", "difystream")
    page.check_changes()
    ends = page.journal()
    checks.true("Sanitizer" not in ends and "runtime error" not in ends, "it ran cleanly", ends)
    return count


def main():
    given = support.arguments()
    checks = support.Checks()
    missing = [name for name in ("curl", "sqlite3") if not support.have(name)]
    if missing:
        checks.skip("not here: " + ", ".join(missing))
    with support.folder() as top:
        scenario = os.path.join(top, "scenario.yaml")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
        with Simulator(given.build, scenario, "--quiet", "--speed", "20",
                       key="app-summary") as simulator:
            count = run_page(checks, given, top, simulator)
    checks.true(count > 8, "commands were found", count)
    checks.finish("%d blocks of docs/operating.md" % count)


if __name__ == "__main__":
    main()
