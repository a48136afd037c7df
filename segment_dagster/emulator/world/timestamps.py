"""Points in time as the API writes them: with 0, 3 or 6 digits of a second's fraction."""

from datetime import datetime, timezone

from segment_dagster.emulator.world.random_values import RandomValues

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
"""Time zones of schedules."""


def random_timestamp(draw: RandomValues, year: int, form: int) -> str:
    """A point in time within a year.

    Args:
        draw: Where the point comes from.
        year: The year it is in.
        form: 0, 1 or 2 for a fraction of 0, 3 or 6 digits.
    """
    bits = draw.random.getrandbits(40)
    fraction = _fraction(bits, form)
    month, day, hour = bits % 12 + 1, (bits >> 4) % 28 + 1, (bits >> 9) % 24
    return f"{year}-{month:02d}-{day:02d}T{hour:02d}:{(bits >> 14) % 60:02d}:{(bits >> 20) % 60:02d}{fraction}Z"


def format_timestamp(seconds: int, form: int) -> str:
    """The point in time so many seconds after 1970, in one of the three forms."""
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}{_fraction(seconds * 7919, form)}Z"


def _fraction(bits: int, form: int) -> str:
    return ("", f".{bits % 1000:03d}", f".{bits % 1_000_000:06d}")[form]
