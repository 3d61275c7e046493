"""What the chat page's script and every page's style sheet are served from: web/dist (made by `make web`) and bot/static."""

import gzip
import json
import mimetypes
from pathlib import Path

from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from bot.http import error_response
from bot.settings import ROOT

DIST = ROOT / "web" / "dist"
STATIC = {name: ROOT / "bot" / "static" / name for name in ("plain.css", "icon.svg")}
# A name in web/dist has the hash of its content in it, so it never changes; what every page has keeps its name.
FOR_EVER, FOR_MINUTES = "public, max-age=31536000, immutable", "public, max-age=300"
PACKED_FROM = 1000  # bytes; less fits in one packet anyway
ENCODINGS = {"br": ".br", "gzip": ".gz"}


def bundle(dist: Path = DIST) -> dict[str, str] | None:
    """The addresses of the page's script and styles (`js`, `css`), or None where they are not built: the plain page does without."""
    try:
        made = json.loads((dist / "manifest.json").read_text())
        names = {kind: made[kind] for kind in ("js", "css")}
        whole = all((dist / name).is_file() for name in names.values())
        return {kind: f"/assets/{name}" for kind, name in names.items()} if whole else None
    except (OSError, ValueError, KeyError):
        return None


def web_page(dist: Path = DIST) -> Blueprint:
    """The blueprint of /assets/ and /static/. Files are read once and sent compressed to who takes that."""
    pages = Blueprint("web_page")
    fixed = {name: path.read_bytes() for name, path in STATIC.items()}
    packed_fixed = {name: {"gzip": gzip.compress(content, mtime=0)} for name, content in fixed.items()}
    files = {path.name: path.read_bytes() for path in dist.glob("*-*.*")}

    @pages.get("/assets/<name>")
    async def asset(request: Request, name: str) -> HTTPResponse:
        if name not in files or name.endswith(tuple(ENCODINGS.values())):
            return error_response(404, "http_404", "没有这个地址")
        packed = {way: files[name + end] for way, end in ENCODINGS.items() if name + end in files}
        return _sent(request, files[name], packed, name, FOR_EVER)

    @pages.get("/static/<name>")
    async def static(request: Request, name: str) -> HTTPResponse:
        if name not in fixed:
            return error_response(404, "http_404", "没有这个地址")
        return _sent(request, fixed[name], packed_fixed[name], name, FOR_MINUTES)

    return pages


def pack(request: Request, response: HTTPResponse) -> None:
    """Compress a page or the history, which take a slow phone's network longest.

    What is personal too: no address gives back what another site puts into it together with anything secret, by whose length it could
    be guessed (BREACH): the cookie that a page of another site may send comes with addresses that only show.
    """
    kind = response.content_type or ""
    if kind.startswith("text/html") or request.path == "/chat/history":
        body = response.body or b""
        if len(body) >= PACKED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            response.body = gzip.compress(body, 6, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Accept-Encoding")))


def _sent(request: Request, content: bytes, packed: dict[str, bytes], name: str, kept: str) -> HTTPResponse:
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    way = next((way for way in packed if way in accepted), None)
    if way:
        headers["Content-Encoding"] = way
    kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "application/octet-stream"
    return raw(packed[way] if way else content, content_type=f"{kind}; charset=utf-8", headers=headers)
