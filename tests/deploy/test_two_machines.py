"""Two machines with a server each, PostgreSQL and Redis on a third: a person whose messages come to both in turn notices nothing."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from benchmarks.traffic import Plan, Report, Traffic
from tests.conftest import QUESTION, Client, Server, trained_folder
from tests.deploy.machines import Network, NoNamespaces, Postgres, servers, stores

SECONDS, PEOPLE, REPEATED = 8, 6, 20


@pytest.fixture(scope="module")
def world(
    tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[Server], Postgres]]:
    tool("ip")
    with ExitStack() as stack:
        try:
            network = stack.enter_context(Network())
            first, second, third = (network.machine() for _ in range(3))
        except NoNamespaces as reason:  # not root, or not allowed to
            raise (pytest.fail if os.environ.get("CI") else pytest.skip).Exception(str(reason)) from reason
        folders = [trained_folder(tmp_path_factory.mktemp("machine")) for _ in range(2)]
        with stores(third, third, fsync="off") as (postgres, redis):
            settings = {"DATABASE_URL": postgres.new_database("chat"), "REDIS_URL": redis.url}
            with servers([first, second], folders, MESSAGES_PER_MINUTE="100000", **settings) as both:
                yield both, postgres


@pytest.fixture(scope="module")
def talked(world: tuple[list[Server], Postgres]) -> Report:
    """Mixed traffic in which every message of a conversation goes to the other machine than the one before."""
    urls = tuple(server.base_url for server in world[0])
    with Traffic(Plan(urls, SECONDS, PEOPLE, alternate=True)) as traffic:
        return traffic.report()


def test_every_message_is_answered_once_and_in_order(talked: Report) -> None:
    assert len(talked.messages) > 50 and set(talked.attempts()) == {"answered"}
    assert talked.problems == [] and talked.out_of_step() == []


def test_both_machines_answered(world: tuple[list[Server], Postgres], talked: Report) -> None:
    for server in world[0]:
        told = requests.get(f"{server.base_url}/metrics").text.splitlines()
        turns = sum(float(line.split()[-1]) for line in told if line.startswith("chanjiaotong_turns_total"))
        assert turns > len(talked.messages) / 4


def test_what_was_confirmed_is_booked_once(world: tuple[list[Server], Postgres], talked: Report) -> None:
    connection = world[1].connect("chat")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT person_id) FROM bookings WHERE status = 'confirmed'")
        assert cursor.fetchone() == (talked.booked(), talked.booked())
    connection.close()


def test_a_message_that_comes_to_both_at_the_same_time_is_answered_once(world: tuple[list[Server], Postgres]) -> None:
    client = Client(world[0][0].base_url)
    answers: dict[int, list[str]] = {number: [] for number in range(REPEATED)}

    def send(server: Server, number: int, together: threading.Barrier) -> None:
        together.wait()
        body = {"text": QUESTION, "message_id": f"m{number:02}"}
        answer = requests.post(f"{server.base_url}/chat/messages", json=body, cookies={"cjt_session": client.cookie})
        answers[number].append(answer.text if answer.status_code == 200 else f"{answer.status_code}")

    for number in range(REPEATED):
        together = threading.Barrier(2)
        sending = [threading.Thread(target=send, args=(server, number, together)) for server in world[0]]
        for each in sending:
            each.start()
        for each in sending:
            each.join()
    assert all(len(each) == 2 and each[0] == each[1] and len(each[0]) > 3 for each in answers.values()), answers
    assert [each["message_id"] for each in client.history()] == [f"m{number:02}" for number in range(REPEATED)]


def test_nothing_is_left_of_the_network_when_it_fails() -> None:
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and iproute2")
    with pytest.raises(ZeroDivisionError), Network() as network:
        machine = network.machine()
        raise ZeroDivisionError
    assert machine.namespace not in {each.name for each in Path("/run/netns").iterdir()}
    assert not Path(f"/sys/class/net/{machine.cable}").exists()
