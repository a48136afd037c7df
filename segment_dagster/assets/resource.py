"""The Dagster resource that stands for a Segment workspace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from segment_dagster.endpoints import CATALOGUE, IDENTITY, Endpoint
from segment_dagster.settings import Settings, resolve

if TYPE_CHECKING:
    from segment_dagster.source import WorkspaceReader


@dataclass(frozen=True)
class Workspace:
    """Whom a token belongs to."""

    id: str
    slug: str | None
    name: str | None


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

    include_secrets: bool | None = None
    """Whether write keys and secret settings land as they are; `SEGMENT_INCLUDE_SECRETS`."""

    def settings(self) -> Settings:
        """The checked settings.

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
            include_secrets=self.include_secrets,
        )

    def reader(self, catalogue: Sequence[Endpoint] = CATALOGUE) -> "WorkspaceReader":
        """A reader of the workspace, to be used as a context manager.

        Raises:
            SettingError: A setting is missing or cannot be used.
        """
        from segment_dagster.source import WorkspaceReader

        return WorkspaceReader(self.settings(), catalogue)

    def verify(self) -> Workspace:
        """Ask the API whom the token belongs to: one request.

        Raises:
            SegmentError: A setting cannot be used, or the API refuses the token.
        """
        with self.reader() as reader:
            (record,) = reader.read(IDENTITY).preview
            return Workspace(id=record["id"], slug=record.get("slug"), name=record.get("name"))
