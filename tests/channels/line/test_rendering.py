"""A Reply on LINE: within LINE's schema and limits, with everything that it says, as kept in tests/data/channels/line/rendered.json.

`WRITE_SNAPSHOTS=1 pytest tests/channels/line/test_rendering.py` writes the kept file anew.
"""

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reply import Citation, QuickReply, Reply
from channels.line import messages
from channels.line.flex import MAX_QUOTE, shortened, units
from channels.line.messages import render
from channels.text import merge
from policy_kb.normalise import is_traditional, to_traditional
from tests.channels.line.schema import DATA, limit_errors, parts, schema_errors
from tests.channels.replies import ALLOWANCE, ANSWER, ASSESSMENT, BASE_URL, BASES, BOOKED, BOOKING, CLARIFY, EVERY, LONG

PAGE = f"{BASE_URL}/chat/"
SNAPSHOTS = DATA / "rendered.json"
OWN_WORDS = [value for value in vars(messages).values() if isinstance(value, Reply)]
Messages = list[dict[str, Any]]


def rendered(reply: Reply) -> Messages:
    return render(reply, BASE_URL, PAGE)


def errors(sent: Messages) -> list[str]:
    """What LINE would have against `sent`."""
    return [*limit_errors(sent), *schema_errors({"replyToken": "r", "messages": sent}, "ReplyMessageRequest")]


def read(sent: Messages) -> str:
    """All that a reader sees or can tap, in one."""
    told = [p.get("text", "") + p.get("displayText", "") + p.get("uri", "") for p in parts(sent)]
    return "\n".join(told)


@pytest.mark.parametrize("name", EVERY)
def test_a_reply_looks_as_it_did(name: str) -> None:
    kept = json.loads(SNAPSHOTS.read_text(encoding="utf-8")) if SNAPSHOTS.exists() else {}
    if os.environ.get("WRITE_SNAPSHOTS"):
        kept[name] = rendered(EVERY[name])
        SNAPSHOTS.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert rendered(EVERY[name]) == kept[name]


@pytest.mark.parametrize("reply", [*EVERY.values(), *OWN_WORDS], ids=lambda r: r.text[:20])
def test_line_takes_every_reply(reply: Reply) -> None:
    assert errors(rendered(reply)) == []


@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_left_out_without_a_link_to_it(name: str) -> None:
    reply, seen = EVERY[name], read(rendered(EVERY[name]))
    assert reply.text.split("\n")[0] in seen
    for citation in reply.citations:
        assert citation.label in seen and citation.quote in seen and f"{BASE_URL}{citation.url}" in seen
    for button in reply.quick_replies:
        assert button.title in seen
    for card in reply.cards:
        assert card["title"] in seen and all(line in seen for line in card["lines"])
        assert f"{BASE_URL}{card['url']}" in seen
        assert all(button["title"] in seen for button in card.get("quick_replies", ()))
    for attachment in reply.attachments:
        assert attachment["title"] in seen and f"{BASE_URL}{attachment['url']}" in seen


def test_a_long_text_comes_in_parts_that_end_with_a_sentence() -> None:
    texts = [m["text"] for m in rendered(LONG) if m["type"] == "text"]
    assert len(texts) == 2 and texts[0].endswith("。")
    assert "".join(texts).replace("\n", "") == LONG.text.replace("\n", "")


def test_what_five_messages_cannot_hold_is_on_the_web_page() -> None:
    reply = LONG.copy(update={"text": "很长的一句话。" * 10_000})
    sent = rendered(reply)
    assert [m["type"] for m in sent] == ["text"] * 4 + ["flex"] and errors(sent) == []
    assert sent[3]["text"].endswith(f"全文在这里:{PAGE}") and sent[-1]["quickReply"]


def test_length_counts_utf_16_units() -> None:
    sent = rendered(Reply(kind="answer", text="😀" * 2501))
    assert [units(m["text"]) for m in sent] == [5000, 2]


def test_a_card_shows_its_own_button_and_the_rest_stand_below() -> None:
    sent = rendered(merge([BOOKING.dict()]))
    [below] = [item["action"]["data"] for item in sent[-1]["quickReply"]["items"]]
    bubbles = sent[-1]["contents"]["contents"]
    on_cards = [b["footer"]["contents"][0]["action"]["data"] for b in bubbles]
    assert below == "cancel" and on_cards == ["slot:42", "slot:43"]


def test_a_title_that_a_button_cuts_can_be_read_in_the_text() -> None:
    text, label = rendered(CLARIFY)[0]["text"], rendered(CLARIFY)[0]["quickReply"]["items"][0]["action"]["label"]
    assert text.startswith(CLARIFY.text) and text.count("・") == 0 and units(label) <= 20
    long = CLARIFY.quick_replies[0].copy(update={"title": "产教融合重大平台载体和实训基地都有哪些功能和任务呢"})
    [message] = rendered(CLARIFY.copy(update={"quick_replies": [long]}))
    assert f"・{long.title}" in message["text"]
    assert message["quickReply"]["items"][0]["action"]["label"].endswith("…")


