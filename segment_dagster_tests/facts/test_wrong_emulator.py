"""An emulator with a wrong row in its catalogue answers otherwise than the facts say, and that is seen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from segment_dagster.emulator import running
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.columns import BETA
from segment_dagster_tests.facts.asking import Asker
from segment_dagster_tests.facts.facts import load
from segment_dagster_tests.facts.shape import problems

FACTS = load()
NOW = datetime(2024, 3, 15, tzinfo=timezone.utc)
WRONG: dict[str, dict[str, Any]] = {
    "labels": {"path": "/tags"},
    "users": {"selector": ("data", "people")},
    "roles": {"media_type": BETA},
    "sources": {"page_size": 2000},
    "destinations": {"requests_per_minute": 9},
}


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    catalogue = [replace(row, **WRONG.get(row.name, {})) for row in CATALOGUE]
    with running(catalogue=catalogue, now=NOW) as emulator:
        asker = Asker(emulator.url, emulator.token, FACTS, NOW)
        yield asker
        asker.close()


def test_a_wrong_path_is_not_found(asker: Asker):
    assert asker.ask("labels", {}).status_code == 404


def test_a_wrong_selector_is_told(asker: Asker):
    assert problems(asker.ask("users", {}).json(), FACTS.endpoints["users"], FACTS) == [
        "data.people is not known to the SDK",
        "data.users is NoneType, not array<object>",
    ]


def test_a_wrong_media_type_is_refused(asker: Asker):
    assert asker.ask("roles", {}).status_code == 406


def test_a_wrong_maximum_lets_too_large_a_page_through(asker: Asker):
    assert asker.ask("sources", {}, 1001).status_code == 200


def test_a_wrong_limit_is_seen_in_the_headers(asker: Asker):
    headers = asker.ask("destinations", {}).headers
    assert int(headers["X-RateLimit-Remaining"]) + int(headers["X-RateLimit-Consumed"]) == 9
