"""The proxy lets through what the program serves and nothing else, and says everything else in the program's own way."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.settings import read_settings
from tests.conftest import Client, Server
from tests.deploy.conftest import DEPLOY
from tests.deploy.proxy import Echo, Proxy, free_port

# For probes and Prometheus inside; `/` is answered by the proxy itself.
INTERNAL = {"/readyz", "/metrics"}
ANSWERED_BY_THE_PROXY = {"/"}
FORBIDDEN = [
    "/metrics",
    "/metrics/",
    "/readyz",
    "//metrics",
    "/chat/../metrics",
    "/chat/%2e%2e/metrics",
    "/policies/..%2fmetrics",
    "/chat/messages/..;/metrics",
    # Rasa's own HTTP API and stock channels (shared/facts/rasa.md, 6)
    "/status",
    "/version",
    "/domain",
    "/model",
    "/model/train",
    "/model/parse",
    "/conversations/web:1/tracker",
    "/webhooks/rest/webhook",
    "/webhooks/socketio",
    "/webhooks/callback/webhook",
    "/socket.io/",
    "/webhook",
    # what scanners look for
    "/.env",
    "/.git/config",
    "/var/secret_key",
    "/static/../bot/settings.py",
    "/static/",
]


def locations() -> dict[str, Callable[[str], object]]:
    """The locations of the allow list by how they are written."""
    written = re.findall(r"^location (=|~) (\S+) \{", (DEPLOY / "nginx" / "routes.conf").read_text(), re.M)
    return {f"{how} {what}": re.compile(what).search if how == "~" else what.__eq__ for how, what in written}


def test_every_address_of_the_program_is_let_through_or_internal(routes: list[str], proxy: Proxy, echo: Echo) -> None:
    assert len(routes) > 50
    refused = set()
    for path in routes:
        response = proxy.get(path)
        if response.status_code == 308:  # a folder without its slash
            assert response.headers["Location"] == f"https://127.0.0.1:{proxy.port}{path}/"
            response = proxy.get(f"{path}/")
        if response.status_code == 404:
            refused.add(path)
    assert refused == INTERNAL
    assert {path.rstrip("/") for _, path in echo.asked} == set(routes) - INTERNAL - ANSWERED_BY_THE_PROXY


def test_nothing_is_let_through_that_the_program_does_not_serve(routes: list[str]) -> None:
    served = [*routes, *(f"{path}/" for path in routes)]
    assert [how for how, matches in locations().items() if not any(map(matches, served))] == []


@pytest.mark.parametrize("path", FORBIDDEN)
def test_what_is_not_listed_never_reaches_a_server(proxy: Proxy, echo: Echo, path: str) -> None:
    response = proxy.get(path)
    assert response.status_code in (400, 404)
    if response.status_code == 404:
        assert response.json()["error"] == {"code": "http_404", "message": "没有这个地址"}
    assert echo.asked == []


def test_the_front_door_leads_to_the_chat(proxy: Proxy) -> None:
    response = proxy.get("/")
    assert (response.status_code, response.headers["Location"]) == (302, f"https://127.0.0.1:{proxy.port}/chat/")


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/chat/messages", "max_body_bytes"),
        ("/api/bookings", "max_body_bytes"),
        ("/webhooks/wechat", "max_delivery_bytes"),
        ("/webhooks/line", "max_delivery_bytes"),
        ("/check-in/", "max_body_bytes"),
        ("/chat/", "max_upload_bytes"),
        ("/chat/files", "max_upload_bytes"),
        ("/api/assessments/training-allowance/roster", "max_upload_bytes"),
    ],
)
def test_a_body_may_be_as_long_as_the_program_takes_and_no_longer(
    proxy: Proxy, tmp_path: Path, path: str, limit: str
) -> None:
    most = getattr(read_settings({"VAR_DIR": str(tmp_path / "var"), "SECRET_KEY": "x"}), limit)
    assert proxy.post(path, b"x" * most).json()["size"] == most
    response = proxy.post(path, b"x" * (most + 1))
    assert response.status_code == 413
    assert response.json()["error"] == {"code": "http_413", "message": "内容太大"}


def test_what_a_visitor_claims_about_himself_is_replaced(proxy: Proxy) -> None:
    claims = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Forwarded-Proto": "http",
        "X-Scheme": "http",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Path": "/metrics",
        "X-Request-ID": "chosen",
    }
    got = proxy.get("/chat/history", headers=claims).json()["headers"]
    assert got["X-Real-IP"] == got["X-Forwarded-For"] == "127.0.0.1"
    assert got["X-Forwarded-Proto"] == "https"
    assert got["Host"] == f"127.0.0.1:{proxy.port}"  # compared with Origin
    assert re.fullmatch("[0-9a-f]{32}", got["X-Request-ID"])
    assert not {"Forwarded", "X-Scheme", "X-Forwarded-Host", "X-Forwarded-Path"} & set(got)


def test_security_headers_are_the_programs_own_where_it_has_them(proxy: Proxy, echo: Echo) -> None:
    echo.headers = {"Content-Security-Policy": "default-src 'self'", "Referrer-Policy": "no-referrer"}
    headers = proxy.get("/chat/").headers
    assert headers["Content-Security-Policy"] == "default-src 'self'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("path", ["/chat/history", "/no-such-page"])
def test_every_answer_has_security_headers_and_no_version(proxy: Proxy, path: str) -> None:
    headers = proxy.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert not re.search(r"\d", headers["Server"].removeprefix("BaseHTTP"))


def test_guessing_the_staff_token_is_slowed_down(proxy: Proxy) -> None:
    answers = [proxy.post("/check-in/sign-in") for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 8
    assert refused[0].json()["error"]["code"] == "too_many"
    assert refused[0].headers["Retry-After"] == "5"


def test_a_classroom_behind_one_address_can_chat_at_once(proxy: Proxy) -> None:
    assert {proxy.post("/chat/messages").status_code for _ in range(60)} == {200}


def test_a_message_to_a_stopped_server_is_answered_by_the_other(
    echo: Echo, tool: Callable[[str], Path], tmp_path: Path
) -> None:
    with Proxy(tool("nginx"), DEPLOY / "nginx", tmp_path, [free_port(), echo.port]) as proxy:
        assert {proxy.post("/chat/messages").status_code for _ in range(20)} == {200}
    assert len(echo.asked) == 20


def test_without_any_server_people_are_told_to_try_again(tool: Callable[[str], Path], tmp_path: Path) -> None:
    with Proxy(tool("nginx"), DEPLOY / "nginx", tmp_path, [free_port()]) as proxy:
        response = proxy.post("/chat/messages")
    assert response.status_code == 503
    assert response.json()["error"]["message"].startswith("服务暂时不可用")
    assert response.headers["Retry-After"] == "5"


def test_text_is_compressed_and_a_stream_is_not(proxy: Proxy, echo: Echo) -> None:
    wanted = {"Accept-Encoding": "gzip"}
    assert proxy.get("/chat/history", headers=wanted).headers["Content-Encoding"] == "gzip"
    echo.content_type = "text/event-stream"
    assert "Content-Encoding" not in proxy.get("/chat/history", headers=wanted).headers


def test_the_log_names_nobody(echo: Echo, tool: Callable[[str], Path], tmp_path: Path) -> None:
    with Proxy(tool("nginx"), DEPLOY / "nginx", tmp_path, [echo.port]) as proxy:
        proxy.get("/bookings/K7M2-QX9D?t=signed-link")
        proxy.get("/chat/enter?ticket=secret-ticket")
    lines = [json.loads(line) for line in proxy.log.splitlines()]  # complete when nginx has ended
    assert [line["room"] for line in lines] == ["/bookings", "/chat"]
    for private in ("K7M2", "signed-link", "secret-ticket", '"127.0.0.1"'):
        assert private not in proxy.log


@pytest.mark.parametrize("site", ["compose", "host", "kubernetes"])
def test_nginx_takes_the_configuration_of_each_site(tool: Callable[[str], Path], tmp_path: Path, site: str) -> None:
    for rules in (DEPLOY / "nginx").iterdir():
        text = rules.read_text()
        text = re.sub(r"listen (\d+)", rf"listen unix:{tmp_path}/\1.sock", text)
        text = re.sub(r"(ssl_certificate(?:_key)?) \S+/(\w+);", rf"\1 {tmp_path}/\2;", text)
        text = (
            text.replace("chanjiaotong-server:", "127.0.0.1:")
            .replace("user www-data;", "")
            .replace("/run/", f"{tmp_path}/")
        )
        (tmp_path / rules.name).write_text(text)
    new = ["-newkey", "rsa:2048", "-nodes", "-keyout", "tls_key", "-out", "tls_certificate"]
    subprocess.run(
        ["openssl", "req", "-x509", "-subj", "/CN=test", *new], cwd=tmp_path, check=True, capture_output=True
    )
    run = subprocess.run(
        [tool("nginx"), "-t", "-p", tmp_path, "-c", tmp_path / f"{site}.conf"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "[warn]" not in run.stderr and "[emerg]" not in run.stderr


def test_people_talk_through_the_proxy_to_a_real_server(
    server: Server, tool: Callable[[str], Path], tmp_path: Path
) -> None:
    port = int(server.base_url.rpartition(":")[2])
    with Proxy(tool("nginx"), DEPLOY / "nginx", tmp_path, [port]) as proxy:
        assert "text/html" in proxy.get("/chat/").headers["Content-Type"]
        started = proxy.post("/chat/sessions", b"")
        assert started.status_code == 201 and "Secure" in started.headers["Set-Cookie"]
        cookie = started.headers["Set-Cookie"].partition(";")[0]
        headers = {"Cookie": cookie, "Origin": f"https://127.0.0.1:{proxy.port}"}
        said = proxy.post("/chat/messages", json.dumps({"text": "实习给不给钱?"}).encode(), headers=headers)
        assert said.status_code == 200 and said.json()["messages"][0]["kind"] == "answer"
        elsewhere = proxy.post(
            "/chat/messages", b'{"text": "hi"}', headers={**headers, "Origin": "https://evil.example"}
        )
        assert elsewhere.status_code == 403
        assert proxy.get("/metrics").status_code == proxy.get("/readyz").status_code == 404
        assert proxy.post("/chat/messages", b"x" * 70_000, headers=headers).status_code == 413
    assert Client(server.base_url).get("/metrics").status_code == 200  # inside it is there
