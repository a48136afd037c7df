"""How keys and people are shown in events: masked, unless `SEGMENT_PREVIEW` is on."""

from collections.abc import Sequence
from typing import Any

from segment_dagster.config import preview_in_use
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.redaction.masks import mask, mask_key, mask_people


def shown_key(endpoint: Endpoint, columns: Sequence[str], values: Sequence[Any]) -> str:
    """A key that a check complains of, in a line, with its personal parts masked.

    Args:
        endpoint: Says which of its columns are personal.
        columns: The columns of the key.
        values: Their values.

    Raises:
        SettingError: `SEGMENT_PREVIEW` cannot be used.
    """
    if preview_in_use() != "on":
        values = mask_key(columns, values, frozenset(map(column_name, endpoint.personal)))
    return ", ".join(map(str, values))


def shown_person(value: str) -> str:
    """A person's id or address.

    Raises:
        SettingError: `SEGMENT_PREVIEW` cannot be used.
    """
    return value if preview_in_use() == "on" else str(mask(value, distinct=True))


def shown_id(value: str) -> str:
    """An id of any record, which may be somebody's address.

    Raises:
        SettingError: `SEGMENT_PREVIEW` cannot be used.
    """
    return value if preview_in_use() == "on" else str(mask_people(value, distinct=True))
