"""Keys of rows that are not all in memory: whether one comes twice."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.source.keys import Keys

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


def keys_of(name, *tables):
    keys = Keys(ROWS[name])
    for table in tables:
        keys.add(pa.table(table))
    return keys


def test_keys_differ_until_one_comes_again_in_another_page():
    assert keys_of("audit_events").differ()
    assert keys_of("audit_events", {"id": ["a", "b"]}, {"id": ["c"]}).differ()
    assert not keys_of("audit_events", {"id": ["a", "b"]}, {"id": ["c", "a"]}).differ()


@pytest.mark.parametrize(("other", "differ"), [("w2", True), ("w1", False), (None, True)])
def test_a_key_of_several_columns_is_one_key(other, differ):
    first = {"source_id": ["s1"], "id": ["w1"], "name": ["x"]}
    assert keys_of("source_connected_warehouses", first, {"source_id": ["s1"], "id": [other]}).differ() is differ


def test_keys_come_from_several_threads():
    keys = Keys(ROWS["audit_events"])
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(keys.add, [pa.table({"id": [f"{page}/{row}" for row in range(500)]}) for page in range(40)]))
    assert keys.differ()
    keys.add(pa.table({"id": ["7/7"]}))
    assert not keys.differ()
