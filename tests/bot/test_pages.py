"""The policy documents as pages, and what operators ask the server."""

import html
import re
from urllib.parse import unquote, urldefrag

import pytest
import requests

from bot.reader import STATUS_WORDS
from policy_kb.pipeline import Pipeline
from policy_kb.wording import cite
from tests.conftest import QUESTION, Client, Server

SLUGS = ["cn-apprentice-2021-39", "cn-intern-2021-4", "cn-vocational-law-2022", "sx-2018-38", "sx-2021-453"]


def get(server: Server, path: str) -> requests.Response:
    return requests.get(server.base_url + path)


def marked(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<mark>(.*?)</mark>", page, re.S)]


def test_the_list_names_every_document(server: Server, pipeline: Pipeline) -> None:
    page = get(server, "/policies/")
    assert page.status_code == 200
    assert {document.slug for document in pipeline.corpus.documents} == set(SLUGS)
    for document in pipeline.corpus.documents:
        assert f'<a href="/policies/{document.slug}">{document.title}</a>' in html.unescape(page.text)
        assert STATUS_WORDS[document.status] in page.text


@pytest.mark.parametrize("slug", SLUGS)
def test_every_article_is_an_anchor_of_its_documents_page(server: Server, pipeline: Pipeline, slug: str) -> None:
    response = get(server, f"/policies/{slug}")
    document = pipeline.corpus.document(slug)
    assert response.status_code == 200 and document is not None
    anchors = re.findall(r'<article id="([^"]+)">', response.text)
    assert anchors == [article.number or "general" for article in document.articles]
    shown = html.unescape(response.text)
    for article in document.articles:
        for paragraph in article.text.split("\n"):
            assert f"<p>{paragraph}</p>" in shown
    assert ("以官方文本为准" in shown) == (document.kind == "summary")
    assert "<mark>" not in response.text


def test_an_answers_citation_leads_to_its_marked_sentence(server: Server, client: Client) -> None:
    [reply] = client.say(QUESTION)
    assert reply["citations"]
    for citation in reply["citations"]:
        address, anchor = urldefrag(citation["url"])
        page = get(server, address).text
        assert f'<article id="{unquote(anchor)}">' in page
        assert marked(page) == [citation["quote"]]


def test_every_quote_that_an_answer_may_cite_is_marked_where_it_stands(server: Server, pipeline: Pipeline) -> None:
    claims = [(a.id, a.article, a.quote) for a in pipeline.knowledge.answers.values()]
    claims += [(g.id, g.near, g.quote) for g in pipeline.knowledge.gaps.values()]
    lost = []
    for claim, article, quote in claims:
        url, _ = urldefrag(cite(pipeline.corpus, article, quote).url)
        if quote not in marked(get(server, url).text):
            lost.append(f"{claim}: {quote}")
    assert not lost


@pytest.mark.parametrize("quote", ["", "没有这句话", "<script>alert(1)</script>", "%ff%fe", "。" * 600, "%3Cb%3E"])
def test_a_quote_that_is_not_in_the_text_marks_nothing_else(server: Server, quote: str) -> None:
    page = get(server, f"/policies/sx-2018-38?quote={quote}")
    assert page.status_code == 200 and "<mark>" not in page.text
    assert "<script" not in page.text and "<b>" not in page.text


@pytest.mark.parametrize("slug", ["nothing", "SX-2018-38", "sx-2018-38.md", "..%2f..%2fbot", "%E5%AE%9E", "%ff"])
def test_an_unknown_document_is_a_readable_404(server: Server, slug: str) -> None:
    response = get(server, f"/policies/{slug}")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html") and "没有这个页面" in response.text
    assert 'href="/policies/"' in response.text


@pytest.mark.parametrize("slug", SLUGS)
def test_every_article_can_be_had_by_itself_and_leads_to_its_neighbours(
    server: Server, pipeline: Pipeline, slug: str
) -> None:
    document = pipeline.corpus.document(slug)
    assert document is not None
    before = None
    for article in document.articles:
        found = get(server, f"/api/articles/{slug}/{article.number or 'general'}").json()
        assert found["article"] == article.id and "\n".join(found["paragraphs"]) == article.text
        assert found["previous"] == before and found["document"]["title"] == document.title
        before = {name: found[name] for name in ("article", "number", "title", "label")}
    assert found["next"] is None


@pytest.mark.parametrize("path", ["nothing/1", "sx-2018-38/99", "sx-2018-38/1.1", "sx-2018-38/%00", "sx-2018-38/"])
def test_an_unknown_article_is_a_404(server: Server, path: str) -> None:
    response = get(server, f"/api/articles/{path}")
    assert response.status_code == 404 and response.json()["error"]["message"]


@pytest.mark.parametrize("words", ["每人300元", "每人 津贴", "職業培訓津貼", "职业培训津贴 每人300元"])
def test_the_search_finds_the_article_that_holds_all_words(server: Server, words: str) -> None:
    page = get(server, f"/policies/?q={words}")
    assert 'href="/policies/sx-2018-38#16"' in page.text and page.text.count("<mark>") >= 1


@pytest.mark.parametrize("words", ["量子纠缠", "<script>alert(1)</script>", "%%", "\x00", "津贴 " * 50])
def test_a_search_without_a_hit_says_so(server: Server, words: str) -> None:
    page = requests.get(f"{server.base_url}/policies/", params={"q": words})
    assert page.status_code == 200 and "<script" not in page.text
    assert "没有找到" in page.text or "津贴" in words


@pytest.mark.parametrize("path", ["/policies/", "/policies/sx-2018-38", "/policies/nothing"])
def test_reader_pages_run_no_code(server: Server, path: str) -> None:
    response = get(server, path)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", response.text)


def test_the_root_leads_to_the_chat(server: Server) -> None:
    response = requests.get(server.base_url, allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "/chat/")


def test_the_server_says_that_it_is_alive_and_ready(server: Server) -> None:
    assert get(server, "/healthz").text == "ok"
    ready = get(server, "/readyz")
    assert ready.status_code == 200 and ready.json() == {"model": True, "database": True}


def turns(server: Server, kind: str) -> float:
    response = get(server, "/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    found = re.search(rf'^chanjiaotong_turns_total{{channel="web",kind="{kind}"}} ([\d.e+]+)$', response.text, re.M)
    return float(found[1]) if found else 0.0


def test_an_answered_turn_is_counted_and_a_repeated_or_refused_one_is_not(server: Server, client: Client) -> None:
    before = turns(server, "answer")
    client.say(QUESTION, "m-1")
    client.say(QUESTION, "m-1")
    client.post({"text": ""})
    assert turns(server, "answer") == before + 1


def test_the_metrics_hold_nothing_that_anybody_said(server: Server, client: Client) -> None:
    client.say("我在太原的厂里实习")
    assert "实习" not in get(server, "/metrics").text and client.sender_id not in get(server, "/metrics").text


def test_the_style_sheet_is_served(server: Server) -> None:
    response = get(server, "/static/plain.css")
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("text/css")
    assert "max-age" in response.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/static/../settings.py", "/static/%2e%2e/settings.py", "/static/base.html"])
def test_no_other_file_is_served(server: Server, path: str) -> None:
    with requests.Session() as session:
        request = requests.Request("GET", server.base_url).prepare()
        request.url = server.base_url + path  # requests would resolve the dots itself
        assert session.send(request).status_code == 404
