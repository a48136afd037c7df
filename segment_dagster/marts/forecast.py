"""What a count that grows through a month comes to at its end, and how far off the same method was before.

What a day adds is taken for level x weekday x shape:

- The factor of a *weekday* is the median of what such days added to the mean of the week around them.
- The *shape* is of counts of users only, who count once a month: most are new in its first days. It is the median of
  the months before, each smoothed by windows that widen from a day to a week.
- The *level* is what came, to what weekday and shape expect: a mean over this month and those before, in which each day
  has a tenth less weight than the next. The highest and the lowest tenth are left out: peaks and holidays.

The forecast is what was counted, and what the days that are left are expected to add. Its range comes from the errors
that the same method made at the same day of months that are over, with nothing known of what came later.

Three months are enough to learn from, so that the method follows a workspace that changes. It knows of no holidays.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import fsum, sqrt
from statistics import fmean, median

TRAINING_MONTHS = 3
"""Months before the forecast's that it learns from."""

BACKTEST_MONTHS = 12
"""Most months on which the method is tested."""

DECAY = 0.9
"""Weight of a day in the level, to that of the next."""

TRIMMED = 0.1
"""Share of the weights that the level leaves out at either end."""

UNTESTED_RANGE = (0.5, 2.0)
"""Range of what is expected of the days that are left, where the method cannot be tested."""

# Student's t for 95 % by 1, 2, ... errors. As holidays are no normal distribution, `bench.forecast` finds 80 to 90 %.
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18)

_DAY = timedelta(days=1)
_WEEK, _LONGEST = 7, 31

Added = Mapping[date, float]
"""What each known day added."""


@dataclass(frozen=True)
class Forecast:
    """What a month comes to."""

    days_known: int
    """The last day of the month that is known; 0 if none is."""

    used: int
    """The count to that day."""

    forecast: int
    """The count at the month's end."""

    low: int
    high: int
    """Four of five counts are between both, if errors stay what they were."""

    past_error: float | None
    """Median of the errors at the same day of earlier months, each as a share of the month's count. `None` if there
    are none: the least are two whole months before this one, to learn from and to test on, and a day that is left."""


def added_by_day(counts: Mapping[date, int], first_known: date, last_known: date) -> dict[date, float]:
    """Return what each day of a month added, by snapshots that count from its beginning.

    Days without a snapshot get equal shares of what the next one added. Where a count is lower than one before it,
    the earlier one was corrected, and is taken for as low.

    Args:
        counts: Snapshots of a month by their day; at least one.
        first_known: The first day of the month on which this or a similar count has a snapshot. If it is earlier than
            the first of these, nothing was counted before them.
        last_known: The last such day. If it is later than the last of these, nothing came after them.
    """
    days = sorted(counts)
    corrected = list(accumulate((counts[day] for day in reversed(days)), min))[::-1]
    before, total = days[0].replace(day=1) - _DAY, 0
    added: dict[date, float] = {}
    if days[0] > first_known:
        added.update((day, 0.0) for day in _days(before + _DAY, days[0]))
        before = days[0] - _DAY
    for day, count in zip(days, corrected, strict=True):
        gap = (day - before).days
        added.update((each, (count - total) / gap) for each in _days(before + _DAY, day + _DAY))
        before, total = day, count
    added.update((day, 0.0) for day in _days(before + _DAY, last_known + _DAY))
    return added


def forecast_month(added: Added, month: date, *, users: bool) -> Forecast | None:
    """Return the forecast of a month; `None` if nothing is known of it or of the month before it.

    Args:
        added: What each day added, in this month and those before it. None is later than the last that counts.
        month: The first day of the month.
        users: Whether users are counted, each once a month.
    """
    last = max(added, default=date.min)
    if last < month_before(month):
        return None
    used = fsum(number for day, number in added.items() if day >= month)
    method = _Method(added, users)
    remaining = method.remaining(month, last)
    errors = method.backtest(month, last)
    low, high = _range([error.of_remaining for error in errors])
    return Forecast(
        days_known=max(0, (last - month).days + 1),
        used=round(used),
        forecast=round(used + remaining),
        low=round(used + remaining * low),
        high=round(used + remaining * high),
        past_error=median(error.of_month for error in errors) if errors else None,
    )


