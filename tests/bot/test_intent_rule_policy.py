"""The policy that remembers and leaves out rules over words: it must choose what Rasa's own RulePolicy chooses."""

import pytest
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    ConversationPaused,
    Event,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components.intent_rule_policy import IntentRulePolicy


@pytest.fixture(scope="module")
def policy(processor: MessageProcessor) -> IntentRulePolicy:
    nodes = processor.graph_runner._instantiated_nodes.values()
    [found] = [node._component for node in nodes if isinstance(node._component, IntentRulePolicy)]
    return found


def test_no_rule_is_over_words(policy: IntentRulePolicy) -> None:
    keys = [key for rules in policy.lookup.values() if isinstance(rules, dict) for key in rules]
    assert keys and not [key for key in keys if '"text"' in key]


def said(intent: str) -> list[Event]:
    return [ActionExecuted("action_listen"), UserUttered("随便说点什么", {"name": intent, "confidence": 1.0})]


def conversation(processor: MessageProcessor, events: list[Event]) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("someone", events, processor.domain.slots, domain=processor.domain)


@pytest.mark.parametrize(
    "events",
    [
        said("ask_policy"),
        said("greet"),
        said("nlu_fallback"),
        said("restart"),
        [*said("ask_policy"), ActionExecuted("action_answer_policy")],
        [
            *said("start_assessment"),
            ActionExecuted("intern_pay_form"),
            ActiveLoop("intern_pay_form"),
            *said("ask_policy"),
        ],
        [
            *said("start_assessment"),
            ActionExecuted("intern_pay_form"),
            ActiveLoop("intern_pay_form"),
            *said("ask_policy"),
            ActionExecuted("action_answer_policy"),
        ],
    ],
)
def test_the_next_action_is_rasas(
    policy: IntentRulePolicy, processor: MessageProcessor, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = conversation(processor, events)
    ours, again = (policy.predict_action_probabilities(tracker, processor.domain) for _ in range(2))
    monkeypatch.delattr(IntentRulePolicy, "_find_action_from_rules")
    assert IntentRulePolicy._find_action_from_rules is RulePolicy._find_action_from_rules
    rasas = RulePolicy.predict_action_probabilities(policy, tracker, processor.domain)
    assert vars(ours) == vars(again) == vars(rasas)


def test_other_words_of_the_same_meaning_are_decided_by_heart(
    policy: IntentRulePolicy, processor: MessageProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy.predict_action_probabilities(conversation(processor, said("ask_policy")), processor.domain)
    monkeypatch.delattr(RulePolicy, "predict_action_probabilities")  # not asked
    listen, words = said("ask_policy")
    words.text = "别的话"  # type: ignore[attr-defined]
    policy.predict_action_probabilities(conversation(processor, [listen, words]), processor.domain)


def test_a_decision_that_brings_an_event_is_made_anew(policy: IntentRulePolicy, processor: MessageProcessor) -> None:
    """The note to a form that it was interrupted has a time of its own."""
    interrupted = [
        *said("start_assessment"),
        ActionExecuted("training_allowance_form"),
        ActiveLoop("training_allowance_form"),
        *said("ask_policy"),
        ActionExecutionRejected("training_allowance_form"),
        ActionExecuted("action_answer_policy"),
    ]
    tracker = conversation(processor, interrupted)
    first, second = (policy.predict_action_probabilities(tracker, processor.domain) for _ in range(2))
    assert first.probabilities == second.probabilities
    assert not first.events or first.events[0] is not second.events[0]


def test_what_rules_might_see_otherwise_is_never_decided_by_heart(
    policy: IntentRulePolicy, processor: MessageProcessor
) -> None:
    known = len(policy._decided)
    tracker = conversation(processor, [*said("ask_policy"), ConversationPaused()])
    policy.predict_action_probabilities(tracker, processor.domain)
    assert len(policy._decided) == known
    assert not [slot.name for slot in processor.domain.slots if slot.influence_conversation]
