"""`python -m bot run | ask "问题" | train`: start the server, ask one question on the terminal, or only prepare the models."""

import argparse
import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
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
    ask = commands.add_parser("ask", help="在终端问一个问题")
    ask.add_argument("question", help="问题")
    given = parser.parse_args(arguments)
    try:
        settings = read_settings()
        if given.command == "run":
            return _run(settings)
        if given.command == "ask":
            return _ask(given.question)
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
    started = time.perf_counter()
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
    from bot.assembly import quiet_logs
    from bot.server import build_app

    quiet_logs()
    app = build_app(settings, model)

    @app.after_server_start
    async def announce(app, loop):
        _say(f"已就绪(用时 {time.perf_counter() - started:.1f} 秒),请打开 http://127.0.0.1:{settings.port}/chat/")

    app.run(host=settings.host, port=settings.port, access_log=False, debug=False)
    return 0


def _ask(question: str) -> int:
    model = _prepare(lambda text: None)
    from bot.assembly import CollectingOutputChannel, UserMessage, load_agent, quiet_logs
    from bot.database import make_engine, prepare_database

    quiet_logs(logging.ERROR)
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
