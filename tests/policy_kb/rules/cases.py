"""The YAML cases: a sentence, an input, a day, and what is expected. Inputs are written as changes to the file's `base` or `person`."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"
KEYS = {
    "name",
    "day",
    "input",
    "with",
    "without",
    "person",
    "person_without",
    "people",
    "people_without",
    "expect",
    "error",
}
EXPECTED = {
    "outcome", "amount", "possible", "next", "question", "states", "margins", "values", "facts", "open", "notes", "not_notes",
    "changes", "also",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    programme: str
    name: str
    inputs: dict[str, Any]
    on: date
    expect: dict[str, Any]
    error: str | None


def load_cases() -> list[Case]:
    """Every case of every programme."""
    return [case for path in sorted(FOLDER.glob("*.yml")) for case in _cases(path)]


def _cases(path: Path) -> list[Case]:
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    cases = []
    for raw in written["cases"]:
        assert set(raw) <= KEYS and set(raw.get("expect", {})) <= EXPECTED, raw
        inputs = _inputs(raw, written.get("base", {}), written.get("person", {}))
        on = raw.get("day", written["day"])
        cases.append(Case(path.stem, raw["name"], inputs, on, raw.get("expect", {}), raw.get("error")))
    return cases


def _inputs(raw: dict[str, Any], base: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    if "input" in raw:
        return raw["input"]
    if "person" in raw or "people" in raw:
        changes = raw.get("people") or [raw["person"] or {}]
        without = raw.get("people_without") or [raw.get("person_without", []) for _ in changes]
        return {
            "is_sme": True,
            "people": [
                {name: value for name, value in {**person, **change}.items() if name not in gone}
                for change, gone in zip(changes, without, strict=True)
            ],
        }
    whole = {**base, **raw.get("with", {})}
    return {name: value for name, value in whole.items() if name not in raw.get("without", [])}
