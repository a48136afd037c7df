"""What counts as healthy, and the plan that usage is compared with."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from pydantic import Field, ValidationInfo, field_validator

from segment_dagster.config.source import Decimal, EnvironmentSettings, Variable, Whole, refused, split


class HealthSettings(EnvironmentSettings):
    """Thresholds and plan of an instance. Days are those in UTC.

    Raises:
        SettingError: A value cannot be used.
    """

    quiet_days: Annotated[Whole, Ge(1), Le(365), Variable("SEGMENT_HEALTH_QUIET_DAYS")] = Field(
        default=2, description="Days without an event after which a source is quiet."
    )
    dead_days: Annotated[Whole, Ge(2), Le(365), Variable("SEGMENT_HEALTH_DEAD_DAYS")] = Field(
        default=14, description="Days without an event after which it is dead."
    )
    success_rate: Annotated[Decimal, Gt(0), Le(1), Variable("SEGMENT_HEALTH_SUCCESS_RATE")] = Field(
        default=0.95, description="Least share of events that a healthy destination gets."
    )
    least_events: Annotated[Whole, Ge(1), Le(10**12), Variable("SEGMENT_HEALTH_LEAST_EVENTS")] = Field(
        default=100, description="Least events in seven days by which a destination can fail."
    )
    disabled_days: Annotated[Whole, Ge(1), Le(3650), Variable("SEGMENT_HEALTH_DISABLED_DAYS")] = Field(
        default=90, description="Days after which a disabled destination counts as unused."
    )
    inactive_days: Annotated[Whole, Ge(1), Le(3650), Variable("SEGMENT_HEALTH_INACTIVE_DAYS")] = Field(
        default=90, description="Days without an event in the audit trail after which a person counts as inactive."
    )
    mtu_plan: Annotated[Whole, Ge(0), Le(10**15), Variable("SEGMENT_HEALTH_MTU_PLAN")] = Field(
        default=0, description="Tracked users a month of your plan, which the API does not tell; 0 if it has no limit."
    )
    api_calls_plan: Annotated[Whole, Ge(0), Le(10**15), Variable("SEGMENT_HEALTH_API_CALLS_PLAN")] = Field(
        default=0, description="API calls a month of your plan; 0 if it has no limit."
    )
    violation_reasons: Annotated[tuple[str, ...], Variable("SEGMENT_HEALTH_VIOLATION_REASONS")] = Field(
        default=(),
        description="Discard reasons, separated by commas, that tell of a violation of a tracking plan. Segment "
        "documents none.",
    )

    @field_validator("violation_reasons", mode="before")
    @classmethod
    def _split_reasons(cls, reasons: Any) -> Any:
        return split(reasons)

    @field_validator("dead_days")
    @classmethod
    def _check_dead_days(cls, days: int, info: ValidationInfo) -> int:
        quiet = info.data.get("quiet_days", 0)
        if days <= quiet:
            raise refused(
                f"is {days}, and quiet_days is {quiet}", "A source is quiet before it is dead: set it to more."
            )
        return days
