"""Files made for one person to fetch within days, such as an annotated roster. Encrypted, for they hold names; the id is the key to the door."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.database import kept_files

KEPT = timedelta(days=7)


@dataclass(frozen=True)
class KeptFile:
    name: str
    content: bytes


class KeptFiles:
    """Files in the database. Of several secrets the first seals and all open, so that SECRET_KEY can be changed."""

    def __init__(self, engine: sa.engine.Engine, secret_keys: Sequence[str]) -> None:
        self.engine = engine
        self._sealer = MultiFernet([Fernet(_key(secret)) for secret in secret_keys])

    def add(self, owner: str, name: str, content: bytes, now: datetime) -> str:
        """Keep `content` for KEPT from `now` (UTC), and forget what has been kept long enough. Returns its id, 128 random bits."""
        id = secrets.token_urlsafe(16)
        row = {
            "id": id,
            "owner": owner,
            "name": name,
            "sealed": self._sealer.encrypt(content),
            "expires_at": (now + KEPT).timestamp(),
        }
        with self.engine.begin() as connection:
            connection.execute(kept_files.delete().where(kept_files.c.expires_at < now.timestamp()))
            connection.execute(kept_files.insert().values(**row))
        return id

    def get(self, id: str, now: datetime) -> KeptFile | None:
        """The file with this id, or None when there is none, no longer, or no secret that opens it."""
        query = sa.select(kept_files.c.name, kept_files.c.sealed).where(
            kept_files.c.id == id[:32], kept_files.c.expires_at >= now.timestamp()
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        try:
            return KeptFile(row.name, self._sealer.decrypt(row.sealed)) if row else None
        except InvalidToken:
            return None

    def of(self, owner: str, now: datetime) -> list[dict[str, Any]]:
        """The files of `owner` that can be fetched still, the oldest first: id, name, expires_at (UTC)."""
        query = (
            sa.select(kept_files.c.id, kept_files.c.name, kept_files.c.expires_at)
            .where(kept_files.c.owner == owner, kept_files.c.expires_at >= now.timestamp())
            .order_by(kept_files.c.expires_at)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            {"id": row.id, "name": row.name, "expires_at": datetime.fromtimestamp(row.expires_at, timezone.utc)}
            for row in rows
        ]

    def erase(self, owner: str) -> int:
        """Forget every file of `owner`; how many that were."""
        with self.engine.begin() as connection:
            return int(connection.execute(kept_files.delete().where(kept_files.c.owner == owner)).rowcount)


def _key(secret: str) -> bytes:
    derived = HKDF(SHA256(), 32, salt=None, info=b"chanjiaotong/kept-files").derive(secret.encode())
    return urlsafe_b64encode(derived)
