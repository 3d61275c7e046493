"""Conversation state in the database: bounded, and the same after a restart."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.database import conversations, make_engine, prepare_database
from bot.lock_store import fence
from bot.tracker_store import KEPT_EVENTS, BoundedTrackerStore, StaleTurn
from bot.transcript import AlreadyAnswered, Exchange, Transcript, exchange

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


def open_store(url: str, domain: Domain = DOMAIN) -> BoundedTrackerStore:
    """A store as a new process would open it."""
    engine = make_engine(url)
    prepare_database(engine)
    return BoundedTrackerStore(domain, engine)


@pytest.fixture
def store(database_url: str) -> Iterator[BoundedTrackerStore]:
    opened = open_store(database_url)
    yield opened
    opened.engine.dispose()


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
    events = [*turn(1), SlotSet("employees", 30.0), ActiveLoop("assessment_form"), *turn(2)]
    await say(store, *events)
    kept = list((await recall(store)).events)[-KEPT_EVENTS:]
    assert [(type(e), e.timestamp) for e in kept] == [(type(e), e.timestamp) for e in events[-KEPT_EVENTS:]]


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


async def test_slots_and_the_open_form_outlive_their_events_and_the_process(database_url: str) -> None:
    before = open_store(database_url)
    await say(before, SlotSet("policy_context", CONTEXT), SlotSet("employees", 30.0), ActiveLoop("assessment_form"))
    for number in range(KEPT_EVENTS):
        await say(before, *turn(number))
    before.engine.dispose()
    tracker = await recall(open_store(database_url))
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


async def test_a_restart_leaves_nothing_of_what_was_said(store: BoundedTrackerStore) -> None:
    await say(store, *turn(1), SlotSet("policy_context", CONTEXT))
    await say(store, Restarted(), *turn(2))
    tracker = await recall(store)
    assert tracker.get_slot("policy_context") is None
    assert [event.text for event in tracker.events if isinstance(event, UserUttered)] == ["问题2"]


async def test_after_a_restart_that_nothing_follows_there_is_no_conversation(store: BoundedTrackerStore) -> None:
    """“删除我的信息” ends so."""
    await say(store, *turn(1), SlotSet("policy_context", CONTEXT))
    await say(store, *turn(2), Restarted(), SessionStarted(), ActionExecuted("action_listen"))
    assert await store.retrieve(SOMEBODY) is None
    assert list(await store.keys()) == []


async def test_a_slot_that_the_domain_no_longer_knows_is_left_out(database_url: str) -> None:
    await say(open_store(database_url), SlotSet("policy_context", CONTEXT), *[e for n in range(20) for e in turn(n)])
    fewer = open_store(database_url, Domain.from_dict({"intents": ["ask_policy"], "actions": ["action_answer_policy"]}))
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


# -- two models at once, locks, and a database that is away ------------------------------------------------------------


async def test_a_form_that_only_the_other_model_knows_stays_open_for_it(database_url: str) -> None:
    """A rolling update: one message of somebody goes to a worker with the old model, the next to a new one again."""
    new = open_store(database_url)
    await say(new, SlotSet("employees", 30.0), ActiveLoop("assessment_form"), *turn(1))
    old = open_store(database_url, Domain.from_dict({"intents": ["ask_policy"], "actions": ["action_answer_policy"]}))
    tracker = await recall(old)
    assert tracker.active_loop_name is None
    for event in turn(2):
        tracker.update(event, old.domain)
    await old.save(tracker)
    back = await recall(new)
    assert (back.active_loop_name, back.get_slot("employees")) == ("assessment_form", 30.0)
    assert back.latest_message is not None and back.latest_message.text == "问题2"


async def test_a_turn_that_has_lost_its_lock_does_not_overwrite_a_later_one(store: BoundedTrackerStore) -> None:
    fence.set(1)
    await say(store, *turn(1))
    slow = await recall(store)
    fence.set(3)
    await say(store, SlotSet("employees", 30.0))
    fence.set(2)
    slow.update(SlotSet("employees", 4.0), DOMAIN)
    with pytest.raises(StaleTurn):
        await store.save(slow)
    fence.set(4)
    assert (await recall(store)).get_slot("employees") == 30.0
    await say(store, *turn(2))


async def test_a_database_that_is_away_is_told_and_not_taken_for_an_empty_one(store: BoundedTrackerStore) -> None:
    await say(store, *turn(1))
    with store.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE conversations RENAME TO elsewhere"))
    with pytest.raises(sa.exc.DBAPIError) as told:
        await store.retrieve(SOMEBODY)
    assert SOMEBODY not in str(told.value)  # an error's text may end up in a log


async def test_the_five_thousandth_turn_reads_and_writes_no_more_than_the_tenth(store: BoundedTrackerStore) -> None:
    def size() -> int:
        with store.engine.connect() as connection:
            return len(connection.execute(sa.select(conversations.c.state)).scalar_one())

    for number in range(1000, 1010):
        await say(store, *turn(number))
    early = size()
    for number in range(1010, 1200):
        await say(store, *turn(number))
    assert abs(size() - early) < 50  # a time may have a digit more or less


# -- tables of an earlier version --------------------------------------------------------------------------------------


async def test_tables_of_an_earlier_version_get_what_they_lack(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE conversations (sender_id VARCHAR(120) PRIMARY KEY, state TEXT, updated_at FLOAT)")
        )
        row = {"state": '{"slots": {"employees": 5}, "loop": null, "events": []}', "now": time.time()}
        connection.execute(sa.text("INSERT INTO conversations VALUES ('web:old', :state, :now)"), row)
    engine.dispose()
    store = open_store(database_url)
    assert (await recall(store, "web:old")).get_slot("employees") == 5
    fence.set(7)
    await say(store, *turn(1), sender_id="web:old")
    indexes = {index["name"] for index in sa.inspect(store.engine).get_indexes("conversations")}
    assert "ix_conversations_updated_at" in indexes


async def test_servers_that_start_at_once_make_the_tables_once(database_url: str) -> None:
    def start() -> None:
        prepare_database(make_engine(database_url))

    await asyncio.gather(*(asyncio.to_thread(start) for _ in range(6)))


# -- what is said, and where the conversation stands, in one commit ------------------------------------------------------


@contextmanager
def answering(message_id: str, text: str) -> Iterator[Exchange]:
    """A running turn."""
    turn = Exchange(message_id, "问题", lambda: [{"kind": "answer", "text": text}])
    before = exchange.set(turn)
    yield turn
    exchange.reset(before)


def asked(message_id: str) -> UserUttered:
    return UserUttered("问题", {"name": "ask_policy", "confidence": 1.0}, [], message_id=message_id)


async def test_an_answer_is_kept_with_the_conversation(store: BoundedTrackerStore) -> None:
    with answering("m1", "一") as turn:
        await say(store, asked("m1"))
    assert turn.kept
    assert [each["replies"] for each in Transcript(store.engine).history(SOMEBODY)] == [
        [{"kind": "answer", "text": "一"}]
    ]


async def test_a_message_that_has_its_answer_changes_nothing_any_more(store: BoundedTrackerStore) -> None:
    with answering("m1", "一"):
        await say(store, asked("m1"), SlotSet("employees", 5.0))
    with answering("m1", "二") as again, pytest.raises(AlreadyAnswered):
        await say(store, asked("m1"), SlotSet("employees", 6.0))
    assert not again.kept and (await recall(store)).get_slot("employees") == 5.0
    assert (await Transcript(store.engine).before(SOMEBODY, "m1")).answered == [{"kind": "answer", "text": "一"}]


async def test_a_turn_that_comes_too_late_leaves_no_answer(store: BoundedTrackerStore) -> None:
    fence.set(2)
    await say(store, asked("m2"))
    fence.set(1)
    with answering("m1", "一") as turn, pytest.raises(StaleTurn):
        await say(store, asked("m1"))
    fence.set(None)
    assert not turn.kept and Transcript(store.engine).history(SOMEBODY) == []


async def test_what_is_kept_before_the_message_is_in_it_is_not_the_turn(store: BoundedTrackerStore) -> None:
    with answering("m2", "二") as turn:
        await say(store, asked("m1"))
    assert not turn.kept and Transcript(store.engine).history(SOMEBODY) == []
