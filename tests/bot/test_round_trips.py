"""PostgreSQL is asked no more often than need be: a process waits for every round trip."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS

from booking.database import IDLE_SECONDS, _ping_when_idle
from bot.database import AWAY, make_engine


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.engine.Engine]:
    made = make_engine(postgres_url)
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE said (what text)")
    yield made
    made.dispose()


def _said(engine: sa.engine.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT what FROM said").scalars())


def test_a_single_select_begins_no_transaction(engine: sa.engine.Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT what FROM said")
        assert connection.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE


def test_what_is_written_together_is_kept_together_or_not_at_all(engine: sa.engine.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO said VALUES ('one')")
        assert connection.connection.get_transaction_status() == TRANSACTION_STATUS_INTRANS
        assert _said(engine) == []  # nobody else sees it yet
    with pytest.raises(sa.exc.ProgrammingError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO said VALUES ('two')")
        connection.exec_driver_sql("INSERT INTO nothing VALUES ('three')")
    assert _said(engine) == ["one"]


def test_a_transaction_that_is_left_open_is_not_handed_to_the_next(engine: sa.engine.Engine) -> None:
    connection = engine.raw_connection()
    connection.cursor().execute("BEGIN; INSERT INTO said VALUES ('left')")
    connection.close()
    with engine.connect() as next_one:
        assert next_one.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE
    assert _said(engine) == []


def test_another_level_of_isolation_sees_one_state(engine: sa.engine.Engine) -> None:
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        assert connection.exec_driver_sql("SELECT count(*) FROM said").scalar() == 0
        with engine.begin() as other:
            other.exec_driver_sql("INSERT INTO said VALUES ('meanwhile')")
        assert connection.exec_driver_sql("SELECT count(*) FROM said").scalar() == 0
    assert _said(engine) == ["meanwhile"]


def test_a_connection_that_broke_while_nobody_used_it_is_replaced_unnoticed(postgres_url: str) -> None:
    now = [0.0]
    engine = sa.create_engine(postgres_url, pool_size=1)
    _ping_when_idle(engine, lambda: now[0])
    _break(engine, postgres_url)
    now[0] += 2 * IDLE_SECONDS
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    _break(engine, postgres_url)
    with pytest.raises(AWAY), engine.connect() as connection:  # used a moment ago: only the use itself tells
        connection.exec_driver_sql("SELECT 1")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


def _break(engine: sa.engine.Engine, url: str) -> None:
    """The server ends the connection that `engine` keeps."""
    with engine.connect() as connection:
        pid: Any = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    other = sa.create_engine(url)
    with other.connect() as connection:
        assert connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 2000)").scalar()
    other.dispose()
