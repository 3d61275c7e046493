"""Personal values, encrypted at rest and known elsewhere by token: names, phone numbers and the addresses notices go to.

Values are sealed with AES-256-GCM; whose they are and what they are can be looked up by keyed digests (HMAC-SHA256) alone. Of several
secrets the first seals and all open, so that a new SECRET_KEY is put in front, `reencrypt` run, and the old one dropped.
"""

import hashlib
import hmac
import json
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from booking.database import reading, transact
from booking.keys import derive
from booking.models import Person, VaultEntry

TOKEN = re.compile(r"vt_[0-9a-f]{24}")
NONCE_BYTES = 12
_INSERT = sa.insert(VaultEntry)
ROTATED_AT_ONCE = 500


class VaultError(Exception):
    """A sealed value that none of the secrets opens, or that was tampered with."""


@dataclass(frozen=True)
class _Key:
    """The keys of one secret. `id` names it in a sealed value."""

    id: str
    cipher: AESGCM
    digest: bytes

    @classmethod
    def of(cls, secret: str) -> "_Key":
        sealing = derive(secret, "vault/seal")
        return cls(hashlib.sha256(sealing).hexdigest()[:8], AESGCM(sealing), derive(secret, "vault/digest"))

    def digest_of(self, what: str, value: str) -> str:
        return hmac.new(self.digest, f"{what}\0{value}".encode(), hashlib.sha256).hexdigest()


class Vault:
    """Personal values in the `vault` table. `owner` is always the channel's sender id in plain text; it is stored as a digest only."""

    def __init__(self, engine: sa.engine.Engine, secrets: Sequence[str]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a vault needs at least one secret, and none may be empty")
        self.engine = engine
        self._keys = [_Key.of(secret) for secret in secrets]

    # -- whole transactions ------------------------------------------------------------------------------------------

    def put(self, owner: str, kind: str, value: str, *, now: datetime, expires_at: datetime) -> str:
        """Keep `value` (kind: phone, id, name) until `expires_at` and return its token, which matches TOKEN."""
        (token,) = transact(
            self.engine, lambda connection: self.keep(connection, owner, [(kind, value)], now, expires_at)
        )
        return token

    def reveal(self, owner: str, token: str) -> str | None:
        """The value of `token`, or None when there is none or it is somebody else's. Raises VaultError."""
        with reading(self.engine) as connection:
            query = sa.select(VaultEntry.sealed).where(VaultEntry.token == token)
            sealed = connection.execute(query).scalar_one_or_none()
        if sealed is None:
            return None
        whose, value = self._open(token, sealed)
        return value if whose == owner else None

    def reencrypt(self) -> int:
        """Seal everything that an older secret sealed with the first one; how many values that were. May be repeated and interrupted."""
        done, last = 0, ""
        while True:
            changed, last = transact(self.engine, partial(self._reencrypt_some, after=last))
            done += changed
            if not last:
                return done

    # -- within a caller's transaction -------------------------------------------------------------------------------

    def keep(
        self,
        connection: Any,
        owner: str,
        values: Iterable[tuple[str, str]],
        now: datetime,
        expires_at: datetime | None = None,
    ) -> list[str]:
        """Keep pairs of kind and value, and return their tokens in the same order.

        Without `expires_at` the caller sees to it that they are forgotten one day.
        """
        rows = []
        for kind, value in values:
            token = f"vt_{os.urandom(12).hex()}"
            row = {"token": token, "kind": kind, "created_at": now, "expires_at": expires_at}
            rows.append(row | self._row(token, owner, kind, value))
        connection.execute(_INSERT, rows)
        return [str(row["token"]) for row in rows]

    def opened(self, connection: Any, tokens: Iterable[str | None]) -> dict[str, str]:
        """The values of `tokens` whoever they belong to; those that are gone are left out. Raises VaultError."""
        wanted = {token for token in tokens if token}
        if not wanted:
            return {}
        query = sa.select(VaultEntry.token, VaultEntry.sealed).where(VaultEntry.token.in_(wanted))
        return {row.token: self._open(row.token, row.sealed)[1] for row in connection.execute(query)}

    def owner_digest(self, owner: str) -> str:
        """What stands for `owner` in the tables, by the first secret."""
        return self._keys[0].digest_of("owner", owner)

    def owner_digests(self, owner: str) -> list[str]:
        """What may stand for `owner` while secrets are being changed."""
        return [key.digest_of("owner", owner) for key in self._keys]

    def digests(self, kind: str, value: str) -> list[str]:
        """What may stand for `value` in `VaultEntry.digest` while secrets are being changed."""
        return [key.digest_of(kind, value) for key in self._keys]

    # -- sealing -----------------------------------------------------------------------------------------------------

    def _row(self, token: str, owner: str, kind: str, value: str) -> dict[str, str]:
        key, nonce = self._keys[0], os.urandom(NONCE_BYTES)
        # The token is bound in, so that a sealed value moved to another row does not open.
        sealed = key.cipher.encrypt(nonce, json.dumps([owner, value]).encode(), token.encode())
        return {
            "owner": key.digest_of("owner", owner),
            "digest": key.digest_of(kind, value),
            "sealed": f"{key.id}.{urlsafe_b64encode(nonce + sealed).decode()}",
        }

    def _open(self, token: str, sealed: str) -> tuple[str, str]:
        """Owner and value."""
        key_id, _, encoded = sealed.partition(".")
        for key in self._keys:
            if key.id == key_id:
                raw = urlsafe_b64decode(encoded)
                try:
                    plain = key.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], token.encode())
                except InvalidTag as error:
                    raise VaultError(f"the sealed value of {token} was tampered with") from error
                owner, value = json.loads(plain)
                return owner, value
        raise VaultError(f"no secret opens {token}: it was sealed with key {key_id}")

    def _reencrypt_some(self, connection: Any, after: str) -> tuple[int, str]:
        """Work on the next values after token `after`: how many were changed, and the last token ("" at the end)."""
        query = (
            sa.select(VaultEntry.token, VaultEntry.owner, VaultEntry.kind, VaultEntry.sealed)
            .where(VaultEntry.token > after, ~VaultEntry.sealed.startswith(f"{self._keys[0].id}."))
            .order_by(VaultEntry.token)
            .limit(ROTATED_AT_ONCE)
            .with_for_update()
        )
        rows = connection.execute(query).all()
        for row in rows:
            owner, value = self._open(row.token, row.sealed)
            fresh = self._row(row.token, owner, row.kind, value)
            connection.execute(sa.update(VaultEntry).where(VaultEntry.token == row.token).values(**fresh))
            if row.owner != fresh["owner"]:
                connection.execute(sa.update(Person).where(Person.owner == row.owner).values(owner=fresh["owner"]))
        return len(rows), rows[-1].token if rows else ""


def mask(kind: str, value: str) -> str:
    """`value` as it may be shown in lists and logs: 138****5678, 张**."""
    if kind == "phone" and len(value) >= 7:
        return f"{value[:3]}****{value[-4:]}"
    return value[:1] + "*" * min(len(value) - 1, 2) if value else ""
