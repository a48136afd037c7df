"""What was extracted, and what the emulator holds, for comparison."""

import pyarrow as pa
import pyarrow.parquet as pq

from segment_dagster.endpoints import CATALOGUE

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
SOURCES, SPACES, SEGMENTS = ROWS["sources"], ROWS["spaces"], ROWS["segments"]
FAST = ["workspace", "sources", "destinations", "warehouses", "spaces"]
FIRST = [ROWS[name] for name in (*FAST, "segments")]
AUDIENCE_BY_AUDIENCE = {row.name for row in CATALOGUE if row.slow and row.parent and row.parent.endpoint == "segments"}
"""2,400 requests each: `make full-read` reads them."""


def rows(extract):
    tables = [pq.read_table(part.path) for part in extract.parts]
    return pa.concat_tables(tables, promote_options="default").to_pylist()


def ids(extract):
    return [row["id"] for row in rows(extract)]


def expected_ids(emulator, name):
    return [record["id"] for record in emulator.world.records(name)]


def asked(emulator):
    return {name: count for name, count in emulator.stats.by_endpoint.items() if count}
