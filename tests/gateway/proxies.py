"""The gateway behind nginx and Caddy, as packaging/nginx.conf and packaging/Caddyfile have them: TLS,
events as they come, large forms, and what stays inside. A program that is not here is skipped, and
that is said.

usage: proxies.py --source FOLDER --build FOLDER
"""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time

import gateway as kit
import support
from gateway import Form, Gateway, Simulator, app_of, quiet_port

NAME = "gateway.example"
SCENARIO = """
apps:
  - name: flow
    inputs: [{name: word}, {name: picture, type: file}]
    runs:
      - when: {inputs: {word: endless}}
        nodes: [start, {type: llm, text: "a b", chunks: 2, seconds: 300000}, end]
      - nodes: [start, {type: end, outputs: {word: "{{inputs.word}}"}}]
"""
MAIN = """
daemon off; error_log stderr; pid %(folder)s/pid; %(user)s
events {}
http {
    access_log off; client_body_temp_path %(folder)s/1; proxy_temp_path %(folder)s/2;
    fastcgi_temp_path %(folder)s/3; uwsgi_temp_path %(folder)s/4; scgi_temp_path %(folder)s/5;
    include %(folder)s/site.conf;
}
"""


def find(given, name):
    """A program of the machine, or one that script/setup has unpacked."""
    deps = os.path.join(os.path.dirname(given.build), "deps", name, "usr")
    path = next((path for path in (shutil.which(name), "/usr/sbin/" + name,
                                   os.path.join(deps, "sbin", name),
                                   os.path.join(deps, "bin", name))
                 if path and os.access(path, os.X_OK)), None)
    if path is None:
        print("%s: %s is not here: its part is skipped" % (given.checks.name, name))
    return path


def replaced(text, *changes):
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


class Proxy:
    """A program that stands before the gateway, with TLS; a context manager."""

    def __init__(self, given, upstream):
        self.folder = os.path.join(given.folder, type(self).__name__)
        os.mkdir(self.folder)
        self.upstream, self.source = upstream, given.source
        self.certificate = os.path.join(self.folder, "cert.pem")
        self.key = os.path.join(self.folder, "key.pem")
        support.must_run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                          "-subj", "/CN=" + NAME, "-addext", "subjectAltName=DNS:" + NAME,
                          "-keyout", self.key, "-out", self.certificate])
        self.context = ssl.create_default_context(cafile=self.certificate)

    def example(self, name, *changes):
        return replaced(support.read(self.source, "packaging", name),
                        ("127.0.0.1:8000", "127.0.0.1:%d" % self.upstream), *changes)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def launch(self, words, **more):
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            **more)

    def connect(self):
        """A connection to it: it may still be starting."""
        end = time.monotonic() + support.DEADLINE_S
        while True:
            try:
                plain = socket.create_connection(("127.0.0.1", self.port), support.DEADLINE_S)
                secured = self.context.wrap_socket(plain, server_hostname=NAME)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError("it does not serve: " + support.read(self.folder, "log"))
        connection = http.client.HTTPSConnection(NAME, self.port)
        connection.sock = secured
        return connection

    def ask(self, method, path, body=None, **fields):
        """A request on a connection of its own; the answer, whose body is still to be read."""
        connection = self.connect()
        connection.request(method, path, body, fields)
        return connection, connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(support.DEADLINE_S)


class Nginx(Proxy):
    def __init__(self, given, upstream, program):
        super().__init__(given, upstream)
        # It is given a socket that listens, as one that is replaced gives it to the next.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            self.write("site.conf", self.example(
                "nginx.conf", ("listen 443 ssl", "listen 127.0.0.1:%d ssl" % self.port),
                ("/etc/ssl/certs/gateway.example.pem", self.certificate),
                ("/etc/ssl/private/gateway.example.key", self.key)))
            main = self.write("nginx.conf", MAIN % {
                "folder": self.folder, "user": "user root;" if os.getuid() == 0 else ""})
            self.launch([program, "-p", self.folder, "-c", main], pass_fds=[listener.fileno()],
                        env=dict(os.environ, NGINX="%d;" % listener.fileno()))


