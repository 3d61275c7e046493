"""Messages as WeChat delivers them, and our webhook for them with a turn that answers at once: what both measurements of webhooks use."""

import base64
import secrets
import time
from typing import Any

from bot.reply import Reply
from channels.dedupe import MemoryDedupe
from channels.inbound import Inbound
from channels.kept import MemoryKept
from channels.rate_limit import RateLimiter
from channels.wechat.channel import WeChatInput
from channels.wechat.crypto import Cipher
from channels.wechat.signature import sign

TOKEN, APP_ID, AES_KEY = "token", "wx0123456789abcdef", base64.b64encode(bytes(range(32))).decode().rstrip("=")
ANSWER = [Reply(kind="answer", text="要签6个月以上的劳动合同。").dict()]


async def answered(sender_id: str, inbound: Inbound) -> list[dict[str, Any]]:
    return ANSWER


def channel(mode: str) -> WeChatInput:
    ciphers = [Cipher(AES_KEY, APP_ID)] if mode == "safe" else []
    return WeChatInput(
        TOKEN,
        mode,  # type: ignore[arg-type]
        ciphers,
        None,
        answered,
        MemoryDedupe(),
        MemoryKept(),
        RateLimiter(10**9),
        "http://127.0.0.1",
        lambda sender_id: "http://127.0.0.1/chat/",
    )


def delivery(mode: str, number: int) -> tuple[dict[str, str], bytes]:
    """Query and body of one message as WeChat delivers it."""
    body = (
        f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o{number}]]></FromUserName>"
        f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[合同要签多久?]]></Content><MsgId>{number}</MsgId></xml>"
    ).encode()
    query = {"timestamp": str(int(time.time())), "nonce": secrets.token_hex(4)}
    query["signature"] = sign(TOKEN, query["timestamp"], query["nonce"])
    if mode == "safe":
        sealed = Cipher(AES_KEY, APP_ID).encrypt(body.decode(), secrets.token_bytes(16))
        query |= {
            "encrypt_type": "aes",
            "msg_signature": sign(TOKEN, query["timestamp"], query["nonce"], sealed),
        }
        body = f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
    return query, body
