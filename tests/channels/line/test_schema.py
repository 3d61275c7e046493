"""The yardstick itself: LINE's schema, as we read it, refuses what LINE would refuse."""

from typing import Any

import pytest

from tests.channels.line.schema import limit_errors, schema_errors

TEXT = {"type": "text", "text": "您好"}
BUTTON = {"type": "button", "action": {"type": "uri", "label": "原文", "uri": "https://example.cn/"}}
BOX = {"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": "您好"}, BUTTON]}
FLEX = {"type": "flex", "altText": "您好", "contents": {"type": "bubble", "body": BOX}}


@pytest.mark.parametrize("message", [TEXT, FLEX, {**TEXT, "quickReply": {"items": []}}])
def test_a_right_message_is_right(message: dict[str, Any]) -> None:
    assert schema_errors(message, "Message") == []


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "nothing"},
        {"type": "text"},
        {"type": "text", "text": 1},
        {**TEXT, "colour": "red"},
        {**FLEX, "altText": None},
        {**FLEX, "contents": {"type": "bubble", "body": {**BOX, "layout": "round"}}},
        {
            **FLEX,
            "contents": {"type": "bubble", "body": {**BOX, "contents": [{"type": "text", "text": "x", "bold": True}]}},
        },
        {**FLEX, "contents": {"type": "bubble", "body": BOX["contents"]}},
        {**TEXT, "quickReply": {"items": [{"type": "action", "action": {"type": "postback", "data": "x" * 301}}]}},
        {**TEXT, "quickReply": {"items": [{"type": "action"}] * 14}},
    ],
    ids=lambda m: str(m)[:60],
)
def test_a_wrong_message_is_wrong(message: dict[str, Any]) -> None:
    assert schema_errors(message, "Message")


def test_the_limits_of_the_reference_are_checked() -> None:
    assert limit_errors([TEXT, FLEX]) == []
    assert limit_errors([TEXT] * 6) and limit_errors([])
    assert limit_errors([{**TEXT, "text": "😀" * 2501}]) and not limit_errors([{**TEXT, "text": "😀" * 2500}])
    assert limit_errors([{**FLEX, "altText": "x" * 401}])
