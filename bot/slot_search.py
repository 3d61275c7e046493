"""A search for slots out of a query string: free words, and fields of a form that say one thing each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from booking.dates import Interval, Window, say_day
from booking.models import FEE_KINDS, SHANGHAI
from booking.wishes import Catalogue, Wish, plain_city, wish_from
from bot.components.quantities import find_entities

FIELDS = ("q", "field", "service", "city", "base", "from", "to", "fee", "party", "limit")
LONGEST_WORDS = 200
MAX_ID = 2**31 - 1  # of PostgreSQL's integer
LARGEST_PARTY = 1000
AHEAD = timedelta(days=366)  # a search without a last day


class BadSearch(Exception):
    """A field that cannot be read; `field` is its name, `str()` a Chinese sentence."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Search:
    wish: Wish
    limit: int


def read_search(given: Callable[[str], str | None], known: Catalogue, now: datetime, limit: int, most: int) -> Search:
    """What `given(field)` asks for. A field of its own outweighs the free words. Raises BadSearch."""
    said = {name: cleaned(given(name) or "")[:LONGEST_WORDS] for name in FIELDS}
    fee = said["fee"]
    if fee and fee not in FEE_KINDS:
        raise BadSearch("fee", f"收费只能写{'或'.join(FEE_KINDS)}。")
    asked = Wish(
        fields=(said["field"],) if said["field"] else (),
        service=said["service"] or None,
        base=_whole(said, "base", "基地编号", MAX_ID),
        city=plain_city(said["city"]) or None,
        windows=_window(said, now),
        fee_kind=fee or None,
        party_size=_whole(said, "party", "人数", LARGEST_PARTY) or 1,
    )
    wish = _wish_in(said["q"], known, now).refined(asked) if said["q"] else asked
    return Search(wish, min(_whole(said, "limit", "条数", MAX_ID) or limit, most))


def cleaned(text: str) -> str:
    """`text` without what no eye sees and no database takes."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def whole(text: str, most: int) -> int | None:
    """The number from 1 to `most` that `text` is, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= most else None


def _wish_in(words: str, known: Catalogue, now: datetime) -> Wish:
    found = find_entities(words, now.astimezone(SHANGHAI).date())
    entities = [{"entity": e.kind, "value": e.value, "start": e.start, "end": e.end} for e in found]
    return wish_from(words, entities, now, known)


def _whole(said: dict[str, str], name: str, called: str, most: int) -> int | None:
    number = whole(said[name], most)
    if said[name] and number is None:
        raise BadSearch(name, f"{called}要写1到{most}的整数。")
    return number


def _window(said: dict[str, str], now: datetime) -> Window | None:
    """From the first day to the last, both included; None when neither is given."""
    first, last = _day(said, "from"), _day(said, "to")
    if first is None and last is None:
        return None
    if first and last and first > last:
        raise BadSearch("to", "结束日期不能早于开始日期。")
    today = now.astimezone(SHANGHAI).date()
    start = max(datetime.combine(first or today, time(), SHANGHAI), now)
    end = datetime.combine(last, time(), SHANGHAI) + timedelta(days=1) if last else start + AHEAD
    spoken = [f"{say_day(first, today)}起" if first else "", f"到{say_day(last, today)}" if last else ""]
    label = say_day(first, today) if first and first == last else "".join(spoken)
    if end <= start:
        return Window((), label, f"{label}已经过了")
    return Window((Interval(start, end),), label)


def _day(said: dict[str, str], name: str) -> date | None:
    if not said[name]:
        return None
    try:
        day = date.fromisoformat(said[name])
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2100:
        raise BadSearch(name, "日期要写成 2026-11-25 这样。")
    return day
