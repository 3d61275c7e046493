"""The server is killed in the middle of many bookings: what was promised is there, and nothing is there twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.conftest import Client, Server, running_server, trained_folder

BOOKINGS, KILLED_AFTER, PEOPLE_AT_ONCE = 200, 60, 8


class People:
    """Everybody books a place of his own, with a key of his own, so that he can ask again."""

    def __init__(self, server: Server) -> None:
        self.slots = requests.get(f"{server.base_url}/api/slots", params={"limit": 50}).json()["slots"]
        self.clients = [Client(server.base_url) for _ in range(BOOKINGS)]

    def book(self, server: Server, number: int) -> bool:
        """Whether number's booking was confirmed to him."""
        slot = self.slots[number % len(self.slots)]
        body = {
            "slot_id": slot["id"],
            "name": "学员甲",
            "phone": f"139{number:08d}",
            "party": 1,
            "consent": True,
        }
        try:
            answer = self.clients[number].http.post(
                f"{server.base_url}/api/bookings", json=body, headers={"Idempotency-Key": f"k{number}"}, timeout=20
            )
        except requests.RequestException:
            return False
        return answer.status_code == 201


def test_a_server_killed_in_the_middle_of_200_bookings_loses_and_doubles_none(tmp_path: Path) -> None:
    var = trained_folder(tmp_path)
    confirmed: set[int] = set()
    enough = threading.Event()
    settings = {"MESSAGES_PER_MINUTE": "1000000"}
    with running_server(var, **settings) as server:
        people = People(server)

        def one(number: int) -> None:
            if people.book(server, number):
                confirmed.add(number)
            if len(confirmed) >= KILLED_AFTER:
                enough.set()

        with ThreadPoolExecutor(PEOPLE_AT_ONCE) as pool:
            waiting = [pool.submit(one, number) for number in range(BOOKINGS)]
            assert enough.wait(60)
            server.process.kill()
            for each in waiting:
                each.result()
        assert KILLED_AFTER <= len(confirmed) < BOOKINGS
    with running_server(var, **settings) as again:
        kept = again.rows("SELECT count(*) FROM bookings WHERE status = 'confirmed'")[0][0]
        assert kept >= len(confirmed)
        with ThreadPoolExecutor(PEOPLE_AT_ONCE) as pool:
            assert all(pool.map(lambda number: people.book(again, number), range(BOOKINGS)))
        assert again.rows("SELECT count(*), count(DISTINCT person_id) FROM bookings") == [(BOOKINGS, BOOKINGS)]
        notices = "SELECT count(*), count(DISTINCT booking_id) FROM outbox WHERE kind = 'confirmed'"
        assert again.rows(notices) == [(BOOKINGS, BOOKINGS)]
