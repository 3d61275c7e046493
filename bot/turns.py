"""Running one turn of the conversation: an inbound message to Rasa's agent, its Replies back. What every channel's `ask` is made of."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.lock_store import LockError, LockStore

from bot.database import AWAY
from bot.in_process_actions import TurnInterrupted
from bot.privacy import mask, without_tokens
from bot.reply import Reply, intent_of
from bot.tracker_store import StaleTurn
from bot.transcript import AlreadyAnswered, Before, Exchange, exchange
from channels.inbound import File, Inbound, Place, Unavailable
from channels.notices import FAILED, NOT_TAKEN
from channels.web.messages import printable

logger = logging.getLogger(__name__)

Replies = list[dict[str, Any]]
CONTACT_FORM = '"contact_form"'  # the card of a reply that asks for names and numbers
BEGUN_ANEW = Reply(kind="chitchat", text="好的,重新开始。前面聊过的不再算数,约好的预约还在。")
NOTHING_TO_SEE = Reply(kind="notice", text="没有看到内容,请输入问题。")


class Transcript(Protocol):
    """What is needed of the place where exchanges are kept."""

    def add(self, sender_id: str, message_id: str, said: str, replies: Replies) -> None: ...

    async def before(self, sender_id: str, message_id: str) -> Before: ...


class Turns:
    """Turns of one channel, of one person one at a time (`locks`).

    `on_place`, `on_file` and `on_roster` answer what Rasa has no part in; `conceal(sender_id, text, whole)` puts what is personal (or
    the whole text) away and tokens in its place; `on_turn(channel, replies, seconds)` counts. `running` is how many are being taken.
    """

    def __init__(
        self,
        channel: str,
        handle: Callable[[UserMessage], Awaitable[Any]],
        locks: LockStore,
        transcript: Transcript,
        on_place: Callable[[str, Place], Awaitable[Replies]],
        on_file: Callable[[str, File], Awaitable[Replies]],
        on_roster: Callable[[str, str], Awaitable[Replies]],
        conceal: Callable[[str, str, bool], str],
        max_characters: int = 4000,
        on_turn: Callable[[str, Replies, float], None] = lambda channel, replies, seconds: None,
    ) -> None:
        self.channel, self.handle, self.locks, self.transcript = channel, handle, locks, transcript
        self.on_place, self.on_file, self.on_roster = on_place, on_file, on_roster
        self.conceal = conceal
        self.max_characters, self.on_turn = max_characters, on_turn
        self.running = 0

    async def take(self, sender_id: str, inbound: Inbound) -> Replies:
        """The Replies to `inbound`, kept in the transcript. An error becomes an apology with the number it has in the log.

        Raises Unavailable, with nothing kept, so that the same message may be sent again.
        """
        started = time.perf_counter()
        self.running += 1
        message_id = inbound.message_id or secrets.token_hex(8)
        try:
            async with self.locks.lock(sender_id):
                before = await self.transcript.before(sender_id, message_id)
                if before.answered is not None:
                    return before.answered
                replies = await self._kept(sender_id, message_id, inbound, before)
        except (*AWAY, LockError, StaleTurn, TurnInterrupted) as error:
            logger.error("%s: 一条消息没有收下,请对方再发", self.channel, exc_info=error)
            self.on_turn(self.channel, [{"kind": "unavailable"}], time.perf_counter() - started)
            raise Unavailable from error
        finally:
            self.running -= 1
        seconds = time.perf_counter() - started
        self.on_turn(self.channel, replies, seconds)
        logger.info("%s: %s in %.0f ms", self.channel, ", ".join(each["kind"] for each in replies), seconds * 1000)
        return replies

    async def _kept(self, sender_id: str, message_id: str, inbound: Inbound, before: Before) -> Replies:
        """The replies, in the transcript."""
        said = self._spoken(sender_id, inbound, CONTACT_FORM in before.last_replies)
        output = CollectingOutputChannel()
        turn = Exchange(message_id, without_tokens(said), lambda: _said(output), before)
        outside = exchange.set(turn)
        try:
            replies = await self._replies(sender_id, message_id, inbound, said, output)
        except (*AWAY, LockError, StaleTurn):
            raise
        except AlreadyAnswered:
            return (await self.transcript.before(sender_id, message_id)).answered or [NOT_TAKEN.dict()]
        except Exception:
            number = secrets.token_hex(4)
            logger.exception("%s: 一条消息没有处理成功,错误编号 %s", self.channel, number)
            replies = [Reply(kind="notice", text=f"刚才出错了,请再说一次。(错误编号 {number})").dict()]
        finally:
            exchange.reset(outside)
        if not turn.kept:
            self.transcript.add(sender_id, message_id, turn.said, replies)
        return replies

    async def _replies(
        self, sender_id: str, message_id: str, inbound: Inbound, said: str, output: CollectingOutputChannel
    ) -> Replies:
        if inbound.place is not None:
            return await self.on_place(sender_id, inbound.place)
        if inbound.file is not None:
            return await self.on_file(sender_id, inbound.file)
        if (inbound.payload or "").startswith("roster:"):
            return await self.on_roster(sender_id, str(inbound.payload))
        if inbound.payload == "anew":
            return await self._begin_anew(sender_id, message_id)
        if len(inbound.text or "") > self.max_characters:
            return [Reply(kind="notice", text=f"一次最多发 {self.max_characters} 个字,请分几次说。").dict()]
        if not said:
            return [NOTHING_TO_SEE.dict()]
        tapped = as_tap(said) if inbound.payload is not None else None
        message = UserMessage(
            said, output, sender_id, input_channel=self.channel, message_id=message_id, parse_data=tapped
        )
        await self.handle(message)
        return _said(output)

    async def _begin_anew(self, sender_id: str, message_id: str) -> Replies:
        """Leave what is under way by its own way out, which gives a held place back; then forget what was talked about."""
        for payload in ("cancel", "anew"):
            unheard = CollectingOutputChannel()
            number = f"{message_id}.{payload}"  # none of the exchange's own, which is kept when both are done
            await self.handle(
                UserMessage(
                    payload,
                    unheard,
                    sender_id,
                    input_channel=self.channel,
                    message_id=number,
                    parse_data=as_tap(payload),
                )
            )
        return [BEGUN_ANEW.dict()]

    def _spoken(self, sender_id: str, inbound: Inbound, asked_for_names: bool) -> str:
        """`inbound` in words, without phone or ID numbers, without names where they were asked for, and without a leading `/`."""
        if inbound.place is not None:
            return f"〔位置〕{printable(inbound.place.name)}"
        if inbound.file is not None:
            return f"〔文件〕{mask(printable(inbound.file.name))}"
        if inbound.payload is not None:
            return printable(inbound.payload)
        text = printable(inbound.text or "")
        return self.conceal(sender_id, text, asked_for_names) if text else ""


def _said(output: CollectingOutputChannel) -> Replies:
    replies = [message["custom"] for message in output.messages if "custom" in message]
    return replies or [FAILED.dict()]


def as_tap(payload: str) -> dict[str, Any]:
    """A tapped button as Rasa's parse result, so that it is not classified again."""
    entity = {"entity": "payload", "value": payload, "start": 0, "end": len(payload)}
    return {"text": payload, "intent": {"name": intent_of(payload), "confidence": 1.0}, "entities": [entity]}
