"""The policy documents: pages at /policies/ and /policies/<slug>, every article an anchor, a cited sentence marked; a search; and each
article by itself as JSON at /api/articles/<slug>/<number>."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html
from sanic.response import json as json_response

from bot.http import HEADERS, dumps, error_response
from policy_kb.corpus import Article, Corpus, Document
from policy_kb.normalise import same_length

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)

STATUS_WORDS = {"in_force": "现行有效", "superseded": "已被取代", "unconfirmed": "尚未确认是否仍然有效"}
CACHED = {**HEADERS, "Cache-Control": "public, max-age=300"}
WHOLE = "general"  # the number of the one article of a document without confirmed article numbers
LONGEST_SEARCH, MOST_FOUND, AROUND = 60, 40, 36  # characters, articles, characters either side of what was found


def reader(corpus: Callable[[], Corpus]) -> Blueprint:
    """The blueprint of the reader pages. `corpus` gives the documents in use at the moment."""
    pages = Blueprint("policies")

    @pages.get("/policies/<slug>")
    async def document(request: Request, slug: str) -> HTTPResponse:
        """One document, or the list of all with a search (`?q=`). `?quote=` marks that sentence where the text has it."""
        if not slug:  # Sanic takes /policies/ for an empty slug
            words = (request.args.get("q") or "").strip()[:LONGEST_SEARCH]
            found = _found(corpus(), words) if words else []
            return _render("policies.html", documents=corpus().documents, words=words, found=found)
        shown = corpus().document(slug)
        if shown is None:
            return _render("missing.html", status=404)
        return _render(
            "policy.html", document=shown, sections=_sections(shown, (request.args.get("quote") or "")[:300])
        )

    @pages.get("/api/articles/<slug>/<number>")
    async def article(request: Request, slug: str, number: str) -> HTTPResponse:
        """One article with its text and its neighbours. `number` is 16, 4.3 or `general`."""
        held = corpus().document(slug)
        places = {a.number or WHOLE: place for place, a in enumerate(held.articles)} if held else {}
        if held is None or number not in places:
            return error_response(404, "unknown_article", "没有这一条")
        body = _article(held, places[number])
        return json_response(body, dumps=dumps, headers={"Cache-Control": CACHED["Cache-Control"]})

    return pages


def _article(document: Document, place: int) -> dict[str, Any]:
    """The article at `place` of `document` as programs get it."""
    articles = document.articles
    article = articles[place]
    return {
        **_named(article),
        "part": article.part,
        "paragraphs": article.text.split("\n"),
        "url": f"/policies/{document.slug}#{article.number or WHOLE}",
        "document": {
            "slug": document.slug,
            "title": document.title,
            "number": document.number,
            "kind": document.kind,
            "status": STATUS_WORDS[document.status],
        },
        "previous": _named(articles[place - 1]) if place else None,
        "next": _named(articles[place + 1]) if place + 1 < len(articles) else None,
    }


def _named(article: Article) -> dict[str, str]:
    return {"article": article.id, "number": article.number or WHOLE, "title": article.title, "label": article.label}


def _found(corpus: Corpus, words: str) -> list[dict[str, Any]]:
    """The articles that hold all of `words` (in either script), with the place of the first of them."""
    wanted = same_length(words).split()
    found = []
    for document in corpus.documents:
        for article in document.articles:
            text = article.text.replace("\n", " ")
            plain, headed = same_length(text), same_length(f"{article.title} {text}")
            if all(word in headed for word in wanted):
                at = max(plain.find(wanted[0]), 0)
                start, end = max(at - AROUND, 0), at + len(wanted[0]) + AROUND
                excerpt = ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
                hit = text[at : at + len(wanted[0])] if wanted[0] in plain else ""
                url = f"/policies/{document.slug}#{article.number or WHOLE}"
                found.append({"label": article.label, "excerpt": _marked(excerpt, hit), "url": url})
    return found[:MOST_FOUND]


def _sections(document: Document, quote: str) -> list[dict[str, Any]]:
    """The document's blocks, those of an article gathered into one section with its anchor."""
    sections: list[dict[str, Any]] = []
    restored = {a.id for a in document.articles if a.restored_heading}
    for block in document.blocks:
        if block.kind == "article":
            anchor = (block.article or "").partition("#")[2] or WHOLE
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
