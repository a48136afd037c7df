"""The place: settled and checked before anything is read, and nothing is made by looking."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.errors import SettingError
from segment_dagster.load import inspect_dataset, resolve_destination

CREDENTIALS = "DESTINATION__DUCKDB__CREDENTIALS"


def everything():
    """All that is in the working directory and above it in the test's own directory."""
    return {(path, path.stat().st_mtime_ns if path.is_file() else None) for path in Path.cwd().parent.rglob("*")}


def refused(setting, *parts, **arguments):
    before = everything()
    with pytest.raises(SettingError) as caught:
        resolve_destination(DestinationSettings(**arguments))
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith(f"{setting} ")
    for part in parts:
        assert part in text
    assert everything() == before, "a refused setting leaves nothing behind"
    return text


def made(name="mine.duckdb"):
    path = Path(name).absolute()
    duckdb.connect(str(path)).close()
    return path


def test_by_default_the_file_is_in_the_working_directory_and_not_made_yet():
    before = everything()
    destination = resolve_destination(DestinationSettings())
    assert (destination.type, destination.dataset) == ("duckdb", "segment_data")
    assert destination.file == Path.cwd() / "segment.duckdb"
    assert everything() == before


def test_the_place_is_that_of_the_working_directory_at_run_time(tmp_path, monkeypatch):
    first = resolve_destination(DestinationSettings())
    monkeypatch.chdir(tmp_path)
    assert resolve_destination(DestinationSettings()).file == tmp_path / "segment.duckdb" != first.file


@pytest.mark.parametrize("name", ["oracle", "DuckDB", "duckdb ", "../x"])
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_an_unknown_destination_names_the_legal_ones(name, way, monkeypatch):
    if way == "environment":
        monkeypatch.setenv("SEGMENT_DESTINATION", name)
    arguments = {"type": name} if way == "argument" else {}
    refused("SEGMENT_DESTINATION", f"is {name!r}", "Legal values: duckdb", **arguments)


@pytest.mark.parametrize(
    "name",
    ["Segment", "1st", "a-b", "a.b", "a b", "_a", "a__b", "a" * 64, "é", "a;drop", 'a"', "a\nb", "a\n", "a_"],
    ids=ascii,
)
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_a_bad_dataset_name_tells_what_is_legal(name, way, monkeypatch):
    if way == "environment":
        monkeypatch.setenv("SEGMENT_DATASET", name)
    arguments = {"dataset": name} if way == "argument" else {}
    refused("SEGMENT_DATASET", f"is {name!r}", "lower-case letters, digits and single underscores", **arguments)


@pytest.mark.parametrize("name", ["a", "segment_data", "a1_b2", "a" * 63])
def test_a_good_dataset_name_is_taken(name, monkeypatch):
    monkeypatch.setenv("SEGMENT_DATASET", name)
    assert resolve_destination(DestinationSettings()).dataset == name
    assert resolve_destination(DestinationSettings(dataset="other")).dataset == "other"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("mine.duckdb", "mine.duckdb"),
        ("duckdb:///mine.duckdb", "mine.duckdb"),
        ("./deep/../mine.duckdb", "mine.duckdb"),
        ("mine", "mine"),
        ("with space é.duckdb", "with space é.duckdb"),
    ],
)
def test_a_relative_path_becomes_absolute(value, name, monkeypatch):
    Path("deep").mkdir()
    monkeypatch.setenv(CREDENTIALS, value)
    file = resolve_destination(DestinationSettings()).file
    assert file
    assert file.is_absolute()
    assert file.resolve() == (Path.cwd() / name).resolve()


@pytest.mark.parametrize("prefix", ["", "duckdb:///"])
def test_an_absolute_path_stays(prefix, tmp_path, monkeypatch):
    monkeypatch.setenv(CREDENTIALS, f"{prefix}{tmp_path}/mine.duckdb")
    assert resolve_destination(DestinationSettings()).file == tmp_path / "mine.duckdb"


