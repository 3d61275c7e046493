"""The chat API and the page without JavaScript, as clients may rely on them."""

import html
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.privacy import mask
from bot.reply import Reply
from channels.rate_limit import RateLimiter
from channels.web.messages import BadMessage, parse, printable
from channels.web.session import MAX_AGE_SECONDS, SessionSigner
from tests.conftest import QUESTION, SECRET, Client, Server, running_server, trained_folder

PHONE, ID_NUMBER = "13800138000", "140107199001011234"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# What people type to make Rasa see an intent that nobody recognised.
FORGERIES = [
    "/restart",
    "//restart",
    "／restart",
    " \n/restart",
    "/ /restart",
    "/／restart",
    "/\u3000/restart",
    "\u3000/restart",
    "/\u00a0/restart",
    "/\u2028/restart",
    "\u0000/restart",
    "/\u0007/restart",
    "\ud800/restart",
    "/intent{}",
    '/ask_policy{"payload": "help"}',
    '／ask_policy{"payload": "help"}',
    '/ask_policy@1.0{"payload": "help"}',
    '/\u3000/ask_policy{"payload": "help"}',
]


def is_error(response: requests.Response, status: int, code: str | None = None) -> bool:
    """Whether `response` is an error in the one shape that clients know."""
    error = response.json()["error"]
    assert response.status_code == status, response.text
    assert set(error) == {"code", "message"} and CHINESE.search(error["message"])
    return code is None or error["code"] == code


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_is_created_with_a_cookie_that_scripts_and_other_sites_cannot_use(server: Server) -> None:
    response = requests.post(f"{server.base_url}/chat/sessions")
    assert response.status_code == 201
    parts = [part.strip().lower() for part in response.headers["Set-Cookie"].split(";")]
    assert "httponly" in parts and "samesite=lax" in parts and "path=/" in parts


def test_two_sessions_have_different_cookies(server: Server) -> None:
    assert Client(server.base_url).cookie != Client(server.base_url).cookie


def forged_cookies() -> dict[str, str]:
    own = SessionSigner(SECRET).issue()[1]
    return {
        "empty": "",
        "made up": "web:0123456789abcdef",
        "cut": own[:-1],
        "tampered": ("A" if own[0] != "A" else "B") + own[1:],
        "signed with another secret": SessionSigner("another secret").issue()[1],
        "of another kind": SessionSigner(SECRET).ticket("wechat:somebody"),
        "no text": str(SessionSigner(SECRET)._serializer.dumps({"sender": "web:1"})),
        "very long": own + "A" * 1000,
    }


@pytest.mark.parametrize("kind", forged_cookies())
def test_a_forged_cookie_is_no_session(server: Server, kind: str) -> None:
    cookie = {"Cookie": f"cjt_session={forged_cookies()[kind]}"}
    asked = requests.post(f"{server.base_url}/chat/messages", json={"text": QUESTION}, headers=cookie)
    assert is_error(asked, 401, "no_session")
    assert is_error(requests.get(f"{server.base_url}/chat/history", headers=cookie), 401, "no_session")


def test_without_a_session_there_is_no_answer_and_no_history(server: Server) -> None:
    assert is_error(requests.post(f"{server.base_url}/chat/messages", json={"text": QUESTION}), 401, "no_session")
    assert is_error(requests.get(f"{server.base_url}/chat/history"), 401, "no_session")


def test_an_old_cookie_is_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    signer, now = SessionSigner(SECRET), time.time()
    sender_id, cookie = signer.issue()
    monkeypatch.setattr(time, "time", lambda: now + MAX_AGE_SECONDS - 2)
    assert signer.read(cookie) == sender_id
    monkeypatch.setattr(time, "time", lambda: now + MAX_AGE_SECONDS + 2)
    assert signer.read(cookie) is None


def test_a_session_that_began_on_a_machine_whose_clock_is_ahead_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    signer, now = SessionSigner(SECRET), time.time()
    sender_id, cookie = signer.issue()
    monkeypatch.setattr(time, "time", lambda: now - 120)
    assert signer.read(cookie) == sender_id


# -- answers -----------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_with_the_clause_it_relies_on(client: Client) -> None:
    [reply] = client.say(QUESTION)
    assert Reply.parse_obj(reply).kind == "answer"
    [citation, *_] = reply["citations"]
    assert citation["quote"] and citation["url"].startswith("/policies/")


