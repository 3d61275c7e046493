"""Booking over HTTP through the front door: the API, the pages without JavaScript, and what a base's staff do."""

import html
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any
from xml.etree import ElementTree

import icalendar
import pytest
import requests
import sqlalchemy as sa

from booking.codes import check_ticket
from booking.database import make_engine
from booking.desk import Desk, open_desk
from booking.models import AuditEvent, Base, Course, Slot, VaultEntry
from booking.service import book
from bot.booking_links import booking_address, calendar_address, opens
from tests.conftest import SECRET, Client, Server, running_server, trained_folder

STAFF_TOKEN = "a token for staff only"
NAME, PHONE = "欧阳测试", "13812345678"
_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    var = trained_folder(tmp_path_factory.mktemp("bookings"))
    with running_server(var, MESSAGES_PER_MINUTE="100000", STAFF_TOKEN=STAFF_TOKEN) as running:
        yield running


class BackOffice:
    """The server's booking database from behind: slots as a test needs them, at a base that is not an example."""

    def __init__(self, server: Server) -> None:
        self.desk: Desk = open_desk(make_engine(f"sqlite:///{server.var / 'chanjiaotong.db'}"), [SECRET])
        number = next(_numbers)
        self.field = f"陶艺{number}"
        with self.desk.engine.connect().execution_options(writes=True) as connection, connection.begin():
            self.base = _add(connection, Base, reference=f"T{number}", name=f"测试基地{number}", level="省级", mode="院校主导",
                             city="阳泉市", address="测试路1号", phone="0353-0000000")  # fmt: skip
            self.course = _add(connection, Course, base_id=self.base, reference="K", title="陶艺制作", field=self.field,
                               service="技能实习实训", fee_kind="公益", minutes=120, max_party=6)  # fmt: skip

    def slot(self, capacity: int = 5, hours: float = 72) -> int:
        starts = datetime.now(timezone.utc) + timedelta(hours=hours)
        with self.desk.engine.connect().execution_options(writes=True) as connection, connection.begin():
            times = {"starts_at": starts, "ends_at": starts + timedelta(hours=2), "booking_deadline": starts}
            cancel_until = starts - timedelta(hours=max(0, min(24, hours)))
            return _add(connection, Slot, course_id=self.course, base_id=self.base, reference=f"S{next(_numbers)}",
                        capacity=capacity, cancellation_deadline=cancel_until, **times)  # fmt: skip

    def fill(self, slot: int, owner: str = "web:somebody-else", party: int = 1) -> str:
        now = datetime.now(timezone.utc)
        phone = f"139{next(_numbers):08d}"
        names = [f"学员{n}" for n in range(party)]
        return book(self.desk, f"{owner}{phone}", slot, name="别人", phone=phone, consent=True, now=now, key="k",
                    party=party, participants=names if party > 1 else ()).code  # fmt: skip

    def rows(self, query: Any) -> list[Any]:
        with self.desk.engine.connect() as connection:
            return list(connection.execute(query))


def _add(connection: Any, table: Any, **values: Any) -> int:
    return int(connection.execute(sa.insert(table).values(**values)).inserted_primary_key[0])


@pytest.fixture
def office(server: Server) -> Iterator[BackOffice]:
    made = BackOffice(server)
    yield made
    made.desk.engine.dispose()


def phone_number() -> str:
    return f"137{next(_numbers):08d}"