class Caddy(Proxy):
    def __init__(self, given, upstream, program):
        super().__init__(given, upstream)
        self.port = quiet_port()
        site = self.example("Caddyfile", ("\ngateway.example {", "\n%s:%d {\n\tbind 127.0.0.1\n\t"
                                          "tls %s %s" % (NAME, self.port, self.certificate,
                                                         self.key)))
        path = self.write("Caddyfile", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
        self.launch([program, "run", "--adapter", "caddyfile", "--config", path],
                    env=dict(os.environ, HOME=self.folder, XDG_DATA_HOME=self.folder,
                             XDG_CONFIG_HOME=self.folder))


def check_all(given, what, proxy):
    checks = given.checks
    for path, status in (("/healthz", 200), ("/metrics", 404), ("/api/apps", 200)):
        connection, answer = proxy.ask("GET", path)
        checks.equal(answer.status, status, "%s: %s" % (what, path))
        connection.close()
    # Events come while the run goes on.
    connection, answer = proxy.ask(
        "POST", "/api/runs", json.dumps({"inputs": {"word": "endless"}}),
        **{"Content-Type": "application/json", "Accept": "text/event-stream"})
    text, run = b"", None
    while b"workflow_started" not in text:
        line = answer.readline()
        if not checks.true(line, what + ": the stream ended before the run", text):
            return
        text += line
    run = answer.headers["Location"].rpartition("/")[2]
    stop, stopped = proxy.ask("POST", "/api/runs/%s/stop" % run)
    checks.equal(stopped.status, 202, what + ": it is stopped")
    stop.close()
    text += answer.read()
    checks.true(b"event: end\n" in text, what + ": the stream has its end", text[-300:])
    connection.close()
    # A form of more than nginx's own megabyte.
    form = Form({"word": "big"}, [("picture", "a.png", "image/png", b"\x89PNG" + bytes(3 << 20))])
    connection, answer = proxy.ask("POST", "/api/runs", form.bytes(),
                                   **{"Content-Type": form.content_type})
    result = json.loads(answer.read())
    checks.true(answer.status == 200 and result["success"], what + ": a form of 3 MiB", result)
    connection.close()


def check_page(given, what, proxy):
    """The page comes through compressed and with its policy; what it asks for is its own, what a page
    of another site asks for is not."""
    for path in ("/", "/assets/page.js"):
        connection, answer = proxy.ask("GET", path, **{"Accept-Encoding": "gzip"})
        given.checks.equal((answer.status, answer.headers["Content-Encoding"]), (200, "gzip"),
                           "%s: %s" % (what, path))
        given.checks.true("default-src 'none'" in answer.headers["Content-Security-Policy"],
                          "%s: the policy of %s" % (what, path))
        connection.close()
    for site, status in (("same-origin", 200), ("cross-site", 403)):
        connection, answer = proxy.ask("POST", "/api/runs", json.dumps({"inputs": {"word": "a"}}),
                                       **{"Content-Type": "application/json",
                                          "Sec-Fetch-Site": site})
        given.checks.equal(answer.status, status, "%s: a page of %s" % (what, site))
        connection.close()


def behind(given, name, kind):
    program = find(given, name)
    if program is None:
        return
    with Simulator(given.build, kit.scenario(given, "proxies.yaml", SCENARIO), "--quiet",
                   key="app-flow") as simulator, \
            Gateway(given.build, {"flow": app_of(simulator)}) as gateway, \
            kind(given, gateway.port, program) as proxy:
        check_all(given, name, proxy)
        check_page(given, name, proxy)


def test_nginx(given):
    behind(given, "nginx", Nginx)


def test_caddy(given):
    behind(given, "caddy", Caddy)


if __name__ == "__main__":
    asked = kit.arguments()
    if not support.have("openssl"):
        asked.checks.skip("openssl is not here")
    kit.run_tests(asked, test_nginx, test_caddy)
