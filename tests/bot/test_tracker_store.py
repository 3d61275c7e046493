"""Conversation state in the database: bounded, and the same after a restart."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, Event, Restarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.database import conversations, make_engine, prepare_database
from bot.tracker_store import KEPT_EVENTS, BoundedTrackerStore

DOMAIN = Domain.from_yaml(
    """
version: "3.1"
intents: [ask_policy]
actions: [action_answer_policy]
slots:
  policy_context: {type: any, influence_conversation: false, mappings: [{type: custom}]}
  employees: {type: float, initial_value: 1, influence_conversation: false, mappings: [{type: custom}]}
forms:
  assessment_form: {required_slots: [employees]}
"""
)
SOMEBODY = "web:somebody"
CONTEXT = {"article": "sx-2018-38#16", "answer": None, "question": "津贴"}


def open_store(folder: Path, domain: Domain = DOMAIN) -> BoundedTrackerStore:
    """A store as a new process would open it."""
    engine = make_engine(f"sqlite:///{folder / 'conversations.db'}")
    prepare_database(engine)
    return BoundedTrackerStore(domain, engine)


@pytest.fixture
def store(tmp_path: Path) -> BoundedTrackerStore:
    return open_store(tmp_path)


def turn(number: int) -> list[Event]:
    """What one question leaves in a tracker."""
    parsed = {"intent": {"name": "ask_policy", "confidence": 1.0}, "entities": [], "text": f"问题{number}"}
    return [
        UserUttered(f"问题{number}", parsed["intent"], [], parsed, input_channel="web"),
        ActionExecuted("action_answer_policy"),
        BotUttered(None, {"custom": {"kind": "answer"}}),
        ActionExecuted("action_listen"),
    ]


async def say(store: BoundedTrackerStore, *events: Event, sender_id: str = SOMEBODY) -> None:
    """One message: read the conversation, add `events`, keep it."""
    tracker = await store.retrieve(sender_id) or DialogueStateTracker(sender_id, DOMAIN.slots)
    for event in events:
        tracker.update(event, DOMAIN)
    await store.save(tracker)


async def recall(store: BoundedTrackerStore, sender_id: str = SOMEBODY) -> DialogueStateTracker:
    tracker = await store.retrieve(sender_id)
    assert tracker is not None
    return tracker


async def test_an_unknown_person_has_no_conversation(store: BoundedTrackerStore) -> None:
    assert await store.retrieve("web:nobody") is None
    assert list(await store.keys()) == []


async def test_a_conversation_comes_back_as_it_was(store: BoundedTrackerStore) -> None:
    await say(store, *turn(1), SlotSet("policy_context", CONTEXT))
    tracker = await recall(store)
    assert tracker.sender_id == SOMEBODY
    assert tracker.latest_message is not None and tracker.latest_message.text == "问题1"
    assert tracker.latest_message.intent["name"] == "ask_policy"
    assert tracker.get_slot("policy_context") == CONTEXT
    assert tracker.latest_action_name == "action_listen"


async def test_events_keep_their_kinds_and_times(store: BoundedTrackerStore) -> None:
    events = [*turn(1), SlotSet("employees", 30.0), ActiveLoop("assessment_form"), Restarted(), *turn(2)]
    await say(store, *events)
    assert [(type(e), e.timestamp) for e in (await recall(store)).events] == [(type(e), e.timestamp) for e in events]


async def test_the_number_of_events_is_bounded_however_long_people_talk(store: BoundedTrackerStore) -> None:
    await say(store, SlotSet("policy_context", CONTEXT), SlotSet("employees", 30.0), ActiveLoop("assessment_form"))
    for number in range(60):
        await say(store, *turn(number))
    tracker = await recall(store)
    assert len(tracker.events) <= KEPT_EVENTS + 3
    assert tracker.latest_message is not None and tracker.latest_message.text == "问题59"
    with store.engine.connect() as connection:
        [state] = connection.execute(sa.select(conversations.c.state)).scalars()
    assert len(json.loads(state)["events"]) == KEPT_EVENTS


async def test_slots_and_the_open_form_outlive_their_events_and_the_process(tmp_path: Path) -> None:
    before = open_store(tmp_path)
    await say(before, SlotSet("policy_context", CONTEXT), SlotSet("employees", 30.0), ActiveLoop("assessment_form"))
    for number in range(KEPT_EVENTS):
        await say(before, *turn(number))
    before.engine.dispose()
    tracker = await recall(open_store(tmp_path))
    assert tracker.get_slot("policy_context") == CONTEXT
    assert tracker.get_slot("employees") == 30.0
    assert tracker.active_loop_name == "assessment_form"


async def test_a_slot_that_was_emptied_stays_empty(store: BoundedTrackerStore) -> None:
    await say(store, SlotSet("policy_context", CONTEXT))
    await say(store, SlotSet("policy_context", None))
    for number in range(KEPT_EVENTS):
        await say(store, *turn(number))
    assert (await recall(store)).get_slot("policy_context") is None


async def test_a_slot_that_was_emptied_on_purpose_does_not_take_its_initial_value(store: BoundedTrackerStore) -> None:
    await say(store, SlotSet("employees", None))
    for number in range(KEPT_EVENTS):
        await say(store, *turn(number))
    assert (await recall(store)).get_slot("employees") is None


async def test_a_closed_form_stays_closed(store: BoundedTrackerStore) -> None:
    await say(store, ActiveLoop("assessment_form"), *turn(1), ActiveLoop(None))
    for number in range(KEPT_EVENTS):
        await say(store, *turn(number))
        assert (await recall(store)).active_loop_name is None


async def test_a_restart_forgets_slots(store: BoundedTrackerStore) -> None:
    await say(store, SlotSet("policy_context", CONTEXT))
    for number in range(KEPT_EVENTS):
        await say(store, *turn(number))
    await say(store, Restarted())
    assert (await recall(store)).get_slot("policy_context") is None


async def test_a_slot_that_the_domain_no_longer_knows_is_left_out(tmp_path: Path) -> None:
    await say(open_store(tmp_path), SlotSet("policy_context", CONTEXT), *[e for n in range(20) for e in turn(n)])
    fewer = open_store(tmp_path, Domain.from_dict({"intents": ["ask_policy"], "actions": ["action_answer_policy"]}))
    tracker = await recall(fewer)
    assert "policy_context" not in tracker.slots
    assert tracker.latest_message is not None and tracker.latest_message.text == "问题19"


async def test_one_persons_conversation_is_not_anothers(store: BoundedTrackerStore) -> None:
    await say(store, SlotSet("employees", 30.0), sender_id="web:a")
    await say(store, SlotSet("employees", 4.0), sender_id="web:b")
    assert (await recall(store, "web:a")).get_slot("employees") == 30.0
    assert (await recall(store, "web:b")).get_slot("employees") == 4.0
    assert sorted(await store.keys()) == ["web:a", "web:b"]


async def test_a_deleted_conversation_is_forgotten_and_others_stay(store: BoundedTrackerStore) -> None:
    await say(store, *turn(1), sender_id="web:a")
    await say(store, *turn(1), sender_id="web:b")
    await store.delete("web:a")
    assert await store.retrieve("web:a") is None
    assert list(await store.keys()) == ["web:b"]
    await store.delete("web:a")