def test_a_home_directory_is_put_in(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir(exist_ok=True)
    monkeypatch.setenv(CREDENTIALS, "~/mine.duckdb")
    assert resolve_destination(DestinationSettings()).file == tmp_path / "home" / "mine.duckdb"


def test_the_home_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "~nobody-of-this-name/mine.duckdb")
    refused(CREDENTIALS)


def test_a_path_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "x" * 5000)
    refused(CREDENTIALS)


@pytest.mark.parametrize(
    "value", ["md:", "md:mine", "md:mine?motherduck_token=S3cr3t", ":memory:", "duckdb:///:memory:"]
)
def test_what_is_no_file_is_refused_without_its_token(value, monkeypatch):
    monkeypatch.setenv(CREDENTIALS, value)
    text = refused(CREDENTIALS, "Set it to the path of a file", "without it the file is segment.duckdb")
    assert "S3cr3t" not in text


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"x" * 4096, b"SQLite format 3\0" + b"\0" * 100, b"12345678duck"], ids=len
)
def test_a_file_of_something_else_is_refused_and_kept(content, monkeypatch):
    Path("mine.duckdb").write_bytes(content)
    monkeypatch.setenv(CREDENTIALS, "mine.duckdb")
    refused(CREDENTIALS, str(Path("mine.duckdb").absolute()), "which is not a DuckDB file")
    assert Path("mine.duckdb").read_bytes() == content


def test_a_duckdb_file_is_taken(monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "mine.duckdb")
    assert resolve_destination(DestinationSettings()).file == made()


def test_a_read_only_file_is_refused(monkeypatch):
    path = made()
    path.chmod(0o444)
    monkeypatch.setenv(CREDENTIALS, "mine.duckdb")
    refused(CREDENTIALS, f"names {path}, which is read-only")


def test_a_directory_that_cannot_be_written_to_is_refused(monkeypatch):
    Path("closed").mkdir(mode=0o555)
    monkeypatch.setenv(CREDENTIALS, "closed/mine.duckdb")
    refused(CREDENTIALS, "whose directory is missing or cannot be written to")


def test_a_missing_directory_is_refused_and_not_made(monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "missing/mine.duckdb")
    refused(CREDENTIALS, f"names {Path.cwd()}/missing/mine.duckdb, whose directory is missing", "segment.duckdb")


def test_a_file_in_place_of_the_directory_is_refused(monkeypatch):
    Path("file").touch()
    monkeypatch.setenv(CREDENTIALS, "file/mine.duckdb")
    refused(CREDENTIALS, "whose directory is missing or cannot be written to")


@pytest.mark.parametrize("value", [".", "directory", "directory/"])
def test_a_directory_in_place_of_the_file_is_refused(value, monkeypatch):
    Path("directory").mkdir()
    monkeypatch.setenv(CREDENTIALS, value)
    refused(CREDENTIALS, "which is no file")


def test_a_pipe_in_place_of_the_file_is_refused(monkeypatch):
    os.mkfifo("pipe")
    monkeypatch.setenv(CREDENTIALS, "pipe")
    refused(CREDENTIALS, "which is no file")


def ambiguous(file, dataset):
    """Whether DuckDB takes `dataset.table` for something else in a file of this name."""
    with duckdb.connect(file) as connection:
        connection.execute(f'CREATE SCHEMA "{dataset}"')
        try:
            connection.execute(f'CREATE TABLE "{dataset}"."t" AS SELECT 1 AS i')
        except duckdb.BinderException:
            return True
    return False


@pytest.mark.parametrize(
    "name",
    ["segment_data.duckdb", "segment_data", "Segment_Data.duckdb", "SEGMENT_DATA.db", "segment_data.2024.duckdb"],
)
def test_a_file_named_like_the_dataset_is_refused(name, tmp_path, monkeypatch):
    assert ambiguous(str(tmp_path / name), "segment_data"), "DuckDB does not mind: the check can go"
    monkeypatch.setenv(CREDENTIALS, name)
    refused(CREDENTIALS, f"names the file {name}", "the dataset 'segment_data'", "or set SEGMENT_DATASET")
    monkeypatch.setenv("SEGMENT_DATASET", "other")
    assert resolve_destination(DestinationSettings()).file == Path(name).absolute()


