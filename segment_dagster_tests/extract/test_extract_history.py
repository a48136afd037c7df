"""The history of a table, through the engine: every version of every row, and no more of them than there were."""

import json
from dataclasses import replace
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Edit, Fault, running
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.history import history_columns, versions_of
from segment_dagster.extract.resources import segment_source
from segment_dagster.extract.rows import rows_of, schema_of
from segment_dagster.extract.spool import ROWS_PER_GROUP, Spool
from segment_dagster.load import load, resolve_destination

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


def read(*names, history=True, **settings):
    """One load of these endpoints."""
    return load(
        segment_source(endpoints=names or ["sources"], history=history, **settings),
        resolve_destination(DestinationSettings()),
        now=utc_now(),
    )


def query(sql):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        connection.execute("USE segment_data")
        return connection.execute(sql).fetchall()


def tables():
    found = query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'segment_data'")
    return {name for (name,) in found if not name.startswith("_dlt")}


@pytest.fixture
def ids(world):
    return [record["id"] for record in world.records("sources")]


def history(id, columns="name", table="sources"):
    """The versions of a record: whether each is current, and these columns."""
    return query(f"SELECT valid_to IS NULL, {columns} FROM {table}_history WHERE id = '{id}' ORDER BY valid_from")


def pluralize(table="sources"):
    """Rows, versions and current versions."""
    return query(
        f"SELECT (SELECT count(*) FROM {table}), count(*), count(*) FILTER (valid_to IS NULL) FROM {table}_history"
    )[0]


def moments(table="sources"):
    """The moments at which versions began or ended, each once."""
    sql = (
        f"SELECT valid_from FROM {table}_history UNION SELECT valid_to FROM {table}_history WHERE valid_to IS NOT NULL"
    )
    return {moment for (moment,) in query(f"SELECT epoch_us(valid_from) FROM ({sql})")}


def test_a_first_load_is_one_version_of_each_row(emulator):
    read("sources", "labels")
    assert pluralize() == (40, 40, 40)
    assert pluralize("labels") == (13, 13, 13)
    assert len(moments()) == 1 and moments() == moments("labels")
    same = "SELECT id, name, metadata, write_keys, settings, labels, enabled FROM"
    assert sorted(map(str, query(f"{same} sources"))) == sorted(map(str, query(f"{same} sources_history")))


def test_the_columns_of_a_history_are_those_of_the_table_and_its_own(emulator):
    read("segments")
    where = "WHERE schema_name = 'segment_data'"
    types = [
        dict(query(f"SELECT column_name, data_type FROM duckdb_columns() {where} AND table_name = '{name}'"))
        for name in ("segments", "segments_history")
    ]
    own = {
        "row_version": "VARCHAR",
        "valid_from": "TIMESTAMP WITH TIME ZONE",
        "valid_to": "TIMESTAMP WITH TIME ZONE",
    }
    assert types[1] == types[0] | own


def test_a_load_after_which_nothing_is_new_makes_no_version(emulator):
    read("sources", "segments")
    before = query("SELECT count(*), max(valid_from) FROM segments_history")
    read("sources", "segments")
    assert pluralize() == (40, 40, 40)
    assert query("SELECT count(*), max(valid_from) FROM segments_history") == before


def test_what_changed_went_and_came_makes_versions_that_meet(emulator, ids):
    read()
    emulator.edits.add(
        Edit("sources", "modify", ids[0], {"name": "New"}),
        Edit("sources", "delete", ids[1]),
        Edit("sources", "create", "created", {"name": "Created"}),
    )
    read()
    assert pluralize() == (40, 42, 40)
    ((_, old), _) = history(ids[0])
    assert history(ids[0]) == [(False, old), (True, "New")] and old != "New"
    assert [current for current, _ in history(ids[1])] == [False]
    assert history("created") == [(True, "Created")]
    # one moment for the first load and one for the second
    assert len(moments()) == 2


@pytest.mark.long
def test_what_went_and_came_back_has_a_gap(emulator, ids):
    read()
    emulator.edits.add(Edit("sources", "delete", ids[1]))
    read()
    emulator.edits.clear()
    read()
    first, second = query(
        f"SELECT epoch_us(valid_from), epoch_us(valid_to), row_version FROM sources_history WHERE id = '{ids[1]}' "
        "ORDER BY valid_from"
    )
    assert first[0] < first[1] < second[0] and second[1] is None
    assert first[2] == second[2]


