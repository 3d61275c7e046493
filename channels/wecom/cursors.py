"""Up to where the messages of 微信客服 have been read: kept over restarts, in a file of one process or in Redis."""

import json
import os
from pathlib import Path
from typing import Any, Protocol

from redis.asyncio import Redis


class Cursors(Protocol):
    """The cursor of each service account, empty when nothing has been read yet."""

    async def get(self, open_kfid: str) -> str: ...

    async def put(self, open_kfid: str, cursor: str) -> None: ...


class FileCursors:
    """In a JSON file, replaced as a whole so that a crash leaves the old or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cursors: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    async def get(self, open_kfid: str) -> str:
        return self._cursors.get(open_kfid, "")

    async def put(self, open_kfid: str, cursor: str) -> None:
        self._cursors[open_kfid] = cursor
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self._cursors))
        os.replace(new, self.path)


class RedisCursors:
    """In Redis, for several processes. Raises RedisError while it is away: without the cursor nothing must be read."""

    def __init__(self, redis: "Redis[Any]") -> None:
        self.redis = redis

    async def get(self, open_kfid: str) -> str:
        stored = await self.redis.get(f"wecom-cursor:{open_kfid}")
        return stored.decode() if isinstance(stored, bytes) else stored or ""

    async def put(self, open_kfid: str, cursor: str) -> None:
        await self.redis.set(f"wecom-cursor:{open_kfid}", cursor)
