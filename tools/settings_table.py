"""The table of settings in the documentation: `python -m tools.settings_table docs/settings.md`.

Names, defaults and texts come from the settings themselves.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from segment_dagster.config import ApiSettings, DefinitionSettings, DestinationSettings, HealthSettings
from segment_dagster.config.series import groups_of, series_domains
from segment_dagster.config.source import EnvironmentSettings

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    names: tuple[str, ...]
    """Names of environment variables that do the same for different things."""

    default: str
    """As the table shows it: code in backticks, or words."""

    effect: str
    """What it does, and which values are legal."""


def _of(
    settings: type[EnvironmentSettings], field: str, default: str | None = None, name: str | None = None
) -> Setting:
    """Return the line of a setting.

    Args:
        settings: The model.
        field: Its field.
        default: The default in words, if its value says nothing.
        name: The environment variable, if it is not ours.
    """
    information = settings.model_fields[field]
    shown = f"`{_text(information.default)}`" if default is None and _text(information.default) else default or ""
    return Setting((name or settings.variable(field),), shown, information.description or "")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value.value if isinstance(value, Enum) else value)


def _grouped_by(domain: str) -> Setting:
    legal = ", ".join(f"`{each}`" for each in groups_of(domain))
    effect = f"{legal}, separated by commas: what the time series of {domain} are grouped by."
    return Setting((ApiSettings.variable("group_by", domain),), "all", effect)


def _crons(names: Sequence[str], default: str, effect: str) -> Setting:
    return Setting(tuple(DefinitionSettings.variable("crons", name) for name in names), default, effect)


SETTINGS: tuple[Setting, ...] = (
    _of(ApiSettings, "token"),
    _of(ApiSettings, "region"),
    _of(ApiSettings, "base_url", "the region's"),
    _of(ApiSettings, "layout"),
    _of(DestinationSettings, "type"),
    _of(DestinationSettings, "table_format"),
    _of(DestinationSettings, "dataset"),
    Setting(
        ("DESTINATION__DUCKDB__CREDENTIALS",),
        "`segment.duckdb` in the working directory",
        "dlt's own setting: another DuckDB file.",
    ),
    _of(ApiSettings, "concurrency"),
    _of(ApiSettings, "requests_per_minute"),
    _of(ApiSettings, "budget_url"),
    _of(ApiSettings, "on_unavailable"),
    _of(DefinitionSettings, "slow"),
    _of(ApiSettings, "slow_whole_seconds"),
    _of(ApiSettings, "slow_max_minutes"),
    _of(ApiSettings, "slow_max_age"),
    _of(ApiSettings, "full_every_days"),
    _of(ApiSettings, "progress"),
    _of(ApiSettings, "minute"),
    _of(ApiSettings, "now", "the clock's"),
    _of(DefinitionSettings, "partitions_start", "`2025-01-01`"),
    Setting(
        tuple(ApiSettings.variable("granularity", domain) for domain in series_domains()),
        "`DAY`",
        ApiSettings.model_fields["granularity"].description or "",
    ),
    *map(_grouped_by, series_domains()),
    _of(DefinitionSettings, "reread_days"),
    _of(DefinitionSettings, "usage_close_days"),
    _of(DefinitionSettings, "volume_check_days"),
    _of(DefinitionSettings, "volume_check_deviations"),
    _of(ApiSettings, "max_undeclared_columns"),
    _of(ApiSettings, "page_size", "the endpoint's largest"),
    _of(ApiSettings, "include_secrets"),
    _of(ApiSettings, "preview"),
    _of(ApiSettings, "history"),
    _of(ApiSettings, "fingerprint_key"),
    _crons(["sync"], "`0 6 * * *`", "When `segment_sync_daily` runs."),
    _crons(["slow"], "`0 2 * * 0`", "When `segment_slow_sync_weekly` runs."),
    _crons(["health"], "`30 7 * * *`", "When `segment_health_daily` runs."),
    _of(DefinitionSettings, "schedule_timezone"),
    _crons(
        ["audit", "usage", "volume", "delivery", "delivery_metrics"],
        "see [Jobs](jobs.md)",
        "When the other schedules run, in UTC.",
    ),
    _of(DefinitionSettings, "audit_sensor_seconds"),
    _of(DestinationSettings, "always_load"),
    _of(DestinationSettings, "lock_timeout"),
    _of(DefinitionSettings, "owners"),
    _of(HealthSettings, "quiet_days"),
    _of(HealthSettings, "dead_days"),
    _of(HealthSettings, "success_rate"),
    _of(HealthSettings, "least_events"),
    _of(HealthSettings, "disabled_days"),
    _of(HealthSettings, "inactive_days"),
    _of(HealthSettings, "mtu_plan"),
    _of(HealthSettings, "api_calls_plan"),
    _of(HealthSettings, "violation_reasons", "none"),
    _of(ApiSettings, "retry_seconds"),
    _of(DefinitionSettings, "step_retries"),
    _of(DefinitionSettings, "step_retry_seconds"),
    _of(ApiSettings, "request_max_attempts", name="RUNTIME__REQUEST_MAX_ATTEMPTS"),
    _of(ApiSettings, "request_timeout", name="RUNTIME__REQUEST_TIMEOUT"),
    _of(ApiSettings, "request_backoff_factor", name="RUNTIME__REQUEST_BACKOFF_FACTOR"),
    _of(ApiSettings, "request_max_retry_delay", name="RUNTIME__REQUEST_MAX_RETRY_DELAY"),
)
"""Every setting that a user may want, in the order of the table."""


def settings_table(settings: Sequence[Setting] = SETTINGS) -> str:
    """Return the table: one line a setting."""
    lines = ["| setting | default | what it does |", "| --- | --- | --- |"]
    for each in settings:
        names = ", ".join(f"`{name}`" for name in each.names)
        lines.append(f"| {names} | {each.default} | {each.effect} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def with_settings(text: str, settings: Sequence[Setting] = SETTINGS) -> str:
    """Return the text with its table of settings built anew.

    Raises:
        ValueError: The text has no place for the table.
    """
    if not _TABLE.search(text):
        raise ValueError("there is no '<!-- settings -->' line before a '<!-- /settings -->' line")
    return _TABLE.sub(lambda _: settings_table(settings), text)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_settings(page.read_text(encoding="utf-8")), encoding="utf-8")
