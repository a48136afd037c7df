"""PostgreSQL: who reads meanwhile, who holds a lock, and what a table there refuses."""

import logging
from contextlib import closing, contextmanager

import psycopg2
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Edit, Fault
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.load import LoadError, inspect_dataset, load_extracts, preflight, resolve_destination
from segment_dagster_tests.destinations.engines import postgres_server
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.server, pytest.mark.slow]

CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"
NAMES = ("sources", "warehouses", "workspace", "labels")


@pytest.fixture(scope="module")
def address():
    """A server. Its role `other` may do all."""
    with postgres_server("CREATE ROLE other LOGIN SUPERUSER PASSWORD 'of-another'") as address:
        yield address


@pytest.fixture
def server(address, monkeypatch):
    """The server with an empty database; the settings point at it."""
    monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
    monkeypatch.setenv(CREDENTIALS, address)
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.4")
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    with session(address, "other") as connection:
        run(
            connection, "DROP SCHEMA IF EXISTS segment_data CASCADE; DROP SCHEMA IF EXISTS segment_data_staging CASCADE"
        )
    return address


@contextmanager
def session(address, role="loader", **options):
    """A session of somebody's, in a transaction that nobody ends."""
    if role == "other":
        address = f"postgresql://other:of-another@{address.partition('@')[2]}"
    with closing(psycopg2.connect(address, **options)) as connection:
        yield connection


def run(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else connection.commit()


def read(*names, history=False, always=True):
    with Extractor(ApiSettings(history=history)) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names or NAMES])
        assert failures == []
        return load_extracts(
            extracts, resolve_destination(DestinationSettings(always_load=always)), history=history, now=utc_now()
        )


def rename(emulator, world, name="renamed"):
    source = world.records("sources")[0]["id"]
    emulator.edits.add(Edit("sources", "modify", source, {"name": name}))
    return f"SELECT name FROM segment_data.sources WHERE id = '{source}'"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("history", often([True, False], 1))
def test_a_reader_that_is_idle_in_a_transaction_sees_the_old_rows_and_holds_nobody_up(emulator, world, server, history):
    read(history=history)
    name = rename(emulator, world)
    with session(server, application_name="dashboard") as extractor:
        extractor.set_session(isolation_level="REPEATABLE READ", readonly=True)
        before = run(extractor, "SELECT * FROM segment_data.sources ORDER BY id")
        # a look at all tables, as a dump has it
        run(extractor, "SELECT count(*) FROM segment_data.warehouses, segment_data_staging.sources")
        assert read(history=history).failures == []
        assert run(extractor, "SELECT * FROM segment_data.sources ORDER BY id") == before
        with session(server) as later:
            assert run(later, name) == [("renamed",)]


def lines(loaded):
    found = {failure.endpoint.name: str(failure.error) for failure in loaded.failures}
    assert all(line.splitlines() == [line] and line.startswith(f"{name}: ") for name, line in found.items())
    return found


@pytest.mark.timeout(60)
def test_who_holds_a_lock_is_named_and_the_other_tables_are_loaded(emulator, world, server):
    read()
    rename(emulator, world)
    with session(server, "other", application_name="a migration") as holder:
        run(holder, "SELECT 1")
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE segment_data.sources IN ACCESS EXCLUSIVE MODE")
        loaded = read()
        said = lines(loaded)["sources"]
        assert list(lines(loaded)) == ["sources"] and loaded.packages
        assert said.startswith(
            f"sources: postgres: waited 0.4 s for a lock that the session with pid {holder.info.backend_pid} "
            "(user other, application a migration, "
        )
        assert said.endswith(" or raise SEGMENT_LOCK_TIMEOUT.")
    assert lines(read()) == {}


@pytest.mark.long
@pytest.mark.timeout(60)
def test_of_ones_own_session_the_state_and_its_begin_are_told(emulator, server):
    read()
    with session(server, application_name="a notebook") as holder:
        with holder.cursor() as cursor:
            cursor.execute("SELECT * FROM segment_data.warehouses FOR UPDATE")
        said = lines(read())["warehouses"]
        assert "(user loader, application a notebook, idle in transaction since 20" in said


