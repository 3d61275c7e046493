"""Curated answers, known gaps and question phrasings: plain files, validated against the corpus at load.

answers/<slug>/<n>.yml   one short answer per fact of an article, with its quote
gaps/**/*.yml            what people ask that the documents do not settle
questions/**/*.txt       how people ask: a line `# <target>` opens a group, each further line is one question
                         targets: an answer id, an article id, `gap:<id>`, `gap`, `out:<topic>`
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from policy_kb.corpus import Corpus
from policy_kb.numbers import unsupported_numbers
from policy_kb.yaml_lines import LINE, DataError, load_yaml, read_text, take

ROOT = Path(__file__).parent
_ID = re.compile(r"[a-z0-9.-]{1,120}")
Nature = Literal["money", "duty", "target", "right", "info"]
OUT, GAP = "out", "gap"
# Phrasings that people are known to use (questions/collected, and what operators add) count more than written ones.
WRITTEN_WEIGHT = 0.8


@dataclass(frozen=True)
class Answer:
    """A curated answer to one fact: `text` says it directly, `quote` is the clause's own words, `also` are further articles."""

    id: str
    article: str
    fact: str
    text: str
    quote: str
    also: tuple[str, ...]
    nature: Nature
    target_year: int | None
    keywords: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def is_overview(self) -> bool:
        return self.id.endswith(".overview")


@dataclass(frozen=True)
class Gap:
    """Something people ask that the documents leave open: what is missing, what is given nearby, which office decides."""

    id: str
    near: str
    topic: str
    missing: str
    given: str
    quote: str
    office: str


@dataclass(frozen=True)
class Question:
    """One phrasing. `article` is an article id, 'gap' or 'out'; `target` the exact answer, gap or topic if known."""

    text: str
    article: str
    target: str | None
    also: tuple[str, ...] = ()
    weight: float = 1.0
    origin: str = "collected"


@dataclass(frozen=True)
class Knowledge:
    corpus: Corpus
    answers: dict[str, Answer] = field(repr=False)
    gaps: dict[str, Gap] = field(repr=False)
    questions: tuple[Question, ...] = field(repr=False)

    def answers_of(self, article_id: str) -> list[Answer]:
        return [a for a in self.answers.values() if a.article == article_id]


def load_knowledge(corpus: Corpus, root: Path = ROOT) -> Knowledge:
    """All answers, gaps and questions under `root`. Raises DataError with file and line on the first mistake."""
    answers: dict[str, Answer] = {}
    for path in sorted((root / "answers").rglob("*.yml")):
        for answer, line in _answers(path, corpus):
            if answer.id in answers:
                raise DataError(path, line, f"答案编号重复:{answer.id}")
            answers[answer.id] = answer
    gaps: dict[str, Gap] = {}
    for path in sorted((root / "gaps").rglob("*.yml")):
        for gap, line in _gaps(path, corpus):
            if gap.id in gaps:
                raise DataError(path, line, f"缺口编号重复:{gap.id}")
            gaps[gap.id] = gap
    questions = tuple(
        question
        for path in sorted((root / "questions").rglob("*.txt"))
        for question in _questions(path, root, corpus, answers, gaps)
    )
    return Knowledge(corpus, answers, gaps, questions)


