"""What a destination cannot hold."""

from collections.abc import Iterable

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.pipeline.place import TABLE_FORMAT, Place
from segment_dagster.source.reader import Failure


class RefusedError(SegmentError):
    """Rows of an endpoint cannot go where the others go.

    Args:
        endpoint: The endpoint.
        reason: Why, as a clause.
    """

    def __init__(self, endpoint: Endpoint, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{endpoint.name}: refused, because {reason}, or leave the asset out of the selection.")


def refused(place: Place, endpoints: Iterable[Endpoint]) -> list[Failure]:
    """The endpoints whose tables keep rows of earlier runs, where the destination has no way to merge into them."""
    if place.facts.merge is not None:
        return []
    reason = (
        "its table keeps rows of earlier runs, and to plain files dlt can only append: every run would leave its rows "
        f"once more. Set {TABLE_FORMAT} to delta or iceberg, or SEGMENT_DESTINATION to a database"
    )
    return [Failure(endpoint, RefusedError(endpoint, reason)) for endpoint in endpoints if endpoint.time is not None]
