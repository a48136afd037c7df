"""A store that fails never stops a run: one warning, and the next store decides."""

import logging

import pytest

from segment_dagster.client.budgets import guarded
from segment_dagster.client.budgets.budget import SECOND, Answer, Learned, StoreError
from segment_dagster.client.budgets.guarded import Guarded
from segment_dagster.client.budgets.machine import MachineStore
from segment_dagster.client.budgets.memory import MemoryStore
from segment_dagster.client.budgets.shared import SharedBudgets
from segment_dagster_tests.budgets.store_contract import HOUR, two


class Wide(MemoryStore):
    """A store that can be broken."""

    def __init__(self):
        super().__init__()
        self.broken = False
        self.asked = 0

    def take(self, budgets, *, check=True):
        self.asked += 1
        if self.broken:
            raise StoreError("somebody pulled the plug")
        return super().take(budgets, check=check)


@pytest.fixture
def wide():
    return Wide()


@pytest.fixture
def memory():
    return MemoryStore()


@pytest.fixture
def shared(wide, memory):
    return SharedBudgets([Guarded(wide, "the store", "it goes on alone"), Guarded(memory, "memory", "")])


def waits(budgets, shared, times):
    return [shared.take(budgets).wait > 0 for _ in range(times)]


def test_the_widest_store_decides_and_the_others_count_along(wide, memory, shared):
    budgets = two(3, 10)
    # another process
    wide.take(budgets)
    assert waits(budgets, shared, 3) == [False, False, True]
    assert [memory.take(budgets).wait > 0 for _ in range(2)] == [False, True]


def test_the_others_refuse_nothing_that_it_allows(memory, shared):
    budgets = two(1, 10)
    # from before the server of the widest store was started anew
    memory.take(budgets)
    memory.block(budgets[1], 600 * SECOND)
    assert waits(budgets, shared, 2) == [False, True]


def test_without_it_the_next_one_decides_by_what_it_has_counted(wide, shared, caplog):
    budgets = two(3, 10)
    assert waits(budgets, shared, 1) == [False]
    wide.broken = True
    with caplog.at_level(logging.INFO):
        assert waits(budgets, shared, 3) == [False, False, True]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the store does not work (somebody pulled the plug): it goes on alone until it works again")
    ]


def test_it_is_not_asked_again_before_a_minute(wide, shared, monkeypatch, caplog):
    budgets = two(100, 100)
    wide.broken = True
    waits(budgets, shared, 5)
    assert wide.asked == 1
    monkeypatch.setattr(guarded, "RETRY", 0.0)
    shared._stores[0]._retry_at = 0.0
    waits(budgets, shared, 5)
    assert wide.asked == 6
    # still the same failure: it was said
    assert len(caplog.records) == 1
    wide.broken = False
    with caplog.at_level(logging.INFO):
        waits(budgets, shared, 2)
    assert [record.getMessage() for record in caplog.records[1:]] == ["the store works again"]
    wide.broken = True
    waits(budgets, shared, 2)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]


def test_an_answer_is_told_to_the_stores_that_counted_its_request(wide, memory, shared):
    budgets = two(1, 10)
    wide.broken = True
    take = shared.take(budgets)
    assert take.times[0] is None
    shared.answered(budgets, take, Learned(budgets[1], 0, HOUR))
    assert [len(store._window(budgets[0]).answered) for store in (wide, memory)] == [0, 1]
    # what the headers said still holds
    assert memory.take(budgets[1:]).wait > 0


def test_a_block_is_told_to_all(wide, memory, shared):
    budgets = two()
    shared.block(budgets[0], 30.0)
    for store in (wide, memory):
        assert 0 < store.take(budgets).wait <= 30 * SECOND


def test_a_block_is_an_hour_at_most(wide, shared):
    budgets = two()
    shared.block(budgets[0], 10_000_000.0)
    assert 3599 * SECOND < wide.take(budgets).wait <= 3600 * SECOND


def test_waits_of_processes_differ_by_a_five_hundredth_of_a_minute_at_most(shared, wide, monkeypatch):
    budgets = two()
    monkeypatch.setattr(wide, "take", lambda budgets, check: Answer(0, 5 * SECOND, 1))
    refused = [shared.take(budgets) for _ in range(50)]
    assert len({take.wait for take in refused}) > 1
    assert all(5 <= take.wait <= 5 + HOUR / SECOND / 500 and take.full == 1 for take in refused)


def test_a_directory_that_cannot_be_used_leaves_each_process_its_own_budget(tmp_path, memory, caplog):
    directory = tmp_path / "shared"
    directory.touch()
    store = MachineStore(directory)
    shared = SharedBudgets([Guarded(store, str(directory), "alone"), Guarded(memory, "memory", "")])
    budgets = two(2, 10)
    assert waits(budgets, shared, 3) == [False, False, True]
    assert len(caplog.records) == 1
