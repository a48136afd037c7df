"""Which workspace a token belongs to."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segment_dagster.endpoints import IDENTITY
from segment_dagster.errors import SegmentError

if TYPE_CHECKING:
    from segment_dagster.extract.extractor import Extractor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Workspace:
    """A Segment workspace, as the API names it."""

    id: str
    slug: str | None = None
    name: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Workspace":
        """Take the id, the slug and the name from a row of the endpoint `workspace`."""
        return cls(id=row["id"], slug=row.get("slug"), name=row.get("name"))


def fetch_workspace(extractor: "Extractor") -> Workspace:
    """Ask the API which workspace the token belongs to: one request, or none where it was read before.

    Raises:
        SegmentError: The API refuses the token or could not be read.
    """
    import pyarrow.parquet as pq

    extract = extractor.extract(IDENTITY)
    (row,) = (row for part in extract.parts for row in pq.read_table(part.path).to_pylist())
    return Workspace.from_row(row)


def identify(extractor: "Extractor") -> Workspace | None:
    """Ask for the workspace of a run's token before anything else is read.

    Returns:
        The workspace; `None`, with a warning in the log, where the endpoint failed: it fails alone, like any other.

    Raises:
        TokenError: The token is not valid, so that every other request would be refused as well.
    """
    # the client takes 0.3 s to import, and the assets name `Workspace`
    from segment_dagster.client.errors import TokenError

    try:
        return fetch_workspace(extractor)
    except TokenError:
        raise
    except SegmentError as error:
        logger.warning(
            "the workspace of the token is not known, so it was not compared with that of the dataset: %s", error
        )
        return None
