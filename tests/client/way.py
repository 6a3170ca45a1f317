"""How Dify is reached: by TLS with its certificates, and through proxies; what goes wrong is told in
one line, without a secret.

usage: way.py --source FOLDER --build FOLDER
"""

import argparse
import base64
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
from server import Simulator  # noqa: E402

DEADLINE_S = 60  # a safety net; nothing here waits for time to pass
KEY = "app-summary-of-teas"
PASSWORD = "open-sesame"
SCENARIO = """
apps:
  - {name: summary, key: %s, inputs: [{name: topic, required: true}],
     runs: [{nodes: [start, {type: end, outputs: {text: "About {{inputs.topic}}."}}]}]}
""" % KEY


def make_certificates(folder):
    """An authority, a server of the name localhost, a client; and an authority of no use."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=DEADLINE_S)
    for authority in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", authority + ".key", "-out", authority + ".pem", "-days", "2", "-subj",
                "/CN=" + authority)
    for name in ("localhost", "client"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        with open(os.path.join(folder, "names"), "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", "names")


def pump(one, other):
    """Carries bytes both ways until either side ends."""
    pairs = {one: other, other: one}
    try:
        while True:
            if not isinstance(one, ssl.SSLSocket) or one.pending() == 0:
                ready = select.select(list(pairs), [], [], DEADLINE_S)[0]
            else:
                ready = [one]
            for at in ready:
                data = at.recv(65536)
                if not data:
                    return
                pairs[at].sendall(data)
            if not ready:
                return
    except (OSError, ssl.SSLError):
        return
    finally:
        one.close()
        other.close()


class Relay:
    """Listens, makes something of each connection, and passes it on to a port."""

    def __init__(self, port):
        self.port_behind, self.seen = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        client = self.open(client)
        if client is not None:
            pump(client, socket.create_connection(("127.0.0.1", self.port_behind)))

    def close(self):
        self.listener.close()


class Tls(Relay):
    def __init__(self, port, folder, wants_client=False):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(os.path.join(folder, "localhost.pem"),
                                     os.path.join(folder, "localhost.key"))
        if wants_client:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(os.path.join(folder, "ca.pem"))
        super().__init__(port)

    def open(self, client):
        try:
            return self.context.wrap_socket(client, server_side=True)
        except (OSError, ssl.SSLError):
            client.close()
            return None


class Proxy(Relay):
    """One that wants a password; it knows CONNECT, and takes plain requests as they are."""

    def open(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return None
            head += data
        self.seen.append(head.split(b"\r\n")[0].decode())
        wanted = base64.b64encode(b"me:" + PASSWORD.encode())
        if b"Basic " + wanted not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                           b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            client.close()
            return None
        if head.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return client
        behind = socket.create_connection(("127.0.0.1", self.port_behind))
        behind.sendall(re.sub(rb"^(\w+) http://[^/]+", rb"\1 ", head))
        pump(client, behind)
        return None


class Checks:
    def __init__(self, build, state):
        self.build, self.state, self.count, self.failed = build, state, 0, 0

    def true(self, held, what, detail=""):
        self.count += 1
        if not held:
            self.failed += 1
            print("FAILED %s\n    %s" % (what, detail))

    def run(self, url, *options, inputs="topic=tea", **environment):
        clean = {name: value for name, value in os.environ.items()
                 if not name.lower().endswith("_proxy") and not name.startswith("DIFY")}
        done = subprocess.run(
            [os.path.join(self.build, "difystream"), "run", "-q", "--base-url", url, "-i", inputs,
             *options], capture_output=True, text=True, timeout=DEADLINE_S,
            env=dict(clean, DIFY_API_KEY=KEY, DIFYSTREAM_SPEED="100", XDG_STATE_HOME=self.state,
                     XDG_CONFIG_HOME=self.state, **environment))
        for secret in (KEY, PASSWORD):
            self.true(secret not in done.stdout + done.stderr, "no secret is shown", done)
        return done

    def succeeds(self, what, *words, **more):
        done = self.run(*words, **more)
        self.true(done.returncode == 0 and '"status":"succeeded"' in done.stdout, what, done)

    def fails(self, what, status, code, words, *more, **environment):
        done = self.run(*more, **environment)
        self.true(done.returncode == status and '"code":"%s"' % code in done.stdout and
                  re.search(words, done.stdout, re.I) is not None, what, done)


def check_tls(checks, port, folder):
    def at(name):
        return os.path.join(folder, name)
    relay = Tls(port, folder)
    url = "https://localhost:%d/v1" % relay.port
    checks.succeeds("TLS with the right authority", url, "--ca-file", at("ca.pem"))
    checks.succeeds("TLS by address", url.replace("localhost", "127.0.0.1"), "--ca-file",
                    at("ca.pem"))
    checks.fails("an authority that is not known", 7, "connect_failed", "certificate", url)
    checks.fails("another authority", 7, "connect_failed", "certificate", url, "--ca-file",
                 at("other.pem"))
    done = checks.run(url, "--ca-file", at("none.pem"))
    checks.true(done.returncode == 2 and "none.pem" in done.stderr, "a CA file that is not there",
                done)
    checks.fails("TLS to a port that has none", 7, "connect_failed", "ssl|tls",
                 "https://localhost:%d/v1" % port, "--ca-file", at("ca.pem"))
    relay.close()

    relay = Tls(port, folder, wants_client=True)
    url = "https://localhost:%d/v1" % relay.port
    mine = ("--client-cert", at("client.pem"), "--client-key", at("client.key"))
    checks.succeeds("a client's certificate", url, "--ca-file", at("ca.pem"), *mine)
    done = checks.run(url, "--ca-file", at("ca.pem"))
    checks.true(done.returncode in (4, 7), "no client's certificate is no success", done)
    checks.fails("a client's key of another", 7, "connect_failed", "", url, "--ca-file",
                 at("ca.pem"), "--client-cert", at("client.pem"), "--client-key",
                 at("localhost.key"))
    relay.close()


def check_proxies(checks, port, folder):
    proxy = Proxy(port)
    with_password = "http://me:%s@127.0.0.1:%d" % (PASSWORD, proxy.port)
    plain = "http://dify.invalid:%d/v1" % port
    checks.succeeds("a proxy for http", plain, "--proxy", with_password)
    checks.true(any(line.startswith("POST http://dify.invalid") for line in proxy.seen),
                "the proxy was asked", proxy.seen)
    checks.succeeds("a proxy from the environment", plain, http_proxy=with_password)
    checks.fails("a proxy without its password", 3, "http_error", "407|proxy", plain, "--proxy",
                 "http://127.0.0.1:%d" % proxy.port)
    proxy.close()

    relay = Tls(port, folder)
    proxy = Proxy(relay.port)
    with_password = "http://me:%s@127.0.0.1:%d" % (PASSWORD, proxy.port)
    secure = "https://localhost:%d/v1" % relay.port
    authority = ("--ca-file", os.path.join(folder, "ca.pem"))
    checks.succeeds("a proxy for https", secure, "--proxy", with_password, *authority)
    checks.true(any(line.startswith("CONNECT localhost") for line in proxy.seen),
                "the proxy was asked for a tunnel", proxy.seen)
    checks.succeeds("no_proxy is heeded", secure, *authority, https_proxy="http://127.0.0.1:1",
                    no_proxy="localhost")
    checks.fails("a tunnel without its password", 7, "connect_failed", "407|proxy", secure,
                 "--proxy", "http://127.0.0.1:%d" % proxy.port, *authority)
    checks.fails("a proxy that is not there", 7, "connect_failed", "", secure, "--proxy",
                 "http://me:%s@127.0.0.1:1" % PASSWORD, *authority)
    proxy.close()
    relay.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=os.path.abspath)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    given = parser.parse_args()
    if shutil.which("openssl") is None:
        print("client.way: skipped: no openssl here to make certificates with")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="difystream-way-") as folder:
        make_certificates(folder)
        scenario = os.path.join(folder, "summary.yaml")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
        checks = Checks(given.build, os.path.join(folder, "state"))
        with Simulator(given.build, scenario, "--speed", "100") as simulator:
            check_tls(checks, simulator.port, folder)
            check_proxies(checks, simulator.port, folder)
            starts = simulator.stats()["runs_started"]
    print("client.way: %d checks (TLS, proxies), %d runs, %d failed" % (
        checks.count, starts, checks.failed))
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
