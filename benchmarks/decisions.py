"""Speed of assessments: one decision of each programme, and a roster of 10,000 people for the training allowance."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np

from benchmarks.results import table, verdict
from policy_kb.rules import PROGRAMMES, assess

ROUNDS, ROSTERS, PEOPLE = 500, 2, 5000
DAY = date(2025, 6, 1)
ANSWERS: dict[str, dict[str, Any]] = {
    "training-allowance": {
        "is_sme": True,
        "headcount": 8,
        "new_hire": True,
        "trained_with_school": True,
        "contract_months": 12,
        "qualified_count": 3,
        "qualified_within_year": True,
    },
    "internship-posts": {"designated_size": "above", "technical_posts": 45, "intern_posts": 4},
    "teacher-practice-posts": {"size": "large", "staff": 1001, "teacher_posts": 5},
    "training-fund": {"set_aside": True, "fund": "100000", "front_line": "59999.99"},
    "training-participation": {"staff": 201, "participants": 100},
    "practice-hours": {"total_hours": 3000, "practice_hours": 1499},
    "order-class-priority": {"order_class": True, "family": "recognised"},
    "research-reward": {"institution": "university", "net_income": "1000000"},
    "education-surcharge": {"surcharge": "1000000", "vocational": "299999.99"},
    "base-application": {
        "applicant": "university",
        "field": "manufacturing",
        "good_school": True,
        "standards": False,
        "siting": True,
        "built": False,
        "level": "province",
    },
    "base-fees": {"project": "vocational_practice", "government_purchase": True},
    "intern-pay": {"internship": "post", "independent": True, "pay": 2000, "post_wage": 3000, "lowest_grade": 2200},
}


def people(number: int) -> list[dict[str, Any]]:
    """A roster whose people differ: every fifth contract is short, and of three people one has a certificate, one is late."""
    start = date(2024, 3, 1)
    return [
        {
            "name": f"员工{i}",
            "count": 1,
            "new_hire": True,
            "trained_with_school": True,
            "contract_start": start + timedelta(i % 90),
            "contract_end": start + timedelta(i % 90 + (150 if i % 5 == 0 else 365)),
            "qualification": ("certificate", "grade_up", "none")[i % 3],
            "qualified_on": None if i % 3 == 2 else start + timedelta(i % 90 + 200 * (1 + i % 3)),
            "performing_since": start + timedelta(i % 90),
        }
        for i in range(number)
    ]


def measure() -> str:
    """Milliseconds a decision takes, and seconds for a roster of 10,000 people; Markdown."""
    rows, slowest = [], 0.0
    for programme in PROGRAMMES:
        whole = _milliseconds(lambda: assess(programme, ANSWERS[programme], DAY))  # noqa: B023
        begun = _milliseconds(lambda: assess(programme, {}, DAY))  # noqa: B023
        slowest = max(slowest, whole[0], begun[0])
        rows.append((programme, f"{begun[0]:.3f}", f"{whole[0]:.3f}", f"{whole[1]:.3f}"))
    shown = table(("programme", "no answers, p50 ms", "all answers, p50 ms", "p95 ms"), rows)
    roster = people(PEOPLE)
    started = time.perf_counter()
    for _ in range(ROSTERS):
        assess("training-allowance", {"is_sme": True, "people": roster}, DAY)
    seconds = time.perf_counter() - started
    return (
        f"{shown}\n\n{ROUNDS} decisions each, checking the input included, parameters loaded. "
        f"The slowest median: {verdict(slowest, 0.2, ' ms')}.\n\n"
        f"{ROSTERS * PEOPLE:,} people by contract and certificate dates, in rosters of {PEOPLE:,}: {verdict(seconds, 2, ' s')}."
    )


def _milliseconds(decide: Callable[[], object]) -> tuple[float, float]:
    """Median and 95th percentile."""
    decide()
    taken = np.zeros(ROUNDS)
    for n in range(ROUNDS):
        started = time.perf_counter()
        decide()
        taken[n] = (time.perf_counter() - started) * 1000
    return float(np.median(taken)), float(np.percentile(taken, 95))


if __name__ == "__main__":
    print(measure())
