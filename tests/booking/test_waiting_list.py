"""The waiting list: order, offers that expire and pass on, parties, and priority after no-shows."""

from datetime import timedelta

import pytest

from booking import errors
from booking.check_in import record_no_shows
from booking.models import WaitingListEntry
from booking.service import cancel, expire, hold
from booking.waiting_list import accept_offer, decline_offer, leave_waiting_list, my_waiting
from tests.booking.conftest import World, assert_consistent
from tests.booking.racers import NOW

ANNA, BERT, CARL, DORA = "wechat:anna", "web:bert", "line:carl", "web:dora"


@pytest.fixture
def full(world: World) -> tuple[World, int, str]:
    """A slot for one that Anna has booked, with her code."""
    slot = world.slot(capacity=1)
    return world, slot, world.book(ANNA, slot).code


def states(world: World, slot: int) -> list[str]:
    return [e.state for e in world.rows(WaitingListEntry, WaitingListEntry.slot_id == slot)]


def test_those_who_wait_know_their_position(full: tuple[World, int, str]) -> None:
    world, slot, _ = full
    assert [world.wait(who, slot).position for who in (BERT, CARL, DORA)] == [1, 2, 3]
    leave_waiting_list(world.desk, CARL, my_waiting(world.desk, CARL)[0].entry_id, now=NOW, key=world.key())
    assert my_waiting(world.desk, DORA)[0].position == 2 and my_waiting(world.desk, CARL) == ()
    assert_consistent(world)


def test_a_freed_place_is_offered_to_the_first_and_kept_for_them(full: tuple[World, int, str]) -> None:
    world, slot, code = full
    entry = world.wait(BERT, slot)
    world.wait(CARL, slot)
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    (offered,) = my_waiting(world.desk, BERT)
    assert (offered.state, offered.offer_expires_at, offered.position) == ("offered", NOW + timedelta(hours=4), 0)
    assert my_waiting(world.desk, CARL)[0].position == 1
    with pytest.raises(errors.SlotFull):
        world.book(DORA, slot)
    assert [(n.kind, n.due_at) for n in world.notices() if n.entry_id] == [
        ("promoted", NOW),
        ("offer_expiring", NOW + timedelta(hours=3)),
    ]
    booked = accept_offer(world.desk, BERT, entry.entry_id, now=NOW, key="yes")
    assert booked.status == "confirmed" and world.places(slot) == (1, 0)
    assert accept_offer(world.desk, BERT, entry.entry_id, now=NOW, key="yes") == booked
    with pytest.raises(errors.OfferGone):
        accept_offer(world.desk, BERT, entry.entry_id, now=NOW, key="again")
    assert not [n for n in world.notices() if n.entry_id]
    assert_consistent(world)


def test_a_declined_offer_passes_on_at_once(full: tuple[World, int, str]) -> None:
    world, slot, code = full
    entry = world.wait(BERT, slot)
    world.wait(CARL, slot)
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    decline_offer(world.desk, BERT, entry.entry_id, now=NOW, key=world.key())
    assert states(world, slot) == ["declined", "offered"] and world.places(slot) == (0, 1)
    assert_consistent(world)


def test_an_offer_that_nobody_answers_passes_on_and_cannot_be_accepted_late(full: tuple[World, int, str]) -> None:
    world, slot, code = full
    entry = world.wait(BERT, slot)
    world.wait(CARL, slot)
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    late = NOW + timedelta(hours=4)
    with pytest.raises(errors.OfferGone):
        accept_offer(world.desk, BERT, entry.entry_id, now=late, key=world.key())
    assert expire(world.desk, now=late) == 1
    assert states(world, slot) == ["expired", "offered"]
    assert my_waiting(world.desk, CARL)[0].offer_expires_at == late + timedelta(hours=4)
    assert expire(world.desk, now=late) == 0
    assert_consistent(world)


def test_a_newcomer_never_overtakes_those_who_wait_even_without_a_worker(full: tuple[World, int, str]) -> None:
    world, slot, code = full
    world.wait(BERT, slot)
    world.wait(CARL, slot)
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    with pytest.raises(errors.SlotFull):  # Bert's offer has run out, and Carl is next
        world.book(DORA, slot, now=NOW + timedelta(hours=5))
    expire(world.desk, now=NOW + timedelta(hours=5))
    assert states(world, slot) == ["expired", "offered"]


