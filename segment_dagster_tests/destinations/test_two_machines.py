"""Two machines into one dataset: both begin to load in the same moment, both succeed, and every table is right."""

import sys
from types import SimpleNamespace

import pytest

from segment_dagster_tests.chaos.tables import AUDIT, of_job
from segment_dagster_tests.destinations.engines import postgres_server
from segment_dagster_tests.destinations.two_machines import (
    SCRIPT,
    at_once,
    change,
    drop_dataset,
    expected,
    held,
    job,
    script,
    two_machines,
    wrong,
)

pytestmark = [pytest.mark.server, pytest.mark.slow]

SOME = ("sources", "labels", "users", "user_groups", "user_group_users", AUDIT)
"""Replaced whole, with and without a parent; merged from the latest row on."""

SLOW = ("warehouse_syncs", "warehouse_selective_syncs", "space_event_properties")
DAILY = (*of_job("segment_sync"), AUDIT)
JOB = "segment_sync"

LEASED = """
import runpy, sys
from dataclasses import replace
from segment_dagster.load import capabilities
leased = {"lock": "lease", "clock": "extract(epoch FROM clock_timestamp())"}
postgres = replace(capabilities.DESTINATIONS["postgres"], **leased)
capabilities.DESTINATIONS["postgres"] = postgres
sys.argv[:1] = []
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""The script, for which PostgreSQL is a destination that has no locks."""


@pytest.fixture(scope="module")
def address():
    with postgres_server() as address:
        yield address


@pytest.fixture
def machines(world, address, tmp_path):
    with two_machines(world, address, tmp_path / "machines") as machines:
        drop_dataset(address)
        yield machines


@pytest.fixture(scope="module")
def counted():
    """How many requests a command sends, in its first run and when it runs again; counted once."""
    counts: dict[tuple[str, ...], SimpleNamespace] = {}

    def count(machine, address, command):
        key = tuple(command)
        if key not in counts:
            first, again = (machine.run(command, SEGMENT_ALWAYS_LOAD="true") for _ in range(2))
            counts[key] = SimpleNamespace(first=first, again=again)
            drop_dataset(address)
        return counts[key]

    return count


def one_round(machines, world, address, command, requests, names, *, history):
    """Both for the first time, and both again after changes, whether the tables hold the rows already or not."""
    settings = {"SEGMENT_ALWAYS_LOAD": "true", "SEGMENT_HISTORY": str(history).lower()}
    tables = expected(machines[0], names, history=history)
    ran = at_once(machines, [command] * 2, [requests.first] * 2, **settings)
    assert wrong(address, tables, ran) == []
    change(machines, world)
    tables = expected(machines[0], names, tables, history=history)
    ran = at_once(machines, [command] * 2, [requests.again] * 2, **settings)
    assert wrong(address, tables, ran) == []
    return ran


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("history", [False, True], ids=["plain", "history"])
def test_both_load_the_same_tables_at_once(machines, world, address, counted, history):
    command = script(*SOME)
    requests = counted(machines[0], address, command)
    ran = one_round(machines, world, address, command, requests, SOME, history=history)
    # one of them has waited for the other, and says so
    said = "postgres: the dataset 'segment_data' is being loaded by the session with pid "
    assert sum(said in each.said for each in ran) == 1, ran


@pytest.mark.long
@pytest.mark.timeout(300)
def test_both_load_the_same_tables_at_once_where_a_lease_holds_them_apart(machines, world, address, counted):
    command = [sys.executable, "-c", LEASED, str(SCRIPT), *SOME]
    requests = counted(machines[0], address, command)
    ran = one_round(machines, world, address, command, requests, SOME, history=True)
    said = "postgres: the dataset 'segment_data' is being loaded by another run (segment_dagster on "
    assert sum(said in each.said for each in ran) == 1, ran


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_daily_and_the_slow_tables_are_loaded_at_once(machines, world, address, counted):
    commands = [script(*SOME), script(*SLOW)]
    first = [counted(machines[0], address, command).first for command in commands]
    ran = at_once(machines, commands, first, SEGMENT_HISTORY="true")
    tables = expected(machines[0], SOME + SLOW, history=True)
    assert wrong(address, tables, ran) == []
    again = at_once(machines, commands, [counted(machines[0], address, command).again for command in commands])
    assert wrong(address, tables, again) == []


@pytest.mark.timeout(300)
def test_rows_that_were_read_earlier_do_not_replace_later_ones(machines, world, address):
    early, late = machines
    command, settings = script("users"), {"SEGMENT_HISTORY": "true"}
    requests = early.run(command, **settings)
    before = expected(early, ["users"], history=True)
    # the one has read the users before the change, and gets its last answer once the other has loaded what is new
    change([late], world)
    settings_of_late = {**settings, "SEGMENT_NOW": "2026-03-31T07:00:00+00:00"}
    early.emulator.hooks.at(requests, lambda: late.run(command, **settings_of_late))
    early.run(command, **settings)
    assert held(address, ["users"]) == expected(late, ["users"], before, history=True)


@pytest.mark.scale
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(1, 21))
def test_twenty_rounds(number, machines, world, address, counted):
    # Dagster's own start takes longer than a load: some rounds are of its job
    command = job(JOB) if number % 5 == 0 else script(*DAILY)
    requests = counted(machines[0], address, command)
    one_round(machines, world, address, command, requests, DAILY, history=number % 2 == 0)
