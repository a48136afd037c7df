"""The settings that are one of a few words."""

from enum import Enum


class Choice(str, Enum):
    """A word that a setting may be. It reads as the text that a user writes."""

    def __str__(self) -> str:
        """Return the word."""
        return str(self.value)

    def __repr__(self) -> str:
        """Return the word in quotes."""
        return repr(self.value)


class Region(Choice):
    """The region that a workspace is in."""

    US = "us"
    EU = "eu"

    @property
    def base_url(self) -> str:
        """Address of the region's API. `us`: the official Python SDK 73.2.0; `eu`: the official TypeScript SDK 66.0.0.

        Both state it as the address of their servers.
        """
        return {Region.US: "https://api.segmentapis.com", Region.EU: "https://eu1.api.segmentapis.com"}[self]


class Layout(Choice):
    """Which paths and bodies the API has."""

    PUBLIC = "public"
    """Those of the live Public API."""

    VERSIONED = "versioned"
    """The `/v1/...` ones of dltHub's Segment page."""


class OnUnavailable(Choice):
    """What happens to an endpoint whose feature the workspace's plan lacks."""

    SKIP = "skip"
    FAIL = "fail"


class Preview(Choice):
    """Whether rows are shown in Dagster, and whether personal data in them and in keys is masked."""

    OFF = "off"
    MASKED = "masked"
    ON = "on"

    @classmethod
    def _missing_(cls, value: object) -> "Preview | None":
        """Accept capitals."""
        return next((each for each in cls if isinstance(value, str) and value.lower() == each.value), None)


class Granularity(Choice):
    """The size of a time series' buckets."""

    DAY = "DAY"
    HOUR = "HOUR"
    MINUTE = "MINUTE"
