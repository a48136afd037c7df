"""What `_compat/dlt_packages.py` takes for granted of dlt's pipelines and of dagster-dlt."""

import inspect
from pathlib import Path

import dlt
import pytest
from dagster_dlt import DagsterDltResource

from segment_dagster._compat.dlt_packages import PENDING, drop_once

BREAKS = "see segment_dagster/_compat/dlt_packages.py"


@pytest.fixture
def pipeline(tmp_path):
    return dlt.pipeline("compat", str(tmp_path), destination=dlt.destinations.duckdb(str(tmp_path / "any.duckdb")))


def pending(pipeline):
    return [bool(list(Path(pipeline.working_dir, folder).glob("*"))) for folder in PENDING]


def test_packages_wait_in_the_folders_that_are_emptied(pipeline):
    rows = [{"id": 1}]
    pipeline.extract(rows, table_name="rows")
    assert pending(pipeline) == [True, False, False], f"dlt keeps what is extracted elsewhere: {BREAKS}"
    pipeline.normalize()
    assert pending(pipeline) == [False, False, True], f"dlt keeps what is normalized elsewhere: {BREAKS}"
    pipeline.load()
    assert pending(pipeline) == [False, False, False], f"dlt keeps what is loaded in the same place: {BREAKS}"


def test_packages_are_made_in_the_folder_that_is_emptied(pipeline):
    from dlt.common.storages import LoadStorage, NormalizeStorage

    made = (f"normalize/{NormalizeStorage.EXTRACTED_FOLDER}", f"load/{LoadStorage.NEW_PACKAGES_FOLDER}")
    assert (*made, f"load/{LoadStorage.NORMALIZED_FOLDER}") == PENDING, f"dlt names its folders otherwise: {BREAKS}"


def test_a_pipeline_is_dropped_once(pipeline):
    left = Path(pipeline.working_dir, "left")
    left.touch()
    drop_once(pipeline)
    assert not left.exists(), f"Pipeline.drop keeps the working directory: rows of a failed run stay. {BREAKS}"
    left.touch()
    assert pipeline.drop() is pipeline
    assert left.exists(), f"Pipeline.drop cannot be replaced: others can read the working directory: {BREAKS}"


def test_dagster_dlt_drops_the_pipeline_before_it_loads():
    text = inspect.getsource(DagsterDltResource)
    assert ".drop(" in text, f"dagster-dlt drops no pipeline any more: drop_once is not needed. {BREAKS}"
