"""The policy documents: one Markdown file each, articles with stable ids, validated at load.

A file opens with YAML front matter. `## …` opens a part, `### … {#16}` an article whose id is `<slug>#16`
(`{#}` gives the bare slug: facts of a summary without a confirmed article number), a line `---` ends the last article.
`{#2 restored}` marks a heading that the source lost and we restored.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from policy_kb.yaml_lines import LINE, DataError, load_yaml, read_text, take

DOCUMENTS = Path(__file__).parent / "documents"

Status = Literal["in_force", "superseded", "unconfirmed"]

_ARTICLE = re.compile(r"^### (?P<title>.+?) \{#(?P<number>[\d.]*)(?P<restored> restored)?\}$")
_SENTENCE_END = re.compile(r"(?<=[。!?！？;；])")
_CN_DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Article:
    """One article of a document. `text` is the source's, paragraphs joined by newlines; `number` is '16', '4.3' or ''."""

    id: str
    number: str
    title: str
    part: str
    text: str
    label: str
    restored_heading: bool = False

    def sentences(self) -> list[str]:
        return [s.strip() for line in self.text.split("\n") for s in _SENTENCE_END.split(line) if s.strip()]


@dataclass(frozen=True)
class Block:
    """A piece of a document's page: a heading of level 1-3, an article's opening, or a paragraph."""

    kind: Literal["title", "part", "article", "paragraph", "rule"]
    text: str
    article: str | None = None


@dataclass(frozen=True)
class Document:
    slug: str
    title: str
    number: str | None
    issuers: tuple[str, ...]
    kind: Literal["policy", "summary"]
    dated: str  # ISO 8601, to the day or, where only that is known, the month
    published: date | None
    status: Status
    status_confirmed_on: date | None
    status_confirmed_by: str | None
    superseded_by: str | None
    source: str
    blocks: tuple[Block, ...]
    articles: tuple[Article, ...]

    @property
    def colophon(self) -> str:
        """What stands after the last article: who printed the document and when."""
        after = [i for i, block in enumerate(self.blocks) if block.kind == "rule"]
        return "\n".join(b.text for b in self.blocks[after[0] :] if b.kind == "paragraph") if after else ""

    @property
    def year(self) -> int:
        return int(self.dated[:4])


@dataclass(frozen=True)
class Corpus:
    documents: tuple[Document, ...]
    articles: dict[str, Article] = field(repr=False)

    def document_of(self, article_id: str) -> Document:
        """The document that holds `article_id`. Raises KeyError for an unknown one."""
        return self._by_slug[article_id.split("#")[0]]

    @property
    def _by_slug(self) -> dict[str, Document]:
        return {d.slug: d for d in self.documents}

    def document(self, slug: str) -> Document | None:
        return self._by_slug.get(slug)


def chinese_number(n: int) -> str:
    """1..99 in Chinese numerals: 16 -> 十六, 20 -> 二十."""
    tens, ones = divmod(n, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else _CN_DIGITS[tens] + "十")
    return head + (_CN_DIGITS[ones] if ones else "")


def citation_label(kind: str, title: str, number: str | None, article_number: str) -> str:
    """How a citation is written: 晋政办发〔2018〕38号(十六), 晋发改科教发〔2021〕453号 四(三), 教职成〔2021〕4号 第十八条."""
    document = number or f"《{title}》"
    if not article_number:
        return document
    if kind == "summary":
        return f"{document} 第{chinese_number(int(article_number))}条"
    if "." in article_number:
        part, item = (chinese_number(int(n)) for n in article_number.split("."))
        return f"{document} {part}（{item}）"
    return f"{document}（{chinese_number(int(article_number))}）"


