"""What `_compat/dlt_clients.py` takes for granted of dlt's destinations and their clients."""

from typing import Any

import dlt
import pytest
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.destinations.sql_client import SqlClientBase

from segment_dagster._compat.dlt_clients import CleanErrors, Extensions, extend_destination, is_psycopg

BREAKS = "errors may quote rows, and waits for a lock may never end: see segment_dagster/_compat/dlt_clients.py"


def extended_destination(factory, extensions) -> Any:
    return extend_destination(factory, extensions)


class Clean(CleanErrors):
    @staticmethod
    def clean(error):
        error.args = ("cleaned",)


@pytest.fixture
def prepared():
    return []


@pytest.fixture
def pipeline(tmp_path, prepared):
    extensions = Extensions(lambda _: (Clean,), prepared.append, lambda job: job)
    destination = extended_destination(dlt.destinations.duckdb, extensions)(str(tmp_path / "file.duckdb"))
    return dlt.pipeline("compat", str(tmp_path), destination=destination, dataset_name="any")


def test_the_sql_client_of_a_pipeline_has_the_mixins_and_is_prepared_before_it_connects(pipeline, prepared):
    pipeline.run([{"id": 1}], table_name="rows")
    assert prepared, f"dlt makes SQL clients without Destination.client_class: {BREAKS}"
    with pipeline.sql_client() as opened:
        client: Any = opened
        assert isinstance(client, Clean), f"dlt takes another client than the job client's sql_client: {BREAKS}"
        assert client in prepared
        assert list(opened.execute_sql("SELECT id FROM rows")) == [(1,)]


def test_what_a_driver_raises_is_cleaned_before_dlt_wraps_it(pipeline):
    pipeline.run([{"id": 1}], table_name="rows")
    with pipeline.sql_client() as client, pytest.raises(DatabaseException) as caught:
        client.execute_sql("SELECT 'a value'::int FROM rows")
    assert str(caught.value.dbapi_exception) == "cleaned", f"dlt has no _make_database_exception: {BREAKS}"
    assert "a value" not in str(caught.value)


def test_an_extended_destination_has_dlts_own_name(tmp_path):
    own = dlt.destinations.duckdb
    extended = extended_destination(own, Extensions(lambda _: (), lambda _: None, lambda job: job))
    assert extended is not own
    types = {extended("x").destination_type, own("x").destination_type}
    assert len(types) == 1, f"dlt finds no destination by its class's module and name: {BREAKS}"


def test_files_have_their_load_jobs_chosen_by_the_client():
    assert callable(getattr(FilesystemClient, "get_load_job_class", None)), (
        f"dlt has no FilesystemClient.get_load_job_class: Delta and Iceberg refuse new columns. {BREAKS}"
    )


def test_the_client_of_postgres_is_known_by_its_name():
    from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

    assert is_psycopg(Psycopg2SqlClient)
    for name in ("native_connection", "execute_query"):
        assert hasattr(Psycopg2SqlClient, name), f"dlt's client of PostgreSQL has no {name}: {BREAKS}"
    assert not is_psycopg(SqlClientBase)
