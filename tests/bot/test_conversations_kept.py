"""Conversation state on a running server: gone when somebody asks for it, and never begun anew because the database was away."""

import sqlite3

from tests.conftest import QUESTION, Client, Server


def test_who_is_erased_leaves_no_state_and_nothing_that_was_said(server: Server, client: Client) -> None:
    client.say(QUESTION)
    client.say("那要签多久合同?")
    assert server.rows("SELECT 1 FROM conversations WHERE sender_id = ?", client.sender_id)
    client.tap("erase")
    assert "删好了" in client.tap("confirm-erase")[0]["text"]
    assert server.rows("SELECT 1 FROM conversations WHERE sender_id = ?", client.sender_id) == []
    assert [each["said"] for each in client.history()] == ["confirm-erase"]
    assert client.say(QUESTION)[0]["kind"] == "answer"


def test_a_message_is_told_to_come_again_while_the_database_cannot_write_and_is_answered_then(
    server: Server, client: Client
) -> None:
    client.say("新招的人培训完,企业每人能领多少津贴?")
    with sqlite3.connect(server.var / "chanjiaotong.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = client.post({"text": "要签多久合同?", "message_id": "m1"})
        other.execute("ROLLBACK")
    assert refused.status_code == 503 and refused.json()["error"]["code"] == "unavailable"
    assert "再发一次" in refused.json()["error"]["message"]
    assert "m1" not in [each["message_id"] for each in client.history()]
    assert "6个月" in client.say("要签多久合同?", "m1")[0]["text"]  # it still knows what was talked about
