"""The Dagster resource for a Segment workspace."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from segment_dagster.config import Settings, resolve
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.extract.identity import Workspace, fetch_workspace

if TYPE_CHECKING:
    from segment_dagster.extract import Extractor


class SegmentResource(dg.ConfigurableResource[Any]):
    """A Segment workspace. What is left out comes from the environment, when a run begins and not before.

    Give the token as `dg.EnvVar("...")`: the UI shows a value that is written into the code.
    """

    token: str | None = None
    """A Public API token; `SEGMENT_API_TOKEN`, then dlt's `[sources.segment_source] api_key`."""

    region: str | None = None
    """`us` or `eu`; `SEGMENT_REGION`."""

    base_url: str | None = None
    """Address of the API in place of the region's; `SEGMENT_BASE_URL`."""

    layout: str | None = None
    """`public` or `versioned`; `SEGMENT_API_LAYOUT`."""

    concurrency: int | None = None
    """Requests under way at once, at most; `SEGMENT_CONCURRENCY`."""

    page_size: int | None = None
    """Rows asked for in a page, at most; `SEGMENT_PAGE_SIZE`."""

    requests_per_minute: int | None = None
    """Requests of the token a minute, at most; `SEGMENT_REQUESTS_PER_MINUTE`."""

    on_unavailable: str | None = None
    """`skip` or `fail`, for endpoints whose feature the plan lacks; `SEGMENT_ON_UNAVAILABLE`."""

    include_secrets: bool | None = None
    """Whether write keys and secret settings land as they are; `SEGMENT_INCLUDE_SECRETS`."""

    _shared: "dict[tuple[Endpoint, ...], Extractor] | None" = PrivateAttr(default=None)

    def settings(self) -> Settings:
        """Return the validated settings.

        Raises:
            SettingError: A setting is missing or cannot be used.
        """
        return resolve(
            token=self.token,
            region=self.region,
            base_url=self.base_url,
            layout=self.layout,
            concurrency=self.concurrency,
            page_size=self.page_size,
            requests_per_minute=self.requests_per_minute,
            on_unavailable=self.on_unavailable,
            include_secrets=self.include_secrets,
        )

    def extractor(self, catalogue: Sequence[Endpoint] = TABLES) -> "Extractor":
        """Return an extractor for the workspace, for use as a context manager.

        Raises:
            SettingError: A setting is missing or cannot be used.
        """
        from segment_dagster.extract import Extractor

        return Extractor(self.settings(), catalogue)

    def shared_extractor(self, catalogue: Sequence[Endpoint] = TABLES) -> "Extractor":
        """Return the extractor that all ops of a process share, so that records are not read twice.

        There is one per catalogue.

        Raises:
            SettingError: A setting is missing or cannot be used.
        """
        shared, key = self._shared or {}, tuple(catalogue)
        if key not in shared:
            shared[key] = self.extractor(catalogue)
            self._shared = shared
        return shared[key]

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the extractors of the run."""
        for extractor in (self._shared or {}).values():
            extractor.close()

    def verify(self) -> Workspace:
        """Fetch the workspace that the token belongs to, with one request.

        Raises:
            SegmentError: A setting cannot be used, or the API refuses the token.
        """
        with self.extractor() as extractor:
            return fetch_workspace(extractor)