def send(client: Client, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
    return client.http.request(method, client.base_url + path, json=body, headers=headers)


def wanted(slot: int, **changes: Any) -> dict[str, Any]:
    return {
        "slot_id": slot,
        "name": NAME,
        "phone": phone_number(),
        "consent": True,
        "key": secrets.token_hex(8),
        **changes,
    }


def booked(client: Client, slot: int, **changes: Any) -> dict[str, Any]:
    response = send(client, "POST", "/api/bookings", wanted(slot, **changes))
    assert response.status_code == 201, response.text
    return dict(response.json())


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def text_of(response: requests.Response) -> str:
    return html.unescape(response.text)


def hidden(page: requests.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, f"no field {name}"
    return html.unescape(found[1])


# -- slots -------------------------------------------------------------------------------------------------------------


def test_examples_are_found_by_words_and_marked(client: Client) -> None:
    found = client.get("/api/slots", params={"q": "太原的数控"}).json()
    assert found["slots"] and {slot["field"] for slot in found["slots"]} == {"数控加工"}
    assert all(slot["is_example"] and slot["city"] == "太原市" for slot in found["slots"])
    assert datetime.fromisoformat(found["slots"][0]["starts_at"]).utcoffset() == timedelta(hours=8)
    page = client.get("/slots/", params={"q": "太原的数控"})
    assert page.status_code == 200 and 'class="tag">示例<' in page.text and "数控车床入门实训" in page.text


def test_a_form_field_outweighs_the_words(client: Client, office: BackOffice) -> None:
    slot = office.slot()
    day = (datetime.now(timezone(timedelta(hours=8))) + timedelta(hours=72)).date().isoformat()
    asked = {
        "q": "太原",
        "field": office.field,
        "city": "阳泉",
        "base": str(office.base),
        "from": day,
        "to": day,
        "fee": "公益",
    }
    found = client.get("/api/slots", params=asked).json()
    assert [each["id"] for each in found["slots"]] == [slot], found
    assert client.get("/api/slots", params={**asked, "fee": "有偿"}).json()["slots"] == []


def test_nothing_that_fits_comes_with_a_reason_and_the_nearest_others(client: Client, office: BackOffice) -> None:
    office.fill(office.slot(capacity=1))
    found = client.get("/api/slots", params={"base": office.base}).json()
    assert [slot["full"] for slot in found["slots"]] == [True] and "约满" in found["reason"]
    page = text_of(client.get("/slots/", params={"base": office.base}))
    assert "约满了,可以排队" in page and "测试基地" in page


def test_an_empty_search_says_what_to_do(client: Client) -> None:
    page = client.get("/slots/", params={"field": "没有这一行", "q": ""})
    assert page.status_code == 200 and "没有找到符合要求的课程" in page.text


@pytest.mark.parametrize(
    "wrong", [{"from": "明天"}, {"party": "0"}, {"base": "x"}, {"fee": "免费"}, {"from": "2026-02-30"}, {"limit": "-1"}]
)
def test_a_search_that_cannot_be_read_is_told_which_field(client: Client, wrong: dict[str, str]) -> None:
    response = client.get("/api/slots", params=wrong)
    assert code_of(response) == (422, "invalid_search") and response.json()["error"]["field"] in wrong
    page = client.get("/slots/", params={**wrong, "q": "我写的字"})
    assert page.status_code == 422 and 'role="alert"' in page.text and 'value="我写的字"' in page.text


@pytest.mark.parametrize(
    "words", ["\x00", "%", "' OR 1=1 --", "<script>alert(1)</script>", "九" * 500, "99999999999999人"]
)
def test_odd_words_are_only_words(client: Client, words: str) -> None:
    for name in ("q", "field", "city", "service"):
        assert client.get("/api/slots", params={name: words}).status_code == 200
        page = client.get("/slots/", params={name: words})
        assert page.status_code == 200 and "<script" not in page.text


@pytest.mark.parametrize("number", ["0", "99999999999", "-1", "abc", "2147483647", "१"])
def test_a_slot_that_is_not_there_is_a_404(client: Client, number: str) -> None:
    assert code_of(client.get(f"/api/slots/{number}")) == (404, "slot_not_found")
    assert client.get(f"/slots/{number}").status_code == 404


def test_a_slots_page_names_the_fee_with_its_clause(client: Client, office: BackOffice) -> None:
    page = client.get(f"/slots/{office.slot()}")
    assert '<a href="/policies/sx-2021-453#4.4">公益</a>' in page.text and "示例" not in page.text


# -- booking by programs -----------------------------------------------------------------------------------------------


def test_a_booking_is_made_listed_shown_and_cancelled(client: Client, office: BackOffice) -> None:
    slot = office.slot(capacity=1)
    mine = booked(client, slot)
    assert (mine["status"], mine["slot_id"], mine["party"]) == ("confirmed", slot, 1)
    assert [each["code"] for each in client.get("/api/bookings").json()["bookings"]] == [mine["code"]]
    assert client.get(f"/api/bookings/{mine['code']}").json() == mine
    assert client.get(f"/api/slots/{slot}").json()["full"]
    assert send(client, "DELETE", f"/api/bookings/{mine['code']}").json()["status"] == "cancelled"
    assert send(client, "DELETE", f"/api/bookings/{mine['code']}").json()["status"] == "cancelled"
    assert client.get(f"/api/slots/{slot}").json()["free"] == 1
    assert client.get("/api/bookings").json()["bookings"] == []
    assert len(client.get("/api/bookings", params={"past": "1"}).json()["bookings"]) == 1


def test_the_same_key_books_once_in_header_or_body(client: Client, office: BackOffice) -> None:
    slot = office.slot()
    request = wanted(slot, key="try-1")
    first = send(client, "POST", "/api/bookings", request)
    del request["key"]
    again = send(client, "POST", "/api/bookings", request, **{"Idempotency-Key": "try-1"})
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    other = send(client, "POST", "/api/bookings", wanted(office.slot(), key="try-1"))
    assert code_of(other) == (409, "key_reused")
    assert client.get(f"/api/slots/{slot}").json()["free"] == 4


def test_a_party_gives_everybodys_name(client: Client, office: BackOffice) -> None:
    slot = office.slot()
    assert booked(client, slot, party=2, participants=["张三", "李四"])["party"] == 2
    few = send(client, "POST", "/api/bookings", wanted(office.slot(hours=100), party=3, participants=["张三"]))
    assert code_of(few) == (422, "bad_contact") and few.json()["error"]["field"] == "participants"
    assert code_of(send(client, "POST", "/api/bookings", wanted(office.slot(hours=100), party=7))) == (
        422,
        "bad_contact",
    )


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"consent": False}, (422, "consent_missing")),
        ({"phone": "123"}, (422, "bad_contact")),
        ({"name": "\ud800"}, (422, "bad_contact")),
        ({"slot_id": 2_000_000_000}, (404, "slot_not_found")),
        ({"slot_id": 10**30}, (422, "invalid_input")),
        ({"slot_id": "1"}, (422, "invalid_input")),
        ({"consent": "yes"}, (422, "invalid_input")),
        ({"party": 0}, (422, "invalid_input")),
        ({"party": True}, (422, "invalid_input")),
        ({"owner": "web:x"}, (422, "invalid_input")),
        ({"participants": "张三"}, (422, "invalid_input")),
        ({"key": ""}, (422, "invalid_key")),
        ({"key": "有空格 的"}, (422, "invalid_key")),
    ],
)
def test_a_wrong_request_books_nothing_and_says_why(
    client: Client, office: BackOffice, change: dict[str, Any], answer: tuple[int, str]
) -> None:
    slot = office.slot()
    response = send(client, "POST", "/api/bookings", wanted(slot, **change))
    assert code_of(response) == answer and re.search("[一-鿿]", response.json()["error"]["message"])
    assert client.get(f"/api/slots/{slot}").json()["free"] == 5


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"\xff", b"[" * 30_000])
def test_a_body_that_is_no_json_object_is_a_422(client: Client, body: bytes) -> None:
    response = client.http.post(f"{client.base_url}/api/bookings", data=body)
    assert code_of(response) == (422, "invalid_json")


