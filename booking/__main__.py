"""`python -m booking import | template | slots | migrate | rotate-keys`: what an operator of bases does by hand."""

import argparse
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from booking.database import make_engine, reading, upgrade
from booking.desk import Desk, open_desk
from booking.find import FoundSlot, find
from booking.importing import Unreadable, import_tables, read_files, write_template
from booking.models import SHANGHAI
from booking.wishes import read_catalogue, wish_from

VAR = Path(__file__).resolve().parent.parent / "var"


class _Refused(Exception):
    """Something is missing; `str()` is a Chinese sentence."""


def main(arguments: list[str]) -> int:
    """Run one command. 0 when it is done, 1 with Chinese lines on standard error when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m booking", description="实训基地预约:导入、查看、维护")
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    read = commands.add_parser("import", help="从Excel或CSV导入基地、课程、时段;有错误就什么都不写入")
    read.add_argument("files", nargs="+", type=Path, metavar="文件", help="一个.xlsx,或几个.csv")
    read.add_argument("--dry-run", action="store_true", help="只检查,不写入")
    template = commands.add_parser("template", help="写出导入用的空表")
    template.add_argument("file", type=Path, metavar="文件.xlsx")
    slots = commands.add_parser("slots", help="列出可以预约的场次")
    slots.add_argument("words", nargs="*", metavar="想约什么", help="比如:下周三 数控 太原")
    slots.add_argument("--limit", type=int, default=20, metavar="条数")
    commands.add_parser("migrate", help="建立或升级数据库的表")
    commands.add_parser("rotate-keys", help="用新的SECRET_KEY重新加密;旧的写在OLD_SECRET_KEYS里,用逗号隔开")
    given = parser.parse_args(arguments)
    try:
        if given.command == "template":
            return _template(given.file)
        engine = make_engine(os.environ.get("DATABASE_URL") or f"sqlite:///{_var() / 'chanjiaotong.db'}")
        upgrade(engine)
        if given.command == "migrate":
            print("数据库的表已是最新")
        elif given.command == "import":
            return _import(open_desk(engine, _secrets()), given.files, given.dry_run)
        elif given.command == "slots":
            _slots(engine, " ".join(given.words), given.limit)
        else:
            print(f"重新加密了 {open_desk(engine, _secrets()).vault.reencrypt()} 条")
    except (_Refused, Unreadable) as error:
        print(f"错误:{error}", file=sys.stderr)
        return 1
    except (SQLAlchemyError, OSError) as error:
        print(f"错误:数据库或文件用不了:{error}", file=sys.stderr)
        return 1
    return 0


def _var() -> Path:
    return Path(os.environ.get("VAR_DIR") or VAR)


def _secrets() -> list[str]:
    """The secret in use, then old ones."""
    kept = _var() / "secret_key"  # where the server keeps one of its own making
    secret = os.environ.get("SECRET_KEY") or (kept.read_text().strip() if kept.exists() else "")
    if not secret:
        raise _Refused("没有设置SECRET_KEY,请用和服务相同的SECRET_KEY,或先启动一次服务")
    old = os.environ.get("OLD_SECRET_KEYS", "")
    return [secret, *(each.strip() for each in old.split(",") if each.strip())]


def _template(path: Path) -> int:
    if path.suffix.lower() != ".xlsx":
        raise _Refused("文件名应以.xlsx结尾")
    if path.exists():
        raise _Refused(f"{path}已经有了,请换个名字")
    write_template(path)
    print(f"空表写好了:{path}")
    return 0


def _import(desk: Desk, files: list[Path], dry_run: bool) -> int:
    tables, problems = read_files(files)
    report = import_tables(desk, tables, datetime.now(timezone.utc), dry_run or bool(problems))
    report.problems[:0] = problems
    for line in report.lines():
        print(line, file=sys.stderr if report.problems else sys.stdout)
    if report.problems:
        print(f"有 {len(report.problems)} 处错误,什么都没有写入,请改好后再导入", file=sys.stderr)
        return 1
    print("检查完毕,没有写入(--dry-run)" if dry_run else "导入完成")
    return 0


def _slots(engine: sa.engine.Engine, words: str, limit: int) -> None:
    now = datetime.now(timezone.utc)
    with reading(engine) as connection:
        wish = wish_from(words, (), now, read_catalogue(connection))
        found = find(connection, wish, now, limit)
    if found.reason:
        print(found.reason)
    for slot in found.slots:
        print(_line(slot))
    for other in found.alternatives:
        print(f"{other.text}:")
        for slot in other.slots:
            print(f"  {_line(slot)}")


def _line(slot: FoundSlot) -> str:
    begins, ends = slot.starts_at.astimezone(SHANGHAI), slot.ends_at.astimezone(SHANGHAI)
    places = f"已满(可候补),共{slot.capacity}个名额" if slot.full else f"余{slot.free}/{slot.capacity}"
    example = "[示例]" if slot.is_example else ""
    return f"#{slot.id} {begins:%Y-%m-%d %H:%M}-{ends:%H:%M} {slot.title} {example}{slot.base_name} {slot.city} {slot.fee_kind} {places}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
