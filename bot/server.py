"""The server: the one place that knows everybody. Builds the Sanic app with all channels and pages around Rasa's agent."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import sanic
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse, file

from bot.assembly import load_agent, warm_up
from bot.database import make_engine, prepare_database
from bot.health import Metrics, health
from bot.reader import reader
from bot.settings import ROOT, Settings
from bot.transcript import Transcript
from channels.rate_limit import RateLimiter
from channels.web.channel import WebInput, error_response
from channels.web.session import SessionSigner
from policy_kb import live

logger = logging.getLogger(__name__)

RELOAD_CHECK_SECONDS = 2.0
STATIC = ROOT / "bot" / "static"
_MESSAGES = {
    400: "请求格式不对",
    404: "没有这个地址",
    405: "这个地址不支持这种请求方法",
    408: "请求超时,请重试",
    413: "内容太大",
    503: "服务正在启动,请稍后再试",
}


def build_app(settings: Settings, model: Path) -> sanic.Sanic:
    """The app, ready to run. The agent is loaded when the server starts, after any fork."""
    app = sanic.Sanic("chanjiaotong", configure_logging=False)
    app.config.update(
        REQUEST_MAX_SIZE=settings.max_body_bytes,
        RESPONSE_TIMEOUT=60,
        KEEP_ALIVE_TIMEOUT=30,
        ACCESS_LOG=False,
        FALLBACK_ERROR_FORMAT="json",
    )
    engine = make_engine(settings.database_url)
    prepare_database(engine)
    metrics = Metrics()
    web = WebInput(
        SessionSigner(settings.secret_key),
        Transcript(engine),
        RateLimiter(settings.messages_per_minute),
        settings.max_message_characters,
        metrics.turn,
    )

    async def on_new_message(message: Any) -> None:
        await app.ctx.agent.handle_message(message)

    app.blueprint(web.blueprint(on_new_message), url_prefix=web.url_prefix())
    app.blueprint(reader(lambda: live.current().knowledge.corpus))
    app.blueprint(health(engine, metrics))

    @app.get("/")
    async def root(request: Request) -> HTTPResponse:
        return sanic.response.redirect("/chat/")

    @app.get("/static/plain.css")
    async def stylesheet(request: Request) -> HTTPResponse:
        return await file(STATIC / "plain.css", headers={"Cache-Control": "public, max-age=3600"})

    @app.exception(Exception)
    async def on_error(request: Request, error: Exception) -> HTTPResponse:
        status = error.status_code if isinstance(error, SanicException) else 500
        if status >= 500 and status != 503:
            logger.error("request failed: %s %s", request.method, request.path, exc_info=error)
        return error_response(status, f"http_{status}", _MESSAGES.get(status, "服务器出错了,请稍后再试"))

    @app.before_server_start
    async def start(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
        app.ctx.agent = load_agent(model, engine)
        await warm_up(app.ctx.agent)
        app.add_task(_follow_knowledge())
        app.ctx.ready = True

    return app


async def _follow_knowledge() -> None:
    """Take up newly trained policy knowledge (`python -m policy_kb train`) without a restart."""
    while True:
        await asyncio.sleep(RELOAD_CHECK_SECONDS)
        try:
            if await asyncio.to_thread(live.reload_if_changed):
                logger.warning("政策知识已更新")
        except Exception:
            logger.exception("新的政策知识不能用,继续使用原来的")