def test_thirteen_buttons_are_the_most_and_the_others_can_be_typed() -> None:
    many = [QuickReply(title=f"第{n}个", payload=f"slot:{n}") for n in range(15)]
    [message] = rendered(Reply(kind="clarify", text="选一个:", quick_replies=many))
    assert len(message["quickReply"]["items"]) == 13 and message["text"] == "选一个:\n・第13个\n・第14个"


def test_a_long_quote_is_shortened_and_its_address_still_opens_the_clause() -> None:
    quote = "支持职业院校与企业合作。" * 100
    percent = "%E6%94%AF" * 900
    cited = Citation(
        article="sx-2018-38#16", label="（十六）", quote=quote, url=f"/policies/sx-2018-38?quote={percent}#16"
    )
    sent = rendered(ANSWER.copy(update={"citations": [cited]}))
    assert errors(sent) == [] and f"{BASE_URL}/policies/sx-2018-38#16" in read(sent)
    assert shortened(quote, MAX_QUOTE) in read(sent)


@pytest.mark.parametrize("count", [1, 2, 12, 13, 40])
def test_any_number_of_citations_is_within_lines_size(count: int) -> None:
    quote = "支持职业院校与企业合作。" * 100
    url = "/policies/sx-2018-38?quote=" + "%E6%94%AF" * 90
    cited = [ALLOWANCE.copy(update={"label": f"第{n}条", "quote": quote, "url": f"{url}#{n}"}) for n in range(count)]
    sent = rendered(ANSWER.copy(update={"citations": cited}))
    assert errors(sent) == []
    shown = sum(f"第{n}条" in read(sent[-1:]) for n in range(count))
    assert shown == count or (shown >= 8 and f"还有{count - shown}条" in read(sent) and PAGE in read(sent))


def test_a_card_too_long_for_a_bubble_leads_to_the_web_page() -> None:
    card = {"title": "说明", "text": "一句话。" * 500, "lines": ["线" * 300]}
    sent = rendered(Reply(kind="booking", text="", cards=[card]))
    assert errors(sent) == [] and PAGE in read(sent)


@pytest.mark.parametrize(
    "card", [{}, {"title": ""}, {"title": None, "lines": None}, {"text": "只有字"}, {"lines": ["", "一行"]}]
)
def test_a_card_with_little_on_it_is_still_taken(card: dict[str, Any]) -> None:
    assert errors(rendered(Reply(kind="booking", text="看这里:", cards=[card]))) == []


strings = st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=60)
titles = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc", "Zs")), min_size=1, max_size=40)


@given(
    st.builds(
        Reply,
        kind=st.just("answer"),
        text=strings.map(lambda s: f"答案:{s}"),
        citations=st.lists(
            st.builds(Citation, article=st.just("a#1"), label=strings, quote=strings, url=st.just("/policies/a#1")),
            max_size=14,
        ),
        quick_replies=st.lists(st.builds(QuickReply, title=titles, payload=st.just("help")), max_size=15),
        cards=st.lists(st.fixed_dictionaries({"title": strings, "lines": st.lists(strings, max_size=4)}), max_size=14),
        attachments=st.lists(st.fixed_dictionaries({"title": strings, "url": st.just("/a")}), max_size=3),
    )
)
def test_line_takes_whatever_an_action_may_say(reply: Reply) -> None:
    assert errors(rendered(reply)) == []


# -- the reader's script -----------------------------------------------------------------------------------------------


def in_traditional(text: str) -> str:
    return text if is_traditional(text) else to_traditional(text)


@pytest.mark.parametrize("reply", [ANSWER, ASSESSMENT, BOOKING, BOOKED, CLARIFY, *OWN_WORDS], ids=lambda r: r.text[:20])
def test_in_traditional_everything_is_but_quotes_links_and_payloads(reply: Reply) -> None:
    sent = render(reply, BASE_URL, PAGE, in_traditional)
    assert errors(sent) == []
    for part in parts(sent):
        for shown in (
            part.get("text", ""),
            part.get("label", ""),
            part.get("displayText", ""),
            part.get("altText", ""),
        ):
            assert shown.startswith("“") or to_traditional(shown) == shown, shown
    before = [(p.get("uri"), p.get("data")) for p in parts(rendered(reply))]
    assert [(p.get("uri"), p.get("data")) for p in parts(sent)] == before
    assert all(citation.quote in read(sent) for citation in reply.citations)


def test_both_scripts_have_the_same_citations() -> None:
    for words in (str, in_traditional):
        seen = read(render(ANSWER, BASE_URL, PAGE, words))
        assert [ALLOWANCE.quote in seen, BASES.quote in seen] == [True, True]
