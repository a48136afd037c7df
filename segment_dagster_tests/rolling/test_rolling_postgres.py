"""Slices of parents in PostgreSQL."""

import json
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from segment_dagster.emulator import Edit
from segment_dagster_tests.destinations.engines import postgres_server
from segment_dagster_tests.rolling.few_audiences import AUDIENCES, NAME, first_audiences, of_few, read

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.long
def test_slices_in_postgres(emulator, world, monkeypatch):
    audiences = first_audiences(world)
    references = of_few(audiences)
    with postgres_server() as address:
        monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)

        def query(sql):
            with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description else []
                connection.commit()
                return rows

        def rows():
            return query(f"SELECT audience_id, id, name, definition::text FROM segment_data.{NAME} ORDER BY 1, 2")

        first = read(references, slow_max_minutes=1).extracts[0].coverage
        assert 0 < first.read < AUDIENCES
        # the order of the spaces is that in which they were listed
        ((parent,), *_) = query("SELECT parent FROM segment_data._segment_parents WHERE read_at IS NOT NULL ORDER BY 1")
        gone = json.loads(parent)[-1]
        assert gone in audiences
        query(f"INSERT INTO segment_data.{NAME} (audience_id, space_id, id) VALUES ('it''s; \\ 100%', 'a space', 'x')")
        emulator.edits.add(Edit("segments", "delete", gone))
        second = read(references).extracts[0].coverage
        assert (second.parents, second.read, second.left, second.gone) == (AUDIENCES - 1, AUDIENCES - first.read, 0, 2)
        in_slices = rows()
        assert in_slices
        assert query("SELECT count(*), count(read_at), count(fingerprint) FROM segment_data._segment_parents") == [
            (AUDIENCES - 1,) * 3
        ]
        emulator.edits.add(
            Edit(
                "segments",
                "modify",
                next(each for each in audiences if each != gone),
                fields={"description": "Another one."},
            )
        )
        emulator.stats.clear()
        assert read(references).extracts[0].coverage.read == emulator.stats.by_endpoint[NAME] == 1
        assert rows() == in_slices
        read(replace(references, requests_per_minute=60))
        assert rows() == in_slices
