"""Read when a server wants the next request."""

from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from segment_dagster.client.envelope import milliseconds_before_next


def retry_after_seconds(headers: Mapping[str, str], body: Any, *, rate_limit: bool, now: datetime) -> float | None:
    """Return the seconds that a server asks to wait, never negative; `None` if it does not say.

    `Retry-After` counts first, then `msBeforeNext`, then `X-RateLimit-Reset`.

    Args:
        headers: Headers of the response, found in capital and small letters.
        body: Its parsed body; the envelope of a 429 may hold `errors[].data.msBeforeNext`.
        rate_limit: Whether the response is a 429, to which the last two belong.
        now: The current time, in UTC.
    """
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        # zero seconds would use up every attempt at once
        return float(after) or None
    if after and (delay := seconds_until(after, now)) is not None:
        return delay
    if not rate_limit:
        return None
    if (milliseconds := milliseconds_before_next(body)) is not None:
        return milliseconds / 1000
    return seconds_until(headers.get("X-RateLimit-Reset", ""), now)


def seconds_until(date: str, now: datetime) -> float | None:
    """Return the seconds to a date in the form of RFC 5322, never negative; `None` if it is no such date."""
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        # RFC 5322 writes UTC as -0000 where nothing is said about the zone
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - now).total_seconds())
