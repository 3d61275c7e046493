"""Conversation state in our own database: one row a person, bounded, so that a turn costs the same at message 5 and at 500."""

import json
import time
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from rasa.core.tracker_store import SerializedTrackerAsText, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, Event, Restarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.database import conversations
from bot.lock_store import fence
from bot.rasa_shortcuts import event_class
from bot.statements import statements, waited_for
from bot.transcript import AlreadyAnswered, exchange, keep

# What policies and actions can see of earlier turns: the last one. Slots and the open form are kept whatever their age.
KEPT_EVENTS = 8

_READ = "SELECT state FROM conversations WHERE sender_id = :sender_id"
_WRITE = (
    "INSERT INTO conversations (sender_id, state, updated_at, fence) VALUES (:sender_id, :state, :updated_at, :fence)"
    " ON CONFLICT (sender_id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at"
)
# Unless a later lock has written it.
_WRITE_IN_TURN = f"{_WRITE}, fence = excluded.fence WHERE conversations.fence <= excluded.fence"


def _event(stored: dict[str, Any]) -> Event:
    parameters = dict(stored)
    kind = event_class(name := parameters.pop("event"))
    if kind is None:
        raise ValueError(f"unknown event in a stored conversation: {name}")
    event: Event = kind._from_parameters(parameters)
    return event


class StaleTurn(Exception):
    """The turn has lost its lock, and a later one of the same person has been kept already."""


class BoundedTrackerStore(TrackerStore, SerializedTrackerAsText):
    """Keeps the latest events, all slots and the active form of each conversation. Times are Unix seconds.

    Errors of the database are raised (`bot.database.AWAY`): a conversation is never begun anew because it could not be read.
    """

    def __init__(self, domain: Domain | None, engine: sa.engine.Engine) -> None:
        super().__init__(domain or Domain.empty())
        self.engine = engine

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep the conversation. One that nobody has said anything in is not kept, nor is what was said before a restart.

        What is said in this turn (`bot.transcript.exchange`) goes into the transcript with it. Raises StaleTurn when the lock of this
        turn (`bot.lock_store.fence`) is older than what is kept, AlreadyAnswered when the message has an answer in the transcript.
        """
        number, state = fence.get(), _state(tracker)
        if state is None:
            return self._forget(tracker.sender_id, number)
        values = {
            "sender_id": tracker.sender_id,
            "state": json.dumps(state, ensure_ascii=False),
            "updated_at": time.time(),
        }
        await waited_for(self.engine, self._keep, tracker, values, number)

    def _keep(self, tracker: DialogueStateTracker, values: dict[str, Any], number: int | None) -> None:
        with statements(self.engine, writes=True) as run:
            if number is None:
                run(_WRITE, {**values, "fence": 0})
            elif run(_WRITE_IN_TURN, {**values, "fence": number}).rowcount == 0:
                raise StaleTurn
            said = exchange.get()
            if said is None or tracker.latest_message is None or tracker.latest_message.message_id != said.message_id:
                return
            if not keep(run, tracker.sender_id, said.message_id, said.said, said.replies()):
                raise AlreadyAnswered
        said.kept = True

    def _forget(self, sender_id: str, number: int | None) -> None:
        gone = conversations.delete().where(conversations.c.sender_id == sender_id)
        with self.engine.begin() as connection:
            connection.execute(gone if number is None else gone.where(conversations.c.fence <= number))

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        turn = exchange.get()
        if turn is not None and turn.before is not None:
            state, turn.before = turn.before.state, None
        else:
            with statements(self.engine) as run:
                row = run(_READ, {"sender_id": sender_id}).fetchone()
            state = row[0] if row else None
        return self._tracker(sender_id, json.loads(state)) if state else None

    async def keys(self) -> Iterable[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(conversations.c.sender_id)).scalars())

    async def delete(self, sender_id: str) -> None:
        """Forget the conversation of `sender_id`."""
        self._forget(sender_id, None)

    def _tracker(self, sender_id: str, state: dict[str, Any]) -> DialogueStateTracker:
        slots, forms = {slot.name for slot in self.domain.slots}, set(self.domain.form_names)
        kept = [event for event in map(_event, state["events"]) if _known(event, slots, forms)]
        # What fell out of the window is restored in front of it, dated like its first event.
        then = kept[0].timestamp if kept else time.time()
        restored: list[Event] = [SlotSet(k, v, timestamp=then) for k, v in state["slots"].items() if k in slots]
        if state["loop"] in forms:
            restored.append(ActiveLoop(state["loop"], timestamp=then))
        tracker = DialogueStateTracker.from_events(sender_id, restored + kept, self.domain.slots, domain=self.domain)
        # What only another model knows, older or newer than ours, is kept for it: both serve while one takes over from the other.
        tracker.of_another_model = {
            "slots": {name: value for name, value in state["slots"].items() if name not in slots},
            "loop": state["loop"] if state["loop"] not in forms else None,
        }
        return tracker


def _known(event: Event, slots: set[str], forms: set[str]) -> bool:
    if isinstance(event, SlotSet):
        return event.key in slots
    return not isinstance(event, ActiveLoop) or event.name is None or event.name in forms


def _state(tracker: DialogueStateTracker) -> dict[str, Any] | None:
    """What is stored of `tracker`; None when there is nothing of the person in it."""
    events = list(tracker.events)
    restarts = [number for number, event in enumerate(events) if isinstance(event, Restarted)]
    other = getattr(tracker, "of_another_model", {"slots": {}, "loop": None})
    if restarts:
        events, other = events[restarts[-1] + 1 :], {"slots": {}, "loop": None}
    slots = {name: slot.value for name, slot in tracker.slots.items() if slot.value != slot.initial_value}
    state = {
        "slots": {**other["slots"], **slots},
        "loop": tracker.active_loop_name or other["loop"],
        "events": [event.as_dict() for event in events[-KEPT_EVENTS:]],
    }
    said = any(isinstance(event, UserUttered) for event in events)
    return state if said or state["slots"] or state["loop"] else None
