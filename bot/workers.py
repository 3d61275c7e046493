"""Several server processes on one port: a parent that loads the model once, forks the workers, and replaces those that die or are old.

Every worker has a listening socket of its own on the same port (SO_REUSEPORT), which the parent keeps open: connections wait in it while
a worker is replaced. SIGHUP takes up a new model and new code: the parent executes itself anew with the sockets, loads, forks new
workers on them, and only then lets the old ones finish.
"""

import ctypes
import gc
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

SOCKETS, OLD_WORKERS = "CHANJIAOTONG_SOCKETS", "CHANJIAOTONG_OLD_WORKERS"
NUMBERS, MEMORY = "PROMETHEUS_MULTIPROC_DIR", Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
BACKLOG = 1024
READY_SECONDS = 120.0
STOP_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1

Serve = Callable[[int, socket.socket, Callable[[], None]], None]


def is_successor() -> bool:
    """Whether this process has taken over from an earlier version of itself, with its port."""
    return SOCKETS in os.environ


@contextmanager
def shared_numbers(var: Path) -> Iterator[None]:
    """A folder for the numbers that workers count each for itself, to be entered before prometheus_client is imported. A successor goes on with it.

    It is in memory: prometheus_client writes through a mapped file, and whoever does so on a full disk is killed (SIGBUS).
    """
    if not is_successor():
        os.environ[NUMBERS] = tempfile.mkdtemp(prefix="chanjiaotong-", dir=MEMORY if MEMORY.is_dir() else var)
    try:
        yield
    finally:
        shutil.rmtree(os.environ[NUMBERS], ignore_errors=True)


def run_workers(count: int, host: str, port: int, serve: Serve, ready: Callable[[], None]) -> None:
    """Run `count` workers until SIGTERM or SIGINT. Everything that workers share is loaded before, and nothing is connected.

    `serve(number, socket, ready)` is a worker: it serves until SIGTERM and calls `ready` once. `ready()` is called when all are.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    gc.collect()
    gc.freeze()  # what is there now is never looked through again, so that its memory stays shared
    parent = _Parent(_sockets(count, host, port), serve)
    old = [int(pid) for pid in os.environ.pop(OLD_WORKERS, "").split(",") if pid]
    for number in range(count):
        parent.start(number)
    ready()
    for pid in old:
        _signal(pid, signal.SIGTERM)
    parent.watch(old)


def _sockets(count: int, host: str, port: int) -> list[socket.socket]:
    inherited = [socket.socket(fileno=int(each)) for each in os.environ.pop(SOCKETS, "").split(",") if each]
    made = []
    for _ in range(count - len(inherited)):
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((host, port))
        one.listen(BACKLOG)
        made.append(one)
    return inherited + made


class _Parent:
    def __init__(self, sockets: list[socket.socket], serve: Serve) -> None:
        self.sockets, self.serve = sockets, serve
        self.workers: dict[int, tuple[int, float]] = {}  # number and start, by process id

    def start(self, number: int) -> None:
        """Fork worker `number` and wait until it serves."""
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            os._exit(self._work(number, tell))
        os.close(tell)
        self.workers[pid] = (number, time.monotonic())
        if not select.select([told], [], [], READY_SECONDS)[0] or not os.read(told, 1):
            logger.error("工作进程 %s 没有启动成功", number + 1)
        os.close(told)

    def _work(self, number: int, tell: int) -> int:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # a worker does not outlive its parent
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent tells when to stop
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        for other in self.sockets:
            if other is not self.sockets[number]:
                other.close()
        try:
            self.serve(number, self.sockets[number], lambda: os.close(tell) if os.write(tell, b"1") else None)
            return 0
        except BaseException:
            logger.exception("工作进程 %s 出错退出", number + 1)
            return 1

    def watch(self, old: list[int]) -> None:
        """Replace workers that end, until told to stop."""
        while True:
            told = signal.sigwait(SIGNALS)
            if told in (signal.SIGTERM, signal.SIGINT):
                return self.stop(old)
            if told == signal.SIGHUP:
                self.succeed(old)
            for pid in _ended():
                if pid in old:
                    old.remove(pid)
                if pid not in self.workers:
                    continue
                number, started = self.workers.pop(pid)
                logger.error("工作进程 %s 意外结束,重新启动", number + 1)
                if time.monotonic() - started < 1:
                    time.sleep(1)
                self.start(number)

    def succeed(self, old: list[int]) -> None:
        """Become a new version of this process, if there is one that can start."""
        if subprocess.run([sys.executable, "-m", "bot", "train"], check=False).returncode != 0:
            logger.error("新的版本不能用,继续使用原来的")
            return
        for each in self.sockets:
            each.set_inheritable(True)
        os.environ[SOCKETS] = ",".join(str(each.fileno()) for each in self.sockets)
        os.environ[OLD_WORKERS] = ",".join(map(str, [*self.workers, *old]))
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the same command as before

    def stop(self, old: list[int]) -> None:
        remaining = {*self.workers, *old}
        for pid in remaining:
            _signal(pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while remaining and time.monotonic() < end:
            signal.sigtimedwait([signal.SIGCHLD], 0.2)
            remaining -= set(_ended())
            remaining = {pid for pid in remaining if _lives(pid)}
        for pid in remaining:
            _signal(pid, signal.SIGKILL)


def _ended() -> list[int]:
    """The process ids of children that have ended since the last call."""
    found: list[int] = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append(pid)


def _signal(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return


def _lives(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")
