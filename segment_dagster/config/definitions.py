"""Settings of what the code location shows: schedules, partitions, checks, owners."""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from annotated_types import Ge, Gt, Le
from pydantic import Field, field_validator

from segment_dagster.config.clock import utc_now
from segment_dagster.config.series import SeriesSettings
from segment_dagster.config.source import Decimal, MayBeEmpty, PerName, Seconds, Whole, refused, split

SYNC = "sync"
"""The schedule whose setting has no name: `SEGMENT_SCHEDULE_CRON`."""

_OWNER = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+|team:[\w.-]+", re.ASCII)


class DefinitionSettings(SeriesSettings):
    """What the code location shows. None of it is secret.

    Raises:
        SettingError: A value cannot be used.
    """

    destination: str = Field(default="duckdb", description="dlt's name of the destination, a kind of each asset.")
    dataset: str = Field(default="segment_data", description="The dataset, in the names of the tables.")
    owners: Annotated[tuple[str, ...], MayBeEmpty()] = Field(
        default=("team:data",),
        description="Owners of the assets: e-mail addresses and `team:` names, separated by commas.",
    )
    slow: tuple[str, ...] = Field(
        default=(),
        description="Names of endpoints, separated by commas, that `segment_slow_sync` reads besides its own.",
    )
    partitions_start: datetime = Field(
        default=datetime(2025, 1, 1, tzinfo=timezone.utc),
        description="The first day of the daily partitions, and the first month.",
    )
    reread_days: Annotated[Whole, Ge(1), Le(30)] = Field(
        default=3, description="Days of volume and delivery that each daily run reads, from 1 to 30."
    )
    """Numbers still change while events arrive late and deliveries are retried."""

    usage_close_days: Annotated[Whole, Ge(1), Le(27)] = Field(
        default=7, description="Days after the end of a month until its usage is closed, from 1 to 27."
    )
    volume_check_days: Annotated[Whole, Ge(1), Le(365)] = Field(
        default=28, description="Days that the check `volume` compares a day with. It needs 14 of them."
    )
    volume_check_deviations: Annotated[Decimal, Gt(0), Le(1000)] = Field(
        default=5.0,
        description="How many robust deviations from the median count as ordinary. A robust deviation is 1.4826 times "
        "the median deviation, and at least a tenth of the median.",
    )
    crons: Annotated[Mapping[str, str], PerName("SCHEDULE_CRON", unnamed=SYNC)] = Field(
        default={}, description="When a schedule runs, as a cron expression, by schedule."
    )
    schedule_timezone: str = Field(
        default="UTC",
        description="The time zone of `segment_sync_daily`, `segment_slow_sync_weekly` and `segment_health_daily`.",
    )
    step_retries: Annotated[Whole, Ge(0), Le(10)] = Field(
        default=0,
        description="How often Dagster tries a step again after an error that may pass: no answer from the API, 5xx or "
        "429, a lock of the destination or a lost connection to it. What is loaded is not read again.",
    )
    step_retry_seconds: Seconds = Field(
        default=60.0, description="Seconds before the first of these attempts. Each next one waits twice as long."
    )
    audit_sensor_seconds: Annotated[Whole, Ge(1), Le(86_400)] = Field(
        default=30, description="The least number of seconds between two looks of `segment_audit_sensor`."
    )

    @field_validator("owners", mode="before")
    @classmethod
    def _check_owners(cls, owners: Any) -> Any:
        named = split(owners)
        if wrong := [owner for owner in named if not _OWNER.fullmatch(owner)]:
            remedy = "Legal values: e-mail addresses and `team:` followed by a name, separated by commas."
            raise refused(f"holds {wrong[0]!r}", remedy)
        return named

    @field_validator("slow", mode="before")
    @classmethod
    def _split_slow(cls, slow: Any) -> Any:
        return split(slow)

    @field_validator("crons", mode="before")
    @classmethod
    def _without_empty(cls, crons: Mapping[str, str]) -> dict[str, str]:
        return {name: cron for name, cron in crons.items() if cron}

    @field_validator("partitions_start", mode="before")
    @classmethod
    def _check_start(cls, start: Any) -> Any:
        if not isinstance(start, str):
            return start
        try:
            day = datetime.strptime(start, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        except ValueError:
            day = None
        if day is None or day > utc_now():
            raise refused(f"is {start!r}", "Set it to a day that has come, such as 2025-01-01.")
        return day

    @field_validator("schedule_timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise refused(f"is {name!r}", "Set it to a name of the IANA database such as Europe/Berlin.") from None
