"""Runs the custom actions inside the server's process instead of calling an action server over HTTP.

`RemoteAction` only calls `action_endpoint.request(json=…)`, so an EndpointConfig that answers it is all that is needed.
The same `actions` package serves `rasa run actions` unchanged.
"""

import copy
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

import fastjsonschema
import jsonschema
from rasa.core.actions.action import RemoteAction
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection

from bot.database import AWAY
from bot.reply import Reply

logger = logging.getLogger(__name__)

APOLOGY = "刚才出错了,请再说一次。"


class TurnInterrupted(BaseException):
    """The database went away in the middle of an action. Not an Exception: Rasa catches those and would go on, and keep the turn."""


class InProcessActions(EndpointConfig):
    """An action endpoint that is the `actions` package itself."""

    def __init__(self, package: str = "actions") -> None:
        super().__init__(url="inprocess://actions", enable_selective_domain=True)
        self.executor = ActionExecutor()
        self.executor.register_package(package)

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Run the action named in `json`. A rejection becomes the 400 that Rasa expects; any failure becomes an apology, unless
        the database is away: then the whole turn is given up, to be sent again."""
        call = kwargs["json"]
        try:
            return await self.executor.run(call)
        except ActionExecutionRejection as rejection:
            body = json.dumps({"action_name": rejection.action_name, "error": rejection.message})
            raise ClientResponseError(400, "rejected", body) from rejection
        except AWAY as error:
            raise TurnInterrupted from error
        except Exception:
            error_id = uuid.uuid4().hex[:12]
            logger.exception("action %s failed, error number %s", call.get("next_action"), error_id)
            apology = Reply(kind="notice", text=f"{APOLOGY}(错误编号 {error_id})")
            return {"events": [], "responses": [{"custom": apology.dict()}]}


def _compiled(schema: dict[str, Any]) -> Callable[[Any], None]:
    """A validator of `schema` that looks an event's rules up by its name instead of trying those of all 23 kinds (0.7 ms a call)."""
    schema = copy.deepcopy(schema)
    kinds = schema["properties"]["events"]["items"].pop("oneOf")
    whole = fastjsonschema.compile(schema)
    of_kind = {kind["properties"]["event"]["const"]: fastjsonschema.compile(kind) for kind in kinds}

    def validate(result: Any) -> None:
        whole(result)
        for event in result.get("events", []) if isinstance(result, dict) else []:
            if event["event"] not in of_kind:
                raise fastjsonschema.JsonSchemaException(f"unknown event {event['event']!r}")
            of_kind[event["event"]](event)

    return validate


_validate = _compiled(RemoteAction.action_response_format_spec())


def _validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
    try:
        _validate(result)
    except fastjsonschema.JsonSchemaException as error:
        raise jsonschema.ValidationError(str(error)) from error
    return True


def use_compiled_validator() -> None:
    """Compile the validator of action results once.

    Rasa 3.6.21 calls `jsonschema.validate` for every action, which re-checks the schema itself each time: 30 ms a call, 99 % of an
    action's cost (shared/facts/rasa.md section 4). Private method: tests/bot/test_in_process_actions.py fails when Rasa changes it.
    """
    RemoteAction._validate_action_result = _validate_action_result