def test_what_stands_against_a_booking_is_a_409_that_names_it(client: Client, office: BackOffice) -> None:
    full, free, late = office.slot(capacity=1), office.slot(), office.slot(hours=-1)
    office.fill(full)
    answer = send(client, "POST", "/api/bookings", wanted(full))
    assert code_of(answer) == (409, "slot_full") and answer.json()["error"]["free"] == 0
    assert code_of(send(client, "POST", "/api/bookings", wanted(late))) == (409, "deadline_passed")
    mine = booked(client, free)
    again = send(client, "POST", "/api/bookings", wanted(free))
    assert code_of(again) == (409, "already_booked") and again.json()["error"]["booking"] == mine["code"]
    assert code_of(send(client, "POST", "/api/bookings", wanted(office.slot(hours=73)))) == (409, "overlap")
    with office.desk.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(
            sa.update(Slot).where(Slot.id == free).values(cancellation_deadline=datetime.now(timezone.utc))
        )
    assert code_of(send(client, "DELETE", f"/api/bookings/{mine['code']}")) == (409, "deadline_passed")


def test_nobody_sees_or_touches_anothers_booking(client: Client, server: Server, office: BackOffice) -> None:
    code, stranger = booked(client, office.slot())["code"], Client(server.base_url)
    for method, path in [
        ("GET", f"/api/bookings/{code}"),
        ("GET", f"/api/bookings/{code}.ics"),
        ("GET", f"/api/bookings/{code}/qr.svg"),
        ("DELETE", f"/api/bookings/{code}"),
        ("GET", f"/api/bookings/{code}?t=forged"),
    ]:
        assert code_of(send(stranger, method, path)) == (404, "booking_not_found"), path
    move = send(stranger, "POST", f"/api/bookings/{code}/reschedule", {"slot_id": office.slot(), "key": "k"})
    assert code_of(move) == (404, "booking_not_found")
    for path in (f"/bookings/{code}", f"/bookings/{code}/cancel", f"/bookings/{code}/reschedule"):
        page = stranger.get(path)
        assert page.status_code == 404 and "没有找到这个预约" in page.text and "陶艺" not in page.text
    assert stranger.form(f"/bookings/{code}/cancel").status_code == 404
    assert stranger.get("/api/bookings").json()["bookings"] == [] and code not in stranger.get("/bookings/").text
    assert client.get(f"/api/bookings/{code}").json()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/bookings"), ("GET", "/api/bookings"), ("GET", "/api/me"), ("DELETE", "/api/me"),
     ("GET", "/api/bookings/23456789AB"), ("DELETE", "/api/waiting-list/1"), ("POST", "/api/waiting-list")],
)  # fmt: skip
def test_without_a_session_there_is_nothing_of_ones_own(server: Server, method: str, path: str) -> None:
    for cookies in ({}, {"cjt_session": "forged"}):
        response = requests.request(method, server.base_url + path, json={}, cookies=cookies)
        assert code_of(response) == (401, "no_session")


