"""Encrypted messages of WeChat and WeCom: AES-256-CBC over random16 + length + message + receiver, PKCS7 to 32 bytes."""

import base64
import binascii
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_BLOCK = 32
_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


class BadCiphertext(Exception):
    """A ciphertext that is damaged, made with another key, or meant for another account."""


class BadKey(ValueError):
    """An EncodingAESKey that cannot be one; `str()` is one Chinese line."""


class Cipher:
    """Messages for `receive_id` (the app id of an Official Account, the corp id of a WeCom) under one EncodingAESKey."""

    def __init__(self, encoding_aes_key: str, receive_id: str) -> None:
        if not _KEY.fullmatch(encoding_aes_key):
            raise BadKey("消息加解密密钥(EncodingAESKey)应是 43 个字母或数字")
        self._key = base64.b64decode(encoding_aes_key + "=")
        self._receive_id = receive_id.encode()

    def encrypt(self, message: str, random16: bytes) -> str:
        """`message` encrypted, in base64. `random16` are 16 unpredictable bytes."""
        content = message.encode()
        plain = random16 + len(content).to_bytes(4, "big") + content + self._receive_id
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._aes().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

    def decrypt(self, encrypted: str) -> str:
        """The message in `encrypted`. Raises BadCiphertext."""
        try:
            ciphertext = base64.b64decode(encrypted, validate=True)
            if not ciphertext or len(ciphertext) % _BLOCK:
                raise BadCiphertext("密文长度不对")
            decryptor = self._aes().decryptor()
            plain = decryptor.update(ciphertext) + decryptor.finalize()
            pad = plain[-1]
            if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad:
                raise BadCiphertext("密文填充不对")
            plain = plain[:-pad]
            end = 20 + int.from_bytes(plain[16:20], "big")
            if len(plain) < 20 or end > len(plain):
                raise BadCiphertext("密文里的长度不对")
            if plain[end:] != self._receive_id:
                raise BadCiphertext("消息不是发给这个账号的")
            return plain[20:end].decode()
        except (binascii.Error, UnicodeError, ValueError) as error:
            raise BadCiphertext("密文不能解开") from error

    def _aes(self) -> "Aes[CBC]":
        return Aes(AES(self._key), CBC(self._key[:16]))


def open_with(ciphers: Sequence[Cipher], encrypted: str) -> tuple[str, Cipher]:
    """The message and the cipher that opened it, with which the answer is to be encrypted: while a key is being changed, the
    platform may still use the previous one. Raises BadCiphertext."""
    for cipher in ciphers[:-1]:
        try:
            return cipher.decrypt(encrypted), cipher
        except BadCiphertext:
            continue
    if not ciphers:
        raise BadCiphertext("没有设置消息加解密密钥")
    return ciphers[-1].decrypt(encrypted), ciphers[-1]
