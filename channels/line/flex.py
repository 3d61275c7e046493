"""Flex bubbles for citations, cards and attachments, as LINE's schema has them. All links are absolute."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.reply import Citation
from channels.text import absolute

Json = dict[str, Any]
Words = Callable[[str], str]

MAX_ALT_TEXT = 400  # UTF-16 units
MAX_LABEL = 20
MAX_POSTBACK_WORDS = 300
MAX_URI = 1000
MAX_BUBBLES = 12
MAX_BUBBLE_BYTES = 30_000
MAX_CAROUSEL_BYTES = 50_000
# Ours, so that a bubble stays readable; what is longer is one tap away.
MAX_QUOTE = 500
MAX_CARD_TEXT = 1000
MAX_CARD_LINE = 200
_GREY = "#595959"


def units(text: str) -> int:
    """How long LINE takes `text` to be: UTF-16 code units ("Text character count")."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shortened(text: str, limit: int) -> str:
    """`text` in at most `limit` UTF-16 units, with … where something was left out."""
    if units(text) <= limit:
        return text
    kept = text[: limit - 1]
    while units(kept) > limit - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def uri(url: str, base_url: str) -> str:
    """`url` of one of our pages as LINE takes it, in at most 1,000 characters: a long query only marks the quote on the page."""
    full = absolute(url, base_url)
    if len(full) <= MAX_URI:
        return full
    page, _, anchor = full.partition("#")
    return page.partition("?")[0] + (f"#{anchor}" if anchor else "")


def postback(title: str, payload: str) -> Json:
    """A tap that sends `payload` and shows `title` as what the person said."""
    shown = shortened(title, MAX_POSTBACK_WORDS)
    return {"type": "postback", "label": shortened(title, MAX_LABEL), "data": payload, "displayText": shown}


def link(title: str, url: str) -> Json:
    return {"type": "uri", "label": shortened(title, MAX_LABEL), "uri": url}


def citation_bubble(citation: Citation, base_url: str, words: Words) -> Json:
    """The clause's label, its exact words and the way to the page where it stands."""
    source = _text(words(citation.label), weight="bold")
    quote = _text(f"“{shortened(citation.quote, MAX_QUOTE)}”", color=_GREY)
    return _bubble([source, quote], [link(words("查看原文"), uri(citation.url, base_url))])


def card_bubble(card: Mapping[str, Any], base_url: str, page: str, words: Words) -> Json:
    """A card (`title`, `text`, `lines`, `quick_replies`, `url`). What is too long for a bubble is behind its link, or on the web page."""
    parts = [(str(card.get("title") or ""), MAX_CARD_LINE, {"weight": "bold", "size": "md"})]
    parts += [(str(card.get("text") or ""), MAX_CARD_TEXT, {})]
    parts += [(str(line), MAX_CARD_LINE, {"color": _GREY}) for line in card.get("lines") or ()]
    shown = [(words(text), limit, style) for text, limit, style in parts if text.strip()]
    actions = [postback(words(str(q["title"])), str(q["payload"])) for q in card.get("quick_replies") or ()]
    if card.get("url"):
        actions.append(link(words("查看详情"), uri(str(card["url"]), base_url)))
    elif any(units(text) > limit for text, limit, _ in shown):
        actions.append(link(words("打开网页"), page))
    return _bubble([_text(shortened(text, limit), **style) for text, limit, style in shown], actions)


def attachment_bubble(attachment: Mapping[str, Any], base_url: str, words: Words) -> Json:
    """An attachment (`title`, `url`): LINE has no files from us, so a link to it."""
    title = _text(words(shortened(str(attachment.get("title") or "文件"), MAX_CARD_LINE)), weight="bold")
    url = attachment.get("url")
    return _bubble([title], [link(words("打开文件"), uri(str(url), base_url))] if url else [])


def more_bubble(count: int, page: str, words: Words) -> Json:
    """What stands for `count` bubbles that had no room."""
    return _bubble([_text(words(f"还有{count}条没放下,请到网页上看。"))], [link(words("打开网页"), page)])


def carousel(bubbles: Sequence[Json], alt_text: str, page: str, words: Words) -> Json:
    """One Flex message of `bubbles`, within LINE's number and size; the rest is behind a link in the last bubble."""
    for kept in range(len(bubbles), -1, -1):
        left = len(bubbles) - kept
        shown = [*bubbles[:kept], *([more_bubble(left, page, words)] if left else [])]
        contents = shown[0] if len(shown) == 1 else {"type": "carousel", "contents": shown}
        room = MAX_BUBBLE_BYTES if len(shown) == 1 else MAX_CAROUSEL_BYTES
        if len(shown) <= MAX_BUBBLES and _size(contents) <= room:
            break
    return {"type": "flex", "altText": shortened(alt_text, MAX_ALT_TEXT), "contents": contents}


def _bubble(body: list[Json], actions: list[Json]) -> Json:
    bubble: Json = {"type": "bubble", "body": _box(body or [_text("")])}
    if actions:
        buttons = [{"type": "button", "style": "link", "height": "sm", "action": action} for action in actions]
        bubble["footer"] = _box(buttons)
    return bubble


def _box(contents: list[Json]) -> Json:
    return {"type": "box", "layout": "vertical", "spacing": "sm", "contents": contents}


def _text(text: str, **style: Any) -> Json:
    """LINE refuses an empty text, so that a missing one is a dash."""
    return {"type": "text", "text": text.strip() or "-", "wrap": True, "size": "sm", **style}


def _size(contents: Json) -> int:
    return len(json.dumps(contents, ensure_ascii=False).encode("utf-8", "surrogatepass"))
