"""Rate limits and features: what is refused where they are switched on."""

from email.utils import parsedate_to_datetime

import pytest
import requests

from segment_dagster.emulator import Seen, Stats, running
from segment_dagster.emulator.errors import ApiError
from segment_dagster.emulator.features import Features
from segment_dagster.emulator.limits import Limits
from segment_dagster.endpoints import CATALOGUE

ROWS = {row.name: row for row in CATALOGUE}


def getter(emulator):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {emulator.token}"
    return lambda path: session.get(emulator.url + path, timeout=10)


def statuses(get, path, count):
    return [get(path).status_code for _ in range(count)]


def test_nothing_is_refused_by_default(api, emulator, world):
    path = f"/warehouses/{world.records('warehouses')[0]['id']}/syncs"
    headers = [api.get(path).headers for _ in range(4)]
    assert [one["X-RateLimit-Remaining"] for one in headers] == ["1", "0", "0", "0"]
    assert [one["X-RateLimit-Consumed"] for one in headers] == ["1", "2", "3", "4"]
    assert emulator.stats.refused == {}


def test_an_endpoint_is_limited_as_documented(world):
    one, other, *_ = (f"/warehouses/{record['id']}" for record in world.records("warehouses"))
    with running(world=world, limits=True, minute=3600) as emulator:
        get = getter(emulator)
        assert statuses(get, f"{one}/syncs", 1) + statuses(get, f"{other}/syncs", 2) == [200, 200, 429]
        assert statuses(get, f"{one}/advanced-sync-schedule", 3) == [200, 200, 429]
        assert statuses(get, "/sources", 9) == [200] * 9
        assert emulator.stats.refused == {"warehouse_syncs": 1, "warehouse_advanced_sync_schedules": 1}
        assert emulator.stats.by_status == {200: 13, 429: 2}
        assert len(emulator.stats.arrivals("warehouse_syncs")) == 2


def test_a_refusal_says_when_to_come_again(world):
    path = f"/warehouses/{world.records('warehouses')[0]['id']}/syncs"
    with running(world=world, limits=True) as emulator:
        get = getter(emulator)
        *_, refused = (get(path) for _ in range(3))
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["type"]) == (429, "too-many-requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert "data" not in error
        assert "X-RateLimit-Reset" not in refused.headers
        emulator.limits.set(minute=5)
        *_, refused = (get(path) for _ in range(3))
        (error,) = refused.json()["errors"]
        assert 0 < error["data"]["msBeforeNext"] <= 5000
        assert parsedate_to_datetime(refused.headers["X-RateLimit-Reset"])
        emulator.limits.set(minute=0.001)
        assert get(path).status_code == 200


def test_a_token_is_limited_as_a_whole(world):
    space = world.records("spaces")[0]["id"]
    with running(world=world, limits=True, minute=3600, token_limit=4) as emulator:
        get = getter(emulator)
        paths = ("/sources", "/nowhere", f"/spaces/{space}/computed-traits", "/spaces", "/spaces", "/sources")
        found = [get(path) for path in paths]
    assert [response.status_code for response in found] == [200, 404, 200, 200, 429, 429]
    told = [(found[at].headers["X-RateLimit-Remaining"], found[at].headers["X-RateLimit-Consumed"]) for at in (0, 2, 3)]
    # that of the endpoint is 25: the token's is nearer
    assert told == [("3", "1"), ("1", "3"), ("0", "4")]


def test_the_headers_tell_of_the_nearer_limit(world):
    space = world.records("spaces")[0]["id"]
    with running(world=world, limits=True, minute=3600) as emulator:
        get = getter(emulator)
        assert get("/sources").headers["X-RateLimit-Remaining"] == "999"
        assert get(f"/spaces/{space}/computed-traits").headers["X-RateLimit-Remaining"] == "24"


def test_a_wrong_token_and_a_refused_request_do_not_count(world):
    with running(world=world, limits=True, minute=3600, token_limit=1) as emulator:
        assert requests.get(f"{emulator.url}/sources", timeout=10).status_code == 401
        get = getter(emulator)
        assert statuses(get, "/sources", 3) == [200, 429, 429]
        emulator.limits.set(token_limit=2)
        assert statuses(get, "/sources", 3) == [200, 200, 429]
        emulator.limits.set(enforced=False)
        assert statuses(get, "/sources", 3) == [200, 200, 200]


def test_the_window_slides_from_arrival_to_arrival():
    arrivals = iter([1000.0, 1050.0, 1059.9, 1060.0, 1109.9, 1110.0, 1111.0])
    limits, row = Limits(enforced=True, minute=60, elapsed=lambda: next(arrivals)), (ROWS["warehouse_syncs"],)
    found: list[str | None] = []
    for _ in range(7):
        try:
            limits.arrive(row)
            found.append(None)
        except ApiError as refused:
            found.append(refused.response.headers["Retry-After"])
    assert found == [None, None, "1", None, "1", None, "9"]


@pytest.mark.parametrize(
    "wrong", [{"minute": 0}, {"minute": float("inf")}, {"minute": float("nan")}, {"token_limit": 0}]
)
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"above 0|1 or more"):
        Limits(**wrong)


