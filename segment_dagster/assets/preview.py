"""A few rows as Markdown, for the asset's page."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

MAX_CELL = 60
"""Characters of a cell; JSON columns can be long."""


def preview(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """A Markdown table.

    Args:
        rows: Records without secrets.
        fields: The columns to show, in order.
    """
    if not rows:
        return "*No rows.*"
    lines = [_line(fields), _line(["---"] * len(fields))]
    lines += [_line([_cell(row.get(field)) for field in fields]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    text = " ".join(text.split())
    if len(text) > MAX_CELL:
        text = f"{text[: MAX_CELL - 1]}…"
    # what Markdown would read as a cell's end, as code or as markup
    for mark in "\\`*_<>[]|":
        text = text.replace(mark, f"\\{mark}")
    return text
