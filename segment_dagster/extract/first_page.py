"""The first page of a list, before and after the others were read: whether rows moved from page to page meanwhile."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.records import records_of_rows


@dataclass(frozen=True)
class FirstPage:
    """The keys of the rows on a list's first page."""

    keys: tuple[int, ...]
    """A hash for each row, in the API's order. What changes by itself is no part of a key."""

    @classmethod
    def of(cls, endpoint: Endpoint, records: Sequence[dict[str, Any]], params: Mapping[str, str]) -> "FirstPage":
        """Take the keys from records as the API gave them.

        Args:
            endpoint: Says what the key is.
            records: The records of the page.
            params: The parameters of the list.

        Raises:
            GrainError: A record that stands for a list does not hold one.
        """
        rows = records_of_rows(endpoint, records, params)
        return cls(tuple(hash(repr([row.get(field) for field in endpoint.primary_key])) for row in rows))


def is_comparable(endpoint: Endpoint) -> bool:
    """Return whether a first page that differs tells of rows that moved.

    Series are left out: their rows come and never go. So are lists that Segment sorts by what changes by itself, whose
    pages differ all the time; `totalEntries` is an upper bound there.
    """
    return not (endpoint.partitioned or endpoint.total_is_bound)


def rows_moved(endpoint: Endpoint, before: FirstPage, after: FirstPage) -> bool:
    """Return whether rows may have moved from a page that was still to come to one that had come.

    Args:
        endpoint: Says whether the list is a log. What happens is added to a log, and pushes rows to later pages: that
            loses none.
        before: The page that was read first.
        after: The same page, requested again after the last one.
    """
    old, new = Counter(before.keys), Counter(after.keys)
    if not (endpoint.log or endpoint.incremental):
        return old != new
    added = sum((new - old).values())
    return new - (new - old) != Counter(before.keys[: len(before.keys) - added])
