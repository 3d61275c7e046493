"""Floors under the accuracy that benchmarks/RESULTS.md reports, so that a change of knowledge or code cannot lower it unseen."""

import re

import pytest

from benchmarks import evaluate
from benchmarks.messages import evaluation_questions, heldout_questions
from policy_kb.normalise import clean
from policy_kb.pipeline import Pipeline


@pytest.fixture(scope="module")
def heldout(pipeline: Pipeline) -> dict[str, evaluate.Share]:
    return evaluate.heldout(pipeline)


@pytest.fixture(scope="module")
def own(pipeline: Pipeline) -> dict[str, evaluate.Share]:
    return evaluate.evaluation(pipeline)[0]


@pytest.mark.parametrize(
    ("share", "floor"),
    [
        ("first", 0.855),
        ("among cited and offered", 0.96),
        ("gap and out refused", 0.92),
        ("summaries, right document first", 0.93),
        ("second reading: first", 0.905),
        ("second reading: among cited and offered", 0.975),
    ],
)
def test_heldout_questions(heldout: dict[str, evaluate.Share], share: str, floor: float) -> None:
    assert heldout[share].value >= floor, heldout[share].wrong[:20]


@pytest.mark.parametrize(
    ("share", "floor"),
    [("right first", 0.97), ("right among cited and offered", 0.99), ("answered", 0.965), ("no false answer", 0.97)],
)
def test_own_evaluation_questions(own: dict[str, evaluate.Share], share: str, floor: float) -> None:
    assert own[share].value >= floor, own[share].wrong[:20]


def test_no_question_of_these_stands_in_the_training_data(pipeline: Pipeline) -> None:
    def letters(text: str) -> str:
        return re.sub(r"\W", "", clean(text)) or text

    trained = {letters(q.text) for q in pipeline.knowledge.questions}
    assert [q for q in (*heldout_questions(), *evaluation_questions()) if letters(q) in trained] == []


def test_no_reply_states_a_number_without_a_source(own: dict[str, evaluate.Share]) -> None:
    assert own["no number without a source"].wrong == []


def test_follow_ups(pipeline: Pipeline) -> None:
    share = evaluate.dialogues(lambda text, context: pipeline.ask(text, context, evaluate.TODAY))
    assert share.value >= 0.925, share.wrong[:20]
