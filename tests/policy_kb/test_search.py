"""The search index on small corpora made by hand."""

import random

import pytest

from policy_kb import search
from policy_kb.features import Thesaurus
from policy_kb.search import SearchIndex, terms

THESAURUS = Thesaurus(["劳动报酬: 工钱 薪水", "减税: 少交钱", "宿舍: 住处"])
DOCUMENTS = [
    ["第一章 学校。", "学校应当建立档案。", "学校提供住处的,收费应当公开。"],
    ["第二章 实习。", "企业应当按时支付劳动报酬。", "实习不得安排夜班。"],
    ["第三章 税收。", "企业捐赠设备的,依法减税。"],
]


def found(index: SearchIndex, text: str, limit: int = 10) -> list[int]:
    return [hit.document for hit in index.search(text, limit)]


def test_terms_are_characters_and_pairs_with_no_mark_between() -> None:
    assert terms("减税,1年") == ["减", "税", "减税", "1", "年", "1年"]


def test_the_document_with_the_asked_words_comes_first_with_its_best_sentence() -> None:
    best = SearchIndex(DOCUMENTS).search("捐赠设备能减税吗?")[0]
    assert (best.document, best.sentence) == (2, 1)


@pytest.mark.parametrize(
    ("question", "document", "sentence"),
    [("工钱呢?", 1, 1), ("能少交钱么?", 2, 1), ("宿舍呢?", 0, 2)],
)
def test_a_word_finds_another_word_of_its_concept(question: str, document: int, sentence: int) -> None:
    assert SearchIndex(DOCUMENTS).search(question) == []
    best = SearchIndex(DOCUMENTS, THESAURUS).search(question)[0]
    assert (best.document, best.sentence) == (document, sentence)


@pytest.mark.parametrize("question", ["", "  ", "?!。", "🙂", "乒乓", "hello"])
def test_a_question_that_shares_nothing_finds_nothing(question: str) -> None:
    assert SearchIndex(DOCUMENTS, THESAURUS).search(question) == []


@pytest.mark.parametrize("documents", [[], [[]], [["。"], [""]]])
def test_documents_without_text_are_never_found(documents: list[list[str]]) -> None:
    assert SearchIndex(documents, THESAURUS).search("企业") == []
    assert found(SearchIndex([*documents, ["。", "企业"], *documents]), "企业") == [len(documents)]


def test_equal_documents_come_in_their_given_order_even_beyond_the_candidates() -> None:
    index = SearchIndex([["学校。"]] + [["企业捐赠设备。"]] * (3 * search.CANDIDATES))
    assert found(index, "捐赠", 5) == [1, 2, 3, 4, 5]


def test_a_limit_beyond_the_corpus_gives_every_document_that_shares_something() -> None:
    index = SearchIndex(DOCUMENTS)
    hits = index.search("企业减税", 1000)
    assert [hit.document for hit in hits] == [2, 1]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert index.search("企业减税", 1) == hits[:1]
    assert index.search("企业减税", 0) == []


def test_a_word_said_twice_counts_more_than_once_and_less_than_twice() -> None:
    index = SearchIndex(DOCUMENTS)
    once, twice = index.search("税")[0].score, index.search("税,税")[0].score
    assert once < twice < 2 * once


def test_reading_few_postings_still_finds_the_document_with_the_rare_words(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(1)
    documents = [["".join(draw.choices("学校企业实习教师税收", k=12)) for _ in range(3)] for _ in range(300)]
    documents[170].insert(1, "企业捐赠设备")
    index = SearchIndex(documents)
    in_full = index.search("企业捐赠设备", 1)
    monkeypatch.setattr(search, "POSTINGS", 20)
    monkeypatch.setattr(search, "CANDIDATES", 2)
    assert (in_full[0].document, in_full[0].sentence) == (170, 1)
    assert index.search("企业捐赠设备", 1) == in_full
