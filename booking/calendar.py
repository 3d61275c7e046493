"""A booking as a calendar file (iCalendar, RFC 5545) that phones and computers can open."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard

from booking.models import SHANGHAI
from booking.service import BookingView

ALARMS = (timedelta(days=-1), timedelta(hours=-1))


def calendar_file(bookings: Iterable[BookingView]) -> bytes:
    """The `.ics` file of `bookings`. A cancelled one has METHOD:CANCEL and removes the entry made before, which has the same UID.

    RFC 5546 gives a file one method, so cancelled and other bookings do not go into one file together.
    """
    bookings = list(bookings)
    cancelled = {booking.status == "cancelled" for booking in bookings}
    if len(cancelled) != 1:
        raise ValueError("a calendar file holds bookings that are all cancelled, or none")
    calendar = Calendar()
    calendar.add("prodid", "-//chanjiaotong//booking//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if True in cancelled else "PUBLISH")
    calendar.add_component(_shanghai())
    for booking in bookings:
        calendar.add_component(_event(booking))
    return bytes(calendar.to_ical())


def _event(booking: BookingView) -> Event:
    cancelled = booking.status == "cancelled"
    event = Event()
    event.add("uid", f"{booking.code.lower()}@booking.chanjiaotong")
    event.add("sequence", booking.sequence)
    event.add("dtstamp", booking.changed_at)
    event.add("dtstart", booking.starts_at.astimezone(SHANGHAI))
    event.add("dtend", booking.ends_at.astimezone(SHANGHAI))
    event.add("summary", f"{'【示例】' if booking.is_example else ''}{booking.title}")
    event.add("location", f"{booking.base_name} {booking.address}")
    event.add("description", f"预约号 {booking.code},{booking.party}人。基地电话 {booking.base_phone}。")
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    for before in () if cancelled else ALARMS:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", booking.title)
        alarm.add("trigger", before)
        event.add_component(alarm)
    return event


def _shanghai() -> Timezone:
    """China has had one offset and no summer time since 1991."""
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", "Asia/Shanghai")
    standard.add("tzname", "CST")
    standard.add("tzoffsetfrom", timedelta(hours=8))
    standard.add("tzoffsetto", timedelta(hours=8))
    standard.add("dtstart", datetime(1991, 9, 15))
    zone.add_component(standard)
    return zone