def test_a_table_that_is_empty_now_retires_all_and_loses_none(emulator):
    read()
    with running(scale=0, minute=0.05) as empty:
        load(
            segment_source(empty.token, base_url=empty.url, endpoints=["sources"], history=True),
            resolve_destination(DestinationSettings()),
            now=utc_now(),
        )
    assert pluralize() == (0, 40, 0)
    read()
    assert pluralize() == (40, 80, 40)


def test_what_is_empty_from_the_beginning_has_a_history_all_the_same(emulator):
    with running(scale=0, minute=0.05) as empty:
        load(
            segment_source(empty.token, base_url=empty.url, endpoints=["sources"], history=True),
            resolve_destination(DestinationSettings()),
            now=utc_now(),
        )
    assert pluralize() == (0, 0, 0)
    read()
    assert pluralize() == (40, 40, 40)


@pytest.mark.long
def test_a_volatile_column_makes_no_version(emulator, world):
    group = world.records("user_groups")[0]
    audience = world.records("segments")[0]
    read("user_groups", "segments")
    emulator.edits.add(
        Edit("user_groups", "modify", group["id"], {"memberCount": 9999}),
        Edit("segments", "modify", audience["id"], {"size": {"count": 9, "type": "USERS"}, "status": "Computing"}),
    )
    read("user_groups", "segments")
    assert query(f"SELECT member_count FROM user_groups WHERE id = '{group['id']}'") == [(9999,)]
    assert [current for current, _ in history(group["id"], table="user_groups")] == [True]
    assert [current for current, _ in history(audience["id"], table="segments")] == [True]


@pytest.mark.long
def test_fields_that_the_api_adds_make_versions_of_the_rows_that_have_them(emulator):
    read(page_size=15)
    emulator.faults.add(Fault("extra-field", "sources", after=1, times=1))
    read(page_size=15)
    assert pluralize() == (40, 55, 40)
    assert query("SELECT count(*) FROM sources_history WHERE beta_tier = '\"gold\"' AND valid_to IS NULL") == [(15,)]
    emulator.faults.clear()
    read(page_size=15)
    assert pluralize() == (40, 70, 40)


def test_without_the_setting_there_is_no_history(emulator):
    read(history=None)
    assert tables() == {"sources"}


