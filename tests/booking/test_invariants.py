"""Whatever people do in whatever order: nothing is overbooked, nobody overtakes, and the trail tells the present state."""

from datetime import timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from booking.check_in import check_in, record_no_shows, undo_check_in
from booking.desk import open_desk
from booking.errors import BookingError, SlotFull
from booking.personal_data import anonymise_old, erase_person
from booking.service import cancel, cancel_slot, expire, hold, my_bookings, release_hold, reschedule
from booking.waiting_list import accept_offer, decline_offer, leave_waiting_list, my_waiting
from tests.booking.conftest import World, assert_consistent, assert_in_order, emptied
from tests.booking.racers import NOW, SECRET

PEOPLE = [f"web:{name}" for name in ("anna", "bert", "carl", "dora", "eve", "finn")]
people = st.sampled_from(PEOPLE)
slots = st.integers(0, 2)
parties = st.sampled_from([1, 1, 1, 2, 3])


def machine_over(engine: sa.engine.Engine) -> type[RuleBasedStateMachine]:
    """A machine that works on an empty database each time."""

    class Base(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = World(open_desk(emptied(engine), [SECRET]))
            # The first two overlap; the last one is late enough to be cancelled for long.
            self.slots = [
                self.world.slot(capacity=2, hours=30),
                self.world.slot(capacity=3, hours=31),
                self.world.slot(capacity=2, hours=60),
            ]
            self.now = NOW
            self.nonces = count()

        def attempt(self, command: Any, *arguments: Any, **more: Any) -> None:
            try:
                command(*arguments, now=self.now, **more)
            except BookingError as error:
                assert str(error)

        def keyed(self, command: Any, *arguments: Any) -> None:
            key = self.world.key()
            for _ in range(2):  # sent twice, carried out once
                self.attempt(command, self.world.desk, *arguments, key=key)

        @rule(who=people, slot=slots, party=parties)
        def hold(self, who: str, slot: int, party: int) -> None:
            self.keyed(hold, who, self.slots[slot], party)

        @rule(who=people)
        def release(self, who: str) -> None:
            self.keyed(release_hold, who)

        @initialize(crowd=st.permutations(PEOPLE), others=st.lists(st.tuples(people, slots, parties), max_size=6))
        def fill_up(self, crowd: list[str], others: list[tuple[str, int, int]]) -> None:
            """Everybody wants the first slot, so that several wait for it."""
            for who, slot, party in [*((who, 0, 1) for who in crowd), *others]:
                self.book_or_wait(who, slot, party)

        @rule(who=people, slot=slots, party=parties)
        def book_or_wait(self, who: str, slot: int, party: int) -> None:
            try:
                self.world.book(who, self.slots[slot], party=party, now=self.now)
            except SlotFull:
                self.attempt(self.world.wait, who, self.slots[slot], party=party)
            except BookingError as error:
                assert str(error)

        def standing(self) -> list[tuple[str, str]]:
            """Person and code of every booking ahead."""
            return [(who, b.code) for who in PEOPLE for b in my_bookings(self.world.desk, who, now=self.now)]

        @rule(nth=st.integers(0, 5), slot=slots)
        def move(self, nth: int, slot: int) -> None:
            bookings = self.standing()
            if bookings:
                self.keyed(reschedule, *bookings[nth % len(bookings)], self.slots[slot])

        @rule(nth=st.integers(0, 5))
        def cancel(self, nth: int) -> None:
            bookings = self.standing()
            if bookings:
                self.keyed(cancel, *bookings[nth % len(bookings)])

        @rule(answer=st.sampled_from([accept_offer, accept_offer, decline_offer, leave_waiting_list]))
        def answer(self, answer: Any) -> None:
            waiting = [(who, entry) for who in PEOPLE for entry in my_waiting(self.world.desk, who)]
            for who, entry in waiting[:1] if answer is leave_waiting_list else waiting:
                self.keyed(answer, who, entry.entry_id)

        @rule(nth=st.integers(0, 5), undo=st.booleans())
        def check_in(self, nth: int, undo: bool) -> None:
            for _, code in self.standing()[nth : nth + 1]:
                scan = {"nonce": f"n{next(self.nonces)}", "at": self.now}
                self.attempt(check_in, self.world.desk, "门口", code, **scan)
                if undo:
                    self.keyed(undo_check_in, "门口", code)

        @rule(slot=slots)
        def close_list(self, slot: int) -> None:
            self.attempt(record_no_shows, self.world.desk, slot_id=self.slots[slot], staff="前台")

        @rule(slot=slots, sure=st.integers(0, 9))
        def cancel_slot(self, slot: int, sure: int) -> None:
            if sure == 9:
                self.keyed(cancel_slot, "前台", self.slots[slot], "停电")

        @rule(who=people, sure=st.integers(0, 5))
        def erase(self, who: str, sure: int) -> None:
            if sure == 5:
                erase_person(self.world.desk, who, now=self.now)

        @rule(minutes=st.sampled_from([1, 1, 6, 60, 250, 1000]))
        def time_passes(self, minutes: int) -> None:
            self.now += timedelta(minutes=minutes)

        @rule()
        def sweep(self) -> None:
            expire(self.world.desk, now=self.now)
            assert expire(self.world.desk, now=self.now) == 0
            anonymise_old(self.world.desk, now=self.now)

        @invariant()
        def everything_tells_the_same(self) -> None:
            assert_consistent(self.world)

        def teardown(self) -> None:
            assert_in_order(self.world)

    return Base


def test_invariants_hold_whatever_people_do(engine: sa.engine.Engine) -> None:
    examples = 40 if engine.dialect.name == "sqlite" else 15
    run_state_machine_as_test(
        machine_over(engine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
