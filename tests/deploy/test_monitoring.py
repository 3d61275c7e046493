"""Alerts and dashboard ask for what the program measures, and the alerts go off when they should."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from booking.database import make_engine, upgrade
from bot.health import Metrics, Outbox
from tests.conftest import ROOT
from tests.deploy.conftest import DEPLOY

MONITORING = DEPLOY / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text())
RULES = [rule for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def dashboard_expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$__range", "6h").replace("$channel", ".*")


EXPRESSIONS = [*(rule["expr"] for rule in RULES), *dashboard_expressions()]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The label names of every series that /metrics shows."""
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('measured') / 'test.db'}")
    upgrade(engine)
    metrics = Metrics()
    metrics.turn("web", [{"kind": "answer"}], 0.01)
    metrics.delivery("wechat", "received")
    metrics.errors.labels("bot").inc()
    shown = metrics.text(Outbox(engine)).decode()
    return {s.name: set(s.labels) for family in text_string_to_metric_families(shown) for s in family.samples}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_is_measured(measured: dict[str, set[str]], expression: str) -> None:
    for name, selector in re.findall(r"(chanjiaotong_\w+)(?:\{([^}]*)\})?", expression):
        assert name in measured
        assert set(re.findall(r"(\w+)=", selector)) <= measured[name]
    labels = set.union({"instance"}, *measured.values())
    for by in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {label.strip() for label in by.split(",")} <= labels


def test_what_happened_is_called_what_the_channels_call_it() -> None:
    asked = {word for e in EXPRESSIONS for words in re.findall(r'what=~?"([\w|]+)"', e) for word in words.split("|")}
    sources = "".join(path.read_text() for path in (ROOT / "channels").glob("*/channel.py"))
    counted = set(re.findall(r'count\("(\w+)"', sources)) | set(re.findall(r'count\("(\w+)" if', sources))
    counted |= set(re.findall(r'else "(failed)"\)', sources))
    assert asked and asked <= counted


def test_prometheus_takes_rules_and_configuration(tool: Callable[[str], Path]) -> None:
    for what in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        run = subprocess.run([tool("promtool"), "check", *what], cwd=MONITORING, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


def test_alerts_go_off_when_they_should_and_not_before(tool: Callable[[str], Path]) -> None:
    run = subprocess.run(
        [tool("promtool"), "test", "rules", "alerts_test.yml"], cwd=MONITORING, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_prometheus_takes_every_expression_of_the_dashboard(tool: Callable[[str], Path], tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(dashboard_expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run = subprocess.run([tool("promtool"), "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_says_in_words_what_is_wrong_and_how_bad() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert re.search(r"[\u4e00-\u9fff]", rule["annotations"]["summary"])


def test_the_panels_of_the_dashboard_lie_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
