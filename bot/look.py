"""How a visitor wants pages to look (colours, size of text, script): chosen at /settings/, kept in a cookie, put onto every page here."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html, redirect

from bot.http import HEADERS, dumps, error_response
from bot.visitors import over_https, same_origin
from policy_kb.normalise import to_traditional

COOKIE = "cjt_look"
YEAR_SECONDS = 365 * 24 * 3600
CHOICES = {
    "size": {"normal": "标准", "elder": "长辈版(大字、大按钮)", "largest": "最大"},
    "theme": {"auto": "跟手机或电脑一样", "light": "浅色", "dark": "深色"},
    "script": {"hans": "简体", "hant": "繁體"},
}
TITLES = {"size": "字和按钮的大小", "theme": "颜色", "script": "简体、繁体"}
_COOKIE = re.compile(rf"(?:^|;)\s*{COOKIE}=([a-z.]*)")
_ROOT = '<html lang="zh-CN">'
# What stays as it was written: policy text, what people type, and options, whose words are sent back.
_ORIGINAL = re.compile(r"(?s)<(section|blockquote|article|option|textarea|svg)\b.*?</\1>")
_SAID_IN_TAGS = re.compile(r'((?:aria-label|placeholder|alt)=")([^"]*)')
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


@dataclass(frozen=True)
class Look:
    """One choice of each kind in CHOICES."""

    size: str = "normal"
    theme: str = "auto"
    script: str = "hans"

    @classmethod
    def of(cls, said: dict[str, str]) -> "Look":
        """What is known of `said`; the rest is as usual."""
        return cls(**{kind: said[kind] for kind, known in CHOICES.items() if said.get(kind) in known})

    @classmethod
    def read(cls, request: Request) -> "Look":
        found = _COOKIE.search(request.headers.getone("cookie", ""))
        return cls.of(dict(zip(CHOICES, found[1].split(".")))) if found else cls()

    def __str__(self) -> str:
        return ".".join(getattr(self, kind) for kind in CHOICES)

    @property
    def root(self) -> str:
        """The opening tag of a page's root, as bot/static/plain.css reads it."""
        lang = "zh-Hant" if self.script == "hant" else "zh-Hans"
        size = f' data-size="{self.size}"' if self.size != "normal" else ""
        theme = f' data-theme="{self.theme}"' if self.theme != "auto" else ""
        return f'<html lang="{lang}"{size}{theme}>'


def looks() -> Blueprint:
    """The blueprint of /settings/."""
    pages = Blueprint("look")

    @pages.get("/settings/")
    async def settings(request: Request) -> HTTPResponse:
        before = urlsplit(request.headers.get("referer") or "")
        back = before.path if before.netloc == request.headers.get("host") else "/chat/"
        values = {"look": Look.read(request), "choices": CHOICES, "titles": TITLES, "back": _path(back)}
        body = _templates.get_template("settings.html").render(values)
        return html(body, headers={**HEADERS, "Cache-Control": "no-store"})

    @pages.post("/settings/")
    async def choose(request: Request) -> HTTPResponse:
        """Form fields `size`, `theme`, `script` and where to go `back` to."""
        if not same_origin(request):
            return error_response(403, "cross_origin", "不接受来自其他网站的请求")
        said = {kind: str((request.form or {}).get(kind) or "") for kind in CHOICES}
        response = redirect(_path(str((request.form or {}).get("back") or "")), status=303)
        response.cookies[COOKIE] = str(Look.of(said))
        cookie = response.cookies[COOKIE]
        cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"] = True, "Lax", "/", YEAR_SECONDS
        if over_https(request):
            cookie["secure"] = True
        return response

    return pages


def dress(request: Request, response: HTTPResponse) -> None:
    """Give a page, or the replies of a conversation, the look that its visitor chose."""
    kind = response.content_type or ""
    if kind.startswith("text/html") and response.body:
        look = Look.read(request)
        page = response.body.decode().replace(_ROOT, look.root, 1)
        response.body = (traditional_page(page) if look.script == "hant" else page).encode()
        response.headers["Vary"] = "Cookie"
    elif kind == "application/json" and request.path.startswith("/chat/") and Look.read(request).script == "hant":
        response.body = _traditional_talk(response.body or b"")


def traditional_page(page: str) -> str:
    """`page` in Traditional characters, without what stays in the original."""
    return "".join(_converted(page))


def _converted(page: str) -> Iterator[str]:
    end = 0
    for original in _ORIGINAL.finditer(page):
        yield _words_of(page[end : original.start()])
        yield original[0]
        end = original.end()
    yield _words_of(page[end:])


def _words_of(markup: str) -> str:
    def tag(found: "re.Match[str]") -> str:
        return _SAID_IN_TAGS.sub(lambda said: said[1] + to_traditional(said[2]), found[0])

    parts = re.split(r"(<[^>]*>)", markup)
    return "".join(re.sub(r"<[^>]*>", tag, p) if p.startswith("<") else to_traditional(p) for p in parts)


def _traditional_talk(body: bytes) -> bytes:
    """The messages or the history of a conversation; what the person said stays."""
    said = json.loads(body)
    for entry in said.get("messages", []):
        if "replies" in entry:  # an exchange of the history
            entry["replies"] = [_traditional(reply) for reply in entry["replies"]]
        else:
            entry.update(_traditional(entry))
    return dumps(said).encode()


def _traditional(value: Any) -> Any:
    """A reply, or a part of one, with its words in Traditional characters; quotes stay in the original."""
    if isinstance(value, dict):
        return {key: part if key == "quote" else _traditional(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_traditional(part) for part in value]
    return to_traditional(value) if isinstance(value, str) else value


def _path(said: str) -> str:
    """`said` where it is a path of this server's, else the chat page."""
    return said if re.fullmatch(r"/(?![/\\])[\w/.%-]*", said) else "/chat/"
