"""deploy/kubernetes: valid, hardened, every reference leads somewhere, secrets by reference only."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import DEPLOY
from tests.deploy.settings import SECRET, read_by_the_program, unusable

FILES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


@pytest.fixture(scope="module")
def resources() -> list[dict[str, Any]]:
    return [resource for file in FILES for resource in yaml.safe_load_all(file.read_text())]


@pytest.fixture(scope="module")
def pods(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod templates by the name of what makes them."""
    return {r["metadata"]["name"]: r["spec"]["template"] for r in resources if r["kind"] in ("Deployment", "Job")}


def of(resources: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    return (resource for resource in resources if resource["kind"] == kind)


def test_every_resource_is_valid_by_the_schema_of_kubernetes(tool: Callable[[str], Path]) -> None:
    run = subprocess.run([tool("kubernetes-validate"), "--strict", *FILES], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_kustomize_builds_all_of_it(
    tool: Callable[[str], Path], resources: list[dict[str, Any]], tmp_path: Path
) -> None:
    run = subprocess.run([tool("kubectl"), "kustomize", DEPLOY], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    built = list(yaml.safe_load_all(run.stdout))
    assert len(built) == len(resources) + 1  # and the proxy's configuration
    (tmp_path / "built.yaml").write_text(run.stdout)
    checked = subprocess.run(
        [tool("kubernetes-validate"), "--strict", tmp_path / "built.yaml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_kustomization_names_every_file() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    assert {DEPLOY / name for name in kustomization["resources"]} == set(FILES)
    (proxy,) = kustomization["configMapGenerator"]
    assert all((DEPLOY / name).is_file() for name in proxy["files"])


def test_settings_are_the_programs_and_usable(resources: list[dict[str, Any]], tmp_path: Path) -> None:
    (settings,) = of(resources, "ConfigMap")
    assert set(settings["data"]) <= read_by_the_program()
    assert unusable({**settings["data"], "VAR_DIR": str(tmp_path), "SECRET_KEY": "x"}) == ""


def test_no_file_holds_a_secret(resources: list[dict[str, Any]]) -> None:
    assert list(of(resources, "Secret")) == []
    (settings,) = of(resources, "ConfigMap")
    assert not [name for name in settings["data"] if SECRET.search(name)]


def test_our_containers_take_settings_and_secrets_by_reference(pods: dict[str, dict[str, Any]]) -> None:
    for name in ("chanjiaotong-server", "chanjiaotong-worker", "chanjiaotong-migrate"):
        (container,) = pods[name]["spec"]["containers"]
        assert container["envFrom"] == [
            {"configMapRef": {"name": "chanjiaotong"}},
            {"secretRef": {"name": "chanjiaotong"}},
        ]
        assert "env" not in container


def test_no_container_is_root_or_can_change_itself(pods: dict[str, dict[str, Any]]) -> None:
    assert len(pods) == 4
    for pod in pods.values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"] and "memory" in container["resources"]["limits"]


def test_a_server_gets_messages_when_it_is_ready_and_is_killed_only_when_it_is_dead(
    pods: dict[str, dict[str, Any]], resources: list[dict[str, Any]]
) -> None:
    (server,) = pods["chanjiaotong-server"]["spec"]["containers"]
    assert server["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # A database that is away makes a server not ready; a restart would not bring the database back.
    assert server["livenessProbe"]["httpGet"]["path"] == "/healthz"
    (settings,) = of(resources, "ConfigMap")
    from bot.stopping import LONGEST_TURN_SECONDS

    needed = int(settings["data"]["DRAIN_SECONDS"]) + LONGEST_TURN_SECONDS
    assert pods["chanjiaotong-server"]["spec"]["terminationGracePeriodSeconds"] > needed
    probe = server["readinessProbe"]
    assert int(settings["data"]["DRAIN_SECONDS"]) > probe["periodSeconds"] * probe["failureThreshold"]


def test_selectors_find_pods_and_ports_have_names(
    resources: list[dict[str, Any]], pods: dict[str, dict[str, Any]]
) -> None:
    labels = [pod["metadata"]["labels"] for pod in pods.values()]
    wanted = [r["spec"]["selector"] for r in of(resources, "Service")]
    wanted += [r["spec"]["selector"]["matchLabels"] for r in of(resources, "PodDisruptionBudget")]
    wanted += [r["spec"]["podSelector"].get("matchLabels", {}) for r in of(resources, "NetworkPolicy")]
    for selector in wanted:
        assert any(selector.items() <= found.items() for found in labels), selector
    (autoscaler,) = of(resources, "HorizontalPodAutoscaler")
    assert autoscaler["spec"]["scaleTargetRef"]["name"] in pods
    assert autoscaler["spec"]["minReplicas"] >= 2
    (ingress,) = of(resources, "Ingress")
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == "chanjiaotong-proxy"  # never past the allow list


def test_servers_hear_only_the_proxy_and_prometheus(resources: list[dict[str, Any]]) -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of(resources, "NetworkPolicy")}
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = policies["server"]["ingress"]
    assert rule["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "chanjiaotong-proxy"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
    ]
