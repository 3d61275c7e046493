"""Several real server processes on one port: one person's turns in order, nothing lost when one dies, stops or is replaced."""

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from bot.workers import MEMORY, NUMBERS, SOCKETS, shared_numbers
from tests.conftest import QUESTION, START_SECONDS, Client, Server, running_server, trained_folder


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, redis_socket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Two workers on a database of each kind in turn."""
    from tests.booking.conftest import _empty

    var = trained_folder(tmp_path_factory.mktemp("workers"))
    settings = {"WORKERS": "2", "REDIS_URL": f"unix://{redis_socket}", "MESSAGES_PER_MINUTE": "100000"}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = _empty(request, "postgresql", var)
    with running_server(var, LOG_FORMAT="json", **settings) as running:
        yield running


def workers(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def fresh(client: Client, text: str, message_id: str) -> requests.Response:
    """`text` over a new connection, which may come to any worker; sent again, as clients do, when the connection breaks."""
    body = {"text": text, "message_id": message_id}
    for _ in range(40):
        try:
            answer = requests.post(
                f"{client.base_url}/chat/messages", json=body, cookies=dict(client.http.cookies), timeout=60
            )
        except requests.ConnectionError:
            time.sleep(0.05)
            continue
        if answer.status_code != 503:
            return answer
        time.sleep(0.05)
    pytest.fail("never answered")


def test_both_serve_and_their_numbers_are_added_up(server: Server) -> None:
    client = Client(server.base_url)
    for number in range(20):
        assert fresh(client, "你好", f"hello{number}").status_code == 200
    assert len(workers(server)) == 2
    told = requests.get(f"{server.base_url}/metrics").text
    turns = [float(line.split()[-1]) for line in told.splitlines() if line.startswith("chanjiaotong_turns_total")]
    assert sum(turns) >= 20
    ready = requests.get(f"{server.base_url}/readyz")
    assert ready.status_code == 200 and ready.json() == {"model": True, "database": True, "redis": True}


def test_one_person_is_answered_once_a_message_however_many_come_at_the_same_time(server: Server) -> None:
    client = Client(server.base_url)
    answers: list[tuple[str, Any]] = []

    def ask(message_id: str) -> None:
        answers.append((message_id, fresh(client, QUESTION, message_id).json()["messages"]))

    send = [threading.Thread(target=ask, args=(f"m{n % 5}",)) for n in range(20)]
    for each in send:
        each.start()
    for each in send:
        each.join()
    kept = {each["message_id"]: each["replies"] for each in client.history()}
    assert sorted(kept) == [f"m{n}" for n in range(5)] and len(client.history()) == 5
    assert len(answers) == 20 and all(answer == kept[message_id] for message_id, answer in answers)


def test_a_conversation_goes_on_at_another_worker(server: Server) -> None:
    """A follow-up is understood whichever worker gets it."""
    client = Client(server.base_url)
    fresh(client, "新招的人培训完,企业每人能领多少津贴?", "first")
    for number in range(6):
        (reply, *_) = fresh(client, "要签多久合同?", f"more{number}").json()["messages"]
        assert "6个月" in reply["text"].replace(" ", ""), reply["text"]


def test_a_worker_that_is_killed_is_replaced_and_loses_no_message(server: Server) -> None:
    before, people = workers(server), [Client(server.base_url) for _ in range(4)]
    lost: list[int] = []

    def talk(client: Client) -> None:
        for number in range(30):
            if fresh(client, "你好", f"m{number:02}").status_code != 200:
                lost.append(number)

    talking = [threading.Thread(target=talk, args=(client,)) for client in people]
    for each in talking:
        each.start()
    time.sleep(0.2)
    os.kill(before[0], signal.SIGKILL)
    for each in talking:
        each.join()
    until(lambda: len(workers(server)) == 2)
    assert not lost and before[0] not in workers(server)
    for client in people:
        assert [each["message_id"] for each in client.history()] == [f"m{n:02}" for n in range(30)]


def test_a_new_version_takes_over_without_a_client_noticing(server: Server) -> None:
    before, client = set(workers(server)), Client(server.base_url)
    os.kill(server.process.pid, signal.SIGHUP)
    sent = 0
    end = time.monotonic() + START_SECONDS
    while set(workers(server)) & before:
        assert time.monotonic() < end, server.printed[-5:]
        response = requests.post(
            f"{server.base_url}/chat/messages",
            json={"text": "你好", "message_id": f"m{sent}"},
            cookies=dict(client.http.cookies),
        )
        assert response.status_code == 200
        sent += 1
    assert len(workers(server)) == 2 and sent > 0
    assert fresh(client, "你好", "after").status_code == 200


def test_logs_are_json_with_turns_and_without_anything_personal(server: Server) -> None:
    client = Client(server.base_url)
    said = "我叫欧阳小满,电话13912345678,实习给不给钱?"
    requests.post(
        f"{server.base_url}/chat/messages",
        json={"text": said},
        cookies=dict(client.http.cookies),
        headers={"X-Request-ID": "request-of-this-test"},
    )
    until(lambda: any("request-of-this-test" in line for line in server.printed))
    everything = "".join(server.printed)
    personal = ("欧阳小满", "13912345678", "实习给不给钱", client.sender_id)
    assert not [word for word in personal if word in everything]


def test_stopping_answers_whoever_has_just_come_in(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_server(trained_folder(tmp_path_factory.mktemp("stopping")), DRAIN_SECONDS="0") as server:
        address = urlsplit(server.base_url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            assert requests.get(f"{server.base_url}/healthz").ok  # taken in after ours
            server.process.terminate()
            until(lambda: refuses(address.hostname, address.port))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


def refuses(host: str | None, port: int | None) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except ConnectionError:
        return True
    return False


def test_stopping_lets_running_turns_finish(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    var = trained_folder(tmp_path_factory.mktemp("stopping"))
    settings = {"WORKERS": "2", "REDIS_URL": f"unix://{redis_socket}", "MESSAGES_PER_MINUTE": "100000"}
    with running_server(var, DRAIN_SECONDS="1", **settings) as server:
        client, answered, refused = Client(server.base_url), [], []

        def talk() -> None:
            for number in range(500):
                try:
                    answered.append(client.say("你好", f"m{number:03}"))
                except requests.ConnectionError:
                    return
                except AssertionError:
                    refused.append(number)

        talking = threading.Thread(target=talk)
        talking.start()
        until(lambda: len(answered) > 3)
        os.kill(server.process.pid, signal.SIGTERM)
        until(lambda: requests.get(f"{server.base_url}/readyz").status_code == 503, 5)
        talking.join()
        server.process.wait(30)
        assert not refused
        with sqlite3.connect(var / "chanjiaotong.db") as connection:
            (kept,) = connection.execute("SELECT count(*) FROM chat_messages").fetchone()
        assert kept == len(answered)


def test_numbers_are_counted_in_memory_and_a_successor_goes_on_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NUMBERS, "set again, so that it is put back")
    with shared_numbers(tmp_path):
        folder = Path(os.environ[NUMBERS])
        assert folder.parent == MEMORY and folder.stat().st_mode & 0o777 == 0o700
        monkeypatch.setenv(SOCKETS, "3")
        with shared_numbers(tmp_path):
            assert os.environ[NUMBERS] == str(folder)
    assert not folder.exists() and list(tmp_path.iterdir()) == []
