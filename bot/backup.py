"""`python -m bot backup FILE` and `restore FILE`: everything in the database in one compressed file, the same for SQLite and PostgreSQL.

So a backup also moves an office's SQLite to a province's PostgreSQL. It is one state of the database, taken while the server runs. The
file has a JSON line for the whole, one for each table, one for each row, and one at the end, by which a cut file is known.
"""

import gzip
import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from booking import models
from booking.database import VERSION_TABLE, upgrade
from booking.database import make_engine as booking_engine
from bot import database
from policy_kb.rules import store as decisions

FORMAT = 1
AT_ONCE = 1000


class BackupError(Exception):
    """`str()` is one Chinese line."""


def back_up(url: str, path: Path, now: datetime) -> int:
    """Write the database at `url` to `path`, readable by its owner alone; how many rows that were. Raises BackupError."""
    _prepare(url)
    engine = booking_engine(url)
    partial = path.with_name(f"{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with (
        os.fdopen(descriptor, "wb") as raw,
        gzip.open(raw, "wt", encoding="utf-8") as file,
        engine.connect().execution_options(stream_results=True, **level) as connection,
        connection.begin(),
    ):
        rows = 0
        for line in _lines(connection, now):
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            rows += isinstance(line, list)
        file.write(json.dumps({"rows": rows}) + "\n")
    engine.dispose()
    partial.rename(path)
    return rows


def restore(url: str, path: Path) -> int:
    """Fill the empty database at `url` from `path`; how many rows that were. Raises BackupError, with the database as it was."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            head = json.loads(next(file))
            if head["format"] != FORMAT:
                raise BackupError(f"备份文件是另一种格式(第 {head['format']} 版),这个程序读不了")
            engine = booking_engine(url)
            if head["booking"]:
                upgrade(engine, head["booking"])
            _prepare(url)
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                rows = _fill(connection, map(json.loads, file))
            upgrade(engine)
            engine.dispose()
            return rows
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, StopIteration) as error:
        raise BackupError(f"备份文件读不了或不完整:{path}") from error


def _prepare(url: str) -> None:
    engine = database.make_engine(url)
    database.prepare_database(engine)
    engine.dispose()


def _tables() -> list[sa.Table]:
    return [
        table
        for metadata in (models.metadata, database.metadata, decisions.metadata)
        for table in metadata.sorted_tables
    ]


def _lines(connection: Any, now: datetime) -> Iterator[Any]:
    there = set(sa.inspect(connection).get_table_names())
    version = sa.table(VERSION_TABLE, sa.column("version_num"))
    booking = connection.execute(sa.select(version.c.version_num)).scalar() if VERSION_TABLE in there else None
    yield {"format": FORMAT, "made_at": now.isoformat(), "booking": booking}
    for table in _tables():
        if table.name in there:
            yield {"table": table.name, "columns": [column.name for column in table.columns]}
            for row in connection.execute(sa.select(table)).yield_per(AT_ONCE):
                yield [_plain(value, column) for value, column in zip(row, table.columns)]


def _fill(connection: Any, lines: Iterator[Any]) -> int:
    tables = {table.name: table for table in _tables()}
    for table in tables.values():
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            raise BackupError("数据库里已经有数据,恢复只能写进空的数据库:请换一个新的文件名或新的库")
    table, rows = None, 0
    columns: list[sa.Column | None] = []
    waiting: list[dict[str, Any]] = []

    def insert() -> None:
        if table is not None and waiting:
            connection.execute(table.insert(), waiting)
            waiting.clear()

    for line in lines:
        if isinstance(line, list):
            waiting.append({c.name: _value(value, c) for value, c in zip(line, columns) if c is not None})
            rows += 1
            if len(waiting) == AT_ONCE:
                insert()
            continue
        insert()
        if "rows" in line:
            if line["rows"] != rows:
                raise BackupError("备份文件不完整")
            _go_on_counting(connection, tables)
            return rows
        table = tables[line["table"]]
        columns = [table.columns.get(name) for name in line["columns"]]
    raise BackupError("备份文件不完整")


def _go_on_counting(connection: Any, tables: dict[str, sa.Table]) -> None:
    """PostgreSQL numbers new rows after those that are there."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables.values():
        key, *more = table.primary_key
        if isinstance(key.type, sa.Integer) and not more:
            sequence = sa.func.pg_get_serial_sequence(table.name, key.name)
            last = sa.select(sa.func.coalesce(sa.func.max(key), 0) + 1).scalar_subquery()
            connection.execute(sa.select(sa.func.setval(sequence, last, False)))


def _plain(value: Any, column: sa.Column) -> Any:
    if isinstance(column.type, sa.LargeBinary) and value is not None:
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, date | time) else value


def _value(plain: Any, column: sa.Column) -> Any:
    kind = column.type.impl if isinstance(column.type, sa.types.TypeDecorator) else column.type
    if plain is None or isinstance(kind, sa.JSON):
        return plain
    if isinstance(kind, sa.LargeBinary):
        return b64decode(plain)
    for meant, read in ((sa.DateTime, datetime), (sa.Date, date), (sa.Time, time)):
        if isinstance(kind, meant):
            return read.fromisoformat(plain)
    return plain
