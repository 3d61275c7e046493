"""Tickets, scans, undoing, no-shows and the masked list."""

from datetime import timedelta

import pytest

from booking import errors
from booking.check_in import check_in, record_no_shows, roster, show_contact, ticket_text, undo_check_in
from booking.codes import (
    ALPHABET,
    CODE_LENGTH,
    Ticket,
    TicketOffice,
    check_ticket,
    new_code,
    qr_png,
    qr_svg,
    read_code,
)
from booking.models import AuditEvent, Booking
from booking.service import cancel, reschedule
from tests.booking.conftest import World, assert_consistent
from tests.booking.racers import NOW

ANNA, BERT = "wechat:anna", "web:bert"
START = NOW + timedelta(hours=72)


def test_a_ticket_is_checked_with_the_public_key_alone() -> None:
    office = TicketOffice(["a secret"])
    ticket = Ticket(new_code(), 42, NOW)
    text = office.issue(ticket)
    assert check_ticket(text, office.public_keys, NOW) == ticket
    assert len(text) < 150 and all(c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:" for c in text)


@pytest.mark.parametrize("position", [5, 14, 18, 40, -1])
def test_a_ticket_with_any_character_changed_is_refused(position: int) -> None:
    office = TicketOffice(["a secret"])
    text = office.issue(Ticket("23456789AB", 42, NOW))
    other = "3" if text[position] != "3" else "4"
    changed = text[:position] + other + text[position:][1:]
    with pytest.raises(errors.TicketInvalid):
        check_ticket(changed, office.public_keys, NOW)


def test_an_expired_ticket_or_one_of_another_secret_is_refused_and_one_of_the_last_secret_is_good() -> None:
    old, new = TicketOffice(["old"]), TicketOffice(["new", "old"])
    text = old.issue(Ticket("23456789AB", 42, NOW))
    assert new.check(text, NOW).slot_id == 42
    with pytest.raises(errors.TicketInvalid, match="过期"):
        new.check(text, NOW + timedelta(seconds=1))
    with pytest.raises(errors.TicketInvalid, match="不是产教通签发"):
        TicketOffice(["new"]).check(text, NOW)


@pytest.mark.parametrize("text", ["", "https://example.com", "C1-", "签到" * 500, "\x00"])
def test_any_other_qr_code_is_refused_in_chinese(text: str) -> None:
    with pytest.raises(errors.TicketInvalid, match="不是产教通的签到码"):
        check_ticket(text, TicketOffice(["a secret"]).public_keys, NOW)


def test_codes_are_read_however_they_are_typed() -> None:
    code = new_code()
    assert len(code) == CODE_LENGTH and set(code) <= set(ALPHABET)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    for typed in (code, code.lower(), f" {code[:5]}-{code[5:]} ", wide):
        assert read_code(typed) == code
    assert read_code("O0I1L00000") is None and read_code("") is None
    assert not set(ALPHABET) & set("01OILU")


def test_the_qr_code_is_a_picture() -> None:
    assert qr_svg("ABC").startswith("<svg") and qr_png("ABC").startswith(b"\x89PNG")


def test_a_second_scan_is_recognised_and_a_repeated_one_gets_the_first_answer(world: World) -> None:
    booked = world.book(ANNA, world.slot(), party=2)
    ticket = ticket_text(world.desk, booked)
    first = check_in(world.desk, "门口", ticket, nonce="n1", at=START, now=START)
    assert (first.code, first.party, first.again) == (booked.code, 2, False)
    assert check_in(world.desk, "门口", ticket, nonce="n1", at=START, now=START + timedelta(hours=1)) == first
    later = START + timedelta(minutes=3)
    second = check_in(world.desk, "门口", booked.code.lower(), nonce="n2", at=later, now=later)
    assert second.again and second.at == START
    assert [e.kind for e in world.rows(AuditEvent)] == ["booked", "checked_in"]
    assert_consistent(world)


def test_an_offline_scan_counts_from_when_it_was_made(world: World) -> None:
    booked = world.book(ANNA, world.slot())
    ticket, days_later = ticket_text(world.desk, booked), START + timedelta(days=3)
    record_no_shows(world.desk, now=START + timedelta(hours=3), slot_id=booked.slot_id, staff="前台")
    assert check_in(world.desk, "门口", ticket, nonce="n1", at=START, now=days_later).at == START
    assert world.row(Booking).status == "attended"
    assert_consistent(world)


def test_check_in_refuses_what_does_not_stand(world: World) -> None:
    booked, other = world.book(ANNA, world.slot()), world.slot(hours=96)
    ticket = ticket_text(world.desk, booked)
    with pytest.raises(errors.TooEarly):
        check_in(world.desk, "门口", ticket, nonce="n1", at=START - timedelta(hours=3), now=START)
    moved = reschedule(world.desk, ANNA, booked.code, other, now=NOW, key=world.key())
    with pytest.raises(errors.TicketInvalid, match="改期以前"):
        check_in(world.desk, "门口", ticket, nonce="n2", at=START, now=START)
    cancel(world.desk, ANNA, booked.code, now=NOW, key=world.key())
    with pytest.raises(errors.NotChangeable):
        check_in(world.desk, "门口", ticket_text(world.desk, moved), nonce="n3", at=START, now=START)
    with pytest.raises(errors.BookingNotFound):
        check_in(world.desk, "门口", "2222222222", nonce="n4", at=START, now=START)


def test_a_check_in_can_be_undone(world: World) -> None:
    booked = world.book(ANNA, world.slot())
    check_in(world.desk, "门口", booked.code, nonce="n1", at=START, now=START)
    undone = undo_check_in(world.desk, "门口", booked.code, now=START, key="u")
    assert (undone.status, undone.checked_in_at) == ("confirmed", None)
    assert not check_in(world.desk, "门口", booked.code, nonce="n2", at=START, now=START).again
    assert_consistent(world)


def test_no_shows_are_recorded_by_themselves_only_where_somebody_was_checked_in(world: World) -> None:
    scanned, not_scanned = world.slot(), world.slot(hours=76)
    here = world.book(ANNA, scanned)
    missing = world.book(BERT, scanned)
    world.book(ANNA, not_scanned)
    check_in(world.desk, "门口", here.code, nonce="n1", at=START, now=START)
    assert record_no_shows(world.desk, now=START + timedelta(hours=3)) == 0
    assert record_no_shows(world.desk, now=START + timedelta(days=2)) == 1
    assert record_no_shows(world.desk, now=START + timedelta(days=2)) == 0
    assert world.row(Booking, Booking.code == missing.code).status == "no_show"
    with pytest.raises(errors.TooEarly):
        record_no_shows(world.desk, now=NOW, slot_id=not_scanned, staff="前台")
    assert_consistent(world)


def test_the_list_of_who_comes_is_masked_and_showing_a_contact_is_recorded(world: World) -> None:
    slot = world.slot()
    booked = world.book(ANNA, slot, party=2, name="赵大海", phone="13912345678", participants=["王小明", "李红"])
    gone = world.book(BERT, slot)
    cancel(world.desk, BERT, gone.code, now=NOW, key=world.key())
    (line,) = roster(world.desk, slot)
    assert (line.name, line.phone, line.participants) == ("赵**", "139****5678", ("王**", "李*"))
    shown = show_contact(world.desk, "前台", booked.code, now=NOW)
    assert (shown.name, shown.phone, shown.participants) == ("赵大海", "13912345678", ("王小明", "李红"))
    assert (world.rows(AuditEvent)[-1].kind, world.rows(AuditEvent)[-1].actor) == ("contact_shown", "staff:前台")
    with pytest.raises(errors.SlotNotFound):
        roster(world.desk, 10**6)
