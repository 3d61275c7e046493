"""Text normalisation: Traditional to Simplified, full-width to half-width, emoji and noise out, question out of a long story."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from opencc import OpenCC

_to_simplified = OpenCC("t2s")
_to_traditional = OpenCC("s2tw")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")
_EMOJI = re.compile(r"[\U0001f000-\U0001faff\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\u3030\u303d]+")
_SENTENCE = re.compile(r"[^。!?;\n]*[。!?;\n]*")
_ASKING = re.compile(
    r"[?吗嘛呢吧么]|啥|甚|咋|怎|谁|多少|几|哪|什么|为何|为啥|如何|是否|能不能|可不可以|行不行|有没有|是不是|会不会|要不要|"
    r"能否|可否|算不算|给不给|用不用|该不该|想问|请问|想知道|问一下|问下|告诉我|说说|介绍|咨询|了解"
)


@lru_cache(maxsize=20_000)
def _char(c: str) -> str:
    folded = unicodedata.normalize("NFKC", c)
    if len(folded) != 1:
        folded = c
    simple = _to_simplified.convert(folded.lower())
    return simple if len(simple) == 1 else folded


def same_length(text: str) -> str:
    """`text` in simplified, half-width, lower-case characters, each at its old place (for token offsets)."""
    return "".join(map(_char, text))


def clean(text: str) -> str:
    """`text` as the classifiers see it: simplified, NFKC, lower case, without emoji, invisible characters and repeated marks."""
    return clean_all([text])[0]


def clean_all(texts: Sequence[str]) -> list[str]:
    """Likewise for many texts, as the lines of one: a third of the time."""
    text = "\n".join([text.replace("\n", " ") for text in texts])
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = _EMOJI.sub(" ", text)
    text = _to_simplified.convert(text).lower()
    text = re.sub(r"([!?。,;~.])\1+", r"\1", text)
    return [line.strip() for line in re.sub(r"[^\S\n]+", " ", text).split("\n")]


def is_traditional(text: str) -> bool:
    """Whether `text` is written in Traditional characters: at least two of them, or one in a very short text."""
    changed = sum(1 for a, b in zip(text, _to_simplified.convert(text)) if a != b)
    return changed >= 2 or (changed == 1 and len(text) <= 12)


def to_traditional(text: str) -> str:
    """`text` in Traditional characters; the words stay as they are, for they are official terms."""
    return str(_to_traditional.convert(text))


def sentences(text: str) -> list[str]:
    """The sentences of cleaned `text`, with their closing marks."""
    return [s.strip() for s in _SENTENCE.findall(text) if s.strip()]


def focus(text: str, limit: int = 160) -> str:
    """The asking part of a cleaned text longer than `limit` characters: its questions with the sentence before the last one.

    A story with no question in it gives its end, where people come to the point.
    """
    if len(text) <= limit:
        return text
    parts = sentences(text)
    if len(parts) == 1:
        parts = [p for p in re.split(r"(?<=[,，])", text) if p]
    asking = [i for i, part in enumerate(parts) if _ASKING.search(part)]
    if not asking:
        return text[-limit:]
    last = asking[-1]
    kept = sorted({i for i in asking if i >= last - 2} | {max(0, last - 1)})
    return "".join(parts[i] for i in kept)[-limit:]
