"""The budgets: no minute has more requests than Segment allows, and none are wasted."""

import threading
from collections import deque
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_dagster.client.limits import Budget, Limits
from segment_dagster.endpoints import CATALOGUE

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
FREE, LIMITED = ROWS["sources"], replace(ROWS["segments"], requests_per_minute=3)
MINUTE = 60_000


def limits(closed=None, *, token=100, minute=60.0):
    return Limits(token, minute, closed or threading.Event())


def blocked(limits, closed, endpoint):
    """Whether a slot has to be waited for, till the client is closed."""
    went = threading.Event()

    def take():
        with limits.slot(endpoint):
            went.set()

    thread = threading.Thread(target=take)
    thread.start()
    waits = not went.wait(0.05)
    closed.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
    return waits


def test_a_budget_gives_its_places_at_once_and_then_tells_how_long_to_wait():
    budget = Budget(2, 60.0)
    assert [budget.take(at) for at in (0, 10, 20)] == [0, 0, pytest.approx(59.98, abs=0.01)]


def test_a_place_counts_from_when_its_answer_came():
    budget = Budget(1, 60.0)
    budget.take(0)
    budget.answered(0, 5_000)
    assert budget.take(MINUTE + 4_000) > 0
    assert budget.take(MINUTE + 5_001) == 0


@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 40_000)), min_size=5, max_size=60), st.integers(1, 5))
def test_no_minute_of_the_servers_has_more_than_the_limit(steps, limit):
    """Whenever between sending and answer each request arrives."""
    budget, now, sent = Budget(limit, 60.0), 0, []
    flying: deque[tuple[int, int]] = deque()
    for pause, takes in steps:
        now += pause
        while flying and flying[0][0] <= now:
            answered, taken = flying.popleft()
            budget.answered(taken, answered)
        if budget.take(now) == 0:
            flying.append((max(now + takes, flying[-1][0] if flying else 0), now))
            sent.append((now, flying[-1][0]))
    # the worst that may happen: of `limit` + 1 requests in turn, the first arrives last and the last arrives first
    for (_, answered), (next_sent, _) in zip(sent, sent[limit:], strict=False):
        assert next_sent >= answered + MINUTE


def test_a_place_given_back_is_free():
    budget = Budget(1, 60.0)
    budget.take(0)
    budget.give_back(0)
    assert budget.take(1) == 0


def test_what_others_used_is_learnt_from_what_remains():
    budget = Budget(10, 60.0)
    for at in range(3):
        budget.take(at)
    budget.shrink(remaining=2, sent=2, until=30_000)
    assert [budget.take(at) > 0 for at in (11, 12, 13)] == [False, False, True]
    # and is over when the server counts anew
    assert budget.take(13) == pytest.approx(29.987)
    assert budget.take(30_000) == 0


def test_what_is_our_own_is_not_taken_for_others():
    budget = Budget(3, 60.0)
    for at in (0, 1, 2):
        budget.take(at)
    for at in (0, 1, 2):
        budget.answered(at, 100)
    # the answer that says so comes late: our places are free again by then
    assert budget.take(MINUTE + 101) == 0
    budget.shrink(remaining=0, sent=2, until=MINUTE * 2)
    assert budget.take(MINUTE + 103) == 0


def test_a_later_answer_corrects_what_was_learnt():
    budget = Budget(10, 60.0)
    budget.shrink(remaining=0, sent=0, until=MINUTE)
    assert budget.take(1) > 0
    budget.shrink(remaining=10, sent=0, until=MINUTE)
    assert budget.take(2) == 0


def test_a_budget_that_is_held_gives_no_place():
    budget = Budget(5, 60.0)
    budget.block(1_000)
    assert budget.take(400) == pytest.approx(0.6)
    assert budget.take(1_000) == 0


