"""What is logged: one line an event, the number of its turn, and nothing that anybody has said."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from booking.outbox import origin
from bot.database import make_engine
from bot.logs import JsonFormatter, TextFormatter, set_up_logs

PHONE, NAME, SAID = "13800138000", "王小明", "我想约周六的数控课"


@pytest.fixture(params=[JsonFormatter, TextFormatter])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    logger = logging.getLogger("bot.test")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_an_error_shows_its_kind_and_place_and_none_of_the_values(log: io.StringIO) -> None:
    try:
        raise ValueError(f"{NAME} {PHONE} {SAID}")
    except ValueError as error:
        try:
            raise KeyError(SAID) from error
        except KeyError:
            logging.getLogger("bot.test").exception("failed")
    told = log.getvalue()
    assert "KeyError < ValueError" in told and "tests/bot/test_logs.py:" in told
    assert not any(word in told for word in (NAME, PHONE, SAID))


def test_a_databases_error_does_not_show_the_row(database_url: str, log: io.StringIO) -> None:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (a VARCHAR(20) PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO t VALUES (:a)"), {"a": NAME})
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (:a)"), {"a": NAME})
    except sa.exc.IntegrityError:
        logging.getLogger("bot.test").exception("failed")
    engine.dispose()
    assert "IntegrityError" in log.getvalue() and NAME not in log.getvalue()


def test_a_number_that_slipped_into_a_line_is_masked(log: io.StringIO) -> None:
    logging.getLogger("bot.test").error("call %s", PHONE)
    assert PHONE not in log.getvalue() and "〔手机号〕" in log.getvalue()


async def test_every_line_carries_the_turn_it_belongs_to_across_tasks_and_threads(log: io.StringIO) -> None:
    logger = logging.getLogger("bot.test")

    async def turn(number: str) -> None:
        origin.set(number)
        await asyncio.sleep(0)
        await asyncio.to_thread(logger.error, "in a thread of %s", number)
        await asyncio.ensure_future(asyncio.to_thread(logger.error, "in a task of %s", number))

    await asyncio.gather(turn("turn-aaaa"), turn("turn-bbbb"))
    for line in log.getvalue().splitlines():
        assert line.count("turn-aaaa") == 2 or line.count("turn-bbbb") == 2


def test_json_lines_are_json_whatever_is_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    before: list[Any] = [logging.getLogger().handlers[:], logging.getLogger().level]
    try:
        set_up_logs("json")
        logging.getLogger("bot.test").info('一\n行 "引号"')
        logging.getLogger("rasa.test").info("what somebody said")
        lines = capsys.readouterr().err.splitlines()
    finally:
        logging.getLogger().handlers[:], _ = before[0], logging.getLogger().setLevel(before[1])
        for name in ("bot", "channels", "booking", "actions", "policy_kb"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    (line,) = lines
    assert json.loads(line)["message"] == '一\n行 "引号"'
