"""Calling a platform's API with an access token: errors told in Chinese, a refused token replaced once, no secret in any message."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import aiohttp

from channels.inbound import File
from channels.tokens import Fetch, Tokens

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 1024 * 1024
REFUSED_TOKEN = {40001, 40014, 42001}
BUSY = -1
UNREACHABLE = -1000
_FILE_NAME = re.compile(r"""filename\*=UTF-8''([^;]+)|filename="?([^";]+)""", re.IGNORECASE)


class PlatformError(Exception):
    """What a platform refused: its error code (UNREACHABLE when there was no usable answer); `str()` is one Chinese line."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class PlatformApi:
    """One account's API at `base`. `explained` says in Chinese what an error code means and what to do about it."""

    def __init__(
        self, name: str, base: str, tokens: Tokens, explained: Mapping[int, str], timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self.name, self.base, self.tokens, self.explained = name, base.rstrip("/"), tokens, explained
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, path: str, body: Mapping[str, Any] | None, fetch: Fetch) -> dict[str, Any]:
        """POST `body` (GET without one) with the token. A refused token is replaced and the call made once more. Raises PlatformError."""
        token = await self.tokens.get(self.name, fetch)
        try:
            return await self.ask(path, body, {"access_token": token})
        except PlatformError as error:
            if error.code == BUSY:  # nothing was done, says the platform
                return await self.ask(path, body, {"access_token": token})
            if error.code not in REFUSED_TOKEN:
                raise
            again = await self.tokens.get(self.name, fetch, refused=token)
            if again == token:
                raise
            return await self.ask(path, body, {"access_token": again})

    async def ask(self, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to one request as it is. Raises PlatformError when it is none or carries an `errcode`."""
        _, content = await self._request(path, body, query, MAX_ANSWER_BYTES)
        return self._checked(content)

    async def download(self, path: str, query: Mapping[str, str], fetch: Fetch, max_bytes: int) -> File:
        """A file with the name that the platform gives it. Raises PlatformError, also for one larger than `max_bytes`."""
        token = await self.tokens.get(self.name, fetch)
        for attempt in (1, 2):
            disposition, content = await self._request(path, None, {**query, "access_token": token}, max_bytes)
            if disposition:
                named = _FILE_NAME.search(disposition)
                return File(unquote(named[1] or named[2]) if named else "文件", content)
            try:
                self._checked(content)
            except PlatformError as error:
                if error.code not in REFUSED_TOKEN or attempt == 2:
                    raise
                token = await self.tokens.get(self.name, fetch, refused=token)
            else:
                break
        raise PlatformError(UNREACHABLE, "平台没有给出文件")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str], max_bytes: int
    ) -> tuple[str, bytes]:
        """The Content-Disposition and the bytes of the answer. aiohttp's own messages name the address with the token: none is passed on."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        # Menus and messages show \uXXXX as it is, so the body is plain UTF-8.
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "ignore")
        method = "GET" if body is None else "POST"
        headers = {"Content-Type": "application/json; charset=utf-8"} if data else {}
        try:
            async with self._session.request(
                method, self.base + path, params=query, data=data, headers=headers
            ) as response:
                if response.status != 200:
                    raise PlatformError(UNREACHABLE, f"平台接口 {path} 返回了 HTTP {response.status}")
                content = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    content += chunk
                    if len(content) > max_bytes:
                        raise PlatformError(UNREACHABLE, f"平台接口 {path} 返回的内容太大")
                return response.headers.get("Content-Disposition", ""), bytes(content)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise PlatformError(UNREACHABLE, f"连不上平台接口 {path}({type(error).__name__})") from None

    def _checked(self, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise PlatformError(UNREACHABLE, "平台接口返回的不是 JSON")
        code = answer.get("errcode", 0)
        if code:
            said = (
                f"{self.explained.get(code, '平台拒绝了请求')}(errcode {code}: {str(answer.get('errmsg', ''))[:200]})"
            )
            raise PlatformError(code if isinstance(code, int) else UNREACHABLE, said)
        return answer
