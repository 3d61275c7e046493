"""Putting the assistant together: Rasa's agent with our stores and in-process actions. Imports Rasa without TensorFlow."""

import asyncio
import logging
import warnings
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from bot import light_tensorflow

light_tensorflow.install()
import sanic.app  # noqa: E402, F401 - importing it shows deprecations again, so it comes before they are silenced

# Rasa's dependencies warn about each other at import; an operator can do nothing about it.
warnings.simplefilter("ignore")

import jieba  # noqa: E402
from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage  # noqa: E402
from rasa.utils.log_utils import configure_structlog  # noqa: E402

from bot import rasa_shortcuts  # noqa: E402
from bot.database import engine_for  # noqa: E402
from bot.front_desk import desk  # noqa: E402
from bot.graph_runner import DirectGraphRunner  # noqa: E402
from bot.in_process_actions import InProcessActions, use_compiled_validator  # noqa: E402
from bot.lock_store import ProcessLockStore  # noqa: E402
from bot.logs import set_up_logs  # noqa: E402
from bot.settings import Settings  # noqa: E402
from bot.tracker_store import BoundedTrackerStore  # noqa: E402

WARM_UP = ["实习给不给钱?", "培训津贴每人多少钱,要签多久合同?"]


def quiet_logs(form: Literal["text", "json"], level: int = logging.WARNING) -> None:
    """Our logs as `bot.logs` writes them, Rasa's and all others' at `level`: at debug level Rasa writes what people say."""
    configure_structlog(level)
    set_up_logs(form, level)
    jieba.setLogLevel(level)
    for name in ("rasa", "rasa_sdk", "apscheduler", "asyncio", "matplotlib", "sanic"):
        logging.getLogger(name).setLevel(level)


def load_agent(model: Path, engine: sa.engine.Engine) -> Agent:
    """The agent for `model`, its conversations in `engine`'s database, its actions in this process."""
    use_compiled_validator()
    rasa_shortcuts.take()
    agent = Agent.load(
        model_path=str(model), lock_store=ProcessLockStore(), action_endpoint=InProcessActions("actions")
    )
    # Agent.load would wrap the store in FailSafeTrackerStore, which answers a database error with a silent new conversation.
    store = BoundedTrackerStore(agent.domain, engine)
    agent.tracker_store = store
    rasa_shortcuts.say_not_empty(agent.domain)
    if agent.processor is not None:
        agent.processor.tracker_store = store
        agent.processor.graph_runner = DirectGraphRunner.over(agent.processor.graph_runner)
    return agent


async def warm_up(agent: Agent) -> None:
    """Answer a few messages so that the first person does not wait for dictionaries and caches."""
    for text in WARM_UP:
        await agent.handle_message(UserMessage(text, CollectingOutputChannel(), "warm-up"))
    await agent.tracker_store.delete("warm-up")


def load_shared_agent(settings: Settings, model: Path) -> Agent:
    """The agent for processes that are forked after: loaded, warmed up, and nothing of it connected to anything."""
    engine = engine_for(settings.database_url)
    agent = load_agent(model, engine)
    asyncio.run(warm_up(agent))
    for each in (engine, desk().engine):
        each.dispose()
    return agent
