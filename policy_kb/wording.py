"""How findings are said: the direct sentence first, then what must be known about its source. Nothing here adds a fact."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import quote as percent_encode

from policy_kb.corpus import Article, Corpus, Document
from policy_kb.knowledge import Answer, Gap

Kind = Literal["answer", "no_answer", "clarify"]

AUTHORITY_DECIDES = "现在怎么执行,以主管部门的答复为准。"
SUMMARY_NOTE = "这是国家规定的摘要,以官方文本为准。"
OUT_OF_SCOPE = "这个问题不在我能回答的范围里。我只根据山西省产教融合的两份文件和几项国家规定的摘要回答,比如学徒制、订单班、实习权益、培训津贴、实训基地。"
_TARGET = re.compile(r"到(20\d\d)年")


@dataclass(frozen=True)
class Citation:
    """A clause as it is cited: article id, label, exact quote, address of the reader page with the quote marked."""

    article: str
    label: str
    quote: str
    url: str


@dataclass(frozen=True)
class Option:
    """Something that can be asked next with one tap."""

    title: str
    payload: str


@dataclass(frozen=True)
class Outcome:
    """What the pipeline says to one message. `article` and `answer` are remembered for follow-up questions."""

    kind: Kind
    text: str
    citations: tuple[Citation, ...] = ()
    options: tuple[Option, ...] = ()
    article: str | None = None
    answer: str | None = None


def cite(corpus: Corpus, article_id: str, quote: str | None = None) -> Citation:
    """A citation of `article_id`; without `quote` the article's first sentence is quoted."""
    article = corpus.articles[article_id]
    quote = quote or article.sentences()[0]
    slug, _, number = article_id.partition("#")
    url = f"/policies/{slug}?quote={percent_encode(quote)}#{number or 'general'}"
    return Citation(article_id, f"{article.label} {article.title}" if article.number else article.label, quote, url)


def source_line(document: Document, article: Article) -> str:
    """'依据2018年《…》（十六）' — the year is always named."""
    item = article.label.removeprefix(document.number or f"《{document.title}》").strip()
    number = f"({document.number})" if document.number else ""
    return f"依据{document.year}年《{document.title}》{number}{item}"


def caveats(document: Document, nature: str, texts: list[str], target_year: int | None, today: date) -> str:
    """What must be said beside a claim: passed target years, summaries of national rules, and who decides money and duties."""
    notes = []
    years = {int(y) for text in texts for y in _TARGET.findall(text)} | ({target_year} if target_year else set())
    passed = sorted(y for y in years if y < today.year)
    if passed:
        notes.append(f"{'、'.join(f'到{y}年' for y in passed)}的目标是当时定的,期限已过。")
    if document.kind == "summary":
        notes.append(SUMMARY_NOTE)
    if nature in ("money", "duty", "right"):
        notes.append(AUTHORITY_DECIDES)
    return "".join(notes)


def superseded_first(corpus: Corpus, document: Document) -> str:
    """The warning that opens an answer from a document that no longer applies."""
    if document.status != "superseded":
        return ""
    newer = corpus.document(document.superseded_by or "")
    name = f"《{newer.title}》" if newer else str(document.superseded_by)
    return f"注意:这份文件已被{name}取代,下面是它当时的规定。\n"


def say_answer(corpus: Corpus, answer: Answer, today: date) -> tuple[str, tuple[Citation, ...]]:
    """A curated answer and its citations."""
    document, article = corpus.document_of(answer.article), corpus.articles[answer.article]
    notes = caveats(document, answer.nature, [answer.quote, answer.text], answer.target_year, today)
    text = f"{superseded_first(corpus, document)}{answer.text}\n{source_line(document, article)}。{notes}"
    return text, (cite(corpus, answer.article, answer.quote), *(cite(corpus, other) for other in answer.also))


def say_quote(corpus: Corpus, article_id: str, sentence: str, today: date) -> tuple[str, tuple[Citation, ...]]:
    """The article's own sentence, for questions no curated answer covers."""
    document, article = corpus.document_of(article_id), corpus.articles[article_id]
    nature = "money" if re.search(r"\d+元|津贴|补偿|收取费用|奖励", sentence) else "info"
    notes = caveats(document, nature, [sentence], None, today)
    text = f"{superseded_first(corpus, document)}文件是这样写的:“{sentence}”\n{source_line(document, article)}。{notes}"
    return text, (cite(corpus, article_id, sentence),)


def say_gap(corpus: Corpus, gap: Gap) -> tuple[str, tuple[Citation, ...]]:
    """What is not stated, what is, and who decides."""
    document, article = corpus.document_of(gap.near), corpus.articles[gap.near]
    text = f"{gap.missing}{gap.given}\n{source_line(document, article)}。要问清楚,可以找{gap.office}。"
    return text, (cite(corpus, gap.near, gap.quote),)
