"""dlt's named destinations: several of one type, each with credentials below its own name."""

from contextlib import closing

import duckdb
import psycopg2
import pytest

from segment_dagster import DestinationResource, EndpointSelection, SegmentResource, build_segment_defs
from segment_dagster.components.build import InstanceError
from segment_dagster.config import DestinationSettings
from segment_dagster.emulator import running
from segment_dagster.errors import SettingError
from segment_dagster.load import resolve_destination
from segment_dagster_tests.destinations.engines import postgres_server

NAMES = ("sources", "warehouses")


def load(emulator, instance, **destination):
    defs = build_segment_defs(
        name=instance,
        workspace=SegmentResource(token=emulator.token, base_url=emulator.url, history=True),
        destination=DestinationResource(**destination),
        select=EndpointSelection(endpoints=NAMES),
    )
    ran = defs.resolve_job_def(f"{instance}_sync").execute_in_process(raise_on_error=False)
    assert ran.success
    assert all(check.passed for check in ran.get_asset_check_evaluations())


@pytest.mark.slow
def test_a_duckdb_file_is_that_of_the_name(tmp_path, monkeypatch):
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "other.duckdb"))
    monkeypatch.setenv("DESTINATION__LAKE__CREDENTIALS", str(tmp_path / "lake.duckdb"))
    with running(seed=1, minute=0.05) as emulator:
        for _ in range(2):
            load(emulator, "one", name="lake", type="duckdb", dataset="segment_one")
        expected = {record["slug"] for record in emulator.world.records("sources")}
    with closing(duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True)) as file:
        assert {row[0] for row in file.execute("SELECT slug FROM segment_one.sources").fetchall()} == expected
    assert not (tmp_path / "other.duckdb").exists()


@pytest.mark.long
@pytest.mark.server
@pytest.mark.slow
def test_two_postgres_databases_are_told_apart_by_name(monkeypatch):
    with (
        postgres_server("CREATE DATABASE other OWNER loader") as address,
        running(seed=1, minute=0.05) as first,
        running(seed=2, minute=0.05) as second,
    ):
        addresses = {"crm": address, "finance": f"{address.rpartition('/')[0]}/other"}
        for name, where in addresses.items():
            monkeypatch.setenv(f"DESTINATION__{name.upper()}__CREDENTIALS", where)
        for _ in range(2):
            load(first, "one", name="crm", type="postgres", dataset="segment_data")
            load(second, "two", name="finance", type="postgres", dataset="segment_data")
        for emulator, where in ((first, addresses["crm"]), (second, addresses["finance"])):
            with closing(psycopg2.connect(where)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT slug FROM segment_data.sources")
                slugs = {row[0] for row in cursor.fetchall()}
            assert slugs == {record["slug"] for record in emulator.world.records("sources")}


def test_messages_name_the_settings_of_the_name(tmp_path, monkeypatch):
    with pytest.raises(SettingError, match=r"^DESTINATION__CRM__CREDENTIALS__DATABASE, .* are missing.") as caught:
        resolve_destination(DestinationSettings(type="postgres", name="crm"))
    assert "DESTINATION__POSTGRES" not in str(caught.value)
    monkeypatch.setenv("DESTINATION__LAKE__CREDENTIALS", str(tmp_path / "missing" / "lake.duckdb"))
    with pytest.raises(SettingError, match=r"^DESTINATION__LAKE__CREDENTIALS names .* missing or cannot be written to"):
        resolve_destination(DestinationSettings(name="lake"))


def test_a_name_that_dlt_could_not_have_as_a_section_is_refused():
    with pytest.raises(SettingError, match=r"is 'crm.eu'. Legal values: lower-case letters, digits and underscores"):
        DestinationSettings(name="crm.eu")


def test_a_name_of_an_instance_is_checked_when_it_loads():
    with pytest.raises(InstanceError, match=r"The Segment workspace 'eu' cannot be loaded: destination.name is 'CRM'."):
        build_segment_defs(name="eu", destination=DestinationResource(name="CRM"))
