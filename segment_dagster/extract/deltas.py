"""From counts that grow through a month to what each day added."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any

Row = dict[str, Any]


def daily_deltas(
    snapshots: Iterable[Mapping[str, Any]],
    *,
    series: Sequence[str],
    period: str,
    moment: str,
    counts: Sequence[str],
) -> Iterator[Row]:
    """Return what each snapshot adds to the one before it.

    A month begins at nothing: the first snapshot of a month is taken whole. So the differences of a month, added up to
    any day, are that day's count, whatever was corrected and whichever days are missing.

    Args:
        snapshots: Rows in any order.
        series: Columns that tell one count from another, such as the source.
        period: The column of the month, a date.
        moment: The column of the snapshot's time, in UTC.
        counts: The columns that grow. Where one is null, so is its difference, and the next bridges it.

    Yields:
        The snapshots' rows with differences in place of the counts, and `days`: how many the differences are of.
        In order of series, month and time.
    """
    key = itemgetter(*series, period) if series else itemgetter(period)
    ordered = sorted(snapshots, key=lambda row: (*(str(row[name]) for name in series), row[period], row[moment]))
    before: dict[str, int] = {}
    day: date | None = None
    last: object = None
    for row in ordered:
        if key(row) != last:
            last, before, day = key(row), dict.fromkeys(counts, 0), None
        on = _day(row[moment])
        days = (on - day).days if day else (on - row[period]).days + 1
        added = {name: None if row[name] is None else row[name] - before[name] for name in counts}
        before |= {name: row[name] for name in counts if row[name] is not None}
        day = on
        yield {**row, **added, "days": days}


def _day(moment: datetime) -> date:
    return moment.date()