def test_a_party_waits_until_all_fit_and_smaller_ones_behind_it_may_go_first(world: World) -> None:
    slot = world.slot(capacity=3)
    first, second = world.book(ANNA, slot, party=2), world.book("web:eve", slot)
    world.wait(BERT, slot, party=3)
    world.wait(CARL, slot)
    cancel(world.desk, "web:eve", second.code, now=NOW, key=world.key())
    assert states(world, slot) == ["waiting", "offered"]
    decline_offer(world.desk, CARL, my_waiting(world.desk, CARL)[0].entry_id, now=NOW, key=world.key())
    assert states(world, slot) == ["waiting", "declined"]
    cancel(world.desk, ANNA, first.code, now=NOW, key=world.key())
    assert states(world, slot) == ["offered", "declined"] and world.places(slot) == (0, 3)
    assert_consistent(world)


def test_places_that_nobody_waiting_can_use_are_for_newcomers(world: World) -> None:
    slot = world.slot(capacity=2)
    world.book(ANNA, slot)
    world.wait(BERT, slot, party=2)
    assert world.book(CARL, slot).status == "confirmed"


def test_booking_with_an_open_offer_uses_it(full: tuple[World, int, str]) -> None:
    world, slot, code = full
    world.wait(BERT, slot)
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    held = hold(world.desk, BERT, slot, 1, now=NOW, key=world.key())
    assert held.expires_at == NOW + timedelta(hours=4) and world.places(slot) == (0, 1)
    world.book(BERT, slot)
    assert world.places(slot) == (1, 0) and states(world, slot) == ["booked"]
    assert_consistent(world)


def test_an_offer_never_outlives_the_booking_deadline(world: World) -> None:
    slot = world.slot(capacity=1, hours=2, cancellation_deadline=NOW + timedelta(hours=2))
    code = world.book(ANNA, slot).code
    world.wait(BERT, slot)
    world.wait(CARL, slot)
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    assert my_waiting(world.desk, BERT)[0].offer_expires_at == NOW + timedelta(hours=2)
    expire(world.desk, now=NOW + timedelta(hours=2))
    assert states(world, slot) == ["expired", "waiting"]


def test_an_offer_that_clashes_stays_open_until_there_is_room(full: tuple[World, int, str]) -> None:
    world, slot, code = full
    entry = world.wait(BERT, slot)
    other = world.book(BERT, world.slot(hours=73))
    cancel(world.desk, ANNA, code, now=NOW, key=world.key())
    with pytest.raises(errors.Overlap):
        accept_offer(world.desk, BERT, entry.entry_id, now=NOW, key="yes")
    cancel(world.desk, BERT, other.code, now=NOW, key=world.key())
    assert accept_offer(world.desk, BERT, entry.entry_id, now=NOW, key="yes").status == "confirmed"


def test_who_cannot_wait_is_told_why(full: tuple[World, int, str]) -> None:
    world, slot, _ = full
    for who, error in ((ANNA, errors.AlreadyBooked),):
        with pytest.raises(error):
            world.wait(who, slot)
    with pytest.raises(errors.StillFree):
        world.wait(BERT, world.slot())
    world.wait(BERT, slot)
    with pytest.raises(errors.AlreadyWaiting):
        world.wait(BERT, slot)
    with pytest.raises(errors.LimitReached):
        world.with_policy(max_waiting=0).wait(CARL, slot)
    with pytest.raises(errors.OfferGone):
        leave_waiting_list(world.desk, CARL, my_waiting(world.desk, BERT)[0].entry_id, now=NOW, key=world.key())


def test_repeated_no_shows_wait_behind_the_others_as_the_operator_sets(world: World) -> None:
    for hours in (1, 4):
        slot = world.slot(hours=hours)
        world.book(BERT, slot)
        record_no_shows(world.desk, now=NOW + timedelta(hours=hours), slot_id=slot, staff="前台")
    later = NOW + timedelta(hours=10)
    slot = world.slot(capacity=1, hours=300)
    code = world.book(ANNA, slot, now=later).code
    assert world.wait(BERT, slot, now=later).position == 1
    assert world.wait(CARL, slot, now=later).position == 1 and my_waiting(world.desk, BERT)[0].position == 2
    cancel(world.desk, ANNA, code, now=later, key=world.key())
    assert states(world, slot) == ["waiting", "offered"]
    lenient = world.with_policy(no_show_threshold=3)
    other = world.slot(capacity=1, hours=310)
    world.book(DORA, other, now=later)
    lenient.wait(BERT, other, now=later)
    lenient.wait(CARL, other, now=later)
    assert my_waiting(world.desk, BERT)[-1].position == 1


def test_a_second_no_show_lowers_places_on_lists_joined_before(world: World) -> None:
    slot = world.slot(capacity=1, hours=300)
    world.book(ANNA, slot)
    world.wait(BERT, slot)
    world.wait(CARL, slot)
    for hours in (1, 4):
        missed = world.slot(hours=hours)
        world.book(BERT, missed)
        record_no_shows(world.desk, now=NOW + timedelta(hours=hours), slot_id=missed, staff="前台")
    assert my_waiting(world.desk, BERT)[0].position == 2
    assert_consistent(world)
