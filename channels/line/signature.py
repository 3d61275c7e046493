"""Proof that a webhook call comes from LINE: base64 of HMAC-SHA256 over the raw body (Messaging API, "Verify webhook signature")."""

import base64
import hashlib
import hmac

HEADER = "x-line-signature"


def sign(channel_secret: str, body: bytes) -> str:
    """The signature that LINE sends with `body`."""
    return base64.b64encode(hmac.new(channel_secret.encode(), body, hashlib.sha256).digest()).decode("ascii")


def is_signed(channel_secret: str, body: bytes, signature: str | None) -> bool:
    """Whether `signature` is that of `body`, compared in constant time; False for a missing one."""
    return hmac.compare_digest(sign(channel_secret, body).encode(), (signature or "").encode("utf-8", "replace"))
