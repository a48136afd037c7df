"""What `_compat/dlt_state.py` takes for granted of the state of dlt's pipelines."""

import dlt
import pytest

from segment_dagster._compat.dlt_state import remember_duckdb_file, stored_state

pytestmark = pytest.mark.slow

BREAKS = "see segment_dagster/_compat/dlt_state.py"


def pipeline_of(directory, destination):
    return dlt.pipeline("compat", str(directory), destination=destination, dataset_name="data")


def test_a_file_that_was_remembered_is_found_without_a_setting(tmp_path, monkeypatch):
    file, elsewhere = tmp_path / "file.duckdb", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    first = pipeline_of(tmp_path / "pipelines", dlt.destinations.duckdb(str(file)))
    first.run([{"id": 1}], table_name="rows")
    remember_duckdb_file(first, file)
    with pipeline_of(tmp_path / "pipelines", "duckdb").sql_client() as client:
        opened = [row[0] for row in client.execute_sql("SELECT path FROM duckdb_databases() WHERE NOT internal") or ()]
    assert opened == [str(file)], f"dlt takes no file from 'duckdb_database' in a pipeline's state: {BREAKS}"
    assert list(elsewhere.iterdir()) == []


def test_the_state_of_a_pipeline_is_read_from_the_destination(tmp_path):
    @dlt.resource
    def rows():
        dlt.current.resource_state()["read_at"] = "today"
        yield {"id": 1}

    pipeline = pipeline_of(tmp_path, dlt.destinations.duckdb(str(tmp_path / "file.duckdb")))
    pipeline.run(rows())
    with pipeline.destination_client() as client:
        state = stored_state("compat", client)
        assert stored_state("another", client) == {}
    held = [resource.get("read_at") for each in state["sources"].values() for resource in each["resources"].values()]
    assert held == ["today"], f"dlt keeps the state of a resource elsewhere: {BREAKS}"
