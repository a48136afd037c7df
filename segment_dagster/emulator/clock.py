"""What time the emulator takes it to be."""

from datetime import datetime, timezone


class Clock:
    """The present: the real one, or one that stands still.

    Args:
        now: When it stands still, in UTC where it names no zone; `None` for the real time.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self.set(now)

    def set(self, now: datetime | None) -> None:
        """Stand still at a time, or go with the real one again."""
        self._now = now and in_utc(now)

    def now(self) -> datetime:
        """The present, in UTC."""
        return self._now or datetime.now(timezone.utc)


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC, which it is taken to be in where it names no zone."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
