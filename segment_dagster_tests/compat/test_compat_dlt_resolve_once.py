"""What `_compat/dlt_resolve_once.py` takes for granted of dlt's destinations."""

from typing import Any

import dlt
import pytest
from dlt.common.destination import reference

from segment_dagster._compat.dlt_clients import Extensions, extend_destination

pytestmark = pytest.mark.slow

BREAKS = "see segment_dagster/_compat/dlt_resolve_once.py"
NOTHING = Extensions(lambda _: (), lambda _: None, lambda job: job)


def extended_destination(factory, extensions) -> Any:
    return extend_destination(factory, extensions)


@pytest.fixture
def looked_up(monkeypatch):
    """What dlt looks up for a destination: one entry each time."""
    looked_up, resolve = [], vars(reference)["resolve_configuration"]

    def count(spec, **options):
        looked_up.append(type(spec))
        return resolve(spec, **options)

    monkeypatch.setattr(reference, "resolve_configuration", count)
    return looked_up


def load(factory, tmp_path, name):
    destination = factory(str(tmp_path / f"{name}.duckdb"))
    pipeline = dlt.pipeline(name, str(tmp_path), destination=destination, dataset_name="any")
    pipeline.run([{"id": 1}], table_name="rows")
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT id FROM rows") == [(1,)], f"a copied configuration opens nothing: {BREAKS}"


def test_dlt_looks_its_settings_up_again_and_again_and_here_once(tmp_path, looked_up):
    load(dlt.destinations.duckdb, tmp_path, "plain")
    plain = len(looked_up)
    looked_up.clear()
    load(extended_destination(dlt.destinations.duckdb, NOTHING), tmp_path, "once")
    assert plain > 10, f"dlt looks a destination up {plain} times a load: ResolvesOnce is not needed. {BREAKS}"
    assert len(looked_up) < plain * 0.7, f"dlt looks up elsewhere, {len(looked_up)} times: {BREAKS}"


def test_parameters_are_read_from_the_signature_of_dlts_own_class(tmp_path):
    made = extended_destination(dlt.destinations.duckdb, NOTHING)("x.duckdb", create_indexes=True)
    assert made.config_params.keys() >= {"credentials", "create_indexes"}, f"parameters are lost: {BREAKS}"


def test_a_copy_of_duckdbs_credentials_has_no_pool_until_it_is_resolved():
    destination = extended_destination(dlt.destinations.duckdb, NOTHING)("x.duckdb")
    spec = destination.spec()
    spec.dataset_name = "any"
    first, second = destination.configuration(spec), destination.configuration(spec)
    assert first is not second
    for configuration in (first, second):
        pool = getattr(configuration.credentials, "conn_pool", None)
        assert pool is not None, f"a copy of DuckDB's credentials has no conn_pool: {BREAKS}"
    assert first.credentials.conn_pool is not second.credentials.conn_pool


def test_each_copy_has_the_default_credentials_of_the_machine(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    destination = extended_destination(dlt.destinations.filesystem, NOTHING)("s3://any/where")
    spec = destination.spec()
    spec.dataset_name = "any"
    first, second = destination.configuration(spec), destination.configuration(spec)
    assert not first.credentials.copy().has_default_credentials(), f"dlt copies them itself: {BREAKS}"
    assert first.credentials.has_default_credentials() and second.credentials.has_default_credentials()
