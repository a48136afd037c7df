"""The DuckDB file while it is loaded into: opened once, with a bound on its memory, and free afterwards."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Fault
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.resources import segment_source, source_of_extracts
from segment_dagster.extract.result import Extract
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.undeclared import UNDECLARED
from segment_dagster.load import destination_lock, inspect_dataset, load, resolve_destination
from segment_dagster.load.duckdb_file import MEMORY_LIMIT, OPEN, memory_needed
from segment_dagster.load.pipeline import locked_pipeline

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
GLOBAL_CONFIG = "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG"


def setting(name):
    """What the connections that dlt opens have a setting of DuckDB at."""
    with (
        locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()) as pipeline,
        pipeline.sql_client() as client,
    ):
        ((found,),) = client.execute_sql(f"SELECT current_setting('{name}')") or ()
    return found


def delivered(name):
    with Extractor(ApiSettings()) as extractor:
        extract = extractor.extract(ROWS[name])
        load(
            source_of_extracts([extract]), resolve_destination(DestinationSettings()), extracts=[extract], now=utc_now()
        )
    return extract


def ids(table):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return [row[0] for row in connection.sql(f"SELECT id FROM segment_data.{table}").fetchall()]


def of(*sizes):
    """A delivery of parts with so many rows and bytes."""
    parts = [SpooledFile(Path("x"), rows, ("id",), size) for rows, size in sizes]
    rows = sum(rows for rows, _ in sizes)
    counts = {
        "rows": rows,
        "records": rows,
        "total_entries": rows,
        "lists": 1,
        "not_found": 0,
        "unstable": 0,
        "requests": 1,
    }
    return Extract(endpoint=ROWS["warehouses"], parts=parts, seconds=0.1, waited=0.0, preview=(), **counts)


def test_duckdb_is_bound_in_memory_and_threads_while_dlt_loads():
    assert (setting("threads"), setting("memory_limit")) == (1, "160.0 MiB")


@pytest.mark.parametrize(
    ("given", "name", "found"),
    [('{"threads": 3}', "threads", 3), ('{"memory_limit": "500MiB"}', "memory_limit", "500.0 MiB")],
)
def test_what_dlts_own_settings_say_counts(monkeypatch, given, name, found):
    monkeypatch.setenv(GLOBAL_CONFIG, given)
    assert setting(name) == found


def test_what_duckdb_is_opened_with_may_be_set(emulator, monkeypatch):
    monkeypatch.setenv(GLOBAL_CONFIG, '{"custom_user_agent": "somebody"}')
    load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    assert len(ids("warehouses")) == 3


def test_the_file_is_free_after_the_load_and_whole(emulator):
    load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    code = "import duckdb; print(len(duckdb.connect('segment.duckdb').sql('FROM segment_data.warehouses').fetchall()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "3\n"
    assert not Path("segment.duckdb.wal").exists()


def test_the_file_is_free_after_a_load_that_failed(emulator):
    with pytest.raises(ZeroDivisionError), destination_lock(resolve_destination(DestinationSettings()), make=True):
        raise ZeroDivisionError
    with duckdb.connect("segment.duckdb", config={"threads": 2}) as connection:
        connection.execute("CREATE TABLE free (x INT)")


def test_a_look_while_the_file_is_held_sees_the_tables(emulator):
    load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    with (
        destination_lock(resolve_destination(DestinationSettings()), make=True),
        inspect_dataset(resolve_destination(DestinationSettings())) as tables,
    ):
        assert tables.count("warehouses") == 3


def test_large_rows_have_more_room():
    assert memory_needed([of((500_000, 300_000_000))]) == MEMORY_LIMIT
    assert memory_needed([of((0, 0)), of((16_000, 740_000_000), (1, 100))]) == 740_000_000
    assert memory_needed([of((1_228_800, 7_400_000_000))]) == 740_000_000
    assert memory_needed([]) == MEMORY_LIMIT


def test_large_texts_and_many_columns_have_more_room():
    text = SpooledFile(Path("x"), 10, ("id",), 30_000_000, 30_000_000)
    assert memory_needed([replace(of(), parts=[text])]) == memory_needed([], [text])
    # measured: one text of 30 MB needs more than 200 MB and less than 300, two of them less than 450
    assert (
        300_000_000 < memory_needed([], [text]) < 450_000_000 < memory_needed([], [replace(text, largest=60_000_000)])
    )
    assert memory_needed([], [replace(text, bytes=8_000_000, largest=8_000_000)]) == MEMORY_LIMIT
    plain, more = SpooledFile(Path("x"), 0, ("id",)), SpooledFile(Path("y"), 1, ("id", UNDECLARED), 10)
    # the limit counts: how many columns there are is known to the table alone
    few, many = (replace(of(), parts=[plain, more], max_undeclared_columns=limit) for limit in (99, 1000))
    assert (memory_needed([few]), memory_needed([replace(many, parts=[plain])])) == (MEMORY_LIMIT, MEMORY_LIMIT)
    assert memory_needed([many]) > 800_000_000


def test_a_table_that_is_made_of_others_has_the_room_it_needs_too():
    text = SpooledFile(Path("x"), 1, ("id",), 100_000_000, 100_000_000)
    with (
        locked_pipeline(resolve_destination(DestinationSettings()), made=[text], now=utc_now()) as pipeline,
        pipeline.sql_client() as client,
    ):
        ((found,),) = client.execute_sql("SELECT current_setting('memory_limit')") or ()
    assert found == "858.9 MiB"


def test_a_file_with_a_wide_table_has_more_room_from_the_beginning():
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"CREATE TABLE wide ({', '.join(f'c{number} INT' for number in range(300))})")
    with destination_lock(resolve_destination(DestinationSettings()), make=True):
        (connection,) = OPEN.values()
        ((found,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    assert found == "310.0 MiB"


def test_what_is_loaded_has_the_room_it_needs():
    with (
        locked_pipeline(
            resolve_destination(DestinationSettings()), extracts=[of((16_000, 740_000_000))], now=utc_now()
        ) as pipeline,
        pipeline.sql_client() as client,
    ):
        ((found,),) = client.execute_sql("SELECT current_setting('memory_limit')") or ()
    assert found == "705.7 MiB"


def staged():
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        ((rows,),) = connection.execute("SELECT count(*) FROM segment_data_staging.warehouses").fetchall()
    return rows


def test_what_was_swapped_in_is_there_once(emulator):
    delivered("warehouses")
    assert staged() == 0
    assert len(ids("warehouses")) == 3


def test_what_dlts_own_setting_says_of_the_staging_dataset_counts(emulator, monkeypatch):
    monkeypatch.setenv("LOAD__TRUNCATE_STAGING_DATASET", "false")
    delivered("warehouses")
    assert staged() == 3


def test_what_looks_at_the_tables_afterwards_has_no_more_room_than_before():
    with destination_lock(resolve_destination(DestinationSettings()), make=True):
        with locked_pipeline(
            resolve_destination(DestinationSettings()), extracts=[of((16_000, 740_000_000))], now=utc_now()
        ):
            pass
        (connection,) = OPEN.values()
        ((found,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    assert found == "160.0 MiB"


@pytest.mark.parametrize("name", ["allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"])
def test_duckdb_gives_back_what_it_has_freed(name):
    assert setting(name) == "7.6 MiB"


def test_a_key_that_comes_twice_is_merged_into_one_row_whatever_the_run_before_found(emulator):
    # the schema that dlt stores keeps what the first run said of its rows
    assert delivered("audit_events").unique
    emulator.faults.add(Fault("duplicate", "audit_events"))
    extract = delivered("audit_events")
    assert not extract.unique
    found = ids("audit_events")
    assert len(found) == len(set(found)) < extract.rows


def test_rows_of_a_first_load_that_come_twice_are_one_row(emulator):
    emulator.faults.add(Fault("duplicate", "audit_events"))
    assert delivered("audit_events").rows > len(ids("audit_events")) == len(set(ids("audit_events")))


def test_what_is_replaced_whole_is_not_looked_through_for_its_keys(emulator):
    assert not delivered("warehouses").unique


def test_nothing_but_the_file_is_left(emulator):
    delivered("warehouses")
    assert [path.name for path in Path().iterdir()] == ["segment.duckdb"]
