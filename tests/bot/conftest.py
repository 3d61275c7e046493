"""What tests of the server's own parts share: a database of each kind, and a real Redis."""

from pathlib import Path

import pytest
from rasa.core.processor import MessageProcessor

from bot.assembly import load_agent
from bot.database import make_engine, prepare_database
from bot.model import ensure_model
from tests.booking.conftest import _empty, postgres  # noqa: F401 - pytest finds the fixture here
from tests.channels.conftest import no_redis, redis, redis_socket  # noqa: F401


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of each kind in turn, without any table."""
    return _empty(request, request.param, tmp_path)


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty PostgreSQL database."""
    return _empty(request, "postgresql", tmp_path)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'own.db'}"


@pytest.fixture(scope="module")
def processor() -> MessageProcessor:
    """Rasa's processor of our model, its conversations in memory."""
    engine = make_engine("sqlite://")
    prepare_database(engine)
    loaded = load_agent(ensure_model(), engine).processor
    assert loaded is not None
    return loaded
