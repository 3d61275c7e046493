"""The rooms keep to themselves, and a checkout works on any machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

LOCKS = ["requirements.lock", "requirements-dev.lock", "deploy/uv.lock"]
# Written in two pieces, for this file is committed too.
REGISTRIES = re.compile(
    rb"pypi" rb"\.(org|io)|python" rb"hosted\.org|npm" rb"js\.(org|com)|/simple" rb"/\w|yarn" rb"pkg\.com"
)
MACHINE_PATHS = re.compile(rb"(?<![\w.~/-])/(?:" rb"work|root|home/\w+|Users/\w+|tmp/\w+)(?:/|\b(?=['\"\s]))")


def committed() -> list[Path]:
    """The files that git tracks and those that are new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_imports_keep_to_the_contracts() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout
    assert re.search(r"Contracts: [1-9]\d* kept", run.stdout)


@pytest.mark.parametrize(("pattern", "what"), [(REGISTRIES, "a registry"), (MACHINE_PATHS, "one machine's paths")])
def test_no_committed_file_names(pattern: re.Pattern[bytes], what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed()
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1)
        if pattern.search(line)
    ]
    assert not found, f"these lines name {what}"


def test_the_patterns_find_what_they_are_for() -> None:
    assert REGISTRIES.search(b"--index-url https://" + b"pypi" + b".org/x")
    for path in ("/" + "work/main", "/" + "root/.cache", "'/" + "home/user/x'"):
        assert MACHINE_PATHS.search(path.encode())
    for harmless in (b"frame/wo" + b"rk/x", b"a/ho" + b"me/b", b"framework", b"https://example.com/ro" + b"ot/x"):
        assert not MACHINE_PATHS.search(harmless)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_pins_every_package_with_hashes_and_names_no_address(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").split("\n")
    package = re.compile(r"[a-z0-9][a-z0-9._-]*==[A-Za-z0-9.!+_-]+( ; .+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    rows = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert rows and not [row for row in rows if not package.fullmatch(row) and not digest.fullmatch(row)]
    assert not [row for row in rows if "://" in row or row.startswith("-")]
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        # A package is followed by its first hash, and a hash without a continuation by the next package.
        assert bool(digest.fullmatch(following)) == row.endswith("\\"), row


def test_both_locks_agree_on_what_the_server_runs_with() -> None:
    pins = [set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.M)) for name in LOCKS[:2]]
    assert pins[0] <= pins[1]
