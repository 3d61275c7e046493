"""`python -m benchmarks.evaluate`: how often policy answers are right, on questions that no training data has seen.

heldout.jsonl     a tenth of the collected questions, kept out of training; the labels are one reader's, one article each
heldout_second_reading.jsonl   what a second reader, who saw no predictions, accepts for them, where that differs
evaluation.yml    written apart from all training data, by persona
dialogues.yml     follow-up conversations, likewise
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from policy_kb import live
from policy_kb.numbers import unsupported_numbers
from policy_kb.pipeline import Context, Pipeline
from policy_kb.wording import Outcome

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
TODAY = date(2026, 11, 21)


@dataclass
class Share:
    """How many of how many, with the cases that were not."""

    right: int = 0
    total: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, is_right: bool, case: str) -> None:
        self.total += 1
        self.right += is_right
        if not is_right:
            self.wrong.append(case)

    @property
    def value(self) -> float:
        return self.right / self.total if self.total else 1.0


def offered(outcome: Outcome) -> list[str]:
    """The articles that a reply cites, then those it offers as buttons."""
    cited = [c.article for c in outcome.citations]
    return cited + [o.payload.removeprefix("article:") for o in outcome.options if o.payload.startswith("article:")]


def same_article(cited: str, wanted: str) -> bool:
    """Whether `cited` is `wanted`; an article of a summary also answers for the bare slug and the other way round."""
    if cited == wanted:
        return True
    return (
        wanted.startswith("cn-")
        and cited.split("#")[0] == wanted.split("#")[0]
        and ("#" not in cited or "#" not in wanted)
    )


def any_same(cited: Iterable[str], wanted: Iterable[str]) -> bool:
    return any(same_article(c, w) for c in cited for w in wanted)


def heldout(pipeline: Pipeline) -> dict[str, Share]:
    """The shares over heldout.jsonl. `first` needs a cited first article that is right; `first answered` also kind `answer`."""
    shares: dict[str, Share] = defaultdict(Share)
    reread = {c["question"]: c["articles"] for c in _lines("heldout_second_reading.jsonl")}
    for case in _lines("heldout.jsonl"):
        outcome, _ = pipeline.ask(case["question"], None, TODAY)
        found = offered(outcome)
        label = f"{case['article']} | {case['question']} | {outcome.kind} {found[:3]}"
        if case["article"] in ("gap", "out"):
            shares[f"{case['article']} refused"].count(outcome.kind != "answer", label)
            shares["gap and out refused"].count(outcome.kind != "answer", label)
            continue
        right = [case["article"], *case.get("also", [])]
        if case["article"].startswith("cn-"):
            shares["summaries, right document first"].count(
                bool(found) and (found[0].split("#")[0] == case["article"].split("#")[0] or found[0] in right), label
            )
            continue
        shares["first"].count(any_same(found[:1], right), label)
        shares["first, answered"].count(outcome.kind == "answer" and any_same(found[:1], right), label)
        shares["among cited and offered"].count(any_same(found, right), label)
        shares["answered"].count(outcome.kind == "answer", label)
        accepted = [*reread.get(case["question"], right), *case.get("also", [])]
        if "gap" in accepted:
            continue
        shares["second reading: first"].count(any_same(found[:1], accepted), label)
        shares["second reading: first, answered"].count(
            outcome.kind == "answer" and any_same(found[:1], accepted), label
        )
        shares["second reading: among cited and offered"].count(any_same(found, accepted), label)
    return shares


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def unsourced(pipeline: Pipeline, outcome: Outcome) -> set[str]:
    """The numbers in a reply that no cited article, nor its document's own year and number, states."""
    if not outcome.citations:
        return set()
    corpus = pipeline.corpus
    sources = ["12345 12333 1 2"]
    for citation in outcome.citations:
        article, document = corpus.articles[citation.article], corpus.document_of(citation.article)
        sources += [article.text, article.title, article.label, document.title, document.number or "", document.dated]
        sources.append(document.colophon)
    return unsupported_numbers(outcome.text, sources)


def evaluation(pipeline: Pipeline) -> tuple[dict[str, Share], dict[str, Share]]:
    """The shares over evaluation.yml, and `right first` by persona."""
    shares: dict[str, Share] = defaultdict(Share)
    personas: dict[str, Share] = defaultdict(Share)
    data = yaml.safe_load((DATA / "evaluation.yml").read_text(encoding="utf-8"))
    for persona in data["personas"]:
        for case in persona["questions"]:
            outcome, _ = pipeline.ask(case["question"], None, TODAY)
            found = offered(outcome)
            label = (
                f"{case.get('articles') or case.get('kind')} | {case['question'][-80:]} | {outcome.kind} {found[:3]}"
            )
            shares["no number without a source"].count(not unsourced(pipeline, outcome), label)
            if case["expect"] == "no_answer":
                shares["no false answer"].count(outcome.kind != "answer", label)
                continue
            right = any_same(found[:1], case["articles"])
            shares["right first"].count(right, label)
            shares["right among cited and offered"].count(any_same(found, case["articles"]), label)
            shares["answered"].count(outcome.kind == "answer", label)
            personas[persona["name"]].count(right, label)
            if case.get("both"):
                cited = [c.article for c in outcome.citations]
                shares["both of two cited"].count(all(any_same(cited, [a]) for a in case["both"]), label)
    return shares, personas


def dialogues(ask: Callable[[str, Context | None], tuple[Outcome, Context | None]]) -> Share:
    """Follow-up turns (all but each dialogue's first) that are answered as they should be."""
    share = Share()
    data = yaml.safe_load((DATA / "dialogues.yml").read_text(encoding="utf-8"))
    for dialogue in data["dialogues"]:
        context: Context | None = None
        for number, turn in enumerate(dialogue["turns"]):
            if turn.get("expect") in ("thank", "chat"):
                continue  # Rasa's layer answers these (tests/conversations)
            outcome, context = ask(turn["say"], context)
            if number == 0:
                continue
            share.count(
                _right_turn(turn, outcome),
                f"{dialogue['name']} | {turn['say']} | {turn.get('articles') or turn.get('expect')} | {outcome.kind} {offered(outcome)[:3]} {outcome.text[:40]!r}",
            )
    return share


def _right_turn(turn: dict[str, Any], outcome: Outcome) -> bool:
    if turn.get("expect") == "no_answer":
        return outcome.kind == "no_answer"
    said = outcome.text + "".join(c.quote for c in outcome.citations)
    return (
        outcome.kind != "no_answer"
        and any_same(offered(outcome)[:1], turn["articles"])
        and all(m in said for m in turn.get("mentions", []))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", type=int, default=0, help="how many wrong cases of each share to print")
    given = parser.parse_args()
    pipeline = live.current()

    def show(title: str, shares: dict[str, Share]) -> None:
        print(f"\n## {title}\n")
        for name, share in shares.items():
            print(f"- {name}: {share.value:.3f} ({share.right}/{share.total})")
            for case in share.wrong[: given.wrong]:
                print(f"    {case}")

    show("heldout.jsonl", heldout(pipeline))
    shares, personas = evaluation(pipeline)
    show("evaluation.yml", shares)
    show("evaluation.yml, right first by persona", personas)
    show(
        "dialogues.yml", {"follow-up turns right": dialogues(lambda text, context: pipeline.ask(text, context, TODAY))}
    )
    kinds = Counter(c.split("|")[-1].split()[0] for s in shares.values() for c in s.wrong)
    print(f"\n(wrong cases by kind of reply: {dict(kinds)})")


if __name__ == "__main__":
    main()
