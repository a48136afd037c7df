"""The dlt source: a resource for each endpoint of the catalogue."""

import difflib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import dlt
from dlt.common.schema.typing import MERGE_DISPOSITION_HINTS, TColumnSchema, TTableSchemaColumns
from dlt.common.schema.utils import new_table
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta

from segment_dagster._compat.dlt_source import implemented_by
from segment_dagster.client.layout import offers
from segment_dagster.config import ApiSettings
from segment_dagster.config.dlt_runtime import compresses_files
from segment_dagster.config.known import KnownSettings
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SettingError
from segment_dagster.extract.columns import column_name, columns_of
from segment_dagster.extract.disposition import Merge, TableFormat, disposition_of, parent_columns, scope_of
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.history import (
    SCD2,
    VERSION_COLUMN,
    SourceWithHistory,
    history_columns,
    versions_of,
)
from segment_dagster.extract.jsonl import JsonLines, jsonl_items
from segment_dagster.extract.result import Extract
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.undeclared import existing_columns, parts_with_columns
from segment_dagster.extract.versions import history_table

SOURCE_NAME = "segment_source"

DEDUPLICATED = MERGE_DISPOSITION_HINTS["deduplicated"]
"""dlt's hint that no key comes twice. In a write disposition a false one would leave what the table's schema has."""

READ_AT = "read_at"
"""Where dlt's state of an incremental resource keeps when the workspace was read that was loaded last."""

Read = Callable[[], Extract]
"""Gives what was delivered of one endpoint."""

FileFormat = Callable[[], JsonLines | None]
"""Says, once there are rows, whether they are handed on as lines of JSON, in place of Parquet."""


def _parquet() -> None:
    """Hand rows on as Parquet."""


def segment_source(
    api_key: str = dlt.secrets.value,  # noqa: TID251 - dlt fills it in
    *,
    region: str | None = None,
    base_url: str | None = None,
    layout: str | None = None,
    endpoints: Sequence[str] | None = None,
    concurrency: int | None = None,
    page_size: int | None = None,
    requests_per_minute: int | None = None,
    include_secrets: bool | None = None,
    history: bool | None = None,
    jsonl: bool = False,
    catalogue: Sequence[Endpoint] = TABLES,
) -> DltSource:
    """Return the endpoints of a Segment workspace as a dlt source, for any dlt pipeline and for dagster-dlt.

    Nothing is read before dlt asks for the rows: no token, no file, no response. Only the arguments are checked, with
    `SEGMENT_API_LAYOUT` and `SEGMENT_HISTORY`, which decide the resources. Every run of dlt takes the settings anew and
    reads anew, with the same source too; two runs at the same time need a source each.

    A resource hands its rows on once its endpoint has been read whole, as files, which `add_map` and `add_filter` do
    not look into.

    Args:
        api_key: The token; `SEGMENT_API_TOKEN` or dlt's `[sources.segment_source] api_key` where it is not given.
        region: `us` or `eu`.
        base_url: Address of the API, in place of the region's.
        layout: `public` or `versioned`.
        endpoints: Names of the endpoints; where it is not given, all that the layout offers but the slow ones, which
            take long at the rate that Segment allows.
        concurrency: Requests under way at once, at most.
        page_size: Rows asked for in a page, at most.
        requests_per_minute: Requests of the token a minute, at most.
        include_secrets: Whether secrets land as they are.
        history: Whether every version of configuration is kept: a further resource `<endpoint>_history` for each.
        jsonl: Whether the files are lines of JSON, to be loaded as `jsonl`, in place of Parquet: for BigQuery and
            Snowflake, whose columns of JSON would hold a text each.
        catalogue: The rows the names are looked up in.

    Returns:
        A source named `segment_source`.

    Raises:
        SettingError: An argument cannot be used. What is wrong with other settings, a missing token too, is the root
            cause of dlt's error when the source is run.
    """
    arguments: dict[str, Any] = {
        "token": None if api_key is dlt.secrets.value else api_key,  # noqa: TID251 - the default above
        "region": region,
        "base_url": base_url,
        "layout": layout,
        "concurrency": concurrency,
        "page_size": page_size,
        "requests_per_minute": requests_per_minute,
        "include_secrets": include_secrets,
        "history": history,
    }
    known = KnownSettings(**arguments)
    offered = {endpoint.name: endpoint for endpoint in catalogue if offers(known.layout, endpoint)}
    if endpoints is None:
        rows = [endpoint for endpoint in offered.values() if not endpoint.slow]
    else:
        rows = [_named(name, offered, known) for name in dict.fromkeys(endpoints)]
    # dlt does not say when it is done with a source: the extractor deletes its files when the last resource is gone,
    # or the next run begins
    runs = _ExtractorPerRun(lambda: Extractor(ApiSettings(**arguments), catalogue))
    reads = [(endpoint, partial(runs.extract, endpoint.name)) for endpoint in rows]
    return _source(reads, known.history, file_format=_json_lines if jsonl else _parquet)


