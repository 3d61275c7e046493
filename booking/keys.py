"""Keys for one purpose each, derived from SECRET_KEY (HKDF, RFC 5869)."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(secret: str, purpose: str) -> bytes:
    """32 bytes that follow from `secret` and `purpose` and tell nothing about keys for other purposes."""
    return HKDF(SHA256(), 32, salt=None, info=f"chanjiaotong/booking/{purpose}".encode()).derive(secret.encode())
