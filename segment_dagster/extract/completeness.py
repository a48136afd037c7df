"""Whether an extract is whole by the API's own count, and so are its children."""

from typing import TYPE_CHECKING

from segment_dagster.endpoints import Endpoint
from segment_dagster.text import pluralize

if TYPE_CHECKING:
    from segment_dagster.extract.result import Extract


def agrees(
    endpoint: Endpoint, rows: int, records: int | None, total_entries: int | None, repeated: int | None = None
) -> bool:
    """Return whether there are as many records as the API counts itself.

    Args:
        endpoint: Says what the API counts.
        rows: The rows that are there.
        records: The API's records that were delivered.
        total_entries: The API's own count; `None` where it gives none.
        repeated: How many of the records came again on a later page, as others were added before them meanwhile.
    """
    if total_entries is None:
        return True
    # rows that were made of a record's list, or that two answers hold, are not what the API counts
    compared = records if endpoint.exploded or endpoint.time else rows
    if compared is None:
        return True
    if endpoint.total_is_bound:
        return compared <= total_entries
    # the count may be that of the last page, or of the first, when what pushed the others was not there yet
    return total_entries in (compared, compared - (repeated or 0))


def wrong_total(extract: "Extract") -> str | None:
    """Return in what a delivery differs from the API's own count, as a clause; `None` where it does not."""
    if agrees(extract.endpoint, extract.rows, extract.records, extract.total_entries, extract.repeated):
        return None
    return f"delivered {pluralize(extract.records, 'record')} of {extract.total_entries:,}"


def parent_incomplete(parent: "Extract") -> str | None:
    """Return why a parent's children are not whole, as a clause; `None` where it came whole."""
    name = parent.endpoint.name
    reasons = []
    if wrong := wrong_total(parent):
        reasons.append(f"its parent {name} {wrong}")
    if parent.unstable:
        reasons.append(f"its parent {name} changed while being read")
    if parent.parent_incomplete:
        reasons.append(f"its parent {name} may lack rows: {parent.parent_incomplete}")
    return ", ".join(reasons) or None


def parent_doubtful(parent: "Extract") -> str | None:
    """Return why a parent's children may not be whole, as a clause; `None` where there is no doubt."""
    name = parent.endpoint.name
    reasons = []
    if parent.still_listed:
        lists = pluralize(parent.still_listed, "list")
        reasons.append(f"{lists} of its parent {name} answered 404 twice though still listed")
    if parent.parent_doubtful:
        reasons.append(f"its parent {name} may lack rows: {parent.parent_doubtful}")
    return ", ".join(reasons) or None
