"""What counts as healthy, and the plan that usage is compared with."""

from dataclasses import dataclass, fields

from segment_dagster.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class HealthSettings:
    """Thresholds and plan of an instance. Days are those in UTC.

    Raises:
        SettingError: A threshold has no meaning.
    """

    quiet_days: int = 2
    """Days without an event after which a source is quiet."""

    dead_days: int = 14
    """Days without an event after which it is dead."""

    success_rate: float = 0.95
    """Least share of delivered events of a destination that is healthy."""

    least_events: int = 100
    """Least events in seven days by which a destination can fail."""

    disabled_days: int = 90
    """Days after which a disabled destination is unused."""

    inactive_days: int = 90
    """Days without an audit event after which a person is inactive."""

    mtu_plan: int | None = None
    """Tracked users of the plan, a month. The API does not tell it."""

    api_calls_plan: int | None = None
    """API calls of the plan, a month."""

    violation_reasons: tuple[str, ...] = ()
    """Discard reasons that tell of a violation of a tracking plan. The API documents no reason."""

    def __post_init__(self) -> None:
        """Check the values."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and value < 1:
                raise SettingError(f"thresholds.{field.name}", f"is {value}", "Set it to 1 or more.")
        if self.dead_days <= self.quiet_days:
            raise SettingError(
                "thresholds.dead_days",
                f"is {self.dead_days}, not more than quiet_days, {self.quiet_days}",
                "A source is quiet before it is dead.",
            )
        if not 0 < self.success_rate <= 1:
            raise SettingError("thresholds.success_rate", f"is {self.success_rate}", "Set it above 0 and up to 1.")
