"""PostgreSQL, which gives JSON back in another order than it was loaded in."""

from contextlib import closing

import psycopg2
import pytest

from segment_dagster.emulator import Edit
from segment_dagster_tests.destinations.engines import postgres_server

pytestmark = [pytest.mark.server, pytest.mark.slow]

NAMES = ("sources", "destinations", "source_connected_destinations", "destination_subscriptions", "audit_events")


@pytest.mark.long
def test_rows_from_the_table_are_as_they_were_read(workspace, monkeypatch):
    emulator = workspace.emulator
    with postgres_server() as address:
        monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)

        def rows(dataset, table):
            with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT t::text FROM {dataset}.{table} t ORDER BY 1")
                return cursor.fetchall()

        workspace.run(0, names=NAMES)
        again = workspace.run(1, names=NAMES)
        assert workspace.requests() == {}
        assert again.unchanged == set(NAMES)
        row = emulator.records("destination_subscriptions")[0]
        emulator.edits.add(Edit("destination_subscriptions", "modify", row["id"], fields={"name": "Another"}))
        changed = workspace.run(2, names=NAMES)
        assert workspace.requests() == {"destination_subscriptions": 1}
        assert set(NAMES) - changed.unchanged == {"destination_subscriptions", "audit_events"}
        # read whole, the same rows come: nothing is to be loaded
        assert workspace.run(2.1, 0, names=NAMES).unchanged == set(NAMES)
        workspace.run(2.1, 0, names=NAMES, dataset="read_whole")
        for table in NAMES:
            assert rows("segment_data", table) == rows("read_whole", table)
