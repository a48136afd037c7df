"""The emulator answers as the official SDK expects, asked by the facts alone: no row of the catalogue is read here."""

from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import islice

import pytest

from segment_dagster.emulator import Emulator, World, running
from segment_dagster_tests.facts.asking import Asker
from segment_dagster_tests.facts.facts import load
from segment_dagster_tests.facts.shape import problems, records

FACTS = load()
NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
LISTS_TRIED = 60
LISTS_READ = 3

every_endpoint = pytest.mark.parametrize("name", sorted(FACTS.endpoints))
paginated = pytest.mark.parametrize("name", sorted(name for name, facts in FACTS.endpoints.items() if facts.maximum))


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Emulator]:
    with running(world=world, now=NOW) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def asker(served: Emulator) -> Iterator[Asker]:
    asker = Asker(served.url, served.token, FACTS, NOW)
    yield asker
    asker.close()


@every_endpoint
def test_answers_have_the_shape_that_the_sdk_reads(asker: Asker, name: str):
    about = FACTS.endpoints[name]
    read = 0
    for values in islice(asker.lists(name), LISTS_TRIED):
        for whole in (False, True):
            response = asker.ask(name, values, whole=whole)
            if response.status_code == 404:
                # a source may have no live plugin, and a function that is no insert function has no instances
                continue
            assert response.status_code == 200, response.text
            assert response.headers["Content-Type"] == about.accept
            assert problems(response.json(), about, FACTS) == []
            found = records(response.json(), about)
            assert about.maximum is None or len(found) <= about.maximum
            read += bool(found)
        if read >= 2 * LISTS_READ:
            break
    assert read


@pytest.fixture(scope="module")
def planted() -> Iterator[Asker]:
    with running(scale=0, planted=True, now=NOW) as emulator:
        asker = Asker(emulator.url, emulator.token, FACTS, NOW)
        yield asker
        asker.close()


@every_endpoint
def test_planted_records_have_the_shape_that_the_sdk_reads(planted: Asker, name: str):
    about = FACTS.endpoints[name]
    for values in islice(planted.lists(name), LISTS_READ):
        response = planted.ask(name, values, whole=True)
        if response.status_code != 404:
            assert problems(response.json(), about, FACTS) == []


@paginated
def test_a_page_beyond_the_maximum_is_refused(asker: Asker, name: str):
    about = FACTS.endpoints[name]
    values = asker.answered(name)
    response = asker.ask(name, values, (about.maximum or 0) + 1)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == about.count


@every_endpoint
def test_rate_limits_are_those_that_the_sdk_states(asker: Asker, served: Emulator, name: str):
    about = FACTS.endpoints[name]
    values = asker.answered(name)
    served.limits.set(enforced=False)  # counts from zero
    headers = asker.ask(name, values, 1).headers
    allowed = int(headers["X-RateLimit-Remaining"]) + int(headers["X-RateLimit-Consumed"])
    assert allowed == (about.limit or served.limits.token_limit)


@every_endpoint
def test_features_gate_the_endpoints_that_the_sdk_says_need_them(asker: Asker, served: Emulator, name: str):
    about = FACTS.endpoints[name]
    values = asker.answered(name)
    features = {facts.feature for facts in FACTS.endpoints.values() if facts.feature}
    try:
        served.features.set(features - {about.feature}, 403)
        without_the_others = asker.ask(name, values, 1).status_code
        served.features.set(features & {about.feature}, 403)
        without_its_own = asker.ask(name, values, 1).status_code
    finally:
        served.features.set((), 403)
    assert (without_the_others, without_its_own) == (200, 403 if about.feature else 200)
