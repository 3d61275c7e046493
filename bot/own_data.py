"""What people may ask of everything that is kept of them, in every store of ours: a copy of it, and to have it deleted."""

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa

from booking.desk import Desk
from booking.personal_data import Erased, erase_person, export_person
from bot.assessment_links import PEOPLE_FILE, decision_address, file_address, people_address
from bot.kept_files import KeptFiles
from bot.transcript import Transcript
from policy_kb.rules.store import DecisionStore


class OwnData:
    """`owner` is the channel's sender id. `engine` holds what is not booking."""

    def __init__(self, desk: Callable[[], Desk], engine: sa.engine.Engine, secret_keys: Sequence[str]) -> None:
        self._desk, self._transcript = desk, Transcript(engine)
        self._decisions, self._files = DecisionStore(engine), KeptFiles(engine, secret_keys)

    def export(self, owner: str, now: datetime) -> dict[str, Any]:
        """Personal values, bookings and waiting list places in plain text; what was said and thought of the answers; what was worked out
        and the files, by their addresses."""
        return {
            **export_person(self._desk(), owner, now=now),
            "messages": self._transcript.history(owner, limit=None),
            "feedback": self._transcript.ratings(owner),
            "decisions": [
                {
                    "url": decision_address(stored.id),
                    "title": stored.decision["title"],
                    "headline": stored.decision["headline"],
                    "made_at": stored.made_at.replace(tzinfo=timezone.utc),
                }
                for stored in self._decisions.of(owner)
            ],
            "files": [
                {"url": _address(file), "name": file["name"], "expires_at": file["expires_at"]}
                for file in self._files.of(owner, now)
            ],
        }

    def erase(self, owner: str, now: datetime) -> Erased:
        """Delete all of it (“删除我的信息”); bookings ahead are cancelled. May be repeated."""
        erased = erase_person(self._desk(), owner, now=now)
        for store in (self._decisions, self._files, self._transcript):
            store.erase(owner)
        return erased


def _address(file: dict[str, Any]) -> str:
    return people_address(file["id"]) if file["name"] == PEOPLE_FILE else file_address(file["id"])
