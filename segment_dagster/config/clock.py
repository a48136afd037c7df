"""The clock. Only settings read it: everything else is given the present as an argument."""

from datetime import datetime, timezone


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(timezone.utc)  # noqa: TID251
