"""What the emulator has for benchmarks: a latency, as many audit events as are wanted, answers that are kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from segment_dagster.emulator import Fault, World, running
from segment_dagster.emulator.__main__ import main
from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.lru_cache import LruCache
from segment_dagster_tests.emulator.conftest import NOW

pytestmark = pytest.mark.slow

LATENCY = 0.2


def getter(emulator):
    def get(path):
        headers = {"Authorization": f"Bearer {emulator.token}"}
        return requests.get(emulator.url + path, headers=headers, timeout=10).json()["data"]

    return get


def test_every_answer_takes_the_latency_and_requests_overlap_in_it(emulator, api):
    emulator.latency.set(LATENCY)
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(api.get, ["/sources", "/spaces", "/nothing", "/warehouses"]))
        assert time.monotonic() - started >= LATENCY
        assert emulator.stats.most_open == 4
    finally:
        emulator.latency.set(0)


def test_latency_is_controlled_over_http(emulator):
    url = f"{emulator.url}/_emulator/latency"
    try:
        assert requests.put(url, json={"seconds": 0.5}, timeout=10).json() == {"seconds": 0.5}
        assert emulator.latency.seconds == 0.5
        refused = requests.put(url, json={"seconds": -1}, timeout=10)
        assert (refused.status_code, emulator.latency.seconds) == (422, 0.5)
        assert requests.get(url, timeout=10).json() == {"seconds": 0.5}
    finally:
        emulator.latency.set(0)


@pytest.mark.parametrize("text", ["-1", "x", "inf", "nan"])
def test_a_latency_that_is_none_is_refused_by_the_command_line(capsys, text):
    with pytest.raises(SystemExit):
        main(["--latency", text])
    assert "is not a number of seconds" in capsys.readouterr().err


def test_the_trail_is_as_long_as_it_is_told():
    with running(now=NOW) as one, running(now=NOW, audit_a_day=100) as other:
        start = NOW - timedelta(days=90)
        few, many = (len(emulator.audit_events(start)) for emulator in (one, other))
    assert 3 * few < many < 5 * few


def test_kept_answers_are_those_that_would_be_made(world):
    paths = [
        "/destinations?pagination.count=7",
        "/audit-events?startTime=2024-03-01T00:00:00Z&pagination.count=5",
        "/audit-events?startTime=2024-03-01T00:00:00Z",
        "/audit-events?startTime=2024-03-02T00:00:00Z",
    ]
    with running(world=world, now=NOW, keep=True) as emulator, running(world=world, now=NOW) as plain:
        kept, made = getter(emulator), getter(plain)
        for path in paths * 2:
            assert kept(path) == made(path)
        cursor = kept(paths[1])["pagination"]["next"].replace("+", "%2B")
        assert kept(f"{paths[1]}&pagination.cursor={cursor}") == made(f"{paths[1]}&pagination.cursor={cursor}")


def test_what_has_changed_since_is_not_answered_from_what_was_kept(world):
    trail = "/audit-events?startTime=2024-03-15T00:00:00Z&pagination.count=1000"
    with running(world=world, now=NOW, keep=True) as emulator:
        get = getter(emulator)
        before, events = get("/sources?pagination.count=2"), get(trail)["events"]
        first = before["sources"][0]["id"]
        emulator.edits.add(Edit("sources", "modify", first, fields={"name": "renamed"}))
        assert get("/sources?pagination.count=2")["sources"][0]["name"] == "renamed"
        assert len(get(trail)["events"]) == len(events) + 1
        emulator.clock.advance(timedelta(hours=10))
        assert len(get(trail)["events"]) > len(events) + 1
        emulator.edits.clear()
        emulator.faults.add(Fault("renamed-key", "sources"))
        assert "sourcesList" in get("/sources?pagination.count=2")
        emulator.faults.clear()
        assert get("/sources?pagination.count=2") == before


def test_what_depends_on_the_time_is_not_kept_while_the_clock_goes():
    world = World(1)
    with running(world=world, keep=True) as emulator:
        get = getter(emulator)
        get("/audit-events?pagination.count=5")
        emulator.edits.add(Edit("sources", "modify", world.records("sources")[0]["id"], fields={"name": "renamed"}))
        assert get("/audit-events?pagination.count=5")["events"][0]["resourceName"] == "renamed"


def test_only_the_last_are_kept():
    made = []

    def make(name):
        def made_now():
            made.append(name)
            return name

        return made_now

    kept: LruCache[str] = LruCache(2)
    for name in "abacab":
        assert kept.get(name, make(name)) == name
    assert made == ["a", "b", "c", "b"]
    none: LruCache[str] = LruCache(0)
    for name in "aa":
        none.get(name, make(name))
    assert made[4:] == ["a", "a"]
