"""Putting the assistant together: Rasa's agent with our stores and in-process actions. Imports Rasa without TensorFlow."""

import logging
import warnings
from pathlib import Path

import sqlalchemy as sa

from bot import light_tensorflow

light_tensorflow.install()
warnings.filterwarnings("ignore", category=DeprecationWarning)
warnings.filterwarnings("ignore", category=FutureWarning)

from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage  # noqa: E402
from rasa.core.lock_store import InMemoryLockStore  # noqa: E402
from rasa.utils.log_utils import configure_structlog  # noqa: E402

from bot.in_process_actions import InProcessActions, use_compiled_validator  # noqa: E402
from bot.tracker_store import BoundedTrackerStore  # noqa: E402

WARM_UP = ["实习给不给钱?", "培训津贴每人多少钱,要签多久合同?"]


def quiet_logs(level: int = logging.WARNING) -> None:
    """Rasa's and our logs at `level`: at debug level Rasa writes what people say."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    configure_structlog(level)
    for name in ("rasa", "rasa_sdk", "apscheduler", "jieba", "asyncio", "matplotlib"):
        logging.getLogger(name).setLevel(level)


def load_agent(model: Path, engine: sa.engine.Engine) -> Agent:
    """The agent for `model`, its conversations in `engine`'s database, its actions in this process."""
    use_compiled_validator()
    return Agent.load(
        model_path=str(model),
        tracker_store=BoundedTrackerStore(None, engine),
        lock_store=InMemoryLockStore(),
        action_endpoint=InProcessActions("actions"),
    )


async def warm_up(agent: Agent) -> None:
    """Answer a few messages so that the first person does not wait for dictionaries and caches."""
    for text in WARM_UP:
        await agent.handle_message(UserMessage(text, CollectingOutputChannel(), "warm-up"))
    await agent.tracker_store.delete("warm-up")
