"""What is read daily takes minutes in a large workspace, and what takes longer is read weekly."""

from math import ceil

import pytest

from segment_dagster.automation import families
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE, TABLES

BUDGET = ApiSettings.model_fields["requests_per_minute"].default

LARGE = 20
"""How much larger than the emulator's the workspace is: 800 sources, 1,600 destinations, 48,000 audiences."""

RARELY = 2
"""Requests a minute that Segment allows where it allows few."""


def minutes(endpoint, world):
    """Minutes that asking for every list of the endpoint takes at least, in a large workspace."""
    lists = len(world.lists(endpoint.name)) * LARGE if endpoint.parent else 1
    allowed = min(endpoint.requests_per_minute or BUDGET, BUDGET)
    return ceil(lists / allowed) - 1


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_slow_is_what_takes_over_ten_minutes_or_is_allowed_rarely(endpoint, world):
    rarely = endpoint.requests_per_minute is not None and endpoint.requests_per_minute <= RARELY
    assert endpoint.slow == (rarely or minutes(endpoint, world) > 10)


def test_every_table_is_read_by_one_family():
    every = families(TABLES, slow=("roles",))
    assert sorted(row.name for family in every for row in family.endpoints) == sorted(row.name for row in TABLES)
    (weekly,) = (family for family in every if family.name == "segment_slow")
    assert {row.name for row in weekly.endpoints} == {"roles", *(row.name for row in CATALOGUE if row.slow)}
