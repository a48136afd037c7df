"""The budgets of a client: no minute has more requests than Segment allows, and none are wasted."""

import threading
from dataclasses import replace
from itertools import pairwise

import pytest

from segment_dagster.client.budgets import SharedBudgets
from segment_dagster.client.budgets.guarded import Guarded
from segment_dagster.client.budgets.memory import MemoryStore
from segment_dagster.client.limits import Limits
from segment_dagster.endpoints import CATALOGUE

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
FREE, LIMITED = ROWS["sources"], replace(ROWS["segments"], requests_per_minute=3)


def limits(closed=None, *, token=100, minute=60.0, budgets=None):
    budgets = budgets or SharedBudgets([Guarded(MemoryStore(), "memory", "")])
    return Limits(token, minute, closed or threading.Event(), owner="somebody", budgets=budgets)


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
    assert both._budgets.take([both._own_budget(LIMITED)]).wait == 0


def test_nobody_overtakes_who_waits_for_the_same_budget():
    both, went = limits(), threading.Event()

    def take():
        with both.slot(LIMITED):
            went.set()

    thread = threading.Thread(target=take)
    with both._lines[LIMITED.name].lock:
        thread.start()
        assert not went.wait(0.05)
        # who has another budget goes by
        with both.slot(FREE) as slot:
            assert slot.take
    thread.join(timeout=10)
    assert went.is_set()


def test_closing_wakes_all_who_wait_in_line():
    closed = threading.Event()
    both, slots = limits(closed), []

    def take():
        with both.slot(LIMITED) as slot:
            slots.append(slot.take)

    both.on_429(LIMITED, 3600)
    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    closed.set()
    for thread in threads:
        thread.join(timeout=10)
    assert slots == [None] * 5


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
