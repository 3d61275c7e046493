"""What all our pages and interfaces say alike over HTTP: errors, JSON, security headers, and who is asking."""

import json
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as json_response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def dumps(value: Any) -> str:
    """Compact JSON with Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def error_response(status: int, code: str, message: str, **more: Any) -> HTTPResponse:
    """An error as every client of this server gets it: a short code and a Chinese message."""
    body = {"error": {"code": code, "message": message, **more}}
    return json_response(body, status=status, dumps=dumps, headers={"Cache-Control": "no-store"})


def client_address(request: Request) -> str:
    """The address that a request comes from: a proxy's word for it where one is configured (PROXIES_COUNT), else the connection's."""
    return request.remote_addr or request.ip
