"""What the destination refuses fails its own table; the others land, and the next run is as if nothing had been."""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from dlt.common.pipeline import get_dlt_pipelines_dir

from segment_dagster._compat.dlt_packages import PENDING
from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Edit
from segment_dagster.errors import SegmentError
from segment_dagster.extract import Extractor
from segment_dagster.load import LoadError, load_extracts, load_isolated, resolve_destination
from segment_dagster.load.errors import load_error
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NAMES = ("sources", "warehouses", "workspace", "labels")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Let dlt try once what it would try five times, a second apart."""
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")


@pytest.fixture(scope="module")
def loaded_file(one_emulator, tmp_path_factory):
    """A file with the tables of `NAMES` and their histories."""
    directory = tmp_path_factory.mktemp("loaded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.setenv("DLT_DATA_DIR", str(directory / "home"))
        patch.setenv("SEGMENT_BASE_URL", one_emulator.url)
        patch.setenv("SEGMENT_API_TOKEN", one_emulator.token)
        read(history=True)
    return directory / "segment.duckdb"


@pytest.fixture
def loaded(emulator, loaded_file):
    """The workspace, and what was loaded of it before in the working directory."""
    shutil.copy(loaded_file, "segment.duckdb")
    return emulator


def read(*names, history=False, always=True):
    """Read endpoints and load them."""
    with Extractor(ApiSettings(history=history)) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names or NAMES])
        assert failures == []
        return load_extracts(
            extracts, resolve_destination(DestinationSettings(always_load=always)), history=history, now=utc_now()
        )


def change(*statements):
    with duckdb.connect("segment.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def query(sql):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def count(table):
    return query(f"SELECT count(*) FROM segment_data.{table}")[0][0]


def lines(loaded):
    """What is said of each endpoint that failed."""
    found = {failure.endpoint.name: str(failure.error) for failure in loaded.failures}
    assert all(isinstance(failure.error, SegmentError) for failure in loaded.failures)
    assert all(line.splitlines() == [line] and line.startswith(f"{name}: ") for name, line in found.items())
    return found


REFUSED = {
    "retyped": ["ALTER TABLE segment_data.sources ALTER enabled TYPE VARCHAR[] USING [enabled::VARCHAR]"],
    "a-unique-index": [
        "UPDATE segment_data.sources SET workspace_id = id",
        "CREATE UNIQUE INDEX mine ON segment_data.sources (workspace_id)",
    ],
    "a-dropped-key": ["ALTER TABLE segment_data.sources DROP id"],
    "a-view": [
        "ALTER TABLE segment_data.sources RENAME TO kept",
        "CREATE VIEW segment_data.sources AS SELECT * FROM segment_data.kept",
    ],
    "a-view-without-a-column": [
        "ALTER TABLE segment_data.sources RENAME TO kept",
        "CREATE VIEW segment_data.sources AS SELECT id FROM segment_data.kept",
    ],
    "a-check": [
        "CREATE TABLE segment_data.made AS SELECT * FROM segment_data.sources",
        "DROP TABLE segment_data.sources",
        "CREATE TABLE segment_data.sources (id VARCHAR, name VARCHAR, slug VARCHAR, enabled BOOLEAN CHECK (false))",
    ],
    "not-null": [
        "ALTER TABLE segment_data.sources ADD COLUMN mine INTEGER DEFAULT 1",
        "ALTER TABLE segment_data.sources ALTER mine SET NOT NULL",
        "ALTER TABLE segment_data.sources ALTER mine DROP DEFAULT",
    ],
}


@pytest.mark.parametrize("case", often(REFUSED, 2))
def test_a_table_that_was_changed_by_hand_fails_alone(loaded, world, case):
    change(*REFUSED[case])
    before = query("SELECT * FROM segment_data.sources")
    record = world.records("warehouses")[0]
    loaded.edits.add(Edit("warehouses", "modify", record["id"], {"enabled": not record["enabled"]}))
    said = lines(read())
    assert list(said) == ["sources"]
    assert "If segment_data.sources" in said["sources"] and " was changed by hand, undo that" in said["sources"]
    assert query("SELECT * FROM segment_data.sources") == before
    assert (count("warehouses"), count("workspace")) == (3, 1)
    assert (record["id"], not record["enabled"]) in query("SELECT id, enabled FROM segment_data.warehouses")
    # the next run finds nothing that the failed one left
    kind = "VIEW" if "view" in case else "TABLE"
    change(f"DROP {kind} segment_data.sources")
    assert lines(read()) == {}
    assert count("sources") == 40


def test_several_tables_that_are_refused_fail_each_with_its_own_line(loaded):
    change(*REFUSED["retyped"], "DROP TABLE segment_data.labels", "CREATE VIEW segment_data.labels AS SELECT 1 AS id")
    change("ALTER TABLE segment_data.workspace DROP id")
    said = lines(read())
    assert list(said) == ["sources", "workspace", "labels"]
    assert "ConversionException" in said["sources"] and "ParserException" in said["workspace"]


def test_a_table_and_its_history_fail_together_and_no_version_is_kept_twice(loaded, world):
    versions = count("warehouses_history")
    change("DROP TABLE segment_data.sources_history", "CREATE VIEW segment_data.sources_history AS SELECT 1 AS id")
    record = world.records("warehouses")[0]
    loaded.edits.add(Edit("warehouses", "modify", record["id"], {"enabled": not record["enabled"]}))
    for _ in range(2):
        said = lines(read(history=True))
        assert list(said) == ["sources"] and "If segment_data.sources or its history was" in said["sources"]
        # loaded in the package that failed, and in the one after it
        assert count("warehouses_history") == versions + 1
        ((current,),) = query("SELECT count(*) FROM segment_data.warehouses_history WHERE valid_to IS NULL")
        assert current == 3


def test_what_is_merged_is_there_once_where_another_table_is_refused(loaded, monkeypatch):
    change(*REFUSED["retyped"])
    for _ in range(2):
        assert list(lines(read("audit_events", "sources"))) == ["sources"]
        ((rows, ids),) = query("SELECT count(*), count(DISTINCT id) FROM segment_data.audit_events")
        assert rows == ids > 0


def test_nothing_is_left_of_what_was_refused(loaded):
    change(*REFUSED["retyped"])
    read()
    home = Path(get_dlt_pipelines_dir(), "segment_pipeline")
    assert [path for folder in PENDING for path in (home / folder).iterdir()] == []
    assert list(home.rglob("*.parquet")) == list(home.rglob("*.exception")) == []


@pytest.mark.parametrize("limit", ["12MiB"])
def test_a_table_for_which_duckdb_has_not_the_memory_fails_alone(loaded, world, limit, monkeypatch):
    # of its values DuckDB makes a dictionary, and holds the whole of it
    record = world.records("sources")[0]
    loaded.edits.add(Edit("sources", "modify", record["id"], {"slug": "a word " * 4_000_000}))
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG", f'{{"memory_limit": "{limit}"}}')
    said = lines(read())
    assert list(said) == ["sources"] and "OutOfMemoryException" in said["sources"]
    assert count("sources") == 40
    monkeypatch.delenv("DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG")
    loaded.edits.clear()
    assert lines(read()) == {}


@pytest.fixture
def extracts(loaded):
    with Extractor(ApiSettings()) as extractor:
        yield extractor.extract_all([extractor.endpoint(name) for name in NAMES])[0]


def failing(*refused, **options):
    """Stands for a destination that refuses some tables, and says no more than the options."""
    packages = []

    def load_package(group):
        names = [each.endpoint.name for each in group]
        packages.append(names)
        if found := [name for name in names if name in refused]:
            raise LoadError(options.pop("said", f"{found[0]} is refused"), **options)
        return names

    return load_package, packages


def test_what_dlt_does_not_name_is_found_by_halves(extracts):
    load_package, packages = failing("warehouses")
    loaded, failures = load_isolated(extracts, load_package, "segment_data")
    assert loaded == [["sources"], ["workspace", "labels"]]
    assert [str(each.error) for each in failures] == ["warehouses: warehouses is refused."]
    assert packages == [list(NAMES), ["sources", "warehouses"], ["sources"], ["warehouses"], ["workspace", "labels"]]


def test_what_dlt_names_is_not_tried_again(extracts):
    load_package, packages = failing("labels", table="labels", refused=True)
    _, failures = load_isolated(extracts, load_package, "segment_data")
    assert packages == [list(NAMES), list(NAMES[:3])]
    assert [each.endpoint.name for each in failures] == ["labels"]


def test_what_is_about_the_whole_destination_stops_at_once(extracts):
    load_package, packages = failing("labels", everything=True)
    with pytest.raises(LoadError, match="labels is refused"):
        load_isolated(extracts, load_package, "segment_data")
    assert packages == [list(NAMES)]


def test_tables_that_are_refused_for_one_reason_stop_no_other(extracts):
    """However many they are: that they share a reason says nothing of a table that was not tried."""
    for refused in (NAMES[:2], NAMES[:3], NAMES):

        def load_package(group, refused=refused):
            names = [each.endpoint.name for each in group]
            if set(names) & set(refused):
                raise LoadError("the same for each")
            return names

        loaded, failures = load_isolated(extracts, load_package, "segment_data")
        assert sorted(name for group in loaded for name in group) == sorted(set(NAMES) - set(refused))
        assert [each.endpoint.name for each in failures] == list(refused)
        assert {str(each.error).partition(": ")[2] for each in failures} == {"the same for each."}


def test_two_tables_that_are_views_by_now_fail_and_the_others_land(loaded, emulator):
    with duckdb.connect("segment.duckdb") as connection:
        for name in ("labels", "warehouses"):
            connection.execute(f"ALTER TABLE segment_data.{name} RENAME TO kept_{name}")
            connection.execute(f"CREATE VIEW segment_data.{name} AS SELECT * FROM segment_data.kept_{name}")
    emulator.edits.add(Edit("sources", "modify", emulator.records("sources")[0]["id"], {"name": "renamed"}))
    found = read()
    assert set(lines(found)) == {"labels", "warehouses"}
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM segment_data.sources WHERE name = 'renamed'").fetchall() == [
            (1,)
        ]


@pytest.mark.parametrize(
    ("failure", "everything"),
    [
        (OSError(28, "No space left on device"), True),
        (duckdb.FatalException("FATAL Error: database has been invalidated because of a previous fatal error"), True),
        (duckdb.IOException("Cannot execute statement: database is in read-only mode"), True),
        (duckdb.ConstraintException("NOT NULL constraint failed: sources.mine"), False),
        (duckdb.OutOfMemoryException("failed to allocate data"), False),
        (KeyError("no such column"), False),
    ],
)
def test_what_stops_everything_is_told_from_what_stops_a_table(failure, everything):
    assert load_error(failure, "load", resolve_destination(DestinationSettings())).everything == everything


def test_where_many_are_refused_the_packages_are_as_many_as_the_tables(extracts):
    def load_package(group):
        tried.append(len(group))
        raise LoadError(f"{group[0].endpoint.name} is refused", table=group[0].endpoint.name)

    tried: list[int] = []
    # the same ones again: what counts is their number
    many = [
        replace(each, endpoint=replace(each.endpoint, name=f"{each.endpoint.name}_{n}"))
        for n in range(10)
        for each in extracts
    ]
    _, failures = load_isolated(many, load_package, "segment_data")
    assert len(failures) == len(many) == len(tried) == 40
    assert tried == [40, 39, 38, 37, *[1] * 36]
