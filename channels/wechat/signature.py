"""WeChat's and WeCom's signatures: SHA-1 over the sorted parts, compared in constant time."""

import hashlib
import hmac

# Retries carry the timestamp of the first delivery, all within 15 s; the rest is for clocks that are wrong.
FRESH_SECONDS = 300


def sign(*parts: str) -> str:
    """The signature of `parts`: token, timestamp, nonce, and in encrypted messages the ciphertext."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "surrogateescape")).hexdigest()  # noqa: S324 - the platform's choice


def is_signed(signature: str, *parts: str) -> bool:
    """Whether `signature` is that of `parts`."""
    return hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), sign(*parts).encode())


def is_fresh(timestamp: str, now: float) -> bool:
    """Whether a delivery stamped with `timestamp` (Unix seconds) is from around `now`."""
    return (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) < 12
        and abs(now - int(timestamp)) <= FRESH_SECONDS
    )


def sign_page(ticket: str, nonce: str, timestamp: str, url: str) -> str:
    """The JS-SDK signature of a page opened in WeChat; `url` as the browser shows it, without `#` and what follows."""
    said = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url.partition('#')[0]}"
    return hashlib.sha1(said.encode()).hexdigest()  # noqa: S324 - the platform's choice
