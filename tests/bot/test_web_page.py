"""What the chat page is served from: hashed and compressed when it is built, the plain page when it is not."""

import gzip
import json
from pathlib import Path

import pytest
import requests
from aiohttp import ClientSession

from bot.web_page import bundle, web_page
from tests.channels.serving import serving
from tests.conftest import QUESTION, Client, Server


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "chat-1a2b.js").write_text("let a;")
    (tmp_path / "chat-1a2b.js.gz").write_bytes(gzip.compress(b"let a;"))
    (tmp_path / "chat-1a2b.js.br").write_bytes(b"brotli")
    (tmp_path / "chat-3c4d.css").write_text("a{}")
    (tmp_path / "manifest.json").write_text(json.dumps({"js": "chat-1a2b.js", "css": "chat-3c4d.css"}))
    return tmp_path


def test_the_page_names_what_was_built(dist: Path) -> None:
    assert bundle(dist) == {"js": "/assets/chat-1a2b.js", "css": "/assets/chat-3c4d.css"}


@pytest.mark.parametrize("lost", ["manifest.json", "chat-1a2b.js"])
def test_a_build_that_is_not_whole_is_none(dist: Path, lost: str) -> None:
    (dist / lost).unlink()
    assert bundle(dist) is None
    (dist / "manifest.json").write_text("{")
    assert bundle(dist) is None


@pytest.mark.parametrize(
    ("accepted", "way"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("", None), ("bread", None)]
)
async def test_files_are_sent_as_the_browser_takes_them(dist: Path, accepted: str, way: str | None) -> None:
    async with serving(web_page(dist), "/") as address, ClientSession(auto_decompress=False) as browser:
        response = await browser.get(
            f"{address}/assets/chat-1a2b.js", headers={"Accept-Encoding": accepted or "identity"}
        )
        assert response.status == 200 and response.headers.get("Content-Encoding") == way
        assert response.content_type == "text/javascript" and "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["manifest.json", "chat-1a2b.js.gz", "..%2fserver.py", "chat-9z9z.js"])
def test_nothing_else_is_served(server: Server, name: str) -> None:
    assert requests.get(f"{server.base_url}/assets/{name}").status_code == 404


def test_pages_and_the_history_are_compressed_whosever_they_are_and_the_answers_to_programs_are_not(
    server: Server, client: Client
) -> None:
    policy = requests.get(f"{server.base_url}/policies/sx-2018-38")
    assert policy.headers["Content-Encoding"] == "gzip" and "推进实习实训规范化" in policy.text
    assert {"Cookie", "Accept-Encoding"} <= {v.strip() for v in policy.headers["Vary"].split(",")}
    client.say(QUESTION)
    history = client.get("/chat/history")
    assert history.headers["Content-Encoding"] == "gzip" and history.json()["messages"][0]["said"] == QUESTION
    assert client.get("/chat/").headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in client.post({"text": QUESTION}).headers
    assert "Content-Encoding" not in client.get("/chat/", headers={"Accept-Encoding": "identity"}).headers
