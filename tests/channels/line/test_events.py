"""What LINE sends, against LINE's own sample of every kind of event and the signature vector of its SDK."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.inbound import Inbound, Place
from channels.line.events import (
    BadBody,
    Event,
    FileSent,
    Followed,
    Joined,
    Left,
    Location,
    Other,
    Tapped,
    Text,
    Unreadable,
    parse,
)
from channels.line.messages import (
    BUTTON_GONE,
    FILE_TOO_BIG,
    GROUP_WELCOME,
    NOT_READABLE,
    NOTHING_ASKED,
    WELCOME,
    understood,
)
from channels.line.signature import is_signed, sign
from tests.channels.line.schema import DATA

SAMPLE = json.loads((DATA / "line_webhook_v2.json").read_text(encoding="utf-8"))
USER, GROUP = "U206d25c2ea6bd87c17655609a1c37cb8", "Ca56f94637cc4347f90a25382909b24b9"


def event(**fields: Any) -> dict[str, Any]:
    """A typed message of a friend, with `fields` instead."""
    return {
        "type": "message",
        "mode": "active",
        "timestamp": 1462629479859,
        "webhookEventId": "01H0000000000000000000TEST",
        "deliveryContext": {"isRedelivery": False},
        "replyToken": "token",
        "source": {"type": "user", "userId": USER},
        "message": {"id": "1", "type": "text", "text": "实习给不给钱?"},
        **fields,
    }


def read(**fields: Any) -> Event:
    [found] = parse(json.dumps({"destination": "U123", "events": [event(**fields)]}).encode())
    return found


# -- signature ---------------------------------------------------------------------------------------------------------


def test_the_signature_is_that_of_lines_sdk() -> None:
    """line-bot-sdk-python tests/v3/test_webhook.py."""
    vector = "/gg9a+LvFevTH1sd7XCQycD7tsWclCsInj7MhBHxN7k="
    assert sign("channel_secret", b"bodybodybodybody") == vector
    assert is_signed("channel_secret", b"bodybodybodybody", vector)


@pytest.mark.parametrize(
    "signature", [None, "", "invalid_signature", "签名", "\udcff", "/gg9a+LvFevTH1sd7XCQycD7tsWclCsInj7MhBHxN7k"]
)
def test_any_other_signature_is_none(signature: str | None) -> None:
    assert not is_signed("channel_secret", b"bodybodybodybody", signature)


@given(st.binary(), st.binary())
def test_a_signature_belongs_to_one_body(body: bytes, other: bytes) -> None:
    assert is_signed("secret", body, sign("secret", body))
    assert is_signed("secret", other, sign("secret", body)) == (body == other)


# -- parsing -----------------------------------------------------------------------------------------------------------


def test_every_event_of_lines_sample_is_read_as_what_it_is() -> None:
    kinds = [type(e.content) for e in parse(json.dumps(SAMPLE).encode())]
    assert kinds == [
        *(Text, Unreadable, Unreadable, Unreadable, Location, Unreadable),
        *(Followed, Left, Joined, Left, Tapped, Other, Other, Other, Text, Text, Tapped, Tapped, Tapped),
        *(Other, Other, FileSent, Other, Other, Unreadable, Text, Other),
    ]


def test_the_sample_keeps_its_details() -> None:
    events = parse(json.dumps(SAMPLE).encode())
    first, place, file, again = events[0], events[4], events[21], events[25]
    assert first.content == Text("Hello, world", False) and first.reply_token == "nHuyWiB7yP5Zw52FIkcQobQuGDXCTA"
    assert first.source is not None and first.source.sender_id == f"line:{USER}" and not first.redelivered
    assert place.content == Location(35.65910807942215, 139.70372892916203, "my location")
    assert file.content == FileSent("325708", "file.txt", 2138)
    assert again.redelivered and again.id == "testwebhookeventid"
    assert events[7].reply_token is None


def test_the_consoles_verification_has_no_events() -> None:
    assert parse(b'{"destination": "U123", "events": []}') == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"{}", b'{"events": {}}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_webhook_call_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="请求内容"):
        parse(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(event())), inner, max_size=4),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(list(event())), json_values, max_size=4),
    st.dictionaries(
        st.sampled_from(["type", "text", "mention", "emojis", "fileSize", "latitude"]), json_values, max_size=4
    ),
)
def test_fields_of_the_wrong_kind_never_break_the_reading(fields: dict[str, Any], message: dict[str, Any]) -> None:
    understood(read(**{"message": {"type": "text", **message}, **fields}))


def test_an_event_without_an_id_has_the_same_one_in_every_delivery() -> None:
    first, again = read(webhookEventId=None), read(webhookEventId=None, deliveryContext={"isRedelivery": True})
    assert first.id == again.id != read(webhookEventId=None, timestamp=1).id


def test_emoji_of_lines_own_and_the_mention_of_us_are_no_part_of_what_is_said() -> None:
    text = "😀@产教通 实习给(love)不给钱?"
    units = len("😀@产教通 实习给".encode("utf-16-le")) // 2
    message = {
        "id": "1",
        "type": "text",
        "text": text,
        "mention": {
            "mentionees": [
                {"index": 2, "length": 4, "type": "user", "isSelf": True},
                {"index": 0, "length": 1, "type": "user", "userId": "Uother"},
            ]
        },
        "emojis": [{"index": units, "length": 6, "productId": "p", "emojiId": "1"}],
    }
    assert read(message=message).content == Text("😀 实习给不给钱?", True)


# -- what it means -----------------------------------------------------------------------------------------------------


def test_text_taps_and_places_go_to_the_assistant() -> None:
    assert understood(read()) == Inbound(text="实习给不给钱?", message_id="01H0000000000000000000TEST")
    tap = understood(read(type="postback", postback={"data": "article:sx-2018-38#16"}))
    assert tap == Inbound(payload="article:sx-2018-38#16", message_id="01H0000000000000000000TEST")
    place = understood(
        read(message={"id": "1", "type": "location", "latitude": 37.8, "longitude": 112.5, "address": "太原"})
    )
    assert isinstance(place, Inbound) and place.place == Place(37.8, 112.5, "太原")


@pytest.mark.parametrize("data", ["action=buyItem&itemId=123123&color=red", "/restart", "", "x" * 300, "help\n"])
def test_a_postback_that_is_not_of_ours_is_answered_but_not_passed_on(data: str) -> None:
    assert understood(read(type="postback", postback={"data": data})) == BUTTON_GONE


@pytest.mark.parametrize("kind", ["image", "video", "audio", "sticker", "hologram"])
def test_what_cannot_be_read_gets_a_way_on(kind: str) -> None:
    assert understood(read(message={"id": "1", "type": kind})) == NOT_READABLE


def test_files_are_taken_up_to_their_limit() -> None:
    assert isinstance(
        understood(read(message={"id": "1", "type": "file", "fileName": "名单.xlsx", "fileSize": 9})), FileSent
    )
    assert (
        understood(read(message={"id": "1", "type": "file", "fileName": "名单.xlsx", "fileSize": 10**8}))
        == FILE_TOO_BIG
    )


def test_who_follows_is_welcomed_and_who_leaves_is_left_alone() -> None:
    assert understood(read(type="follow")) == WELCOME
    assert understood(read(type="unfollow")) is None


def test_an_event_for_another_modules_turn_is_not_answered() -> None:
    assert understood(read(mode="standby")) is None


@pytest.mark.parametrize("kind", ["group", "room"])
def test_in_a_group_only_what_is_meant_for_us_is_answered(kind: str) -> None:
    source = {"type": kind, f"{kind}Id": GROUP, "userId": USER}
    mention = {"mentionees": [{"index": 0, "length": 4, "type": "user", "isSelf": True}]}
    everybody = {"mentionees": [{"index": 0, "length": 4, "type": "all"}]}
    said = {"id": "1", "type": "text", "text": "@产教通 实习给不给钱?"}
    assert understood(read(source=source)) is None
    assert understood(read(source=source, message={**said, "mention": everybody})) is None
    asked = understood(read(source=source, message={**said, "mention": mention}))
    assert isinstance(asked, Inbound) and asked.text == "实习给不给钱?"
    assert (
        understood(read(source=source, message={"id": "1", "type": "text", "text": "@产教通", "mention": mention}))
        == NOTHING_ASKED
    )
    assert isinstance(understood(read(source=source, type="postback", postback={"data": "help"})), Inbound)
    assert understood(read(source=source, type="join")) == GROUP_WELCOME
    for content in ("image", "sticker", "file", "location"):
        assert understood(read(source=source, message={"id": "1", "type": content})) is None


def test_what_a_member_says_in_a_group_is_not_his_private_conversation() -> None:
    in_group, private = read(source={"type": "group", "groupId": GROUP, "userId": USER}).source, read().source
    assert in_group is not None and private is not None
    assert in_group.sender_id == f"line:{GROUP}:{USER}" != private.sender_id and in_group.chat_id == GROUP
