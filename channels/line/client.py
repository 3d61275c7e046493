"""LINE's HTTP API: reply, push, loading indicator, profile, files, rich menu. Retries what may be retried and maps the errors."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp

Json = dict[str, Any]

logger = logging.getLogger(__name__)

API_BASE = "https://api.line.me"
DATA_BASE = "https://api-data.line.me"
TIMEOUT_SECONDS = 5.0
# So many times as long waits the second attempt at a reply whose first was not answered: its answer tells whether the first had arrived, and a
# push instead would say it twice.
PATIENCE = 4
FILE_TIMEOUT_SECONDS = 30.0
# Pauses before the second, third and fourth attempt, in seconds. A reply is tried twice only, to be over while its token lives.
PAUSES = (0.5, 1.0, 2.0)
MAX_ANSWER_BYTES = 1024 * 1024
_QUOTA = "monthly limit"


class LineError(Exception):
    """LINE did not do it; `str()` is one Chinese line. `status` is LINE's, None when there was no answer."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


class Refused(LineError):
    """The request is wrong as it stands (400, 404 and the like); to repeat it is no use."""


class Unauthorized(LineError):
    """The channel access token is wrong or has run out (401), or may not do this (403)."""


class QuotaExceeded(LineError):
    """The month's push messages are used up (429 with that reason). Replies still work."""


class Unavailable(LineError):
    """LINE was busy, failing or out of reach in every attempt."""


