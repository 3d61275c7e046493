"""A backup brings everything back, on either kind of database, and what is not whole is refused."""

import gzip
import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from booking.database import make_engine as booking_engine
from booking.database import upgrade
from booking.desk import open_desk
from booking.examples import load_examples
from booking.models import Slot
from booking.personal_data import export_person
from booking.service import book, my_bookings
from bot.backup import BackupError, _tables, back_up, restore
from bot.database import make_engine, prepare_database
from bot.kept_files import KeptFiles
from bot.transcript import Transcript
from tests.booking.racers import contact

SECRET = "a secret of this test that is long enough"
NOW = datetime.now(timezone.utc)
SOMEBODY = "web:somebody"


def lived_in(url: str) -> None:
    """A database in which somebody has talked, uploaded and booked."""
    engine = booking_engine(url)
    upgrade(engine)
    load_examples(engine, NOW)
    own = make_engine(url)
    prepare_database(own)
    Transcript(own).add(SOMEBODY, "m1", "实习给不给钱?", [{"kind": "answer", "text": "要保障。"}])
    KeptFiles(own, [SECRET]).add(SOMEBODY, "名单.xlsx", b"\x00PK", NOW)
    with engine.connect() as connection:
        slot = connection.execute(sa.select(Slot.id).where(Slot.starts_at > NOW).order_by(Slot.id)).scalars().first()
    book(open_desk(engine, [SECRET]), SOMEBODY, slot, party=1, now=NOW, key="k1", **contact(SOMEBODY, 1))
    for each in (engine, own):
        each.dispose()


def content(url: str) -> dict[str, list[Any]]:
    engine = booking_engine(url)
    with engine.connect() as connection:
        found = {table.name: sorted(map(str, connection.execute(sa.select(table)))) for table in _tables()}
    engine.dispose()
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (
        f"sqlite:///{tmp_path / 'target.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )


def test_what_was_backed_up_comes_back_on_either_database(database_url: str, target_url: str, tmp_path: Path) -> None:
    lived_in(database_url)
    rows = back_up(database_url, tmp_path / "backup", NOW)
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    assert restore(target_url, tmp_path / "backup") == rows
    assert content(target_url) == content(database_url)


def test_life_goes_on_after_it(database_url: str, target_url: str, tmp_path: Path) -> None:
    """New rows get numbers of their own, and what was sealed opens."""
    lived_in(database_url)
    back_up(database_url, tmp_path / "backup", NOW)
    restore(target_url, tmp_path / "backup")
    engine = booking_engine(target_url)
    desk = open_desk(engine, [SECRET])
    (before,) = my_bookings(desk, SOMEBODY, now=NOW)
    book(desk, "web:another", before.slot_id, party=1, now=NOW, key="k2", **contact("web:another", 1))
    assert len(my_bookings(desk, "web:another", now=NOW)) == 1
    assert contact(SOMEBODY, 1)["phone"] in [each["value"] for each in export_person(desk, SOMEBODY, now=NOW)["values"]]
    Transcript(engine).add(SOMEBODY, "m2", "谢谢", [])
    assert [each["said"] for each in Transcript(engine).history(SOMEBODY)] == ["实习给不给钱?", "谢谢"]
    engine.dispose()


def test_a_database_that_holds_something_is_not_touched(database_url: str, tmp_path: Path) -> None:
    lived_in(database_url)
    back_up(database_url, tmp_path / "backup", NOW)
    before = content(database_url)
    with pytest.raises(BackupError, match="已经有数据"):
        restore(database_url, tmp_path / "backup")
    assert content(database_url) == before


@pytest.mark.parametrize("spoil", ["cut", "lines", "other", "missing"])
def test_a_file_that_is_not_whole_restores_nothing(sqlite_url: str, tmp_path: Path, spoil: str) -> None:
    lived_in(sqlite_url)
    file = tmp_path / "backup"
    back_up(sqlite_url, file, NOW)
    if spoil == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    elif spoil == "lines":
        with gzip.open(file, "rt", encoding="utf-8") as whole:
            lines = whole.readlines()
        lines.remove(next(line for line in lines if line.startswith("[")))
        with gzip.open(file, "wt", encoding="utf-8") as less:
            less.writelines(lines)
    elif spoil == "other":
        file.write_bytes(b"PK nothing of ours")
    else:
        file.unlink()
    target = f"sqlite:///{tmp_path / 'target.db'}"
    with pytest.raises(BackupError):
        restore(target, file)
    if spoil in ("cut", "lines"):
        assert not any(content(target).values())


def test_a_backup_of_a_later_format_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "backup", "wt") as file:
        file.write(json.dumps({"format": 99, "booking": None}) + "\n")
    with pytest.raises(BackupError, match="99"):
        restore(sqlite_url, tmp_path / "backup")


def test_a_backup_is_one_state_while_the_server_writes(database_url: str, tmp_path: Path) -> None:
    lived_in(database_url)
    engine = make_engine(database_url)
    for number in range(200):
        Transcript(engine).add(SOMEBODY, f"more{number}", str(time.time()), [])
    rows = back_up(database_url, tmp_path / "backup", NOW)
    Transcript(engine).add(SOMEBODY, "later", "", [])
    assert rows == sum(map(len, content(database_url).values())) - 1
    engine.dispose()
