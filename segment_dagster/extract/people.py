"""How keys and people are shown in events: masked, unless the preview is on."""

from collections.abc import Sequence
from typing import Any

from segment_dagster.config import Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.redaction.masks import mask, mask_key, mask_people


def shown_key(endpoint: Endpoint, columns: Sequence[str], values: Sequence[Any], preview: Preview) -> str:
    """Return a key that a check complains of, in a line, with its personal parts masked.

    Args:
        endpoint: Says which of its columns are personal.
        columns: The columns of the key.
        values: Their values.
        preview: Whether to mask.
    """
    if preview is not Preview.ON:
        values = mask_key(columns, values, frozenset(map(column_name, endpoint.personal)))
    return ", ".join(map(str, values))


def shown_person(value: str, preview: Preview) -> str:
    """Return a person's id or address, masked unless the preview is on."""
    return value if preview is Preview.ON else str(mask(value, distinct=True))


def shown_id(value: str, preview: Preview) -> str:
    """Return an id of any record, which may be somebody's address, masked unless the preview is on."""
    return value if preview is Preview.ON else str(mask_people(value, distinct=True))
