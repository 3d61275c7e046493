"""deploy/systemd: units that systemd takes, closed off, with the program's own settings and commands."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.conftest import DEPLOY
from tests.deploy.settings import SECRET, read_by_the_program, unusable

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
EXPOSURE = 20  # of 100, as systemd-analyze counts; below 30 it says OK


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with a program that is there on this machine."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/chanjiaotong/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    return sorted(tmp_path.iterdir())


def test_systemd_understands_every_line(tool: Callable[[str], Path], units: list[Path]) -> None:
    run = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", *units], capture_output=True, text=True)
    ours = [line for line in run.stderr.splitlines() if "chanjiaotong" in line]
    assert run.returncode == 0 and ours == [], run.stderr


def test_a_unit_can_do_little_more_than_its_work(tool: Callable[[str], Path], units: list[Path]) -> None:
    run = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", *units],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_settings_are_the_programs_and_none_is_a_secret(unit: Path, tmp_path: Path) -> None:
    given = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^Environment=(.*)", unit.read_text(), re.M))))
    assert set(given) <= read_by_the_program() and not any(map(SECRET.search, given))
    assert unusable({**given, "VAR_DIR": str(tmp_path), "SECRET_KEY": "x"}) == ""


def test_the_server_has_time_to_finish_what_it_is_doing() -> None:
    from bot.workers import STOP_SECONDS

    (server,) = (unit for unit in UNITS if "server" in unit.name)
    said = re.search(r"^TimeoutStopSec=(\d+)", server.read_text(), re.M)
    assert said and int(said[1]) > STOP_SECONDS