def test_a_tapped_button_is_answered(client: Client) -> None:
    [greeting] = client.say("你好")
    payload = greeting["quick_replies"][0]["payload"]
    [reply] = client.tap(payload)
    assert reply["kind"] == "answer" and reply["citations"]
    assert [entry["said"] for entry in client.history()] == ["你好", payload]


@pytest.mark.parametrize(
    "payload", ["article:no-such-document#1", "answer:no-such-answer", "ask:nothing", "slot:42", "help"]
)
def test_a_button_that_leads_nowhere_gets_a_kind_word(client: Client, payload: str) -> None:
    [reply] = client.tap(payload)
    assert reply["text"] and not reply["citations"]


def test_the_history_gives_what_was_said_and_answered_in_its_order(client: Client) -> None:
    first, second = client.say("你好", "m-1"), client.say(QUESTION, "m-2")
    history = client.history()
    assert [(e["message_id"], e["said"], e["replies"]) for e in history] == [
        ("m-1", "你好", first),
        ("m-2", QUESTION, second),
    ]
    assert history[0]["at"] <= history[1]["at"]


# -- what cannot be taken ----------------------------------------------------------------------------------------------


def test_a_page_of_the_history_is_what_came_after_or_before_a_message(client: Client) -> None:
    for number in range(5):
        client.say(f"谢谢{number}", f"m{number}")

    def ids(query: str) -> list[str]:
        return [entry["message_id"] for entry in client.get(f"/chat/history?{query}").json()["messages"]]

    assert ids("after=m2") == ["m3", "m4"] and ids("after=m4") == []
    assert ids("before=m3&limit=2") == ["m1", "m2"] and ids("limit=1") == ["m4"]
    assert is_error(client.get("/chat/history?after=erased"), 404, "unknown_message")
    assert is_error(client.get("/chat/history?limit=0"), 422, "invalid_limit")


def test_a_new_conversation_knows_nothing_of_the_old_one_and_gives_a_held_place_back(client: Client) -> None:
    client.say(QUESTION)
    of_the_answer = client.say("原文怎么说?")[0]["citations"]
    client.tap("anew")
    assert of_the_answer and client.say("原文怎么说?")[0]["citations"] != of_the_answer
    [offered] = client.tap("book")
    slot = offered["cards"][0]["slots"][0]
    client.tap(f"slot:{slot['id']}")

    def free() -> int:
        return int(client.get(f"/api/slots/{slot['id']}").json()["free"])

    assert free() == slot["free"] - 1
    [said] = client.tap("anew")
    assert "重新开始" in said["text"] and free() == slot["free"]
    assert all(reply["kind"] != "booking" for reply in client.say("李四 13912345678"))


def test_four_thousand_characters_are_taken_and_one_more_is_too_long(client: Client) -> None:
    assert client.say("实" * 4000)
    assert is_error(client.post({"text": "实" * 4001}), 413, "too_long")
    assert len(client.history()) == 1


def test_a_body_of_more_than_64_kib_is_too_large(client: Client) -> None:
    assert is_error(client.post({"text": "a" * 64 * 1024}), 413)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"text=hello", "invalid_json"),
        (b"\xff\xfe\xfa", "invalid_json"),
        (b"[" * 50_000, "invalid_json"),
        (b'{"text": 1' + b"0" * 5000 + b"}", "invalid_json"),
        ([], "invalid_json"),
        ("实习给不给钱?", "invalid_json"),
        (None, "invalid_json"),
        ({}, "text_or_payload"),
        ({"text": None, "payload": None}, "text_or_payload"),
        ({"text": "你好", "payload": "help"}, "text_or_payload"),
        ({"text": 1}, "invalid_text"),
        ({"text": ["你好"]}, "invalid_text"),
        ({"text": ""}, "empty_text"),
        ({"text": " \n\u3000"}, "empty_text"),
        ({"text": "/／/"}, "empty_text"),
        ({"text": "\u0000\ud800"}, "empty_text"),
        ({"payload": "/restart"}, "unknown_payload"),
        ({"payload": "article:../../etc"}, "unknown_payload"),
        ({"payload": "article:sx-2018-38#16\n"}, "unknown_payload"),
        ({"payload": "slot:" + "1" * 200}, "unknown_payload"),
        ({"payload": {"intent": "greet"}}, "unknown_payload"),
        ({"text": "你好", "message_id": ""}, "invalid_message_id"),
        ({"text": "你好", "message_id": "a b"}, "invalid_message_id"),
        ({"text": "你好", "message_id": "编号"}, "invalid_message_id"),
        ({"text": "你好", "message_id": "a" * 65}, "invalid_message_id"),
        ({"text": "你好", "message_id": "a\n"}, "invalid_message_id"),
        ({"text": "你好", "message_id": 7}, "invalid_message_id"),
        ({"text": "你好", "sender": "web:somebody"}, "unknown_field"),
        ({"text": "你好", "\ud800": 1}, "unknown_field"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_no_message_is_refused_with_a_reason(client: Client, body: object, code: str) -> None:
    assert is_error(client.post(body), 422, code)
    assert client.history() == []


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/chat/messages", 405), ("PUT", "/chat/", 405)]
)
def test_wrong_addresses_and_methods_are_errors_in_chinese(server: Server, method: str, path: str, status: int) -> None:
    assert is_error(requests.request(method, server.base_url + path), status)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/webhooks/rest/webhook"),
        ("GET", "/webhooks/rest/"),
        ("GET", "/socket.io/"),
        ("GET", "/conversations/web:1/tracker"),
        ("POST", "/conversations/web:1/trigger_intent"),
        ("GET", "/model"),
        ("PUT", "/model"),
        ("POST", "/model/parse"),
        ("POST", "/model/train"),
        ("GET", "/domain"),
        ("GET", "/status"),
        ("GET", "/version"),
    ],
)
def test_rasas_own_http_api_is_not_there(server: Server, method: str, path: str) -> None:
    assert is_error(requests.request(method, server.base_url + path, json={"sender": "web:1", "message": "hi"}), 404)


