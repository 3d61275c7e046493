"""Search time by size of the corpus: the search index over 100, 1,000 and 10,000 articles made from the real ones.

An article is as many sentences as a real one, drawn from all documents, with other numbers, places, trades and names, so that the
vocabulary grows with the corpus as it would with real documents. The smaller corpora are the beginning of the largest.
"""

import random
import re
import time

import numpy as np

from benchmarks.messages import evaluation_questions
from benchmarks.results import table, verdict
from policy_kb.corpus import load_corpus
from policy_kb.features import Thesaurus
from policy_kb.search import SearchIndex

SIZES = (100, 1_000, 10_000)
ROUNDS = 3
PLACES = "太原 大同 阳泉 长治 晋城 朔州 晋中 运城 忻州 临汾 吕梁 平遥 介休 洪洞 襄垣 高平 河津 永济 孝义 汾阳".split()
TRADES = "煤炭 焦化 钢铁 铝业 装备制造 机器人 光伏 风电 氢能 新材料 大数据 物流 酿造 陶瓷 中药 养老 文旅 电商 建筑 农机".split()


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
    """The section's table: build seconds and milliseconds a query (best 10 of all evaluation questions) for each size."""
    articles, thesaurus, questions = synthetic_articles(SIZES[-1]), Thesaurus.load(), evaluation_questions()
    indexes, built = [], []
    for size in SIZES:
        started = time.perf_counter()
        indexes.append(SearchIndex(articles[:size], thesaurus))
        built.append(time.perf_counter() - started)
    seconds = np.zeros((len(SIZES), ROUNDS, len(questions)))
    for round_number in range(-1, ROUNDS):  # the first round only warms up
        for q, question in enumerate(questions):
            for i, index in enumerate(indexes):  # sizes take turns, so that other load on the machine meets all of them
                started = time.perf_counter()
                index.search(question, 10)
                if round_number >= 0:
                    seconds[i, round_number, q] = time.perf_counter() - started
    milliseconds = np.median(seconds, axis=1) * 1000
    p50, mean, p95 = (f(milliseconds) for f in (_p50, _mean, _p95))
    rows = [
        (f"{size:,} articles", f"{b:.1f}", f"{p50[i]:.2f}", f"{mean[i]:.2f}", f"{p95[i]:.2f}", f"{p50[i] / p50[0]:.2f}")
        for i, (size, b) in enumerate(zip(SIZES, built, strict=True))
    ]
    shown = table(("search index over", "build s", "p50 ms a query", "mean ms", "p95 ms", "p50, times 100 articles"), rows)
    note = f"{len(questions)} evaluation questions, best 10 each, with thesaurus; median of {ROUNDS} rounds a question."
    return f"{shown}\n\n{note} 10,000 to 100 articles: {verdict(p50[-1] / p50[0], 2, ' ×')}."


def _p50(values: np.ndarray) -> np.ndarray:
    return np.median(values, axis=1)


def _mean(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1)


def _p95(values: np.ndarray) -> np.ndarray:
    return np.percentile(values, 95, axis=1)
