"""Assessments over HTTP, through the front door of a running server: decisions, rosters, and their pages."""

import io
from typing import Any

import openpyxl
import pytest
import requests

from policy_kb.rules import PROGRAMMES, assess
from policy_kb.rules.store import DecisionStore
from tests.conftest import Client, filled_in_roster

API = "/api/assessments"
FIRM = {
    "is_sme": True,
    "headcount": 8,
    "new_hire": True,
    "trained_with_school": True,
    "contract_months": 12,
    "qualified_count": 3,
    "qualified_within_year": True,
}
HEADER = [
    "姓名",
    "是否新招聘",
    "是否与职业院校合作培训",
    "合同开始日期",
    "合同结束日期",
    "取得证书或提升等级",
    "取得日期",
    "开始履行合同日期",
]
GOOD = ["张三", "是", "是", "2024-03-01", "2025年2月28日", "证书", "2024/9/1", "2024-03-01"]


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADER, *rows):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def decide(client: Client, programme: str, body: object, **more: Any) -> requests.Response:
    return client.http.post(f"{client.base_url}{API}/{programme}", json=body, **more)


def send_roster(client: Client, content: bytes, path: str = f"{API}/training-allowance/roster", **more: Any) -> Any:
    files = {"file": ("名单.xlsx", content)}
    return client.http.post(client.base_url + path, files=files, **more)


def test_eight_hires_with_three_certificates_are_3300_yuan_with_reasons_and_clause(client: Client) -> None:
    answer = decide(client, "training-allowance", FIRM).json()
    assert (answer["outcome"], answer["amount"]) == ("partial", "3300")
    assert {c["article"] for c in answer["citations"]} == {"sx-2018-38#16"}
    assert "3300" in answer["explanation"].splitlines()[0]


@pytest.mark.parametrize("programme", sorted(PROGRAMMES))
def test_every_programme_has_a_schema_and_takes_an_empty_input(client: Client, programme: str) -> None:
    schema = client.get(f"{API}/{programme}").json()
    assert set(schema["properties"]) >= {field.name for field in PROGRAMMES[programme].fields}
    answer = decide(client, programme, {}).json()
    assert answer["outcome"] == "unknown" and answer["next_input"]["question"]


def test_all_programmes_are_listed(client: Client) -> None:
    assert {p["id"] for p in client.get(API).json()["programmes"]} == set(PROGRAMMES)


