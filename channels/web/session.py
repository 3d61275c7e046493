"""Who is speaking on the web: a signed cookie that the server issues, so that nobody can name somebody else's conversation."""

import secrets
import time
from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, URLSafeTimedSerializer

COOKIE = "cjt_session"
MAX_AGE_SECONDS = 30 * 24 * 3600
TICKET_SECONDS = 900
REMEMBERED = 10_000  # cookies that have been looked at


class SessionSigner:
    """Issues and reads session cookies. The sender id inside is 128 random bits, or a platform's for whoever came by a ticket."""

    def __init__(self, *secret_keys: str) -> None:
        """The first secret signs, all are accepted."""
        self._serializer = URLSafeTimedSerializer(list(reversed(secret_keys)), salt="web-session")
        self._known = lru_cache(REMEMBERED)(self._verified)
        self._tickets = MultiFernet([Fernet(_ticket_key(secret)) for secret in secret_keys])

    def issue(self) -> tuple[str, str]:
        """A new (sender id, cookie value)."""
        sender_id = f"web:{secrets.token_hex(16)}"
        return sender_id, self.cookie(sender_id)

    def read(self, cookie: str | None) -> str | None:
        """The sender id in `cookie`, or None when it is missing, forged or older than MAX_AGE_SECONDS.

        One from the future is good: another machine's clock is a little ahead, or ours has been set back.
        """
        if not cookie or len(cookie) > 400:
            return None
        sender_id, issued = self._known(cookie)
        return sender_id if time.time() - issued <= MAX_AGE_SECONDS else None

    def _verified(self, cookie: str) -> tuple[str | None, float]:
        """The sender id, None when it is forged, and when the cookie was issued, in Unix seconds."""
        try:
            sender_id, issued = self._serializer.loads(cookie, return_timestamp=True)
        except (BadSignature, UnicodeError):  # a header may hold bytes that are no text
            return None, 0.0
        return sender_id if isinstance(sender_id, str) else None, issued.timestamp()

    def ticket(self, sender_id: str) -> str:
        """For a link that opens the page as `sender_id`, who gets it in a conversation of his own elsewhere. Nobody can read it."""
        return self._tickets.encrypt(sender_id.encode()).decode()

    def bearer(self, ticket: str) -> str | None:
        """Whom `ticket` is for, or None when it is forged or older than TICKET_SECONDS."""
        try:
            return self._tickets.decrypt(ticket[:600].encode(), ttl=TICKET_SECONDS).decode()
        except (InvalidToken, UnicodeError):
            return None

    def cookie(self, sender_id: str) -> str:
        """The cookie value of a session as `sender_id`."""
        return str(self._serializer.dumps(sender_id))


def _ticket_key(secret: str) -> bytes:
    return urlsafe_b64encode(HKDF(SHA256(), 32, salt=None, info=b"chanjiaotong/web-ticket").derive(secret.encode()))
