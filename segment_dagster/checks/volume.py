"""Check that daily counts are similar to those of earlier days."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.assets.metadata import OFFENDERS_DIGEST
from segment_dagster.assets.offenders import offenders_digest
from segment_dagster.checks.missing import no_table
from segment_dagster.checks.normal_range import Band, band_of
from segment_dagster.config import Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import within
from segment_dagster.extract.people import shown_key
from segment_dagster.extract.times import Window, midnight
from segment_dagster.text import pluralize

SHOWN = 20
"""Most days that a result shows."""

ALL = "all"
"""Name of the series that sums all others."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Outlier:
    """A day whose count is outside the normal range."""

    day: date
    series: str
    measure: str
    found: float
    band: Band

    def __str__(self) -> str:
        """Return the day, series, count and normal range as one line."""
        ordinary_range = f"{max(0, self.band.low):,.0f} to {self.band.high:,.0f}"
        return f"{self.day} {self.series}: {self.measure} {self.found:,.0f}, ordinary are {ordinary_range}"


class VolumeCheck:
    """Check that a day's counts, in total and per source or destination, are in the normal range of earlier days.

    Args:
        days: Days before a day that it is compared with.
        deviations: Robust deviations that it may be away from their median.
    """

    name = "volume"
    needs_table = True
    fails_run = False

    def __init__(self, days: int = 28, deviations: float = 5.0) -> None:
        self._days = days
        self._deviations = deviations

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the spec for endpoints whose rows are counts over time."""
        if not endpoint.measure:
            return None
        each = f", in all and for each {column_name(endpoint.measured_by)}" if endpoint.measured_by else ""
        summed = ", ".join(map(column_name, endpoint.measure))
        return dg.AssetCheckSpec(
            self.name,
            asset=key,
            description=f"The sums of {summed} of a day are like those before{each}.",
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Look for days outside the normal range, among the days of the last load or, without one, yesterday."""
        endpoint = context.endpoint
        if not context.tables.columns(endpoint.name):
            return no_table(self.name, context)
        days = list(_days(context))
        sums = _sums(context, days[0] - self._days * _DAY) if days else {}
        outliers = [
            outlier
            for measure in map(column_name, endpoint.measure)
            for series in sorted(sums.get(measure, ()))
            for outlier in self._outliers(series, measure, sums[measure], days)
        ]
        ordered = sorted(outliers, key=lambda each: (each.day, each.series))
        shown = [
            str(replace(outlier, series=_shown_series(endpoint, outlier.series, context.preview)))
            for outlier in ordered
        ]
        return dg.AssetCheckResult(
            passed=not outliers,
            severity=dg.AssetCheckSeverity.WARN,
            asset_key=context.key,
            check_name=self.name,
            description=_describe(shown, len(days)),
            metadata={
                "days": shown[:SHOWN],
                "outliers": len(shown),
                **({OFFENDERS_DIGEST: _digest(outliers)} if outliers else {}),
            },
        )

    def _outliers(
        self, series: str, measure: str, sums: Mapping[str, Mapping[date, float]], days: Sequence[date]
    ) -> Iterator[Outlier]:
        # a day without any rows was not loaded or lies in the future; one on which only other series have rows is a
        # zero
        own = sums[series]
        loaded = [day for day in sorted(sums[ALL]) if day >= min(own)]
        counts = [own.get(day, 0.0) for day in loaded]
        for index in range(bisect_left(loaded, days[0]), bisect_right(loaded, days[-1])):
            first = bisect_left(loaded, loaded[index] - self._days * _DAY)
            band = band_of(counts[first:index], self._deviations)
            if band and counts[index] not in band:
                yield Outlier(loaded[index], series, measure, counts[index], band)


def _digest(outliers: Sequence[Outlier]) -> dict[str, str]:
    # without the day: a source that sends too little for a week is the same one each day
    return {dg.AssetCheckSeverity.WARN.name: offenders_digest((each.series, each.measure) for each in outliers)}


def _shown_series(endpoint: Endpoint, series: str, preview: Preview) -> str:
    if series == ALL or endpoint.measured_by is None:
        return series
    return shown_key(endpoint, [column_name(endpoint.measured_by)], [series], preview)


def _describe(outliers: Sequence[str], days: int) -> str:
    if not outliers:
        return f"{pluralize(days, 'day')} looked at, nothing out of the ordinary."
    more = f"; {len(outliers) - 3:,} more" if len(outliers) > 3 else ""
    return f"Out of the ordinary: {'; '.join(outliers[:3])}{more}."


def _days(context: CheckContext) -> Iterator[date]:
    """Yield the complete days to check."""
    today = midnight(context.now)
    window = context.window or Window(today - _DAY, today)
    day, end = midnight(window.start), min(window.end or today, today)
    while day < end:
        yield day.date()
        day += _DAY


_Sums = Mapping[str, Mapping[str, Mapping[date, float]]]


def _sums(context: CheckContext, since: date) -> _Sums:
    """Return the sum per measure, series and loaded day; a day without rows of a series is absent."""
    endpoint = context.endpoint
    assert endpoint.timestamp is not None
    moment = column_name(endpoint.timestamp)
    by = [moment, *([column_name(endpoint.measured_by)] if endpoint.measured_by else [])]
    measures = [column_name(measure) for measure in endpoint.measure]
    start = datetime(since.year, since.month, since.day, tzinfo=timezone.utc)
    sums: dict[str, dict[str, dict[date, float]]] = {name: defaultdict(lambda: defaultdict(float)) for name in measures}
    for row in context.tables.sums(endpoint.name, measures, by, within(moment, Window(start))):
        day = _in_utc(row[0]).date()
        for name, found in zip(measures, row[len(by) :], strict=True):
            for series in {ALL, *([str(row[1])] if endpoint.measured_by else [])}:
                sums[name][series][day] += float(found or 0)
    return sums


def _in_utc(moment: Any) -> datetime:
    assert isinstance(moment, datetime)
    return moment.astimezone(timezone.utc)