def seen(at, status=200, endpoint="sources"):
    return Seen(endpoint=endpoint, method="GET", path="/", query="", accept=None, status=status, at=at)


@pytest.mark.parametrize(
    ("at", "part"),
    [
        ([], 0.0),
        ([0, 1], 0.5),
        ([0, 0, 0, 0], 1.0),
        ([0, 0, 0, 0, 10, 10, 10, 10, 20], 1.0),
        ([0, 2.5, 5, 7.5, 10, 12.5], 1.0),
        ([0, 5, 10, 15, 20], 0.5),
    ],
)
def test_stats_tell_how_much_of_a_limit_was_used(at, part):
    stats = Stats()
    with stats.open() as counting:
        for one in [*map(seen, at), seen(3, status=429), seen(4, endpoint="spaces")]:
            stats.add(one, counting)
    assert stats.utilization("sources", limit=4, minute=10) == part
    assert stats.arrivals("sources") == at
    assert stats.refused == {"sources": 1}


def test_arrivals_are_in_order(api, emulator):
    for _ in range(3):
        api.get("/sources")
    at = emulator.stats.arrivals("sources")
    assert at == sorted(at)
    assert len(set(at)) == 3


@pytest.mark.parametrize("feature", sorted({row.feature for row in CATALOGUE if row.feature}))
def test_a_missing_feature_closes_its_endpoints(ask, emulator, world, feature):
    emulator.features.set([feature])
    for row in CATALOGUE:
        values = next(v for v in world.lists(row.name) if row.time or not row.single or world.records(row.name, v))
        response = ask(row, values)
        assert response.status_code == (403 if row.feature == feature else 200)
        if row.feature == feature:
            (error,) = response.json()["errors"]
            assert error["type"] == "forbidden"
            assert f"feature {feature}" in error["message"]


def test_features_can_be_missing_from_the_start(world):
    with running(world=world, without=("Protocols", "Functions"), gate_status=404) as emulator:
        get = getter(emulator)
        found = [get(path) for path in ("/tracking-plans", "/functions", "/sources")]
        assert [response.status_code for response in found] == [404, 404, 200]
        assert found[0].json()["errors"][0]["message"] == "The feature Protocols is not enabled for the workspace."
        assert emulator.features.without == ("Protocols", "Functions")


def test_an_unknown_feature_is_refused():
    with pytest.raises(ValueError, match=r"unknown feature 'Magic'; the features are Live Plugins, .*Computed Trait"):
        Features(CATALOGUE, ["Magic"])
    with pytest.raises(ValueError, match="403 or 404"):
        Features(CATALOGUE, ["Protocols"], 500)
