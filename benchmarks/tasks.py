"""Turns of whole tasks over POST /chat/messages: an assessment from the first sentence to the sum, a booking to its code."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.results import table, verdict
from benchmarks.setups import Ours

ROUNDS = 40
ASSESSMENT = ("新招了 8 个人,都签了一年合同,3 个考了证,能领多少?", "是", "合作了", "不对,是 9 个", "对")
BOOKING = ("我想约下周三的数控实训", "第一个", "同意", "王小明 13912345678", "不约了")
TARGETS = {"assessment": 12.0, "booking": 15.0}


def measure() -> str:
    """Every round is a new person; the time of a turn is taken at the client, loopback included."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours = Ours(Path(folder))
        ours.prepare()
        with ours:
            ours.start()
            taken = {"assessment": _taken(ours, ASSESSMENT), "booking": _taken(ours, BOOKING)}
    rows, verdicts = [], []
    for name, said in (("assessment", ASSESSMENT), ("booking", BOOKING)):
        milliseconds = taken[name]
        rows += [(name, text, f"{np.median(milliseconds[:, n]):.1f}") for n, text in enumerate(said)]
        p50, p95 = np.percentile(milliseconds, (50, 95))
        rows.append((name, "all turns", f"p50 {p50:.1f}, p95 {p95:.1f}"))
        verdicts.append(f"{name} turn p50 {verdict(float(p50), TARGETS[name], ' ms')}")
    return f"{table(('task', 'said', 'median ms'), rows)}\n\n{ROUNDS} people each. {'; '.join(verdicts)}."


def _taken(ours: Ours, said: tuple[str, ...]) -> np.ndarray:
    """Milliseconds by person and turn; the first five people only warm up."""
    milliseconds = np.zeros((ROUNDS + 5, len(said)))
    for person in milliseconds:
        session = ours.open_session()
        for n, text in enumerate(said):
            person[n] = ours.ask(session, text).seconds * 1000
    return milliseconds[5:]
