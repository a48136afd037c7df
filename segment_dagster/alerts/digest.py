"""When the weekly digest is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from segment_dagster.errors import SettingError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class WeeklyDigest:
    """A digest once a week, in UTC."""

    weekday: str = WEEKDAYS[0]
    hour: int = 8

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SettingError: There is no such day or hour.
        """
        if self.weekday not in WEEKDAYS:
            raise SettingError("digest", f"has the weekday {self.weekday!r}", f"Legal values: {', '.join(WEEKDAYS)}.")
        if not 0 <= self.hour < 24:
            raise SettingError("digest", f"has the hour {self.hour}", "Legal values: 0 to 23.")

    def is_due(self, last: float, now: datetime) -> bool:
        """Return whether the hour of a digest has come since the last one.

        Args:
            last: When the last one was sent, in seconds since 1970.
            now: The current time, in UTC.
        """
        days = (now.weekday() - WEEKDAYS.index(self.weekday)) % 7
        hour = (now - timedelta(days=days)).replace(hour=self.hour, minute=0, second=0, microsecond=0)
        if hour > now:
            hour -= timedelta(days=7)
        return last < hour.timestamp()
