"""RESULTS.md: one section per measurement, with the command, date, machine, versions and load that made it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from bot.settings import ROOT

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("rasa", "tensorflow", "scikit-learn", "numpy", "sanic", "jieba")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are aligned to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def verdict(value: float, limit: float, unit: str = "") -> str:
    """`value` against its target, which is to be at most `limit`."""
    return f"{value:.2f}{unit} ({'met' if value <= limit else 'NOT met'}: at most {limit:.3g}{unit})"


def reached(value: float, target: float, unit: str = "") -> str:
    """`value` against its target, which is to be at least `target`."""
    return f"{value:.2f}{unit} ({'met' if value >= target else 'NOT met'}: at least {target:.3g}{unit})"


def load() -> float:
    """Mean number of runnable processes in the last minute."""
    return os.getloadavg()[0]


def machine() -> str:
    """Date, commit, cores, CPU, memory in GB and versions, in one line."""
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return " · ".join(
        (
            f"{datetime.now():%Y-%m-%d %H:%M}",
            _commit(),
            f"{os.cpu_count()} × {cpu[1] if cpu else 'unknown CPU'}",
            f"{int(memory[1]) / 2**20:.0f} GB" if memory else "memory unknown",
            f"Python {sys.version.split()[0]}",
            packages,
        )
    )


def _commit() -> str:
    """The commit that is checked out, and whether files differ from it; in a copy without git what BENCH_COMMIT says."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    commit = git("rev-parse", "--short", "HEAD")
    if not commit:
        return os.environ.get("BENCH_COMMIT") or "no commit"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"commit {commit}{' with uncommitted changes' if changed else ''}"


def section(command: str, load_before: float, body: str) -> str:
    """What a section says: how it was measured, then `body`."""
    return f"`{command}` · {machine()} · load {load_before:.1f} before, {load():.1f} after\n\n{body}"


def save(name: str, title: str, text: str, path: Path = RESULTS) -> None:
    """Put `text` between the markers of section `name`; a section that is not there yet goes to the end, as `title`."""
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    whole = path.read_text(encoding="utf-8") if path.exists() else "# Measurements\n"
    if opening not in whole:
        whole = f"{whole.rstrip()}\n\n## {title}\n\n{opening}\n{closing}\n"
    before, _, rest = whole.partition(opening)
    after = rest.partition(closing)[2]
    path.write_text(f"{before}{opening}\n{text.strip()}\n{closing}{after}", encoding="utf-8")