@pytest.mark.long
@pytest.mark.timeout(60)
def test_a_new_column_waits_for_readers_and_who_reads_is_named(emulator, server):
    read()
    emulator.faults.add(Fault("extra-field", "sources"))
    with session(server, application_name="dashboard") as extractor:
        run(extractor, "SELECT 1 FROM segment_data.sources")
        said = lines(read())
        assert (
            list(said) == ["sources"] and "(user loader, application dashboard, idle in transaction" in said["sources"]
        )
    assert lines(read()) == {}


@pytest.mark.timeout(60)
def test_a_lock_of_what_dlt_keeps_of_its_own_stops_the_run_in_one_line(emulator, server):
    read()
    with session(server, "other") as holder:
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE segment_data._dlt_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(
            LoadError, match=rf"waited 0\.4 s for a lock that the session with pid {holder.info.backend_pid}"
        ):
            read()
        with (
            pytest.raises(LoadError, match=r"waited 0\.4 s"),
            inspect_dataset(resolve_destination(DestinationSettings())) as tables,
        ):
            tables.first_loads(["sources"])


def test_what_the_user_says_of_lock_timeouts_counts(server, monkeypatch):
    monkeypatch.setenv(CREDENTIALS, f"{server}?options=-clock_timeout%3D7s")
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert tables._query("SHOW lock_timeout") == [("7s",)]
    monkeypatch.setenv(CREDENTIALS, server)
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert tables._query("SHOW lock_timeout") == [("400ms",)]


REFUSED = {
    "retyped": "ALTER TABLE segment_data.sources ALTER enabled TYPE integer USING 1",
    "a-unique-index": "CREATE UNIQUE INDEX mine ON segment_data.sources ((workspace_id IS NULL))",
    "a-dropped-key": "ALTER TABLE segment_data.sources DROP id",
    "a-view": "ALTER TABLE segment_data.sources RENAME TO kept; "
    "CREATE VIEW segment_data.sources AS SELECT DISTINCT * FROM segment_data.kept",
    "of-another": "ALTER TABLE segment_data.sources OWNER TO other",
    "no-permission": "REVOKE INSERT ON segment_data.sources FROM loader",
    "not-to-be-read": "REVOKE SELECT ON segment_data.sources FROM loader",
    "a-check": "ALTER TABLE segment_data.sources ADD CONSTRAINT mine CHECK (name IS NULL) NOT VALID",
    "not-null": "ALTER TABLE segment_data.sources ADD COLUMN mine integer NOT NULL DEFAULT 1; "
    "ALTER TABLE segment_data.sources ALTER mine DROP DEFAULT",
}


@pytest.mark.parametrize("case", often(REFUSED, 1))
def test_a_table_that_was_changed_by_hand_fails_alone(emulator, world, server, case):
    read()
    with session(server, "other") as connection:
        if "unique" in case:
            run(connection, "DELETE FROM segment_data.sources WHERE id <> (SELECT min(id) FROM segment_data.sources)")
        run(connection, REFUSED[case])
        before = run(connection, "SELECT * FROM segment_data.sources ORDER BY 1")
        rename(emulator, world)
        record = world.records("warehouses")[0]
        emulator.edits.add(Edit("warehouses", "modify", record["id"], {"enabled": not record["enabled"]}))
        assert list(lines(read())) == ["sources"]
        assert run(connection, "SELECT * FROM segment_data.sources ORDER BY 1") == before
        changed = f"SELECT enabled FROM segment_data.warehouses WHERE id = '{record['id']}'"
        assert run(connection, changed) == [(not record["enabled"],)]
        run(connection, f"DROP {'VIEW' if 'view' in case else 'TABLE'} segment_data.sources")
        assert lines(read()) == {}
        assert run(connection, "SELECT count(*) FROM segment_data.sources") == [(40,)]


def test_a_schema_that_one_may_not_write_to_stops_the_run_in_one_line(emulator, server):
    read()
    with session(server, "other") as connection:
        run(connection, "REVOKE ALL ON SCHEMA segment_data FROM loader; ALTER SCHEMA segment_data OWNER TO other")
        with pytest.raises(LoadError, match="permission denied for schema segment_data"):
            read()


