"""Undeclared fields: no value is lost, whatever the names are and however many there are."""

import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common.schema.typing import TColumnSchema
from hypothesis import given
from hypothesis import strategies as st

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.errors import SettingError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.rows import rows_of, schema_of
from segment_dagster.extract.spool import Spool
from segment_dagster.extract.undeclared import (
    MAX_BYTES,
    SYSTEM_COLUMNS,
    UNDECLARED,
    Columns,
    choose_columns,
    declared_columns,
    existing_columns,
    parts_with_columns,
    undeclared_column,
    with_columns,
)

SOURCES = next(endpoint for endpoint in CATALOGUE if endpoint.name == "sources")
DECLARED = declared_columns(SOURCES)

TWINS = [
    ["ipAddress", "ip_address", "IPAddress", "IpAddress", "ip address", "ip-address", "ip__address", "_ipAddress"],
    ["名字", "年龄", "地址"],
    ["💥", "🎉", "$", "%", "--"],
    ["", " ", "  ", "\t"],
    ["tier", "Tier", "TIER", "tier ", " tier"],
    ["x" * 300, "x" * 301, "x" * 300 + "y", "y" + "x" * 300],
    ["workspace_id", "WorkspaceId", "undeclaredWorkspaceId", "undeclared_workspace_id"],
    ["_dlt_id", "_dlt_load_id", "_dlt_valid_from", "dltId"],
    ["valid_from", "validFrom", "undeclaredValidFrom", "rowVersion", "row_version"],
    ["xmin", "ctid", "tableoid", "oid", "rowid", "rowId", "cmin", "XMIN", "_xmin"],
    ["_PARTITIONTIME", "_TABLE_SUFFIX", "_FILE_NAME", "_CHANGE_TYPE", "__ROOT__x", "partitiontime"],
    ["undeclared_fields", "undeclaredFields", "UNDECLARED_FIELDS", "undeclared"],
    ["a.b", "a_b", "a__b", "aB", "a b", "a/b"],
    ["1st", "_1st", "1_st", "٣", "٣" * 60],
    ["\ud83d", "\ud83e", "\ufffd"],
    # columns that a hash could make too
    ["tier_0123456789ab", "tier0123456789ab", "tierA0123456789ab"],
]
"""Fields of which some have the same name in snake_case, or none that could be a column's."""


@pytest.mark.parametrize("fields", TWINS, ids=lambda fields: ascii(fields[0])[:12])
def test_each_field_has_a_column_of_its_own_that_every_destination_takes(fields):
    names = [undeclared_column(field, DECLARED) for field in fields]
    assert len(set(names)) == len(fields)
    for name in names:
        # dlt names it the same, so that it shortens nothing
        assert column_name(name) == name
        assert name.isascii() and len(name) <= MAX_BYTES and name[0].isalpha()
        assert not {name} & (SYSTEM_COLUMNS | DECLARED | {UNDECLARED})


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("betaTier", "beta_tier"),
        ("tier", "tier"),
        ("planB", "plan_b"),
        ("sha256Sum", "sha256_sum"),
        ("select", "select"),
        ("validFrom", "valid_from"),
        ("a" * 63, "a" * 63),
    ],
)
def test_a_field_in_camel_case_has_the_name_that_dlt_gives_it(field, name):
    assert undeclared_column(field, DECLARED) == name == column_name(field)


@pytest.mark.parametrize(
    ("field", "start"),
    [
        ("ip_address", "ip_address_"),
        ("userID", "user_id_"),
        ("名字", "undeclared_"),
        ("xmin", "xmin_"),
        ("_dlt_id", "dlt_id_"),
        ("1st", "undeclared_1st_"),
        ("a" * 64, "a" * 50 + "_"),
    ],
)
def test_any_other_has_a_hash_in_its_name_after_what_can_be_read_of_it(field, start):
    name = undeclared_column(field, DECLARED)
    assert name.startswith(start) and len(name) == len(start) + 12


def test_the_name_of_a_field_is_the_same_tomorrow():
    assert undeclared_column("ip_address", DECLARED) == "ip_address_307a5c04c006"


@given(st.text(), st.text())
def test_two_fields_never_share_a_column(one, other):
    assert (undeclared_column(one, DECLARED) == undeclared_column(other, DECLARED)) == (one == other)


@given(st.from_regex(r"[a-z][a-zA-Z0-9]{0,70}", fullmatch=True))
def test_any_name_of_letters_is_one_that_dlt_leaves_alone(field):
    name = undeclared_column(field, frozenset())
    assert column_name(name) == name
    assert len(name) <= MAX_BYTES


@pytest.fixture
def spooled(tmp_path):
    """The parts that pages of records become."""
    spools = iter(range(99))

    def spool(*pages):
        made = Spool(tmp_path / f"spool{next(spools)}", schema_of(SOURCES))
        for page in pages:
            made.write(rows_of(SOURCES, page))
        return made.close()

    return spool


def source(number, **fields):
    return {"id": str(number), "slug": f"s{number}", "workspaceId": "w", "name": f"n{number}", **fields}


def landed(parts):
    """By id, what each row holds beyond the declared columns, with the rest in its place."""
    found = {}
    for part in parts:
        for row in pq.read_table(part.path).to_pylist():
            beyond = {name: json.loads(value) for name, value in row.items() if name not in DECLARED and value}
            assert row["id"] not in found
            found[row["id"]] = beyond
    return found


