"""What people may ask of everything that is kept of them, in every store of ours: a copy of it, and to have it deleted."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from booking.desk import Desk
from booking.personal_data import Erased, erase_person, export_person
from bot.kept_files import KeptFiles
from bot.transcript import Transcript
from policy_kb.rules.store import DecisionStore


class OwnData:
    """`owner` is the channel's sender id. `engine` holds what is not booking."""

    def __init__(self, desk: Callable[[], Desk], engine: sa.engine.Engine, secret_keys: Sequence[str]) -> None:
        self._desk, self._transcript = desk, Transcript(engine)
        self._forgetful = (DecisionStore(engine), KeptFiles(engine, secret_keys), self._transcript)

    def export(self, owner: str, now: datetime) -> dict[str, Any]:
        """Personal values, bookings, waiting list places and what was said, in plain text."""
        return {**export_person(self._desk(), owner, now=now), "messages": self._transcript.history(owner)}

    def erase(self, owner: str, now: datetime) -> Erased:
        """Delete all of it (“删除我的信息”); bookings ahead are cancelled. May be repeated."""
        erased = erase_person(self._desk(), owner, now=now)
        for store in self._forgetful:
            store.erase(owner)
        return erased