def source_of_extracts(
    extracts: Sequence[Extract],
    *,
    history: bool = False,
    merge: Merge | None = None,
    table_format: TableFormat | None = None,
    jsonl: JsonLines | None = None,
) -> DltSource:
    """Return the same source over extracts.

    Args:
        extracts: What was read.
        history: Whether every version of configuration is kept.
        merge: How the destination merges; by deleting and inserting where it is left out.
        table_format: The open format of the tables, where they are files.
        jsonl: How rows are handed on as lines of JSON; as Parquet by default.
    """

    def kept(extract: Extract) -> Extract:
        return extract

    reads = [(extract.endpoint, partial(kept, extract)) for extract in extracts]
    sliced = frozenset(extract.endpoint.name for extract in extracts if extract.parents is not None)
    return _source(reads, history, merge or "delete-insert", table_format, lambda: jsonl, sliced)


def resource_of(
    endpoint: Endpoint,
    read: Read,
    merge: Merge = "delete-insert",
    table_format: TableFormat | None = None,
    file_format: FileFormat = _parquet,
    *,
    sliced: bool = False,
) -> DltResource:
    """Return the dlt resource of one endpoint.

    Args:
        endpoint: Gives the name, the columns, the key.
        read: Called when dlt asks for the rows.
        merge: How the destination merges.
        table_format: The open format of the table, where it is files.
        file_format: Says in which files rows are handed on.
        sliced: Whether the rows are those of a slice of parents.
    """

    def rows() -> Iterator[DataItemWithMeta]:
        extract = read()
        first = None
        if endpoint.partitioned and merge == "delete-insert":
            # which part of the table is replaced is known once it has been read
            first = dlt.mark.make_hints(write_disposition=disposition_of(endpoint, scope_of(extract)))
        elif endpoint.incremental and merge == "delete-insert":
            # to number the rows of each key, its way to have one of them, DuckDB holds all rows in memory
            first = dlt.mark.make_hints(
                write_disposition=disposition_of(endpoint), additional_table_hints={DEDUPLICATED: extract.unique}
            )
        if endpoint.incremental and extract.read_at and (extract.window is None or extract.window.end is None):
            # with the rows: of a load that does not come to its end, neither counts
            dlt.current.resource_state(endpoint.name)[READ_AT] = extract.read_at.isoformat()
        existing = existing_columns(_table_columns(endpoint.name), columns)
        parts = parts_with_columns(endpoint, extract.parts, existing, extract.max_undeclared_columns)
        yield from file_imports(parts, columns, first, file_format())

    columns = columns_of(endpoint)
    return dlt.resource(
        rows,
        name=endpoint.name,
        columns=columns,
        primary_key=[column_name(field) for field in endpoint.primary_key],
        merge_key=parent_columns(endpoint) if sliced else (),
        write_disposition=disposition_of(endpoint, merge=merge, sliced=sliced),
        table_format=table_format,  # type: ignore[arg-type] # none is its default
        parallelized=True,
    )


def history_of(endpoint: Endpoint, read: Read, file_format: FileFormat = _parquet) -> DltResource:
    """Return the dlt resource of the history of one endpoint.

    Args:
        endpoint: Gives the name, the columns, and what changes by itself.
        read: Called when dlt asks for the rows.
        file_format: Says in which files rows are handed on.
    """
    name = history_table(endpoint.name)

    def versions() -> Iterator[DataItemWithMeta]:
        extract = read()
        existing = existing_columns(_table_columns(name), columns)
        parts = versions_of(endpoint, extract.parts, existing, extract.max_undeclared_columns)
        # not as an Arrow table beside the files: dlt's `ADD_DLT_LOAD_ID` adds a column to that, which they do not have
        dlt.current.source_schema().update_table(new_table(name, columns=[VERSION_COLUMN]))
        yield from file_imports(parts, columns, jsonl=file_format())

    columns = history_columns(endpoint)
    return dlt.resource(versions, name=name, columns=columns, write_disposition=SCD2, parallelized=True)


