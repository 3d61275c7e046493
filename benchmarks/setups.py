"""The two set-ups that are compared, started as their users start them: ours (`python -m bot run`) and Rasa's default.

The default is trained by `rasa train` on the same domain and data and served by `rasa run` (REST channel) beside
`rasa run actions` (our actions package over HTTP).
"""

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.settings import ROOT

HERE = ROOT / "benchmarks" / "default_rasa"
# Trained models, caches and logs of the benchmarks; git ignores var/.
WORK = ROOT / "var" / "benchmarks"
START_TIMEOUT_SECONDS = 600
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Turn:
    """One message's round trip in seconds, and the texts that came back."""

    seconds: float
    replies: tuple[str, ...]


@dataclass(frozen=True)
class Memory:
    """MB (2**20 bytes) of all processes of a set-up: proportional set size and plain resident size."""

    pss: float
    rss: float


def environment(**more: str) -> dict[str, str]:
    """The environment of every process that is measured.

    Compiled modules are cached, as on any machine where Python may write them, but in a folder of our own.
    """
    ours = ("PYTHONDONTWRITEBYTECODE", "VAR_DIR", "PORT", "HOST", "DATABASE_URL", "REDIS_URL", "SECRET_KEY")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    return env | {
        "PYTHONPYCACHEPREFIX": str(WORK / "pycache"),
        "RASA_CACHE_DIRECTORY": str(WORK / "cache"),
        "RASA_TELEMETRY_ENABLED": "false",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        **more,
    }


def train(arguments: list[str], name: str, inputs: list[Path]) -> Path:
    """The model that `rasa train <arguments>` makes of `inputs` (files and folders), unless it is there already."""
    digest = hashlib.sha256()
    for path in inputs:
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            if file.suffix != ".pyc":
                digest.update(file.read_bytes())
    model = WORK / f"{name}-{digest.hexdigest()[:16]}.tar.gz"
    if model.exists():
        return model
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"· training {name} (log: {WORK}/{name}.train.log)", file=sys.stderr, flush=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", "rasa", "train", *arguments, "--out", str(WORK)]
    with open(WORK / f"{name}.train.log", "wb") as log:
        subprocess.run(
            [*command, "--fixed-model-name", model.name.removesuffix(".tar.gz")],
            cwd=ROOT,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    for old in WORK.glob(f"{name}-*.tar.gz"):
        if old != model:
            old.unlink()
    print(f"· trained {name} in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return model


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SetUp(ABC):
    """A chatbot that answers over HTTP on 127.0.0.1. Use as a context manager: leaving it stops the processes."""

    name: str

    def __init__(self) -> None:
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connection: http.client.HTTPConnection | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Train what has to be trained, so that a start only loads."""

    @abstractmethod
    def commands(self) -> list[tuple[list[str], dict[str, str]]]:
        """Arguments of Python and environment of each process."""

    @abstractmethod
    def open_session(self) -> str:
        """A new person's name or cookie."""

    @abstractmethod
    def ask(self, session: str, text: str) -> Turn:
        """Send one message over the kept connection. Raises OSError or HTTPException if nobody answers."""

    def start(self) -> float:
        """Seconds from starting all processes to the first reply to a real message."""
        WORK.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        for number, (arguments, env) in enumerate(self.commands()):
            with open(WORK / f"{type(self).__name__}.{number}.log", "wb") as log:
                self._processes.append(
                    subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env, stdout=log, stderr=log)
                )
        while time.perf_counter() - started < START_TIMEOUT_SECONDS:
            if any(process.poll() is not None for process in self._processes):
                break
            try:
                if self.ask(self.open_session(), "实习给不给钱?").replies:
                    return time.perf_counter() - started
            except (OSError, http.client.HTTPException):
                self._close()
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"{self.name} did not start; see {WORK}/{type(self).__name__}.*.log")

    def stop(self) -> None:
        """End the processes."""
        self._close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def cpu_seconds(self) -> float:
        """Processor time that the processes and their children have used."""
        return sum(cpu_seconds(process.pid) for process in self._processes)

    def memory(self) -> Memory:
        """What the processes and their children hold now."""
        each = [memory(process.pid) for process in self._processes]
        return Memory(sum(one.pss for one in each), sum(one.rss for one in each))

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[float, Any, str | None]:
        """Seconds, JSON body and cookie of the answer. A connection that the server has closed is opened again."""
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **headers}
        for last in (False, True):
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                self._connection.connect()
            started = time.perf_counter()
            try:
                self._connection.request("POST", path, data, headers)
                response = self._connection.getresponse()
                raw = response.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self._close()
                if last:
                    raise
                continue
            seconds = time.perf_counter() - started
            if response.status not in (200, 201):
                raise http.client.HTTPException(f"{self.name}: {response.status} {raw[:200]!r}")
            return seconds, json.loads(raw), response.getheader("Set-Cookie")
        raise AssertionError

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "SetUp":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class Ours(SetUp):
    """The assistant, with a data folder of its own."""

    name = "ours"

    def __init__(self, var: Path) -> None:
        super().__init__()
        self.var = var
        self._env = environment(VAR_DIR=str(var), PORT=str(self.port), HOST="127.0.0.1", MESSAGES_PER_MINUTE="1000000")

    def prepare(self) -> None:
        if (ROOT / "var" / "knowledge").is_dir():
            shutil.copytree(ROOT / "var" / "knowledge", self.var / "knowledge", dirs_exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "bot", "train"], cwd=ROOT, env=self._env, check=True, stdout=sys.stderr.fileno()
        )

    def commands(self) -> list[tuple[list[str], dict[str, str]]]:
        return [(["-m", "bot", "run"], self._env)]

    def open_session(self) -> str:
        cookie = self._post("/chat/sessions", {}, {})[2]
        return cookie.partition(";")[0] if cookie else ""

    def ask(self, session: str, text: str) -> Turn:
        seconds, answer, _ = self._post("/chat/messages", {"text": text}, {"Cookie": session})
        return Turn(seconds, tuple(message["text"] for message in answer["messages"]))


