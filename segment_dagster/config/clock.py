"""The clock. Everything else is given the present, or this function, as an argument."""

from datetime import datetime, timezone


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(timezone.utc)  # noqa: TID251 - the one place
