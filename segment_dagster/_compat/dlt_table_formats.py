"""Correct dlt's load jobs for Delta and Iceberg tables where columns come and go.

dlt takes the columns of the first file for those of all, and pyiceberg compares rows with the columns of the last
snapshot: rows with a new field fail from then on. Remove this once both match columns by name.

Private to: dlt 1.31 (`TableFormatLoadFilesystemJob.arrow_dataset`, `file_paths`, `load_table_name`, `_job_client`) and
pyiceberg 0.12.

If it changes: Delta and Iceberg tables refuse every load after a field has come or gone.
"""

from functools import cache
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity


@cache
def with_all_columns(job: type[Any]) -> type[Any]:
    """Return a job class of dlt's for tables of an open format, which loads the columns of every file.

    Others are returned as they are.
    """
    from dlt.destinations.impl.filesystem.filesystem import IcebergLoadFilesystemJob, TableFormatLoadFilesystemJob

    if not issubclass(job, TableFormatLoadFilesystemJob):
        return job
    mixin = _IcebergColumns if issubclass(job, IcebergLoadFilesystemJob) else _AllColumns
    return type(job.__name__, (mixin, job), {"__module__": job.__module__, "__qualname__": job.__qualname__})


class _AllColumns:
    """The columns of all files, each once."""

    file_paths: list[str]

    @property
    def arrow_dataset(self) -> Any:
        import pyarrow as pa
        import pyarrow.dataset

        dataset = pyarrow.dataset.dataset(self.file_paths)
        return dataset.replace_schema(
            pa.unify_schemas([fragment.physical_schema for fragment in dataset.get_fragments()])
        )


class _IcebergColumns(_AllColumns):
    """The columns of all files, and those of the table that no file has, in the order of the table."""

    load_table_name: str
    _job_client: Any
    _columns: Any = None

    @property
    def arrow_dataset(self) -> Any:
        import pyarrow as pa

        dataset = super().arrow_dataset
        if self._columns is None:
            return dataset
        there = set(dataset.schema.names)
        return dataset.replace_schema(
            pa.schema([dataset.schema.field(each.name) if each.name in there else each for each in self._columns])
        )

    def run(self) -> None:
        schema = super().arrow_dataset.schema
        try:
            table = self._job_client.load_open_table("iceberg", self.load_table_name, schema=schema)
        except DestinationUndefinedEntity:
            # the first load: it makes the table
            table = None
        if table is not None:
            self._columns = table.schema().as_arrow()
            snapshot = table.current_snapshot()
            if snapshot is not None and snapshot.schema_id != table.schema().schema_id:
                # a snapshot with the columns that were added just now
                table.append(self._columns.empty_table())
        super().run()  # type: ignore[misc]
