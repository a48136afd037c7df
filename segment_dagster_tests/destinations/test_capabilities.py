"""The table of destinations: complete, described in the documentation, and true of dlt."""

from importlib.metadata import metadata
from pathlib import Path

import dlt
import pytest

from segment_dagster.load.capabilities import BUCKETS, DESTINATIONS, TABLE_FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text(encoding="utf-8")
ALL = dict(DESTINATIONS) | {f"filesystem, {name}": capabilities for name, capabilities in TABLE_FORMATS.items()}


@pytest.mark.parametrize("name", DESTINATIONS)
def test_dlt_has_the_destination(name):
    assert hasattr(dlt.destinations, name)


@pytest.mark.parametrize("name", ALL)
def test_the_page_tells_of_it_and_its_extra(name):
    destination, _, table_format = name.partition(", ")
    named = f"| `{destination}`" + (f", `SEGMENT_TABLE_FORMAT={table_format}` |" if table_format else " |")
    # of the first table
    line = next(line for line in PAGE.splitlines() if line.startswith(named))
    extra = ALL[name].driver.extra
    assert extra is None or f"`{extra}`" in line


def test_every_extra_is_one_of_the_projects():
    provided = set(metadata("segment_dagster").get_all("Provides-Extra") or ())
    assert {capabilities.driver.extra for capabilities in ALL.values() if capabilities.driver.extra} <= provided
    assert {bucket.extra for bucket in BUCKETS.values()} <= provided


@pytest.mark.parametrize(
    "name", [name for name, capabilities in ALL.items() if not capabilities.driver.modules or name == "postgres"]
)
def test_dlt_takes_the_form_in_which_rows_come(name):
    ours = ALL[name]
    dlts = getattr(dlt.destinations, name.partition(", ")[0])()._raw_capabilities()
    assert ours.loader_format in dlts.supported_loader_file_formats
    assert ours.replace_strategy in dlts.supported_replace_strategies