def test_an_endpoint_counts_against_its_own_limit_and_the_tokens():
    closed = threading.Event()
    both = limits(closed, token=4)
    for endpoint in (LIMITED, LIMITED, LIMITED, FREE):
        with both.slot(endpoint):
            pass
    assert both.allowed(LIMITED) == 3
    assert both.allowed(FREE) == 4
    assert blocked(both, closed, FREE)


def test_one_endpoint_at_its_limit_does_not_keep_the_others():
    closed = threading.Event()
    both = limits(closed)
    for _ in range(3):
        with both.slot(LIMITED):
            pass
    with both.slot(FREE) as slot:
        assert slot.waited < 1
    assert blocked(both, closed, LIMITED)


def test_a_place_that_the_token_has_not_is_not_lost_to_the_endpoint():
    closed = threading.Event()
    both = limits(closed, token=1)
    with both.slot(FREE):
        pass
    assert blocked(both, closed, LIMITED)
    assert both._own_budget(LIMITED).take(10**12) == 0


@pytest.mark.parametrize("endpoint", [LIMITED, FREE], ids=["its own", "the token's"])
def test_a_refusal_holds_back_everybody_who_shares_the_limit(endpoint):
    closed = threading.Event()
    both = limits(closed)
    both.on_429(endpoint, 3600)
    assert blocked(both, closed, endpoint)


@pytest.mark.parametrize(
    ("endpoint", "consumed", "held"),
    [(FREE, "1000", FREE), (FREE, None, FREE), (LIMITED, "3", LIMITED), (LIMITED, "1000", FREE)],
    ids=["the token's", "unnamed", "its own", "the token's by a limited one"],
)
def test_nothing_remaining_holds_whoever_shares_the_limit_that_is_spoken_of(endpoint, consumed, held):
    closed = threading.Event()
    both = limits(closed)
    with both.slot(endpoint) as slot:
        both.update_from_headers(endpoint, slot, "0", consumed, 30)
    if held is LIMITED:
        with both.slot(FREE):
            pass
    assert blocked(both, closed, held)


@pytest.mark.parametrize("remaining", [None, "", "many", "-1", "99", "9" * 30])
def test_headers_that_tell_nothing_change_nothing(remaining):
    closed = threading.Event()
    both = limits(closed)
    with both.slot(FREE) as slot:
        both.update_from_headers(FREE, slot, remaining, None, 3600)
    assert not blocked(both, closed, FREE)


def test_a_limited_endpoint_learns_nothing_from_a_number_that_may_be_the_tokens():
    closed = threading.Event()
    both = limits(closed)
    with both.slot(LIMITED) as slot:
        both.update_from_headers(LIMITED, slot, "0", None, 3600)
    assert not blocked(both, closed, LIMITED)


def test_a_servers_clock_that_goes_wrong_holds_for_a_minute_at_most():
    both = limits(minute=0.05)
    with both.slot(FREE) as slot:
        both.update_from_headers(FREE, slot, "0", None, 3600)
    with both.slot(FREE) as slot:
        assert slot.waited > 0


@pytest.mark.parametrize(
    ("requests", "seconds"), [(1, 0), (3, 0), (4, 60), (6, 60), (7, 120), (2400, 799 * 60)], ids=str
)
def test_what_requests_take_at_least(requests, seconds):
    assert limits().least_seconds(LIMITED, requests) == seconds


def test_a_short_minute_is_kept_over_a_network(scripted, client_of, monkeypatch):
    monkeypatch.setenv("SEGMENT_MINUTE_SECONDS", "0.3")
    api = scripted({"data": {"sources": [], "pagination": {"current": "x"}}})
    client = client_of(api.url, requests_per_minute=4)
    threads = [threading.Thread(target=lambda: list(client.pages(FREE))) for _ in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    arrived = sorted(api.at)
    assert len(arrived) == 14
    assert all(later - earlier >= 0.3 for earlier, later in zip(arrived, arrived[4:], strict=False))
    assert all(later >= earlier for earlier, later in pairwise(arrived))
