"""GET /healthz (alive), GET /readyz (model loaded, database reachable), GET /metrics (Prometheus)."""

from typing import Any

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, raw, text
from sanic.response import json as json_response


class Metrics:
    """Counters of answered turns, by channel and kind of reply; seconds a turn took, by channel."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter("chanjiaotong_turns", "Answered turns", ["channel", "kind"], registry=self.registry)
        self.seconds = Histogram(
            "chanjiaotong_turn_seconds",
            "Seconds from message to reply",
            ["channel"],
            buckets=(0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )

        self.deliveries = Counter(
            "chanjiaotong_deliveries",
            "Platform messages received, repeated, answered late, failed, over quota, refused",
            ["channel", "what"],
            registry=self.registry,
        )

    def delivery(self, channel: str, what: str) -> None:
        self.deliveries.labels(channel, what).inc()

    def turn(self, channel: str, replies: list[dict[str, Any]], seconds: float) -> None:
        for reply in replies:
            self.turns.labels(channel, reply["kind"]).inc()
        self.seconds.labels(channel).observe(seconds)


def health(engine: sa.engine.Engine, metrics: Metrics) -> Blueprint:
    pages = Blueprint("health")

    @pages.get("/healthz")
    async def healthz(request: Request) -> HTTPResponse:
        return text("ok")

    @pages.get("/readyz")
    async def readyz(request: Request) -> HTTPResponse:
        checks = {"model": bool(getattr(request.app.ctx, "ready", False)), "database": _reachable(engine)}
        return json_response(checks, status=200 if all(checks.values()) else 503)

    @pages.get("/metrics")
    async def prometheus(request: Request) -> HTTPResponse:
        return raw(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)

    return pages


def _reachable(engine: sa.engine.Engine) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return False
    return True