def test_another_site_cannot_book_cancel_or_erase(client: Client, office: BackOffice) -> None:
    slot, foreign = office.slot(), {"Origin": "https://elsewhere.example"}
    code = booked(client, slot)["code"]
    for method, path, body in [
        ("POST", "/api/bookings", wanted(office.slot(hours=100))),
        ("DELETE", f"/api/bookings/{code}", None),
        ("DELETE", "/api/me", None),
    ]:
        assert code_of(send(client, method, path, body, **foreign)) == (403, "cross_origin")
    for path in (f"/bookings/{code}/cancel", "/bookings/erase", f"/slots/{slot}"):
        assert client.http.post(client.base_url + path, data={"key": "x"}, headers=foreign).status_code == 403
    assert client.get(f"/api/bookings/{code}").json()["status"] == "confirmed"


def test_a_large_body_and_an_upload_are_refused(client: Client, office: BackOffice) -> None:
    large = client.http.post(f"{client.base_url}/api/bookings", data=b"x" * 70_000)
    assert code_of(large) == (413, "http_413")
    upload = client.http.post(f"{client.base_url}/slots/{office.slot()}", files={"name": b"x" * 70_000})
    assert upload.status_code == 415


def test_a_booking_moves_without_losing_its_code(client: Client, office: BackOffice) -> None:
    old, new, full = office.slot(), office.slot(hours=100), office.slot(capacity=1, hours=120)
    office.fill(full)
    code = booked(client, old)["code"]
    path = f"/api/bookings/{code}/reschedule"
    assert code_of(send(client, "POST", path, {"slot_id": full, "key": "m1"})) == (409, "slot_full")
    assert client.get(f"/api/bookings/{code}").json()["slot_id"] == old
    moved = send(client, "POST", path, {"slot_id": new, "key": "m2"})
    assert moved.status_code == 200 and (moved.json()["slot_id"], moved.json()["sequence"]) == (new, 1)
    assert send(client, "POST", path, {"slot_id": new, "key": "m2"}).json() == moved.json()


def test_the_calendar_file_parses_and_removes_itself_after_cancelling(client: Client, office: BackOffice) -> None:
    mine = booked(client, office.slot())
    response = client.get(mine["calendar"])
    assert response.headers["Content-Type"].startswith("text/calendar") and NAME not in response.text
    [event] = icalendar.Calendar.from_ical(response.content).walk("VEVENT")
    assert event.decoded("dtstart") == datetime.fromisoformat(mine["starts_at"]).replace(microsecond=0)
    send(client, "DELETE", f"/api/bookings/{mine['code']}")
    calendar = icalendar.Calendar.from_ical(client.get(mine["calendar"]).content)
    assert calendar["method"] == "CANCEL" and calendar.walk("VEVENT")[0]["uid"] == event["uid"]


def test_the_qr_code_is_a_picture_until_the_booking_is_cancelled(client: Client, office: BackOffice) -> None:
    mine = booked(client, office.slot())
    response = client.get(mine["qr"])
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert ElementTree.fromstring(response.content).tag == "{http://www.w3.org/2000/svg}svg"
    send(client, "DELETE", f"/api/bookings/{mine['code']}")
    assert code_of(client.get(mine["qr"])) == (409, "not_changeable")


def test_the_waiting_list_ends_in_a_booking(client: Client, server: Server, office: BackOffice) -> None:
    slot, other = office.slot(capacity=1), Client(server.base_url)
    held = booked(other, slot)["code"]
    asked = wanted(slot)
    place = send(client, "POST", "/api/waiting-list", asked)
    assert place.status_code == 201 and (place.json()["position"], place.json()["state"]) == (1, "waiting")
    assert send(client, "POST", "/api/waiting-list", asked).json() == place.json()
    entry = place.json()["entry_id"]
    assert code_of(send(client, "POST", f"/api/waiting-list/{entry}/accept")) == (409, "offer_gone")
    assert code_of(send(other, "DELETE", f"/api/waiting-list/{entry}")) == (409, "offer_gone")
    send(other, "DELETE", f"/api/bookings/{held}")
    assert client.get("/api/bookings").json()["waiting"][0]["state"] == "offered"
    mine = send(client, "POST", f"/api/waiting-list/{entry}/accept")
    assert mine.status_code == 200 and mine.json()["slot_id"] == slot
    assert send(client, "POST", f"/api/waiting-list/{entry}/accept").json() == mine.json()


