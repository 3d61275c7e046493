"""Floors under the accuracy that benchmarks/RESULTS.md reports, so that a change of knowledge or code cannot lower it unseen."""

import pytest

from benchmarks import evaluate
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
        ("first", 0.84),
        ("among cited and offered", 0.945),
        ("gap and out refused", 0.91),
        ("summaries, right document first", 0.88),
        ("second reading: first", 0.885),
        ("second reading: among cited and offered", 0.965),
    ],
)
def test_heldout_questions(heldout: dict[str, evaluate.Share], share: str, floor: float) -> None:
    assert heldout[share].value >= floor, heldout[share].wrong[:20]


@pytest.mark.parametrize(
    ("share", "floor"),
    [("right first", 0.97), ("right among cited and offered", 0.99), ("answered", 0.95), ("no false answer", 0.97)],
)
def test_own_evaluation_questions(own: dict[str, evaluate.Share], share: str, floor: float) -> None:
    assert own[share].value >= floor, own[share].wrong[:20]


def test_no_reply_states_a_number_without_a_source(own: dict[str, evaluate.Share]) -> None:
    assert own["no number without a source"].wrong == []


def test_follow_ups(pipeline: Pipeline) -> None:
    share = evaluate.dialogues(lambda text, context: pipeline.ask(text, context, evaluate.TODAY))
    assert share.value >= 0.90, share.wrong[:20]
