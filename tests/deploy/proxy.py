"""nginx with deploy/nginx's rules on loopback, and a server behind it that tells what reached it."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

START_SECONDS = 10.0
_CONF = """
{user}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    include http.conf;
    access_log access.log rooms;
    upstream servers {{ {servers} }}
    map "" $server_group {{ default servers; }}
    map "" $visitor_scheme {{ default https; }}
    server {{ listen 127.0.0.1:{port}; include routes.conf; }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Echo:
    """A server that answers every request with what it got. `headers` are added to its answers."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.content_type = "application/json"
        self.asked: list[tuple[str, str]] = []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                echo.asked.append((self.command, self.path))
                told = json.dumps(
                    {"path": self.path, "size": len(body), "headers": dict(self.headers), "pad": " " * 2000}
                )
                self.send_response(200)
                for name, value in {"Content-Type": echo.content_type, **echo.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told.encode())

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> "Echo":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Proxy:
    """A running nginx; requests through it do not follow redirects. The visitor's scheme is https."""

    def __init__(self, nginx: Path, rules: Path, folder: Path, ports: Sequence[int]) -> None:
        self.nginx, self.folder, self.port = nginx, folder / "nginx", free_port()
        shutil.copytree(rules, self.folder)
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in ports)
        user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are its user's alone
        (self.folder / "test.conf").write_text(_CONF.format(user=user, servers=servers, port=self.port))
        self.base_url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Proxy":
        self._process = subprocess.Popen([self.nginx, "-p", self.folder, "-c", self.folder / "test.conf"])
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert self._process.poll() is None and time.monotonic() < deadline, "nginx did not start"
                time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """The answer to `path` as it is written, which `requests` would tidy up."""
        prepared = requests.Request(method, self.base_url, **more).prepare()
        prepared.url = self.base_url + path
        with requests.Session() as session:
            session.trust_env = False
            return session.send(prepared, allow_redirects=False, timeout=20)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: bytes = b"{}", **more: Any) -> requests.Response:
        return self.ask("POST", path, data=body, **more)

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text()
