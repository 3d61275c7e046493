"""The client against a LINE that fails in every documented way: nothing is lost that can be sent, and nothing is sent twice."""

import socket
from collections.abc import AsyncIterator

import pytest

from channels.kept import MemoryKept
from channels.line.client import LineClient, QuotaExceeded, Refused, Unauthorized, Unavailable
from channels.line.notify import LineDeliverer, retry_key
from channels.line.script import Scripts
from channels.notifications import NotificationMessage
from tests.channels.line.fake_line import REPLY_TOKEN_SECONDS, TOKEN, FakeLine, serving

REPLY, PUSH = "/v2/bot/message/reply", "/v2/bot/message/push"
HELLO = [{"type": "text", "text": "您好"}]


class Pauses(list[float]):
    """Waits that take no time, and how long they would have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
async def line() -> AsyncIterator[FakeLine]:
    async with serving(FakeLine()) as fake:
        yield fake


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def client(line: FakeLine, pauses: Pauses) -> AsyncIterator[LineClient]:
    client = LineClient(TOKEN, line.base_url, pauses, timeout_seconds=0.3)
    yield client
    await client.close()


async def test_a_reply_arrives_once_and_its_token_is_used_up(line: FakeLine, client: LineClient) -> None:
    await client.reply(line.reply_token("r"), HELLO)
    assert line.sent == [("r", HELLO)]
    with pytest.raises(Refused, match="Invalid reply token"):
        await client.reply("r", HELLO)
    assert len(line.sent) == 1


@pytest.mark.parametrize("fault", [500, 503, 429, "hang", "lose"])
async def test_a_reply_is_tried_again_and_still_arrives_once(
    line: FakeLine, client: LineClient, pauses: Pauses, fault: int | str
) -> None:
    line.faults[REPLY].append(fault)
    await client.reply(line.reply_token("r"), HELLO)
    assert line.sent == [("r", HELLO)] and pauses == [0.5]


async def test_a_reply_to_a_slow_line_is_waited_for_until_it_is_known_to_have_arrived(
    line: FakeLine, client: LineClient
) -> None:
    """Both answers come later than the first attempt waits; to give up would mean to push what was said already."""
    line.faults[REPLY].extend(["late", "late"])
    await client.reply(line.reply_token("r"), HELLO)
    assert line.sent == [("r", HELLO)] and line.calls == [REPLY] * 2


async def test_a_reply_gives_up_while_the_token_lives(line: FakeLine, client: LineClient) -> None:
    line.faults[REPLY].extend([500] * 9)
    with pytest.raises(Unavailable, match="暂时不可用"):
        await client.reply(line.reply_token("r"), HELLO)
    assert line.calls == [REPLY] * 2


@pytest.mark.parametrize("faults", [[500], [503, 429], ["lose"], ["hang", 502, "lose"], ["lose", "lose", "lose"]])
async def test_a_push_is_tried_again_under_the_same_key_and_arrives_once(
    line: FakeLine, client: LineClient, faults: list[int | str]
) -> None:
    line.faults[PUSH].extend(faults)
    await client.push("U1", HELLO, retry_key("answer", "1"))
    assert line.sent == [("U1", HELLO)]


async def test_the_pauses_between_attempts_grow(line: FakeLine, client: LineClient, pauses: Pauses) -> None:
    line.faults[PUSH].extend([500] * 9)
    with pytest.raises(Unavailable):
        await client.push("U1", HELLO, retry_key("answer", "1"))
    assert pauses == [0.5, 1.0, 2.0] and len(line.calls) == 4


async def test_a_push_that_was_accepted_before_is_as_good_as_sent(line: FakeLine, client: LineClient) -> None:
    for _ in range(2):
        await client.push("U1", HELLO, retry_key("answer", "1"))
    assert len(line.sent) == 1


def test_a_retry_key_is_a_uuid_that_depends_on_everything_it_is_about() -> None:
    keys = [retry_key("answer", "1"), retry_key("answer", "2"), retry_key("notification", "1")]
    assert len(set(keys)) == 3 and keys[0] == retry_key("answer", "1")


async def test_a_wrong_token_is_reported_at_once_and_by_name(line: FakeLine) -> None:
    client = LineClient("wrong", line.base_url)
    with pytest.raises(Unauthorized, match="access token"):
        await client.push("U1", HELLO, retry_key("answer", "1"))
    await client.close()
    assert line.calls == [PUSH]


async def test_a_used_up_month_is_not_tried_again(line: FakeLine, client: LineClient) -> None:
    line.monthly_limit_reached = True
    with pytest.raises(QuotaExceeded, match="推送条数用完"):
        await client.push("U1", HELLO, retry_key("answer", "1"))
    assert line.calls == [PUSH]


async def test_a_message_that_line_does_not_take_is_not_tried_again(line: FakeLine, client: LineClient) -> None:
    with pytest.raises(Refused):
        await client.push("U1", [{"type": "text", "text": ""}], retry_key("answer", "1"))
    assert line.calls == [PUSH]


async def test_an_address_where_nobody_listens_is_unavailable(pauses: Pauses) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = LineClient(TOKEN, f"http://127.0.0.1:{port}", pauses)
    with pytest.raises(Unavailable, match="连不上"):
        await client.push("U1", HELLO, retry_key("answer", "1"))
    await client.close()


async def test_a_reply_that_was_never_sent_is_no_reason_to_take_a_dead_token_for_success(
    line: FakeLine, client: LineClient
) -> None:
    """429 says that nothing was done, so that "invalid token" after it means what it says."""
    line.faults[REPLY].append(429)
    with pytest.raises(Refused):
        await client.reply("never given", HELLO)


async def test_an_expired_token_is_refused(line: FakeLine, client: LineClient) -> None:
    line.reply_token("r")
    line.clock = lambda: REPLY_TOKEN_SECONDS + 1
    with pytest.raises(Refused):
        await client.reply("r", HELLO)


async def test_files_come_whole_or_not_at_all(line: FakeLine, client: LineClient) -> None:
    line.files["1"] = b"x" * 200_000
    assert await client.content("1", 200_000) == line.files["1"]
    assert await client.content("1", 199_999) is None
    with pytest.raises(Refused):
        await client.content("2", 10)


async def test_an_id_cannot_leave_its_place_in_the_path(line: FakeLine, client: LineClient) -> None:
    with pytest.raises(Refused):
        await client.content("../../../v2/bot/info?x=", 10)
    assert "/v2/bot/info" not in line.calls


def test_files_live_on_a_host_of_their_own() -> None:
    assert LineClient(TOKEN).data_base == "https://api-data.line.me"


# -- notifications -----------------------------------------------------------------------------------------------------


@pytest.fixture
def deliverer(line: FakeLine, client: LineClient) -> LineDeliverer:
    scripts = Scripts(client, MemoryKept(), lambda text: "訓" in text, lambda text: text.replace("训", "訓"))
    return LineDeliverer(client, "https://cjt.example.cn", scripts)


NOTE = NotificationMessage("预约成功", "焊工实训,11月28日9:00。", "/bookings/ABC")


async def test_a_notification_is_pushed_with_its_link(line: FakeLine, deliverer: LineDeliverer) -> None:
    await deliverer.deliver("line:U1", NOTE)
    [(to, [message])] = line.sent
    assert to == "U1"
    assert message["text"] == "预约成功\n焊工实训,11月28日9:00。\nhttps://cjt.example.cn/bookings/ABC"


async def test_a_notification_speaks_the_readers_script(line: FakeLine, deliverer: LineDeliverer) -> None:
    line.languages["U1"] = "zh-TW"
    await deliverer.deliver("line:U1", NOTE)
    assert "焊工实訓" in line.texts()[0]


async def test_the_worker_may_deliver_a_notification_again(line: FakeLine, deliverer: LineDeliverer) -> None:
    for note in (NOTE, NOTE, NotificationMessage("预约取消", NOTE.text, NOTE.url)):
        await deliverer.deliver("line:U1", note)
    assert len(line.sent) == 2


async def test_a_booking_made_in_a_group_is_told_to_its_member_alone(line: FakeLine, deliverer: LineDeliverer) -> None:
    await deliverer.deliver("line:C1:U7", NOTE)
    assert [to for to, _ in line.sent] == ["U7"]


async def test_what_line_does_not_take_is_raised(line: FakeLine, deliverer: LineDeliverer) -> None:
    line.monthly_limit_reached = True
    with pytest.raises(QuotaExceeded):
        await deliverer.deliver("line:U1", NOTE)


async def test_a_long_notification_is_cut_with_its_link(line: FakeLine, deliverer: LineDeliverer) -> None:
    await deliverer.deliver("line:U1", NotificationMessage("通知", "很长的一句。" * 6000, "/bookings/ABC"))
    assert len(line.texts()) == 5 and line.texts()[-1].endswith("https://cjt.example.cn/bookings/ABC")
