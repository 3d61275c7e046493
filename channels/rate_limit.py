"""At most so many messages a minute from one person: a token bucket each, in memory."""

import time
from collections import OrderedDict

# Buckets of people who have been silent for longest are forgotten first; a full bucket is what they would have anyway.
MAX_PEOPLE = 50_000


class RateLimiter:
    """`per_minute` messages a minute, in bursts of as many. Times are monotonic seconds."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, person: str, now: float | None = None) -> bool:
        """Take one message from `person`'s bucket; False when it is empty."""
        now = time.monotonic() if now is None else now
        tokens, then = self._buckets.pop(person, (float(self.per_minute), now))
        tokens = min(self.per_minute, tokens + (now - then) * self.per_minute / 60)
        allowed = tokens >= 1
        self._buckets[person] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MAX_PEOPLE:
            self._buckets.popitem(last=False)
        return allowed
