"""The messages that the speed benchmarks send: evaluation questions and small talk, always in the same order."""

import json
import random

import yaml

from bot.settings import ROOT

DATA = ROOT / "tests" / "data"
TASKS = ("ask_policy", "start_assessment", "book_slot", "manage_booking")


def evaluation_questions() -> list[str]:
    """Every question of tests/data/evaluation.yml."""
    personas = yaml.safe_load((DATA / "evaluation.yml").read_text(encoding="utf-8"))["personas"]
    return [case["question"] for persona in personas for case in persona["questions"]]


def heldout_questions() -> list[str]:
    """Every question of tests/data/heldout.jsonl."""
    return [json.loads(line)["question"] for line in (DATA / "heldout.jsonl").read_text(encoding="utf-8").splitlines()]


def intent_cases() -> list[tuple[str, str]]:
    """(text, intent) of tests/data/intents.yml."""
    cases = yaml.safe_load((DATA / "intents.yml").read_text(encoding="utf-8"))["intents"]
    return [(case["text"], case["intent"]) for case in cases]


def mixed_messages(count: int) -> list[str]:
    """`count` messages, one in five small talk, the questions spread evenly over all personas."""
    # A leading slash would make Rasa's stock channel read an intent; ours strips it.
    questions = [q for q in evaluation_questions() if not q.lstrip().startswith("/")]
    small_talk = [text for text, intent in intent_cases() if intent not in TASKS]
    chats = count // 5
    asked = count - chats
    chosen = [questions[i * len(questions) // asked] for i in range(asked)]
    chosen += [small_talk[i % len(small_talk)] for i in range(chats)]
    random.Random(0).shuffle(chosen)
    return chosen