# -- too many messages -------------------------------------------------------------------------------------------------


def test_a_burst_is_as_long_as_a_minutes_messages_and_time_brings_new_ones() -> None:
    limiter = RateLimiter(3)
    assert [limiter.allow("a", 100.0) for _ in range(4)] == [True, True, True, False]
    assert not limiter.allow("a", 119.0)
    assert limiter.allow("a", 121.0)
    assert not limiter.allow("a", 121.0)


def test_long_silence_earns_no_more_than_one_burst() -> None:
    limiter = RateLimiter(2)
    limiter.allow("a", 0.0)
    assert [limiter.allow("a", 100_000.0) for _ in range(3)] == [True, True, False]


def test_one_persons_messages_do_not_count_for_another() -> None:
    limiter = RateLimiter(1)
    assert limiter.allow("a", 5.0) and not limiter.allow("a", 5.0)
    assert limiter.allow("b", 5.0)


def test_people_who_were_silent_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.rate_limit.MAX_PEOPLE", 2)
    limiter = RateLimiter(1)
    for person in ("a", "b", "a", "c"):
        limiter.allow(person, 0.0)
    assert len(limiter._buckets) == 2 and "b" not in limiter._buckets


def test_a_message_above_the_limit_is_one_too_many_and_a_repeat_is_none(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    var = trained_folder(tmp_path_factory.mktemp("slow"))
    # One message a minute: the next token comes long after the test.
    with running_server(var, MESSAGES_PER_MINUTE="1") as slow:
        client = Client(slow.base_url)
        answer = client.tap("help", "m-1")
        assert client.tap("help", "m-1") == answer
        assert is_error(client.post({"payload": "help", "message_id": "m-2"}), 429, "too_many")
        page = client.form(text=QUESTION)
        assert page.status_code == 429 and "太快" in page.text and QUESTION in page.text
        assert Client(slow.base_url).tap("help")
        assert len(client.history()) == 1


# -- repeated messages -------------------------------------------------------------------------------------------------


def test_a_repeated_message_gets_the_answer_it_had_and_stands_once_in_the_history(client: Client) -> None:
    first = client.say(QUESTION, "m-1")
    assert client.say(QUESTION, "m-1") == first
    assert client.say("你好", "m-1") == first
    assert [entry["said"] for entry in client.history()] == [QUESTION]


def test_the_same_message_twice_at_once_is_answered_once(server: Server, client: Client) -> None:
    together = threading.Barrier(4)

    def send(_: int) -> str:
        together.wait(10)
        body = {"text": QUESTION, "message_id": "m-1"}
        response = requests.post(
            f"{server.base_url}/chat/messages", json=body, headers={"Cookie": f"cjt_session={client.cookie}"}
        )
        return response.text

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(send, range(4)))
    assert len(answers) == 1 and json.loads(answers.pop())["messages"][0]["kind"] == "answer"
    assert len(client.history()) == 1
    assert len(user_events(server, client)) == 1


