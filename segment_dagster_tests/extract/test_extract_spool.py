"""Rows on disk: groups by rows and by bytes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segment_dagster.extract.rows import schema_of
from segment_dagster.extract.spool import Spool
from segment_dagster_tests.extract.extracted import SOURCES


def test_a_spool_flushes_groups_of_rows_and_keeps_all(tmp_path):
    schema = pa.schema([("id", pa.string())])
    spool = Spool(tmp_path / "spool", schema)
    big = pa.table({"id": [f"{number:064d}" for number in range(7_000)]})
    for _ in range(5):
        spool.write(big)
    spool.write(pa.table({"id": ["x"], "more": ["y"]}))
    declared, beyond = spool.close()
    assert (declared.rows, beyond.rows) == (35_000, 1)
    assert pq.ParquetFile(declared.path).num_row_groups == 3
    assert pq.read_table(declared.path).num_rows == 35_000
    assert beyond.columns == ("id", "more")


def test_a_spool_without_rows_is_a_part_with_the_declared_columns(tmp_path):
    (part,) = Spool(tmp_path / "spool", schema_of(SOURCES)).close()
    assert part.rows == 0
    assert pq.read_table(part.path).schema.equals(schema_of(SOURCES))
    assert isinstance(part.path, Path)


def test_large_rows_are_flushed_by_their_bytes(tmp_path):
    spool = Spool(tmp_path / "spool", pa.schema([("id", pa.string())]))
    for _ in range(4):
        spool.write(pa.table({"id": ["x" * (5 * 1024 * 1024)]}))
    (part,) = spool.close()
    assert pq.ParquetFile(part.path).num_row_groups == 2
