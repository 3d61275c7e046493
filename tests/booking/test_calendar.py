"""The calendar file, read back with another reader than the writer's own text."""

from datetime import timedelta

import pytest
from icalendar import Calendar

from booking.calendar import calendar_file
from booking.service import cancel, reschedule
from tests.booking.conftest import World
from tests.booking.racers import NOW

ANNA = "wechat:anna"


def test_a_booking_its_change_and_its_cancellation_are_one_entry(world: World) -> None:
    booked = world.book(ANNA, world.slot())
    moved = reschedule(world.desk, ANNA, booked.code, world.slot(hours=96), now=NOW, key="r")
    cancelled = cancel(world.desk, ANNA, booked.code, now=NOW + timedelta(minutes=1), key="c")
    files = [Calendar.from_ical(calendar_file([view])) for view in (booked, moved, cancelled)]
    events = [file.walk("VEVENT")[0] for file in files]
    assert [file["METHOD"] for file in files] == ["PUBLISH", "PUBLISH", "CANCEL"]
    assert len({event["UID"] for event in events}) == 1 and [event["SEQUENCE"] for event in events] == [0, 1, 2]
    assert [event["STATUS"] for event in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [len(event.walk("VALARM")) for event in events] == [2, 2, 0]
    assert [alarm["TRIGGER"].dt for alarm in events[0].walk("VALARM")] == [timedelta(days=-1), timedelta(hours=-1)]
    assert events[1].decoded("DTSTART") == moved.starts_at


def test_times_are_in_shanghai_and_the_file_follows_the_line_rules(world: World) -> None:
    raw = calendar_file([world.book(ANNA, world.slot())])
    assert b"DTSTART;TZID=Asia/Shanghai:20261124T090000\r\n" in raw and b"TZID:Asia/Shanghai\r\n" in raw
    assert b"TZOFFSETTO:+0800" in raw and b"DTSTAMP:20261121T010000Z" in raw
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert "示例" in str(Calendar.from_ical(raw).walk("VEVENT")[0]["SUMMARY"])


def test_cancelled_and_other_bookings_do_not_share_a_file(world: World) -> None:
    one, two = world.book(ANNA, world.slot()), world.book(ANNA, world.slot(hours=96))
    gone = cancel(world.desk, ANNA, one.code, now=NOW, key="c")
    for bookings in ([gone, two], []):
        with pytest.raises(ValueError, match="cancelled"):
            calendar_file(bookings)
