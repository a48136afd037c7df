"""dlt's working directory may be broken, and its settings wrong: the one is made anew, the other told in a line."""

import logging
import os
import shutil
from pathlib import Path

import duckdb
import pytest
from dlt.common.pipeline import get_dlt_pipelines_dir

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.errors import SettingError
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import load, resolve_destination
from segment_dagster.load.working_directory import register_pipeline

pytestmark = pytest.mark.slow


def count():
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute("SELECT count(*) FROM segment_data.warehouses").fetchall()


@pytest.fixture(scope="module")
def loaded(one_emulator, tmp_path_factory):
    """A file that was loaded into, and beside it what dlt keeps."""
    directory = tmp_path_factory.mktemp("loaded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.setenv("DLT_DATA_DIR", str(directory / "home"))
        patch.setenv("SEGMENT_BASE_URL", one_emulator.url)
        patch.setenv("SEGMENT_API_TOKEN", one_emulator.token)
        load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    return directory


@pytest.fixture
def directory(emulator, loaded):
    """dlt's working directory, after a load into the file of the test."""
    shutil.copy(loaded / "segment.duckdb", "segment.duckdb")
    shutil.copytree(loaded / "home", os.environ["DLT_DATA_DIR"])
    return Path(get_dlt_pipelines_dir(), "segment_pipeline")


def directory_in_place_of(path):
    path.unlink()
    (path / "x").mkdir(parents=True)


def file_in_place_of_the_directory(path):
    shutil.rmtree(path.parent)
    path.parent.write_text("mine")


BROKEN = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "no object": lambda path: path.write_text("[]"),
    "another object": lambda path: path.write_text("{}"),
    "null": lambda path: path.write_text("null"),
    "of a version to come": lambda path: path.write_text('{"_state_engine_version": 99, "_local": {}}'),
    "a directory": directory_in_place_of,
    "nothing": Path.unlink,
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "not to be read": lambda path: path.chmod(0),
}


@pytest.mark.parametrize(
    ("file", "broken"),
    [
        *(("state.json", broken) for broken in BROKEN),
        ("schemas/segment_source.schema.json", "truncated"),
        ("schemas/segment_source.schema.json", "of a version to come"),
        ("trace.pickle", "binary"),
        ("trace.pickle", "a directory"),
    ],
)
def test_what_dlt_cannot_read_of_its_own_is_made_anew(directory, file, broken, caplog):
    BROKEN[broken](directory / file)
    with caplog.at_level(logging.WARNING, "segment_dagster"):
        register_pipeline(resolve_destination(DestinationSettings()))
        load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    assert count() == [(3,)]
    told = [record.getMessage() for record in caplog.records if record.name == "segment_dagster.load.working_directory"]
    assert len(told) <= 1
    if file == "state.json" and broken in ("truncated", "empty", "binary"):
        assert told[0].startswith(f"{directory} cannot be read (")
        assert told[0].endswith("it is deleted, and made anew from what the destination holds")


def test_a_file_in_place_of_dlts_directory_is_replaced(directory):
    file_in_place_of_the_directory(directory / "state.json")
    load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    assert count() == [(3,)]
    assert directory.is_dir()


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("LOAD__WORKERS", "abc", "has a value of the wrong type. Set it to a value of type int."),
        ("LOAD__WORKERS", "0", "is 0. Legal values: 1 and more."),
        ("LOAD__PARALLELISM_STRATEGY", "mad", "Set it to one of parallel, table-sequential, sequential."),
        ("LOAD__DELETE_COMPLETED_JOBS", "maybe", "Set it to a value of type bool."),
        ("LOAD__TRUNCATE_STAGING_DATASET", "maybe", "Set it to a value of type bool."),
        ("NORMALIZE__WORKERS", "abc", "Set it to a value of type int."),
        ("NORMALIZE__WORKERS", "-1", "is -1. Legal values: 1 and more."),
        ("NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS", "abc", "Set it to a value of type int."),
        ("NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION", "maybe", "Set it to a value of type bool."),
        ("EXTRACT__WORKERS", "abc", "Set it to a value of type int."),
        ("EXTRACT__MAX_PARALLEL_ITEMS", "abc", "Set it to a value of type int."),
        ("RESTORE_FROM_DESTINATION", "maybe", "Set it to a value of type bool."),
        ("SCHEMA__NAMING", "of-nobody", "cannot be used (UnknownNamingModule). Unset it."),
    ],
)
def test_a_setting_of_dlts_that_cannot_be_used_is_named_before_anything_is_read(setting, value, told, monkeypatch):
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingError) as caught:
        resolve_destination(DestinationSettings())
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith(f"{setting} ") and text.endswith(told) and "of-nobody" not in text
