"""The vault, changing its secret, erasing, exporting and forgetting after the retention time."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from booking import errors
from booking.desk import open_desk
from booking.models import Booking, IdempotencyKey, Person, VaultEntry, WaitingListEntry
from booking.personal_data import anonymise_old, erase_person, export_person
from booking.service import find_booking, hold, my_bookings
from booking.vault import TOKEN, Vault, VaultError, mask
from booking.waiting_list import my_waiting
from tests.booking.conftest import World, assert_consistent
from tests.booking.racers import NOW, SECRET

ANNA, BERT = "wechat:anna", "web:bert"
LATER = NOW + timedelta(days=30)


def test_the_vault_gives_a_value_back_to_its_owner_only(world: World) -> None:
    vault = world.desk.vault
    token = vault.put(ANNA, "phone", "13912345678", now=NOW, expires_at=LATER)
    assert TOKEN.fullmatch(token)
    assert vault.reveal(ANNA, token) == "13912345678"
    assert vault.reveal(BERT, token) is None and vault.reveal(ANNA, "vt_" + "0" * 24) is None
    row = world.row(VaultEntry)
    assert "13912345678" not in repr(tuple(row)) and ANNA not in repr(tuple(row))


def test_the_same_value_is_sealed_differently_each_time(world: World) -> None:
    for _ in range(2):
        world.desk.vault.put(ANNA, "phone", "13912345678", now=NOW, expires_at=LATER)
    first, second = world.rows(VaultEntry)
    assert first.sealed != second.sealed and first.digest == second.digest


def test_a_value_that_was_tampered_with_or_moved_does_not_open(world: World) -> None:
    vault = world.desk.vault
    one, two = (vault.put(who, "phone", "13912345678", now=NOW, expires_at=LATER) for who in (ANNA, BERT))
    with world.desk.engine.begin() as connection:
        stolen = connection.execute(sa.select(VaultEntry.sealed).where(VaultEntry.token == one)).scalar_one()
        connection.execute(sa.update(VaultEntry).where(VaultEntry.token == two).values(sealed=stolen))
    with pytest.raises(VaultError, match="tampered"):
        vault.reveal(ANNA, two)


def test_a_new_secret_in_front_opens_everything_and_after_reencrypting_the_old_one_can_go(world: World) -> None:
    booked = world.book(ANNA, world.slot())
    token = world.desk.vault.put(BERT, "phone", "13912345678", now=NOW, expires_at=LATER)
    both = open_desk(world.desk.engine, ["new", SECRET])
    assert find_booking(both, ANNA, booked.code) == booked and both.vault.reveal(BERT, token) == "13912345678"
    moved = World.__new__(World)
    moved.__dict__ = {**world.__dict__, "desk": both}
    with pytest.raises(errors.AlreadyBooked):  # known by number across secrets, too
        moved.book(BERT, booked.slot_id, phone=export_person(both, ANNA, now=NOW)["values"][1]["value"])
    assert both.vault.reencrypt() == 4 and both.vault.reencrypt() == 0
    only_new = open_desk(world.desk.engine, ["new"])
    assert my_bookings(only_new, ANNA, now=NOW) == (booked,)
    assert only_new.vault.reveal(BERT, token) == "13912345678"
    assert erase_person(only_new, ANNA, now=NOW).cancelled == (booked.code,)
    with pytest.raises(VaultError, match="no secret"):
        Vault(world.desk.engine, [SECRET]).reveal(BERT, token)


@pytest.mark.parametrize("secrets", [[], [""], ["a", ""]])
def test_a_vault_without_a_secret_is_refused(world: World, secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        Vault(world.desk.engine, secrets)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [("phone", "13912345678", "139****5678"), ("name", "张三", "张*"), ("name", "赵大海", "赵**"), ("name", "", "")],
)
def test_masks(kind: str, value: str, shown: str) -> None:
    assert mask(kind, value) == shown


def test_erasing_leaves_nothing_personal_and_frees_the_places(world: World) -> None:
    slot, full = world.slot(hours=2), world.slot(capacity=1, hours=50)
    code = world.book(ANNA, slot, party=2, now=NOW).code  # past the cancellation deadline
    world.book(BERT, full)
    world.wait(ANNA, full)
    hold(world.desk, ANNA, world.slot(hours=90), 1, now=NOW, key=world.key())
    world.desk.vault.put(ANNA, "phone", "13900000000", now=NOW, expires_at=LATER)
    erased = erase_person(world.desk, ANNA, now=NOW)
    # Booking: name, number, two participants, address; wait: name and number; the number typed in the chat.
    assert (erased.cancelled, erased.waiting, erased.values) == ((code,), 1, 8)
    assert world.places(slot) == (0, 0)
    person = world.row(Person, Person.id == world.row(Booking, Booking.code == code).person_id)
    assert (person.owner, person.address) == (None, None)
    assert not world.rows(VaultEntry, VaultEntry.owner == world.desk.vault.owner_digest(ANNA))
    assert not world.rows(IdempotencyKey, IdempotencyKey.actor == f"person:{person.id}")
    assert not [n for n in world.notices() if n.person_id == person.id]
    assert my_bookings(world.desk, ANNA, now=NOW) == () == my_waiting(world.desk, ANNA)
    assert erase_person(world.desk, ANNA, now=NOW).values == 0
    assert world.book(ANNA, slot).code != code
    assert_consistent(world)


def test_a_place_freed_by_erasing_goes_to_the_waiting_list(world: World) -> None:
    slot = world.slot(capacity=1)
    world.book(ANNA, slot)
    world.wait(BERT, slot)
    erase_person(world.desk, ANNA, now=NOW)
    assert my_waiting(world.desk, BERT)[0].state == "offered"
    assert_consistent(world)


def test_an_export_holds_everything_in_plain_text(world: World) -> None:
    slot = world.slot(capacity=2)
    booked = world.book(ANNA, slot, party=2, name="赵大海", phone="13912345678", participants=["王小明", "李红"])
    exported = export_person(world.desk, ANNA, now=NOW)
    assert {v["value"] for v in exported["values"]} == {"赵大海", "13912345678", "王小明", "李红", ANNA}
    assert exported["bookings"][0]["code"] == booked.code and exported["waiting"] == []
    assert export_person(world.desk, BERT, now=NOW) == {"values": [], "bookings": [], "waiting": []}


def test_after_the_retention_time_a_booking_is_nobodys(world: World) -> None:
    old, recent = world.slot(capacity=1), world.slot(hours=24 * 200)
    world.book(ANNA, old, name="赵大海")
    world.wait(BERT, old)
    world.book("web:carl", recent)
    end = NOW + timedelta(hours=74) + timedelta(days=365)
    assert anonymise_old(world.desk, now=end - timedelta(seconds=1)) == 0
    assert anonymise_old(world.desk, now=end) == 2
    assert anonymise_old(world.desk, now=end) == 0
    first, second = world.rows(Booking)
    assert (first.name, first.phone, first.anonymised_at) == (None, None, end) and second.phone
    assert world.row(WaitingListEntry).phone is None
    assert [p.owner is None for p in world.rows(Person)] == [True, True, False]
    assert len(world.rows(VaultEntry)) == 3
    assert_consistent(world)


def test_a_number_that_never_came_to_a_booking_is_deleted_when_it_expires(world: World) -> None:
    world.desk.vault.put(ANNA, "phone", "13912345678", now=NOW, expires_at=LATER)
    anonymise_old(world.desk, now=LATER - timedelta(seconds=1))
    assert len(world.rows(VaultEntry)) == 1
    anonymise_old(world.desk, now=LATER)
    assert not world.rows(VaultEntry)


def test_somebody_who_books_in_portions_of_many_is_still_forgotten(world: World) -> None:
    world = world.with_policy(max_active_bookings=10**6)
    slot = world.slot(capacity=300)
    for n in range(205):
        world.book(f"web:{n}", slot)
    assert anonymise_old(world.desk, now=NOW + timedelta(days=400)) == 205
    assert not world.rows(VaultEntry)
