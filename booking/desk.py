"""The desk at which bookings are made: what every command needs, and how a command is carried out once and only once."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from booking.codes import TicketOffice, new_code
from booking.database import reading, transact
from booking.errors import KeyReused
from booking.models import IdempotencyKey, Person
from booking.vault import Vault

R = TypeVar("R")

# Statements of every command are made once: putting one together costs more than running it.
_REMEMBER = sa.insert(IdempotencyKey)
_REMEMBERED = sa.select(IdempotencyKey.fingerprint, IdempotencyKey.result).where(
    IdempotencyKey.actor == sa.bindparam("by"), IdempotencyKey.key == sa.bindparam("with")
)
_FIND = sa.select(Person.id).where(Person.owner.in_(sa.bindparam("owners", expanding=True))).order_by(Person.id)
_FIND_AND_LOCK = _FIND.with_for_update(key_share=True)
_LOCK = sa.select(Person.id).where(Person.id == sa.bindparam("person")).with_for_update(key_share=True)
_ADD = sa.insert(Person)


@dataclass(frozen=True)
class Policy:
    """What the operator sets. The documents state none of these numbers."""

    hold_minutes: int = 5
    max_active_bookings: int = 5
    max_waiting: int = 5
    offer_hours: int = 4
    offer_warning_minutes: int = 60  # before an offer expires
    no_show_threshold: int = 2  # so many no-shows …
    no_show_days: int = 180  # … in so many days …
    no_show_priority: int = -1  # … give this priority on a waiting list, where others have 0
    check_in_opens_minutes: int = 120  # before the start
    no_show_after_minutes: int = 120  # after the end
    alternatives: int = 3  # other slots named when one is cancelled
    retention_days: int = 365  # after a slot's end its bookings are anonymised
    idle_person_days: int = 30  # somebody who has never booked is forgotten
    idempotency_days: int = 7


@dataclass(frozen=True)
class Desk:
    """What commands need besides their arguments."""

    engine: sa.engine.Engine
    vault: Vault
    tickets: TicketOffice
    policy: Policy = Policy()
    new_code: Callable[[], str] = field(default=new_code)


def open_desk(engine: sa.engine.Engine, secret_keys: Sequence[str], policy: Policy | None = None) -> Desk:
    """A desk over `engine`, which comes from `booking.database.make_engine`. The first secret is the one in use."""
    return Desk(engine, Vault(engine, secret_keys), TicketOffice(secret_keys), policy or Policy())


@dataclass(frozen=True)
class Command:
    """A command as it was asked for. `facts` tell two commands apart that share a key; nothing personal belongs in them."""

    name: str
    key: str
    now: datetime
    facts: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        said = json.dumps([self.name, self.facts], sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()


def as_person(
    desk: Desk,
    owner: str,
    command: Command,
    result: type[R],
    work: Callable[[Any, int], R],
    early: Callable[[Any, int | None], None],
) -> R:
    """Carry out `work(connection, person id)` for the person behind `owner`, one command of a person at a time.

    A repeat with the same key gets the first result. Refusals are not kept, so that a repeat may succeed. `early(connection, person id or None)` may
    refuse what cannot succeed before any lock is taken.
    """
    with reading(desk.engine) as connection:
        person = find_person(connection, desk.vault, owner)
        kept = person and _remembered(connection, f"person:{person}", command, result)
        if kept:
            return kept
        early(connection, person)

    def once(connection: Any) -> R:
        person = _lock_or_add_person(connection, desk.vault, owner, command.now)
        return _once(connection, f"person:{person}", command, result, lambda: work(connection, person))

    return transact(desk.engine, once)


def as_staff(desk: Desk, staff: str, command: Command, result: type[R], work: Callable[[Any], R]) -> R:
    """Carry out `work(connection)` for a base's staff; a repeat with the same key gets the first result."""
    return transact(
        desk.engine,
        lambda connection: _once(connection, f"staff:{staff}", command, result, lambda: work(connection)),
    )


def _once(connection: Any, actor: str, command: Command, result: type[R], work: Callable[[], R]) -> R:
    kept = _remembered(connection, actor, command, result)
    if kept:
        return kept
    done = work()
    row = {"actor": actor, "key": command.key, "command": command.name, "fingerprint": command.fingerprint}
    plain = _plain(dataclasses.asdict(done))  # type: ignore[call-overload]  # results are dataclasses
    connection.execute(_REMEMBER, {**row, "result": plain, "created_at": command.now})
    return done


def _remembered(connection: Any, actor: str, command: Command, result: type[R]) -> R | None:
    row = connection.execute(_REMEMBERED, {"by": actor, "with": command.key}).first()
    if row is None:
        return None
    if row.fingerprint != command.fingerprint:
        raise KeyReused
    return result(**{name: _back(value) for name, value in row.result.items()})


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it; `_back` undoes it."""
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _back(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["at"])
    return tuple(_back(each) for each in value) if isinstance(value, list) else value


# -- people ------------------------------------------------------------------------------------------------------------


def find_person(connection: Any, vault: Vault, owner: str, lock: bool = False) -> int | None:
    """The id of the person behind `owner`, if there is one yet. With `lock` nobody else changes what they have until the end."""
    digests = {"owners": vault.owner_digests(owner)}
    found: int | None = connection.execute(_FIND_AND_LOCK if lock else _FIND, digests).scalars().first()
    return found


def lock_person(connection: Any, person: int) -> None:
    """Wait until nobody else changes what `person` has. Persons are locked before slots.

    FOR NO KEY UPDATE: PostgreSQL's check of a foreign key, when somebody else writes a notice to the person, need not wait for us.
    """
    connection.execute(_LOCK, {"person": person})


def _lock_or_add_person(connection: Any, vault: Vault, owner: str, now: datetime) -> int:
    found = find_person(connection, vault, owner, lock=True)
    if found is not None:
        return found
    new = {"owner": vault.owner_digest(owner), "created_at": now}
    return int(connection.execute(_ADD, new).inserted_primary_key[0])