def test_a_declined_offer_passes_on_and_who_leaves_is_gone(client: Client, server: Server, office: BackOffice) -> None:
    slot, second = office.slot(capacity=1), Client(server.base_url)
    holder = Client(server.base_url)
    held = booked(holder, slot)["code"]
    first_entry = send(client, "POST", "/api/waiting-list", wanted(slot)).json()["entry_id"]
    second_entry = send(second, "POST", "/api/waiting-list", wanted(slot)).json()["entry_id"]
    send(holder, "DELETE", f"/api/bookings/{held}")
    assert send(client, "POST", f"/api/waiting-list/{first_entry}/decline").json()["state"] == "declined"
    assert second.get("/api/bookings").json()["waiting"][0]["state"] == "offered"
    assert send(second, "DELETE", f"/api/waiting-list/{second_entry}").json()["state"] == "left"
    assert second.get("/api/bookings").json()["waiting"] == []


def test_ones_number_is_nowhere_after_erasing(client: Client, office: BackOffice) -> None:
    phone = phone_number()
    code = booked(client, office.slot(), phone=phone)["code"]
    assert send(client, "DELETE", "/api/me").json()["cancelled"] == [code]
    assert client.get(f"/api/bookings/{code}").status_code == 404
    digests = office.desk.vault.digests("phone", phone)
    assert office.rows(sa.select(VaultEntry.token).where(VaultEntry.digest.in_(digests))) == []


# -- pages -------------------------------------------------------------------------------------------------------------


def test_a_place_is_booked_changed_and_cancelled_with_forms_alone(server: Server, office: BackOffice) -> None:
    slot, other = office.slot(), office.slot(hours=100)
    visitor = Client(server.base_url)
    visitor.http.cookies.clear()  # somebody whose first page this is
    page = visitor.get(f"/slots/{slot}")
    fields = {
        "key": hidden(page, "key"),
        "party": "1",
        "name": NAME,
        "phone": phone_number(),
        "consent": "yes",
        "do": "book",
    }
    answer = visitor.form(f"/slots/{slot}", **fields)
    assert answer.status_code == 303
    assert visitor.form(f"/slots/{slot}", **fields).headers["Location"] == answer.headers["Location"]
    shown = visitor.get(answer.headers["Location"])
    code = re.search(r'class="code">(\w+)<', shown.text)[1]  # type: ignore[index]
    assert "约好了!" in shown.text and "<svg" in shown.text and f"/api/bookings/{code}.ics" in shown.text
    assert NAME not in shown.text and fields["phone"] not in shown.text
    assert code in visitor.get("/bookings/").text
    moving = visitor.get(f"/bookings/{code}/reschedule")
    assert f'value="{other}"' in moving.text and f'value="{slot}"' not in moving.text
    moved = visitor.form(f"/bookings/{code}/reschedule", slot_id=str(other), key=hidden(moving, "key"))
    assert moved.status_code == 303
    assert visitor.get(f"/api/bookings/{code}").json()["slot_id"] == other
    assert "要取消这个预约吗" in visitor.get(f"/bookings/{code}/cancel").text
    assert visitor.form(f"/bookings/{code}/cancel").status_code == 303
    gone = visitor.get(f"/bookings/{code}")
    assert "已取消" in gone.text and "<svg" not in gone.text
    assert visitor.form(f"/bookings/{code}/cancel").status_code == 303  # sent twice


def test_a_refused_form_comes_back_as_it_was_filled_in(client: Client, office: BackOffice) -> None:
    slot = office.slot()
    typed = {
        "party": "3",
        "name": '"欧阳"<b>',
        "phone": "138 1234",
        "participants": "张三\n李四\n王五",
        "consent": "yes",
    }
    page = client.form(f"/slots/{slot}", key="f1", do="book", **typed)
    shown = text_of(page)
    assert page.status_code == 422 and "电话号码不对" in shown and "<b>" not in page.text
    assert f'value="{html.escape(typed["name"])}"'.replace("&#x27;", "&#39;") in page.text.replace("&#34;", "&quot;")
    for part in ('value="138 1234"', "张三\n李四\n王五</textarea>", 'name="consent" value="yes" checked', 'value="3"'):
        assert part in shown
    without = {name: value for name, value in typed.items() if name != "consent"}
    refused = client.form(f"/slots/{slot}", key="f3", **without)
    assert refused.status_code == 422 and "需要您先同意" in refused.text and "checked" not in refused.text
    assert client.get(f"/api/slots/{slot}").json()["free"] == 5


@pytest.mark.parametrize("party", ["", "0", "很多", "99999999999999999999", "7"])
def test_a_party_that_does_not_fit_is_told_what_does(client: Client, office: BackOffice, party: str) -> None:
    names = "、".join(f"学员{chr(0x4E00 + n)}" for n in range(7))
    fields = {"name": NAME, "phone": phone_number(), "consent": "yes", "participants": names, "party": party}
    page = client.form(f"/slots/{office.slot(capacity=9)}", key="p1", **fields)
    assert page.status_code == 422 and "1到6人" in page.text and f'value="{NAME}"' in page.text


