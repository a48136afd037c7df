"""The check of a table's shape, on a destination that keeps JSON as text."""

from dataclasses import replace
from datetime import datetime, timezone

import duckdb
import pytest

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.checks.schema import SchemaCheck
from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import inspect_dataset, load, resolve_destination

pytestmark = pytest.mark.slow

(SOURCES,) = (endpoint for endpoint in CATALOGUE if endpoint.name == "sources")


@pytest.mark.parametrize(("lands", "passed"), [({}, False), ({"json": "text"}, True)])
def test_types_are_those_that_the_destination_gives_them(emulator, lands, passed):
    load(segment_source(endpoints=["sources"]), resolve_destination(DestinationSettings()), now=utc_now())
    json_columns = [column_name(column.field) for column in SOURCES.columns if column.type == "json"]
    with duckdb.connect("segment.duckdb") as connection:
        for column in json_columns:
            connection.execute(f"ALTER TABLE segment_data.sources ALTER {column} TYPE VARCHAR")
    destination = resolve_destination(DestinationSettings())
    destination = replace(destination, capabilities=replace(destination.capabilities, lands=lands))
    with inspect_dataset(destination) as tables:
        result = SchemaCheck().evaluate(
            CheckContext(endpoint=SOURCES, key_of=asset_key, tables=tables, now=datetime.now(timezone.utc))
        )
    assert result.passed is passed
    assert passed or f"retyped: {json_columns[0]} (json, found text)" in (result.description or "")
