"""The table of settings in the documentation: `python -m tools.settings_table docs/settings.md`.

Defaults and bounds come from the code. What a setting does is written here, once, for people.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segment_dagster.assets.specs import DEFAULT_OWNERS
from segment_dagster.automation.partitions import DEFAULT_START
from segment_dagster.automation.schedules import CLOSE_DAYS, DEFAULT_TIMEZONE, REREAD_DAYS
from segment_dagster.automation.sensor import INTERVAL
from segment_dagster.config import (
    LOCK_TIMEOUT,
    MAX_CONCURRENCY,
    MAX_PAGE_SIZE,
    MAX_UNDECLARED_COLUMNS,
    OnUnavailable,
    Preview,
    Settings,
    VolumeCheckConfig,
)
from segment_dagster.load import DATASET

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)
_SKIP: OnUnavailable = "skip"
_MASKED: Preview = "masked"


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    names: tuple[str, ...]
    """Names of environment variables that do the same for different things."""

    default: str
    """As the table shows it: code in backticks, or words."""

    effect: str
    """What it does, and which values are legal."""


def _of(name: str, default: object, effect: str) -> Setting:
    shown = str(int(default)) if isinstance(default, float) and default.is_integer() else str(default)
    return Setting((name,), f"`{shown}`" if shown else "", effect)


SETTINGS: tuple[Setting, ...] = (
    _of(
        "SEGMENT_API_TOKEN",
        "",
        "The Public API token. Where it is not set, dlt's `[sources.segment_source] api_key` is used, from "
        "`.dlt/secrets.toml` or `SOURCES__SEGMENT_SOURCE__API_KEY`.",
    ),
    _of("SEGMENT_REGION", "us", "The region of the workspace: `us` or `eu`."),
    Setting(
        ("SEGMENT_BASE_URL",),
        "the region's",
        "Another address of the API. `http://` is accepted for this machine only.",
    ),
    _of(
        "SEGMENT_API_LAYOUT",
        Settings.layout,
        "`public`: the live API. `versioned`: the `/v1/...` paths of [dltHub's Segment page](dlthub.md). Assets that "
        "this layout does not have, such as `spaces`, are skipped.",
    ),
    _of("SEGMENT_DESTINATION", "duckdb", "dlt's name of the destination. See [Destinations](destinations.md)."),
    _of("SEGMENT_TABLE_FORMAT", "", "`delta` or `iceberg`, for the destination `filesystem`."),
    _of(
        "SEGMENT_DATASET",
        DATASET,
        "The schema that holds the tables. It belongs to one workspace: see "
        "[below](#one-dataset-belongs-to-one-workspace). Names that end in `_staging` are refused.",
    ),
    Setting(
        ("DESTINATION__DUCKDB__CREDENTIALS",),
        "`segment.duckdb` in the working directory",
        "dlt's own setting: another DuckDB file.",
    ),
    _of("SEGMENT_CONCURRENCY", Settings.concurrency, f"Requests in flight at once, from 1 to {MAX_CONCURRENCY}."),
    _of(
        "SEGMENT_REQUESTS_PER_MINUTE",
        Settings.requests_per_minute,
        "The most requests that the token makes in a minute. Segment states no limit for a token, but calls 600 lower "
        "than it.",
    ),
    _of(
        "SEGMENT_ON_UNAVAILABLE",
        _SKIP,
        "What happens to an endpoint whose feature is not in the workspace's plan. `skip`: the asset is skipped and "
        "the run succeeds. `fail`: the asset fails.",
    ),
    _of("SEGMENT_SLOW", "", "Names of endpoints, separated by commas, that `segment_slow_sync` reads besides its own."),
    _of(
        "SEGMENT_PROGRESS_SECONDS",
        Settings.progress,
        "Seconds between two progress lines of an endpoint that takes one request per parent.",
    ),
    _of(
        "SEGMENT_MINUTE_SECONDS",
        Settings.minute,
        "Seconds of the minute that all rate limits count in. Make it shorter against the emulator only.",
    ),
    Setting(
        ("SEGMENT_NOW",),
        "the clock's",
        "The current time, in ISO 8601, of the years 2000 to 2100. Set it against the emulator only.",
    ),
    _of("SEGMENT_PARTITIONS_START", DEFAULT_START, "The first day of the daily partitions, and the first month."),
    Setting(
        ("SEGMENT_VOLUME_GRANULARITY", "SEGMENT_DELIVERY_GRANULARITY"),
        "`DAY`",
        "`DAY`, `HOUR` or `MINUTE`: the size of a time bucket.",
    ),
    Setting(
        ("SEGMENT_VOLUME_GROUP_BY",),
        "all",
        "`source`, `eventName`, `eventType`, separated by commas: what event volume is grouped by.",
    ),
    Setting(
        ("SEGMENT_DELIVERY_GROUP_BY",),
        "all",
        "`eventName`, `eventType`, `discardReason`, `appVersion`: the same for the delivery overviews.",
    ),
    _of(
        "SEGMENT_REREAD_DAYS",
        REREAD_DAYS,
        "Days of volume and delivery that each daily run reads, from 1 to 30.",
    ),
    _of(
        "SEGMENT_USAGE_CLOSE_DAYS",
        CLOSE_DAYS,
        "Days after the end of a month until its usage is closed, from 1 to 27.",
    ),
    _of(
        "SEGMENT_VOLUME_CHECK_DAYS",
        VolumeCheckConfig.days,
        "Days that the check `volume` compares a day with. It needs 14 of them.",
    ),
    _of(
        "SEGMENT_VOLUME_CHECK_DEVIATIONS",
        VolumeCheckConfig.deviations,
        "How many robust deviations from the median count as ordinary. A robust deviation is 1.4826 times the median "
        "deviation, and at least a tenth of the median.",
    ),
    _of(
        "SEGMENT_MAX_UNDECLARED_COLUMNS",
        Settings.max_undeclared_columns,
        f"Columns that undeclared fields may add to a table, from 0 to {MAX_UNDECLARED_COLUMNS}. The rest is in "
        "`undeclared_fields`.",
    ),
    Setting(
        ("SEGMENT_PAGE_SIZE",),
        "the endpoint's largest",
        f"Rows in a page, from 1 to {MAX_PAGE_SIZE}.",
    ),
    _of(
        "SEGMENT_INCLUDE_SECRETS",
        str(Settings.include_secrets).lower(),
        "`true` loads write keys and secret settings as they are.",
    ),
    _of(
        "SEGMENT_PREVIEW",
        _MASKED,
        "The first rows on an asset's page: `off`, `masked` or `on`. See [Security](security.md).",
    ),
    _of(
        "SEGMENT_HISTORY",
        str(Settings.history).lower(),
        "`true` keeps every version of configuration, and builds `segment/changes` from it. See [History](history.md).",
    ),
    _of(
        "SEGMENT_FINGERPRINT_KEY",
        "",
        "With it, a secret lands as `hmac:...` in place of `[redacted]`: the same secret, the same fingerprint.",
    ),
    _of("SEGMENT_SCHEDULE_CRON", "0 6 * * *", "When `segment_sync_daily` runs."),
    _of("SEGMENT_SLOW_SCHEDULE_CRON", "0 2 * * 0", "When `segment_slow_sync_weekly` runs."),
    _of("SEGMENT_SCHEDULE_TIMEZONE", DEFAULT_TIMEZONE, "The time zone of these two."),
    Setting(
        (
            "SEGMENT_AUDIT_SCHEDULE_CRON",
            "SEGMENT_USAGE_SCHEDULE_CRON",
            "SEGMENT_VOLUME_SCHEDULE_CRON",
            "SEGMENT_DELIVERY_SCHEDULE_CRON",
            "SEGMENT_DELIVERY_METRICS_SCHEDULE_CRON",
        ),
        "see [Jobs](jobs.md)",
        "When the other schedules run, in UTC.",
    ),
    _of(
        "SEGMENT_AUDIT_SENSOR_SECONDS",
        INTERVAL,
        "The least number of seconds between two looks of `segment_audit_sensor`.",
    ),
    _of("SEGMENT_ALWAYS_LOAD", str(Settings.always_load).lower(), "`true` loads rows that the table holds already."),
    _of(
        "SEGMENT_LOCK_TIMEOUT",
        LOCK_TIMEOUT,
        "Seconds to wait for a DuckDB file that another process holds, and for each lock in PostgreSQL (its "
        "`lock_timeout`).",
    ),
    _of(
        "SEGMENT_OWNERS",
        DEFAULT_OWNERS,
        "Owners of the assets: e-mail addresses and `team:` names, separated by commas.",
    ),
    _of(
        "SEGMENT_RETRY_SECONDS",
        Settings.retry_seconds,
        "Seconds for which a failing request is tried again, up to 3600. A 429 that says when to come back is no "
        "failure: the run waits for it, up to an hour in all.",
    ),
    _of(
        "RUNTIME__REQUEST_MAX_ATTEMPTS",
        "",
        "dlt's own setting. Where it is set, that many failures end a request, in place of the seconds above. A 429 "
        "that does not say when to come back gets three more.",
    ),
    _of("RUNTIME__REQUEST_TIMEOUT", 60, "dlt's own setting: seconds to wait for an answer."),
    _of("RUNTIME__REQUEST_MAX_RETRY_DELAY", 300, "dlt's own setting: the longest wait between attempts, in seconds."),
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