def test_a_full_slot_offers_the_waiting_list_and_its_offer_is_answered_on_the_page(
    client: Client, server: Server, office: BackOffice
) -> None:
    slot, holder = office.slot(capacity=1), Client(server.base_url)
    held = booked(holder, slot)["code"]
    page = client.get(f"/slots/{slot}")
    assert "排队等名额" in page.text and 'value="book"' not in page.text
    fields = {"key": hidden(page, "key"), "party": "1", "name": NAME, "phone": phone_number(), "consent": "yes"}
    refused = client.form(f"/slots/{slot}", do="book", **fields)
    assert refused.status_code == 409 and "约满" in refused.text and 'value="wait"' in refused.text
    waiting = client.form(f"/slots/{slot}", do="wait", **fields)
    assert waiting.headers["Location"] == "/bookings/#waiting" and "排在第 1 位" in client.get("/bookings/").text
    send(holder, "DELETE", f"/api/bookings/{held}")
    mine = client.get("/bookings/").text
    entry = re.search(r"/bookings/waiting/(\d+)", mine)[1]  # type: ignore[index]
    assert "要这个名额" in mine
    assert client.form(f"/bookings/waiting/{entry}", do="accept").status_code == 303
    assert client.get("/api/bookings").json()["bookings"][0]["slot_id"] == slot
    gone = client.form(f"/bookings/waiting/{entry}", do="decline")
    assert gone.status_code == 409 and "不在了" in gone.text


def test_a_form_whose_session_is_gone_keeps_what_was_typed(server: Server, office: BackOffice) -> None:
    visitor = Client(server.base_url)
    visitor.http.cookies.clear()
    page = visitor.form(f"/slots/{office.slot()}", name=NAME, phone=PHONE, party="1", key="k", consent="yes")
    assert page.status_code == 401 and f'value="{NAME}"' in page.text and "再点一次" in page.text
    assert visitor.http.cookies.get("cjt_session")


def test_erasing_is_asked_once_more(client: Client, office: BackOffice) -> None:
    code = booked(client, office.slot())["code"]
    assert "删了找不回来" in client.get("/bookings/erase").text
    assert client.get(f"/api/bookings/{code}").status_code == 200
    assert "取消了 1 个还没开始的预约" in client.form("/bookings/erase").text
    assert client.get(f"/api/bookings/{code}").status_code == 404


def test_a_signed_link_opens_one_booking_without_a_session(client: Client, server: Server, office: BackOffice) -> None:
    code, other = booked(client, office.slot())["code"], booked(client, office.slot(hours=100))["code"]
    address, visitor = booking_address([SECRET], code), Client(server.base_url)
    shown = visitor.get(address)
    assert shown.status_code == 200 and "<svg" in shown.text and code in shown.text
    assert visitor.get(calendar_address([SECRET], code)).content.startswith(b"BEGIN:VCALENDAR")
    token = address.partition("?t=")[2]
    assert visitor.get(f"/bookings/{other}?t={token}").status_code == 404
    assert code not in visitor.get(f"/bookings/?t={token}").text
    target = office.slot(hours=130)
    moved = visitor.form(f"/bookings/{code}/reschedule?t={token}", slot_id=str(target), key="k1")
    assert moved.headers["Location"] == address
    assert visitor.form(f"/bookings/{code}/cancel?t={token}").headers["Location"] == address
    assert "已取消" in visitor.get(address).text
    send(client, "DELETE", "/api/me")
    assert visitor.get(address).status_code == 404


def test_links_of_a_replaced_secret_still_open_and_forged_ones_do_not() -> None:
    token = booking_address(["old"], "23456789AB").partition("?t=")[2]
    assert opens(["new", "old"], "23456789AB", token)
    assert not opens(["new"], "23456789AB", token) and not opens(["old"], "23456789AC", token)
    assert not opens(["old"], "23456789AB", "") and not opens(["old"], "23456789AB", "é\ud800")


@pytest.mark.parametrize("path", ["/slots/", "/bookings/", "/bookings/erase", "/bookings/23456789AB", "/check-in/"])
def test_pages_run_no_code_and_are_not_kept_by_caches(client: Client, path: str) -> None:
    response = client.get(path)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", response.text)


def test_nothing_personal_is_printed(client: Client, server: Server, office: BackOffice) -> None:
    phone = phone_number()
    booked(client, office.slot(), phone=phone)
    client.form(f"/slots/{office.slot()}", name=NAME, phone=phone, party="x", key="k")
    printed = "".join(server.printed)
    assert phone not in printed and NAME not in printed


# -- staff -------------------------------------------------------------------------------------------------------------


