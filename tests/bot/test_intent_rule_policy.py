"""The policy that leaves out rules over words: it must choose what Rasa's own RulePolicy chooses."""

import pytest
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, UserUttered
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
    tracker = DialogueStateTracker.from_events("someone", events, processor.domain.slots, domain=processor.domain)
    ours = policy.predict_action_probabilities(tracker, processor.domain).probabilities
    monkeypatch.delattr(IntentRulePolicy, "_find_action_from_rules")
    assert IntentRulePolicy._find_action_from_rules is RulePolicy._find_action_from_rules
    assert ours == policy.predict_action_probabilities(tracker, processor.domain).probabilities
