"""The store in PostgreSQL."""

import threading
from contextlib import closing

import psycopg2
import pytest

from segment_dagster.client.budgets.budget import StoreError
from segment_dagster.client.budgets.postgres_store import PostgresStore
from segment_dagster_tests.budgets.store_contract import StoreContract, run_all, two
from segment_dagster_tests.destinations.engines import postgres_server

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def address():
    """A server. Its role `other` may do all, and `reader` may create nothing."""
    settings = "CREATE ROLE other LOGIN SUPERUSER PASSWORD 'of-another'; CREATE ROLE reader LOGIN PASSWORD 'of-another'"
    with postgres_server(settings) as address:
        yield address


def of(address, role):
    return f"postgresql://{role}:of-another@{address.partition('@')[2]}"


def run(address, sql):
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self, address):
        store = PostgresStore(address)
        store.open()
        return store

    @pytest.fixture
    def again(self, address):
        return PostgresStore(address)

    def test_who_waits_for_another_sees_what_that_one_took(self, store, address):
        budgets = two(1, 5)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(store.take(budgets)))
        with closing(psycopg2.connect(address)) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (budgets[0].owner,))
            now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
            cursor.execute(f"INSERT INTO segment_dagster_budgets.requests VALUES (%s, {now})", (budgets[0].key,))
            thread.start()
            waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while thread.is_alive() and not run(address, waits):
                pass
            other.commit()
        thread.join()
        assert answers[0].wait > 0


class TestPostgresStoreWhereTransactionsAreSerializable(TestPostgresStore):
    @pytest.fixture(autouse=True)
    def _serializable(self, address):
        run(address, "ALTER ROLE loader SET default_transaction_isolation = 'serializable'")
        yield
        run(address, "ALTER ROLE loader RESET default_transaction_isolation")


def test_the_tables_are_created_once_by_many(address):
    run(address, "DROP SCHEMA IF EXISTS segment_dagster_budgets CASCADE")
    failures = []

    def opened():
        try:
            PostgresStore(address).open()
        except StoreError as error:
            failures.append(error)

    run_all([opened] * 6)
    assert failures == []
    tables = "SELECT relname, relpersistence FROM pg_class WHERE relkind = 'r' AND relnamespace = %s ORDER BY 1"
    assert run(address, tables % "'segment_dagster_budgets'::regnamespace") == [("budgets", "u"), ("requests", "u")]


def test_a_connection_that_the_server_closed_is_opened_anew(address):
    store = PostgresStore(address)
    store.open()
    ends = f"SELECT pg_terminate_backend({store._connection.info.backend_pid})"
    assert run(of(address, "other"), ends) == [(True,)]
    assert store.take(two()).wait == 0


def test_a_user_who_may_not_create_the_schema_is_told_so(address):
    run(address, "DROP SCHEMA IF EXISTS segment_dagster_budgets CASCADE")
    store = PostgresStore(of(address, "reader"))
    with pytest.raises(StoreError, match="its user may not create or use the schema segment_dagster_budgets"):
        store.open()
    # and needs not, once somebody else has
    PostgresStore(address).open()
    run(address, "GRANT USAGE ON SCHEMA segment_dagster_budgets TO reader")
    run(address, "GRANT ALL ON ALL TABLES IN SCHEMA segment_dagster_budgets TO reader")
    store.open()
    assert store.take(two()).wait == 0


def test_a_lock_that_somebody_keeps_is_not_waited_for_longer_than_seconds(address):
    store = PostgresStore(address)
    store.open()
    with closing(psycopg2.connect(of(address, "other"))) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE segment_dagster_budgets.requests IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match=r"it says SQLSTATE (55P03|57014)"):
            store.take(two())
    assert store.take(two()).wait == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: url.replace("loader:", "loader:x"), "it refused the user or the password"),
        (lambda url: url.replace("/warehouse", "/nothing"), "it has no such database or user"),
        (lambda url: "postgresql://loader@127.0.0.1:1/warehouse", "it cannot be reached"),
        (lambda url: url.replace("loader:", "loader:%zz"), "its address is malformed"),
    ],
    ids=["password", "database", "port", "form"],
)
def test_why_it_cannot_be_opened_is_told_without_the_address(address, change, reason):
    url = change(address)
    with pytest.raises(StoreError) as caught:
        PostgresStore(url).open()
    assert str(caught.value) == reason


def test_what_nobody_asked_for_in_two_hours_is_deleted(address):
    store = PostgresStore(address)
    store.open()
    run(address, "INSERT INTO segment_dagster_budgets.requests VALUES ('old', 1, 2), ('killed', 1, NULL)")
    run(address, "INSERT INTO segment_dagster_budgets.budgets VALUES ('old', 1, NULL, NULL)")
    store.open()
    assert run(address, "SELECT * FROM segment_dagster_budgets.requests WHERE taken = 1") == []
    assert run(address, "SELECT * FROM segment_dagster_budgets.budgets WHERE budget = 'old'") == []


def test_a_server_whose_clock_was_set_back_keeps_nobody_back(address):
    store = PostgresStore(address)
    store.open()
    budgets = two(1, 1)
    day = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint + 86400000000"
    for budget in budgets:
        run(
            address,
            f"INSERT INTO segment_dagster_budgets.requests VALUES ('{budget.key}', {day}, {day}); "
            f"INSERT INTO segment_dagster_budgets.requests VALUES ('{budget.key}', {day}, NULL); "
            f"INSERT INTO segment_dagster_budgets.budgets VALUES ('{budget.key}', {day})",
        )
    assert store.take(budgets).wait == 0
    assert store.take(budgets).wait > 0