def test_a_staging_dataset_of_somebody_elses_is_refused(emulator, server):
    with session(server, "other") as connection:
        run(
            connection, "CREATE SCHEMA segment_data_staging; CREATE TABLE segment_data_staging.sources AS SELECT 7 AS i"
        )
        run(connection, "GRANT ALL ON SCHEMA segment_data_staging TO loader")
        run(connection, "GRANT ALL ON segment_data_staging.sources TO loader")
        with pytest.raises(SettingError, match="which holds tables of others"):
            preflight(resolve_destination(DestinationSettings()), (), now=utc_now())
        with pytest.raises(SettingError, match="which holds tables of others"):
            read()
        assert run(connection, "SELECT * FROM segment_data_staging.sources") == [(7,)]
        assert run(connection, "SELECT 1 FROM pg_namespace WHERE nspname = 'segment_data'") == []


@pytest.mark.long
def test_a_column_that_has_the_name_of_another_is_a_change(emulator, server):
    read()
    with session(server, "other") as connection:
        rows = "SELECT id, name, slug FROM segment_data.sources ORDER BY id"
        before = run(connection, rows)
        run(
            connection,
            "ALTER TABLE segment_data.sources RENAME name TO other; "
            "ALTER TABLE segment_data.sources RENAME slug TO name; "
            "ALTER TABLE segment_data.sources RENAME other TO slug",
        )
        assert run(connection, rows) != before
        assert "sources" not in read(always=False).unchanged
        assert run(connection, rows) == before
        assert "sources" in read(always=False).unchanged


def test_what_the_server_quotes_of_a_row_is_nowhere(emulator, world, server, tmp_path, caplog, capfd):
    read("sources")
    planted = "a" + "-planted-" * 2 + "secret"
    with session(server, "other") as connection:
        run(connection, "ALTER TABLE segment_data.sources ADD CONSTRAINT mine CHECK (length(name) < 20) NOT VALID")
    rename(emulator, world, planted)
    with caplog.at_level(logging.DEBUG):
        said = lines(read("sources", "warehouses"))["sources"]
    # the server adds: Failing row contains (..., a-planted-...
    assert 'new row for relation "sources" violates check constraint "mine".' in said
    assert planted not in caplog.text and planted not in "".join(capfd.readouterr())
    assert [path for path in tmp_path.rglob("*") if path.is_file() and planted.encode() in path.read_bytes()] == []


def test_what_a_trigger_says_of_a_row_is_nowhere(emulator, world, server, tmp_path, caplog, capfd):
    read("sources")
    planted = "a" + "-planted-" * 2 + "secret"
    with session(server, "other") as connection:
        run(
            connection,
            "CREATE FUNCTION segment_data.refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'bad row %', NEW; END $$",
        )
        run(
            connection,
            "CREATE TRIGGER refuse BEFORE INSERT ON segment_data.sources "
            "FOR EACH ROW EXECUTE FUNCTION segment_data.refuse()",
        )
    rename(emulator, world, planted)
    with caplog.at_level(logging.DEBUG):
        said = lines(read("sources", "warehouses"))["sources"]
    assert "raised by a trigger or a function (P0001)" in said
    assert planted not in caplog.text and planted not in "".join(capfd.readouterr())
    assert [path for path in tmp_path.rglob("*") if path.is_file() and planted.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(("destination", "truncates"), [("postgres", False), ("redshift", False), ("duckdb", False)])
def test_a_table_is_never_emptied_by_a_statement_that_readers_see_or_wait_for(destination, truncates, monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", destination)
    monkeypatch.setenv(f"DESTINATION__{destination.upper()}__CREDENTIALS", "postgresql://me:a-password@127.0.0.1/x")
    if destination == "duckdb":
        monkeypatch.delenv("DESTINATION__DUCKDB__CREDENTIALS")
    assert resolve_destination(DestinationSettings()).factory.capabilities().supports_truncate_command == truncates


def test_what_may_pass_is_told_from_what_no_other_attempt_gets(server, monkeypatch):
    def refused():
        with pytest.raises(LoadError) as caught, inspect_dataset(resolve_destination(DestinationSettings())):
            pass
        return caught.value

    somewhere = server.rpartition("/")[0].partition("@")
    monkeypatch.setenv(CREDENTIALS, f"postgresql://loader:wrong@{somewhere[2]}/postgres")
    assert not refused().retryable
    monkeypatch.setenv(CREDENTIALS, "postgresql://loader:loader@127.0.0.1:1/postgres")
    assert refused().retryable