def _answers(path: Path, corpus: Corpus) -> list[tuple[Answer, int]]:
    top = take(load_yaml(path), path, {"article": str, "answers": list}, {})
    article = corpus.articles.get(top["article"])
    if article is None:
        raise DataError(path, 1, f"没有这个条目:{top['article']}")
    found = []
    for raw in top["answers"]:
        item = take(
            raw,
            path,
            {"id": str, "fact": str, "nature": str, "answer": str, "quote": str},
            {"labels": [], "target_year": None, "also": [], "keywords": []},
        )
        line = raw[LINE]
        if not _ID.fullmatch(item["id"]):
            raise DataError(path, line, f"答案编号只能用小写字母、数字、点和短横,最多 120 个:{item['id']}")
        if item["target_year"] is not None and not isinstance(item["target_year"], int):
            raise DataError(path, line, f"target_year 应是年份:{item['target_year']}")
        if item["nature"] not in ("money", "duty", "target", "right", "info"):
            raise DataError(path, line, f"nature 不对:{item['nature']}")
        also = tuple(item["also"] or ())
        _check_claim(path, line, corpus, item["answer"], item["quote"], article.id, also)
        found.append(
            (
                Answer(
                    id=item["id"],
                    article=article.id,
                    fact=item["fact"],
                    text=item["answer"],
                    quote=item["quote"],
                    also=also,
                    nature=item["nature"],
                    target_year=item["target_year"],
                    keywords=tuple(map(str, item["keywords"] or ())),
                    labels=tuple(map(str, item["labels"] or ())),
                ),
                line,
            )
        )
    return found


def _gaps(path: Path, corpus: Corpus) -> list[tuple[Gap, int]]:
    top = take(load_yaml(path), path, {"gaps": list}, {})
    found = []
    for raw in top["gaps"]:
        text = (str,)
        item = take(
            raw,
            path,
            {"id": text, "near": text, "topic": text, "missing": text, "given": text, "quote": text, "office": text},
            {},
        )
        line = raw[LINE]
        claim = f"{item['missing']}{item['given']}"
        _check_claim(path, line, corpus, claim, item["quote"], item["near"], ())
        found.append((Gap(**item), line))
    return found


def _check_claim(
    path: Path, line: int, corpus: Corpus, text: str, quote: str, article_id: str, also: tuple[str, ...]
) -> None:
    """A claim must quote its article to the letter and state no number that its articles do not state."""
    for cited in (article_id, *also):
        if cited not in corpus.articles:
            raise DataError(path, line, f"没有这个条目:{cited}")
    article = corpus.articles[article_id]
    if quote not in article.text.replace("\n", "") and quote not in corpus.document_of(article_id).colophon:
        raise DataError(path, line, f"引文与 {article_id} 的原文不一致:{quote}")
    sources = [f"{a.text} {a.title}" for a in (corpus.articles[i] for i in (article_id, *also))]
    for document in (corpus.document_of(i) for i in (article_id, *also)):
        sources += [document.dated, document.number or "", document.colophon]
    missing = unsupported_numbers(text, sources)
    if missing:
        raise DataError(path, line, f"数字没有出处:{'、'.join(sorted(missing))}(引用 {article_id})")


def _questions(
    path: Path, root: Path, corpus: Corpus, answers: dict[str, Answer], gaps: dict[str, Gap]
) -> list[Question]:
    found = []
    origin = path.relative_to(root).parts[1]
    weight = WRITTEN_WEIGHT if origin in ("written", "paraphrased") else 1.0
    group: tuple[str, str | None, tuple[str, ...]] | None = None
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        if line.startswith("# "):
            group = _group(path, number, line[2:].strip(), corpus, answers, gaps)
        elif group is None:
            raise DataError(path, number, "问题前面缺少“# 目标”一行")
        else:
            found.append(Question(line, *group, weight, origin))
    return found


def _group(
    path: Path, line: int, header: str, corpus: Corpus, answers: dict[str, Answer], gaps: dict[str, Gap]
) -> tuple[str, str | None, tuple[str, ...]]:
    target, *also = header.split()
    for other in also:
        if other not in corpus.articles:
            raise DataError(path, line, f"没有这个条目:{other}")
    kind, _, rest = target.partition(":")
    if kind == OUT:
        return kind, rest or None, ()
    if kind == GAP:
        if rest and rest not in gaps:
            raise DataError(path, line, f"没有这个缺口:{rest}")
        return GAP, rest or None, tuple(also)
    if target in answers:
        return answers[target].article, target, (*answers[target].also, *also)
    if target in corpus.articles:
        return target, None, tuple(also)
    raise DataError(path, line, f"目标既不是答案也不是条目:{target}")
