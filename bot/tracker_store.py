"""Conversation state in our own database: one row a person, bounded, so that a turn costs the same at message 5 and at 500."""

import json
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from rasa.core.tracker_store import SerializedTrackerAsText, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, Event, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker

from bot.database import conversations

# Turns of events that policies and actions can see. Slots and the open form are kept whatever their age.
KEPT_EVENTS = 20


@cache
def _event_class(name: str) -> type[Event]:
    """The class of an event name. Rasa looks through all subclasses for every single event: 0.14 ms each, 5 ms a turn."""
    found = Event.resolve_by_type(name, None)
    if found is None:
        raise ValueError(f"unknown event in a stored conversation: {name}")
    return found


def _event(stored: dict[str, Any]) -> Event:
    parameters = dict(stored)
    event: Event = _event_class(parameters.pop("event"))._from_parameters(parameters)
    return event


class BoundedTrackerStore(TrackerStore, SerializedTrackerAsText):
    """Keeps the latest events, all slots and the active form of each conversation. Times are Unix seconds."""

    def __init__(self, domain: Domain | None, engine: sa.engine.Engine) -> None:
        super().__init__(domain or Domain.empty())
        self.engine = engine

    async def save(self, tracker: DialogueStateTracker) -> None:
        events = list(tracker.events)[-KEPT_EVENTS:]
        state = json.dumps(
            {
                "slots": {name: slot.value for name, slot in tracker.slots.items() if slot.value != slot.initial_value},
                "loop": tracker.active_loop_name,
                "events": [event.as_dict() for event in events],
            },
            ensure_ascii=False,
        )
        row = {"state": state, "updated_at": time.time()}
        with self.engine.begin() as connection:
            changed = connection.execute(
                conversations.update().where(conversations.c.sender_id == tracker.sender_id).values(**row)
            )
            if changed.rowcount == 0:
                connection.execute(conversations.insert().values(sender_id=tracker.sender_id, **row))

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        with self.engine.connect() as connection:
            state = connection.execute(
                sa.select(conversations.c.state).where(conversations.c.sender_id == sender_id)
            ).scalar_one_or_none()
        return self._tracker(sender_id, json.loads(state)) if state else None

    async def keys(self) -> Iterable[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(conversations.c.sender_id)).scalars())

    async def delete(self, sender_id: str) -> None:
        """Forget the conversation of `sender_id`."""
        with self.engine.begin() as connection:
            connection.execute(conversations.delete().where(conversations.c.sender_id == sender_id))

    def _tracker(self, sender_id: str, state: dict[str, Any]) -> DialogueStateTracker:
        kept: list[Event] = [_event(stored) for stored in state["events"]]
        # What fell out of the window is restored in front of it, dated like its first event.
        then = kept[0].timestamp if kept else time.time()
        known = {slot.name for slot in self.domain.slots}
        restored: list[Event] = [SlotSet(k, v, timestamp=then) for k, v in state["slots"].items() if k in known]
        if state["loop"]:
            restored.append(ActiveLoop(state["loop"], timestamp=then))
        return DialogueStateTracker.from_events(sender_id, restored + kept, self.domain.slots, domain=self.domain)
