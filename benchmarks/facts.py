"""`python -m benchmarks.facts`: how often the right fact of an article is told, cross-validated on collected questions.

Each question is asked of a pipeline that has trained without it and without all that was written in its words. Counted are those
that a curated answer is known to settle and that the pipeline answers from that answer's article.
"""

import argparse
from collections import Counter
from datetime import date

from benchmarks.results import load, save, section, table
from policy_kb import model as topic_model
from policy_kb.calibrate import folds
from policy_kb.corpus import load_corpus
from policy_kb.knowledge import load_knowledge
from policy_kb.pipeline import Pipeline

TITLE = "Which fact"
TODAY = date(2026, 11, 21)


def measure() -> str:
    """The section's table."""
    told: Counter[str] = Counter()
    for judged, knowledge in folds(load_knowledge(load_corpus())):
        pipeline = Pipeline(knowledge, topic_model.train(knowledge))
        for question in judged:
            if question.target not in knowledge.answers:
                continue
            outcome, _ = pipeline.ask(question.text, None, TODAY)
            if outcome.kind == "answer" and outcome.article == question.article:
                kind = "right" if outcome.answer == question.target else "another" if outcome.answer else "quoted"
                told[kind] += 1
    total = told.total()
    rows = [[f"{told[kind] / total:.3f}" for kind in ("right", "another", "quoted")]]
    return table(("right fact", "another fact", "the article's best sentence quoted"), rows) + (
        f"\n\n{total:,} collected questions, cross-validated, that are answered from the right article. Some facts of an article answer the same question."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="update benchmarks/RESULTS.md")
    given = parser.parse_args()
    before = load()
    text = section("python -m benchmarks.facts --save", before, measure())
    print(f"## {TITLE}\n\n{text}")
    if given.save:
        save("facts", TITLE, text)


if __name__ == "__main__":
    main()
