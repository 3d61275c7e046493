"""Curated answers and gaps: enough of them, each on its clause, and a mistake stops the load with file and line."""

from pathlib import Path

import pytest

from policy_kb.corpus import load_corpus
from policy_kb.knowledge import load_knowledge
from policy_kb.yaml_lines import DataError

CORPUS = load_corpus()
KNOWLEDGE = load_knowledge(CORPUS)


def test_every_article_has_an_overview_and_there_are_at_least_300_answers_and_40_gaps() -> None:
    assert len(KNOWLEDGE.answers) >= 300
    assert len(KNOWLEDGE.gaps) >= 40
    for article_id in CORPUS.articles:
        assert KNOWLEDGE.answers_of(article_id), article_id
    assert {a.article for a in KNOWLEDGE.answers.values() if a.is_overview} >= {
        i for i in CORPUS.articles if i.startswith("sx-")
    }


def test_answers_are_short() -> None:
    assert [a.id for a in KNOWLEDGE.answers.values() if len(a.text) > 150] == []


def world(tmp_path: Path, answer: str) -> Path:
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "a.yml").write_text(answer, encoding="utf-8")
    return tmp_path


GOOD = """article: sx-2018-38#16
answers:
  - id: one
    fact: 首笔
    nature: money
    answer: 每人300元。
    quote: 按每人300元给予企业职业培训津贴
"""


def test_a_good_answer_loads(tmp_path: Path) -> None:
    assert list(load_knowledge(CORPUS, world(tmp_path, GOOD)).answers) == ["one"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("每人300元。", "每人500元。", "数字没有出处:500"),
        ("按每人300元给予企业", "按每人300元发给企业", "引文与"),
        ("sx-2018-38#16", "sx-2018-38#99", "没有这个条目"),
        ("nature: money", "nature: cash", "nature"),
        ("fact: 首笔", "facts: 首笔", "facts"),
        ("    fact: 首笔\n", "", "fact"),
        ("    fact: 首笔\n", "    fact: 首笔\n    fact: 次笔\n", "重复"),
    ],
)
def test_a_mistake_in_an_answer_is_refused_with_file_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        load_knowledge(CORPUS, world(tmp_path, GOOD.replace(old, new)))
    assert caught.value.path.endswith("a.yml")
    assert caught.value.line >= 1


def test_a_question_for_an_unknown_target_is_refused_with_its_line(tmp_path: Path) -> None:
    root = world(tmp_path, GOOD)
    (root / "questions" / "added").mkdir(parents=True)
    (root / "questions" / "added" / "q.txt").write_text("# one\n给多少\n# two\n给啥\n", encoding="utf-8")
    with pytest.raises(DataError, match="目标既不是答案也不是条目:two") as caught:
        load_knowledge(CORPUS, root)
    assert caught.value.line == 3
