"""What a destination cannot hold."""

from collections.abc import Sequence

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.failures import Failure
from segment_dagster.load.destination import TABLE_FORMAT, Destination


class UnsupportedError(SegmentError):
    """Rows of an endpoint cannot go where the others go.

    Args:
        endpoint: The endpoint.
        reason: Why, as a clause.
    """

    def __init__(self, endpoint: Endpoint, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{endpoint.name}: refused, because {reason}, or leave the asset out of the selection.")


def split_supported(destination: Destination, endpoints: Sequence[Endpoint]) -> tuple[list[Endpoint], list[Failure]]:
    """Tell the endpoints that a destination takes from those that it has no way to merge into their tables.

    Returns:
        Those that it takes, and a failure for each of the others: their tables keep rows of earlier runs.
    """
    if destination.capabilities.merge is not None:
        return list(endpoints), []
    reason = (
        "its table keeps rows of earlier runs, and to plain files dlt can only append: every run would leave its rows "
        f"once more. Set {TABLE_FORMAT} to delta or iceberg, or SEGMENT_DESTINATION to a database"
    )
    return (
        [endpoint for endpoint in endpoints if endpoint.time is None],
        [Failure(endpoint, UnsupportedError(endpoint, reason)) for endpoint in endpoints if endpoint.time is not None],
    )
