"""`python -m benchmarks.search_stard`: the search code alone, on STARD (lay question -> statute article, MIT licence), untuned.

Each article is a document: its law's name and article text, split into sentences, exactly as policy articles are.
"""

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np

from policy_kb.features import Featurizer
from policy_kb.search import SearchIndex

STARD = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "stard"


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=STARD)
    given = parser.parse_args()
    articles, queries = rows(given.data / "articles_1445.jsonl"), rows(given.data / "queries.jsonl")
    documents = [
        [
            s
            for s in re.split(
                r"(?<=[。;；])|\n", f"{re.sub('第[零一二三四五六七八九十百千]+条.*', '', a['name'])}。{a['text']}"
            )
            if s.strip()
        ]
        for a in articles
    ]
    number = {a["name"]: i for i, a in enumerate(articles)}
    for name, thesaurus in (("without thesaurus", None), ("with thesaurus", Featurizer.load().thesaurus)):
        index = SearchIndex(documents, thesaurus)
        ranks, started = [], time.perf_counter()
        for query in queries:
            gold = {number[g] for g in query["gold"] if g in number}
            hits = index.search(query["question"], len(articles))
            ranks.append(next((r for r, hit in enumerate(hits, 1) if hit.document in gold), 10**9))
        milliseconds = (time.perf_counter() - started) / len(queries) * 1000
        found = np.array(ranks, dtype=float)
        print(
            f"{name}: hit@1 {np.mean(found == 1):.3f}, hit@10 {np.mean(found <= 10):.3f}, MRR {np.mean(1 / found):.3f}, "
            f"{milliseconds:.2f} ms a query (all {len(articles)} ranked)"
        )


if __name__ == "__main__":
    main()
