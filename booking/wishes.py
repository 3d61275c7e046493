"""What somebody wants to book, out of what they say: their words matched to the fields, services, bases and cities that there are."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from booking.database import reading
from booking.dates import Window, fold, when
from booking.models import Base, Course


@dataclass(frozen=True)
class Wish:
    """What is wished; None and empty mean that nothing was said of it."""

    fields: tuple[str, ...] = ()
    title: str | None = None  # words that the course's title has
    service: str | None = None
    base: int | None = None
    city: str | None = None  # without 市
    windows: Window | None = None
    fee_kind: str | None = None
    party_size: int = 1
    level: str | None = None
    audience: tuple[str, ...] = ()  # words for one group of people

    def refined(self, said: Wish) -> Wish:
        """This wish with what was `said` later in place of what was said before. Another subject or place replaces the old one whole."""
        changes = {f.name: getattr(said, f.name) for f in fields(said) if getattr(said, f.name) != f.default}
        if said.fields or said.title:
            changes |= {"fields": said.fields, "title": said.title}
        if said.base or said.city:
            changes |= {"base": said.base, "city": said.city}
        return replace(self, **changes)

    def described(self) -> str:
        """The wish in a few Chinese words: 11月25日(周三)下午、太原市、数控加工."""
        parts = (
            self.windows.label if self.windows else None,
            f"{self.city}市" if self.city else None,
            "这个基地" if self.base else None,
            self.title or "、".join(self.fields),
            self.service,
            self.fee_kind,
            self.level,
            f"适合{self.audience[0]}" if self.audience else None,
            f"{self.party_size}人" if self.party_size > 1 else None,
        )
        return "、".join(part for part in parts if part)


@dataclass(frozen=True)
class KnownBase:
    """A base as it can be named in a wish. `city` is without 市."""

    id: int
    name: str
    city: str
    address: str


@dataclass(frozen=True)
class Catalogue:
    """What the database has to offer, as far as words are matched to it."""

    bases: tuple[KnownBase, ...] = ()
    fields: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def cities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(base.city for base in self.bases))

    @cached_property
    def base_names(self) -> dict[str, KnownBase]:
        return {name: base for base in reversed(self.bases) for name in _names(base)}

    @cached_property
    def cores(self) -> dict[str, str]:
        """The fields without words that tell none from another."""
        return {field: _GENERIC.sub("", fold(field)) or fold(field) for field in self.fields}

    @cached_property
    def title_parts(self) -> frozenset[str]:
        """What the titles hold between words that tell no course from another."""
        return frozenset(part for title in self.titles for part in _GENERIC.split(fold(title)) if len(part) > 1)


def read_catalogue(connection: Any) -> Catalogue:
    """The catalogue as it is now."""
    bases = connection.execute(sa.select(Base.id, Base.name, Base.city, Base.address).order_by(Base.id))

    def distinct(column: Any) -> tuple[str, ...]:
        return tuple(filter(None, connection.execute(sa.select(column).distinct().order_by(column)).scalars()))

    return Catalogue(
        tuple(KnownBase(row.id, row.name, plain_city(row.city), row.address) for row in bases),
        *(distinct(column) for column in (Course.field, Course.title, Course.service, Course.level)),
    )


class CatalogueCache:
    """The catalogue, read again when it is older than `seconds`."""

    def __init__(self, engine: Any, seconds: float = 30, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._seconds, self._clock = engine, seconds, clock
        self._read: tuple[float, Catalogue] | None = None

    def __call__(self) -> Catalogue:
        now = self._clock()
        if self._read is None or now - self._read[0] > self._seconds:
            with reading(self._engine) as connection:
                self._read = now, read_catalogue(connection)
        return self._read[1]


def plain_city(name: str) -> str:
    """太原市 and 太原 are one."""
    return name[:-1] if len(name) > 2 and name.endswith("市") else name


# --- Words -----------------------------------------------------------------------------------------------------------

_words = yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))
_GENERIC = re.compile("|".join(sorted(_words["generic"], key=len, reverse=True)) + r"|[\s·()\-,、\d]|[a-z](?![a-z])")
CITY_CENTRES: dict[str, tuple[float, float]] = {city: (lat, lon) for city, (lat, lon) in _words["cities"].items()}
_CITY = re.compile("|".join(CITY_CENTRES))
_FREE = re.compile(r"免费|不要钱|不花钱|不收费|公益|不用钱|白学")
_PAID = re.compile(r"有偿|付费|收费的|自费|花钱的")
_ASKED = re.compile(r"^(?:的)?[吗么嘛不没?]|^还是")
_NOT_PEOPLE = re.compile(r"证|家|所|户")
_SERVICES = {word: service for service, words in _words["services"].items() for word in (service, *words)}
_SERVICE = re.compile("|".join(sorted(_SERVICES, key=len, reverse=True)))


def wish_from(text: str, entities: Iterable[Mapping[str, Any]], now: datetime, known: Catalogue) -> Wish:
    """The wish in `text`, said at `now`.

    `entities` are the rules' findings in the text as Rasa carries them ({"entity": "count", "value": 3, "start": 0, "end": 3}):
    counts, cities and grades are taken from them; dates are read from the text itself, which says more (下周三下午).
    """
    found = list(entities)
    plain = fold(text)
    base = _base(plain, known)
    rest = _CITY.sub(" ", re.sub("|".join(map(re.escape, _names(base))), " ", plain) if base else plain)
    subject_fields, title = _subject(rest, known)
    service = _SERVICE.search(re.sub("实训基地|基地", "", rest))
    return Wish(
        fields=subject_fields,
        title=title,
        service=_SERVICES[service[0]] if service else None,
        base=base.id if base else None,
        city=None if base else _city(plain, found, known),
        windows=when(text, now),
        fee_kind=_fee_kind(plain),
        party_size=_party(text, found),
        level=_level(plain, found, known),
        audience=next((tuple(group) for group in _words["audiences"] if any(w in plain for w in group)), ()),
    )


def _base(text: str, known: Catalogue) -> KnownBase | None:
    """The base whose name, with or without what stands in brackets, is in `text`; the longest if there are several."""
    named = [name for name in known.base_names if name in text]
    return known.base_names[max(named, key=len)] if named else None


def _names(base: KnownBase) -> list[str]:
    """What a base may be called: 示例基地·太原(院校主导) without what is in brackets, or without city and kind."""
    name = fold(base.name)
    short = re.sub(r"\(.*?\)", "", name)
    core = re.sub(rf"(?:{'|'.join(CITY_CENTRES)})市?|(?:产教融合|公共)?(?:实训)?(?:基地|中心)$", "", short).strip(" ·")
    return [name for name in (name, short, core) if len(name) >= 4]


def _city(text: str, entities: Sequence[Mapping[str, Any]], known: Catalogue) -> str | None:
    """The city that is named; for a county the one whose base has it in its address."""
    for city in (*known.cities, *CITY_CENTRES):
        if city and city in text:
            return city
    for entity in entities:
        if entity.get("entity") != "city":
            continue
        place = plain_city(str(entity["value"]))
        return next((base.city for base in known.bases if place in base.address), place)
    return None


def _subject(text: str, known: Catalogue) -> tuple[tuple[str, ...], str | None]:
    """The fields that the words lead to, and words of a title when a title has more of them than any field."""
    said = [text] + [word for group in _words["fields"] if any(w in text for w in group) for word in group]
    shared = {field: max((_common(piece, core) for piece in said), key=len) for field, core in known.cores.items()}
    # What is said counts, and more when it is most of the field's name: 电工 is 电工, not 汽车电工.
    likeness = {field: len(part) ** 2 / len(field) for field, part in shared.items() if len(part) >= 2}
    fields = tuple(field for field, score in likeness.items() if score == max(likeness.values()))
    title = max((_common(text, part) for part in known.title_parts), key=len, default="")
    longest = max((len(shared[field]) for field in fields), default=1)
    return fields, title if len(title) > longest else None


def _common(text: str, name: str) -> str:
    """The longest stretch of `name`, of two characters or more, that is in `text`; empty when there is none."""
    best = ""
    for start in range(len(name) - 1):
        while (longer := name[start : start + len(best) + 1]) in text and len(longer) > len(best):
            best = longer
    return best if len(best) > 1 else ""


def _fee_kind(text: str) -> str | None:
    """公益 or 有偿 when it is wished, not when it is asked (收费吗)."""
    for pattern, kind in ((_FREE, "公益"), (_PAID, "有偿")):
        match = pattern.search(text)
        if match and not _ASKED.match(text[match.end() :]):
            return kind
    return None


def _party(text: str, entities: Sequence[Mapping[str, Any]]) -> int:
    counts = [
        int(entity["value"])
        for entity in entities
        if entity.get("entity") == "count" and not _NOT_PEOPLE.search(text[entity["start"] : entity["end"]])
    ]
    return max(1, counts[-1]) if counts else 1


def _level(text: str, entities: Sequence[Mapping[str, Any]], known: Catalogue) -> str | None:
    """A level that some course has."""
    said = [str(entity["value"]) for entity in entities if entity.get("entity") == "grade"]
    exact = (level for level in known.levels if level in said or fold(level) in text)
    return max(exact, key=len, default=None)
