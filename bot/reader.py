"""The policy documents as pages: /policies/ and /policies/<slug>, every article an anchor, a cited sentence marked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html

from bot.http import HEADERS
from policy_kb.corpus import Corpus, Document

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)

STATUS_WORDS = {"in_force": "现行有效", "superseded": "已被取代", "unconfirmed": "尚未确认是否仍然有效"}
CACHED = {**HEADERS, "Cache-Control": "public, max-age=300"}


def reader(corpus: Callable[[], Corpus]) -> Blueprint:
    """The blueprint of the reader pages. `corpus` gives the documents in use at the moment."""
    pages = Blueprint("policies", url_prefix="/policies")

    @pages.get("/<slug>")
    async def document(request: Request, slug: str) -> HTTPResponse:
        """One document, or the list of all. `?quote=` marks that sentence where the text has it."""
        if not slug:  # Sanic takes /policies/ for an empty slug
            return _render("policies.html", documents=corpus().documents)
        found = corpus().document(slug)
        if found is None:
            return _render("missing.html", status=404)
        return _render(
            "policy.html", document=found, sections=_sections(found, (request.args.get("quote") or "")[:300])
        )

    return pages


def _sections(document: Document, quote: str) -> list[dict[str, Any]]:
    """The document's blocks, those of an article gathered into one section with its anchor."""
    sections: list[dict[str, Any]] = []
    restored = {a.id for a in document.articles if a.restored_heading}
    for block in document.blocks:
        if block.kind == "article":
            anchor = (block.article or "").partition("#")[2] or "general"
            sections.append(
                {
                    "kind": "article",
                    "anchor": anchor,
                    "heading": block.text,
                    "restored": block.article in restored,
                    "paragraphs": [],
                }
            )
        elif block.kind == "paragraph" and block.article and sections and sections[-1]["kind"] == "article":
            sections[-1]["paragraphs"].append(_marked(block.text, quote))
        else:
            text = _marked(block.text, quote) if block.kind == "paragraph" else block.text
            sections.append({"kind": block.kind, "text": text})
    return sections


def _marked(text: str, quote: str) -> Markup:
    if not quote or quote not in text:
        return escape(text)
    before, _, after = text.partition(quote)
    return escape(before) + Markup("<mark>") + escape(quote) + Markup("</mark>") + escape(after)


def _render(template: str, status: int = 200, **values: Any) -> HTTPResponse:
    body = _templates.get_template(template).render(status_words=STATUS_WORDS, **values)
    return html(body, status=status, headers=CACHED)
