"""The check `events_arrived`: whether every event that Segment has taken in is in the warehouse."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg

from segment_dagster.assets import DestinationResource, SegmentResource
from segment_dagster.assets.pool import pool_of
from segment_dagster.endpoints.pipes import VOLUME
from segment_dagster.errors import SegmentError
from segment_dagster.extract.times import Window
from segment_dagster.foreign_text import foreign_text
from segment_dagster.redaction import REDACTED
from segment_dagster.redaction.texts import without_secrets
from segment_dagster.syncs.arrival import (
    CALLS,
    MAX_SHOWN,
    Difference,
    Key,
    Query,
    by_day,
    comparable_days,
    differences,
    existing_tables,
    expected_counts,
    found_counts,
    rows_by_source,
)
from segment_dagster.syncs.events import ARRIVED_CHECK, SYNC_START
from segment_dagster.syncs.specs import SOURCE_ID
from segment_dagster.text import pluralize


class WarehouseQueryError(SegmentError):
    """The warehouse of a Dagster resource cannot be connected to, or does not answer a query.

    Args:
        resource: Key of the resource.
        error: What its driver says.
    """

    def __init__(self, resource: str, error: Exception) -> None:
        # the error of a failed connection may repeat its password
        said = foreign_text(without_secrets(str(error), lambda _: REDACTED), 200)
        super().__init__(f"The warehouse of the resource {resource!r} cannot be read ({type(error).__name__}): {said}")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """How the rows of a warehouse are compared with what Segment has taken in."""

    destination: DestinationResource | None = None
    """The warehouse as a dlt destination, with dlt's own credentials."""

    resource: str | None = None
    """Key of a Dagster resource with `get_connection()`, in place of it: that of DuckDB, Snowflake and others."""

    days: int = 7
    """Days that are compared: the last ones that the latest sync has reached."""

    tolerance: float = 0.01
    """Share of the expected rows that may be missing."""

    def __post_init__(self) -> None:
        """Reject a warehouse that is named twice, or not at all.

        Raises:
            ValueError: It is.
        """
        if (self.destination is None) == (self.resource is None):
            raise ValueError("name the warehouse either by a destination or by a resource")


def arrived_checks(
    specs: Sequence[dg.AssetSpec],
    arrival: Arrival,
    *,
    workspace: SegmentResource | None = None,
    name: str = "segment_warehouse",
) -> dg.AssetChecksDefinition | None:
    """Return the check of the tables that have a row for each call; `None` if there is none of these.

    It runs once a sync was told, in the UI, and in jobs.

    Args:
        specs: The tables, as `segment_warehouse_specs` returns them.
        arrival: The warehouse, and how much may be missing.
        workspace: The workspace; by default as the environment says when a run begins.
        name: The op is called `<name>_arrived`.
    """
    source = workspace or SegmentResource()
    tables = {spec.key: spec for spec in specs if _table_of(spec) in CALLS and SOURCE_ID in spec.metadata}
    if not tables:
        return None

    @dg.multi_asset_check(
        name=f"{name}_arrived",
        specs=[
            dg.AssetCheckSpec(
                ARRIVED_CHECK,
                asset=key,
                description="Every call that Segment has taken in is a row, by the day on which it was received.",
                automation_condition=dg.AutomationCondition.eager(),
            )
            for key in tables
        ],
        can_subset=True,
        pool=pool_of(source),
        required_resource_keys={arrival.resource} if arrival.resource else set(),
    )
    def arrived(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """Count the rows of each table, and compare them with Segment's own count."""
        selected = [key for key in tables if dg.AssetCheckKey(key, ARRIVED_CHECK) in context.selected_asset_check_keys]
        reaches = {key: _reach(context.instance, key) for key in selected}
        for key, reach in reaches.items():
            if reach is None:
                yield _no_sync(key)
        known = {key: reach for key, reach in reaches.items() if reach is not None}
        if not known:
            return
        try:
            with source.extractor() as extractor:
                days = {key: comparable_days(extractor.now, reach, arrival.days) for key, reach in known.items()}
                first, last = min(each[0] for each in days.values()), max(each[-1] for each in days.values())
                window = Window(_midnight(first), _midnight(last + timedelta(days=1)))
                extract = extractor.extract(extractor.endpoint(VOLUME.name), window)
                sources = {tables[key].metadata[SOURCE_ID] for key in days}
                rows = rows_by_source((row for part in extract.parts for row in _rows(part.path)), sources)
            with _query(context, arrival) as query:
                there = existing_tables(query, {tables[key].metadata["dagster/table_name"] for key in days})
                for key, of_table in days.items():
                    spec = tables[key]
                    table, name = _table_of(spec), spec.metadata["dagster/table_name"]
                    counts = expected_counts(rows.get(spec.metadata[SOURCE_ID], ()), table)
                    expected = {each: count for each, count in counts.items() if each[0] in of_table}
                    # Segment makes a table with its first row
                    found = found_counts(query, table, name, of_table) if name in there else {}
                    yield _result(key, expected, found, differences(expected, found, arrival.tolerance), of_table)
        except SegmentError as error:
            raise dg.Failure(str(error), allow_retries=error.retryable) from error

    return arrived


def _result(
    key: dg.AssetKey,
    expected: Mapping[Key, int],
    found: Mapping[Key, int],
    differing: Sequence[Difference],
    compared: Sequence[date],
) -> dg.AssetCheckResult:
    missing = [each for each in differing if each.missing > 0]
    days = pluralize(len(compared), "day")
    if not differing:
        description = f"{sum(found.values()):,} of {sum(expected.values()):,} expected rows on {days}."
    else:
        shown = ", ".join(map(str, differing[:3])) + (", ..." if len(differing) > 3 else "")
        description = f"{sum(found.values()):,} of {sum(expected.values()):,} expected rows on {days}: {shown}."
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=ARRIVED_CHECK,
        passed=not differing,
        # more rows than expected are no loss
        severity=dg.AssetCheckSeverity.ERROR if missing else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "segment/rows_expected": by_day(expected),
            "segment/rows_found": by_day(found),
            **({"segment/differences": _table(differing)} if differing else {}),
        },
    )


