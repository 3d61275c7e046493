"""The audit trail: every change as an event without personal data, and the present state played back from the events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from booking.models import AuditEvent

SYSTEM = "system"
_INSERT = sa.insert(AuditEvent)


def record(
    connection: Any,
    now: datetime,
    actor: str,
    kind: str,
    *,
    slot: int | None = None,
    booking: str | None = None,
    person: int | None = None,
    **data: Any,
) -> None:
    """Add an event. `actor` is person:<id>, staff:<name> or SYSTEM."""
    row = {"at": now, "actor": actor, "kind": kind, "slot_id": slot, "booking": booking, "person_id": person}
    connection.execute(_INSERT, {**row, "data": data})


@dataclass
class State:
    """What the events say: bookings by code, holds and waiting list entries by id, cancelled slots."""

    bookings: dict[str, dict[str, Any]] = field(default_factory=dict)  # slot, party, status, sequence
    holds: dict[int, dict[str, Any]] = field(default_factory=dict)  # slot, party, state
    waiting: dict[int, dict[str, Any]] = field(default_factory=dict)  # slot, party, state, priority
    cancelled_slots: set[int] = field(default_factory=set)

    def booked(self, slot: int) -> int:
        """Places of `slot` in bookings that stand."""
        standing = (b for b in self.bookings.values() if b["slot"] == slot and b["status"] != "cancelled")
        return sum(int(b["party"]) for b in standing)

    def reserved(self, slot: int) -> int:
        """Places of `slot` in live holds and open offers."""
        held = sum(int(h["party"]) for h in self.holds.values() if h["slot"] == slot and h["state"] == "active")
        offered = sum(int(w["party"]) for w in self.waiting.values() if w["slot"] == slot and w["state"] == "offered")
        return held + offered


# Events that put a hold or a waiting list entry into a state.
_HOLD_STATES = {"hold_released": "released", "hold_expired": "expired"}
_WAITING_STATES = {
    "offered": "offered",
    "declined": "declined",
    "offer_expired": "expired",
    "left": "left",
    "waiting_closed": "closed",
}
_BOOKING_STATES = {
    "cancelled": "cancelled",
    "checked_in": "attended",
    "check_in_undone": "confirmed",
    "no_show": "no_show",
}


def replay(events: Iterable[Any]) -> State:
    """The state after `events`: rows of audit_events in the order of their ids."""
    state = State()
    for event in events:
        data = event.data
        if event.kind == "held":
            state.holds[data["hold"]] = {"slot": event.slot_id, "party": data["party"], "state": "active"}
        elif event.kind in _HOLD_STATES:
            state.holds[data["hold"]]["state"] = _HOLD_STATES[event.kind]
        elif event.kind == "joined":
            entry = {"slot": event.slot_id, "party": data["party"], "priority": data["priority"], "state": "waiting"}
            state.waiting[data["entry"]] = entry
        elif event.kind == "priority":
            state.waiting[data["entry"]]["priority"] = data["priority"]
        elif event.kind in _WAITING_STATES:
            state.waiting[data["entry"]]["state"] = _WAITING_STATES[event.kind]
        elif event.kind == "slot_cancelled":
            state.cancelled_slots.add(event.slot_id)
        elif event.kind in ("booked", "rescheduled"):
            state.bookings[event.booking] = {
                "slot": event.slot_id,
                "party": data["party"],
                "status": "confirmed",
                "sequence": data["sequence"],
            }
            if data["hold"] is not None:
                state.holds[data["hold"]]["state"] = "used"
            if data["entry"] is not None:
                state.waiting[data["entry"]]["state"] = "booked"
        elif event.kind in _BOOKING_STATES:
            booking = state.bookings[event.booking]
            booking["status"] = _BOOKING_STATES[event.kind]
            booking["sequence"] = data.get("sequence", booking["sequence"])
    return state
