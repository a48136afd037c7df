"""The sliding window: no minute has more requests than the limit, and none are wasted."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_dagster.client.budgets.budget import MARGIN, Budget
from segment_dagster.client.budgets.window import SlidingWindow, take_all

MINUTE = 60_000_000


class One:
    """A window that one client with a limit takes from."""

    def __init__(self, limit):
        self.window = SlidingWindow(MINUTE)
        self.budget = Budget("somebody", "token", limit, MINUTE)

    def take(self, now):
        return take_all([self.window], [self.budget], now, check=True).wait


def test_a_window_gives_its_places_at_once_and_then_tells_how_long_to_wait():
    one = One(2)
    assert [one.take(at) for at in (0, 10, 20)] == [0, 0, MINUTE + MARGIN]
    one.window.answer(0, 30)
    one.window.answer(10, 40)
    assert one.take(50) == 30 + MINUTE + MARGIN - 50
    assert one.take(30 + MINUTE + MARGIN) == 0


def test_a_place_counts_from_when_its_answer_came():
    one = One(1)
    one.take(0)
    one.window.answer(0, 5_000_000)
    assert one.take(MINUTE + 4_000_000) > 0
    assert one.take(MINUTE + 5_000_000 + MARGIN) == 0


def test_a_place_counts_as_long_as_its_answer_is_yet_to_come():
    one = One(1)
    one.take(0)
    assert one.take(MINUTE + 10) == MINUTE - 10
    one.window.answer(0, MINUTE + 20)
    assert one.take(MINUTE + 30) == MINUTE + MARGIN - 10


def test_a_place_of_a_process_that_was_killed_is_free_after_two_minutes():
    one = One(1)
    one.take(0)
    assert one.take(2 * MINUTE - 1) == 1
    assert one.take(2 * MINUTE) == 0


def test_an_answer_that_came_later_than_that_counts_for_its_minute():
    one = One(1)
    one.take(0)
    assert one.take(2 * MINUTE) == 0
    one.window.answer(0, 2 * MINUTE + 5)
    one.window.answer(2 * MINUTE, 2 * MINUTE + 6)
    assert one.take(3 * MINUTE + MARGIN + 5) == 1


@given(
    st.lists(st.tuples(st.integers(0, 30_000_000), st.integers(0, 110_000_000)), min_size=5, max_size=60),
    st.integers(1, 5),
)
def test_no_minute_of_the_servers_has_more_than_the_limit(steps, limit):
    """Whenever between sending and answer each request arrives."""
    one, now, sent = One(limit), 0, []
    flying: deque[tuple[int, int]] = deque()
    for pause, takes in steps:
        now += pause
        while flying and flying[0][0] <= now:
            answered, taken = flying.popleft()
            one.window.answer(taken, answered)
        if one.take(now) == 0:
            flying.append((max(now + takes, flying[-1][0] if flying else 0), now))
            sent.append((now, flying[-1][0]))
    # the worst that may happen: of `limit` + 1 requests in turn, the first arrives last and the last arrives first
    for (taken, answered), (next_sent, _) in zip(sent, sent[limit:], strict=False):
        assert next_sent >= min(answered + MINUTE, taken + 2 * MINUTE)


@given(st.lists(st.tuples(st.integers(0, 20_000_000), st.booleans()), min_size=1, max_size=40), st.integers(1, 4))
def test_to_ask_again_when_told_is_never_too_late(steps, limit):
    """Whoever had asked at any time before would have been refused, as long as nobody else's answer came."""
    one, now = One(limit), 0
    for pause, answers in steps:
        now += pause
        if one.window.in_flight and answers:
            one.window.answer(one.window.in_flight[0], now)
        wait = one.take(now)
        if wait:
            assert one.take(now + wait - 1) > 0
            now += wait - 1


def test_what_others_used_is_learnt_from_what_remains():
    one = One(10)
    for at in range(3):
        one.take(at)
    one.window.shrink(remaining=2, sent=2, until=30_000_000)
    assert [one.take(at) > 0 for at in (11, 12, 13)] == [False, False, True]
    # and is over when the server counts anew
    assert one.take(13) == 30_000_000 - 13
    assert one.take(30_000_000) == 0


def test_what_is_our_own_is_not_taken_for_others():
    one = One(3)
    for at in (0, 1, 2):
        one.take(at)
    for at in (0, 1, 2):
        one.window.answer(at, 100)
    # the answer that says so comes late: our places are free again by then
    assert one.take(MINUTE + MARGIN + 101) == 0
    one.window.shrink(remaining=0, sent=2, until=MINUTE * 2)
    assert one.take(MINUTE + MARGIN + 103) == 0


def test_a_later_answer_corrects_what_was_learnt():
    one = One(10)
    one.window.shrink(remaining=0, sent=0, until=MINUTE)
    assert one.take(1) > 0
    one.window.shrink(remaining=10, sent=0, until=MINUTE)
    assert one.take(2) == 0


def test_a_window_that_is_blocked_gives_no_place():
    one = One(5)
    one.window.block(1_000)
    one.window.block(500)
    assert one.take(400) == 600
    assert one.take(1_000) == 0


@pytest.mark.parametrize(("limits", "full"), [((1, 5), 0), ((5, 1), 1)])
def test_a_request_is_taken_from_all_windows_or_from_none(limits, full):
    windows = [SlidingWindow(MINUTE), SlidingWindow(MINUTE)]
    budgets = [Budget("somebody", name, limit, MINUTE) for name, limit in zip("ab", limits, strict=True)]
    assert take_all(windows, budgets, 0, check=True).wait == 0
    refused = take_all(windows, budgets, 1, check=True)
    assert (refused.wait > 0, refused.full) == (True, full)
    assert [len(window.in_flight) for window in windows] == [1, 1]
    assert take_all(windows, budgets, 2, check=False).wait == 0
    assert [len(window.in_flight) for window in windows] == [2, 2]
