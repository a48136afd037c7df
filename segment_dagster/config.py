"""What a user can set about the API, checked before anything is asked of it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal
from urllib.parse import urlsplit

from segment_dagster.endpoints import CATALOGUE, TimeRange
from segment_dagster.errors import SettingError
from segment_dagster.network import check_network

Layout = Literal["public", "versioned"]
"""Which paths and bodies are spoken: the live Public API's, or the `/v1/...` ones of dltHub's Segment page."""

OnUnavailable = Literal["skip", "fail"]

Preview = Literal["off", "masked", "on"]
"""Whether the first rows of a table are shown on the asset's page, and whether personal data in them and in the keys
that checks show are masked."""

REGIONS: Mapping[str, str] = {"us": "https://api.segmentapis.com", "eu": "https://eu1.api.segmentapis.com"}
"""Base URL of each region. `us`: the official Python SDK 73.2.0; `eu`: the official TypeScript SDK 66.0.0."""

LAYOUTS: tuple[Layout, ...] = ("public", "versioned")
PREVIEWS: tuple[Preview, ...] = ("off", "masked", "on")
ON_UNAVAILABLE: tuple[OnUnavailable, ...] = ("skip", "fail")
GRANULARITIES = ("DAY", "HOUR", "MINUTE")
MAX_PAGE_SIZE = 1000
"""The largest page that any endpoint allows, in rows."""

LOCK_TIMEOUT = 600.0
"""Seconds that a run waits for a destination that another process holds."""

MAX_UNDECLARED_COLUMNS = 400
"""PostgreSQL keeps a row within 8 KB, in which a long value takes 18 bytes."""
FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Years that `SEGMENT_NOW` may be in."""

MAX_CONCURRENCY = 64
MAX_REQUESTS_PER_MINUTE = 1_000_000
"""So many that it is no limit."""

