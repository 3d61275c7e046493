"""The documents are the sources' text to the letter, with the ids everybody relies on."""

import re
from pathlib import Path

import pytest

from policy_kb.corpus import DOCUMENTS, chinese_number, load_corpus, load_document
from policy_kb.yaml_lines import DataError

SOURCES = Path(__file__).parent.parent / "data" / "sources"
CORPUS = load_corpus()


def letters(text: str) -> str:
    """`text` without white space and Markdown marks: what a page break cannot change."""
    return re.sub(r"\s+", "", re.sub(r"(?m)^#+\s*|\*\*|^---$", "", text))


@pytest.mark.parametrize("slug", ["sx-2018-38", "sx-2021-453"])
def test_a_document_is_its_source_to_the_letter(slug: str) -> None:
    body = (DOCUMENTS / f"{slug}.md").read_text(encoding="utf-8").split("\n---\n", 1)[1]
    body = re.sub(r"(?m)^### .* \{#[\d.]+ restored\}$", "", body)
    body = re.sub(r" \{#[\d.]+\}", "", body)
    assert letters(body) == letters((SOURCES / f"{slug}.txt").read_text(encoding="utf-8"))


def test_the_2018_plan_has_36_articles_and_the_2021_plan_18() -> None:
    ids = list(CORPUS.articles)
    assert [i for i in ids if i.startswith("sx-2018-38")] == [f"sx-2018-38#{n}" for n in range(1, 37)]
    parts = {1: 3, 2: 3, 3: 5, 4: 4, 5: 3}
    assert [i for i in ids if i.startswith("sx-2021-453")] == [
        f"sx-2021-453#{part}.{item}" for part, count in parts.items() for item in range(1, count + 1)
    ]


def test_article_texts_start_and_end_where_the_source_says() -> None:
    assert CORPUS.articles["sx-2018-38#2"].text.startswith("统筹协调,共同推进。")
    assert CORPUS.articles["sx-2018-38#1"].text.endswith("提供有力的人才支撑基本原则。")
    assert CORPUS.articles["sx-2018-38#36"].text.endswith("创造伟大的时代风尚。")
    assert all(m in CORPUS.articles["sx-2021-453#4.3"].text for m in ("院校主导模式", "企业主导模式", "园区主导模式"))
    assert "印发" not in CORPUS.articles["sx-2021-453#5.3"].text


def test_every_document_says_whether_anybody_confirmed_that_it_applies() -> None:
    assert {d.status for d in CORPUS.documents} == {"unconfirmed"}
    assert [d.year for d in CORPUS.documents if d.kind == "policy"] == [2018, 2021]


@pytest.mark.parametrize(("number", "words"), [(1, "一"), (10, "十"), (16, "十六"), (20, "二十"), (36, "三十六")])
def test_article_numbers_are_written_as_in_the_documents(number: int, words: str) -> None:
    assert chinese_number(number) == words


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("kind: policy", "kind: law", 2, "kind"),
        ("slug: sx-2018-38", "slug: other", 2, "文件名"),
        ("title: 山西省", "titel: 山西省", 2, "titel"),
        ("status: unconfirmed", "status: in_force", 2, "status_confirmed_on"),
        ("status: unconfirmed", "status: superseded", 2, "status_confirmed_on"),
        ("dated: 2018-04-20", "dated: someday", 2, "dated"),
        ("### (十六)大力发挥中小企业作用。 {#16}", "### (十六)大力发挥中小企业作用。", 112, "{#编号}"),
        ("### (十六)大力发挥中小企业作用。 {#16}", "### (十六)大力发挥中小企业作用。 {#15}", 1, "重复"),
    ],
)
def test_a_broken_document_is_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    text = (DOCUMENTS / "sx-2018-38.md").read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "sx-2018-38.md"
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=says) as caught:
        load_document(broken)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{broken}:{line}: ")
