"""Keys of rows that are not all in memory: whether one comes twice."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.keys import KeySet

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


def keys_of(name, *tables):
    keys = KeySet(ROWS[name])
    for table in tables:
        keys.add(pa.table(table))
    return keys


def test_keys_differ_until_one_comes_again_in_another_page():
    assert keys_of("audit_events").all_unique()
    assert keys_of("audit_events", {"id": ["a", "b"]}, {"id": ["c"]}).all_unique()
    assert not keys_of("audit_events", {"id": ["a", "b"]}, {"id": ["c", "a"]}).all_unique()


@pytest.mark.parametrize(("other", "differ"), [("w2", True), ("w1", False), (None, True)])
def test_a_key_of_several_columns_is_one_key(other, differ):
    first = {"source_id": ["s1"], "id": ["w1"], "name": ["x"]}
    assert keys_of("source_connected_warehouses", first, {"source_id": ["s1"], "id": [other]}).all_unique() is differ


def test_keys_come_from_several_threads():
    keys = KeySet(ROWS["audit_events"])
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(keys.add, [pa.table({"id": [f"{page}/{row}" for row in range(500)]}) for page in range(40)]))
    assert keys.all_unique()
    keys.add(pa.table({"id": ["7/7"]}))
    assert not keys.all_unique()


FIRST = {"id": ["a", "b"], "type": ["x", "y"]}


@pytest.mark.parametrize(
    ("pages", "repeated"),
    [
        ([FIRST], 0),
        ([FIRST, {"id": ["c"], "type": ["x"]}], 0),
        ([FIRST, {"id": ["b", "c"], "type": ["y", "x"]}], 1),
        ([FIRST, FIRST, FIRST], 4),
        ([FIRST, {"id": ["b"], "type": ["other"]}], 0),
        ([FIRST, {"id": ["b"], "type": [None]}], 0),
        ([{"id": ["a", "a"], "type": ["x", "x"]}], 0),
        ([{"id": ["a", "a"], "type": ["x", "z"]}], 0),
        ([{"id": ["a", "a"], "type": ["x", "x"]}, {"id": ["a"], "type": ["x"]}], 1),
        ([FIRST, {"id": ["b", "b"], "type": ["y", "z"]}], 1),
        ([FIRST | {"more": ["1", None]}, {"id": ["b"], "type": ["y"]}], 1),
        ([FIRST | {"more": ["1", None]}, {"id": ["a"], "type": ["x"]}], 0),
    ],
)
def test_what_is_repeated_is_the_same_row_on_another_page(pages, repeated, tmp_path):
    keys = keys_of("audit_events", *pages)
    files = []
    for number, page in enumerate(pages):
        files.append(tmp_path / f"{number}.parquet")
        pq.write_table(pa.table(page), files[-1])
    assert keys.repeated(files) == repeated
