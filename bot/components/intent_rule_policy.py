"""Rasa's RulePolicy for rules that are written over intents, which all of ours are."""

from typing import Any

from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class IntentRulePolicy(RulePolicy):
    """RulePolicy, but it does not look for rules over the words of a message before it looks for those over its intent.

    That first look compares every rule with the conversation once more, a tenth of a turn (1.1 ms of 11). It replaces a private method:
    tests/bot/test_intent_rule_policy.py compares both policies, and fails when a rule over words is written.
    """

    def _find_action_from_rules(
        self, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> tuple[str | None, str | None, bool]:
        if use_text_for_last_user_input:
            return None, None, False
        found: Any = super()._find_action_from_rules(tracker, domain, use_text_for_last_user_input=False)
        return found
