"""The notification worker: delivers booking's notices and forgets what is old. In the first server process, or in one of its own."""

import asyncio
import signal
from collections.abc import Mapping
from datetime import datetime, timezone

import sqlalchemy as sa

from booking.worker import Worker
from bot.database import engine_for
from bot.front_desk import desk
from bot.notifications import Notifications
from bot.retention import forget_old
from bot.settings import Settings
from bot.shared import Shared
from bot.transcript import Transcript
from bot.turns import Replies
from bot.webhooks import Webhooks
from channels.inbound import Inbound
from channels.notifications import Deliverer


def notifier(settings: Settings, engine: sa.engine.Engine, deliverers: Mapping[str, Deliverer]) -> Worker:
    """The worker, to be run. `deliverers` are the channels' (`Webhooks.deliverers`)."""
    return Worker(
        desk(),
        Notifications(Transcript(engine), deliverers, settings.secret_keys),
        lambda: datetime.now(timezone.utc),
        lambda now: forget_old(engine, settings.conversation_days, now),
    )


async def run_alone(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT."""

    async def nobody_asks(sender_id: str, inbound: Inbound) -> Replies:
        raise NotImplementedError

    shared = Shared(settings.redis_url, settings.var)
    webhooks = Webhooks(settings, lambda channel: nobody_asks, str, lambda channel, what: None, shared)
    webhooks.inputs()
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    await notifier(settings, engine_for(settings.database_url), webhooks.deliverers).run(stop)