@pytest.mark.parametrize("name", ["2024.segment_data.duckdb", "my_segment_data.duckdb", "segment-data.duckdb"])
def test_a_file_of_another_name_is_taken(name, tmp_path, monkeypatch):
    assert not ambiguous(str(tmp_path / name), "segment_data")
    monkeypatch.setenv(CREDENTIALS, name)
    assert resolve_destination(DestinationSettings()).file == Path(name).absolute()


def test_dlts_own_settings_of_the_database_count(monkeypatch):
    monkeypatch.setenv(f"{CREDENTIALS}__DATABASE", "mine.duckdb")
    assert resolve_destination(DestinationSettings()).file == Path("mine.duckdb").absolute()


@pytest.mark.slow
@pytest.mark.parametrize(
    "toml",
    ['[destination.duckdb]\ncredentials = "mine.duckdb"', '[destination.duckdb.credentials]\ndatabase = "mine.duckdb"'],
    ids=["text", "table"],
)
def test_dlts_secrets_file_moves_the_file(toml):
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(toml)
    code = (
        "from segment_dagster.config import DestinationSettings\n"
        "from segment_dagster.load import resolve_destination\n"
        "print(resolve_destination(DestinationSettings()).file)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == f"{Path.cwd()}/mine.duckdb\n", ran.stderr


@pytest.mark.parametrize("value", ["{not json", '{"read_only": "perhaps"}', '{"database": 7}', "postgres://x:y@z/db"])
def test_credentials_that_dlt_does_not_understand_are_one_line_or_a_file(value, monkeypatch):
    monkeypatch.setenv(CREDENTIALS, value)
    try:
        file = resolve_destination(DestinationSettings()).file
        assert file and file.parent.is_dir()
    except SettingError as error:
        assert re.match(rf"{CREDENTIALS} .+", str(error))
        assert str(error).splitlines() == [str(error)]


def test_the_destination_leads_to_the_file(monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "mine.duckdb")
    path = made()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA segment_data; CREATE TABLE segment_data.t AS SELECT 1 AS i")
    destination = resolve_destination(DestinationSettings())
    assert destination.factory.config_params["replace_strategy"] == destination.capabilities.replace_strategy
    with inspect_dataset(destination) as tables:
        assert tables.count("t") == 1


def test_an_argument_counts_before_the_environment(monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "oracle")
    monkeypatch.setenv("SEGMENT_DATASET", "NO")
    destination = resolve_destination(DestinationSettings(type="duckdb", dataset="mine"))
    assert (destination.type, destination.dataset) == ("duckdb", "mine")
    monkeypatch.setenv("SEGMENT_DESTINATION", "")
    monkeypatch.setenv("SEGMENT_DATASET", "")
    assert resolve_destination(DestinationSettings()) == resolve_destination(
        DestinationSettings(type="duckdb", dataset="segment_data")
    )


@pytest.mark.parametrize("way", ["argument", "environment"])
@pytest.mark.parametrize("name", ["segment_data_staging", "mine_staging", "a_b_staging"])
def test_a_dataset_named_like_the_staging_dataset_of_another_is_refused(name, way, monkeypatch):
    if way == "environment":
        monkeypatch.setenv("SEGMENT_DATASET", name)
    refused("SEGMENT_DATASET", f"is {name!r}", "dlt empties", dataset=name if way == "argument" else None)


@pytest.mark.parametrize(("layout", "name"), [("tmp_%s", "tmp_data"), ("%s_tmp", "data_tmp"), ("scratch", "scratch")])
@pytest.mark.parametrize("section", ["DESTINATION__DUCKDB__", "DESTINATION__", ""])
def test_dlts_own_layout_of_staging_datasets_counts_too(layout, name, section, monkeypatch):
    assert resolve_destination(DestinationSettings(dataset=name)).dataset == name
    monkeypatch.setenv(f"{section}STAGING_DATASET_NAME_LAYOUT", layout)
    refused("SEGMENT_DATASET", f"is {name!r}", f"({layout})", dataset=name)
    refused("SEGMENT_DATASET", "is 'data_staging'", dataset="data_staging")
