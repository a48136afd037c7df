"""The staging dataset, which dlt empties, is nobody else's; and a look at the tables knows columns by their names."""

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import load, load_extracts, preflight, resolve_destination

pytestmark = pytest.mark.slow


def change(*statements):
    with duckdb.connect("segment.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def query(sql):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


FOREIGN = {
    "a table of the same name": ["CREATE TABLE segment_data_staging.sources AS SELECT 7 AS i"],
    "a table of another name": ["CREATE TABLE segment_data_staging.mine AS SELECT 7 AS i"],
    "a view": ["CREATE VIEW segment_data_staging.mine AS SELECT 7 AS i"],
    "a dataset of dlt's": [
        "CREATE TABLE segment_data_staging._dlt_version AS SELECT 'segment_source' AS schema_name, 7 AS i",
        "CREATE TABLE segment_data_staging._dlt_loads AS SELECT 7 AS i",
    ],
    "the staging dataset of another pipeline": [
        "CREATE TABLE segment_data_staging._dlt_version AS SELECT 'another' AS schema_name, 7 AS i",
    ],
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_staging_dataset_of_somebody_elses_is_refused_and_kept(emulator, foreign):
    change("CREATE SCHEMA segment_data_staging", *FOREIGN[foreign])
    tables = query("SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL")
    for step in (
        lambda destination: preflight(destination, (), now=utc_now()),
        lambda destination: load(segment_source(endpoints=["sources"]), destination, now=utc_now()),
    ):
        with pytest.raises(SettingError) as caught:
            step(resolve_destination(DestinationSettings()))
        text = str(caught.value)
        assert text.splitlines() == [text]
        assert text.startswith(
            "SEGMENT_DATASET is 'segment_data', and dlt would stage rows in 'segment_data_staging', "
        )
        assert "Nothing was touched." in text and "DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT" in text
        assert query("SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL") == tables
    assert emulator.stats.total == 0


def test_dlts_own_staging_dataset_is_taken_whatever_became_of_the_other(emulator):
    load(segment_source(endpoints=["sources"]), resolve_destination(DestinationSettings()), now=utc_now())
    preflight(resolve_destination(DestinationSettings()), (), now=utc_now())
    change("DROP SCHEMA segment_data CASCADE")
    load(segment_source(endpoints=["sources"]), resolve_destination(DestinationSettings()), now=utc_now())
    change("DROP SCHEMA segment_data_staging CASCADE", "CREATE SCHEMA segment_data_staging")
    load(segment_source(endpoints=["sources", "warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    assert query("SELECT count(*) FROM segment_data.sources") == [(40,)]


def test_another_layout_leads_elsewhere(emulator, monkeypatch):
    change("CREATE SCHEMA segment_data_staging", *FOREIGN["a table of the same name"])
    monkeypatch.setenv("DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT", "tmp_%s")
    load(segment_source(endpoints=["sources"]), resolve_destination(DestinationSettings()), now=utc_now())
    assert query("SELECT * FROM segment_data_staging.sources") == [(7,)]


def read():
    with Extractor(ApiSettings()) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in ("sources", "warehouses")])
        assert failures == []
        return load_extracts(extracts, resolve_destination(DestinationSettings()), now=utc_now()).unchanged


SAME = {
    "renamed and back": ["RENAME name TO other", "RENAME other TO name"],
    "at another place": ["ADD COLUMN moved VARCHAR", "name", "DROP name", "RENAME moved TO name"],
}
CHANGED = {
    "two columns that change names": ["RENAME name TO other", "RENAME slug TO name", "RENAME other TO slug"],
    "renamed": ["RENAME name TO other"],
    "a new column without values": ["ADD COLUMN other VARCHAR"],
}


@pytest.mark.parametrize("case", [*SAME, *CHANGED])
def test_the_digest_covers_names_with_their_values(emulator, case):
    read()
    rows = query("SELECT id, name, slug FROM segment_data.sources ORDER BY id")
    for step in (SAME | CHANGED)[case]:
        copy = "UPDATE segment_data.sources SET moved = name"
        change(copy if step == "name" else f"ALTER TABLE segment_data.sources {step}")
    assert ("sources" in read()) == (case in SAME)
    assert query("SELECT id, name, slug FROM segment_data.sources ORDER BY id") == rows
    assert "sources" in read()