def month_before(month: date, number: int = 1) -> date:
    """Return the first day of the month so many months before."""
    months = month.year * 12 + month.month - 1 - number
    return date(months // 12, months % 12 + 1, 1)


@dataclass(frozen=True)
class _Error:
    of_remaining: float
    """How much more the days that were left added than expected, as a share of that."""

    of_month: float
    """How far off the forecast was, as a share of the month's count."""


class _Method:
    """Expects what the days that are left of a month add.

    Args:
        added: What each day added.
        users: Whether users are counted, each once a month.
    """

    def __init__(self, added: Added, users: bool) -> None:
        self._users = users
        # a source that was not yet there says nothing
        began = min((day for day, number in added.items() if number), default=date.max)
        self._added = {day: added[day] for day in sorted(added) if day >= began}
        self._ratios = list(self._weekly_ratios())
        days = Counter(_month(day) for day in self._added)
        self._complete = [month for month, number in days.items() if number == (_end(month) - month).days]

    def remaining(self, month: date, last: date) -> float:
        """Return what the days of a month after `last` are expected to add, by what was known on that day."""
        start = month_before(month, TRAINING_MONTHS)
        weekdays = self._weekdays(start, last)
        shape = self._shape(start, month, weekdays)
        ratios, weights = [], []
        weight = 1.0
        for day in reversed(list(_days(start, last + _DAY))):
            expected = weekdays[day.weekday()] * shape[day.day - 1]
            if day in self._added and expected:
                ratios.append(self._added[day] / expected)
                weights.append(weight)
            weight *= DECAY
        level = trimmed_mean(ratios, weights)
        return level * fsum(weekdays[day.weekday()] * shape[day.day - 1] for day in _remaining_days(month, last))

    def backtest(self, month: date, last: date) -> list[_Error]:
        """Return the errors of the forecasts at the same day of months before, the oldest first."""
        if not list(_remaining_days(month, last)):
            return []
        tested = [
            each
            for each in self._complete
            if month_before(month, BACKTEST_MONTHS) <= each < month and month_before(each) in self._complete
        ]
        # of a shorter month too, there is one day at least to forecast
        found = (self._error(each, min(each + (last - month), _end(each) - 2 * _DAY)) for each in tested)
        return [error for error in found if error]

    def _error(self, month: date, last: date) -> _Error | None:
        total = fsum(self._added[day] for day in _days(month, _end(month)))
        came = fsum(self._added[day] for day in _remaining_days(month, last))
        expected = self.remaining(month, last)
        return _Error(came / expected - 1, abs(round(expected - came)) / total) if expected and total else None

    def _weekly_ratios(self) -> Iterator[tuple[date, float]]:
        """Yield each day whose week around it is known and of one month, and what it added to the week's mean."""
        for day in self._added:
            first, last = day - 3 * _DAY, day + 3 * _DAY
            # the first users of a month are many, whatever the weekday
            if first.month != last.month or (self._users and first.day <= 3):
                continue
            week = [self._added[each] for each in _days(first, last + _DAY) if each in self._added]
            if len(week) == _WEEK and (mean := fmean(week)):
                yield day, self._added[day] / mean

    def _weekdays(self, start: date, last: date) -> Sequence[float]:
        """Return the weekdays' factors, Monday's first; they are 1 where a weekday is not known twice."""
        ratios: list[list[float]] = [[] for _ in range(_WEEK)]
        for day, ratio in self._ratios:
            if start <= day <= last - 3 * _DAY:
                ratios[day.weekday()].append(ratio)
        if min(map(len, ratios)) < 2:
            return [1.0] * _WEEK
        factors = [median(each) for each in ratios]
        mean = fmean(factors)
        return [factor / mean for factor in factors] if mean else [1.0] * _WEEK

    def _shape(self, start: date, month: date, weekdays: Sequence[float]) -> Sequence[float]:
        """Return the factors of the days of a month, by whole months before it; they are 1 where there is none."""
        shapes = [self._shape_of(each, weekdays) for each in self._complete if start <= each < month and self._users]
        return [median(factors) for factors in zip(*shapes, strict=True)] or [1.0] * _LONGEST

    def _shape_of(self, month: date, weekdays: Sequence[float]) -> Sequence[float]:
        days = list(_days(month, _end(month)))
        came = [self._added[day] for day in days]
        expected = [weekdays[day.weekday()] for day in days]
        level = fsum(came) / fsum(expected)
        factors = []
        for number in range(_LONGEST):
            # days that a short month lacks are like its last ones
            middle, width = min(number, len(days) - 1), _half_width(number)
            around = slice(max(middle - width, 0), middle + width + 1)
            expects = level * fsum(expected[around])
            factors.append(fsum(came[around]) / expects if expects else 1.0)
        return factors


def _half_width(number: int) -> int:
    """Return how many days before and after a month's day `number` (the first is 0) are like it."""
    return 0 if number < 3 else 1 if number < 7 else 2 if number < 14 else 3


def trimmed_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted mean without the highest and the lowest values; 0 of no values.

    Where nearly all values are 0, all count: the rest of them are no exceptions.
    """
    total = fsum(weights)
    low, high = TRIMMED * total, (1 - TRIMMED) * total
    passed, kept, among = 0.0, 0.0, 0.0
    for value, weight in sorted(zip(values, weights, strict=True)):
        part = max(0.0, min(passed + weight, high) - max(passed, low))
        passed += weight
        kept += part * value
        among += part
    if kept:
        return kept / among
    return fsum(value * weight for value, weight in zip(values, weights, strict=True)) / total if total else 0.0


def _range(errors: Sequence[float]) -> tuple[float, float]:
    if not errors:
        return UNTESTED_RANGE
    width = sqrt(fmean(error**2 for error in errors)) * _STUDENT[len(errors) - 1]
    return max(0.0, 1 - width), 1 + width


def _days(start: date, end: date) -> Iterator[date]:
    return map(date.fromordinal, range(start.toordinal(), end.toordinal()))


def _remaining_days(month: date, last: date) -> Iterator[date]:
    return _days(max(month, last + _DAY), _end(month))


def _month(day: date) -> date:
    return day.replace(day=1)


def _end(month: date) -> date:
    """Return the first day of the next month."""
    return month_before(month, -1)
