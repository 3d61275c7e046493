"""Custom actions inside the server's process: Rasa must see what an action server would have sent."""

import ast
import inspect
import logging
from typing import Any

import jsonschema
import pytest
import rasa
import rasa.core.actions.action as rasa_action
import yaml
from rasa.core.actions.action import ActionExecutionRejection, RemoteAction
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import ClientResponseError
from rasa_sdk.interfaces import ActionExecutionRejection as SdkRejection

from bot.in_process_actions import APOLOGY, InProcessActions, use_compiled_validator
from bot.reply import Reply
from tests.conftest import ROOT

# What `use_compiled_validator` replaces, as Rasa 3.6.21 has it. When this differs, see what the new one does beside it.
REPLACED = """
def _validate_action_result(self, result: Dict[Text, Any]) -> bool:
    from jsonschema import validate
    from jsonschema import ValidationError
    try:
        validate(result, self.action_response_format_spec())
        return True
    except ValidationError as e:
        e.message += f'. Failed to validate Action server response from API, make sure your response from \
the Action endpoint is valid. For more information about the format visit {DOCS_BASE_URL}/custom-actions'
        raise e
"""
RESULTS: list[Any] = [
    {},
    {"events": [], "responses": []},
    {"responses": [{"custom": {"kind": "answer"}}], "events": []},
    {"events": [{"event": "slot", "name": "policy_context", "value": None}]},
    {"events": [{"event": "slot", "timestamp": None, "name": "policy_context", "value": {"article": "sx-2018-38#16"}}]},
    {"events": [{"event": "followup", "name": "action_listen"}]},
    {"events": [{"event": "restart"}, {"event": "active_loop", "name": "booking_form"}]},
    {"events": [], "responses": [], "unknown": 1},
    {"events": [{"event": "slot"}]},
    {"events": [{"event": "slot", "value": 1}]},
    {"events": [{"event": "no_such_event"}]},
    {"events": [{}]},
    {"events": ["slot"]},
    {"events": {"event": "slot"}},
    {"events": None},
    {"responses": {}},
    {"responses": ["你好"]},
    {"responses": None},
    [],
    "answer",
    None,
    1,
]


class _Action:
    """An action that is known to no package: `does` is what happens when it runs."""

    def __init__(self, does: Any) -> None:
        self.does = does

    def __call__(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        outcome = self.does(dispatcher)
        return outcome or []


def endpoint(does: Any) -> InProcessActions:
    actions = InProcessActions("actions")
    actions.executor.actions["action_tried"] = _Action(does)
    return actions


def call(name: str = "action_tried") -> dict[str, Any]:
    """What Rasa sends to an action endpoint."""
    state = DialogueStateTracker("web:somebody", []).current_state()
    return {
        "next_action": name,
        "sender_id": "web:somebody",
        "tracker": state,
        "domain": {},
        "version": rasa.__version__,
    }


def fail(dispatcher: Any) -> None:
    raise ZeroDivisionError("the booking table is gone")


def reject(dispatcher: Any) -> None:
    raise SdkRejection("action_tried", "不是给这个表单的")


# -- the validator -----------------------------------------------------------------------------------------------------


def test_rasas_own_validation_is_still_the_one_that_is_replaced() -> None:
    tree = ast.parse(inspect.getsource(rasa_action))
    remote = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "RemoteAction")
    method = next(n for n in remote.body if isinstance(n, ast.FunctionDef) and n.name == "_validate_action_result")
    assert ast.unparse(method) == ast.unparse(ast.parse(REPLACED))
    users = [n for n in ast.walk(remote) if isinstance(n, ast.Attribute) and n.attr == "_validate_action_result"]
    assert len(users) == 1


@pytest.mark.parametrize("result", RESULTS, ids=ascii)
def test_the_compiled_validator_judges_like_jsonschema(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        RemoteAction, "_validate_action_result", RemoteAction._validate_action_result
    )  # undone at the end
    use_compiled_validator()
    remote = RemoteAction("action_tried", None)
    try:
        jsonschema.validate(result, RemoteAction.action_response_format_spec())
    except jsonschema.ValidationError:
        with pytest.raises(jsonschema.ValidationError):
            remote._validate_action_result(result)
    else:
        assert remote._validate_action_result(result) is True


def test_the_examples_hold_both_valid_and_invalid_results() -> None:
    validator = jsonschema.validators.validator_for({})(RemoteAction.action_response_format_spec())
    assert {validator.is_valid(result) for result in RESULTS} == {True, False}


# -- what becomes of an action's outcome -------------------------------------------------------------------------------


async def test_an_actions_words_and_events_come_back() -> None:
    def greet(dispatcher: Any) -> list[dict[str, Any]]:
        dispatcher.utter_message(json_message={"kind": "chitchat"})
        return [{"event": "slot", "name": "policy_context", "value": None}]

    result = await endpoint(greet).request(json=call())
    assert result["responses"][0]["custom"] == {"kind": "chitchat"}
    assert result["events"][0]["name"] == "policy_context"


async def test_a_rejection_becomes_the_400_that_rasa_expects() -> None:
    with pytest.raises(ClientResponseError) as refused:
        await endpoint(reject).request(json=call())
    assert refused.value.status == 400


async def test_rasa_understands_a_rejection() -> None:
    remote = RemoteAction("action_tried", endpoint(reject))
    with pytest.raises(ActionExecutionRejection) as rejection:
        await remote.run(
            CollectingOutputChannel(),
            TemplatedNaturalLanguageGenerator({}),
            DialogueStateTracker("web:somebody", []),
            Domain.empty(),
        )
    assert (rejection.value.action_name, rejection.value.message) == ("action_tried", "不是给这个表单的")


async def test_a_failing_action_apologises_with_an_error_number_that_stands_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, logger="bot.in_process_actions"):
        result = await endpoint(fail).request(json=call())
    assert result["events"] == []
    [response] = result["responses"]
    reply = Reply.parse_obj(response["custom"])
    assert reply.kind == "notice" and reply.text.startswith(APOLOGY)
    error_id = reply.text.partition("错误编号 ")[2].rstrip(")")
    [record] = caplog.records
    assert len(error_id) == 12
    # The message itself, for that is all that the server's log format prints.
    assert error_id in record.getMessage() and "action_tried" in record.getMessage()
    assert record.exc_info is not None and record.exc_info[0] is ZeroDivisionError
    assert "ZeroDivisionError" not in reply.text and "booking table" not in reply.text


async def test_an_unknown_action_apologises_too() -> None:
    result = await InProcessActions("actions").request(json=call("action_nobody_wrote"))
    assert result["responses"][0]["custom"]["kind"] == "notice"


async def test_two_failures_have_two_numbers() -> None:
    actions = endpoint(fail)
    first, second = [await actions.request(json=call()) for _ in range(2)]
    assert first["responses"] != second["responses"]


# -- the domain --------------------------------------------------------------------------------------------------------


def test_every_action_that_the_domain_names_is_written_and_every_written_one_is_named() -> None:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "bot" / "domain").glob("*.yml")]
    named = {action for file in files for action in file.get("actions") or []}
    forms = {f"validate_{form}" for file in files for form in file.get("forms") or {}}
    written = set(InProcessActions("actions").executor.actions)
    assert named and {name for name in named if not name.startswith("utter_")} <= written
    assert written <= named | forms