def test_a_message_id_belongs_to_its_session(server: Server, client: Client) -> None:
    other = Client(server.base_url)
    client.say(QUESTION, "m-1")
    assert other.history() == []
    assert other.say("你好", "m-1")[0]["kind"] == "chitchat"
    assert [entry["said"] for entry in client.history()] == [QUESTION]
    assert [entry["said"] for entry in other.history()] == ["你好"]


# -- forged intents ----------------------------------------------------------------------------------------------------


def user_events(server: Server, client: Client) -> list[dict]:
    """What Rasa keeps of the messages of `client`."""
    [(state,)] = server.rows("SELECT state FROM conversations WHERE sender_id = ?", client.sender_id)
    return [event for event in json.loads(state)["events"] if event["event"] == "user"]


@pytest.mark.parametrize("text", FORGERIES, ids=ascii)
def test_typed_text_never_names_an_intent(server: Server, client: Client, text: str) -> None:
    client.say(text)
    [event] = user_events(server, client)
    assert not event["text"].strip().startswith(("/", "／"))
    assert "payload" not in [entity["entity"] for entity in event["parse_data"]["entities"]]
    # Rasa gives a forged intent no ranking beside itself; a recognised one has all of them.
    assert len(event["parse_data"]["intent_ranking"]) > 1
    [(state,)] = server.rows("SELECT state FROM conversations WHERE sender_id = ?", client.sender_id)
    assert '"event": "restart"' not in state


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text(st.sampled_from("/／ \t\n\u00a0\u2003\u2028\u3000\u200b\ufeff\x07a实"), max_size=12))
def test_no_printable_text_begins_like_an_intent(text: str) -> None:
    assert not printable(text).strip().startswith(("/", "／"))


def test_what_is_said_after_a_slash_and_within_a_sentence_stays() -> None:
    assert printable("/实习给不给钱?") == "实习给不给钱?"
    assert printable("1/3 的时间在企业\n可以吗") == "1/3 的时间在企业\n可以吗"


def test_a_form_field_is_checked_like_json() -> None:
    with pytest.raises(BadMessage) as problem:
        parse({"text": "a" * 11}, max_characters=10)
    assert problem.value.status == 413


# -- privacy -----------------------------------------------------------------------------------------------------------


def test_phone_and_id_numbers_are_kept_nowhere(server: Server, client: Client) -> None:
    client.say(f"我叫小李,电话{PHONE},身份证{ID_NUMBER},实习给不给钱?")
    [entry] = client.history()
    assert entry["said"] == "我叫小李,电话〔手机号〕,身份证〔身份证号〕,实习给不给钱?"
    kept = "".join(
        part
        for table, column in (("conversations", "state"), ("chat_messages", "said || replies"))
        for (part,) in server.rows(f"SELECT {column} FROM {table} WHERE sender_id = ?", client.sender_id)
    )
    assert "小李" in kept and PHONE not in kept and ID_NUMBER not in kept


def test_the_database_files_and_the_log_hold_no_phone_number(server: Server, client: Client) -> None:
    number = "15935170246"
    client.say(f"{number} 是我的电话")
    client.form(text=f"电话 {number[:3]} {number[3:7]} {number[7:]}")
    files = list(server.var.glob("chanjiaotong.db*"))
    assert files and not any(number.encode() in path.read_bytes() for path in files)
    assert number not in "".join(server.printed)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("13800138000", "〔手机号〕"),
        ("打138 0013 8000。", "打〔手机号〕。"),
        ("138-0013-8000", "〔手机号〕"),
        ("+86 13800138000", "〔手机号〕"),
        ("8613800138000", "〔手机号〕"),
        ("13800138000、13900139000", "〔手机号〕、〔手机号〕"),
        ("１３８００１３８０００", "〔手机号〕"),
        ("14010719900101123X", "〔身份证号〕"),
        ("14010719900101123x", "〔身份证号〕"),
        ("１４０１０７１９９００１０１１２３４", "〔身份证号〕"),
        ("身份证140107199001011234号", "身份证〔身份证号〕号"),
        ("身份证140107199001011234,电话13800138000", "身份证〔身份证号〕,电话〔手机号〕"),
    ],
)
def test_numbers_of_people_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "晋政办发〔2018〕38号",
        "12333",
        "0351-3046888",
        "补贴300元",
        "2021年6月30日",
        "20210630",
        "订单号1234567890123456",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask(text) == text


# -- the page without JavaScript ---------------------------------------------------------------------------------------


