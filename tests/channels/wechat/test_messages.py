"""What WeChat sends is parsed as wechatpy parses it, and every Reply fits WeChat's messages with nothing dropped."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy import parse_message

from bot.reply import QuickReply, Reply
from channels import xml
from channels.inbound import Inbound, Place
from channels.text import in_full, menu, merge, picked, split, utf8_bytes
from channels.wechat.messages import (
    MENU_CHANGED,
    NOT_HEARD,
    NOT_READABLE,
    QUOTA_AFTER_EVENT,
    QUOTA_AFTER_MESSAGE,
    TEXT_BYTES,
    WELCOME,
    BadMessage,
    Clicked,
    Content,
    Image,
    Link,
    Located,
    Location,
    MenuOut,
    Message,
    NewsOut,
    OtherEvent,
    OtherMessage,
    Scanned,
    ScannedInMenu,
    Subscribed,
    TemplateSent,
    Text,
    TextOut,
    Unsubscribed,
    Video,
    Viewed,
    Voice,
    answer_xml,
    customer,
    parse,
    passive,
    picture_help,
    understood,
)
from tests.channels.replies import BASE_URL, EVERY

DATA = Path(__file__).parents[2] / "data/channels"
SNAPSHOT = Path(__file__).parent / "rendered.json"
PAGE = f"{BASE_URL}/chat/"
BODIES = {
    f"{source}: {name}": body
    for source, bodies in json.loads((DATA / "wechat_oa_inbound_xml.json").read_text()).items()
    if isinstance(bodies, dict)
    for name, body in bodies.items()
}


def sent(kind: str, **fields: str) -> Content:
    """The content of a message of type `kind`."""
    return parse({"FromUserName": "o1", "ToUserName": "gh", "CreateTime": "1", "MsgType": kind, **fields}).content


# -- in ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BODIES)
def test_every_published_body_is_parsed_and_its_sender_is_wechatpys(name: str) -> None:
    # wechatpy's sample of a payment event has a broken CDATA; it is refused like any broken XML.
    body = BODIES[name].strip()
    try:
        ElementTree.fromstring(body)
    except ElementTree.ParseError:
        with pytest.raises(xml.BadXml):
            xml.parse(body.encode())
        return
    message, oracle = parse(xml.parse(body.encode())), parse_message(body)
    assert message.sender == oracle.source and message.account == oracle.target
    understood(message.content, {}, PAGE, message.key)
    if oracle.type == "text":
        assert message.content == Text(oracle.content)
    if oracle.type == "link":
        assert message.content == Link(oracle.title, oracle.description, oracle.url)
    if oracle.type != "event" and oracle.type != "unknown":
        assert message.key == str(oracle.id)


@pytest.mark.parametrize(
    ("kind", "fields", "content"),
    [
        ("text", {"Content": "你好"}, Text("你好")),
        ("text", {"Content": "帮助", "bizmsgmenuid": "help"}, Text("帮助", "help")),
        ("image", {"MediaId": "m", "PicUrl": "http://p"}, Image("m", "http://p")),
        ("voice", {"MediaId": "m", "Format": "amr", "Recognition": "你好"}, Voice("m", "amr", "你好")),
        ("voice", {"MediaId": "m", "Format": "amr"}, Voice("m", "amr", "")),
        ("video", {"MediaId": "m", "ThumbMediaId": "t"}, Video("m", "t", False)),
        ("shortvideo", {"MediaId": "m", "ThumbMediaId": "t"}, Video("m", "t", True)),
        (
            "location",
            {"Location_X": "37.87", "Location_Y": "112.55", "Scale": "20", "Label": "太原"},
            Location(37.87, 112.55, "20", "太原"),
        ),
        ("location", {"Location_X": "north", "Location_Y": "1"}, OtherMessage("location")),
        ("location", {"Location_X": "nan", "Location_Y": "1"}, OtherMessage("location")),
        ("hologram", {}, OtherMessage("hologram")),
        ("event", {"Event": "subscribe"}, Subscribed("", "")),
        ("event", {"Event": "subscribe", "EventKey": "qrscene_base:12", "Ticket": "T"}, Subscribed("base:12", "T")),
        ("event", {"Event": "unsubscribe"}, Unsubscribed()),
        ("event", {"Event": "SCAN", "EventKey": "booking:K7M2Q9", "Ticket": "T"}, Scanned("booking:K7M2Q9", "T")),
        ("event", {"Event": "CLICK", "EventKey": "book"}, Clicked("book")),
        ("event", {"Event": "VIEW", "EventKey": "https://a"}, Viewed("https://a")),
        (
            "event",
            {"Event": "LOCATION", "Latitude": "37.8", "Longitude": "112.5", "Precision": "9"},
            Located(37.8, 112.5, 9.0),
        ),
        (
            "event",
            {"Event": "TEMPLATESENDJOBFINISH", "MsgID": "7", "Status": "failed:user block"},
            TemplateSent("7", "failed:user block"),
        ),
        ("event", {"Event": "tomorrow", "EventKey": "x"}, OtherEvent("tomorrow", "x")),
    ],
)
def test_types_of_messages_and_events(kind: str, fields: dict[str, str], content: Content) -> None:
    assert sent(kind, **fields) == content


def test_a_code_scanned_from_the_menu_is_read() -> None:
    body = BODIES["wechatpy:tests/test_events.py (MIT): test_scan_code_waitmsg_event"]
    assert parse(xml.parse(body.encode())).content == ScannedInMenu("6", "qrcode", "2")


def test_events_of_the_same_second_are_told_apart() -> None:
    fields = {"FromUserName": "o1", "CreateTime": "1", "MsgType": "event"}
    keys = {
        parse({**fields, **event}).key
        for event in (
            {"Event": "CLICK", "EventKey": "a"},
            {"Event": "CLICK", "EventKey": "b"},
            {"Event": "SCAN", "EventKey": "a"},
        )
    }
    assert len(keys) == 3


@pytest.mark.parametrize(
    "fields", [{}, {"MsgType": "text"}, {"FromUserName": "o1"}, {"FromUserName": {"a": "b"}, "MsgType": "text"}]
)
def test_what_is_from_nobody_is_no_message(fields: xml.Fields) -> None:
    with pytest.raises(BadMessage):
        parse(fields)


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        (Text("实习给不给钱?"), Inbound(text="实习给不给钱?", message_id="k")),
        (Text("2"), Inbound(payload="slot:42", message_id="k")),
        (Text(" ２．"), Inbound(payload="slot:42", message_id="k")),
        (Text("3"), Inbound(text="3", message_id="k")),
        (Text("2个人"), Inbound(text="2个人", message_id="k")),
        (Text("预约实训", "book"), Inbound(payload="book", message_id="k")),
        (Text("预约实训", "/restart"), Inbound(text="预约实训", message_id="k")),
        (Voice("m", "amr", "实习给不给钱"), Inbound(text="实习给不给钱", message_id="k")),
        (Voice("m", "amr", ""), NOT_HEARD),
        (Location(37.8, 112.5, "20", "太原"), Inbound(place=Place(37.8, 112.5, "太原"), message_id="k")),
        (Subscribed("", ""), WELCOME),
        (Subscribed("base:12", "T"), Inbound(payload="base:12", message_id="k")),
        (Scanned("booking:K7M2Q9", "T"), Inbound(payload="booking:K7M2Q9", message_id="k")),
        (Scanned("someone's", "T"), WELCOME),
        (Clicked("book"), Inbound(payload="book", message_id="k")),
        (Clicked("an old item"), MENU_CHANGED),
        (Image("m", ""), picture_help(PAGE)),
        (Video("m", "t", True), picture_help(PAGE)),
        (Link("t", "d", "u"), NOT_READABLE),
        (Text("【收到不支持的消息类型，暂无法显示】"), NOT_READABLE),
        (Unsubscribed(), None),
        (Viewed("https://a"), None),
        (Located(1, 1, 1), None),
        (TemplateSent("7", "success"), None),
        (OtherEvent("tomorrow", ""), None),
    ],
)
def test_what_a_message_means(content: Content, meant: Inbound | Reply | None) -> None:
    assert understood(content, {"1": "cancel", "2": "slot:42"}, PAGE, "k") == meant


# -- out ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_a_reply_is_rendered_as_it_was_when_it_was_looked_at(name: str) -> None:
    """To look at them anew: delete rendered.json, run the test twice, read the difference."""
    rendered = {
        name: {
            "passive": passive(reply, BASE_URL, PAGE).passive(),
            "customer": [out.customer() for out in customer(reply, BASE_URL, PAGE, QUOTA_AFTER_MESSAGE)],
        }
        for name, reply in ((name, merge([reply.dict()])) for name, reply in EVERY.items())
    }
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(json.dumps(rendered, ensure_ascii=False, indent=1))
        pytest.fail(f"{SNAPSHOT.name} was missing and has been written: look at it")
    assert rendered[name] == json.loads(SNAPSHOT.read_text())[name]


@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_dropped_without_a_link_and_every_source_and_choice_stays(name: str) -> None:
    reply = merge([EVERY[name].dict()])
    out = passive(reply, BASE_URL, PAGE)
    if isinstance(out, NewsOut):
        assert reply.text in out.description and out.url.startswith(BASE_URL)
        return
    assert utf8_bytes(out.content) <= TEXT_BYTES
    assert reply.text in out.content or PAGE in out.content
    for citation in reply.citations:
        assert citation.label in out.content and f"#{citation.article.split('#')[1]}" in out.content
    for label, quick in zip(menu(reply), reply.quick_replies):
        assert f"{label}. {quick.title}" in out.content and picked(label, menu(reply)) == quick.payload
    for card in reply.cards:
        assert card["title"] in out.content and card["url"] in out.content


@pytest.mark.parametrize("quota", [QUOTA_AFTER_MESSAGE, QUOTA_AFTER_EVENT, 2, 1])
@pytest.mark.parametrize("name", EVERY)
def test_customer_service_messages_stay_in_the_quota(name: str, quota: int) -> None:
    reply = merge([EVERY[name].dict()])
    outs = customer(reply, BASE_URL, PAGE, quota)
    texts = [out.content for out in outs if isinstance(out, TextOut)]
    # A reply with buttons needs two: what is said, and the buttons.
    assert len(outs) <= max(quota, 1 + bool(reply.quick_replies))
    assert all(0 < utf8_bytes(t) <= TEXT_BYTES for t in texts)
    if reply.quick_replies:
        assert isinstance(outs[-1], MenuOut) and len(outs[-1].items) == len(reply.quick_replies)
    said = "\n".join(texts)
    assert all(citation.label in said for citation in reply.citations)
    assert isinstance(outs[0], NewsOut) or all(p in said for p in reply.text.split("\n")) or PAGE in said


def test_several_replies_of_a_turn_become_one_without_repeating_a_source() -> None:
    both = merge([EVERY["answer"].dict(), EVERY["traditional"].dict(), EVERY["answer"].dict()])
    assert len(both.citations) == 3 and both.text.count("政府按每人300元") == 3
    assert merge([]).text


def test_a_number_may_be_an_answer_to_a_form_so_its_menu_goes_by_letters() -> None:
    assert menu(EVERY["assessment"]) == {"A": "restart", "B": "cancel"}
    question = Reply(
        kind="clarify", text="招了几个人?", quick_replies=[QuickReply(title="不知道", payload="reply:unknown")]
    )
    assert menu(question) == {"A": "reply:unknown"}
    assert picked("8", menu(EVERY["assessment"])) is None and picked("ｂ）", menu(EVERY["assessment"])) == "cancel"


CHARACTERS = ["句", "子。", "长", "\n", "👨\u200d👩\u200d👧", "👍🏽", "e\u0301", "！", "a"]


@settings(max_examples=80)
@given(st.lists(st.sampled_from(CHARACTERS), max_size=300), st.integers(40, 200))
def test_cutting_loses_nothing_and_never_breaks_a_character(characters: list[str], limit: int) -> None:
    said = "".join(characters)
    cut = split(said, limit)
    assert all(0 < utf8_bytes(piece) <= limit for piece in cut)
    assert "".join("".join(cut).split()) == "".join(said.split())
    assert not any(piece.startswith(("\u200d", "\u0301", "🏽")) or piece.endswith("\u200d") for piece in cut)


@settings(max_examples=80)
@given(st.text(max_size=3000), st.sampled_from(sorted(EVERY)))
def test_any_text_is_rendered_within_the_limit(said: str, name: str) -> None:
    reply = EVERY[name].copy(update={"text": said})
    message = Message("gh", "o1", 1, "k", Text(""))
    out = passive(reply, BASE_URL, PAGE)
    rendered = answer_xml(message, out, 5).encode()
    fields = xml.parse(rendered)
    assert fields["ToUserName"] == "o1" and fields["FromUserName"] == "gh" and fields["CreateTime"] == "5"
    if isinstance(out, TextOut):
        assert utf8_bytes(out.content) <= TEXT_BYTES


def test_rendered_answers_have_the_fields_of_the_published_ones() -> None:
    published = json.loads((DATA / "wechat_oa_reply_xml.json").read_text())
    wanted = next(s["test_text_reply"] for s in published.values() if "test_text_reply" in s)
    message = Message("toUser", "fromUser", 1, "k", Text(""))
    ours = xml.parse(answer_xml(message, TextOut("aa"), 5).encode())
    assert ours == {**xml.parse(wanted.encode()), "CreateTime": "5"}
    news = xml.parse(answer_xml(message, NewsOut("题", "文", "https://a", ""), 5).encode())
    assert news["ArticleCount"] == "1"
    assert news["Articles"] == {"item": {"Title": "题", "Description": "文", "PicUrl": "", "Url": "https://a"}}


def test_links_say_where_the_article_is_without_the_quote_in_them() -> None:
    said = in_full(EVERY["answer"], BASE_URL)
    assert f"{BASE_URL}/policies/sx-2018-38#16" in said and "%E5" not in said
