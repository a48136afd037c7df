"""Rows as lines of JSON: what a destination with columns of JSON makes of them is what the API delivered."""

import gzip
import json
from datetime import date, datetime, timezone

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.schema.typing import TColumnSchema

from segment_dagster.config import ApiSettings
from segment_dagster.config.dlt_runtime import compresses_files
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.jsonl import JsonLines, jsonl_items
from segment_dagster.extract.resources import file_imports, segment_source, source_of_extracts
from segment_dagster.extract.spool import SpooledFile

MOMENT = datetime(2026, 3, 31, 6, 30, 0, 250_000, tzinfo=timezone.utc)
ROW = {"id": "a", "held": '{"b": [1, null], "ä": "\\u2028"}', "at": MOMENT, "day": date(2026, 3, 31), "share": 0.5}


def part(tmp_path, *groups):
    """A part of these groups of rows."""
    moment = pa.timestamp("us", "UTC")
    columns = [
        ("id", pa.string()),
        ("held", pa.string()),
        ("at", moment),
        ("day", pa.date32()),
        ("share", pa.float64()),
    ]
    path, schema = tmp_path / "0.parquet", pa.schema(columns)
    with pq.ParquetWriter(path, schema) as file:
        for rows in groups:
            file.write_table(pa.Table.from_pylist(rows, schema))
    return SpooledFile(path, sum(map(len, groups)), tuple(schema.names))


def test_json_is_part_of_its_line_and_times_are_utc(tmp_path):
    nothing = dict.fromkeys(ROW)
    path = jsonl_items(part(tmp_path, [ROW, nothing], [{**ROW, "held": '"text"'}]), {"held"}, compressed=True)
    first, second, third = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    assert first == {
        "id": "a",
        "held": {"b": [1, None], "ä": "\u2028"},
        "at": "2026-03-31T06:30:00.250000Z",
        "day": "2026-03-31",
        "share": 0.5,
    }
    assert second == nothing
    assert third["held"] == "text"
    assert {file.name for file in tmp_path.glob("0.*")} == {"0.parquet", "0.jsonl.gz"}


def test_no_rows_are_no_lines(tmp_path):
    assert gzip.decompress(jsonl_items(part(tmp_path, []), {"held"}, compressed=True).read_bytes()) == b""


def test_they_are_plain_where_dlt_is_told_to_compress_nothing(tmp_path, monkeypatch):
    assert compresses_files()
    monkeypatch.setenv("NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION", "true")
    assert not compresses_files()
    path = jsonl_items(part(tmp_path, [ROW]), {"held"}, compressed=False)
    assert (path.name, json.loads(path.read_bytes())["id"]) == ("0.jsonl", "a")


def test_a_table_without_rows_is_a_file_that_is_what_its_name_says(tmp_path):
    columns: dict[str, TColumnSchema] = {"id": {"data_type": "text"}, "held": {"data_type": "json"}}

    @dlt.resource(name="things", columns=columns, write_disposition="replace")
    def things():
        yield from file_imports([part(tmp_path, [])], columns, jsonl=JsonLines())

    there = dlt.destinations.filesystem(str(tmp_path / "lake"))
    dlt.pipeline("lines", destination=there, dataset_name="held").run(things(), loader_file_format="jsonl")
    (file,) = (tmp_path / "lake" / "held" / "things").iterdir()
    assert file.name.endswith(".jsonl.gz") and gzip.decompress(file.read_bytes()) == b""


def test_a_source_of_a_script_hands_them_on_too(emulator, tmp_path):
    there = dlt.destinations.filesystem(str(tmp_path / "lake"))
    pipeline = dlt.pipeline("lines", destination=there, dataset_name="held")
    pipeline.run(segment_source(endpoints=["sources"], jsonl=True), loader_file_format="jsonl")
    (file,) = (tmp_path / "lake" / "held" / "sources").glob("*.jsonl.gz")
    (first, *_) = gzip.decompress(file.read_bytes()).splitlines()
    assert isinstance(json.loads(first)["metadata"], dict)


def test_a_source_hands_them_on_as_they_are(emulator, tmp_path):
    with Extractor(ApiSettings()) as extractor:
        extracts = [
            extractor.extract(extractor.endpoint(name)) for name in ("sources", "tracking_plans", "audit_events")
        ]
        there = dlt.destinations.filesystem(str(tmp_path / "lake"))
        pipeline = dlt.pipeline("lines", destination=there, dataset_name="held")
        pipeline.run(source_of_extracts(extracts, jsonl=JsonLines()), loader_file_format="jsonl")
        for extract in extracts:
            (file,) = (tmp_path / "lake" / "held" / extract.endpoint.name).glob("*.jsonl.gz")
            landed = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
            nested = [column_name(each.field) for each in extract.endpoint.columns if each.type == "json"]
            read = pq.read_table(extract.parts[0].path).select(["id", *nested]).to_pylist()
            assert [{name: row[name] for name in ("id", *nested)} for row in landed] == [
                {name: value if name == "id" or value is None else json.loads(value) for name, value in row.items()}
                for row in read
            ]
            assert len(landed) == extract.rows > 0
