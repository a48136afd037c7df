"""The bodies of the two layouts."""

from collections.abc import Sequence
from typing import Any

from segment_dagster.emulator.paging import Page

CURSOR_PLACES = ("page.next", "next", "pagination.next", "data.pagination.next")
"""Places where the versioned layout may have the next page's cursor."""


def body(selector: Sequence[str], records: object) -> dict[str, Any]:
    """A body with the records at the end of the selector."""
    found: Any = records
    for key in reversed(selector):
        found = {key: found}
    return dict(found)


def paginate_public(whole: dict[str, Any], page: Page) -> None:
    """Add the pagination object of the public layout to a body.

    On the last page, `next` is absent if it is the only page and null if it is not: the API may do either.
    """
    pagination: dict[str, Any] = {"current": page.current, "totalEntries": page.total}
    if page.next or page.previous:
        pagination |= {"next": page.next, "previous": page.previous}
    whole["data"]["pagination"] = pagination


def paginate_versioned(whole: dict[str, Any], page: Page, place: str) -> None:
    """Add the next page's cursor to a body of the versioned layout.

    Args:
        whole: The body.
        page: The page.
        place: Dotted path of the cursor. Where `data` is a list and cannot hold it, `page.next` is used.
    """
    top, *_ = place.split(".")
    *keys, last = place.split(".") if isinstance(whole.get(top, {}), dict) else ("page", "next")
    holder = whole
    for key in keys:
        holder = holder.setdefault(key, {})
    holder[last] = page.next or ""
