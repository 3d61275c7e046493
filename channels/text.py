"""A Reply in plain words, for platforms whose messages are text: links made absolute, cut between sentences, menus to type."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from bot.reply import Citation, QuickReply, Reply
from channels.notices import FAILED

MENU_MAX = 10
_SENTENCE = re.compile(r"[^。！？；\n]*(?:[。！？；\n]+[”’」』）]*|$)")
_LETTERS = "ABCDEFGHIJ"


def utf8_bytes(text: str) -> int:
    return len(text.encode("utf-8", "ignore"))


def merge(replies: Iterable[Mapping[str, Any]]) -> Reply:
    """The Replies of one turn as one: texts in order, each citation, button, card and attachment once; the kind of the last."""
    every = [Reply.parse_obj(reply) for reply in replies] or [FAILED]
    return Reply(
        kind=every[-1].kind,
        text="\n\n".join(reply.text for reply in every if reply.text),
        citations=_once(c for reply in every for c in reply.citations),
        quick_replies=_once(q for reply in every for q in (*_card_buttons(reply.cards), *reply.quick_replies)),
        cards=_once(c for reply in every for c in reply.cards),
        attachments=_once(a for reply in every for a in reply.attachments),
    )


def absolute(url: str, base_url: str) -> str:
    """`url` of one of our pages as people outside can open it."""
    return urljoin(base_url.rstrip("/") + "/", url)


def cited(citation: Citation, base_url: str, with_quote: bool = True) -> str:
    """A citation in two or three lines. The link leaves out the quote to be marked, which would be hundreds of characters long."""
    page, _, anchor = citation.url.partition("#")
    link = absolute(page.partition("?")[0] + (f"#{anchor}" if anchor else ""), base_url)
    quote = f"原文:“{citation.quote}”\n" if with_quote and citation.quote else ""
    return f"{quote}出处:{citation.label}\n{link}"


def card_text(card: Mapping[str, Any], base_url: str) -> str:
    """A card (`title`, `text`, `lines`, `url`) in lines."""
    lines = [str(card.get("title") or ""), str(card.get("text") or ""), *map(str, card.get("lines") or ())]
    link = absolute(str(card["url"]), base_url) if card.get("url") else ""
    return "\n".join(line for line in (*lines, link) if line)


def attachment_text(attachment: Mapping[str, Any], base_url: str) -> str:
    """An attachment (`title`, `url`) in a line and its link."""
    link = absolute(str(attachment["url"]), base_url) if attachment.get("url") else ""
    return "\n".join(line for line in (str(attachment.get("title") or "文件"), link) if line)


def in_full(reply: Reply, base_url: str, with_quotes: bool = True) -> str:
    """All that `reply` says, without its buttons."""
    return _joined(
        reply.text,
        *(cited(c, base_url, with_quotes) for c in reply.citations),
        *(card_text(c, base_url) for c in reply.cards),
        *(attachment_text(a, base_url) for a in reply.attachments),
    )


def menu(reply: Reply) -> dict[str, str]:
    """What to type → payload, for the first MENU_MAX buttons: 1, 2, 3, or A, B, C where a number may be an answer itself."""
    labels = _LETTERS if _may_ask_for_a_number(reply) else [str(n) for n in range(1, MENU_MAX + 1)]
    return {label: quick.payload for label, quick in zip(labels, reply.quick_replies)}


def _may_ask_for_a_number(reply: Reply) -> bool:
    """Whether `reply` may be a form's question such as "how many?": it can be left or answered by a button."""
    in_form = any(quick.payload.split(":")[0] in ("cancel", "reply") for quick in reply.quick_replies)
    return in_form or reply.kind in ("assessment", "booking")


def menu_text(reply: Reply, page: str) -> str:
    """The buttons as lines to answer with a number or letter; empty when there are none. More than MENU_MAX are under `page`."""
    labels = menu(reply)
    if not labels:
        return ""
    what = "字母" if "A" in labels else "数字"
    lines = [f"{label}. {quick.title}" for label, quick in zip(labels, reply.quick_replies)]
    more = [f"更多选择:{page}"] if len(reply.quick_replies) > len(labels) else []
    return "\n".join((f"回复{what}选择:", *lines, *more))


