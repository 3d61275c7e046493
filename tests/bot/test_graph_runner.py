"""The direct runner of Rasa's prediction graph: it must find what Rasa's own runner finds."""

from typing import Any

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.core.processor import MessageProcessor
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.graph_runner import DirectGraphRunner


def rasas_own(direct: DirectGraphRunner) -> DaskGraphRunner:
    runner = DaskGraphRunner.__new__(DaskGraphRunner)
    runner._graph_schema, runner._instantiated_nodes = direct._graph_schema, direct._instantiated_nodes
    runner._execution_context = None
    return runner


def seen(outputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs as plain values."""
    return {
        name: [message.as_dict() for message in value] if isinstance(value, list) else vars(value[0])
        for name, value in outputs.items()
    }


@pytest.mark.parametrize("text", ["实习给不给钱?", "你好", "新招8个人,3个考了证,能领多少", "😀"])
def test_messages_are_understood_as_by_rasas_runner(processor: MessageProcessor, text: str) -> None:
    direct = processor.graph_runner
    assert isinstance(direct, DirectGraphRunner)
    metadata = processor.model_metadata
    found = []
    for runner in (direct, rasas_own(direct)):
        inputs = {"__message__": [UserMessage(text)], "__tracker__": None}
        found.append(seen(runner.run(inputs=inputs, targets=[metadata.nlu_target])))
    for each in found:
        for message in each[metadata.nlu_target]:
            message.pop("message_id", None)
    assert found[0] == found[1]


def test_the_next_action_is_the_one_that_rasas_runner_predicts(processor: MessageProcessor) -> None:
    direct = processor.graph_runner
    tracker = DialogueStateTracker("someone", processor.domain.slots)
    tracker.update(ActionExecuted("action_listen"), processor.domain)
    tracker.update(UserUttered("实习给不给钱?", {"name": "ask_policy", "confidence": 1.0}), processor.domain)
    target = processor.model_metadata.core_target
    predictions = [
        runner.run(inputs={"__tracker__": tracker}, targets=[target])[target].probabilities
        for runner in (direct, rasas_own(direct))
    ]
    assert predictions[0] == predictions[1]
