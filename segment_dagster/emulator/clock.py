"""The clock of the emulator, and parsing of ISO 8601 times."""

import re
from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import Any

_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(:\d{2})?(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?)?")


class Clock:
    """A clock that shows the real time or a frozen one. Safe to change from any thread.

    Args:
        now: The frozen time, in UTC if it has no zone. `None` for the real time.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._lock = Lock()
        self.set(now)

    def set(self, now: datetime | None) -> None:
        """Freeze the clock at a time, or return to the real time."""
        with self._lock:
            self._now = now and to_utc(now)

    def advance(self, by: timedelta) -> None:
        """Move a frozen clock forward. It stays frozen.

        Raises:
            ValueError: The clock is not frozen, or would move backwards or beyond the year 9999.
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
        """Whether the clock is frozen."""
        return self._now is not None

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return self._now or datetime.now(timezone.utc)

    def to_json(self) -> dict[str, Any]:
        """Return the body of `GET /_emulator/clock`: the frozen time, or null for the real time."""
        return {"now": self._now and self._now.isoformat().replace("+00:00", "Z")}


def to_utc(moment: datetime) -> datetime:
    """Convert a time to UTC. A time without a zone is taken as UTC."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def parse_time(text: str) -> datetime | None:
    """Parse an ISO 8601 text to a UTC time. Return `None` if it is invalid."""
    if not (found := _ISO.fullmatch(text)):
        return None
    day, minute, second, fraction, zone = found.groups()
    zone = {None: "+00:00", "Z": "+00:00"}.get(zone) or f"{zone[:3]}:{zone[-2:]}"
    try:
        whole = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}{zone}")
        return to_utc(whole.replace(microsecond=int(f"{fraction or 0:0<6}"[:6])))
    except (ValueError, OverflowError):
        return None