@pytest.mark.parametrize(
    ("programme", "body", "query", "status", "code"),
    [
        ("no-such", {}, "", 404, "unknown_programme"),
        ("training-allowance", {"headcount": -1}, "", 422, "invalid_input"),
        ("training-allowance", {"colour": "red"}, "", 422, "invalid_input"),
        ("training-allowance", [], "", 422, "invalid_input"),
        ("training-allowance", {}, "?on=2010-01-01", 422, "not_in_force"),
        ("training-allowance", {}, "?on=gestern", 422, "invalid_date"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_chinese(
    client: Client, programme: str, body: object, query: str, status: int, code: str
) -> None:
    answer = client.http.post(f"{client.base_url}{API}/{programme}{query}", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert any("\u4e00" <= c <= "\u9fff" for c in error["message"])


def test_half_a_json_is_no_server_error(client: Client) -> None:
    answer = client.http.post(f"{client.base_url}{API}/intern-pay", data=b'{"pay": ')
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_json")


def test_a_decision_opens_again_under_its_link_and_comes_out_the_same(client: Client) -> None:
    url = decide(client, "training-allowance", FIRM).json()["url"]
    page = Client(client.base_url).get(url)
    assert page.status_code == 200 and "3300" in page.text and "结果一样" in page.text
    assert page.headers["Cache-Control"] == "no-store" and "script" not in page.text


def test_a_guessed_link_opens_nothing(client: Client) -> None:
    assert client.get("/assessments/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404
    assert client.get("/files/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404


def test_a_roster_comes_back_with_sum_rows_errors_and_an_annotated_workbook(client: Client) -> None:
    bad = ["李四", "是", "是", "去年春天", "2025-02-28", "没有", None, None]
    answer = send_roster(client, workbook(GOOD, bad), data={"is_sme": "true"}).json()
    assert answer["total"] == "600" and answer["not_counted"] == [3]
    assert "第 3 行“合同开始日期”" in answer["rows"][1]["errors"][0]
    book = openpyxl.load_workbook(io.BytesIO(client.get(answer["workbook"]).content))
    cells = [str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row if cell.value is not None]
    assert "600" in cells and any("去年春天" in cell for cell in cells)


def test_who_asks_for_a_workbook_gets_the_workbook(client: Client) -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    answer = send_roster(client, workbook(GOOD), data={"is_sme": "true"}, headers={"Accept": kind})
    assert answer.headers["Content-Type"] == kind and answer.content.startswith(b"PK")


def test_the_template_can_be_filled_in_and_sent(client: Client) -> None:
    filled_in = filled_in_roster(client.base_url)
    assert send_roster(client, filled_in, data={"is_sme": "true"}).json()["total"] == "300"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), 422, "password"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 422, "wrong_type"),
        (b"PK\x03\x04 and no more", 422, "damaged"),
        (bytes(5 * 1024 * 1024 + 1), 413, "too_large"),
    ],
)
def test_a_file_that_is_no_roster_is_refused_kindly(client: Client, content: bytes, status: int, code: str) -> None:
    answer = send_roster(client, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_roster_in_the_chat_asks_for_the_firms_size_and_then_gives_the_sum(client: Client) -> None:
    (reply,) = send_roster(client, workbook(GOOD, GOOD), "/chat/files").json()["messages"]
    assert reply["kind"] == "assessment" and "中小微企业吗" in reply["text"]
    (settled,) = client.tap(reply["quick_replies"][0]["payload"])
    assert settled["text"].startswith("按文件,可以领 1200 元")
    people, workbook_, decision = [attachment["url"] for attachment in settled["attachments"]]
    assert all(client.get(url).status_code == 200 for url in (people, workbook_, decision))


def test_the_card_of_a_roster_has_the_sum_and_the_rows_to_mend(client: Client) -> None:
    unclear, open_ = (
        ["李四", "是", "是", "去年春天", "2025-02-28", "没有", None, None],
        ["王五", "是", "是", *[None] * 5],
    )
    (asked,) = send_roster(client, workbook(GOOD, unclear, open_), "/chat/files").json()["messages"]
    assert "中小微企业吗" in asked["cards"][0]["roster"]["asked"]
    (settled,) = client.tap(asked["quick_replies"][0]["payload"])
    [card] = settled["cards"]
    assert card["decision"]["amount"] == "600" and "inputs" not in card["decision"]
    assert card["roster"]["incomplete_rows"] == 2 and card["roster"]["asked"] is None
    wrong, missing = card["roster"]["incomplete"]
    assert "去年春天" in wrong and missing.startswith("第 4 行:要补")


def test_everybodys_result_is_a_page_of_fifty_at_once(client: Client) -> None:
    people = [[f"学员{number:03d}", *GOOD[1:]] for number in range(60)]
    lacking = ["缺证书", *GOOD[1:5], None, None, None]
    url = send_roster(client, workbook(*people, lacking), data={"is_sme": "true"}).json()["people"]
    first, second, only = (client.get(url + query).text for query in ("", "?page=2", "?only=incomplete"))
    assert first.count("<strong>学员") == 50 and second.count("<strong>学员") == 10 and "学员050" in second
    assert only.count("<strong>学员") == 0 and "缺证书" in only and "要补" in only
    assert client.get(f"{url}?page=99999").text == second and client.get(f"{url}?page=-1").text == first


def test_a_repeated_upload_is_answered_once(client: Client) -> None:
    answers = [send_roster(client, workbook(GOOD), "/chat/files", data={"message_id": "up-1"}).json() for _ in range(2)]
    assert answers[0] == answers[1] and len(client.history()) == 1


def test_a_picture_in_the_chat_gets_a_hint_and_the_template(client: Client) -> None:
    (reply,) = send_roster(client, b"\x89PNG\r\n\x1a\n", "/chat/files").json()["messages"]
    assert reply["kind"] == "notice" and reply["attachments"][0]["url"].endswith("template.xlsx")


def test_names_of_a_roster_are_not_kept_in_plain_text(client: Client, server: Any) -> None:
    named = ["赵钱孙", *GOOD[1:]]
    send_roster(client, workbook(named), data={"is_sme": "true"})
    assert not server.rows("SELECT 1 FROM decisions WHERE decision LIKE '%赵钱孙%'")


def test_large_bodies_are_for_uploads_alone(client: Client) -> None:
    assert decide(client, "intern-pay", {"pay": "1" * 70_000}).status_code == 413


def test_the_rules_page_shows_every_rule_with_its_clause(client: Client) -> None:
    page = client.get("/policies/rules/").text
    assert all(f'id="{programme}"' in page for programme in PROGRAMMES)
    assert "300 元" in page and "6 个月" in page and "还没有人确认过" in page and "/policies/sx-2018-38?quote=" in page


def test_a_policy_answer_offers_to_work_out_ones_own_case(client: Client) -> None:
    replies = client.say("培训津贴一人给多少钱?")
    assert "assess:training-allowance" in [q["payload"] for q in replies[-1]["quick_replies"]]


def test_a_decision_that_came_from_other_rules_is_not_called_the_same(tmp_path: Any) -> None:
    from datetime import date, datetime, timezone

    from bot.database import make_engine

    store = DecisionStore(make_engine(f"sqlite:///{tmp_path}/d.db"))
    decision = assess("training-allowance", FIRM, date(2026, 11, 21)).as_dict()
    for amount, same in (("3300", True), ("4800", False)):
        kept = store.get(store.add("api", {**decision, "amount": amount}, datetime.now(timezone.utc)))
        assert kept is not None and kept.reproduced is same
