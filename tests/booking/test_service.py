"""Booking, changing and cancelling, on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest

from booking import errors
from booking.models import AuditEvent, Booking, Hold, IdempotencyKey, Person, Slot, VaultEntry
from booking.service import (
    Held,
    cancel,
    cancel_for,
    cancel_slot,
    expire,
    find_booking,
    hold,
    my_bookings,
    promote,
    release_hold,
    reschedule,
)
from tests.booking.conftest import World, assert_consistent
from tests.booking.racers import NOW

ANNA, BERT, CARL = "wechat:anna", "web:bert", "line:carl"


def test_a_booking_takes_its_places_and_tells_what_the_owner_needs(world: World) -> None:
    slot = world.slot(capacity=10)
    booked = world.book(ANNA, slot, party=3)
    assert (booked.status, booked.party, booked.slot_id, booked.sequence) == ("confirmed", 3, slot, 0)
    assert booked.starts_at == NOW + timedelta(hours=72) and booked.fee_clause == "sx-2021-453#4.4"
    assert booked.is_example and booked.base_phone == "0351-0000000"
    assert world.places(slot) == (3, 0)
    assert my_bookings(world.desk, ANNA, now=NOW) == (booked,) == (find_booking(world.desk, ANNA, booked.code),)
    assert_consistent(world)


def test_a_booking_writes_its_notices_in_the_same_transaction(world: World) -> None:
    world.book(ANNA, world.slot(hours=72))
    assert [(n.kind, n.due_at) for n in world.notices()] == [
        ("confirmed", NOW),
        ("reminder_day", NOW + timedelta(hours=48)),
        ("reminder_hour", NOW + timedelta(hours=71)),
    ]


def test_a_booking_on_the_day_itself_gets_only_the_reminders_that_are_still_ahead(world: World) -> None:
    world.book(ANNA, world.slot(hours=5))
    world.book(BERT, world.slot(hours=1))
    assert [n.kind for n in world.notices()] == ["confirmed", "reminder_hour", "confirmed"]


def test_a_full_slot_refuses_and_says_what_is_left(world: World) -> None:
    slot = world.slot(capacity=4)
    world.book(ANNA, slot, party=3)
    with pytest.raises(errors.SlotFull, match="只剩1个名额") as refused:
        world.book(BERT, slot, party=2)
    assert refused.value.free == 1
    world.book(BERT, slot)
    with pytest.raises(errors.SlotFull, match="约满") as refused:
        world.book(CARL, slot)
    assert refused.value.free == 0
    assert_consistent(world)


def test_a_refusal_leaves_nothing_behind(world: World) -> None:
    slot = world.slot(capacity=1)
    world.book(ANNA, slot)
    values = len(world.rows(VaultEntry))
    with pytest.raises(errors.SlotFull):
        world.book(BERT, slot)
    assert len(world.rows(Person)) == 1 and len(world.rows(VaultEntry)) == values


def test_the_same_command_sent_again_is_carried_out_once(world: World) -> None:
    slot = world.slot(capacity=1)
    first = world.book(ANNA, slot, key="tap-1")
    assert world.book(ANNA, slot, key="tap-1", now=NOW + timedelta(hours=1)) == first
    assert world.places(slot) == (1, 0) and len(world.notices("confirmed")) == 1
    with pytest.raises(errors.KeyReused):
        world.book(ANNA, world.slot(), key="tap-1")
    other = world.slot()
    assert world.book(BERT, other, key="tap-1").slot_id == other  # keys are each person's own


def test_a_refused_command_sent_again_may_succeed(world: World) -> None:
    slot = world.slot(capacity=1)
    booked = world.book(ANNA, slot)
    with pytest.raises(errors.SlotFull):
        world.book(BERT, slot, key="tap-1")
    cancel(world.desk, ANNA, booked.code, now=NOW, key=world.key())
    assert world.book(BERT, slot, key="tap-1").status == "confirmed"


def test_nobody_has_the_same_slot_twice_or_two_at_the_same_time(world: World) -> None:
    slot = world.slot(hours=72)
    first = world.book(ANNA, slot)
    with pytest.raises(errors.AlreadyBooked, match=first.code):
        world.book(ANNA, slot)
    with pytest.raises(errors.Overlap, match=first.code):
        world.book(ANNA, world.slot(hours=73.5))
    assert world.book(ANNA, world.slot(hours=74)).status == "confirmed"  # begins when the other ends
    assert world.book(ANNA, world.slot(hours=70)).status == "confirmed"
    assert_consistent(world)


def test_another_session_under_the_same_number_is_the_same_person_and_learns_no_code(world: World) -> None:
    slot = world.slot()
    first = world.book(ANNA, slot, phone="138 0000 1111")
    for target, error in ((slot, errors.AlreadyBooked), (world.slot(hours=73), errors.Overlap)):
        with pytest.raises(error) as refused:
            world.book(BERT, target, phone="+86 138-0000-1111")
        assert first.code not in str(refused.value)


def test_a_person_has_only_so_many_bookings_ahead(world: World) -> None:
    world = world.with_policy(max_active_bookings=2)
    world.book(ANNA, world.slot(hours=10))
    world.book(ANNA, world.slot(hours=20))
    with pytest.raises(errors.LimitReached):
        world.book(ANNA, world.slot(hours=30))
    after_the_first = NOW + timedelta(hours=13)
    assert world.book(ANNA, world.slot(hours=30), now=after_the_first).status == "confirmed"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"consent": False}, errors.ConsentMissing),
        ({"phone": "12345"}, errors.BadContact),
        ({"phone": "1380000111"}, errors.BadContact),
        ({"name": " "}, errors.BadContact),
        ({"name": "12345"}, errors.BadContact),
        ({"party": 2, "participants": ["张三"]}, errors.BadContact),
        ({"party": 21, "participants": ["张三"] * 21}, errors.PartySize),
        ({"party": 0}, errors.PartySize),
        ({"party": -3}, errors.PartySize),
        ({"slot": 10**6}, errors.SlotNotFound),
    ],
)
def test_what_cannot_be_booked_is_refused_in_chinese(world: World, change: dict, error: type[Exception]) -> None:
    slot = world.slot(capacity=30)
    with pytest.raises(error) as refused:
        world.book(ANNA, **{"slot": slot, **change})
    assert any("\u4e00" <= c <= "\u9fff" for c in str(refused.value))
    assert world.places(slot) == (0, 0)


def test_the_booking_deadline_is_the_first_moment_that_is_too_late(world: World) -> None:
    deadline = NOW + timedelta(hours=10)
    slot = world.slot(hours=20, booking_deadline=deadline)
    world.book(ANNA, slot, now=deadline - timedelta(seconds=1))
    with pytest.raises(errors.DeadlinePassed, match="11月21日19:00"):
        world.book(BERT, slot, now=deadline)


def test_cancelling_frees_the_places_and_keeps_the_trail(world: World) -> None:
    slot = world.slot(capacity=2)
    booked = world.book(ANNA, slot, party=2)
    cancelled = cancel(world.desk, ANNA, booked.code, now=NOW, key="c-1")
    assert (cancelled.status, cancelled.sequence) == ("cancelled", 1)
    assert cancel(world.desk, ANNA, booked.code, now=NOW, key="c-1") == cancelled
    with pytest.raises(errors.NotChangeable):
        cancel(world.desk, ANNA, booked.code, now=NOW, key="c-2")
    assert world.places(slot) == (0, 0) and my_bookings(world.desk, ANNA, now=NOW) == ()
    assert [n.kind for n in world.notices()] == ["confirmed", "cancelled"]  # and no reminders
    assert [e.kind for e in world.rows(AuditEvent)] == ["booked", "cancelled"]
    assert world.book(ANNA, slot, party=2).code != booked.code
    assert_consistent(world)


def test_cancelling_after_the_deadline_is_for_the_base(world: World) -> None:
    booked = world.book(ANNA, world.slot(hours=72))
    late = NOW + timedelta(hours=48)
    with pytest.raises(errors.DeadlinePassed, match="0351-0000000"):
        cancel(world.desk, ANNA, booked.code, now=late, key=world.key())
    assert cancel_for(world.desk, "前台", booked.code, now=late, key=world.key()).status == "cancelled"
    assert world.rows(AuditEvent)[-1].actor == "staff:前台"


def test_nobody_sees_or_changes_the_booking_of_another(world: World) -> None:
    booked = world.book(ANNA, world.slot())
    world.book(BERT, world.slot())
    with pytest.raises(errors.BookingNotFound):
        find_booking(world.desk, BERT, booked.code)
    with pytest.raises(errors.BookingNotFound):
        cancel(world.desk, BERT, booked.code, now=NOW, key=world.key())
    with pytest.raises(errors.BookingNotFound):
        reschedule(world.desk, "web:nobody", booked.code, world.slot(), now=NOW, key=world.key())


# -- rescheduling ------------------------------------------------------------------------------------------------------


def test_rescheduling_keeps_the_code_and_moves_places_and_reminders(world: World) -> None:
    old, new = world.slot(hours=72), world.slot(hours=96)
    booked = world.book(ANNA, old, party=2)
    moved = reschedule(world.desk, ANNA, booked.code, new, now=NOW, key="r-1")
    assert (moved.code, moved.slot_id, moved.sequence, moved.party) == (booked.code, new, 1, 2)
    assert reschedule(world.desk, ANNA, booked.code, new, now=NOW, key="r-1") == moved
    assert world.places(old) == (0, 0) and world.places(new) == (2, 0)
    assert [(n.kind, n.slot_id) for n in world.notices()] == [
        ("confirmed", old),
        ("changed", new),
        ("reminder_day", new),
        ("reminder_hour", new),
    ]
    assert_consistent(world)


def test_a_failed_reschedule_leaves_the_old_place(world: World) -> None:
    old, full, overlapping = world.slot(hours=72), world.slot(capacity=1, hours=96), world.slot(hours=121)
    booked = world.book(ANNA, old)
    world.book(ANNA, world.slot(hours=120))
    world.book(BERT, full)
    for target, error in (
        (full, errors.SlotFull),
        (overlapping, errors.Overlap),
        (old, errors.AlreadyBooked),
        (10**6, errors.SlotNotFound),
    ):
        with pytest.raises(error):
            reschedule(world.desk, ANNA, booked.code, target, now=NOW, key=world.key())
    assert find_booking(world.desk, ANNA, booked.code) == booked and world.places(old) == (1, 0)
    assert_consistent(world)


def test_rescheduling_to_an_overlapping_time_gives_up_only_the_old_one(world: World) -> None:
    booked = world.book(ANNA, world.slot(hours=72))
    assert reschedule(world.desk, ANNA, booked.code, world.slot(hours=73), now=NOW, key=world.key()).sequence == 1


def test_rescheduling_after_the_deadline_is_refused(world: World) -> None:
    booked, new = world.book(ANNA, world.slot(hours=72)), world.slot(hours=96)
    with pytest.raises(errors.DeadlinePassed, match="改期"):
        reschedule(world.desk, ANNA, booked.code, new, now=NOW + timedelta(hours=49), key=world.key())


# -- holds -------------------------------------------------------------------------------------------------------------


def test_a_hold_keeps_places_until_it_is_booked(world: World) -> None:
    slot = world.slot(capacity=2)
    held = hold(world.desk, ANNA, slot, 2, now=NOW, key=world.key())
    assert held == Held(slot, 2, NOW + timedelta(minutes=5))
    assert world.places(slot) == (0, 2)
    with pytest.raises(errors.SlotFull):
        world.book(BERT, slot)
    world.book(ANNA, slot, party=2)
    assert world.places(slot) == (2, 0) and world.row(Hold).state == "used"
    assert_consistent(world)


def test_booking_fewer_than_were_held_frees_the_rest(world: World) -> None:
    slot = world.slot(capacity=3)
    hold(world.desk, ANNA, slot, 3, now=NOW, key=world.key())
    world.book(ANNA, slot)
    assert world.places(slot) == (1, 0)


def test_an_abandoned_hold_is_free_for_the_next_without_any_worker(world: World) -> None:
    slot = world.slot(capacity=1)
    held = hold(world.desk, ANNA, slot, 1, now=NOW, key=world.key())
    with pytest.raises(errors.SlotFull):
        world.book(BERT, slot, now=held.expires_at - timedelta(seconds=1))
    assert world.book(BERT, slot, now=held.expires_at).status == "confirmed"
    with pytest.raises(errors.SlotFull):
        world.book(ANNA, slot, now=held.expires_at)
    assert_consistent(world)


def test_the_sweep_frees_abandoned_holds(world: World) -> None:
    slot = world.slot(capacity=1)
    held = hold(world.desk, ANNA, slot, 1, now=NOW, key=world.key())
    assert expire(world.desk, now=NOW) == 0
    assert expire(world.desk, now=held.expires_at) == 1 and world.places(slot) == (0, 0)
    assert_consistent(world)


def test_a_new_hold_replaces_the_old_one(world: World) -> None:
    first, second = world.slot(), world.slot(hours=96)
    for slot in (first, second, second):
        hold(world.desk, ANNA, slot, 2, now=NOW, key=world.key())
    assert world.places(first) == (0, 0) and world.places(second) == (0, 2)
    assert release_hold(world.desk, ANNA, now=NOW, key=world.key()).was_held
    assert not release_hold(world.desk, ANNA, now=NOW, key=world.key()).was_held
    assert world.places(second) == (0, 0)
    assert_consistent(world)


# -- the base ----------------------------------------------------------------------------------------------------------


def test_a_cancelled_slot_tells_everybody_and_names_alternatives(world: World) -> None:
    slot, later, small = world.slot(capacity=3), world.slot(hours=96), world.slot(hours=80, capacity=1)
    booked = world.book(ANNA, slot, party=2)
    world.book(BERT, slot)
    hold(world.desk, "web:dora", world.slot(hours=60), 1, now=NOW, key=world.key())
    world.wait(CARL, slot)
    done = cancel_slot(world.desk, "前台", slot, "设备检修", now=NOW, key="x")
    assert (done.bookings, done.waiting) == (2, 1)
    assert cancel_slot(world.desk, "前台", slot, "设备检修", now=NOW, key="x") == done
    with pytest.raises(errors.SlotCancelled):
        cancel_slot(world.desk, "前台", slot, "设备检修", now=NOW, key="y")
    told = world.notices("slot_cancelled")
    assert len(told) == 3 and not world.notices("reminder_day")
    assert told[0].data["alternatives"][-1] == later and small not in told[0].data["alternatives"]
    assert small in told[1].data["alternatives"]
    assert find_booking(world.desk, ANNA, booked.code).status == "cancelled"
    with pytest.raises(errors.SlotCancelled):
        world.book("web:eve", slot)
    assert_consistent(world)


def test_more_capacity_reaches_those_who_wait(world: World) -> None:
    slot = world.slot(capacity=1)
    world.book(ANNA, slot)
    world.wait(BERT, slot)
    with world.desk.engine.begin() as connection:
        connection.execute(Slot.__table__.update().values(capacity=2))
    promote(world.desk, slot, now=NOW)
    assert world.places(slot) == (1, 1) and len(world.notices("promoted")) == 1


def test_nothing_personal_is_in_plain_text_anywhere(world: World) -> None:
    slot = world.slot(capacity=2)
    world.book(ANNA, slot, party=2, phone="13912345678", participants=["王小明", "李小红"], name="赵大海")
    world.wait(BERT, slot, name="钱二", phone="13987654321")
    said = "".join(
        repr(tuple(row))
        for table in (Booking, Person, VaultEntry, AuditEvent, IdempotencyKey, Hold)
        for row in world.rows(table)
    )
    said += repr([tuple(n) for n in world.notices(state=None)])
    for personal in ("13912345678", "王小明", "李小红", "赵大海", "钱二", "13987654321", "anna", "bert"):
        assert personal not in said
