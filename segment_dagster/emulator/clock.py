"""What time the emulator takes it to be, and how a time is read."""

import re
from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import Any

_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(:\d{2})?(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?)?")


class Clock:
    """The present: the real one, or one that stands still. Safe to change from any thread.

    Args:
        now: When it stands still, in UTC where it names no zone; `None` for the real time.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._lock = Lock()
        self.set(now)

    def set(self, now: datetime | None) -> None:
        """Stand still at a time, or go with the real one again."""
        with self._lock:
            self._now = now and to_utc(now)

    def advance(self, by: timedelta) -> None:
        """Move a clock that stands still on. It stands still there.

        Raises:
            ValueError: It would move back, or beyond the last year there is, or does not stand still.
        """
        with self._lock:
            if by < timedelta(0):
                raise ValueError("a clock is advanced by 0 seconds or more; set it to move it back")
            if self._now is None:
                raise ValueError("the clock goes with the real time: set it before it is advanced")
            try:
                self._now += by
            except OverflowError:
                raise ValueError("the clock cannot be advanced beyond the year 9999") from None

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._now is not None

    def now(self) -> datetime:
        """The present, in UTC."""
        return self._now or datetime.now(timezone.utc)

    def to_json(self) -> dict[str, Any]:
        """When it stands still, as `GET /_emulator/clock` gives it: null where it goes with the real time."""
        return {"now": self._now and self._now.isoformat().replace("+00:00", "Z")}


def to_utc(moment: datetime) -> datetime:
    """The moment in UTC, which it is taken to be in where it names no zone."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def parse_time(text: str) -> datetime | None:
    """The moment that a text in ISO 8601 stands for, in UTC; `None` where it stands for none."""
    if not (found := _ISO.fullmatch(text)):
        return None
    day, minute, second, fraction, zone = found.groups()
    zone = {None: "+00:00", "Z": "+00:00"}.get(zone) or f"{zone[:3]}:{zone[-2:]}"
    try:
        whole = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}{zone}")
        return to_utc(whole.replace(microsecond=int(f"{fraction or 0:0<6}"[:6])))
    except (ValueError, OverflowError):
        return None
