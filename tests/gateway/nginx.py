"""nginx in front of a gateway, as its own defaults and examples/front-end/nginx.conf have it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile

import support

MAIN = """
%(user)s
daemon off;
error_log stderr;
pid %(folder)s/pid;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    proxy_read_timeout %(read_timeout)s;
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://127.0.0.1:%(upstream)d;
        }
    }
    include %(folder)s/example.conf;
}
"""


def program(build):
    """nginx: the system's, or what script/setup has unpacked; None where there is none."""
    deps = os.path.join(os.path.dirname(build), "deps")
    own = os.path.join(deps, "nginx", "usr", "sbin", "nginx")
    return next((path for path in (shutil.which("nginx"), "/usr/sbin/nginx", own)
                 if path and os.access(path, os.X_OK)), None)


class Nginx:
    """A running nginx; a context manager. `port` is that of a server with all of nginx's defaults
    but the time-out of a silent upstream, `example_port` that of the example's."""

    def __init__(self, build, source, upstream, read_timeout):
        self.temporary = tempfile.TemporaryDirectory(prefix="difystream-nginx-")
        folder = self.temporary.name
        # nginx cannot choose a port; it is given sockets that listen, as one that is replaced
        # gives them to the next.
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.example_port = (each.getsockname()[1] for each in sockets)
        self.write(folder, "nginx.conf", MAIN % {
            "user": "user %s;" % pwd.getpwuid(0).pw_name if os.getuid() == 0 else "",
            "folder": folder, "port": self.port, "upstream": upstream,
            "read_timeout": read_timeout})
        example = support.read(source, "examples", "front-end", "nginx.conf")
        for before, after in (("127.0.0.1:8080", "127.0.0.1:%d" % self.example_port),
                              ("127.0.0.1:8000", "127.0.0.1:%d" % upstream),
                              ("/srv/label-check", os.path.join(source, "examples", "front-end"))):
            assert before in example, before
            example = example.replace(before, after)
        self.write(folder, "example.conf", example)
        files = [each.fileno() for each in sockets]
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [program(build), "-p", folder, "-c", os.path.join(folder, "nginx.conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=files,
                env=dict(os.environ, NGINX="".join("%d;" % file for file in files)))
        for each in sockets:
            each.close()

    @staticmethod
    def write(folder, name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def log(self):
        return support.read(self.temporary.name, "log")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(support.DEADLINE_S)
        self.temporary.cleanup()
