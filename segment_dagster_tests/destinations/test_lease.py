"""The lease that holds runs apart where the destination has no locks, on engines that stand for such destinations."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.errors import SegmentError
from segment_dagster.load import LoadError, destination_lock, inspect_dataset, resolve_destination
from segment_dagster.load.clients import plain_client_of
from segment_dagster.load.lease import Lease
from segment_dagster.load.lease_table import LEASE_TABLE, LeaseTable
from segment_dagster_tests.destinations.engines import ducklake, nothing, postgres_server
from segment_dagster_tests.logged_lines import logged_lines

pytestmark = [pytest.mark.server, pytest.mark.slow]

CLOCKS = {"postgres": "extract(epoch FROM clock_timestamp())"}
"""Of engines that have no leases of their own."""

WHAT = {"duckdb": "duckdb", "ducklake": "ducklake", "postgres": "postgres"}
HOLD = """
import sys
from dataclasses import replace
from segment_dagster.config import DestinationSettings
from segment_dagster.load import destination_lock, resolve_destination
destination = resolve_destination(DestinationSettings())
leased = replace(destination.capabilities, lock="lease", clock=sys.argv[1])
with destination_lock(replace(destination, capabilities=leased)):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address():
    with postgres_server("CREATE ROLE reader LOGIN PASSWORD 'may-read'") as address:
        yield address


