"""PostgreSQL is asked no more often than need be: a process waits for every round trip."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS, cursor

from booking.database import IDLE_SECONDS, _ping_when_idle
from bot.database import AWAY, make_engine
from bot.statements import statements, waited_for


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


def test_many_rows_at_once_are_one_transaction_too(engine: sa.engine.Engine) -> None:
    said = sa.table("said", sa.column("what"))
    for what in (sa.insert(said), sa.text("INSERT INTO said VALUES (:what)")):
        with pytest.raises(sa.exc.ProgrammingError), engine.begin() as connection:
            connection.execute(what, [{"what": "one"}, {"what": "two"}])
            connection.exec_driver_sql("INSERT INTO nothing VALUES ('three')")
        assert _said(engine) == []


def test_a_transaction_in_which_nothing_is_done_leaves_nothing(engine: sa.engine.Engine) -> None:
    for error in (None, RuntimeError):
        with suppress(RuntimeError), engine.begin() as connection:
            if error:
                raise error
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            assert connection.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE


@contextmanager
def counted(url: str) -> Iterator[tuple[sa.engine.Engine, list[str]]]:
    """An engine, and what is sent through it."""
    sent: list[str] = []

    class Cursor(cursor):  # type: ignore[misc]
        def execute(self, statement: Any, *parameters: Any) -> Any:
            sent.append(str(statement))
            return super().execute(statement, *parameters)

    engine = make_engine(url)
    sa.event.listen(engine, "connect", lambda connection, _: setattr(connection, "cursor_factory", Cursor))
    with engine.connect():
        sent.clear()  # the dialect's own questions
    yield engine, sent
    engine.dispose()


def test_a_transaction_is_one_round_trip_more_than_its_statements(engine: sa.engine.Engine, postgres_url: str) -> None:
    with counted(postgres_url) as (made, sent), made.begin() as connection:
        connection.exec_driver_sql("INSERT INTO said VALUES ('one')")
        connection.exec_driver_sql("INSERT INTO said VALUES ('two')")
    assert sent == ["BEGIN; INSERT INTO said VALUES ('one')", "INSERT INTO said VALUES ('two')", "commit"]


def test_the_statements_of_a_turn_are_a_round_trip_each_and_one_more(
    engine: sa.engine.Engine, postgres_url: str
) -> None:
    with counted(postgres_url) as (made, sent):
        with statements(made) as run:
            assert run("SELECT :what", {"what": "one"}).fetchone() == ("one",)
        with statements(made, writes=True) as run:
            for what in ("one", "two"):
                assert run("INSERT INTO said VALUES (:what)", {"what": what}).rowcount == 1
    assert sent == [
        "SELECT %(what)s",
        "BEGIN; INSERT INTO said VALUES (%(what)s)",
        "INSERT INTO said VALUES (%(what)s)",
        "COMMIT",
    ]
    assert _said(engine) == ["one", "two"]


@pytest.fixture(params=["postgresql", "sqlite", "in memory"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.engine.Engine]:
    if request.param == "postgresql":
        made = request.getfixturevalue("engine")
    else:
        made = make_engine("sqlite://" if request.param == "in memory" else f"sqlite:///{tmp_path / 'said.db'}")
        with made.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE said (what text)")
    yield made
    made.dispose()


def test_statements_are_kept_together_or_not_at_all(either: sa.engine.Engine) -> None:
    with pytest.raises(RuntimeError), statements(either, writes=True) as run:
        run("INSERT INTO said VALUES (:what)", {"what": "one"})
        raise RuntimeError
    with pytest.raises(sa.exc.DBAPIError), statements(either, writes=True) as run:
        run("INSERT INTO said VALUES (:what)", {"what": "one"})
        run("INSERT INTO nothing VALUES (:what)", {"what": "one"})
    assert _said(either) == []
    with statements(either, writes=True) as run:
        run("INSERT INTO said VALUES (:what)", {"what": "two"})
    assert _said(either) == ["two"]


def test_a_connection_that_breaks_is_not_used_again(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    _break(engine, postgres_url)
    with pytest.raises(AWAY), statements(engine) as run:
        run("SELECT 1", {})
    with statements(engine) as run:
        assert run("SELECT 1", {}).fetchone() == (1,)
    engine.dispose()


async def test_a_database_that_hangs_is_given_up_and_holds_nobody_else_up(
    engine: sa.engine.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.statements.PATIENCE_SECONDS", 0.05)
    answers = threading.Event()
    with pytest.raises(AWAY):
        await waited_for(engine, answers.wait)
    answers.set()
    assert await waited_for(engine, lambda what: what, "here") == "here"


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