def signed_in(server: Server) -> Client:
    member = Client(server.base_url)
    answer = member.form("/check-in/sign-in", token=STAFF_TOKEN, name="王老师")
    assert answer.status_code == 303, answer.text
    return member


@pytest.fixture(scope="module")
def staff(server: Server) -> Client:
    return signed_in(server)


def test_staff_check_somebody_in_see_a_second_scan_and_undo(client: Client, staff: Client, office: BackOffice) -> None:
    mine = booked(client, office.slot(hours=1), phone=(phone := phone_number()))
    ticket = re.search(r"C1-[A-Z0-9-]+", office.desk.tickets.issue(_ticket(mine)))[0]  # type: ignore[index]
    before = text_of(staff.get("/check-in/", params={"ticket": ticket}))
    assert "欧**" in before and f"{phone[:3]}****{phone[-4:]}" in before and "确认签到" in before
    assert client.get(f"/api/bookings/{mine['code']}").json()["status"] == "confirmed"  # looking changes nothing
    assert "签到成功" in staff.form("/check-in/", ticket=ticket, nonce="n-1" + mine["code"]).text
    assert "签到成功" in staff.form("/check-in/", ticket=ticket, nonce="n-1" + mine["code"]).text  # the same scan again
    again = staff.form("/check-in/", ticket=mine["code"].lower(), nonce="n-2" + mine["code"])
    assert "已经签过到了" in again.text and NAME not in again.text and phone not in again.text
    assert client.get(f"/api/bookings/{mine['code']}").json()["status"] == "attended"
    assert "确认签到" in staff.form("/check-in/undo", code=mine["code"], nonce="n-3" + mine["code"]).text
    assert client.get(f"/api/bookings/{mine['code']}").json()["checked_in_at"] is None


def _ticket(booking: dict[str, Any]) -> Any:
    from booking.codes import Ticket

    return Ticket(booking["code"], booking["slot_id"], datetime.fromisoformat(booking["ends_at"]) + timedelta(days=1))


@pytest.mark.parametrize(
    "ticket", ["", "没有", "C1-23456789AB-1-1-" + "A" * 103, "23456789AB", "<b>", "x" * 5000, "\x00"]
)
def test_what_is_no_ticket_is_refused_in_words(staff: Client, ticket: str) -> None:
    scanned = staff.form("/check-in/", ticket=ticket, nonce=secrets.token_hex(8))
    assert scanned.status_code in (404, 422) and 'role="alert"' in scanned.text
    assert staff.get("/check-in/", params={"ticket": ticket}).status_code in (200, 404, 422)


def test_who_comes_too_early_is_told_when(client: Client, staff: Client, office: BackOffice) -> None:
    code = booked(client, office.slot(hours=30))["code"]
    early = staff.form("/check-in/", ticket=code, nonce=secrets.token_hex(8))
    assert early.status_code == 409 and "还没到签到时间" in early.text


def test_the_list_is_masked_until_a_number_is_asked_for_which_is_noted(
    client: Client, staff: Client, office: BackOffice
) -> None:
    slot = office.slot()
    mine = booked(client, slot, phone=(phone := phone_number()))
    path = f"/check-in/slots/{slot}"
    listed = staff.get(path)
    assert mine["code"] in listed.text and phone not in listed.text and NAME not in listed.text
    shown = staff.form(f"{path}/contact", code=mine["code"])
    assert phone in shown.text and NAME in shown.text
    events = sa.select(AuditEvent.actor).where(AuditEvent.booking == mine["code"], AuditEvent.kind == "contact_shown")
    assert [row.actor for row in office.rows(events)] == ["staff:王老师"]
    assert staff.form(f"{path}/cancel-booking", code=mine["code"]).status_code == 303
    assert client.get(f"/api/bookings/{mine['code']}").json()["status"] == "cancelled"


def test_a_cancelled_slot_needs_a_reason_and_tells_it(client: Client, staff: Client, office: BackOffice) -> None:
    slot = office.slot()
    code = booked(client, slot)["code"]
    without = staff.form(f"/check-in/slots/{slot}/cancel", reason="  ")
    assert without.status_code == 422 and "为什么取消" in without.text
    assert staff.form(f"/check-in/slots/{slot}/cancel", reason="设备检修").status_code == 303
    assert client.get(f"/api/bookings/{code}").json()["status"] == "cancelled"
    page = client.get(f"/slots/{slot}").text
    assert "被基地取消了:设备检修" in page and "<form" not in page
    assert staff.form(f"/check-in/slots/{slot}/cancel", reason="设备检修").status_code == 303  # sent twice