HOW_TO_MAKE_ONE = (
    "Make one in the Segment app under Settings > Workspace settings > Access Management > Tokens "
    "(a Public API token) and put it into SEGMENT_API_TOKEN"
)
_HOST = re.compile(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?|[0-9a-f:]*:[0-9a-f:.]*")
_DECIMAL = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Checked settings of one run. `resolve` makes them."""

    token: str = field(repr=False)
    base_url: str
    layout: Layout = "public"
    concurrency: int = 16
    """Requests under way at once, at most."""

    page_size: int = MAX_PAGE_SIZE
    """Rows asked for in a page, at most; an endpoint with a smaller maximum gets that."""

    requests_per_minute: int = 600
    """Requests of the token a minute, at most. Segment states no default limit, but calls 600 lower than it."""

    minute: float = 60.0
    """Seconds of the minute that all limits are counted in. Another one is for an emulator alone."""

    retry_seconds: float = 300.0
    """How long a request is tried again while failure follows failure."""

    rate_limit_seconds: float = 3600.0
    """How long a request waits in all where a 429 says when to come back."""

    attempts: int | None = None
    """How many failures end a request, where dlt's own setting says so: no time does then."""

    on_unavailable: OnUnavailable = "skip"
    """What becomes of an endpoint whose feature the workspace's plan lacks."""

    progress: float = 30.0
    """Seconds between two log lines of a fan-out."""

    granularity: Mapping[str, str] = field(default_factory=dict)
    """By domain, the granularity that its time series are asked for in; where it is not set, that of the row."""

    group_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By domain, what its time series are told apart by; where it is not set, everything that the row names."""

    now: datetime | None = None
    """The present, in UTC, where it is another than the clock's. That is for an emulator alone."""

    include_secrets: bool = False
    """Whether write keys and secret settings land as they are."""

    history: bool = False
    """Whether every version of configuration is kept, in a table beside each endpoint's own."""

    always_load: bool = False
    """Whether rows are loaded that the table holds already."""

    max_undeclared_columns: int = 100
    """Columns that fields which the catalogue does not declare may make in one table."""

    fingerprint_key: str | None = field(default=None, repr=False)
    """Key of the HMAC that stands for a secret; without it `[redacted]` does."""


@dataclass(frozen=True, kw_only=True)
class VolumeCheckConfig:
    """What the check `volume` takes for ordinary. `ordinary` makes it."""

    days: int = 28
    """Days before a day that it is compared with."""

    deviations: float = 5.0
    """Robust deviations that it may be away from their median."""


@dataclass(frozen=True, kw_only=True)
class SecretSettings:
    """What becomes of secrets. `secrets_in_use` makes it."""

    include_secrets: bool = False
    """Whether they stay as they are."""

    fingerprint_key: str | None = field(default=None, repr=False)
    """Key of the HMAC that stands for a secret; without it `[redacted]` does."""


class TokenMissingError(SettingError):
    """No token is set anywhere."""

    def __init__(self) -> None:
        super().__init__("SEGMENT_API_TOKEN", "is not set", f"{HOW_TO_MAKE_ONE}.")


def resolve(
    *,
    token: str | None = None,
    region: str | None = None,
    base_url: str | None = None,
    layout: str | None = None,
    concurrency: int | None = None,
    page_size: int | None = None,
    requests_per_minute: int | None = None,
    on_unavailable: str | None = None,
    include_secrets: bool | None = None,
    history: bool | None = None,
) -> Settings:
    """Settle every setting: an argument first, then the environment, then the default.

    The token is looked for in `SEGMENT_API_TOKEN` and then in dlt's `[sources.segment_source] api_key`.

    Raises:
        SettingError: A setting is missing or has a value that cannot be used.
    """
    check_runtime()
    address = _base_url(_text(base_url, "SEGMENT_BASE_URL"), _text(region, "SEGMENT_REGION"))
    check_network(address)
    return Settings(
        token=_token(token),
        base_url=address,
        layout=layout_in_use(layout),
        concurrency=_whole_number(concurrency, "SEGMENT_CONCURRENCY", Settings.concurrency, MAX_CONCURRENCY),
        page_size=_whole_number(page_size, "SEGMENT_PAGE_SIZE", Settings.page_size, MAX_PAGE_SIZE),
        requests_per_minute=_whole_number(
            requests_per_minute,
            "SEGMENT_REQUESTS_PER_MINUTE",
            Settings.requests_per_minute,
            MAX_REQUESTS_PER_MINUTE,
        ),
        minute=_seconds("SEGMENT_MINUTE_SECONDS", Settings.minute),
        retry_seconds=_seconds("SEGMENT_RETRY_SECONDS", Settings.retry_seconds),
        attempts=_attempts(),
        on_unavailable=_on_unavailable(_text(on_unavailable, "SEGMENT_ON_UNAVAILABLE")),
        progress=_seconds("SEGMENT_PROGRESS_SECONDS", Settings.progress),
        granularity=granularities(),
        group_by=groups(),
        now=present(),
        include_secrets=_boolean(include_secrets, "SEGMENT_INCLUDE_SECRETS", Settings.include_secrets),
        history=history_in_use(history),
        always_load=always_load(),
        max_undeclared_columns=max_undeclared_columns(),
        fingerprint_key=os.environ.get("SEGMENT_FINGERPRINT_KEY") or None,
    )


def layout_in_use(layout: str | None = None) -> Layout:
    """The layout alone: an argument first, then the environment, then the default.

    Raises:
        SettingError: It is no layout.
    """
    return _layout(_text(layout, "SEGMENT_API_LAYOUT"))


def volume_check_config() -> VolumeCheckConfig:
    """The settings of the check `volume`: the environment, then the default.

    Raises:
        SettingError: One of them cannot be used.
    """
    setting = "SEGMENT_VOLUME_CHECK_DEVIATIONS"
    text = os.environ.get(setting) or str(VolumeCheckConfig.deviations)
    if not _DECIMAL.fullmatch(text) or not 0 < float(text) <= 1000:
        raise SettingError(setting, f"is {text!r}", "Legal values: a number of more than 0 and up to 1000.")
    days = whole_number("SEGMENT_VOLUME_CHECK_DAYS", VolumeCheckConfig.days, 365)
    return VolumeCheckConfig(days=days, deviations=float(text))


def present() -> datetime | None:
    """The time that `SEGMENT_NOW` sets, in UTC; `None` where the clock's counts.

    Raises:
        SettingError: It is no time.
    """
    text = os.environ.get("SEGMENT_NOW")
    if not text:
        return None
    remedy = f"Set it to a time of the years {FIRST_YEAR} to {LAST_YEAR}, such as 2026-03-01T12:00:00Z."
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment = moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise SettingError("SEGMENT_NOW", f"is {text[:80]!r}", remedy) from None
    # windows, months and partitions are counted from it
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise SettingError("SEGMENT_NOW", f"is {text[:80]!r}", remedy)
    return moment


def current_time() -> datetime:
    """The present, in UTC: what `SEGMENT_NOW` sets, or the clock's.

    Raises:
        SettingError: `SEGMENT_NOW` is no time.
    """
    return present() or datetime.now(timezone.utc)


def history_in_use(history: bool | None = None) -> bool:
    """Whether history is kept: an argument first, then the environment, then the default.

    Raises:
        SettingError: `SEGMENT_HISTORY` is neither true nor false.
    """
    return _boolean(history, "SEGMENT_HISTORY", Settings.history)


def secrets_in_use(include_secrets: bool | None = None) -> SecretSettings:
    """What becomes of secrets: an argument first, then the environment, then the default.

    Raises:
        SettingError: `SEGMENT_INCLUDE_SECRETS` is neither true nor false.
    """
    return SecretSettings(
        include_secrets=_boolean(include_secrets, "SEGMENT_INCLUDE_SECRETS", SecretSettings.include_secrets),
        fingerprint_key=os.environ.get("SEGMENT_FINGERPRINT_KEY") or None,
    )


def preview_in_use() -> Preview:
    """How previews are shown: the environment, then `masked`.

    Raises:
        SettingError: `SEGMENT_PREVIEW` is none of the three.
    """
    value = os.environ.get("SEGMENT_PREVIEW") or "masked"
    for preview in PREVIEWS:
        if value.lower() == preview:
            return preview
    raise SettingError("SEGMENT_PREVIEW", f"is {value!r}", f"Legal values: {_list(PREVIEWS)}.")


def always_load() -> bool:
    """Whether rows are loaded that the table holds already: the environment, then the default.

    Raises:
        SettingError: `SEGMENT_ALWAYS_LOAD` is neither true nor false.
    """
    return _boolean(None, "SEGMENT_ALWAYS_LOAD", Settings.always_load)


def max_undeclared_columns() -> int:
    """Columns that undeclared fields may make in one table: the environment, then the default.

    Raises:
        SettingError: `SEGMENT_MAX_UNDECLARED_COLUMNS` cannot be used.
    """
    default = Settings.max_undeclared_columns
    return _whole_number(None, "SEGMENT_MAX_UNDECLARED_COLUMNS", default, MAX_UNDECLARED_COLUMNS, minimum=0)


def lock_timeout() -> float:
    """Seconds to wait for a destination that another process holds: the environment, then the default.

    Raises:
        SettingError: `SEGMENT_LOCK_TIMEOUT` cannot be used.
    """
    return _seconds("SEGMENT_LOCK_TIMEOUT", LOCK_TIMEOUT)


def check_runtime() -> None:
    """Check dlt's own settings of requests, which dlt takes as they come.

    Raises:
        SettingError: One of them cannot be used.
    """
    from dlt.common.configuration import resolve_configuration
    from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
    from dlt.common.configuration.providers.toml import TomlProviderReadException
    from dlt.common.configuration.specs import RuntimeConfiguration
    from dlt.common.exceptions import MissingDependencyException

    try:
        runtime = resolve_configuration(RuntimeConfiguration())
    except TomlProviderReadException as error:
        # its message, and that of its cause, may repeat a line of the file
        raise SettingError(f"dlt's {error.file_name}", "is no TOML", f"Mend {' or '.join(error.full_paths)}.") from None
    except ConfigValueCannotBeCoercedException as error:
        setting = f"RUNTIME__{error.field_name.upper()}"
        wanted = getattr(error.hint, "__name__", str(error.hint))
        raise SettingError(setting, "has a value of the wrong type", f"Set it to a {wanted}.") from None
    except MissingDependencyException:
        problem = "is set, and the package sentry-sdk is not installed"
        raise SettingError("RUNTIME__SENTRY_DSN", problem, "Unset it, or install sentry-sdk.") from None
    except ValueError:
        # dlt sets up its log when its settings are first looked at
        remedy = "Legal values: a level such as WARNING, and JSON or a format with {message}."
        raise SettingError("RUNTIME__LOG_LEVEL or RUNTIME__LOG_FORMAT", "cannot be used", remedy) from None
    least = {
        "request_max_attempts": 1,
        "request_timeout": 0.001,
        "request_backoff_factor": 0,
        "request_max_retry_delay": 0,
    }
    for name, minimum in least.items():
        if not getattr(runtime, name) >= minimum:
            setting, value = f"RUNTIME__{name.upper()}", getattr(runtime, name)
            raise SettingError(setting, f"is {value}", f"Legal values: {minimum} and more.")


def _attempts() -> int | None:
    """Return how often to try where that is set, and not what dlt takes where it is not."""
    import dlt

    found = (
        provider.get_value("request_max_attempts", int, None, "runtime")[0] for provider in dlt.config.config_providers
    )
    written = next((value for value in found if value is not None), None)
    # `check_runtime` has seen that it is a whole number
    return None if written is None else int(written)


def _text(value: str | None, setting: str) -> str | None:
    return value if value is not None else os.environ.get(setting) or None


def _token(value: str | None) -> str:
    token = _text(value, "SEGMENT_API_TOKEN") or _token_of_dlt()
    if not token:
        raise TokenMissingError
    if any(character.isspace() or not character.isprintable() for character in token) or not token.isascii():
        raise SettingError(
            "SEGMENT_API_TOKEN",
            "holds a space, a line break or another character that no token has",
            "Set it to the token alone: letters, digits and punctuation, without quotes or a line break.",
        )
    return token


def _token_of_dlt() -> str | None:
    # dlt reads its files on first use: nothing is read when this module is imported
    import dlt

    # not by `dlt.secrets.get`: dlt keeps what it has given out, with its value, in the trace of the next run
    found = (
        provider.get_value("api_key", str, None, "sources", "segment_source")[0]
        for provider in dlt.secrets.config_providers
    )
    return next((str(token) for token in found if token), None)


def _base_url(base_url: str | None, region: str | None) -> str:
    if region is not None and region not in REGIONS:
        raise SettingError("SEGMENT_REGION", f"is {region!r}, which is no region", f"Legal values: {_list(REGIONS)}.")
    if base_url is None:
        return REGIONS[region or "us"]
    try:
        parts = urlsplit(base_url)
        # the port is read only when it is asked for
        whole = parts.scheme in ("http", "https") and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or any(character.isspace() for character in base_url):
        raise SettingError(
            "SEGMENT_BASE_URL",
            "is no address with a scheme and a host",
            "Set it to a whole address such as https://api.segmentapis.com.",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingError(
            "SEGMENT_BASE_URL", "holds a user, a query or a fragment", "Set it to scheme, host, port and path alone."
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise SettingError(
            "SEGMENT_BASE_URL",
            "starts with http://, which would send the token in the clear",
            "Use https://; http:// is for this machine alone (127.0.0.1, localhost).",
        )
    return base_url.rstrip("/")


def _layout(value: str | None) -> Layout:
    for layout in LAYOUTS:
        if value in (None, layout):
            return layout
    raise SettingError("SEGMENT_API_LAYOUT", f"is {value!r}, which is no layout", f"Legal values: {_list(LAYOUTS)}.")


def _on_unavailable(value: str | None) -> OnUnavailable:
    for choice in ON_UNAVAILABLE:
        if value in (None, choice):
            return choice
    raise SettingError("SEGMENT_ON_UNAVAILABLE", f"is {value!r}", f"Legal values: {_list(ON_UNAVAILABLE)}.")


def granularities() -> dict[str, str]:
    """By domain, the granularity that is set for its time series: `SEGMENT_VOLUME_GRANULARITY` and so on.

    Raises:
        SettingError: It is none.
    """
    chosen = {}
    for domain, setting in _series("GRANULARITY"):
        if value := os.environ.get(setting):
            if value not in GRANULARITIES:
                raise SettingError(setting, f"is {value!r}", f"Legal values: {_list(GRANULARITIES)}.")
            chosen[domain] = value
    return chosen


def groups() -> dict[str, tuple[str, ...]]:
    """By domain, what its time series are told apart by where that is set: `SEGMENT_VOLUME_GROUP_BY` and so on.

    Raises:
        SettingError: The API cannot tell them apart by it.
    """
    chosen = {}
    for domain, setting in _series("GROUP_BY"):
        if (written := os.environ.get(setting)) is None:
            continue
        values = tuple(value.strip() for value in written.split(",") if value.strip())
        legal = _groups_of(domain)
        if unknown := [value for value in values if value not in legal]:
            raise SettingError(setting, f"names {unknown[0]!r}", f"Legal values, separated by commas: {_list(legal)}.")
        chosen[domain] = values
    return chosen


def _series(what: str) -> list[tuple[str, str]]:
    """The domains that have time series of a granularity, each with its setting: `SEGMENT_VOLUME_GRANULARITY`."""
    rows = [row for row in CATALOGUE if isinstance(row.time, TimeRange) and row.time.granularity]
    return [(domain, f"SEGMENT_{domain.upper()}_{what}") for domain in dict.fromkeys(row.domain for row in rows)]


def _groups_of(domain: str) -> tuple[str, ...]:
    grouped = [each for row in CATALOGUE if row.domain == domain for each in row.parameters if each.name == "groupBy"]
    return tuple(dict.fromkeys(value for parameter in grouped for value in parameter.values))


def _seconds(setting: str, default: float) -> float:
    text = os.environ.get(setting)
    if not text:
        return default
    if not _DECIMAL.fullmatch(text) or not 0 < float(text) <= 3600:
        raise SettingError(setting, f"is {text!r}", "Legal values: seconds, more than 0 and up to 3600.")
    return float(text)


def whole_number(setting: str, default: int, maximum: int) -> int:
    """A setting that is a whole number from 1 on.

    Raises:
        SettingError: It is none, or more than the maximum.
    """
    return _whole_number(None, setting, default, maximum)


def _whole_number(value: int | None, setting: str, default: int, maximum: int, minimum: int = 1) -> int:
    written = value if value is not None else os.environ.get(setting) or default
    text = str(written)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else minimum - 1
    if not minimum <= number <= maximum:
        raise SettingError(setting, f"is {text!r}", f"Legal values: a whole number from {minimum} to {maximum}.")
    return number


def _boolean(value: bool | None, setting: str, default: bool) -> bool:
    if value is not None:
        return value
    written = os.environ.get(setting)
    if not written:
        return default
    if written.lower() not in _BOOLEANS:
        raise SettingError(setting, f"is {written!r}", "Legal values: true, false.")
    return _BOOLEANS[written.lower()]


def _list(values: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(values)
