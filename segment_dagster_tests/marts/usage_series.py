"""Daily counts to forecast: made up, and public ones; and the forecasts that are made of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, pi, sin
from random import Random
from statistics import fmean, median

from segment_dagster.marts.forecast import Forecast, forecast_month, month_before
from segment_dagster_tests.marts.flights_2013 import FLIGHTS, PLANES

DAY = timedelta(days=1)
FIRST, END = date(2023, 10, 1), date(2025, 2, 1)
MONTHS = [month_before(END, number) for number in range(13, 0, -1)]
"""The thirteen made-up months that are forecast; there are three before them."""

HALF = (date(2024, 12, 24), date(2024, 12, 31))
PEAKS = (date(2023, 11, 24), date(2024, 11, 29))
HOLIDAYS = (date(2024, 4, 1), date(2024, 5, 1), date(2024, 5, 9), date(2024, 7, 4), date(2024, 10, 3))

Series = Mapping[date, float]


@dataclass(frozen=True)
class Trial:
    """A forecast, and what came of it."""

    month: date
    day: int
    made: Forecast
    truth: float

    @property
    def error(self) -> float:
        """How far off it was, as a share of the truth."""
        return abs(self.made.forecast - self.truth) / self.truth

    @property
    def error_of_pace(self) -> float:
        """How far off the month is, if all of its days are like the mean of those that are known."""
        days = (month_before(self.month, -1) - self.month).days
        return abs(self.made.used * days / self.day - self.truth) / self.truth

    @property
    def covered(self) -> bool:
        """Whether its range holds the truth."""
        return self.made.low <= self.truth <= self.made.high


def made_up_calls(seed: int) -> Series:
    """Return API calls: weekdays, a yearly season, growth, holidays, a peak and a week of half the traffic."""
    random = Random(seed)
    weekdays = random.choice([(1.1, 1.15, 1.15, 1.1, 1.0, 0.75, 0.75), (0.95, 0.9, 0.9, 0.95, 1.0, 1.15, 1.15)])
    growth = random.choice([0.0, 0.03, 0.06])
    calls = {}
    for number in range((END - FIRST).days):
        day = FIRST + number * DAY
        level = 100_000 * (1 + growth) ** (number / 30.4) * (1 + 0.1 * sin(2 * pi * number / 365))
        if HALF[0] <= day <= HALF[1]:
            level *= 0.5
        elif day in HOLIDAYS:
            level *= 0.6
        elif day in PEAKS:
            level *= 3
        calls[day] = round(level * weekdays[day.weekday()] * random.lognormvariate(0, 0.06))
    return calls


def made_up_users(seed: int) -> Series:
    """Return the users that each day adds to its month: of regular ones those not yet seen, and all who come once."""
    random = Random(seed)
    users = {}
    calls = made_up_calls(seed)
    regular = seen = 0.0
    for day, number in calls.items():
        if day.day == 1:
            regular, seen = 0.6 * sum(calls.get(day + ahead * DAY, number) for ahead in range(28)) / 28, 0.0
        new = (regular - seen) * (1 - exp(-0.11 * number / regular))
        seen += new
        users[day] = round(new + 0.024 * number * random.lognormvariate(0, 0.05))
    return users


def public(numbers: str) -> Series:
    """Return a series of `flights_2013`."""
    return {date(2013, 1, 1) + day * DAY: int(number) for day, number in enumerate(numbers.split())}


def flights() -> Series:
    """Return the flights of each day."""
    return public(FLIGHTS)


def planes() -> Series:
    """Return the planes that each day adds to those that flew in its month."""
    return public(PLANES)


def trials(series: Series, months: Sequence[date], days: Sequence[int], *, users: bool) -> Iterator[Trial]:
    """Forecast months, at some of their days, with nothing known of what came later."""
    for month in months:
        end = month_before(month, -1)
        truth = sum(number for day, number in series.items() if month <= day < end)
        # as much as the mart reads
        first = month_before(month, 12)
        for known in days:
            added = {day: number for day, number in series.items() if first <= day < month + known * DAY}
            made = forecast_month(added, month, users=users)
            assert made
            yield Trial(month, known, made, truth)


def median_error(made: Iterable[Trial]) -> float:
    """Return the median of the errors."""
    return median(trial.error for trial in made)


def coverage(made: Sequence[Trial]) -> float:
    """Return the share of the ranges that hold the truth."""
    return fmean(trial.covered for trial in made)
