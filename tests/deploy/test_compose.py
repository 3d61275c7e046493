"""deploy/compose.yml: valid, its settings the program's, its secrets in no file that is committed."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import DEPLOY
from tests.deploy.settings import SECRET, read_by_the_program, unusable


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return dict(compose["services"])


def test_the_file_is_valid_by_the_schema_of_compose(tool: Callable[[str], Path]) -> None:
    run = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yml"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_everything_that_is_asked_for_is_there(services: dict[str, Any]) -> None:
    assert set(services) - {"prometheus"} == {"proxy", "server-1", "server-2", "worker", "migrate", "postgres", "redis"}
    assert services["worker"]["command"] == ["python", "-m", "bot", "worker"]


def test_our_services_set_nothing_that_the_program_does_not_read(services: dict[str, Any], tmp_path: Path) -> None:
    ours = [service for service in services.values() if "chanjiaotong" in service["image"]]
    assert len(ours) == 4
    for service in ours:
        named = set(service["environment"]) | {name.upper() for name in service["secrets"]}
        assert named <= read_by_the_program()
        given = {name: value for name, value in service["environment"].items() if not str(value).startswith("${")}
        assert unusable({**given, "VAR_DIR": str(tmp_path), "SECRET_KEY": "x"}) == ""


def test_no_secret_is_written_in_the_file(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert not SECRET.search(name) or str(value).startswith("/run/secrets/"), name


def test_every_secret_is_a_file_that_make_secrets_makes_or_asks_for(compose: dict[str, Any]) -> None:
    script = (DEPLOY / "make-secrets.sh").read_text()
    used = {name for service in compose["services"].values() for name in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    for name, secret in compose["secrets"].items():
        assert secret["file"] == f"secrets/{name}" and name in script


@pytest.mark.parametrize("name", ["proxy", "server-1", "server-2", "worker", "migrate", "redis", "prometheus"])
def test_a_service_can_change_nothing_of_itself(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_proxy_can_be_reached_from_outside(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports.pop("prometheus") == ["127.0.0.1:9090:9090"]
    assert set(ports) == {"proxy"}
    assert compose["networks"]["inner"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["inner"]


def test_what_is_mounted_is_there(services: dict[str, Any]) -> None:
    for service in services.values():
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).is_dir()
    assert (DEPLOY / "nginx" / "compose.conf").is_file()


def test_make_secrets_makes_what_fits_together_and_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    script = tmp_path / "make-secrets.sh"
    script.write_text((DEPLOY / "make-secrets.sh").read_text())
    (tmp_path / "secrets" / "staff_token").write_text("chosen-by-the-office")
    printed = subprocess.run(["bash", script], capture_output=True, text=True, check=True).stdout
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert made["staff_token"] == "chosen-by-the-office"
    assert made["postgres_password"] in made["database_url"] and made["redis_password"] in made["redis_url"]
    assert made["redis_conf"] == f"requirepass {made['redis_password']}\n"
    assert len(made["secret_key"]) >= 40 and made["secret_key"] not in printed
    given = {name.upper(): made[name] for name in ("secret_key", "database_url", "redis_url", "staff_token")}
    assert unusable({**given, "VAR_DIR": str(tmp_path / "var")}) == ""
    subprocess.run(["bash", script], capture_output=True, check=True)
    assert {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()} == made
    assert oct((tmp_path / "secrets").stat().st_mode)[-3:] == "700"
