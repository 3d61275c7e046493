"""Whatever anybody sends to the chat API, the answer is a reply or a Chinese error, never a broken server."""

import json
import re
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.reply import Reply
from tests.conftest import Client, Server

CHINESE = re.compile(r"[\u4e00-\u9fff]")
bounded = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.data_too_large]
)

characters = st.one_of(
    st.characters(),  # every code point, surrogates too
    st.characters(whitelist_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"]),
    st.sampled_from("/／{}\"'\\<>&%;,。?？实习给不给钱津贴企业學徒¥%０１２\u200f\u202e\u2067\ufeff😀👨‍👩‍👧"),
)
texts = st.one_of(
    st.text(characters, max_size=60),
    st.builds(lambda unit, times: unit * times, st.text(characters, min_size=1, max_size=8), st.integers(1, 700)),
    st.builds(lambda depth: "[" * depth + "{" * depth, st.integers(1, 2000)),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(characters, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(characters, max_size=12), inner, max_size=4),
    max_leaves=20,
)
message_like = st.dictionaries(
    st.sampled_from(["text", "payload", "message_id", "sender", "metadata"]), json_values, max_size=4
)
payloads = st.one_of(
    st.text(characters, max_size=140),
    st.from_regex(r"(article|answer|ask|assess|book|slot):[a-z0-9.#-]{0,60}"),
    st.sampled_from(["help", "cancel", "restart", "human", "book", "article:sx-2018-38#16", "article:", "slot:0"]),
)


@pytest.fixture(scope="module")
def fuzzer(server: Server) -> Client:
    return Client(server.base_url)


def check(response: requests.Response, *allowed: int) -> None:
    """The contract of POST /chat/messages."""
    assert response.status_code in allowed, (response.status_code, response.text)
    body = response.json()
    if response.status_code == 200:
        assert set(body) == {"messages"} and body["messages"]
        for message in body["messages"]:
            assert Reply.parse_obj(message).text
    else:
        assert set(body) == {"error"} and set(body["error"]) == {"code", "message"}
        assert body["error"]["code"] and CHINESE.search(body["error"]["message"])


@bounded
@given(text=texts)
@example(text="\ud800")
@example(text="\x00")
@example(text="😀" * 4000)
@example(text="😀" * 4001)
@example(text="\u202e実習給不給錢")
@example(text="一" + "亿" * 3000 + "个人")
@example(text="9" * 4000 + "元")
@example(text="?" * 4000)
@example(text="\n" * 3999 + "?")
@example(text="実習?" * 1000)
def test_any_text_is_answered_or_refused(fuzzer: Client, text: str) -> None:
    check(fuzzer.post({"text": text}), 200, 413, 422)


@bounded
@given(body=json_values | message_like)
@example(body={"\udfff": 1})
@example(body={"text": "你好", "\udfff" * 60: 1})
@example(body={"text": "你好", "message_id": "\udfff"})
@example(body={"text": float("nan")})
def test_any_json_is_answered_or_refused(fuzzer: Client, body: Any) -> None:
    check(fuzzer.post(body), 200, 413, 422)


@bounded
@given(body=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode("utf-16")))
@example(body=b"[" * 60_000)
@example(body=b'{"text":' * 7_000)
@example(body=b"1" * 60_000)
def test_any_bytes_are_answered_or_refused(fuzzer: Client, body: bytes) -> None:
    check(fuzzer.post(body), 200, 413, 422)


@bounded
@given(payload=payloads)
@example(payload="answer:" + "." * 120)
@example(payload="article:sx-2018-38#999.999")
def test_any_button_is_answered_or_refused(fuzzer: Client, payload: str) -> None:
    check(fuzzer.post({"payload": payload}), 200, 413, 422)


header_bytes = st.binary(max_size=300).map(lambda raw: bytes(b for b in raw if b >= 0x20 and b != 0x7F).strip())
cookies = st.one_of(
    header_bytes,
    header_bytes.map(lambda raw: b"cjt_session=" + raw),
    st.builds(lambda name, value: name + b"=" + value, header_bytes, header_bytes),
).filter(bool)


@bounded
@given(cookie=cookies)
@example(cookie=b"cjt_session=\xff\xfe")
@example(cookie="cjt_session=实习".encode())
@example(cookie=b"a,b=1")
@example(cookie=b"a[b]=1; cjt_session=x")
@example(cookie=b"(a)=1; cjt_session=x")
@example(cookie=b'cjt_session="\\777"')
@example(cookie=b"cjt_session=" + b"." * 300)
@example(cookie=b"cjt_session=" + b"eA" * 100 + b".aaaaaa.bbbbbb")
def test_any_cookie_is_no_session(server: Server, cookie: bytes) -> None:
    answered = requests.post(f"{server.base_url}/chat/messages", json={"text": "你好"}, headers={"Cookie": cookie})
    check(answered, 401)
    assert requests.get(f"{server.base_url}/chat/", headers={"Cookie": cookie}).status_code == 200


def test_a_foreign_cookie_beside_ours_does_not_end_the_session(server: Server, fuzzer: Client) -> None:
    both = {"Cookie": f"a,b=1; cjt_session={fuzzer.cookie}"}
    assert requests.get(f"{server.base_url}/chat/history", headers=both).status_code == 200


@bounded
@given(message_id=st.text(characters, max_size=70) | st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True))
def test_any_message_id_is_taken_or_refused(fuzzer: Client, message_id: str) -> None:
    check(fuzzer.post({"payload": "help", "message_id": message_id}), 200, 422)
