"""Times of the tests of syncs."""

from datetime import datetime, timedelta, timezone

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def hours(number: float) -> datetime:
    """So many hours after noon."""
    return NOON + timedelta(hours=number)
