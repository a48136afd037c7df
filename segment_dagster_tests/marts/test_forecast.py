"""How far off forecasts are, of made-up months and of public ones; and what becomes of odd months."""

from datetime import date, timedelta
from statistics import median

import pytest

from segment_dagster.marts.forecast import added_by_day, forecast_month, month_before, trimmed_mean
from segment_dagster_tests.marts.usage_series import (
    MONTHS,
    coverage,
    flights,
    made_up_calls,
    made_up_users,
    median_error,
    planes,
    trials,
)

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
DAYS = (5, 10, 20)
MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


def forecast(added, month, *, users=False):
    made = forecast_month(added, month, users=users)
    assert made
    return made


def month_of(first, *, added=10, days=31):
    return {first + day * DAY: added for day in range(days)}


def months(first, end, added=lambda day: 10.0):
    return {first + day * DAY: added(first + day * DAY) for day in range((end - first).days)}


@pytest.mark.parametrize(
    ("made_up", "users", "bounds"),
    [(made_up_calls, False, (0.05, 0.04, 0.02)), (made_up_users, True, (0.03, 0.02, 0.015))],
)
def test_thirteen_made_up_months_with_seasons_and_holidays(made_up, users, bounds):
    made = [trial for seed in (100, 101) for trial in trials(made_up(seed), MONTHS, DAYS, users=users)]
    assert len(made) == 2 * 13 * len(DAYS)
    for day, bound in zip(DAYS, bounds, strict=True):
        assert median_error(trial for trial in made if trial.day == day) <= bound
    assert coverage(made) >= 0.8
    # a range that held everything would say nothing
    assert median(trial.made.high / trial.made.low for trial in made if trial.day == 20) < 1.3


@pytest.mark.parametrize(
    ("series", "users", "bounds"),
    [(flights(), False, (0.02, 0.015, 0.01)), (planes(), True, (0.03, 0.01, 0.01))],
    ids=["flights", "planes"],
)
def test_a_public_series(series, users, bounds):
    made = list(trials(series, [date(2013, month, 1) for month in range(4, 13)], DAYS, users=users))
    for day, bound in zip(DAYS, bounds, strict=True):
        assert median_error(trial for trial in made if trial.day == day) <= bound
    assert coverage(made) >= 0.8


def test_the_public_series_are_those_that_everybody_has():
    assert (len(flights()), sum(flights().values()), flights()[date(2013, 1, 1)]) == (365, 336_776, 842)
    assert len(planes()) == 365
    assert all(planes()[day] <= number for day, number in flights().items())


@pytest.mark.parametrize(("made_up", "users"), [(made_up_calls, False), (made_up_users, True)])
def test_the_past_error_is_what_the_method_made_of_what_was_known_then(made_up, users):
    series = made_up(0)
    *before, last = MONTHS
    made = trials(series, before, [10], users=users)
    found = forecast({day: number for day, number in series.items() if day < last + 10 * DAY}, last, users=users)
    assert found.past_error == pytest.approx(median_error(made), rel=1e-9)


@pytest.mark.parametrize("month", [date(2023, 2, 1), date(2024, 2, 1), date(2024, 4, 1), date(2024, 5, 1)])
@pytest.mark.parametrize("users", [False, True])
def test_months_of_28_to_31_days(month, users):
    end = month_before(month, -1)
    for known in range((end - month).days + 1):
        made = forecast(months(month_before(month, 4), month + known * DAY), month, users=users)
        total = 10 * (end - month).days
        assert (made.days_known, made.used) == (known, 10 * known)
        assert (made.low, made.forecast, made.high) == (total, total, total)
        assert made.past_error == (None if month + known * DAY == end else 0)


def test_a_month_that_is_over_is_what_was_counted():
    made = forecast(months(date(2024, 1, 1), JUNE, lambda day: float(day.day)), MAY)
    assert (made.low, made.forecast, made.high) == (496, 496, 496)
    assert made.past_error is None


def test_the_first_month_is_a_plain_pace_with_a_wide_range_and_no_past_error():
    made = forecast(month_of(MAY, days=10), MAY, users=True)
    assert (made.days_known, made.used, made.forecast) == (10, 100, 310)
    assert (made.low, made.high, made.past_error) == (100 + 105, 100 + 420, None)


