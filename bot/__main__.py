"""`python -m bot run | ask "问题" | train | …`: start the server, ask one question on the terminal, only prepare the models, and what
an operator needs besides (`python -m bot --help`)."""

import argparse
import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from bot.settings import Settings, SettingsError, read_settings
from policy_kb import live
from policy_kb.yaml_lines import DataError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot", description="产教通:产教融合政策问答")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="启动服务")
    commands.add_parser("train", help="只训练模型")
    commands.add_parser("worker", help="只发送预约通知、清理过期数据(服务用 NOTIFICATIONS=0 启动时)")
    commands.add_parser("feedback", help="列出大家对回答的评价")
    commands.add_parser("doctor", help="检查设置、数据库、Redis、模型、渠道、时钟和磁盘")
    commands.add_parser("settings", help="列出全部设置")
    for name, meaning in (("backup", "把数据库备份到一个文件"), ("restore", "从备份文件恢复到空的数据库")):
        commands.add_parser(name, help=meaning).add_argument("file", type=Path, help="备份文件")
    ask = commands.add_parser("ask", help="在终端问一个问题")
    ask.add_argument("question", help="问题")
    given = parser.parse_args(arguments)
    try:
        settings = read_settings()
        if given.command == "run":
            return _run(settings)
        if given.command == "worker":
            return _notify(settings)
        if given.command == "ask":
            return _ask(given.question)
        if given.command == "feedback":
            return _feedback(settings)
        if given.command == "doctor":
            return _examine(settings)
        if given.command == "settings":
            return _list_settings()
        if given.command in ("backup", "restore"):
            return _keep_or_bring_back(given.command, settings, given.file)
        _prepare(_say)
        return 0
    except (SettingsError, DataError) as error:
        return _fail(str(error))
    except Exception as error:
        from bot.model import ModelError

        if isinstance(error, ModelError):
            return _fail(str(error))
        raise


def _say(text: str) -> None:
    print(f"· {text}", flush=True)


def _fail(text: str) -> int:
    print(f"错误:{text}", file=sys.stderr, flush=True)
    return 1


def _prepare(say: Callable[[str], None]) -> Path:
    """Policy knowledge and Rasa model, trained if their inputs changed; the Rasa model's path."""
    live.ensure_trained(say)
    from bot import light_tensorflow

    light_tensorflow.install()
    from bot.model import ensure_model

    return ensure_model(say)


def _run(settings: Settings) -> int:
    from bot.workers import is_successor

    started = time.perf_counter()
    if not is_successor():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, settings.port))
            except OSError as error:
                return _fail(
                    f"端口 {settings.port} 不能用({error.strerror}),请关掉占用它的程序,或换一个:PORT=5006 make run"
                )
    _say("检查政策文件和答案")
    model = _prepare(_say)
    _say("启动服务")

    def announce() -> None:
        _say(f"已就绪(用时 {time.perf_counter() - started:.1f} 秒),请打开 http://127.0.0.1:{settings.port}/chat/")

    if settings.workers > 1:
        return _run_workers(settings, model, announce)
    from bot.assembly import quiet_logs
    from bot.server import build_app
    from bot.stopping import PatientProtocol

    quiet_logs(settings.log_format)
    app = build_app(settings, model, notify=settings.notifications)

    @app.after_server_start
    async def started_serving(app, loop):
        announce()

    app.run(host=settings.host, port=settings.port, protocol=PatientProtocol, access_log=False, debug=False)
    return 0


def _run_workers(settings: Settings, model: Path, announce: Callable[[], None]) -> int:
    from bot.workers import run_workers, shared_numbers

    with shared_numbers(settings.var):
        from bot.assembly import load_shared_agent, quiet_logs
        from bot.server import build_app
        from bot.stopping import PatientProtocol

        quiet_logs(settings.log_format)
        agent = load_shared_agent(settings, model)

        def serve(number: int, sock: socket.socket, ready: Callable[[], None]) -> None:
            app = build_app(settings, model, agent, notify=settings.notifications and number == 0)

            @app.after_server_start
            async def started_serving(app, loop):
                ready()

            app.run(sock=sock, protocol=PatientProtocol, access_log=False, debug=False)

        run_workers(settings.workers, settings.host, settings.port, serve, announce)
    return 0


def _notify(settings: Settings) -> int:
    from bot.assembly import quiet_logs
    from bot.notifier import run_alone

    quiet_logs(settings.log_format)
    _say("发送预约通知,Ctrl-C 停止")
    asyncio.run(run_alone(settings))
    return 0


def _examine(settings: Settings) -> int:
    from bot.doctor import examine

    bad = 0
    for finding in examine(settings):
        print(finding, flush=True)
        bad += finding.level == "bad"
    return 1 if bad else 0


def _list_settings() -> int:
    from bot.settings_table import as_markdown

    print(as_markdown(), end="")
    return 0


def _keep_or_bring_back(command: str, settings: Settings, path: Path) -> int:
    from bot.backup import BackupError, back_up, restore

    try:
        if command == "restore":
            _say(f"恢复了 {restore(settings.database_url, path)} 行")
            return 0
        _say(f"备份了 {back_up(settings.database_url, path, datetime.now(timezone.utc))} 行到 {path}")
        _say("密钥不在备份里,请另外保存 SECRET_KEY(或 VAR_DIR 里的 secret_key):没有它,备份里的姓名和电话打不开")
        return 0
    except (BackupError, OSError) as error:
        return _fail(str(error))


def _feedback(settings: Settings) -> int:
    """The review list: the newest first, what was of no use marked."""
    from bot.database import engine_for
    from bot.transcript import Transcript

    reviews = Transcript(engine_for(settings.database_url)).reviews()
    for review in reviews:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(review["at"]))
        print(f"{'有用' if review['useful'] else '没用'}  {when}  问:{review['said']}")
        print(f"      答:{review['answer'].partition(chr(10))[0]}")
        if review["comment"]:
            print(f"      说:{review['comment']}")
    print(f"共 {len(reviews)} 条,没用的 {sum(not review['useful'] for review in reviews)} 条")
    return 0


def _ask(question: str) -> int:
    model = _prepare(lambda text: None)
    from bot.assembly import CollectingOutputChannel, UserMessage, load_agent, quiet_logs
    from bot.database import make_engine, prepare_database

    quiet_logs("text", logging.ERROR)
    engine = make_engine("sqlite://")
    prepare_database(engine)
    output = CollectingOutputChannel()
    asyncio.run(load_agent(model, engine).handle_message(UserMessage(question.lstrip("/"), output, "terminal")))
    for message in output.messages:
        reply = message["custom"]
        print(reply["text"])
        for citation in reply["citations"]:
            print(f"  〔{citation['label']}〕{citation['quote']}")
        for quick in reply["quick_replies"]:
            print(f"  ▸ {quick['title']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
