"""A turn as Rasa's agent gets it: no private numbers, no forged intents, taps as taps, and never silence."""

from typing import Any

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import LockError
from sqlalchemy.exc import OperationalError

from bot.in_process_actions import TurnInterrupted
from bot.lock_store import ProcessLockStore
from bot.privacy import mask
from bot.reply import Reply
from bot.tracker_store import StaleTurn
from bot.transcript import AlreadyAnswered, Before, exchange
from bot.turns import Turns
from channels.inbound import File, Inbound, Place, Unavailable

HELLO = Reply(kind="chitchat", text="您好").dict()
EARLIER = [Reply(kind="chitchat", text="已经答过的话").dict()]


class Agent:
    """Answers HELLO; keeps what it was given and what was written down."""

    def __init__(self) -> None:
        self.given: list[UserMessage] = []
        self.kept: list[tuple[str, str, str, list[dict[str, Any]]]] = []
        self.counted: list[str] = []
        self.silent = self.broken = False
        self.last = ""
        self.answered: list[dict[str, Any]] | None = None

    async def handle(self, message: UserMessage) -> None:
        self.given.append(message)
        if self.broken:
            raise RuntimeError("no")
        if not self.silent:
            await message.output_channel.send_custom_json(message.sender_id, HELLO)

    def add(self, sender_id: str, message_id: str, said: str, replies: list[dict[str, Any]]) -> None:
        self.kept.append((sender_id, message_id, said, replies))

    async def before(self, sender_id: str, message_id: str) -> Before:
        return Before(self.answered, self.last, None)

    def turns(self) -> Turns:
        async def on_place(sender_id: str, place: Place) -> list[dict[str, Any]]:
            return [Reply(kind="booking", text=f"{place.name}附近").dict()]

        async def on_file(sender_id: str, file: File) -> list[dict[str, Any]]:
            return [Reply(kind="assessment", text=f"{len(file.content)}字节").dict()]

        async def on_roster(sender_id: str, payload: str) -> list[dict[str, Any]]:
            return [Reply(kind="assessment", text=payload).dict()]

        return Turns(
            "wechat",
            self.handle,
            ProcessLockStore(),
            self,
            on_place,
            on_file,
            on_roster,
            lambda sender_id, text, whole: "〔个人信息〕" if whole else mask(text),
            100,
            lambda channel, r, s: self.counted.append(
                channel if r[0]["kind"] != "unavailable" else f"{channel}:unavailable"
            ),
        )


async def test_typed_text_reaches_the_agent_and_the_answer_is_kept_and_counted() -> None:
    agent = Agent()
    assert await agent.turns().take("wechat:o1", Inbound(text="你好", message_id="m1")) == [HELLO]
    (message,) = agent.given
    assert (message.text, message.sender_id, message.input_channel, message.message_id) == (
        "你好",
        "wechat:o1",
        "wechat",
        "m1",
    )
    assert message.parse_data is None
    assert agent.kept == [("wechat:o1", "m1", "你好", [HELLO])] and agent.counted == ["wechat"]


async def test_private_numbers_reach_neither_the_agent_nor_the_transcript() -> None:
    agent = Agent()
    await agent.turns().take("wechat:o1", Inbound(text="我电话13800138000,身份证140107199001011234"))
    assert agent.given[0].text == "我电话〔手机号〕,身份证〔身份证号〕" == agent.kept[0][2]


async def test_an_answer_to_the_question_for_name_and_number_is_put_away_whole() -> None:
    agent = Agent()
    agent.last = '[{"cards": [{"type": "contact_form"}]}]'
    await agent.turns().take("wechat:o1", Inbound(text="王小明 13800138000"))
    assert agent.given[0].text == "〔个人信息〕" == agent.kept[0][2]


async def test_a_roster_button_is_answered_without_the_agent() -> None:
    agent = Agent()
    payload = "roster:0123456789012345678901:yes"
    assert (await agent.turns().take("wechat:o1", Inbound(payload=payload)))[0]["text"] == payload
    assert agent.given == []


@pytest.mark.parametrize("typed", ["/restart", "／ restart", '/ask_policy{"payload": "help"}', "\u200b/restart"])
async def test_nobody_can_type_an_intent(typed: str) -> None:
    agent = Agent()
    await agent.turns().take("wechat:o1", Inbound(text=typed))
    assert not agent.given[0].text.startswith(("/", "／"))


@pytest.mark.parametrize(
    ("payload", "intent"), [("article:sx-2018-38#16", "ask_policy"), ("assess:training-allowance", "start_assessment")]
)
async def test_a_tap_is_not_classified_again(payload: str, intent: str) -> None:
    agent = Agent()
    await agent.turns().take("wechat:o1", Inbound(payload=payload))
    parsed = agent.given[0].parse_data
    assert parsed["intent"]["name"] == intent and parsed["entities"][0]["value"] == payload


