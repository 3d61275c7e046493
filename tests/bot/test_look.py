"""How a visitor wants pages to look: the cookie, the root element, Traditional characters, and the tokens behind it."""

import json
import re

import pytest
import requests

from bot.look import CHOICES, Look, traditional_page
from policy_kb.normalise import to_traditional
from tests.conftest import QUESTION, ROOT, Client, Server


def choose(server: Server, **fields: str) -> requests.Response:
    return requests.post(f"{server.base_url}/settings/", data=fields, allow_redirects=False)


def page(server: Server, path: str, look: str) -> str:
    return requests.get(server.base_url + path, headers={"Cookie": f"cjt_look={look}"}).text


def test_a_choice_is_kept_and_put_onto_every_page(server: Server) -> None:
    chosen = choose(server, size="elder", theme="dark", script="hans", back="/slots/")
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/slots/")
    cookie = chosen.headers["Set-Cookie"].lower()
    assert "cjt_look=elder.dark.hans" in cookie and "httponly" in cookie and "samesite=lax" in cookie
    for path in (
        "/chat/",
        "/policies/",
        "/policies/sx-2018-38",
        "/policies/rules/",
        "/slots/",
        "/bookings/",
        "/settings/",
    ):
        assert '<html lang="zh-Hans" data-size="elder" data-theme="dark">' in page(server, path, "elder.dark.hans")


@pytest.mark.parametrize("look", ["", "huge.dark", "elder.dark.hans.more", "<b>", "elder", "...", 'x" onload="'])
def test_an_odd_cookie_is_no_look_or_a_part_of_one(server: Server, look: str) -> None:
    found = re.search(r"<html [^>]*>", page(server, "/policies/", look))
    assert found and re.fullmatch(r'<html lang="zh-Hans"( data-(size|theme)="[a-z]+")*>', found[0])


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_nobody_is_led_to_another_site(server: Server, back: str) -> None:
    assert choose(server, size="elder", back=back).headers["Location"] == "/chat/"


def test_other_sites_choose_nothing(server: Server) -> None:
    asked = requests.post(
        f"{server.base_url}/settings/", data={"size": "elder"}, headers={"Origin": "https://evil.example"}
    )
    assert asked.status_code == 403 and "Set-Cookie" not in asked.headers


def test_pages_come_in_traditional_characters_and_the_policy_as_it_is_written(server: Server) -> None:
    shown = page(server, "/policies/sx-2018-38", "normal.auto.hant")
    as_written = page(server, "/policies/sx-2018-38", "normal.auto.hans")
    assert "全部文件" in shown and "發文機關" in shown and 'lang="zh-Hant"' in shown
    policy = re.compile(r"(?s)<section .*</section>")
    assert policy.search(shown)[0] == policy.search(as_written)[0]  # type: ignore[index]


def test_what_is_sent_back_is_not_converted() -> None:
    form = '<input value="实训" placeholder="实训"><select><option>实训</option></select><p>实训</p>'
    converted = '<input value="实训" placeholder="實訓"><select><option>实训</option></select><p>實訓</p>'
    assert traditional_page(form) == converted


def test_answers_come_in_traditional_characters_and_their_quotes_do_not(client: Client) -> None:
    client.http.cookies.set("cjt_look", "normal.auto.hant")
    [reply] = client.say(QUESTION)
    assert to_traditional(reply["text"]) == reply["text"] and "實" in reply["text"]
    assert "实习" in reply["citations"][0]["quote"]
    assert client.history()[0]["said"] == QUESTION and client.history()[0]["replies"] == [reply]


def test_every_choice_has_a_button(server: Server) -> None:
    settings = page(server, "/settings/", str(Look(size="largest")))
    for kind, known in CHOICES.items():
        for value in known:
            assert f'name="{kind}" value="{value}"' in settings
    assert 'name="size" value="largest" checked' in settings


def test_dark_by_choice_is_dark_by_system() -> None:
    css = (ROOT / "bot/static/plain.css").read_text()
    chosen = re.search(r':root\[data-theme="dark"\] \{(.*?)\n\}', css, re.S)
    system = re.search(r':root:not\(\[data-theme="light"\]\) \{(.*?)\n  \}', css, re.S)
    assert chosen and system and chosen[1].split() == system[1].split()


def test_the_chat_pages_words_are_the_same_in_both_scripts() -> None:
    words = json.loads((ROOT / "web/src/words.json").read_text())
    assert words["hant"] == {name: to_traditional(word) for name, word in words["hans"].items()}
    used = set(
        re.findall(r"(?:\bt|words\(\))\.(\w+)", "".join(p.read_text() for p in (ROOT / "web/src").glob("*.js*")))
    )
    assert used <= set(words["hans"]) | {"script", "size", "theme"}
