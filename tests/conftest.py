"""The world that tests share: the policy pipeline, a real server process with its own data folder, and its visitors."""

import io
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from bot import light_tensorflow

light_tensorflow.install()  # before any test imports Rasa

import openpyxl  # noqa: E402
import pytest  # noqa: E402
import requests  # noqa: E402

from channels.web.session import SessionSigner  # noqa: E402
from policy_kb import live  # noqa: E402
from policy_kb.pipeline import Pipeline  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SECRET = "only-for-tests"
# A first start after a change of the training data trains both models.
START_SECONDS = 400
QUESTION = "实习给不给钱?"


class Server:
    """A running `python -m bot run`: where it answers, where it keeps its data, and what it printed."""

    def __init__(self, port: int, var: Path, process: "subprocess.Popen[str]") -> None:
        self.base_url, self.var, self.process = f"http://127.0.0.1:{port}", var, process
        self.printed: list[str] = []

    def wait_until_ready(self) -> None:
        """Return when the server has said so; fail with its output when it ends without."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                self.printed.append(line)
                if "已就绪" in line:
                    break
            else:
                pytest.fail("the server did not start:\n" + "".join(self.printed))
        finally:
            watchdog.cancel()
        threading.Thread(target=self._read_on, daemon=True).start()

    def _read_on(self) -> None:
        """A pipe that nobody reads would fill up and stop the server."""
        assert self.process.stdout is not None
        self.printed.extend(self.process.stdout)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What `query` finds in the server's database."""
        with closing(sqlite3.connect(self.var / "chanjiaotong.db", timeout=5)) as connection:
            return connection.execute(query, parameters).fetchall()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_server(var: Path, **settings: str) -> Iterator[Server]:
    """A server on a free port of this machine, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bot", "run"],
        cwd=ROOT,
        env=environment(var, HOST="127.0.0.1", PORT=str(port), **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    server = Server(port, var, process)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def environment(var: Path, **settings: str) -> dict[str, str]:
    """The process's environment with our settings and nobody else's database or Redis."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    return {**inherited, "VAR_DIR": str(var), "SECRET_KEY": SECRET, "PYTHONIOENCODING": "utf-8", **settings}


def trained_folder(folder: Path) -> Path:
    """`folder` with the trained policy knowledge in it, so that a process that keeps its data there trains nothing."""
    shutil.copytree(live.ensure_trained().parent, folder / "knowledge")
    return folder


class Client:
    """One person's browser: a session and the chat API."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.post(f"{base_url}/chat/sessions").raise_for_status()

    @property
    def cookie(self) -> str:
        return str(self.http.cookies["cjt_session"])

    @property
    def sender_id(self) -> str:
        return str(SessionSigner(SECRET).read(self.cookie))

    @property
    def headers(self) -> Any:
        """What is sent with every request."""
        return self.http.headers

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.base_url + path, **more)

    def post(self, body: object, **more: Any) -> requests.Response:
        """`body` to the message endpoint: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(f"{self.base_url}/chat/messages", data=content, **more)

    def form(self, path: str = "/chat/", **fields: str) -> requests.Response:
        """A form of the page sent by a browser without JavaScript; redirects are left to the test."""
        return self.http.post(self.base_url + path, data=fields, allow_redirects=False)

    def say(self, text: str, message_id: str | None = None) -> list[dict[str, Any]]:
        return self._answered({"text": text}, message_id)

    def tap(self, payload: str, message_id: str | None = None) -> list[dict[str, Any]]:
        return self._answered({"payload": payload}, message_id)

    def history(self) -> list[dict[str, Any]]:
        response = self.get("/chat/history")
        assert response.status_code == 200, response.text
        return list(response.json()["messages"])

    def _answered(self, body: dict[str, str], message_id: str | None) -> list[dict[str, Any]]:
        response = self.post({**body, "message_id": message_id} if message_id else body)
        assert response.status_code == 200, response.text
        return list(response.json()["messages"])


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    return live.current()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    var = trained_folder(tmp_path_factory.mktemp("server"))
    with running_server(var, MESSAGES_PER_MINUTE="100000") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.base_url)


def filled_in_roster(base_url: str) -> bytes:
    """A server's roster template with one person in it, for whom there are 300 yuan."""
    template = requests.get(f"{base_url}/api/assessments/training-allowance/roster/template.xlsx", timeout=30).content
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet = book.worksheets[0]
    header = next(row for row in sheet.iter_rows() if row[0].value == "姓名")
    for cell, value in zip(header, ["王五", "是", "是", "2024-03-01", "2025-02-28", None, "没有"]):
        sheet.cell(header[0].row + 2, cell.column, value)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
