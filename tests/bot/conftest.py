"""What tests of the server's own parts share: a database of each kind, and a real Redis."""

from pathlib import Path

import pytest

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