def test_a_closed_list_records_who_did_not_come(client: Client, staff: Client, office: BackOffice) -> None:
    slot = office.slot(hours=1)
    code = booked(client, slot)["code"]
    early = staff.form(f"/check-in/slots/{slot}/close")
    assert early.status_code == 409
    with office.desk.engine.connect().execution_options(writes=True) as connection, connection.begin():
        past = datetime.now(timezone.utc) - timedelta(minutes=1)
        times = {"starts_at": past, "booking_deadline": past, "cancellation_deadline": past}
        connection.execute(sa.update(Slot).where(Slot.id == slot).values(**times))
    assert staff.form(f"/check-in/slots/{slot}/close").status_code == 303
    assert client.get(f"/api/bookings/{code}").json()["status"] == "no_show"


def test_todays_slots_are_listed_with_their_counts(staff: Client, office: BackOffice) -> None:
    slot = office.slot(hours=0.01)
    office.fill(slot, party=2)
    page = text_of(staff.get("/check-in/"))
    line = page[page.index(f"/check-in/slots/{slot}") :]
    assert "约了 2/5 人,到了 0 人" in line[:600]


def test_without_the_token_there_is_nothing_for_staff(client: Client, server: Server, office: BackOffice) -> None:
    slot = office.slot(hours=1)
    code = office.fill(slot)
    for path in ("/check-in/", f"/check-in/slots/{slot}", f"/check-in/?ticket={code}"):
        page = client.get(path)
        assert page.status_code == 401 and "口令" in page.text and "别" not in page.text and "陶艺" not in page.text
    for path in ("/check-in/", "/check-in/undo", f"/check-in/slots/{slot}/contact", f"/check-in/slots/{slot}/cancel"):
        assert client.form(path, ticket=code, code=code, nonce="n", reason="x").status_code == 401
    client.http.cookies.set("cjt_staff", "forged", path="/check-in")
    assert client.get("/check-in/").status_code == 401


def test_another_site_cannot_act_for_staff(staff: Client, office: BackOffice) -> None:
    slot = office.slot()
    foreign = {"Origin": "https://elsewhere.example"}
    path = f"{staff.base_url}/check-in/slots/{slot}/cancel"
    assert staff.http.post(path, data={"reason": "x"}, headers=foreign).status_code == 403
    assert "确定取消这一场" in staff.get(f"/check-in/slots/{slot}").text


def test_signing_out_ends_it(server: Server) -> None:
    member = signed_in(server)
    assert member.form("/check-in/sign-out").status_code == 303
    assert member.get("/check-in/").status_code == 401


def scanned(server: Server, body: object, token: str = STAFF_TOKEN) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{server.base_url}/api/check-in", json=body, headers=headers)


def test_a_scanner_works_offline_and_may_send_twice(client: Client, server: Server, office: BackOffice) -> None:
    mine = booked(client, office.slot(hours=1))
    ticket = office.desk.tickets.issue(_ticket(mine))
    keys = [bytes.fromhex(key) for key in requests.get(f"{server.base_url}/api/check-in/keys").json()["keys"]]
    assert check_ticket(ticket, keys, datetime.now(timezone.utc)).code == mine["code"]
    at = (datetime.now(timezone.utc) - timedelta(minutes=3)).isoformat(timespec="seconds")
    scan = {"ticket": ticket, "nonce": secrets.token_hex(8), "at": at}
    first = scanned(server, scan)
    assert first.status_code == 200 and (first.json()["again"], first.json()["code"]) == (False, mine["code"])
    assert datetime.fromisoformat(first.json()["at"]) == datetime.fromisoformat(at)
    assert scanned(server, scan).json() == first.json()
    assert scanned(server, {**scan, "nonce": secrets.token_hex(8)}).json()["again"] is True


@pytest.mark.parametrize(
    ("change", "code"),
    [({"nonce": None}, "invalid_nonce"), ({"nonce": 5}, "invalid_nonce"), ({"ticket": 5}, "invalid_input"),
     ({"ticket": "C1-x"}, "ticket_invalid"), ({"at": "gestern"}, "invalid_at"), ({"at": 5}, "invalid_at"),
     ({"at": "2026-11-25T14:00:00"}, "invalid_at"), ({"at": "2099-01-01T00:00:00Z"}, "invalid_at")],
)  # fmt: skip
def test_a_scan_that_cannot_be_read_is_a_422(server: Server, change: dict[str, Any], code: str) -> None:
    assert code_of(scanned(server, {"ticket": "23456789AB", "nonce": "n", **change})) == (422, code)


def test_tokens_cannot_be_tried_out(server: Server) -> None:
    """Last of all: it uses up what may be tried from this address."""
    assert code_of(scanned(server, {}, token="guess")) == (401, "no_token")
    visitor = Client(server.base_url)
    answers = [visitor.form("/check-in/sign-in", token=f"guess {n}", name="x").status_code for n in range(25)]
    assert set(answers) == {401, 429} and answers == sorted(answers)
    assert visitor.form("/check-in/sign-in", token=STAFF_TOKEN, name="x").status_code == 429