def test_the_setting_counts_where_no_argument_is_given(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    read(history=None)
    assert tables() == {"sources", "sources_history"}


@pytest.mark.long
def test_turned_off_the_history_stays_as_it_is_and_goes_on_when_it_is_turned_on(emulator, ids):
    read()
    emulator.edits.add(Edit("sources", "modify", ids[0], {"name": "New"}))
    read(history=False)
    assert pluralize() == (40, 40, 40)
    with running(scale=0, minute=0.05) as empty:
        load(
            segment_source(empty.token, base_url=empty.url, endpoints=["sources"], history=False),
            resolve_destination(DestinationSettings()),
            now=utc_now(),
        )
    assert pluralize() == (0, 40, 40)
    read()
    assert pluralize() == (40, 41, 40)
    assert [current for current, _ in history(ids[0])] == [False, True]


def test_only_what_somebody_sets_has_a_history(emulator):
    read("sources", "audit_events", "regulations", "usage_mtu_daily")
    assert tables() == {"sources", "sources_history", "audit_events", "regulations", "usage_mtu_daily"}


@pytest.mark.parametrize(
    "select",
    [
        lambda source: source.with_resources("sources"),
        lambda source: source.with_resources("sources", "warehouses").with_resources("sources"),
        lambda source: source.with_resources("sources", "sources_history"),
    ],
    ids=["one", "one of some", "both named"],
)
def test_a_table_that_is_selected_brings_its_history(select, emulator):
    load(
        select(segment_source(endpoints=["sources", "warehouses"], history=True)),
        resolve_destination(DestinationSettings()),
        now=utc_now(),
    )
    assert tables() == {"sources", "sources_history"}
    assert emulator.stats.by_endpoint == {"sources": 1}


def test_a_plain_dlt_pipeline_keeps_history_too(emulator, ids):
    pipeline = dlt.pipeline("plain", destination=dlt.destinations.duckdb("plain.duckdb"), dataset_name="plain_data")
    for edit in ([], [Edit("sources", "modify", ids[0], {"name": "New"})]):
        emulator.edits.replace(edit)
        pipeline.run(segment_source(endpoints=["sources"], history=True), loader_file_format="parquet")
    assert pipeline.dataset()("SELECT count(*), count(valid_to) FROM sources_history").fetchall() == [(41, 1)]


@pytest.fixture
def spooled(tmp_path):
    """Spools records of the sources and gives the parts with their versions."""

    def spool(*pages):
        spool = Spool(tmp_path / "sources", schema_of(ROWS["sources"]))
        for page in pages:
            spool.write(rows_of(ROWS["sources"], page))
        return spool.close()

    return spool


def test_versions_are_made_row_group_by_row_group(spooled, world):
    records = list(world.records("sources"))
    many = [{**records[n % 40], "id": str(n)} for n in range(3 * ROWS_PER_GROUP)]
    delivered = spooled(many[:ROWS_PER_GROUP], many[ROWS_PER_GROUP : 2 * ROWS_PER_GROUP], many[2 * ROWS_PER_GROUP :])
    (part,) = versions_of(ROWS["sources"], delivered)
    assert part.rows == len(many)
    with pq.ParquetFile(part.path) as file, pq.ParquetFile(delivered[0].path) as before:
        assert file.metadata.num_rows == len(many)
        assert file.num_row_groups == before.num_row_groups > 1
        kept = file.read().drop_columns(["row_version", "valid_from", "valid_to"])
        assert kept.equals(before.read())
        assert file.schema_arrow.field("row_version").nullable is False


def test_versions_come_in_the_order_in_which_dlt_has_the_columns(spooled, world, emulator):
    """dlt would write the file anew otherwise."""
    (part,) = versions_of(ROWS["sources"], spooled(world.records("sources")))
    schema = (
        segment_source(endpoints=["sources"], history=True)
        .resources["sources_history"]
        .compute_table_schema(pa.table({"row_version": pa.array([], pa.string())}))
    )
    assert set(part.columns) | {"row_version", "valid_from", "valid_to"} == set(schema["columns"])
    assert [*history_columns(ROWS["sources"]), "valid_from", "valid_to"] == pq.read_schema(part.path).names


def test_a_source_that_runs_again_makes_the_files_anew(spooled, world):
    delivered = spooled(world.records("sources"))
    (first,) = versions_of(ROWS["sources"], delivered)
    held = first.path.with_name("held.parquet")
    held.hardlink_to(first.path)
    (again,) = versions_of(ROWS["sources"], delivered)
    assert again == first and not again.path.samefile(held)
    assert pq.read_table(held).equals(pq.read_table(again.path))
    assert {path.suffix for path in first.path.parent.iterdir()} == {".parquet"}


def test_what_came_twice_is_one_version(spooled, world):
    records = world.records("sources")
    delivered = spooled(records, [*records[:3], {**records[4], "name": "Other"}], [{**records[0], "validTo": "x"}] * 2)
    parts = list(versions_of(ROWS["sources"], delivered))
    assert [part.rows for part in parts] == [41, 1]
    assert [pq.read_metadata(part.path).num_rows for part in parts] == [41, 1]


def test_an_api_that_delivers_a_row_twice_leaves_no_version_that_nobody_retires(emulator):
    emulator.faults.add(Fault("duplicate", "sources"))
    read()
    assert pluralize() == (41, 40, 40)
    emulator.faults.clear()
    read()
    assert pluralize() == (40, 40, 40)


def test_an_undeclared_field_gives_way_to_the_columns_of_the_history(spooled, world):
    record = world.records("sources")[0]
    named_alike = [{**record, "validTo": "2030", "rowVersion": 7}, {**record, "validTo": "2031", "rowVersion": 7}]
    plain, more = versions_of(ROWS["sources"], spooled(named_alike))
    assert (plain.rows, more.rows) == (0, 2)
    assert set(more.columns) - set(plain.columns) == {"undeclared_valid_to", "undeclared_row_version"}
    one, other = pq.read_table(more.path).to_pylist()
    assert (one["undeclared_valid_to"], one["undeclared_row_version"], one["valid_to"]) == ('"2030"', "7", None)
    assert one["row_version"] != other["row_version"]


def test_a_key_that_may_be_null_is_a_key_all_the_same(emulator):
    read("tracking_plan_rules")
    before = pluralize("tracking_plan_rules")
    assert before[0] == before[1] == before[2]
    read("tracking_plan_rules")
    assert pluralize("tracking_plan_rules") == before


def test_a_row_of_the_catalogue_is_all_that_a_new_history_needs(emulator):
    row = replace(ROWS["sources"], name="source_slugs", columns=ROWS["sources"].columns[:2], references=())
    load(
        segment_source(catalogue=[*CATALOGUE, row], endpoints=["source_slugs"], history=True),
        resolve_destination(DestinationSettings()),
        now=utc_now(),
    )
    assert pluralize("source_slugs") == (40, 40, 40)
    assert json.dumps(sorted(path.name for path in Path.cwd().iterdir())) == '["segment.duckdb"]'
