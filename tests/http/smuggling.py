#!/usr/bin/env python3
"""Sends the probes of probes.py to a server and judges what comes back: requests that can be read in
two ways must be refused, good ones answered, each exactly once. Every probe goes out in one piece,
the short ones also byte by byte.

    smuggling.py --run PROGRAM [ARGUMENT]...   starts a server that prints the address it listens on
    smuggling.py --server HOST:PORT            uses one that runs

The server must answer 404, 401 or 405 to paths it does not know. With --reads-bodies it answers
after the body only; then a body that is none must not reach its application at all.
"""

import argparse
import concurrent.futures
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import probes

DEADLINE_S = 60  # a safety net; nothing here waits for time to pass
BYTEWISE_BYTES = 1500
CONNECTIONS = 24

# Statuses by which a server refuses a message; an application that sees one answers otherwise.
REFUSALS = {400, 408, 411, 413, 414, 417, 421, 426, 431, 501, 503, 505}
APPLICATION = {401, 404, 405}


class Malformed(Exception):
    pass


def answers(data, methods):
    """The statuses in `data`, interim ones left out; the last answer may be cut off."""
    found = []
    while data:
        head, mark, rest = data.partition(b"\r\n\r\n")
        line = re.match(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*(?:\r\n|$)", head)
        if not line:
            raise Malformed("no answer: %r" % data[:80])
        status = int(line.group(1))
        fields = dict((name.strip().lower(), value.strip()) for name, _, value in
                      (field.partition(b":") for field in head.split(b"\r\n")[1:]))
        if status == 100:
            data = rest
            continue
        bodiless = status in (204, 304) or (methods[len(found):] or [b""])[0] == b"HEAD"
        found.append(status)
        if not mark:
            break
        if bodiless:
            data = rest
        elif b"content-length" in fields:
            data = rest[int(fields[b"content-length"]):]
        elif fields.get(b"transfer-encoding") == b"chunked":
            data = behind_chunks(rest)
        else:
            break
    return found


def behind_chunks(data):
    while True:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        data = data[count + 2:]
        if count == 0:
            return data


def exchange(address, data, bytewise, ends):
    """What comes back, and whether the server closed the connection."""
    received = []
    sock = socket.create_connection(address, timeout=DEADLINE_S)
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if bytewise:
                for at in range(len(data)):
                    sock.sendall(data[at:at + 1])
            else:
                sock.sendall(data)
            if ends:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError) as error:
            if isinstance(error, socket.timeout):
                return b"", False
        try:
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return b"".join(received), True
                received.append(piece)
        except socket.timeout:
            return b"".join(received), False
        except OSError:  # reset
            return b"".join(received), True


def wrong(statuses, is_closed, verdict, reads_bodies):
    """Why what came is not what the verdict allows; None if it is."""
    kind, what = verdict
    if not is_closed:
        return "was not closed"
    taken = [status for status in statuses if status in APPLICATION]
    others = [status for status in statuses if status not in APPLICATION | REFUSALS]
    if others:
        return "answered with %s" % others
    if taken != statuses[:len(taken)] or len(statuses) > len(taken) + 1:
        return "answers behind a refusal: %s" % statuses
    early = 0 if reads_bodies else 1  # answers that an application may give before it sees the body
    is_refused = len(taken) == 0
    if kind == "refused":
        good = is_refused and (what is None or not statuses or statuses[0] in what)
    elif kind in ("broken", "cut"):
        good = len(taken) <= early and len(statuses) <= 1
    elif kind == "taken":
        good = len(taken) == what == len(statuses)
    elif kind == "either":
        good = (len(statuses) <= 1 and len(taken) <= early) or len(taken) == what == len(statuses)
    else:
        good = kind == "mixed" and len(taken) == what
    return None if good else "answered with %s, wanted %s %s" % (statuses, kind, what or "")


def run_probe(address, probe, bytewise, reads_bodies):
    name, data, verdict = probe
    label = name + (", byte by byte" if bytewise else "")
    received, is_closed = exchange(address, data, bytewise, verdict[0] == "cut")
    try:
        statuses = answers(received, [data.split(b" ", 1)[0]])
    except (Malformed, ValueError) as error:
        return label, str(error)
    return label, wrong(statuses, is_closed, verdict, reads_bodies)


class Server:
    """A program that listens on a port of its choice and says so in its first lines."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.address = None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            found = re.search(rb"(127\.0\.0\.1|localhost):(\d+)", line)
            if found:
                self.address = ("127.0.0.1", int(found.group(2)))
                break
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        self.said += self.process.stdout

    def stop(self):
        """Why it did not end well; None if it did."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "the server does not end"
        self.listener.join(DEADLINE_S)
        text = b"".join(self.said).decode("utf-8", "replace")
        if "Sanitizer" in text or "runtime error" in text:
            return "the server's checker says: " + text[:2000]
        if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            return "the server ended with %s: %s" % (status, text[:2000])
        return None


def run_all(address, reads_bodies, chosen):
    """The labels of all probes that were run, and of those that failed, why."""
    jobs = [(probe, bytewise) for probe in probes.all_probes() for bytewise in (False, True)
            if chosen in probe[0] and (not bytewise or len(probe[1]) <= BYTEWISE_BYTES)]
    failed = []
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        for label, why in pool.map(lambda job: run_probe(address, *job, reads_bodies), jobs):
            if why:
                failed.append((label, why))
    return len(jobs), failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--reads-bodies", action="store_true")
    parser.add_argument("--only", default="", help="probes with this in their name")
    parser.add_argument("--server", metavar="HOST:PORT")
    parser.add_argument("--run", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if bool(given.server) == bool(given.run):
        parser.error("one of --server and --run is needed")
    began = time.monotonic()
    server = Server(given.run) if given.run else None
    if server:
        address = server.address
    else:
        host, _, port = given.server.rpartition(":")
        address = (host, int(port))
    if address is None:
        sys.exit("the server said no address: %s" % server.stop())
    count, failed = run_all(address, given.reads_bodies, given.only)
    ended = server.stop() if server else None
    if ended:
        failed.append(("the server", ended))
    for label, why in failed:
        print("FAILED %s: %s" % (label, why))
    print("smuggling: %d probes, sent %d times, %d failed (%.1f s)" % (
        len(probes.all_probes()), count, len(failed), time.monotonic() - began))
    sys.exit(1 if failed or count == 0 else 0)


if __name__ == "__main__":
    main()
