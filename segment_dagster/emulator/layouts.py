"""Body layouts: public and versioned."""

from collections.abc import Sequence
from typing import Any

from segment_dagster.emulator.endpoint_rules import FORWARD_ONLY, OFFSET_CURSORS
from segment_dagster.emulator.paging import Page
from segment_dagster.endpoints import Endpoint

CURSOR_PLACES = ("page.next", "next", "pagination.next", "data.pagination.next")
"""Paths where the versioned layout may put the cursor of the next page."""


def set_path(body: dict[str, Any], place: Sequence[str], value: object) -> None:
    """Set a value in a body at the path `place`. An object is merged into an existing one."""
    *keys, last = place
    holder = body
    for key in keys:
        holder = holder.setdefault(key, {})
    # merge into a copy: a record that is the whole `data` must not gain the extra keys
    holder[last] = holder.get(last, {}) | value if isinstance(value, dict) else value


def paginate_public(body: dict[str, Any], row: Endpoint, page: Page) -> None:
    """Add the pagination object of the public layout to a body.

    On the last page, `next` is absent if it is the only page, else null: the API may do either.
    """
    pagination: dict[str, Any] = {"current": page.current, "totalEntries": page.total}
    if row.name in OFFSET_CURSORS:
        pagination |= {"next": page.next} if page.next is not None else {}
    elif page.next is not None or page.previous is not None:
        pagination |= {"next": page.next, "previous": page.previous}
    if row.name in FORWARD_ONLY:
        pagination.pop("previous", None)
    set_path(body, row.paging.answer, pagination)


def paginate_versioned(body: dict[str, Any], page: Page, place: str) -> None:
    """Add the cursor of the next page to a body of the versioned layout.

    Args:
        body: The body.
        page: The page.
        place: Dotted path of the cursor. If `data` is a list and cannot hold it, `page.next` is used.
    """
    top, *_ = place.split(".")
    set_path(body, place.split(".") if isinstance(body.get(top, {}), dict) else ("page", "next"), page.next or "")
