"""The image: nothing secret in it, nobody's root, its commands and settings the program's own; and the entry point at work."""

import fnmatch
import json
import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.deploy.conftest import DEPLOY
from tests.deploy.settings import read_by_the_program

DOCKERFILE = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
LAST = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def instructions(name: str, text: str = DOCKERFILE) -> list[str]:
    return re.findall(rf"^\s*{name} (.*)$", text, re.M)


def test_it_runs_as_nobody_in_particular() -> None:
    assert instructions("USER", LAST) == ["10001:10001"]
    assert LAST.index("USER ") < LAST.index("ENTRYPOINT")


def test_the_program_cannot_change_itself() -> None:
    owned = [line for line in instructions("COPY", LAST) if "--chown" in line]
    assert [line.split()[-1] for line in owned] == ["/var/lib/chanjiaotong"]


def test_its_settings_are_the_programs() -> None:
    named = re.findall(r"(\w+)=\S+", " ".join(instructions("ENV")))
    assert named and set(named) <= read_by_the_program()


def test_what_is_copied_from_the_project_is_there() -> None:
    for line in instructions("COPY"):
        if "--from" not in line:
            assert all((ROOT / source).exists() for source in line.split()[:-1])


def test_no_secret_and_no_data_is_sent_to_the_build() -> None:
    """The patterns as Docker reads them: a name without a slash is one at the top, `**/` is at any depth."""
    ignored = [
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]

    def stays_out(path: str) -> bool:
        folders = [path, *map(str, Path(path).parents)]
        return any(
            fnmatch.fnmatch(f"/{part}", f"/{rule}".replace("/**/", "*/")) for part in folders for rule in ignored
        )

    for private in (
        "var/secret_key",
        "deploy/secrets/database_url",
        ".env",
        "deploy/.env",
        ".git/config",
        "var/chanjiaotong.db",
    ):
        assert stays_out(private), private
    for needed in (
        "requirements.lock",
        "deploy/install.sh",
        "deploy/entrypoint.sh",
        "bot/server.py",
        "policy_kb/documents",
    ):
        assert not stays_out(needed), needed
    assert 'test ! -e "$VAR_DIR/secret_key"' in DOCKERFILE  # training must not draw one


def test_healthy_means_ready() -> None:
    (check,) = instructions("HEALTHCHECK", LAST)
    command = json.loads(check[check.index("[") :])
    assert command[:2] == ["python", "-c"] and "/readyz" in command[2]
    compile(command[2], "HEALTHCHECK", "exec")


def test_packages_are_checked_against_their_hashes() -> None:
    assert "bash deploy/install.sh requirements.lock" in DOCKERFILE
    assert "--require-hashes" in (DEPLOY / "install.sh").read_text()


def test_the_entry_point_makes_settings_of_secret_files(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("a b'c\"d$e\n")
    (tmp_path / "tls.key").write_text("not a setting")
    printing = ["sh", "-c", 'printf "%s|%s" "$SECRET_KEY" "${DATABASE_URL:-none}"']
    run = subprocess.run(
        [DEPLOY / "entrypoint.sh", *printing],
        env={"PATH": "/usr/bin:/bin", "SECRETS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.stdout == "a b'c\"d$e|none", run.stderr


def test_without_secret_files_the_entry_point_changes_nothing(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "SECRETS_DIR": str(tmp_path / "none"), "SECRET_KEY": "from outside"}
    run = subprocess.run(
        [DEPLOY / "entrypoint.sh", "sh", "-c", 'echo "$SECRET_KEY"'], env=environment, capture_output=True, text=True
    )
    assert run.stdout == "from outside\n"
