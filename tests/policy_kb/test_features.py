"""What the classifiers see of a text."""

import numpy as np
import pytest

from policy_kb.features import SPAN, Array, Featurizer, Flat, Thesaurus, Vectorizer, beside

TEXTS = ["实习给不给钱?", "", "shixi gei qian ma,1+x 证书", "津", "订单班是啥,穷人家孩子能优先吗?" * 5]


@pytest.fixture(scope="module")
def featurizer() -> Featurizer:
    return Featurizer.load()


def of(text: int, found: Flat) -> list[int]:
    owner, numbers = found
    return sorted(numbers[owner == text].tolist())


def test_the_thesaurus_finds_every_word_at_every_place_of_its_text() -> None:
    lines = ["# 注释: 不算", "工资: 实习工资 钱", "实习: 实习", "期满: 习工"]
    thesaurus = Thesaurus(lines)
    texts = ["实习工资给钱钱", "", "𠀀实𠀀习", "实", "习工", "资", "钱实习"]
    words = {0: ["工资", "实习工资", "钱"], 1: ["实习"], 2: ["习工", "期满"]}
    for i, text in enumerate(texts):
        expected = [
            c for c, said in words.items() for word in said for at in range(len(text)) if text.startswith(word, at)
        ]
        assert of(i, thesaurus.find_all(texts)) == sorted(thesaurus.find(text)) == expected


def test_texts_worked_out_together_are_as_each_by_itself(featurizer: Featurizer) -> None:
    concepts = featurizer.thesaurus.find_all(TEXTS)
    singles, pairs = featurizer.numbers_of_all(TEXTS, concepts), featurizer.pairs_in_all(TEXTS, concepts)
    for i, text in enumerate(TEXTS):
        assert of(i, singles) == sorted(featurizer.numbers(text).tolist())
        assert of(i, pairs) == sorted(featurizer.pairs(text).tolist())


def test_a_pair_is_two_characters_in_their_order_within_the_span(featurizer: Featurizer) -> None:
    def has(first: str, second: str, text: str) -> bool:
        return ord(first) << 16 | ord(second) in featurizer.pairs(text).tolist()

    assert has("钱", "吗", "钱,会给吗") and not has("吗", "钱", "钱,会给吗")
    between = "的" * (SPAN - 1)
    assert has("钱", "吗", f"钱{between}吗") and not has("钱", "吗", f"钱{between}的吗")


def test_a_typed_syllable_sounds_like_its_character(featurizer: Featurizer) -> None:
    assert set(featurizer.numbers("shixi").tolist()) & set(featurizer.numbers("实习").tolist())


def rows(vectorizer: Vectorizer, texts: list[Array]) -> Array:
    dense = np.zeros((len(texts), len(vectorizer.known)), dtype=np.float32)
    for row, numbers in zip(dense, texts, strict=True):
        columns, values = vectorizer.row(numbers)
        row[columns] = values
    return dense


def test_a_text_seen_in_training_gets_the_row_it_was_trained_with(featurizer: Featurizer) -> None:
    texts = [t for t in TEXTS * 4 if t]
    concepts = featurizer.thesaurus.find_all(texts)
    vectorizer, matrix = Vectorizer.fit(len(texts), featurizer.numbers_of_all(texts, concepts), 2)
    assert np.allclose(matrix.toarray(), rows(vectorizer, [featurizer.numbers(t) for t in texts]), atol=1e-6)
    pair_vectorizer, pairs = Vectorizer.fit_pairs(len(texts), featurizer.pairs_in_all(texts, concepts), 2)
    asked = rows(pair_vectorizer, [featurizer.pairs(t) for t in texts])
    assert np.allclose(pairs.toarray(), asked, atol=1e-6)
    both = beside(matrix, pairs).toarray()
    assert np.array_equal(both, np.hstack([matrix.toarray(), pairs.toarray()]))