def _table(differing: Sequence[Difference]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {"day": each.day.isoformat(), "event": each.event or "", "expected": each.expected, "found": each.found}
            )
            for each in differing[:MAX_SHOWN]
        ],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn("day", "string"),
                dg.TableColumn("event", "string"),
                dg.TableColumn("expected", "int"),
                dg.TableColumn("found", "int"),
            ]
        ),
    )


def _no_sync(key: dg.AssetKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=ARRIVED_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="No sync of this table was told yet, so it is not known which days have to be there. Turn on the "
        "sensor of the syncs.",
    )


def _reach(instance: dg.DagsterInstance, key: dg.AssetKey) -> datetime | None:
    """Return when the latest sync of a table began, in UTC; `None` if none was told."""
    event = instance.get_latest_materialization_event(key)
    told = event.asset_materialization if event else None
    value = told.metadata.get(SYNC_START) if told else None
    if not isinstance(value, dg.TimestampMetadataValue) or value.value is None:
        return None
    return datetime.fromtimestamp(value.value, timezone.utc)


@contextmanager
def _driver_errors(resource: str) -> Iterator[None]:
    """Tell in a line what the driver of a Dagster resource raises."""
    try:
        yield
    except Exception as error:
        # each driver has errors of its own; the cause would be logged as it is
        raise WarehouseQueryError(resource, error) from None


@contextmanager
def _query(context: dg.AssetCheckExecutionContext, arrival: Arrival) -> Iterator[Query]:
    """Connect to the warehouse."""
    if resource := arrival.resource:
        with ExitStack() as stack:
            with _driver_errors(resource):
                connection = stack.enter_context(getattr(context.resources, resource).get_connection())
                cursor = connection.cursor()

            def run(sql: str) -> Sequence[Sequence[Any]]:
                with _driver_errors(resource):
                    cursor.execute(sql)
                    rows: Sequence[Sequence[Any]] = cursor.fetchall()
                return rows

            yield run
        return
    # importing these takes 0.3 s, and Dagster imports the code location in every process it starts
    from segment_dagster.load import resolve_destination
    from segment_dagster.load.warehouse import query_warehouse

    assert arrival.destination is not None
    with query_warehouse(resolve_destination(arrival.destination.settings())) as run_sql:
        yield run_sql


def _rows(path: Any) -> Sequence[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: Sequence[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _table_of(spec: dg.AssetSpec) -> str:
    return str(spec.metadata.get("dagster/table_name", "")).rpartition(".")[2]


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