class LineClient:
    """One channel's access. `session` is made at the first call, in the running loop. `pause` waits between attempts."""

    def __init__(
        self,
        access_token: str,
        api_base: str = API_BASE,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout_seconds: float = TIMEOUT_SECONDS,
        file_timeout_seconds: float = FILE_TIMEOUT_SECONDS,
    ) -> None:
        self.api_base = api_base.rstrip("/")
        # Files live on a host of their own; a stand-in for LINE serves both.
        self.data_base = DATA_BASE if self.api_base == API_BASE else self.api_base
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._pause, self._timeout, self._file_timeout = pause, timeout_seconds, file_timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def reply(self, reply_token: str, messages: Sequence[Json]) -> None:
        """Answer the event of `reply_token` with one to five messages. Raises LineError.

        A reply takes no retry key (400), but its token works once: when an attempt without an answer is followed by "invalid token",
        the first one had arrived.
        """
        body = {"replyToken": reply_token, "messages": list(messages)}
        await self._call("POST", "/v2/bot/message/reply", body, pauses=PAUSES[:1], once_by_token=True)

    async def push(self, to: str, messages: Sequence[Json], retry_key: str) -> None:
        """Send one to five messages to a user, group or room; at most once for a `retry_key` (UUID, kept by LINE for a day). Raises LineError."""
        body = {"to": to, "messages": list(messages)}
        await self._call("POST", "/v2/bot/message/push", body, headers={"X-Line-Retry-Key": retry_key})

    async def show_loading(self, user_id: str, seconds: int) -> None:
        """The moving dots in a one-to-one chat, until the answer or for `seconds` (5 to 60, a multiple of 5). Tried once. Raises LineError."""
        await self._call(
            "POST", "/v2/bot/chat/loading/start", {"chatId": user_id, "loadingSeconds": seconds}, pauses=()
        )

    async def language(self, user_id: str) -> str | None:
        """The language (BCP 47) that a user has set in LINE, None when it is not told. Raises LineError."""
        profile = await self._call("GET", f"/v2/bot/profile/{quote(user_id, safe='')}", pauses=())
        language = profile.get("language")
        return language if isinstance(language, str) else None

    async def content(self, message_id: str, max_bytes: int) -> bytes | None:
        """The file that came with a message; None when it has more than `max_bytes`. Raises LineError."""
        url = f"{self.data_base}/v2/bot/message/{quote(message_id, safe='')}/content"
        return await self._attempts("GET", url, max_bytes=max_bytes, timeout=self._file_timeout)

    async def bot_info(self) -> Json:
        """The account's own id, name and chat mode. Raises LineError."""
        return await self._call("GET", "/v2/bot/info")

    async def check(self) -> list[str]:
        """What is wrong with the access token, a Chinese line; none when calls are accepted."""
        try:
            await self.bot_info()
        except LineError as error:
            return [f"LINE:{error}"]
        return []

    async def webhook(self) -> Json:
        """The webhook's `endpoint` and whether it is `active`. Raises LineError (404 when none is set)."""
        return await self._call("GET", "/v2/bot/channel/webhook/endpoint")

    async def test_webhook(self) -> Json:
        """What LINE gets when it calls our webhook: `success`, `statusCode`, `reason`, `detail`. Raises LineError."""
        return await self._call("POST", "/v2/bot/channel/webhook/test", {})

    async def rich_menus(self) -> list[Json]:
        """All rich menus made through the API. Raises LineError."""
        return list((await self._call("GET", "/v2/bot/richmenu/list")).get("richmenus", []))

    async def create_rich_menu(self, menu: Json, png: bytes) -> str:
        """Check and make a rich menu with its picture (at most 1 MB); its id. Raises LineError."""
        await self._call("POST", "/v2/bot/richmenu/validate", menu)
        created = await self._call("POST", "/v2/bot/richmenu", menu, pauses=())
        menu_id = str(created["richMenuId"])
        url = f"{self.data_base}/v2/bot/richmenu/{menu_id}/content"
        await self._attempts("POST", url, data=png, headers={"Content-Type": "image/png"}, timeout=self._file_timeout)
        return menu_id

    async def show_rich_menu(self, menu_id: str) -> None:
        """Make it the menu of everybody who has none of his own. Raises LineError."""
        await self._call("POST", f"/v2/bot/user/all/richmenu/{menu_id}")

    async def delete_rich_menu(self, menu_id: str) -> None:
        await self._call("DELETE", f"/v2/bot/richmenu/{menu_id}")

    async def _call(self, method: str, path: str, body: Json | None = None, **more: Any) -> Json:
        """A call with JSON both ways. What is answered is an object, empty when it is anything else."""
        if body is not None:
            more["data"] = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            more["headers"] = {**more.get("headers", {}), "Content-Type": "application/json"}
        raw = await self._attempts(method, self.api_base + path, **more)
        try:
            answer = json.loads(raw or b"{}")
        except ValueError:
            answer = {}
        return answer if isinstance(answer, dict) else {}

    async def _attempts(
        self,
        method: str,
        url: str,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        pauses: Sequence[float] = PAUSES,
        max_bytes: int = MAX_ANSWER_BYTES,
        timeout: float | None = None,
        once_by_token: bool = False,
    ) -> bytes | None:
        """The answer's body (None when longer than `max_bytes`), after as many attempts as `pauses` allows."""
        headers, seconds = {**self._headers, **(headers or {})}, timeout or self._timeout
        unsure, failure = False, Unavailable("没有试过", None)
        for attempt in range(len(pauses) + 1):
            if attempt:
                await self._pause(pauses[attempt - 1])
            if once_by_token and unsure:
                seconds = PATIENCE * self._timeout
            try:
                status, body = await self._request(method, url, data, headers, max_bytes, seconds)
            except aiohttp.ClientConnectorError as error:  # nothing was sent
                failure = Unavailable(f"连不上 LINE:{error}", None)
                continue
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                unsure = True
                failure = Unavailable(f"LINE 没有应答:{error or '超时'}", None)
                continue
            if status < 300 or (status == 409 and "X-Line-Retry-Key" in headers):
                return body
            if status == 400 and once_by_token and unsure and b"reply token" in (body or b"").lower():
                return b""
            unsure = unsure or status >= 500
            meant = _error(status, body or b"")
            if not isinstance(meant, Unavailable):
                raise meant
            failure = meant
        raise failure

    async def _request(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str], max_bytes: int, seconds: float
    ) -> tuple[int, bytes | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self._session.request(
            method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    response.close()
                    return response.status, None
            return response.status, bytes(body)


def _error(status: int, body: bytes) -> LineError:
    """The error that LINE's status and message mean ("Error responses")."""
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    details = told["details"][:3] if isinstance(told.get("details"), list) else []
    parts = [told.get("message"), *(detail.get("message") for detail in details if isinstance(detail, dict))]
    reason = ";".join(str(part)[:200] for part in parts if part) or "没有说明"
    if status in (401, 403):
        return Unauthorized(
            f"LINE 的 channel access token 不对、过期或没有权限({status}),请检查 LINE_CHANNEL_ACCESS_TOKEN:{reason}",
            status,
        )
    if status == 429 and _QUOTA in reason.lower():
        return QuotaExceeded(f"本月的 LINE 推送条数用完了:{reason}", status)
    if status == 429 or status >= 500:
        return Unavailable(f"LINE 暂时不可用({status}):{reason}", status)
    return Refused(f"LINE 不接受这个请求({status}):{reason}", status)
