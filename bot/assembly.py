"""Putting the assistant together: Rasa's agent with our stores and in-process actions. Imports Rasa without TensorFlow."""

import logging
import warnings
from pathlib import Path

import sqlalchemy as sa

from bot import light_tensorflow

light_tensorflow.install()
import sanic.app  # noqa: E402, F401 - importing it shows deprecations again, so it comes before they are silenced

# Rasa's dependencies warn about each other at import; an operator can do nothing about it.
warnings.simplefilter("ignore")

import jieba  # noqa: E402
from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage  # noqa: E402
from rasa.core.lock_store import InMemoryLockStore  # noqa: E402
from rasa.utils.log_utils import configure_structlog  # noqa: E402

from bot.graph_runner import DirectGraphRunner  # noqa: E402
from bot.in_process_actions import InProcessActions, use_compiled_validator  # noqa: E402
from bot.tracker_store import BoundedTrackerStore  # noqa: E402

WARM_UP = ["实习给不给钱?", "培训津贴每人多少钱,要签多久合同?"]


def quiet_logs(level: int = logging.WARNING) -> None:
    """Rasa's and our logs at `level`: at debug level Rasa writes what people say."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    configure_structlog(level)
    jieba.setLogLevel(level)
    for name in ("rasa", "rasa_sdk", "apscheduler", "asyncio", "matplotlib"):
        logging.getLogger(name).setLevel(level)


def load_agent(model: Path, engine: sa.engine.Engine) -> Agent:
    """The agent for `model`, its conversations in `engine`'s database, its actions in this process."""
    use_compiled_validator()
    agent = Agent.load(
        model_path=str(model), lock_store=InMemoryLockStore(), action_endpoint=InProcessActions("actions")
    )
    # Agent.load would wrap the store in FailSafeTrackerStore, which answers a database error with a silent new conversation.
    store = BoundedTrackerStore(agent.domain, engine)
    agent.tracker_store = store
    if agent.processor is not None:
        agent.processor.tracker_store = store
        agent.processor.graph_runner = DirectGraphRunner.over(agent.processor.graph_runner)
    return agent


async def warm_up(agent: Agent) -> None:
    """Answer a few messages so that the first person does not wait for dictionaries and caches."""
    for text in WARM_UP:
        await agent.handle_message(UserMessage(text, CollectingOutputChannel(), "warm-up"))
    await agent.tracker_store.delete("warm-up")