def test_the_page_works_as_a_plain_form(server: Server) -> None:
    browser = requests.Session()
    browser.trust_env = False
    opened = browser.get(f"{server.base_url}/chat/")
    assert opened.status_code == 200 and browser.cookies["cjt_session"]
    message_id = re.search(r'name="message_id" value="([^"]+)"', opened.text)[1]
    fields = {"text": QUESTION, "message_id": message_id}
    for _ in range(2):  # a double click sends the form twice
        sent = browser.post(f"{server.base_url}/chat/", data=fields, allow_redirects=False)
        assert (sent.status_code, sent.headers["Location"]) == (303, "/chat/#latest")
    page = browser.get(f"{server.base_url}/chat/").text
    [exchange] = browser.get(f"{server.base_url}/chat/history").json()["messages"]
    [citation, *_] = exchange["replies"][0]["citations"]
    shown = html.unescape(page)
    assert shown.count(f"<p>{QUESTION}</p>") == 1
    assert exchange["replies"][0]["text"] in shown
    assert f"<p>{citation['quote']}</p>" in shown
    assert f'<a href="{citation["url"]}">{citation["label"]}</a>' in shown


def test_a_new_conversation_by_the_form_leaves_the_old_one_behind_a_link(client: Client) -> None:
    client.form(text=QUESTION)
    assert 'value="anew"' in client.get("/chat/").text
    client.form(payload="anew")
    page = client.get("/chat/").text
    assert QUESTION not in page.replace(f"例如:{QUESTION}", "") and "重新开始" in page
    assert f"<p>{QUESTION}</p>" in client.get("/chat/?all=1").text


def test_quick_replies_are_buttons_of_a_form(client: Client) -> None:
    client.form(text="你好")
    payload, title = re.search(
        r'<button name="payload" value="([^"]+)">([^<]+)</button>', client.get("/chat/").text
    ).groups()
    assert title
    assert client.form(payload=html.unescape(payload)).status_code == 303
    assert client.history()[-1]["replies"][0]["kind"] == "answer"


def test_an_expired_session_is_told_on_the_page_and_a_new_one_begins(server: Server) -> None:
    response = requests.post(f"{server.base_url}/chat/", data={"text": QUESTION}, allow_redirects=False)
    assert response.status_code == 401 and "会话已过期" in response.text
    assert response.cookies["cjt_session"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"text": ""}, 422), ({}, 422), ({"text": "a" * 4001}, 413), ({"payload": "/restart"}, 422)],
    ids=["empty", "nothing", "too long", "unknown button"],
)
def test_a_form_that_cannot_be_taken_shows_the_reason(client: Client, fields: dict[str, str], status: int) -> None:
    response = client.form(**fields)
    assert response.status_code == status
    assert CHINESE.search(re.search(r'role="alert">([^<]+)<', response.text)[1])
    assert client.history() == []


@pytest.mark.parametrize("body", [b"\xff\xfe", b"text=%ff%fe", b"text=%00", b"&&&===", b""], ids=ascii)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "x"])
def test_a_broken_form_is_no_server_error(client: Client, body: bytes, kind: str) -> None:
    response = client.http.post(
        f"{client.base_url}/chat/", data=body, headers={"Content-Type": kind}, allow_redirects=False
    )
    assert response.status_code in (303, 422)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1.evil.example"]
)
def test_other_sites_cannot_speak_for_a_visitor(client: Client, origin: str) -> None:
    assert is_error(client.post({"text": QUESTION}, headers={"Origin": origin}), 403, "cross_origin")
    sent = client.http.post(f"{client.base_url}/chat/", data={"text": QUESTION}, headers={"Origin": origin})
    assert sent.status_code in (401, 403)
    assert "Set-Cookie" not in sent.headers  # nor end a visitor's session by giving another
    assert client.history() == []


def test_our_own_page_may_speak(client: Client) -> None:
    response = client.post({"text": QUESTION}, headers={"Origin": client.base_url})
    assert response.status_code == 200


def test_what_people_type_is_text_on_the_page_not_html(client: Client) -> None:
    script = "<script>alert(1)</script>"
    client.form(text=script)
    assert client.history()[0]["said"] == script
    page = client.get("/chat/").text
    assert script not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    refused = client.form(text='"><script>alert(2)</script>' + "a" * 4000)
    assert refused.status_code == 413 and "<script>alert(2)" not in refused.text


def test_the_page_forbids_foreign_content_and_carries_no_inline_code(client: Client) -> None:
    client.form(text=QUESTION)
    response = client.get("/chat/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy and "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", response.text)