def wanted(pages, columns):
    """By id, what each row should hold where these fields have columns."""
    found = {}
    for record in (record for page in pages for record in page):
        own = {field: value for field, value in record.items() if field not in source(0) and value is not None}
        held = {columns[field]: value for field, value in own.items() if field in columns}
        if rest := {field: value for field, value in own.items() if field not in columns}:
            held[UNDECLARED] = rest
        found[record["id"]] = held
    return found


@pytest.mark.parametrize("fields", TWINS[:-2], ids=lambda fields: ascii(fields[0])[:12])
def test_values_of_names_that_are_alike_land_beside_each_other_in_one_record_and_over_pages(fields, spooled):
    alone = [source(number, **{field: number}) for number, field in enumerate(fields)]
    together = source(99, **{field: [field] for field in fields})
    forwards = landed(parts_with_columns(SOURCES, spooled(*([each] for each in alone), [together])))
    backwards = landed(parts_with_columns(SOURCES, spooled([together, *reversed(alone)])))
    names = {field: undeclared_column(field, DECLARED) for field in fields}
    assert forwards == backwards == wanted([[*alone, together]], names)


def test_up_to_the_limit_fields_have_columns_by_their_names_and_the_rest_has_one(spooled):
    pages = [[source(row, **{f"field{row}": row, "alpha": 1, "zulu": {"b": 2, "a": [2**70]}})] for row in range(10)]
    (plain, more) = parts_with_columns(SOURCES, spooled(*pages), limit=4)
    assert (plain.rows, more.rows) == (0, 10)
    chosen = ["alpha", "field0", "field1", "field2"]
    assert list(more.columns) == [*schema_of(SOURCES).names, *chosen, UNDECLARED]
    assert pq.read_schema(more.path).names == list(more.columns)
    assert landed([more]) == wanted(pages, {field: field for field in chosen})


def test_columns_that_the_table_has_stay_and_count(spooled):
    parts = spooled([source(1, alpha=1, beta=2, gamma=3, zulu=4)])
    assert choose_columns(SOURCES, parts, {"zulu"}, 2) == Columns({"alpha": "alpha", "zulu": "zulu"}, rest=True)
    assert choose_columns(SOURCES, parts, {"zulu", "old"}, 2) == Columns({"zulu": "zulu"}, rest=True)
    # more than may be made now were made once
    assert choose_columns(SOURCES, parts, {"zulu", "beta", "gamma"}, 0).by_field.keys() == {"beta", "gamma", "zulu"}
    assert choose_columns(SOURCES, parts, (), 0) == Columns({}, rest=True)
    assert choose_columns(SOURCES, parts, (), 4).rest is False


def test_what_a_table_has_of_undeclared_fields_is_known_by_its_schema():
    columns: dict[str, TColumnSchema] = {
        "id": {"name": "id", "data_type": "text"},
        "tier": {"name": "tier", "data_type": "json"},
        # declared once, and of another type
        "gone": {"name": "gone", "data_type": "text"},
        UNDECLARED: {"name": UNDECLARED, "data_type": "json"},
    }
    assert existing_columns(columns, {"id"}) == {"tier"}


def test_rows_without_undeclared_fields_go_on_as_they_are(spooled):
    parts = spooled([source(1), source(2, extra=None)])
    assert list(parts_with_columns(SOURCES, parts)) == list(parts)
    table = pa.table({"id": ["1"]})
    assert with_columns(table, Columns({}, rest=False)) is table


def test_pages_with_other_fields_each_are_two_files(spooled):
    pages = [[source(page * 10 + row, **{f"name{page}": row}) for row in range(3)] for page in range(300)]
    parts = spooled(*pages)
    assert [part.rows for part in parts] == [0, 900]
    assert len(list(parts[0].path.parent.iterdir())) == 2
    found = landed(parts_with_columns(SOURCES, parts, limit=10))
    assert sum(Counter(len(held) for held in found.values()).values()) == 900
    assert all(len(held) == 1 for held in found.values())


def test_a_record_with_a_hundred_thousand_fields_lands(spooled):
    record = source(1, **{f"field{number}": number for number in range(100_000)})
    plain, more = parts_with_columns(SOURCES, spooled([record, source(2)]), limit=3)
    assert len(more.columns) == len(plain.columns) + 4
    assert len(landed([more])["1"][UNDECLARED]) == 100_000 - 3


@pytest.mark.parametrize("value", ["0", "1", "400"])
def test_the_limit_can_be_set(monkeypatch, value):
    monkeypatch.setenv("SEGMENT_API_TOKEN", "token")
    monkeypatch.setenv("SEGMENT_MAX_UNDECLARED_COLUMNS", value)
    assert ApiSettings().max_undeclared_columns == int(value)


@pytest.mark.parametrize("value", ["-1", "401", "all", "1.5"])
def test_a_limit_that_is_none_is_told(monkeypatch, value):
    monkeypatch.setenv("SEGMENT_API_TOKEN", "token")
    monkeypatch.setenv("SEGMENT_MAX_UNDECLARED_COLUMNS", value)
    with pytest.raises(SettingError, match=f"is '{value}'. Legal values: a whole number from 0 to 400."):
        ApiSettings()
