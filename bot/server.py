"""The server: the one place that knows everybody. Builds the Sanic app with all channels and pages around Rasa's agent."""

import asyncio
import logging
import re
import secrets
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sanic
from rasa.core.agent import Agent
from redis.exceptions import RedisError
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from booking.outbox import origin
from bot.assembly import load_agent, warm_up
from bot.assessments import Rosters, assessments
from bot.bookings import bookings
from bot.check_in import check_in
from bot.database import AWAY, engine_for
from bot.front_desk import catalogue, desk
from bot.health import Metrics, health
from bot.http import error_response
from bot.kept_files import KeptFiles
from bot.look import dress, looks
from bot.nearby import Nearby
from bot.notifier import notifier
from bot.own_data import OwnData
from bot.privacy import conceal
from bot.reader import reader
from bot.roster_desk import RosterDesk
from bot.settings import Settings
from bot.shared import Shared
from bot.stopping import stop_gracefully
from bot.transcript import Transcript
from bot.turns import Replies, Turns
from bot.web_page import bundle, pack, web_page
from bot.webhooks import Webhooks
from channels.inbound import File
from channels.web.channel import WebInput
from channels.web.session import SessionSigner
from policy_kb import live
from policy_kb.rules.store import DecisionStore

logger = logging.getLogger(__name__)

RELOAD_CHECK_SECONDS = 2.0
UPLOADS = "/roster"
_MESSAGES = {
    400: "请求格式不对",
    404: "没有这个地址",
    405: "这个地址不支持这种请求方法",
    408: "请求超时,请重试",
    413: "内容太大",
    503: "系统暂时忙不过来,请过一会儿再试",
}
_TRACE = re.compile(r"[A-Za-z0-9_-]{8,64}")


def build_app(settings: Settings, model: Path, agent: Agent | None = None, notify: bool = True) -> sanic.Sanic:
    """The app, ready to run. Without an `agent` that processes share, one is loaded when the server starts. `notify`: deliver notices."""
    app = sanic.Sanic("chanjiaotong", configure_logging=False)
    app.config.update(
        REQUEST_MAX_SIZE=settings.max_upload_bytes,
        RESPONSE_TIMEOUT=60,
        KEEP_ALIVE_TIMEOUT=30,
        ACCESS_LOG=False,
        FALLBACK_ERROR_FORMAT="json",
    )
    engine = engine_for(settings.database_url)
    metrics = Metrics()
    metrics.count_errors()
    shared = Shared(settings.redis_url, settings.var)
    taking: list[Turns] = []

    async def on_new_message(message: Any) -> None:
        await app.ctx.agent.processor.handle_message(message)

    rosters = Rosters(
        RosterDesk(),
        DecisionStore(engine),
        KeptFiles(engine, settings.secret_keys),
        lambda: live.current().knowledge.corpus,
    )
    transcript = Transcript(engine)

    def turns(channel: str) -> Turns:
        made = Turns(
            channel,
            on_new_message,
            shared.locks,
            transcript,
            Nearby(desk).reply,
            on_file,
            rosters.again,
            conceal,
            settings.max_message_characters,
            metrics.turn,
        )
        taking.append(made)
        return made

    async def on_file(sender_id: str, file: File) -> Replies:
        return [(await rosters.reply(sender_id, file.content, file.name)).dict()]

    signer = SessionSigner(*settings.secret_keys)
    web = WebInput(
        signer,
        transcript,
        shared.limiter("messages", settings.messages_per_minute),
        settings.max_message_characters,
        turns(WebInput.name()).take,
        bundle(),
        shared.web_dedupe,
    )
    app.blueprint(web.blueprint(on_new_message), url_prefix=web.url_prefix())
    webhooks = Webhooks(
        settings,
        lambda channel: turns(channel).take,
        lambda sender_id: f"{settings.public_url.rstrip('/')}/chat/enter?ticket={signer.ticket(sender_id)}",
        metrics.delivery,
        shared,
    )
    webhooks.mount(app, on_new_message)
    app.blueprint(reader(lambda: live.current().knowledge.corpus))
    app.blueprint(looks())
    app.blueprint(web_page())
    app.blueprint(health(engine, metrics, shared))
    app.blueprint(assessments(rosters, shared.limiter("assessments", settings.messages_per_minute)))
    own_data = OwnData(desk, engine, settings.secret_keys)
    limiter = shared.limiter("bookings", settings.messages_per_minute)
    app.blueprint(bookings(desk, catalogue, own_data, web.signer, settings.secret_keys, limiter, _now))
    if settings.staff_token:
        app.blueprint(check_in(desk, settings.staff_token, _now, shared.limiter))

    @app.on_request
    async def trace(request: Request) -> None:
        """A number that all logs of this request and the notices it leads to carry; the proxy's, if it gives one."""
        given = request.headers.getone("x-request-id", "")
        origin.set(given if _TRACE.fullmatch(given) else secrets.token_hex(8))

    @app.on_request
    async def limit_body(request: Request) -> HTTPResponse | None:
        """Uploads and platforms' deliveries have limits of their own; nothing else needs to be large."""
        upload = request.path.endswith(UPLOADS) or (request.content_type or "").startswith("multipart/")
        delivery = request.path.startswith("/webhooks/")
        if not upload and len(request.body) > (settings.max_delivery_bytes if delivery else settings.max_body_bytes):
            return error_response(413, "http_413", _MESSAGES[413])
        return None

    @app.get("/")
    async def root(request: Request) -> HTTPResponse:
        return sanic.response.redirect("/chat/")

    @app.on_response
    async def finish(request: Request, response: HTTPResponse) -> None:
        dress(request, response)
        pack(request, response)

    @app.exception(Exception)
    async def on_error(request: Request, error: Exception) -> HTTPResponse:
        away = isinstance(error, (*AWAY, RedisError))
        status = error.status_code if isinstance(error, SanicException) else 503 if away else 500
        if away:
            logger.error("the database or Redis is away", exc_info=error)
        if status >= 500 and status != 503:
            logger.error("request failed: %s %s", request.method, request.path, exc_info=error)
        return error_response(status, f"http_{status}", _MESSAGES.get(status, "服务器出错了,请稍后再试"))

    @app.before_server_start
    async def start(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
        if agent is None:
            app.ctx.agent = load_agent(model, engine)
            await warm_up(app.ctx.agent)
        else:
            app.ctx.agent = agent
        app.ctx.following = asyncio.ensure_future(_follow_knowledge())
        app.ctx.worker_stop = asyncio.Event()
        if notify:
            worker = notifier(settings, engine, webhooks.deliverers)
            app.ctx.worker = asyncio.ensure_future(worker.run(app.ctx.worker_stop))
        app.ctx.ready = True

    @app.after_server_stop
    async def stop(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
        app.ctx.following.cancel()
        app.ctx.worker_stop.set()
        if notify:
            await app.ctx.worker

    stop_gracefully(app, settings.drain_seconds, lambda: sum(each.running for each in taking))
    return app


def _now() -> datetime:
    return datetime.now(timezone.utc)


async def _follow_knowledge() -> None:
    """Take up newly trained policy knowledge (`python -m policy_kb train`) without a restart."""
    while True:
        await asyncio.sleep(RELOAD_CHECK_SECONDS)
        try:
            if await asyncio.to_thread(live.reload_if_changed):
                logger.warning("政策知识已更新")
        except Exception:
            logger.exception("新的政策知识不能用,继续使用原来的")
