"""When to ask again. Registering is idempotent, so whatever may pass is tried again."""

from __future__ import annotations

import datetime
import email.utils
import random
from collections.abc import Callable
from dataclasses import dataclass, field

AGAIN = frozenset({408, 425, 429, 502, 503, 504})
# The longest that a service is left alone because it asked for it, in seconds.
LONGEST_ASKED = 86_400


@dataclass(frozen=True)
class Retry:
    """At most `tries` attempts within `deadline` seconds of waiting.

    The n-th pause is drawn between half and all of `first * 2**n`, at most `longest`; never less than what the
    service asked for with Retry-After.
    """

    tries: int = 8
    first: float = 0.25
    longest: float = 20.0
    deadline: float = 60.0
    random: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def pause(self, attempt: int, asked: float | None) -> float:
        """How long to wait after attempt number `attempt`, counted from 0."""
        most = min(self.longest, self.first * 2.0 ** min(attempt, 32))
        pause = most * (0.5 + self.random() / 2)
        return pause if asked is None else asked + pause * min(1.0, asked / 2)

    def gives_up(self, attempt: int, waited: float, pause: float) -> bool:
        """Whether a pause now would be one too many."""
        return attempt + 1 >= self.tries or waited + pause > self.deadline


NEVER = Retry(tries=1)


def retry_after(value: str | None, now: Callable[[], datetime.datetime] | None = None) -> float | None:
    """The seconds of a Retry-After header, which holds seconds or a date; `None` if it makes no sense."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return sensible(int(value[:9]))
    try:
        at = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
    current = now() if now else datetime.datetime.now(datetime.timezone.utc)
    return sensible((at - current).total_seconds())


def sensible(asked: float) -> float:
    """So many seconds, as far as they make sense: a clock takes neither what is past nor a million years."""
    return float(min(max(asked, 0), LONGEST_ASKED))
