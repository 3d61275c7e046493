"""Decisions that were given out, kept so that each can be opened again, printed, and worked out anew by the same rules."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from policy_kb.rules import Decision, assess

metadata = sa.MetaData()

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("owner", sa.String(120), nullable=False, index=True),
    sa.Column("programme", sa.String(40), nullable=False),
    sa.Column("rule_version", sa.String(80), nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False, index=True),
    sa.Column("decision", sa.Text, nullable=False),
)


_COMPARED = ("rule_version", "outcome", "headline", "amount", "amount_possible", "criteria", "facts", "open_points")


@dataclass(frozen=True)
class StoredDecision:
    """A decision as it was given out: `decision` is Decision.as_dict() with its inputs, `made_at` is UTC."""

    id: str
    programme: str
    rule_version: str
    made_at: datetime
    decision: Mapping[str, Any]

    def again(self) -> Decision:
        """The same inputs by the rules of the same day, as the code and the rules are now. Raises InvalidInput and NotInForce."""
        return assess(self.programme, self.decision["inputs"], date.fromisoformat(self.decision["on"]))

    @property
    def reproduced(self) -> bool:
        """Whether the same comes out still. A roster's people are not kept one by one, so that they are not compared."""
        again = self.again().as_dict()
        return all(again[key] == self.decision[key] for key in _COMPARED)


class DecisionStore:
    """Decisions in the database. An id is 128 random bits: whoever has the link is whom it was given to."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        self.engine = engine
        metadata.create_all(engine)

    def add(self, owner: str, decision: Mapping[str, Any], made_at: datetime) -> str:
        """Keep `decision` (Decision.as_dict()) of `owner` (a sender id, or 'api'). Returns its id."""
        decision = _without_names(decision)
        row = {
            "id": secrets.token_urlsafe(16),
            "owner": owner,
            "programme": decision["programme"],
            "rule_version": decision["rule_version"],
            "made_at": made_at.replace(tzinfo=None),
            "decision": json.dumps(decision, ensure_ascii=False),
        }
        with self.engine.begin() as connection:
            connection.execute(decisions.insert().values(**row))
        return str(row["id"])

    def get(self, id: str) -> StoredDecision | None:
        """The decision with this id, or None."""
        query = sa.select(decisions).where(decisions.c.id == id[:32])
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return _stored(row) if row else None

    def of(self, owner: str) -> list[StoredDecision]:
        """Everything that was worked out for `owner` and is kept, the oldest first."""
        query = sa.select(decisions).where(decisions.c.owner == owner).order_by(decisions.c.made_at)
        with self.engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def erase(self, owner: str) -> int:
        """Forget everything that was worked out for `owner`. Returns how many decisions that were."""
        with self.engine.begin() as connection:
            return int(connection.execute(decisions.delete().where(decisions.c.owner == owner)).rowcount)

    def expire(self, before: datetime) -> int:
        """Forget what was worked out before `before` (UTC). Returns how many decisions that were."""
        with self.engine.begin() as connection:
            gone = decisions.delete().where(decisions.c.made_at < before.replace(tzinfo=None))
            return int(connection.execute(gone).rowcount)


def _stored(row: Any) -> StoredDecision:
    return StoredDecision(row.id, row.programme, row.rule_version, row.made_at, json.loads(row.decision))


def _without_names(decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """`decision` without the names of people: they are in nobody's database for the sake of a sum."""
    people = [{**person, "name": None} for person in decision["people"]]
    inputs = dict(decision["inputs"])
    if "people" in inputs:
        inputs["people"] = [{**person, "name": None} for person in inputs["people"]]
    return {**decision, "people": people, "inputs": inputs}
