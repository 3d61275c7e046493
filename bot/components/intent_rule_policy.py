"""Rasa's RulePolicy for rules that are written over intents, which all of ours are."""

import copy
from collections.abc import Callable, Hashable
from typing import Any

from rasa.core.policies.policy import PolicyPrediction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core import events
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

# What of an event is seen by rules: nobody's words, of a slot nothing, because none of ours influences the conversation.
_SEEN: dict[type[events.Event], Callable[[Any], Hashable]] = {
    events.UserUttered: lambda said: (
        said.intent_name,
        tuple(sorted((each["entity"], each.get("role"), each.get("group")) for each in said.entities)),
    ),
    events.ActionExecuted: lambda action: (action.action_name, action.action_text, action.hide_rule_turn),
    events.ActiveLoop: lambda loop: loop.name,
    events.LoopInterrupted: lambda loop: loop.is_interrupted,
    events.ActionExecutionRejected: lambda action: action.action_name,
    events.DefinePrevUserUtteredFeaturization: lambda before: before.use_text_for_featurization,
    events.SlotSet: lambda slot: None,
    events.BotUttered: lambda said: None,
    events.SessionStarted: lambda session: None,
}
REMEMBERED = 10_000


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class IntentRulePolicy(RulePolicy):
    """RulePolicy that remembers what it decided when the same things had happened, and looks for no rules over words.

    RulePolicy makes the states of a conversation anew and compares every rule with them for each of a turn's two decisions, and once more
    for rules over words: 2 ms of a 12 ms turn. The second part replaces a private method. tests/bot/test_intent_rule_policy.py compares
    both policies, and fails when a rule over words or a slot that influences the conversation is written.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._decided: dict[Hashable, PolicyPrediction] = {}

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: dict[str, Any] | None = None,
        **named: Any,
    ) -> PolicyPrediction:
        happened = _seen(tracker)
        decided = self._decided.get(happened) if happened is not None else None
        if decided is not None:
            return copy.copy(decided)
        prediction: PolicyPrediction = super().predict_action_probabilities(tracker, domain, rule_only_data, **named)
        if happened is not None and not prediction.events:  # an event is of its turn
            if len(self._decided) >= REMEMBERED:
                self._decided.clear()
            self._decided[happened] = copy.copy(prediction)
        return prediction

    def _find_action_from_rules(
        self, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> tuple[str | None, str | None, bool]:
        if use_text_for_last_user_input:
            return None, None, False
        found: Any = super()._find_action_from_rules(tracker, domain, use_text_for_last_user_input=False)
        return found


def _seen(tracker: DialogueStateTracker) -> Hashable | None:
    """What rules see of a conversation; None when there is something in it of which that is not known."""
    happened = tracker.applied_events()
    if not all(type(event) in _SEEN for event in happened):
        return None
    return tuple((type(event), _SEEN[type(event)](event)) for event in happened)
