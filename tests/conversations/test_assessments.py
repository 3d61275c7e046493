"""Whole assessments as people have them: tests/conversations/assessments.yml, turn by turn, through the chat API of a real server."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_kb.normalise import same_length
from policy_kb.rules import PROGRAMMES
from tests.conftest import Client

CONVERSATIONS = yaml.safe_load((Path(__file__).parent / "assessments.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=[c["name"] for c in CONVERSATIONS])
def test_conversation(client: Client, conversation: dict[str, Any]) -> None:
    for turn in conversation["turns"]:
        message_id = turn.get("id")
        replies = client.tap(turn["tap"], message_id) if "tap" in turn else client.say(turn["say"], message_id)
        said, text = turn.get("tap") or turn["say"], "\n".join(reply["text"] for reply in replies)
        assert [reply["kind"] for reply in replies] == turn["kinds"], (said, text)
        for fragment in turn.get("text", []):
            assert fragment in text, said
        for fragment in turn.get("without", []):
            assert fragment not in text, said
        cited = [citation["article"] for reply in replies for citation in reply["citations"]]
        assert set(turn.get("cites", [])) <= set(cited), said
        offered = [button["payload"] for reply in replies for button in reply["quick_replies"]]
        assert set(turn.get("offers", [])) <= set(offered), said
        if replies[-1]["kind"] == "assessment":
            assert_complete(client, replies[-1])


def assert_complete(client: Client, result: dict[str, Any]) -> None:
    """A result names its reasons, whom to ask and who decides, quotes its clauses, and opens again under its own link."""
    text = same_length(result["text"])
    assert all(part in text for part in ("〔", "问哪里:", "以主管部门的答", "按您说的算的:"))
    assert result["citations"] and all(citation["quote"] for citation in result["citations"])
    [card], [link] = result["cards"], result["attachments"]
    assert card["decision"]["programme"] in PROGRAMMES
    page = client.get(link["url"])
    assert page.status_code == 200 and text.splitlines()[0] in same_length(page.text)


def test_every_programme_is_talked_through_to_its_result() -> None:
    ended = Counter(conversation["programme"] for conversation in CONVERSATIONS if "programme" in conversation)
    assert set(ended) == set(PROGRAMMES) and len(CONVERSATIONS) >= 30