def load_document(path: Path) -> Document:
    """Parse one document. Raises DataError with file and line for anything that is not as the module says."""
    text = read_text(path)
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        raise DataError(path, 1, "文件应以 --- 包围的元数据开头")
    front, body = text[4:].split("\n---\n", 1)
    meta = _front_matter(path, front)
    blocks: list[Block] = []
    articles: list[Article] = []
    paragraphs: list[str] = []
    open_article: tuple[str, str, bool] | None = None
    part = ""

    def close() -> None:
        if open_article is None:
            return
        number, title, restored = open_article
        if not paragraphs:
            raise DataError(path, line_number, f"条目“{title}”没有正文")
        articles.append(
            Article(
                id=f"{meta['slug']}#{number}" if number else meta["slug"],
                number=number,
                title=re.sub(r"^([(（][一二三四五六七八九十]+[)）]|第[一二三四五六七八九十]+条)\s*", "", title).rstrip(
                    "。"
                ),
                part=part,
                text="\n".join(paragraphs),
                label=citation_label(meta["kind"], meta["title"], meta["number"], number),
                restored_heading=restored,
            )
        )
        paragraphs.clear()

    line_number = front.count("\n") + 3
    for line in body.split("\n"):
        line_number += 1
        line = line.strip()
        if not line:
            continue
        heading = _ARTICLE.match(line)
        if heading:
            close()
            number_form = r"\d{1,2}(\.\d{1,2})?" if meta["kind"] == "policy" else r"\d{1,2}"
            if heading["number"] and not re.fullmatch(number_form, heading["number"]):
                raise DataError(path, line_number, f"条目编号不对:{heading['number']}")
            open_article = (heading["number"], heading["title"], bool(heading["restored"]))
            article_id = f"{meta['slug']}#{heading['number']}" if heading["number"] else meta["slug"]
            blocks.append(Block("article", heading["title"], article_id))
        elif line.startswith("### "):
            raise DataError(path, line_number, "条目标题末尾缺少 {#编号}")
        elif line.startswith("## "):
            close()
            open_article, part = None, line[3:]
            blocks.append(Block("part", part))
        elif line.startswith("# "):
            blocks.append(Block("title", line[2:]))
        elif line == "---":
            close()
            open_article = None
            blocks.append(Block("rule", ""))
        else:
            if open_article is not None:
                paragraphs.append(line)
            blocks.append(Block("paragraph", line, articles_id(meta["slug"], open_article)))
    close()
    if not articles:
        raise DataError(path, 1, "文件里没有任何条目(### … {#编号})")
    seen: set[str] = set()
    for article in articles:
        if article.id in seen:
            raise DataError(path, 1, f"条目编号重复:{article.id}")
        seen.add(article.id)
    return Document(**meta, blocks=tuple(blocks), articles=tuple(articles))


def articles_id(slug: str, open_article: tuple[str, str, bool] | None) -> str | None:
    if open_article is None:
        return None
    return f"{slug}#{open_article[0]}" if open_article[0] else slug


def _front_matter(path: Path, front: str) -> dict[str, Any]:
    raw = load_yaml(path, front, first_line=2)
    line = raw[LINE]
    meta = take(
        raw,
        path,
        required={
            "slug": str,
            "title": str,
            "issuers": list,
            "kind": str,
            "dated": (date, str),
            "status": str,
            "source": str,
        },
        optional={
            "number": None,
            "published": None,
            "status_confirmed_on": None,
            "status_confirmed_by": None,
            "superseded_by": None,
        },
    )
    if meta["slug"] != path.stem:
        raise DataError(path, line, f"slug“{meta['slug']}”与文件名不一致")
    if meta["kind"] not in ("policy", "summary"):
        raise DataError(path, line, "kind 只能是 policy 或 summary")
    if meta["status"] not in ("in_force", "superseded", "unconfirmed"):
        raise DataError(path, line, "status 只能是 in_force、superseded 或 unconfirmed")
    if meta["status"] != "unconfirmed" and not (meta["status_confirmed_on"] and meta["status_confirmed_by"]):
        raise DataError(path, line, "状态已确认的文件要写 status_confirmed_on 和 status_confirmed_by")
    if (meta["status"] == "superseded") != bool(meta["superseded_by"]):
        raise DataError(path, line, "status 为 superseded 时(且仅在此时)要写 superseded_by")
    meta["dated"] = str(meta["dated"])
    if not re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", meta["dated"]):
        raise DataError(path, line, f"dated 应写成 2018-04-20 或 2021-06:{meta['dated']}")
    meta["issuers"] = tuple(meta["issuers"])
    return meta


def load_corpus(folder: Path = DOCUMENTS) -> Corpus:
    """Every document under `folder`, the Shanxi policies first. Raises DataError on the first mistake."""
    documents = sorted((load_document(p) for p in folder.glob("*.md")), key=lambda d: (d.kind != "policy", d.dated))
    if not documents:
        raise DataError(folder, 1, "没有找到任何政策文件")
    return Corpus(tuple(documents), {a.id: a for d in documents for a in d.articles})
