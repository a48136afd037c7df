"""What `_compat/dlt_table_formats.py` takes for granted of dlt's load jobs, and whether it is still needed."""

import inspect
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from dlt.destinations.impl.filesystem.filesystem import (
    DeltaLoadFilesystemJob,
    IcebergLoadFilesystemJob,
    TableFormatLoadFilesystemJob,
)

from segment_dagster._compat.dlt_table_formats import with_all_columns

BREAKS = "Delta and Iceberg tables refuse new columns: see segment_dagster/_compat/dlt_table_formats.py"


@pytest.fixture
def files(tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    pq.write_table(pa.table({"id": [1]}), first)
    pq.write_table(pa.table({"id": [2], "new": ["x"]}), second)
    return [str(first), str(second)]


def job_of(kind, files):
    extended: Any = with_all_columns(kind)
    job = extended.__new__(extended)
    job.file_paths = files
    return job


@pytest.mark.parametrize("kind", [DeltaLoadFilesystemJob, IcebergLoadFilesystemJob])
def test_the_columns_of_all_files_are_those_of_the_job(kind, files):
    assert issubclass(kind, TableFormatLoadFilesystemJob), f"dlt's jobs of open formats have another base: {BREAKS}"
    assert isinstance(inspect.getattr_static(kind, "arrow_dataset"), property), f"dlt has no arrow_dataset: {BREAKS}"
    assert job_of(kind, files).arrow_dataset.schema.names == ["id", "new"]


def test_dlts_own_jobs_take_the_columns_of_the_first_file(files):
    own: Any = inspect.getattr_static(TableFormatLoadFilesystemJob, "arrow_dataset")
    job = job_of(TableFormatLoadFilesystemJob, files)
    assert own.fget(job).schema.names == ["id"], "dlt knows all columns by now: dlt_table_formats is not needed"


def test_the_job_of_iceberg_opens_its_table_by_the_names_that_are_used():
    source = inspect.getsource(IcebergLoadFilesystemJob.run)
    for name in ("self._job_client", "load_open_table", "self.load_table_name", "self.arrow_dataset"):
        assert name in source, f"dlt's job for Iceberg does not use {name} any more: {BREAKS}"
