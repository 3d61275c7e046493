"""What a person sent, whichever way it came: the one shape that channels hand to the assistant."""

from dataclasses import dataclass


class Unavailable(Exception):
    """A message cannot be taken now (the database or Redis is away). Nothing of it is kept: it may be sent again."""


@dataclass(frozen=True)
class Place:
    """Where somebody is, in degrees, with the name that the platform gives the place."""

    latitude: float
    longitude: float
    name: str = ""


@dataclass(frozen=True)
class File:
    """A file that somebody sent, as its own words for it and its bytes. Neither is to be trusted."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Inbound:
    """One message: exactly one of typed text, a tapped button's payload, a place and a file; and the platform's id for it."""

    text: str | None = None
    payload: str | None = None
    place: Place | None = None
    file: File | None = None
    message_id: str = ""