@pytest.fixture
def postgres(address, monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
    with plain_client_of(leased()) as client:
        client.sql_client.execute_sql("DROP SCHEMA IF EXISTS segment_data CASCADE")
    return address


@pytest.fixture(params=["postgres", "duckdb", "ducklake"])
def engine(request, tmp_path, monkeypatch):
    """An engine; the settings point at it."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres") and "postgres"
        return
    directory = tmp_path / "engine"
    directory.mkdir()
    started = {"duckdb": nothing, "ducklake": ducklake}[request.param]
    with started(directory) as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield request.param


def leased(**changes):
    """The destination, as one that has no locks but a lease."""
    destination = resolve_destination(DestinationSettings(**changes))
    clock = destination.capabilities.clock or CLOCKS.get(destination.type, "epoch(now())")
    return replace(destination, capabilities=replace(destination.capabilities, lock="lease", clock=clock))


@contextmanager
def table():
    with plain_client_of(leased()) as client:
        yield LeaseTable(client, leased().capabilities.clock)


def query(sql):
    with plain_client_of(leased()) as client:
        return client.sql_client.execute_sql(sql.format(client.sql_client.make_qualified_table_name(LEASE_TABLE)))


told = partial(logged_lines, "segment_dagster.load.lease")


def held(lease):
    """A lease that was taken, without the thread that renews it: DuckDB's catalog of a lake is opened once."""
    lease._renew_seconds = 10_000
    lease.acquire()
    return lease


def test_the_first_run_makes_the_dataset_and_the_table_and_gives_the_lease_back(engine):
    lease = held(Lease(leased()))
    lease.check()
    with table() as row:
        taken = row.read()
    assert (taken.owner, taken.holder) == (lease._owner, lease._holder)
    assert 0 <= taken.renewed <= 60 and 60 <= taken.left <= 120
    assert lease._holder.endswith(f", process {os.getpid()}")
    lease.release()
    with table() as row:
        assert row.read().left <= 0
    held(Lease(leased())).release()
    assert query("SELECT count(*) FROM {}") == [(1,)]


def test_who_holds_it_too_long_is_told_in_one_line(engine):
    lease = held(Lease(leased()))
    with told() as lines, pytest.raises(LoadError) as caught:
        Lease(leased(lock_timeout=0.2), poll_seconds=0.05).acquire()
    text = str(caught.value)
    assert text.splitlines() == [text] and caught.value.everything
    who = f"{WHAT[engine]}: the dataset 'segment_data' is being loaded by another run ({lease._holder}, which renewed"
    assert text.startswith(who)
    assert "and was for 0.2 s: one run at a time can load. Wait for that run, or raise SEGMENT_LOCK_TIMEOUT." in text
    (line,) = lines
    assert line.startswith(who) and line.endswith(" s ago): waiting for it, up to 0.2 s")
    lease.check()
    lease.release()


@pytest.mark.parametrize("engine", ["postgres", "duckdb"], indirect=True)
def test_a_run_waits_until_it_is_given_back(engine):
    lease = held(Lease(leased()))
    other = Lease(leased(), poll_seconds=0.01)
    with told(then=lease.release) as lines:
        held(other)
    assert len(lines) == 1
    other.check()
    other.release()


def test_an_expired_lease_is_taken_over_and_the_run_that_had_it_is_told(engine):
    lease = held(Lease(leased()))
    query("UPDATE {} SET expires_at = 5")
    with told() as lines:
        other = held(Lease(leased()))
    assert lines == []
    with pytest.raises(LoadError) as caught:
        lease.check()
    text = str(caught.value)
    assert text.splitlines() == [text] and caught.value.everything
    assert f"its lease was lost while it was loaded, because another run ({other._holder}, which renewed" in text
    assert text.endswith(" took it over: another run may have loaded at the same time. Run it again.")
    lease.release()
    other.check()
    other.release()


def test_a_lease_is_renewed_while_it_is_held(postgres):
    lease = Lease(leased(), renew_seconds=0.01)
    lease.acquire()
    query("UPDATE {} SET expires_at = 5")
    while query("SELECT expires_at FROM {}") == [(5,)]:
        assert lease._renewals and lease._renewals.is_alive()
    lease.check()
    lease.release()
    assert lease._renewals and not lease._renewals.is_alive()
    assert query("SELECT expires_at FROM {}") == [(0,)]


def test_a_lease_that_was_taken_over_is_not_renewed(postgres):
    lease = Lease(leased(), renew_seconds=0.01)
    lease.acquire()
    query("UPDATE {} SET owner = 'another', holder = 'a person'")
    assert lease._renewals
    lease._renewals.join(60)
    with pytest.raises(LoadError, match=r"because another run \(a person, which renewed its lease [0-9]+ s ago\) took"):
        lease.check()
    lease.release()
    assert query("SELECT owner, expires_at > 5 FROM {}") == [("another", True)]


def test_a_lease_that_cannot_be_renewed_in_time_is_lost(postgres):
    lease = Lease(leased(), seconds=1, renew_seconds=0.01)
    lease.acquire()
    query("DROP TABLE {}")
    assert lease._renewals
    lease._renewals.join(60)
    with pytest.raises(LoadError, match=r"it could not be renewed for 1 s \(DatabaseUndefinedRelation\)"):
        lease.check()
    with told() as lines:
        lease.release()
    (line,) = lines
    assert line.endswith("its lease cannot be given back (DatabaseUndefinedRelation), and ends by itself in 1 s")


def test_a_check_renews_the_lease(postgres):
    lease = held(Lease(leased()))
    query("UPDATE {} SET expires_at = 5")
    lease.check()
    with table() as row:
        assert row.read().left > 60
    lease.release()


def test_whether_it_is_still_held_has_to_be_known(postgres):
    lease = held(Lease(leased(), poll_seconds=0.001))
    query("DROP TABLE {}")
    with pytest.raises(LoadError, match=r"relation \"segment_data\._segment_lock\" does not exist"):
        lease.check()
    lease.release()


def refuse(times):
    """Let the server refuse the next few updates of the lease, as others do for updates at the same time."""
    query("CREATE SEQUENCE segment_data.tries")
    query(
        "CREATE FUNCTION segment_data.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        # a sequence goes on, whatever becomes of the transaction
        f"IF nextval('segment_data.tries') <= {times} THEN RAISE EXCEPTION 'not now'; END IF; RETURN NEW; END $$"
    )
    query("CREATE TRIGGER refuse BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION segment_data.refuse()")


def test_a_statement_that_is_refused_is_tried_again(postgres):
    held(Lease(leased())).release()
    refuse(2)
    lease = held(Lease(leased(), poll_seconds=0.001))
    assert query("SELECT last_value FROM segment_data.tries") == [(3,)]
    query("DROP SEQUENCE segment_data.tries; CREATE SEQUENCE segment_data.tries")
    lease.check()
    assert query("SELECT last_value FROM segment_data.tries") == [(3,)]
    lease.release()


@pytest.mark.parametrize("engine", ["postgres", "duckdb"], indirect=True)
def test_of_many_at_once_on_an_empty_dataset_one_has_it_at_a_time(engine):
    inside, most, errors = [], [], []
    begin = threading.Barrier(6)
    destination = leased()
    if destination.file:
        # the file is there, and open, as the local lock has it
        with destination_lock(resolve_destination(DestinationSettings()), make=True):
            pass

    def run(number):
        lease = Lease(destination, poll_seconds=0.01)
        begin.wait(60)
        try:
            held(lease)
            inside.append(number)
            most.append(len(inside))
            lease.check()
            inside.remove(number)
            lease.release()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert errors == []
    assert most == [1] * 6
    assert query("SELECT count(*) FROM {}") == [(1,)]


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_the_lease_of_a_run_that_was_killed_expires(postgres, ends):
    command = [sys.executable, "-c", HOLD, CLOCKS["postgres"]]
    with subprocess.Popen(
        command, env={**os.environ, "DLT_DATA_DIR": "other"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        process.send_signal(ends)
        process.wait(60)
    with pytest.raises(LoadError, match=rf"process {process.pid}, which renewed its lease [0-9]+ s ago\), and was for"):
        Lease(leased(lock_timeout=0.01), poll_seconds=0.01).acquire()
    # the time passes
    query("UPDATE {} SET expires_at = expires_at - 120")
    lease = held(Lease(leased()))
    lease.check()
    lease.release()


def test_a_signal_while_it_is_taken_gives_it_back(postgres, monkeypatch):
    lease = Lease(leased())
    take = lease._take

    def interrupted(table):
        take(table)
        raise KeyboardInterrupt

    monkeypatch.setattr(lease, "_take", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lease.acquire()
    assert query("SELECT expires_at FROM {}") == [(0,)]


def test_who_may_not_write_is_told_in_one_line(postgres, monkeypatch):
    held(Lease(leased())).release()
    query("GRANT USAGE ON SCHEMA segment_data TO reader")
    query("GRANT SELECT ON {} TO reader")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", f"postgresql://reader:may-read@{postgres.split('@')[1]}")
    with told() as lines, pytest.raises(LoadError) as caught:
        Lease(leased(), poll_seconds=0.001).acquire()
    text = str(caught.value)
    assert text.splitlines() == [text] and "permission denied for table _segment_lock" in text
    assert lines == []


def test_who_may_not_create_is_told_in_one_line(postgres, monkeypatch):
    with plain_client_of(leased()) as client:
        client.initialize_storage()
        client.sql_client.execute_sql("GRANT USAGE ON SCHEMA segment_data TO reader")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", f"postgresql://reader:may-read@{postgres.split('@')[1]}")
    with pytest.raises(LoadError, match="permission denied for schema segment_data"):
        Lease(leased(), poll_seconds=0.001).acquire()


def test_a_row_that_somebody_has_deleted_is_told(engine):
    held(Lease(leased())).release()
    query("DELETE FROM {}")
    with pytest.raises(SegmentError, match=r'"_segment_lock" has no row\. Drop it: the next run creates it anew\.'):
        Lease(leased()).acquire()
    query("DROP TABLE {}")
    held(Lease(leased())).release()


def test_looking_at_the_tables_needs_no_lease(postgres):
    lease = held(Lease(leased()))
    with inspect_dataset(leased(lock_timeout=0.01)) as tables:
        assert tables.columns(LEASE_TABLE)
    lease.release()


def test_a_lake_whose_catalog_is_a_file_has_none(tmp_path):
    with ducklake(tmp_path) as settings, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        assert resolve_destination(DestinationSettings()).capabilities.lock is None
        catalog = "postgresql://me:a-password@127.0.0.1/catalog"
        patch.setenv("DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG", catalog)
        assert resolve_destination(DestinationSettings()).capabilities.lock == "lease"