def _table_columns(table: str) -> TTableSchemaColumns:
    """Return the columns that a table has, by the schema of the pipeline that asks for its rows."""
    schema = dlt.current.source_schema()
    return schema.get_table_columns(table) if table in schema.tables else {}


def read_at_of(state: Mapping[str, Any], name: str) -> datetime | None:
    """Return when the rows were read that were loaded last into the table of an incremental endpoint, in UTC.

    Args:
        state: The pipeline's state as dlt keeps it in the destination.
        name: The endpoint's.
    """
    resources = state.get("sources", {}).get(SOURCE_NAME, {}).get("resources", {})
    written = resources.get(name, {}).get(READ_AT)
    return datetime.fromisoformat(written) if written else None


def file_imports(
    parts: Iterable[SpooledFile],
    columns: Mapping[str, TColumnSchema],
    first: Any = None,
    jsonl: JsonLines | None = None,
) -> Iterator[DataItemWithMeta]:
    """Parts as files that dlt takes as they are.

    Args:
        parts: The first has the declared columns alone.
        columns: Those.
        first: What dlt is to know of the first part.
        jsonl: How they are handed on as lines of JSON; as Parquet by default.
    """
    hints = first
    plain = {name for name, column in columns.items() if column.get("data_type") != "json"}
    for part in parts:
        if undeclared := [column for column in part.columns if column not in columns]:
            hints = dlt.mark.make_hints(columns={column: {"data_type": "json"} for column in undeclared})
        if jsonl:
            file = jsonl_items(part, set(part.columns) - plain, compressed=jsonl.compressed)
            yield dlt.mark.with_file_import(str(file), "jsonl", part.rows, hints=hints)
        else:
            yield dlt.mark.with_file_import(str(part.path), "parquet", part.rows, hints=hints)
        hints = None


class _ExtractorPerRun:
    """An extractor for each run of dlt: what one has read is not handed on to the next.

    Args:
        make: Makes one, from the settings of that moment.
    """

    def __init__(self, make: Callable[[], Extractor]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._run: object = None
        self._extractor: Extractor | None = None

    def extract(self, name: str) -> Extract:
        """Read an endpoint, or return what the run under way has read.

        Raises:
            SegmentError: It could not be read whole, or a setting cannot be used.
        """
        extractor = self._of_this_run()
        return extractor.extract(extractor.endpoint(name))

    def _of_this_run(self) -> Extractor:
        # one object in all threads of a run, or of an iteration, and another one in the next
        run = dlt.current.source_state()
        with self._lock:
            if self._extractor is None or run is not self._run:
                self._extractor = self._make()
                self._run = run
            return self._extractor


def _named(name: str, offered: Mapping[str, Endpoint], known: ApiSettings) -> Endpoint:
    """Return the endpoint of a name.

    Raises:
        SettingError: There is none.
    """
    if name not in offered:
        close = difflib.get_close_matches(name, offered)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "`python segment_pipeline.py --list` shows them."
        raise SettingError("endpoints", f"names {name[:80]!r}, which the {known.layout!r} layout does not have", remedy)
    return offered[name]


def _json_lines() -> JsonLines:
    """Hand rows on as lines of JSON, compressed as dlt's settings say."""
    return JsonLines(compressed=compresses_files())


def _source(
    reads: Sequence[tuple[Endpoint, Read]],
    history: bool,
    merge: Merge = "delete-insert",
    table_format: TableFormat | None = None,
    file_format: FileFormat = _parquet,
    sliced: frozenset[str] = frozenset(),
) -> DltSource:
    # objects and lists stay one JSON column each
    @dlt.source(name=SOURCE_NAME, max_table_nesting=0, **implemented_by(SourceWithHistory))
    def source() -> Iterator[DltResource]:
        for endpoint, read in reads:
            yield resource_of(endpoint, read, merge, table_format, file_format, sliced=endpoint.name in sliced)
            # dlt ends all versions that a load does not deliver, also those of the parents that it is not about
            if history and endpoint.keeps_history and endpoint.name not in sliced:
                yield history_of(endpoint, read, file_format)

    made: DltSource = source()
    return made