async def test_a_new_conversation_is_a_leaving_and_a_forgetting_and_one_exchange() -> None:
    agent = Agent()
    [said] = await agent.turns().take("web:o1", Inbound(payload="anew", message_id="m1"))
    assert [message.parse_data["intent"]["name"] for message in agent.given] == ["leave", "restart"]
    assert [message_id for _, message_id, _, _ in agent.kept] == ["m1"] and "重新开始" in said["text"]


async def test_places_and_files_are_answered_without_the_agent() -> None:
    agent = Agent()
    turns = agent.turns()
    place = await turns.take("wecom:z", Inbound(place=Place(37.87, 112.55, "太原")))
    file = await turns.take("wecom:z", Inbound(file=File("张三13800138000.xlsx", b"PK")))
    assert [place[0]["text"], file[0]["text"]] == ["太原附近", "2字节"] and agent.given == []
    assert [said for _, _, said, _ in agent.kept] == ["〔位置〕太原", "〔文件〕张三〔手机号〕.xlsx"]


@pytest.mark.parametrize(
    ("text", "word"), [("", "没有看到内容"), ("\u200b \n", "没有看到内容"), ("长" * 101, "100 个字")]
)
async def test_nothing_and_too_much_are_said_so(text: str, word: str) -> None:
    agent = Agent()
    assert word in (await agent.turns().take("wechat:o1", Inbound(text=text)))[0]["text"]
    assert agent.given == []


@pytest.mark.parametrize("trouble", ["silent", "broken"])
async def test_trouble_is_an_apology(trouble: str) -> None:
    agent = Agent()
    setattr(agent, trouble, True)
    assert "请再说一次" in (await agent.turns().take("wechat:o1", Inbound(text="你好")))[0]["text"]


# -- the database or Redis is away -------------------------------------------------------------------------------------

AWAY = OperationalError("SELECT", {}, Exception("the server has gone away"))


@pytest.mark.parametrize("error", [AWAY, LockError("busy"), StaleTurn(), TurnInterrupted()])
async def test_a_message_that_cannot_be_kept_is_not_taken_and_may_be_sent_again(error: BaseException) -> None:
    agent = Agent()
    turns = agent.turns()

    async def handle(message: UserMessage) -> None:
        raise error

    turns.handle, works = handle, turns.handle
    with pytest.raises(Unavailable):
        await turns.take("web:o1", Inbound(text="你好", message_id="m1"))
    assert agent.kept == [] and agent.counted == ["wechat:unavailable"] and turns.running == 0
    turns.handle = works
    assert await turns.take("web:o1", Inbound(text="你好", message_id="m1")) == [HELLO]


async def test_what_cannot_be_put_away_safely_goes_no_further() -> None:
    agent = Agent()
    turns = agent.turns()

    def conceal(sender_id: str, text: str, whole: bool) -> str:
        raise AWAY

    turns.conceal = conceal
    with pytest.raises(Unavailable):
        await turns.take("web:o1", Inbound(text="我电话13800138000"))
    assert agent.given == []


async def test_what_cannot_be_written_down_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent()

    def add(*exchange: Any) -> None:
        raise AWAY

    monkeypatch.setattr(agent, "add", add)
    with pytest.raises(Unavailable):
        await agent.turns().take("web:o1", Inbound(text="你好"))


async def test_a_turn_that_the_store_has_kept_is_not_written_down_again() -> None:
    agent = Agent()
    turns = agent.turns()

    async def handle(message: UserMessage) -> None:
        await agent.handle(message)
        turn = exchange.get()
        assert turn is not None and (turn.message_id, turn.said) == ("m1", "我电话〔手机号〕")
        assert turn.replies() == [HELLO]
        turn.kept = True

    turns.handle = handle
    assert await turns.take("web:o1", Inbound(text="我电话13800138000", message_id="m1")) == [HELLO]
    assert agent.kept == [] and exchange.get() is None


async def test_a_message_that_was_answered_already_gets_the_answer_it_had() -> None:
    agent = Agent()
    turns = agent.turns()

    async def handle(message: UserMessage) -> None:
        agent.answered = EARLIER  # meanwhile, by a turn that has lost its lock
        raise AlreadyAnswered

    turns.handle = handle
    for _ in range(2):
        assert await turns.take("web:o1", Inbound(text="你好", message_id="m1")) == EARLIER
    assert agent.kept == [] and agent.counted == ["wechat"]