class DefaultRasa(SetUp):
    """`rasa run` and `rasa run actions`, as in Rasa's documentation."""

    name = "Rasa's default"

    def __init__(self, var: Path) -> None:
        super().__init__()
        self.var = var
        self._sessions = 0
        self._action_port = free_port()
        self._model: Path | None = None

    def prepare(self) -> None:
        domain, data = ROOT / "bot" / "domain", ROOT / "data"
        config, stories = HERE / "config.yml", HERE / "stories.yml"
        arguments = ["--config", str(config), "--domain", str(domain), "--data", str(data), str(stories)]
        self._model = train(arguments, "default", [config, stories, domain, data])

    def commands(self) -> list[tuple[list[str], dict[str, str]]]:
        assert self._model is not None, "prepare() comes first"
        env = environment(VAR_DIR=str(self.var), ACTION_PORT=str(self._action_port), SANIC_HOST="127.0.0.1")
        serve = ["-m", "rasa", "run", "--model", str(self._model), "--port", str(self.port), "--interface", "127.0.0.1"]
        serve += ["--endpoints", str(HERE / "endpoints.yml"), "--credentials", str(HERE / "credentials.yml")]
        act = ["-m", "rasa", "run", "actions", "--actions", "actions", "--port", str(self._action_port)]
        return [(act, env), (serve, env)]

    def open_session(self) -> str:
        self._sessions += 1
        return f"bench-{self._sessions}"

    def ask(self, session: str, text: str) -> Turn:
        seconds, answer, _ = self._post("/webhooks/rest/webhook", {"sender": session, "message": text}, {})
        texts = (m["custom"]["text"] if "custom" in m else m.get("text", "") for m in answer)
        return Turn(seconds, tuple(texts))


def cpu_seconds(pid: int) -> float:
    """Processor time that `pid` and its children have used, those that have ended too."""
    ticks = 0
    for each in with_children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended in between
            after_name = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, after_name[11:15]))  # utime, stime, and those of children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> Memory:
    """What `pid` and its children hold now."""
    totals = {"Pss": 0, "Rss": 0}
    for each in with_children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
            for field in totals:
                found = re.search(rf"^{field}:\s*(\d+) kB", rollup, re.M)
                totals[field] += int(found[1]) if found else 0
    return Memory(totals["Pss"] / 1024, totals["Rss"] / 1024)


def with_children(pid: int) -> list[int]:
    """`pid` and every process below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in task.read_text().split():
                found += with_children(int(child))
    return found
