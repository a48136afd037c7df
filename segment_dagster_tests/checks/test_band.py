"""The band of what is ordinary: its own past is in it, one odd day moves it little, silence is not in it."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.checks.normal_range import LEAST_PAST, LEAST_SHARE, Band, band_of

exactly = property_settings(derandomize=True, database=None, deadline=None, max_examples=300)
counts = st.integers(0, 10**12)
pasts = st.lists(counts, min_size=LEAST_PAST, max_size=60)
deviations = st.floats(1, 20)


def found(past, deviations=5.0) -> Band:
    band = band_of(past, deviations)
    assert band is not None
    return band


@pytest.mark.parametrize("days", range(LEAST_PAST))
def test_too_little_past_says_nothing(days):
    assert band_of([100] * days, 5.0) is None


def test_two_weeks_are_enough():
    assert band_of([100] * LEAST_PAST, 5.0) == Band(50, 150)


def test_both_ends_are_ordinary():
    band = Band(50, 150)
    assert 50 in band and 150 in band
    assert 49.999 not in band and 150.001 not in band


def test_a_steady_series_may_leave_its_median_by_a_share_of_it_for_each_deviation():
    assert found([1000] * 28, 3.0) == Band(1000 - 3 * 1000 * LEAST_SHARE, 1000 + 3 * 1000 * LEAST_SHARE)


def test_weeks_with_quiet_weekends_are_ordinary():
    past = [1000, 1040, 980, 1010, 990, 600, 580] * 4
    assert all(count in found(past) for count in past)
    assert 2000 not in found(past)
    assert 0 not in found(past)


def test_a_few_where_there_were_none_are_ordinary_and_many_are_not():
    assert found([0] * 28) == Band(-5, 5)
    assert 400 not in found([0] * 28)


@pytest.mark.parametrize("past", [[200_000, 30_000, 450_000, 1, 90_000, 700_000, 320_000] * 4, [3] * 14, [1] * 28])
def test_silence_is_not_ordinary_where_every_day_had_something(past):
    assert 0 not in found(past)
    assert min(past) in found(past)


def test_silence_is_ordinary_where_there_was_some_before():
    assert 0 in found([200_000, 30_000, 450_000, 0, 90_000, 700_000, 320_000] * 4)


@exactly
@given(pasts, deviations)
def test_what_is_no_further_from_the_median_than_most_days_is_ordinary(past, deviations):
    band, middle = found(past, deviations), median(past)
    away = median(abs(count - middle) for count in past)
    assert middle in band
    inside = [count for count in past if abs(count - middle) <= away]
    assert all(count in band for count in inside)
    assert len(inside) * 2 >= len(past)


@exactly
@given(st.integers(10, 10**9), st.data(), st.integers(10, 10**4))
def test_one_odd_day_hides_nothing_and_makes_nothing_odd(least, data, times):
    # days that differ by half at most, and one that is far away
    even = st.integers(least, least * 3 // 2)
    past = data.draw(st.lists(even, min_size=LEAST_PAST, max_size=60))
    odd = data.draw(st.sampled_from([0, least * times]))
    place = data.draw(st.integers(0, len(past) - 1))
    band = found([*past[:place], odd, *past[place + 1 :]])
    assert data.draw(even) in band
    assert least * 10 not in band
    if odd:
        assert odd not in band
        assert 0 not in band


@exactly
@given(pasts, st.randoms(use_true_random=False), deviations)
def test_the_order_of_the_days_does_not_matter(past, random, deviations):
    assert found(random.sample(past, len(past)), deviations) == found(past, deviations)


@exactly
@given(pasts, st.floats(1, 10), st.floats(0, 10))
def test_more_deviations_make_a_wider_band(past, deviations, more):
    narrow, wide = found(past, deviations), found(past, deviations + more)
    assert wide.low <= narrow.low and narrow.high <= wide.high


@exactly
@given(st.lists(st.integers(100, 10**6), min_size=LEAST_PAST, max_size=40), st.integers(2, 1000))
def test_a_larger_source_has_a_band_that_is_as_much_larger(past, times):
    small, large = found(past), found([count * times for count in past])
    assert large.high == pytest.approx(small.high * times)
    if small.low > 1:
        assert large.low == pytest.approx(small.low * times)
