"""The booking desk of this process: the server, its pages and the actions share it."""

from datetime import datetime, timezone
from functools import lru_cache

from booking.database import make_engine, upgrade
from booking.desk import Desk, open_desk
from booking.examples import load_examples
from booking.wishes import CatalogueCache
from bot.settings import read_settings


@lru_cache(maxsize=1)
def desk() -> Desk:
    """The desk over the database of the settings, its tables up to date; an empty one is given the examples."""
    settings = read_settings()
    engine = make_engine(settings.database_url)
    upgrade(engine)
    load_examples(engine, datetime.now(timezone.utc))
    return open_desk(engine, settings.secret_keys)


@lru_cache(maxsize=1)
def catalogue() -> CatalogueCache:
    return CatalogueCache(desk().engine)
