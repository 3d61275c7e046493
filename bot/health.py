"""GET /healthz (alive), GET /readyz (model loaded, database and Redis reachable), GET /metrics (Prometheus, all processes together)."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from redis.exceptions import RedisError
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, raw, text
from sanic.response import json as json_response

from booking.models import OutboxMessage
from bot.database import AWAY
from bot.shared import Shared


class Metrics:
    """Counters of this process. With PROMETHEUS_MULTIPROC_DIR they are kept in files there, and added up for whoever asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter("chanjiaotong_turns", "Answered turns", ["channel", "kind"], registry=self.registry)
        self.seconds = Histogram(
            "chanjiaotong_turn_seconds",
            "Seconds from message to reply",
            ["channel", "kind"],
            buckets=(0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1, 5, 20),
            registry=self.registry,
        )
        self.deliveries = Counter(
            "chanjiaotong_deliveries",
            "Platform messages received, repeated, answered late, failed, over quota, refused",
            ["channel", "what"],
            registry=self.registry,
        )
        self.errors = Counter("chanjiaotong_errors", "Errors in the log", ["logger"], registry=self.registry)

    def delivery(self, channel: str, what: str) -> None:
        self.deliveries.labels(channel, what).inc()

    def turn(self, channel: str, replies: list[dict[str, Any]], seconds: float) -> None:
        """`replies` are Replies, or the one kind `unavailable` for a message that was not taken."""
        for reply in replies:
            self.turns.labels(channel, reply["kind"]).inc()
        self.seconds.labels(channel, replies[0]["kind"]).observe(seconds)

    def count_errors(self) -> None:
        """Count what is logged as an error, by the room it comes from."""
        logging.getLogger().addHandler(_ErrorCounter(self.errors))

    def text(self, *more: Any) -> bytes:
        """Everything in Prometheus's format, with the collectors `more`."""
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        asked = CollectorRegistry()
        for each in more:
            asked.register(each)
        return bytes(generate_latest(registry) + generate_latest(asked))


class _ErrorCounter(logging.Handler):
    def __init__(self, errors: Counter) -> None:
        super().__init__(logging.ERROR)
        self.errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.labels(record.name.partition(".")[0]).inc()


class Outbox:
    """A collector of how many notices wait, and how long the one that is due longest."""

    def __init__(self, engine: sa.engine.Engine, clock: Callable[[], float] = time.time) -> None:
        self.engine, self.clock = engine, clock

    def collect(self) -> Iterable[Metric]:
        now = datetime.fromtimestamp(self.clock(), timezone.utc)
        pending = OutboxMessage.state == "pending"
        due = sa.and_(pending, OutboxMessage.next_attempt_at <= now)
        found = {
            "due": sa.select(sa.func.count()).where(due),
            "scheduled": sa.select(sa.func.count()).where(pending, OutboxMessage.next_attempt_at > now),
            "dead": sa.select(sa.func.count()).where(OutboxMessage.state == "dead"),
        }
        messages = GaugeMetricFamily("chanjiaotong_outbox_messages", "Notices: due, scheduled, dead", labels=["state"])
        waiting = GaugeMetricFamily("chanjiaotong_outbox_oldest_seconds", "How long the notice due longest has waited")
        try:
            connection = self.engine.connect()
        except AWAY:
            return []  # the counters are worth telling all the same
        with connection:
            for state, query in found.items():
                messages.add_metric([state], connection.execute(query.select_from(OutboxMessage)).scalar_one())
            oldest = connection.execute(sa.select(sa.func.min(OutboxMessage.next_attempt_at)).where(due)).scalar()
        waiting.add_metric([], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
        return [messages, waiting]


def health(engine: sa.engine.Engine, metrics: Metrics, shared: Shared) -> Blueprint:
    pages = Blueprint("health")

    @pages.get("/healthz")
    async def healthz(request: Request) -> HTTPResponse:
        return text("ok")

    @pages.get("/readyz")
    async def readyz(request: Request) -> HTTPResponse:
        checks = {"model": bool(getattr(request.app.ctx, "ready", False))}
        checks["database"] = await asyncio.to_thread(_reachable, engine)
        if shared.redis is not None:
            checks["redis"] = await _answers(shared)
        return json_response(checks, status=200 if all(checks.values()) else 503)

    @pages.get("/metrics")
    async def prometheus(request: Request) -> HTTPResponse:
        body = await asyncio.to_thread(metrics.text, Outbox(engine))
        return raw(body, content_type=CONTENT_TYPE_LATEST)

    return pages


def _reachable(engine: sa.engine.Engine) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return False
    return True


async def _answers(shared: Shared) -> bool:
    try:
        return bool(await shared.redis.ping()) if shared.redis else False
    except (RedisError, OSError):
        return False
