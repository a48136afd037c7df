"""Numbers, days and names as people read them: three significant digits, names instead of ids."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from segment_dagster.foreign_text import foreign_text

Kind = Literal["text", "state", "count", "share", "change", "points", "day", "days"]
"""What the values of a column are: `change` a relative one, `points` a difference of shares, `days` a series by day."""

NONE = "–"  # noqa: RUF001 - a dash
MAX_NAME, MAX_SENTENCE = 60, 200
"""Most characters of a name, and of several in a row, such as reasons; the API's may be longer."""

_BLOCKS = "▁▂▃▄▅▆▇█"
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def short(number: float) -> str:
    """Return a number with three significant digits: `950`, `12.3k`, `8.73B`."""
    rounded = float(f"{number:.3g}")
    for size, unit in _UNITS:
        if abs(rounded) >= size:
            return f"{rounded / size:.3g}{unit}"
    return f"{rounded:.3g}"


def share(part: float) -> str:
    """Return a share in percent. What is neither none nor all is not rounded to it."""
    if 0 < part < 0.0001:
        return "<0.01%"
    if 0.999 < part < 1:
        return ">99.9%"
    return f"{part:.{2 if 0 < part < 0.01 else 1 if part < 10 else 0}%}"


def signed(number: float, digits: int) -> str:
    """Return a number with its sign and a real minus."""
    return f"{number:+,.{digits}f}".replace("-", "−")  # noqa: RUF001 - the minus sign


def shown(value: Any, kind: Kind) -> str:
    """Return a value of a column as text. A text is taken as it is: see `name`."""
    if value is None:
        return NONE
    if kind == "count":
        return short(value)
    if kind == "share":
        return share(value)
    if kind == "change":
        return f"{signed(100 * value, 0)}%"
    if kind == "points":
        return f"{signed(100 * value, 1)} pp"
    if kind == "day":
        return f"{value.date() if isinstance(value, datetime) else value:%Y-%m-%d}"
    return str(value)


def name(value: Any, other: str = "unnamed") -> str:
    """Return a name that the API gave as one short, printable line.

    Args:
        value: The name.
        other: What stands for no name.
    """
    return foreign_text(value, MAX_NAME) if value else other


def sentence(value: Any, other: str) -> str:
    """Return a longer text as one printable line.

    Args:
        value: The text, in which the API's words are.
        other: What stands for no text.
    """
    return foreign_text(value, MAX_SENTENCE) if value else other


def distinct_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return names by id, numbered where several have the same: `Snowflake`, `Snowflake (2)`.

    Args:
        names: Names by id, in an order that stays.
    """
    used: dict[str, str] = {}
    for key, value in names.items():
        numbered, number = value, 1
        while numbered in used:
            number += 1
            numbered = f"{value} ({number})"
        used[numbered] = key
    return {key: numbered for numbered, key in used.items()}


def latest(days: Iterable[date | None]) -> date | None:
    """Return the latest of some days."""
    return max((day for day in days if day is not None), default=None)


def spark(values: Sequence[float | None]) -> str:
    """Return a series as blocks of different heights, and a dot where a value is missing."""
    most = max((value for value in values if value is not None), default=0) or 1
    return "".join("·" if value is None else _BLOCKS[round(value / most * (len(_BLOCKS) - 1))] for value in values)
