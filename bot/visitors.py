"""Who is asking over HTTP: the session cookie of a request, and whether the request comes from a page of ours."""

import re

from sanic.request import Request
from sanic.response import HTTPResponse

from channels.web.session import COOKIE, MAX_AGE_SECONDS

_COOKIE = re.compile(rf"(?:^|;)\s*{COOKIE}=([^;]*)")


def session_cookie(request: Request) -> str | None:
    """Our cookie in the raw header: Sanic's parser refuses them all when another program on this host has set an odd one."""
    found = _COOKIE.search(request.headers.getone("cookie", ""))
    return found[1] if found else None


def set_session_cookie(request: Request, response: HTTPResponse, value: str) -> None:
    response.cookies[COOKIE] = value
    cookie = response.cookies[COOKIE]
    cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"] = True, "Lax", "/", MAX_AGE_SECONDS
    if over_https(request):
        cookie["secure"] = True


def over_https(request: Request) -> bool:
    return "https" in (request.scheme, request.headers.get("x-forwarded-proto"))


def same_origin(request: Request) -> bool:
    """Whether the request comes from our own page or from a program (which sends no Origin)."""
    origin = request.headers.get("origin")
    return origin is None or origin.split("://")[-1] == request.headers.get("host")
