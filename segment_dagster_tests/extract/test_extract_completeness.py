"""Whether what an endpoint's requests are made from came whole: an incomplete parent leaves its children incomplete."""

import tempfile

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.extract.extractor import Extractor
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    directory = tmp_path / "spools"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))


def read(name, **settings):
    with Extractor(ApiSettings(concurrency=1, **settings)) as extractor:
        return extractor.extract(ROWS[name])


@pytest.mark.parametrize(
    ("fault", "name", "incomplete"),
    [
        (Fault("wrong-total", "users"), "user_user_groups", "its parent users delivered 60 records of 61"),
        (Fault("duplicate", "warehouses"), "warehouse_syncs", "its parent warehouses delivered 4 records of 3"),
        (
            Fault("wrong-total", "warehouses"),
            "warehouse_selective_syncs",
            "its parent warehouse_connected_sources may lack rows: its parent warehouses delivered 3 records of 4",
        ),
        (Fault("wrong-total", "space_traits"), "space_traits", None),
        (Fault("wrong-total", "user_user_groups"), "user_user_groups", None),
    ],
    ids=lambda value: value.endpoint if isinstance(value, Fault) else None,
)
def test_a_parent_whose_records_are_not_those_it_counts_is_told(fault, name, incomplete, emulator, caplog):
    emulator.faults.add(fault)
    extract = read(name)
    assert (extract.parent_incomplete, extract.parent_doubtful) == (incomplete, None)
    assert (f"{name}: {incomplete}" in caplog.text) is bool(incomplete)


def test_what_is_worked_out_tells_that_its_base_is_incomplete(emulator):
    base = "usage_api_calls_per_source_daily"
    emulator.faults.add(Fault("wrong-total", base))
    (derived,) = (endpoint for endpoint in TABLES if endpoint.derived_from == base)
    with Extractor(ApiSettings(concurrency=1)) as extractor:
        said = extractor.extract(derived).parent_incomplete
    assert said is not None
    assert said.startswith(f"{base}, which it is worked out from, delivered ")


def test_a_parent_that_never_stood_still_is_told(emulator):
    for request in range(2, 16):
        made = Edit("sources", "create", f"made{request}")
        emulator.hooks.at(request, lambda made=made: emulator.edits.add(made), "sources")
    extract = read("source_schema_settings", page_size=9)
    assert extract.parent_incomplete == "its parent sources changed while being read"


@pytest.mark.parametrize(
    ("name", "doubtful"),
    [
        (
            "warehouse_selective_syncs",
            "1 list of its parent warehouse_connected_sources answered 404 twice though still listed",
        ),
        (
            "warehouse_source_syncs",
            "1 list of its parent warehouse_connected_sources answered 404 twice though still listed",
        ),
    ],
)
def test_a_parent_of_which_lists_were_not_found_is_doubtful(name, doubtful, emulator, caplog):
    emulator.faults.add(Fault("gone", "warehouse_connected_sources"))
    extract = read(name)
    assert (extract.parent_incomplete, extract.parent_doubtful) == (None, doubtful)
    assert f"{name}: {doubtful}" in caplog.text


@pytest.mark.long
def test_a_grandparent_of_which_lists_were_not_found_is_doubtful(emulator):
    emulator.faults.add(Fault("gone", "segments"))
    assert read("audience_references").parent_doubtful is not None
    emulator.faults.clear()
    emulator.faults.add(Fault("gone", "destination_subscriptions"), Fault("wrong-total", "destinations"))
    extract = read("reverse_etl_syncs")
    said = "its parent destination_subscriptions may lack rows: its parent destinations delivered 80 records of 81"
    assert extract.parent_incomplete == said
    assert extract.parent_doubtful.startswith("1 list of its parent destination_subscriptions answered 404 twice")


@pytest.mark.parametrize(
    "name",
    often(["user_user_groups", "warehouse_selective_syncs", "space_entity_properties", "audience_references"], 2),
)
def test_a_parent_that_came_whole_is_no_reason(name, emulator):
    extract = read(name)
    assert (extract.parent_incomplete, extract.parent_doubtful) == (None, None)


def test_the_versioned_layout_asks_for_no_parent(emulator):
    emulator.faults.add(Fault("wrong-total", "users"))
    assert read("warehouses").parent_incomplete is None
