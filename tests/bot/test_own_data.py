"""What people may ask of everything that is kept of them: /api/me gives it all, and deletes it all, from every store."""

import html
import json
import random
import re

import pytest
import requests
import sqlalchemy as sa

from tests.bot.test_assessments import GOOD, send_roster, workbook
from tests.conftest import QUESTION, Client, Server

NAMED = ["欧阳名单", *GOOD[1:]]


@pytest.fixture
def phone() -> str:
    return f"138{random.randrange(10**8):08d}"


@pytest.fixture
def somebody(client: Client, phone: str) -> Client:
    """Has a booking, a rated answer, a result and a roster's files."""
    [offered] = client.tap("book")
    client.tap(f"slot:{offered['cards'][0]['slots'][-1]['id']}")
    client.tap("reply:yes")
    client.say(f"赵甲 {phone}")
    client.tap("reply:yes")
    client.say(QUESTION, "asked")
    rating = {"message_id": "asked", "useful": False, "comment": f"没说多少钱,打{phone}"}
    assert client.http.post(f"{client.base_url}/chat/feedback", json=rating).status_code == 201
    assert send_roster(client, workbook(NAMED), "/chat/files").status_code == 200
    return client


def everywhere(server: Server, sender_id: str) -> dict[str, int]:
    """How many rows of each of our own tables are this sender's."""
    engine = sa.create_engine(f"sqlite:///{server.var / 'chanjiaotong.db'}")
    owned = {"conversations": "sender_id", "chat_messages": "sender_id", "feedback": "sender_id"}
    owned |= {"decisions": "owner", "kept_files": "owner"}
    with engine.connect() as connection:
        query = "SELECT count(*) FROM {} WHERE {} = :me"
        return {
            table: connection.execute(sa.text(query.format(table, column)), {"me": sender_id}).scalar_one()
            for table, column in owned.items()
        }


def test_one_may_read_everything_that_is_kept(somebody: Client, phone: str) -> None:
    kept = somebody.get("/api/me").json()
    assert {"赵甲", phone} <= {each["value"] for each in kept["values"]} and len(kept["bookings"]) == 1
    [rated] = kept["feedback"]
    assert (rated["message_id"], rated["useful"]) == ("asked", False) and phone not in rated["comment"]
    assert QUESTION in [each["said"] for each in kept["messages"]]
    [decision] = kept["decisions"]
    assert decision["title"] in somebody.get(decision["url"]).text
    assert sorted(file["name"] for file in kept["files"]) == ["津贴测算结果.xlsx", "逐人结果.json"]
    assert all(somebody.get(file["url"]).status_code == 200 for file in kept["files"])


def test_a_page_shows_everything_that_is_kept(somebody: Client, phone: str) -> None:
    kept, page = somebody.get("/api/me").json(), somebody.get("/bookings/mine").text
    shown = {" ".join(each["value"].split()) for each in kept["values"]} | {
        each["headline"] for each in kept["decisions"]
    }
    shown |= {each["name"] for each in kept["files"]} | {each["said"] for each in kept["messages"]}
    shown |= {reply["text"].splitlines()[0] for each in kept["messages"] for reply in each["replies"]}
    assert phone in shown and "<li>:" not in page  # every kind of value has a name
    assert not [each for each in shown if html.escape(each) not in page]
    addresses = re.findall('href="(/(?:assessments|api/assessments|bookings)/[^"]+)"', page)
    assert len(addresses) >= 4 and all(somebody.get(address).status_code == 200 for address in addresses)


def test_one_may_have_everything_deleted_and_every_link_is_dead(server: Server, somebody: Client, phone: str) -> None:
    before = somebody.get("/api/me").json()
    assert all(everywhere(server, somebody.sender_id).values())
    erased = somebody.http.delete(f"{somebody.base_url}/api/me").json()
    assert erased["cancelled"] == [before["bookings"][0]["code"]]
    after = somebody.get("/api/me").json()
    assert after and not any(after.values())
    assert not any(everywhere(server, somebody.sender_id).values())
    for each in (*before["decisions"], *before["files"]):
        assert somebody.get(each["url"]).status_code == 404


def test_nobody_gets_what_is_somebody_elses(server: Server, somebody: Client) -> None:
    assert not any(Client(server.base_url).get("/api/me").json().values())
    assert requests.get(f"{server.base_url}/api/me").status_code == 401
    assert requests.get(f"{server.base_url}/bookings/mine").status_code == 401
    assert Client(server.base_url).get("/bookings/mine").text.count("没有。") == 7


def test_a_roster_names_people_in_sealed_files_alone(server: Server, somebody: Client) -> None:
    assert NAMED[0] not in json.dumps(somebody.history(), ensure_ascii=False)
    people = next(
        f["url"] for f in somebody.get("/api/me").json()["files"] if f["url"].startswith("/assessments/people/")
    )
    assert NAMED[0] in somebody.get(people).text
    for suffix in ("", "-wal"):
        assert NAMED[0].encode() not in (server.var / f"chanjiaotong.db{suffix}").read_bytes()