def picked(typed: str, labels: Mapping[str, str]) -> str | None:
    """The payload that `typed` picks from the last menu (`２`, `2.`, `b）`), or None when it is something else."""
    return labels.get(unicodedata.normalize("NFKC", typed).strip(" \n\t.。,、()").upper())


def split(text: str, limit: int, size: Callable[[str], int] = utf8_bytes) -> list[str]:
    """`text` in pieces of at most `limit` by `size`, cut between sentences, and within one only when it alone is too long."""
    pieces: list[str] = []
    current = ""
    for sentence in _SENTENCE.findall(text):
        for part in _fitting(sentence, limit, size):
            if current and size((current + part).rstrip()) > limit:
                pieces.append(current.strip())
                current = ""
            current += part
    pieces.append(current.strip())
    return [piece for piece in pieces if piece]


def shorten(text: str, limit: int, rest: str, size: Callable[[str], int] = utf8_bytes) -> str:
    """`text`, or as many of its sentences as leave room for the line `rest`, which says where everything is."""
    if size(text) <= limit:
        return text
    kept = split(text, limit - size("\n\n" + rest), size)
    return f"{kept[0]}\n\n{rest}" if kept else rest


def fitted(
    reply: Reply, base_url: str, page: str, limit: int, choices: str = "", size: Callable[[str], int] = utf8_bytes
) -> str:
    """All that `reply` says and `choices` in one text of at most `limit` by `size`. When it does not fit, the answer is cut and the
    rest is under `page`; its sources and choices stay, for they are what it stands on and how it goes on."""
    for with_quotes in (True, False):
        whole = _joined(in_full(reply, base_url, with_quotes), choices)
        if size(whole) <= limit:
            return whole
    rest = f"完整内容:{page}"
    tail = _joined(in_full(reply.copy(update={"text": ""}), base_url, with_quotes=False), choices)
    room = limit - size("\n\n" + tail)
    if room < limit // 4:
        return shorten(_joined(reply.text, tail), limit, rest, size)
    return _joined(shorten(reply.text, room, rest, size), tail)


def pieces(
    reply: Reply,
    base_url: str,
    page: str,
    limit: int,
    most: int,
    choices: str = "",
    size: Callable[[str], int] = utf8_bytes,
) -> list[str]:
    """The same in at most `most` texts of at most `limit` each."""
    whole = split(_joined(in_full(reply, base_url), choices), limit, size)
    if len(whole) <= most:
        return whole
    texts = split(reply.text, limit, size)
    first, left = texts[: most - 1], "\n".join(texts[most - 1 :])
    return [*first, fitted(reply.copy(update={"text": left}), base_url, page, limit, choices, size)]


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _fitting(sentence: str, limit: int, size: Callable[[str], int]) -> list[str]:
    if size(sentence) <= limit:
        return [sentence]
    parts, current = [], ""
    for cluster in _clusters(sentence):
        if size(current + cluster) > limit:
            parts.append(current)
            current = ""
        current += cluster
    return [*parts, current]


def _clusters(text: str) -> Iterable[str]:
    """Characters with what belongs to them: accents, variation selectors, and emoji joined by U+200D."""
    cluster = ""
    for c in text:
        joins = unicodedata.category(c) in ("Mn", "Me", "Mc") or c == "\u200d" or "\U0001f3fb" <= c <= "\U0001f3ff"
        if cluster and not joins and not cluster.endswith("\u200d"):
            yield cluster
            cluster = ""
        cluster += c
    yield cluster


def _card_buttons(cards: Sequence[Mapping[str, Any]]) -> list[QuickReply]:
    return [QuickReply.parse_obj(button) for card in cards for button in card.get("quick_replies") or ()]


def _once(items: Iterable[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
