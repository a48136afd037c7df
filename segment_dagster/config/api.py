"""Settings of reading a workspace."""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Annotated, Any
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from segment_dagster.config.budget_url import check_budget_url
from segment_dagster.config.choices import Layout, OnUnavailable, Preview, Region
from segment_dagster.config.clock import utc_now
from segment_dagster.config.dlt_runtime import DltSource
from segment_dagster.config.network import HOST, Network, resolve_network
from segment_dagster.config.series import SeriesSettings, check_domains, groups_of, series_domains
from segment_dagster.config.source import (
    MAX_VALUE,
    NotInEnvironment,
    PerName,
    Seconds,
    Variable,
    Whole,
    plain_text,
    refused,
    split,
)
from segment_dagster.errors import SettingError

MAX_PAGE_SIZE = 1000
"""The largest page that any endpoint allows, in rows."""

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Years that `SEGMENT_NOW` may be in."""

HOW_TO_MAKE_ONE = (
    "Make one in the Segment app under Settings > Workspace settings > Access Management > Tokens "
    "(a Public API token) and put it into SEGMENT_API_TOKEN"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class TokenMissingError(SettingError):
    """No token is set anywhere."""

    def __init__(self) -> None:
        super().__init__("SEGMENT_API_TOKEN", "is not set", f"{HOW_TO_MAKE_ONE}.")


class ApiSettings(SeriesSettings):
    """How to read a workspace, and what to keep of it.

    Raises:
        SettingError: A value cannot be used.
    """

    token: Annotated[str | None, Variable("SEGMENT_API_TOKEN"), BeforeValidator(plain_text)] = Field(
        default=None,
        repr=False,
        description="The Public API token. Where it is not set, dlt's `[sources.segment_source] api_key` is used, from "
        "`.dlt/secrets.toml` or `SOURCES__SEGMENT_SOURCE__API_KEY`.",
    )
    region: Region = Field(default=Region.US, description="The region of the workspace: `us` or `eu`.")
    base_url: str = Field(
        default=None,  # that of the region
        validate_default=True,
        description="Another address of the API. `http://` is accepted for this machine only.",
    )
    layout: Annotated[Layout, Variable("SEGMENT_API_LAYOUT")] = Field(
        default=Layout.PUBLIC,
        description="`public`: the live API. `versioned`: the `/v1/...` paths of [dltHub's Segment page](dlthub.md). "
        "Assets that this layout does not have, such as `spaces`, are skipped.",
    )
    concurrency: Annotated[Whole, Ge(1), Le(64)] = Field(
        default=16, description="Requests in flight at once, from 1 to 64."
    )
    page_size: Annotated[Whole, Ge(1), Le(MAX_PAGE_SIZE)] = Field(
        default=MAX_PAGE_SIZE, description=f"Rows in a page, from 1 to {MAX_PAGE_SIZE}."
    )
    requests_per_minute: Annotated[Whole, Ge(1), Le(1_000_000)] = Field(
        default=600,
        description="The most requests that the token makes in a minute. Segment states no limit for a token, but "
        "calls 600 lower than it.",
    )
    minute: Annotated[Seconds, Variable("SEGMENT_MINUTE_SECONDS")] = Field(
        default=60.0,
        description="Seconds of the minute that all rate limits count in. Make it shorter against the emulator only.",
    )
    budget_url: Annotated[str | None, BeforeValidator(check_budget_url)] = Field(
        default=None,
        repr=False,
        description="A server on which machines count the requests of a token together: `postgresql://...` or "
        "`redis://...`. Without it, the processes of each machine do. `file:///...` names another directory for that "
        "than the one in the temporary directory. See [Jobs](jobs.md#how-fast-it-reads).",
    )
    retry_seconds: Seconds = Field(
        default=300.0,
        description="Seconds for which a failing request is tried again, up to 3600. A 429 that says when to come back "
        "is no failure: the run waits for it, up to an hour in all.",
    )
    rate_limit_seconds: Annotated[Seconds, NotInEnvironment()] = Field(
        default=3600.0, description="Seconds that a request waits in all for a 429 that says when to come back."
    )
    request_max_attempts: Annotated[int | None, NotInEnvironment()] = Field(
        default=None,
        description="dlt's own setting. Where it is set, that many failures end a request, in place of "
        "`SEGMENT_RETRY_SECONDS`. A 429 that does not say when to come back gets three more.",
    )
    request_timeout: Annotated[float, NotInEnvironment()] = Field(
        default=60.0, description="dlt's own setting: seconds to wait for an answer."
    )
    request_backoff_factor: Annotated[float, NotInEnvironment()] = Field(
        default=1.0, description="dlt's own setting: seconds of the first wait between attempts."
    )
    request_max_retry_delay: Annotated[float, NotInEnvironment()] = Field(
        default=300.0, description="dlt's own setting: the longest wait between attempts, in seconds."
    )
    on_unavailable: OnUnavailable = Field(
        default=OnUnavailable.SKIP,
        description="What happens to an endpoint whose feature is not in the workspace's plan. `skip`: the asset is "
        "skipped and the run succeeds. `fail`: the asset fails.",
    )
    progress: Annotated[Seconds, Variable("SEGMENT_PROGRESS_SECONDS")] = Field(
        default=30.0,
        description="Seconds between two progress lines of an endpoint that takes one request per parent.",
    )
    slow_whole_seconds: Seconds = Field(
        default=600.0,
        description="An endpoint that takes longer at the documented rate is read in slices of parents: see "
        "[Jobs](jobs.md#what-takes-longer-than-ten-minutes).",
    )
    slow_max_minutes: Annotated[Whole, Ge(0), Le(10_080)] = Field(
        default=0,
        description="Minutes for which a run reads what takes long in slices of parents; the next run goes on where it "
        "ended. 0: until nothing is due.",
    )
    slow_max_age: Annotated[Whole, Ge(0), Le(365)] = Field(
        default=6,
        description="Days after which a parent of such an endpoint is read again, from 0 to 365, if its record has not "
        "changed before. 6: what a weekly run read in its first hours is due in the next one.",
    )
    full_every_days: Annotated[Whole, Ge(0), Le(365)] = Field(
        default=0,
        description="Days after which the children of an unchanged parent are read again, from 0 to 365; until then "
        "their rows are taken from the table. 0: they are read in every run. See "
        "[Jobs](jobs.md#read-only-what-has-changed).",
    )
    now: datetime = Field(
        default_factory=utc_now,
        description="The current time, in ISO 8601, of the years 2000 to 2100. Set it against the emulator only.",
    )
    group_by: Annotated[Mapping[str, tuple[str, ...]], PerName("GROUP_BY", names=series_domains)] = Field(
        default={}, description="What the time series of a domain are grouped by, separated by commas."
    )
    include_secrets: bool = Field(default=False, description="`true` loads write keys and secret settings as they are.")
    fingerprint_key: Annotated[str | None, BeforeValidator(plain_text)] = Field(
        default=None,
        repr=False,
        description="With it, a secret lands as `hmac:...` in place of `[redacted]`: the same secret, the same "
        "fingerprint.",
    )
    preview: Preview = Field(
        default=Preview.MASKED,
        description="The first rows on an asset's page: `off`, `masked` or `on`. See [Security](security.md).",
    )
    max_undeclared_columns: Annotated[Whole, Ge(0), Le(400)] = Field(
        default=100,
        description="Columns that undeclared fields may add to a table, from 0 to 400. The rest is in "
        "`undeclared_fields`.",
    )
    """At most 400: PostgreSQL keeps a row within 8 KB, in which a long value takes 18 bytes."""

    network: Annotated[Network, NotInEnvironment()] = Field(
        default=None,  # those of the environment for the address
        validate_default=True,
        repr=False,
        description="The proxy and the certificates in use.",
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from: after the environment, dlt's own settings."""
        return (*super().settings_customise_sources(settings_cls, *sources, **named), DltSource(settings_cls))

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: str | None) -> str | None:
        if token and (any(each.isspace() or not each.isprintable() for each in token) or not token.isascii()):
            raise refused(
                "holds a space, a line break or another character that no token has",
                "Set it to the token alone: letters, digits and punctuation, without quotes or a line break.",
            )
        return token or None

    @field_validator("base_url", mode="before")
    @classmethod
    def _check_base_url(cls, base_url: str | None, info: ValidationInfo) -> str:
        if base_url is None:
            # there is none where it was refused itself
            return Region(info.data.get("region", Region.US)).base_url
        return _checked_address(base_url)

    @field_validator("group_by", mode="before")
    @classmethod
    def _check_groups(cls, group_by: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        check_domains(group_by)
        chosen = {domain: tuple(split(values)) for domain, values in group_by.items()}
        for domain, values in chosen.items():
            legal = groups_of(domain)
            if unknown := [value for value in values if value not in legal]:
                remedy = f"Legal values, separated by commas: {', '.join(legal)}."
                raise refused(f"names {unknown[0]!r}", remedy, cls.variable("group_by", domain))
        return chosen

    @field_validator("now", mode="before")
    @classmethod
    def _check_now(cls, now: Any) -> Any:
        return _moment(now) if isinstance(now, str) else now

    @field_validator("network", mode="before")
    @classmethod
    def _resolve_network(cls, network: Network | None, info: ValidationInfo) -> Network:
        if network is not None or cls.checked_only:
            return network or Network()
        base_url = info.data.get("base_url")
        return resolve_network(base_url) if base_url else Network()


def _checked_address(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        # the port is read only when it is asked for
        whole = parts.scheme in ("http", "https") and bool(HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or any(character.isspace() for character in base_url):
        raise refused(
            "is no address with a scheme and a host", "Set it to a whole address such as https://api.segmentapis.com."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise refused("holds a user, a query or a fragment", "Set it to scheme, host, port and path alone.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise refused(
            "starts with http://, which would send the token in the clear",
            "Use https://; http:// is for this machine alone (127.0.0.1, localhost).",
        )
    return base_url.rstrip("/")


def _moment(text: str) -> datetime:
    remedy = f"Set it to a time of the years {FIRST_YEAR} to {LAST_YEAR}, such as 2026-03-01T12:00:00Z."
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment = moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise refused(f"is {text[:MAX_VALUE]!r}", remedy) from None
    # windows, months and partitions are counted from it
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise refused(f"is {text[:MAX_VALUE]!r}", remedy)
    return moment