def test_two_whole_months_are_the_least_to_test_on():
    one = forecast(months(date(2024, 4, 1), date(2024, 5, 11)), MAY)
    part = forecast(months(date(2024, 3, 2), date(2024, 5, 11)), MAY)
    two = forecast(months(date(2024, 3, 1), date(2024, 5, 11)), MAY)
    assert (one.past_error, part.past_error, two.past_error) == (None, None, 0)
    assert one.low < one.forecast < one.high


def test_before_the_first_snapshot_the_months_before_are_all_there_is():
    made = forecast(months(date(2024, 1, 1), MAY), MAY)
    assert (made.days_known, made.used, made.forecast, made.past_error) == (0, 0, 310, 0)
    late = forecast(months(date(2024, 1, 1), date(2024, 4, 28)), MAY)
    assert (late.days_known, late.used, late.forecast) == (0, 0, 310)


def test_what_is_known_of_neither_this_month_nor_the_one_before_is_not_forecast():
    assert forecast_month({}, MAY, users=False) is None
    assert forecast_month(months(date(2024, 1, 1), date(2024, 4, 1)), MAY, users=False) is None


@pytest.mark.parametrize("users", [False, True])
def test_nothing_used(users):
    made = forecast(months(date(2024, 1, 1), date(2024, 5, 11), lambda day: 0.0), MAY, users=users)
    assert (made.used, made.low, made.forecast, made.high, made.past_error) == (0, 0, 0, 0, None)


def test_a_month_without_usage_among_others():
    series = months(date(2024, 1, 1), date(2024, 5, 11), lambda day: 0.0 if day.month in (3, 4) else 10.0)
    for users in (False, True):
        made = forecast(series, MAY, users=users)
        assert made.used == 100 and made.low <= made.forecast <= made.high


def test_a_source_that_began_in_the_month_goes_on_as_it_began():
    series = months(date(2024, 1, 1), date(2024, 5, 21), lambda day: 10.0 if day >= date(2024, 5, 11) else 0.0)
    made = forecast(series, MAY)
    assert (made.used, made.forecast, made.past_error) == (100, 210, None)


def test_days_without_traffic_in_each_week():
    series = months(date(2024, 1, 1), date(2024, 5, 11), lambda day: 0.0 if day.weekday() >= 5 else 10.0)
    for users in (False, True):
        made = forecast(series, MAY, users=users)
        assert (made.used, made.forecast) == (80, 230)


def test_most_users_are_new_in_the_first_days():
    series = months(date(2024, 1, 1), date(2024, 5, 6), lambda day: 1_000 * 0.8 ** (day.day - 1))
    truth = sum(1_000 * 0.8**day for day in range(31))
    made = forecast(series, MAY, users=True)
    assert made.forecast == pytest.approx(truth, rel=0.01)
    assert forecast(series, MAY).forecast > 1.5 * truth


def test_a_peak_yesterday_is_not_taken_for_the_level():
    series = months(date(2024, 1, 1), date(2024, 5, 11)) | {date(2024, 5, 10): 1_000.0}
    made = forecast(series, MAY)
    assert made.forecast == 9 * 10 + 1_000 + 21 * 10


def test_counts_of_few_days_are_no_exceptions():
    assert trimmed_mean([], []) == 0
    assert trimmed_mean([0] * 19 + [40], [1] * 20) == 2
    assert trimmed_mean([1] * 18 + [0, 100], [1] * 20) == 1


def by_number(added):
    return {day.day: number for day, number in added.items()}


def test_days_without_a_snapshot_get_equal_shares():
    counts = {date(2024, 5, 3): 30, date(2024, 5, 4): 50, date(2024, 5, 6): 60}
    added = by_number(added_by_day(counts, min(counts), max(counts)))
    assert added == {1: 10, 2: 10, 3: 10, 4: 20, 5: 5, 6: 5}


def test_a_corrected_count_corrects_those_before_it():
    counts = {date(2024, 5, 1): 10, date(2024, 5, 2): 30, date(2024, 5, 3): 20, date(2024, 5, 4): 25}
    assert by_number(added_by_day(counts, min(counts), max(counts))) == {1: 10, 2: 10, 3: 0, 4: 5}


def test_a_source_without_a_snapshot_where_others_have_one_was_not_used():
    counts = {date(2024, 5, 3): 30, date(2024, 5, 4): 50}
    added = by_number(added_by_day(counts, date(2024, 5, 1), date(2024, 5, 6)))
    assert added == {1: 0, 2: 0, 3: 30, 4: 20, 5: 0, 6: 0}
