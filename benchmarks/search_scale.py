"""Search time by size of the corpus: the search index over 100, 1,000 and 10,000 articles made from the real ones.

An article is as many sentences as a real one, drawn from all documents, with other numbers, places, trades and names,
so that the vocabulary grows with the corpus as it would with real documents. The smaller corpora are the beginning of
the largest.
"""

import random
import re
import time

import numpy as np

from benchmarks.messages import evaluation_questions
from benchmarks.results import table, verdict
from policy_kb.corpus import load_corpus
from policy_kb.features import Featurizer
from policy_kb.search import SearchIndex

SIZES = (100, 1_000, 10_000)
ROUNDS = 3
PLACES = (
    "太原",
    "大同",
    "阳泉",
    "长治",
    "晋城",
    "朔州",
    "晋中",
    "运城",
    "忻州",
    "临汾",
    "吕梁",
    "平遥",
    "介休",
    "汾阳",
)
TRADES = (
    "煤炭",
    "焦化",
    "钢铁",
    "铝业",
    "装备制造",
    "机器人",
    "光伏",
    "氢能",
    "大数据",
    "物流",
    "酿造",
    "陶瓷",
    "养老",
)


def synthetic_articles(count: int) -> list[list[str]]:
    """`count` articles as lists of sentences; the first n are the same whatever the count."""
    real = [article.sentences() for article in load_corpus().articles.values()]
    pool = [sentence for sentences in real for sentence in sentences]
    characters = sorted({c for sentence in pool for c in sentence if "\u4e00" <= c <= "\u9fff"})
    random_numbers = random.Random(0)

    def varied(sentence: str) -> str:
        def other(number: re.Match[str]) -> str:
            return str(random_numbers.randrange(1, 10 ** len(number[0])))

        sentence = re.sub(r"\d+", other, sentence)
        sentence = sentence.replace("全省", random_numbers.choice(PLACES) + "市")
        sentence = sentence.replace("企业", random_numbers.choice(TRADES) + "企业", 1)
        if random_numbers.random() < 0.3:
            name = "".join(random_numbers.choices(characters, k=2))
            sentence = f"{random_numbers.choice(PLACES)}{name}{random_numbers.choice(TRADES)}园区:{sentence}"
        return sentence

    sizes = [len(sentences) for sentences in real]
    return [[varied(random_numbers.choice(pool)) for _ in range(sizes[i % len(sizes)])] for i in range(count)]


def measure() -> str:
    """The section's table: build seconds, and milliseconds a query for the best 10 of every evaluation question."""
    articles, thesaurus, questions = synthetic_articles(SIZES[-1]), Featurizer.load().thesaurus, evaluation_questions()
    indexes, built = [], []
    for size in SIZES:
        started = time.perf_counter()
        indexes.append(SearchIndex(articles[:size], thesaurus))
        built.append(time.perf_counter() - started)
    seconds = np.zeros((1 + ROUNDS, len(SIZES), len(questions)))
    for one_round in seconds:  # the first only warms up
        for q, question in enumerate(questions):
            for i, index in enumerate(indexes):  # by turns, so that other load on the machine meets all sizes
                started = time.perf_counter()
                index.search(question, 10)
                one_round[i, q] = time.perf_counter() - started
    milliseconds = np.median(seconds[1:], axis=0) * 1000
    p50, mean, p95 = np.median(milliseconds, 1), milliseconds.mean(1), np.percentile(milliseconds, 95, axis=1)
    rows = [
        (
            f"{size:,} articles",
            *(f"{v:.2f}" for v in (built[i], p50[i], mean[i], p95[i], p50[i] / p50[0], mean[i] / mean[0])),
        )
        for i, size in enumerate(SIZES)
    ]
    header = (
        "search index over",
        "build s",
        "p50 ms a query",
        "mean ms",
        "p95 ms",
        "p50, times 100's",
        "mean, times 100's",
    )
    note = f"{len(questions)} evaluation questions, best 10 each, with thesaurus; median of {ROUNDS} rounds a question."
    return f"{table(header, rows)}\n\n{note} p50 of 10,000 to 100 articles: {verdict(p50[-1] / p50[0], 2, ' ×')}."
