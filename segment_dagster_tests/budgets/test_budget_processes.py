"""Processes with one token: together they keep to the limits that the emulator enforces."""

import logging
import tempfile

import pytest

from segment_dagster.client.budgets import PROCESS
from segment_dagster.client.budgets.machine import MachineStore
from segment_dagster.emulator import Fault, running
from segment_dagster_tests.budgets.reading_processes import Limited
from segment_dagster_tests.budgets.redis_server import redis_server
from segment_dagster_tests.budgets.store_contract import two
from segment_dagster_tests.destinations.engines import postgres_server

pytestmark = [pytest.mark.slow, pytest.mark.long]

MINUTE, TOKEN_LIMIT = 1.0, 40


SERVERS = {"postgres": lambda directory: postgres_server(), "redis": redis_server}


@pytest.fixture(
    params=[
        "directory",
        pytest.param("postgres", marks=pytest.mark.server),
        pytest.param("redis", marks=pytest.mark.scale),
    ]
)
def budget_url(request, tmp_path):
    if request.param == "directory":
        yield f"file://{tmp_path}/shared"
        return
    with SERVERS[request.param](tmp_path) as address:
        yield address


@pytest.fixture
def limited(world, budget_url):
    with running(world=world, limits=True, minute=MINUTE, token_limit=TOKEN_LIMIT) as emulator:
        yield Limited(emulator, MINUTE, TOKEN_LIMIT, budget_url)


def said(process):
    return process.communicate()[0].count("read\n")


def test_none_is_refused_and_none_starves(limited):
    processes = [limited.start(50, names) for names in ("workspace", "workspace,sources", "labels")]
    assert [said(process) for process in processes] == [50, 50, 50]
    assert limited.emulator.stats.refused == {}


def test_the_places_of_a_killed_process_are_free_again_and_none_is_taken_twice(limited):
    killed, other = limited.start(1000), limited.start(100)
    for _ in range(20):
        assert killed.stdout.readline()
    killed.kill()
    killed.communicate()
    assert said(other) == 100
    assert limited.emulator.stats.refused == {}


def test_a_429_in_one_process_keeps_the_others_back(limited):
    limited.emulator.faults.add(Fault("429-retry-after", "workspace", times=1, value=3))
    first = limited.start(1)
    # it is told so, and waits
    while not limited.emulator.stats.requests:
        assert first.poll() is None
    assert [said(process) for process in (limited.start(3, "sources"), first)] == [3, 1]
    refused, *others = limited.emulator.stats.requests
    assert refused.status == 429
    assert [other.at >= refused.at + 3 for other in others] == [True] * 4


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("postgres", "PostgreSQL", marks=pytest.mark.server),
        pytest.param("redis", "Redis", marks=pytest.mark.scale),
    ],
)
def test_without_its_server_a_run_goes_on_with_the_budget_of_its_machine(kind, name, tmp_path, monkeypatch, caplog):
    budgets = two(3, 10)
    with SERVERS[kind](tmp_path) as address:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        shared = PROCESS.budgets(address)
        take = shared.take(budgets)
    with caplog.at_level(logging.WARNING):
        shared.answered(budgets, take, None)
        assert [shared.take(budgets).wait > 0 for _ in range(3)] == [False, False, True]
    assert [record.getMessage() for record in caplog.records] == [
        f"the {name} of SEGMENT_BUDGET_URL does not work (it cannot be reached): each machine keeps to the rate limits "
        "by itself until it works again"
    ]
    # another process of the machine
    assert MachineStore().take(budgets).wait > 0
