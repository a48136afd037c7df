"""Daily differences: added up, they are the counts that grow through a month, whatever was corrected or is missing."""

from calendar import monthrange
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.extract.deltas import daily_deltas

pytestmark = pytest.mark.slow

COUNTS = ("calls", "users")
MONTHS = [date(2024 + (11 + place) // 12, (11 + place) % 12 + 1, 1) for place in range(13)]
"""Thirteen months, with two ends of a year."""

SERIES = ("src_a", "src_b", "it's {odd}", "")
exactly = property_settings(derandomize=True, database=None, deadline=None, max_examples=300)


def snapshot(period, day, source, calls, users, second=0):
    moment = datetime(period.year, period.month, day, tzinfo=timezone.utc) + timedelta(seconds=second)
    return {"source": source, "period": period, "at": moment, "calls": calls, "users": users, "kept": f"{day}!"}


def deltas(rows, series=("source",)):
    return list(daily_deltas(rows, series=series, period="period", moment="at", counts=COUNTS))


@st.composite
def snapshots(draw):
    """Snapshots of several sources over thirteen months: counts grow and shrink, days and counts are missing."""
    days = [(period, day) for period in MONTHS for day in range(1, monthrange(period.year, period.month)[1] + 1)]
    keys = st.tuples(st.sampled_from(days), st.sampled_from(SERIES))
    chosen = draw(st.lists(keys, unique=True, max_size=60))
    count = st.none() | st.integers(0, 10**15)
    return [
        snapshot(period, day, source, draw(count), draw(count), draw(st.integers(0, 86_399)))
        for (period, day), source in chosen
    ]


def check(rows, found):
    """What the rows and their differences have in common: see the tests."""
    assert len(found) == len(rows)
    cumulative = {(row["source"], row["at"]): row for row in rows}
    summed: dict[tuple, int] = defaultdict(int)
    days: dict[tuple, int] = defaultdict(int)
    for row in found:
        whole = cumulative.pop((row["source"], row["at"]))
        month = (row["source"], row["period"])
        days[month] += row["days"]
        assert days[month] == row["at"].day
        assert row["kept"] == whole["kept"] and row["period"] == whole["period"]
        for name in COUNTS:
            of = (*month, name)
            assert (row[name] is None) == (whole[name] is None)
            summed[of] += row[name] or 0
            if whole[name] is not None:
                assert summed[of] == whole[name]


@exactly
@given(snapshots())
def test_differences_add_up_to_the_count_at_every_snapshot(rows):
    check(rows, deltas(rows))


@exactly
@given(snapshots(), st.randoms(use_true_random=False))
def test_the_order_of_the_snapshots_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert deltas(shuffled) == deltas(rows)


@exactly
@given(snapshots())
def test_the_snapshots_themselves_are_left_as_they_are(rows):
    before = [dict(row) for row in rows]
    deltas(rows)
    assert rows == before


def test_thirteen_whole_months_of_sources_that_are_corrected_and_miss_days():
    random, rows, ends = Random(7), [], {}
    for source in SERIES:
        for period in MONTHS:
            last, counts = monthrange(period.year, period.month)[1], [0, 0]
            for day in range(1, last + 1):
                # one day in ten takes back some of what was counted
                counts = [
                    max(0, count + random.randrange(-400 if random.random() < 0.1 else 0, 900)) for count in counts
                ]
                if random.random() < 0.9 or day == last:
                    rows.append(snapshot(period, day, source, *counts))
            ends[source, period] = tuple(counts)
    random.shuffle(rows)
    found = deltas(rows)
    check(rows, found)
    assert any(row["calls"] < 0 for row in found)
    assert {row["days"] for row in found} > {1, 2}
    # a month's differences are its last snapshot, and those of all months the whole
    for (source, period), end in ends.items():
        mine = [row for row in found if (row["source"], row["period"]) == (source, period)]
        assert tuple(sum(row[name] for row in mine) for name in COUNTS) == end
        assert sum(row["days"] for row in mine) == monthrange(period.year, period.month)[1]


def test_a_month_begins_at_nothing():
    rows = [snapshot(date(2024, 12, 1), 31, "a", 900, 90), snapshot(date(2025, 1, 1), 1, "a", 30, 3)]
    assert [(row["calls"], row["users"], row["days"]) for row in deltas(rows)] == [(900, 90, 31), (30, 3, 1)]


def test_a_missing_day_is_in_the_next_ones_difference():
    rows = [snapshot(date(2025, 3, 1), day, "a", count, 0) for day, count in ((1, 10), (2, 30), (5, 90))]
    assert [(row["calls"], row["days"]) for row in deltas(rows)] == [(10, 1), (20, 1), (60, 3)]


def test_a_correction_is_a_difference_below_zero():
    rows = [snapshot(date(2025, 3, 1), day, "a", count, 0) for day, count in ((1, 10), (2, 4), (3, 5))]
    assert [row["calls"] for row in deltas(rows)] == [10, -6, 1]


def test_a_count_that_is_missing_has_no_difference_and_the_next_bridges_it():
    rows = [snapshot(date(2025, 3, 1), day, "a", count, day) for day, count in ((1, None), (2, 8), (3, None), (4, 9))]
    assert [(row["calls"], row["users"], row["days"]) for row in deltas(rows)] == [
        (None, 1, 1),
        (8, 1, 1),
        (None, 1, 1),
        (1, 1, 1),
    ]


def test_sources_do_not_mix():
    rows = [snapshot(date(2025, 3, 1), day, source, day * 10, 0) for day in (1, 2) for source in ("b", "a")]
    assert [(row["source"], row["calls"]) for row in deltas(rows)] == [("a", 10), ("a", 10), ("b", 10), ("b", 10)]


def test_where_there_is_one_count_no_column_tells_it_apart():
    rows = [snapshot(date(2025, 3, 1), day, "any", day * 10, 0) for day in (3, 1, 2)]
    assert [row["calls"] for row in deltas(rows, series=())] == [10, 10, 10]


def test_nothing_has_no_differences():
    assert deltas([]) == []
