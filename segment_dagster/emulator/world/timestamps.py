"""Timestamps in the formats of the API: with 0, 3 or 6 fractional digits."""

from datetime import datetime, timezone

from segment_dagster.emulator.world.random_values import RandomValues

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
"""Time zones of schedules."""


def random_timestamp(draw: RandomValues, year: int, form: int) -> str:
    """Return a random timestamp within a year.

    Args:
        draw: Source of random values.
        year: The year.
        form: 0, 1 or 2 for 0, 3 or 6 fractional digits.
    """
    bits = draw.random.getrandbits(40)
    fraction = _fraction(bits, form)
    month, day, hour = bits % 12 + 1, (bits >> 4) % 28 + 1, (bits >> 9) % 24
    return f"{year}-{month:02d}-{day:02d}T{hour:02d}:{(bits >> 14) % 60:02d}:{(bits >> 20) % 60:02d}{fraction}Z"


def format_timestamp(seconds: int, form: int) -> str:
    """Format seconds since 1970 in one of the three forms."""
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}{_fraction(seconds * 7919, form)}Z"


def format_moment(at: datetime) -> str:
    """Format a time in UTC with 6 fractional digits, or none if they are 0."""
    return at.isoformat().replace("+00:00", "Z")


def format_duration(seconds: int) -> str:
    """Format a duration as a warehouse sync shows it. Segment documents no form."""
    return f"{seconds // 60} minutes, {seconds % 60} seconds"


def _fraction(bits: int, form: int) -> str:
    return ("", f".{bits % 1000:03d}", f".{bits % 1_000_000:06d}")[form]
