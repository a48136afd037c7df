"""Endpoints that a destination does not support."""

from collections.abc import Sequence

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.failures import Failure
from segment_dagster.load.destination import TABLE_FORMAT, Destination


class UnsupportedError(SegmentError):
    """The destination does not support an endpoint's table.

    Args:
        endpoint: The endpoint.
        reason: The reason, as a clause.
    """

    def __init__(self, endpoint: Endpoint, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{endpoint.name}: refused, because {reason}, or leave the asset out of the selection.")


def check_history(destination: Destination, *, history: bool) -> None:
    """Refuse a history in a destination that keeps none.

    Raises:
        SettingError: A history is wanted, and the destination is files.
    """
    if history and not destination.capabilities.keeps_history:
        remedy = "Unset it, or set SEGMENT_DESTINATION to a destination that is no files."
        raise SettingError("SEGMENT_HISTORY", "is set, and dlt keeps no versions of rows in files", remedy)


def split_supported(destination: Destination, endpoints: Sequence[Endpoint]) -> tuple[list[Endpoint], list[Failure]]:
    """Split endpoints into those that the destination supports and those whose rows it cannot merge.

    Returns:
        The supported endpoints, and a failure for each of the others: their tables keep rows of earlier runs.
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
