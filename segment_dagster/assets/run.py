"""One run of a family: read side by side, load in one package, check, hold each failure apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets.contract import Check, CheckContext, Derived, PartitionGaps
from segment_dagster.assets.keys import asset_key, endpoints_by_key
from segment_dagster.assets.logs import forward_logs
from segment_dagster.assets.metadata import DATA_VERSION, FAILED, ROWS_UNCHANGED, SKIPPED
from segment_dagster.assets.partition_run import PartitionRun
from segment_dagster.assets.preview import PREVIEW, shown_rows
from segment_dagster.assets.resource import SegmentResource
from segment_dagster.assets.specs import SegmentTranslator, column_schema
from segment_dagster.assets.summary import RunSummary
from segment_dagster.client.layout import offers
from segment_dagster.config import (
    Preview,
    Settings,
    current_time,
    granularities,
    groups,
    layout_in_use,
    preview_in_use,
)
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.columns import columns_of
from segment_dagster.extract.identity import Workspace, identify
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.reader import Extract, Failure, UnavailableError, WorkspaceReader, format_failures
from segment_dagster.extract.times import Window
from segment_dagster.extract.versions import VALID_TO, history_table
from segment_dagster.load import (
    NO_TABLES,
    DatasetInspector,
    Destination,
    UnsupportedError,
    await_ready,
    check_owner,
    destination_lock,
    incremental_windows,
    inspect_dataset,
    load_isolated,
    locked_pipeline,
    record_load,
    register_pipeline,
    resolve_destination,
    source_for,
    split_supported,
    table_states,
    unchanged,
)
from segment_dagster.load.verify import in_window, replaced_rows
from segment_dagster.text import pluralize

ROWS = "dagster/row_count"
ROWS_DELIVERED = "segment/rows_delivered"
RECORDS_DELIVERED = "segment/records_delivered"
TOTAL_ENTRIES = "segment/total_entries"
LISTS_CHANGED = "segment/lists_changed"
STILL_LISTED = "segment/lists_not_found_still_listed"
STILL_LISTED_NAMES = "segment/lists_not_found_first"
PARENT_INCOMPLETE = "segment/parent_incomplete"
PARENT_DOUBTFUL = "segment/parent_doubtful"
REPEATED = "segment/rows_repeated"
FROM, UNTIL = "segment/from", "segment/until"
ROWS_IN_WINDOW = "segment/rows_in_window"
HISTORY_VERSIONS = "segment/history_versions"
HISTORY_CURRENT = "segment/history_current"
OBSERVATIONS = 20
"""Of an asset, the latest that are looked through for why it was skipped or failed."""


class FamilyRun:
    """What one run of a family's op does.

    Args:
        context: Says which assets and checks are selected.
        dlt: Loads.
        endpoints: The family.
        checks: The checks of the family's assets.
        catalogue: Where further parents are found.
        derived: What is made of the tables in the end.
        partitions: The partitions of the assets.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        dlt: DagsterDltResource,
        endpoints: tuple[Endpoint, ...],
        checks: Sequence[Check],
        catalogue: tuple[Endpoint, ...],
        derived: Sequence[Derived] = (),
        partitions: dg.TimeWindowPartitionsDefinition | None = None,
    ) -> None:
        self._context = context
        self._dlt = dlt
        self._endpoints = _in_order(tuple(apply_overrides(each, granularities(), groups()) for each in endpoints))
        self._checks = checks
        self._catalogue = tuple({each.name: each for each in (*catalogue, *endpoints)}.values())
        self._derived = derived
        self._failure: dg.Failure | None = None
        self._summary = RunSummary(context.log)
        self._told = set[dg.AssetKey]()
        self._missing_endpoints = frozenset[str]()
        self._now = current_time()
        # not of the context: where checks run alone, its assets have none
        self._partitions = PartitionRun(context, partitions, self._endpoints, self._now) if partitions else None
        self._preview: Preview = "masked"
        self._wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}

    def events(self, segment: SegmentResource) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Materialize the selected assets; evaluate the selected checks whose assets are not.

        Raises:
            dg.Failure: Something failed. What did not has been loaded, checked and yielded before.
        """
        selected = [
            endpoint
            for key, endpoint in endpoints_by_key(self._endpoints).items()
            if key in self._context.selected_asset_keys
        ]
        try:
            with forward_logs(self._context.log):
                destination = resolve_destination()
                self._preview = preview_in_use()
                layout = layout_in_use(segment.layout)
                self._missing_endpoints = frozenset(each.name for each in self._catalogue if not offers(layout, each))
                if selected:
                    yield from self._materialize(segment.reader_of_run(self._catalogue), destination, selected)
                yield from self._check_alone(destination, selected)
                for each in self._derived:
                    if each.key in self._context.selected_asset_keys:
                        yield from self._derive(each, destination, segment)
        except SegmentError as error:
            # a setting that cannot be used is the run's fault and no endpoint's
            if not isinstance(error, SettingError):
                self._fail_rest(str(error))
            self._summary.end()
            earlier = [self._failure.description or ""] if self._failure else []
            raise dg.Failure("\n".join([*earlier, str(error)]), allow_retries=False) from error
        self._summary.end()
        if self._failure:
            raise self._failure

    def _derive(
        self, derived: Derived, destination: Destination, segment: SegmentResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Make what is derived. Where that fails, what failed before is told all the same."""
        name = derived.key.path[-1]
        try:
            result = derived.materialize(destination, include_secrets=segment.include_secrets)
        except SegmentError as error:
            line = f"{name}: {error}"
            self._context.log.error(line)
            self._fail(derived.key, line)
            earlier = self._failure
            self._failure = dg.Failure(
                "\n".join([earlier.description or "", line] if earlier else [line]),
                metadata={**(earlier.metadata if earlier else {}), name: line},
                allow_retries=False,
            )
            return
        yield result

    def _materialize(
        self, reader: WorkspaceReader, destination: Destination, selected: Sequence[Endpoint]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        offered = [endpoint for endpoint in selected if endpoint.name not in self._missing_endpoints]
        for endpoint in selected:
            if endpoint.name in self._missing_endpoints:
                self._skip(endpoint, f"the {reader.settings.layout!r} layout has no such endpoint")
        taken, refused = split_supported(destination, offered)
        await_ready(destination)
        if self._partitions:
            # by the clock of whoever reads: a day may end just now
            self._partitions = self._partitions.at(reader.now)
            reader.cover(self._partitions.windows)
            yield from self._tell_unreadable(destination, taken)
            taken = [endpoint for endpoint in taken if not self._partitions.unreadable(endpoint)]
            if not (taken or refused):
                return
        before = reader.client.sent.requests
        workspace = identify(reader)
        check_owner(destination, workspace)
        reader.cover(incremental_windows(destination, taken))
        extracts, failures = reader.read_all(taken)
        self._summary.read(extracts, len(taken), reader.client.sent.requests - before)
        failures = [*refused, *failures]
        if reader.settings.on_unavailable == "skip":
            for failure in list(failures):
                if isinstance(failure.error, UnavailableError | UnsupportedError):
                    failures.remove(failure)
                    yield from self._skip_unavailable(failure.endpoint, failure.error.reason)
        self._tell_failed(failures)
        if extracts:
            results, not_loaded = self._load(destination, extracts, reader.settings, workspace)
            self._tell_failed(not_loaded)
            yield from results
            failures += not_loaded
        if failures:
            said = format_failures(failures)
            self._failure = dg.Failure(
                "\n".join([f"{len(failures)} of {pluralize(len(offered), 'endpoint')} failed.", *said]),
                metadata={each.endpoint.name: line for each, line in zip(failures, said, strict=True)},
                # a retry would read and load again what has just been loaded
                allow_retries=False,
            )
            yield from self._check_failed(destination, failures)

    def _skip_unavailable(self, endpoint: Endpoint, reason: str) -> list[dg.AssetCheckResult]:
        self._skip(endpoint, reason)
        return self._evaluate(
            CheckContext(endpoint=endpoint, tables=NO_TABLES, now=self._now, unavailable=reason), table=False
        )

    def _tell_unreadable(
        self, destination: Destination, endpoints: Sequence[Endpoint]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Materialize what can be read for no partition of the run: what is lost is told of, and is no failure."""
        assert self._partitions is not None
        for line in filter(None, map(self._partitions.warning, endpoints)):
            self._context.log.warning(line)
        if not (unreadable := [endpoint for endpoint in endpoints if self._partitions.unreadable(endpoint)]):
            return
        nothing = Window(self._partitions.start(), self._partitions.start())
        with inspect_dataset(destination) as tables:
            tables.prefetch(endpoint.name for endpoint in unreadable)
            for endpoint in unreadable:
                there = bool(tables.columns(endpoint.name))
                metadata = {
                    **({ROWS: tables.count(endpoint.name)} if there else {}),
                    ROWS_DELIVERED: 0,
                    FROM: nothing.start.isoformat(),
                    UNTIL: nothing.start.isoformat(),
                    ROWS_IN_WINDOW: 0,
                    **self._partitions.describe(endpoint, tables, None),
                }
                subject = CheckContext(
                    endpoint=endpoint,
                    tables=tables,
                    now=self._now,
                    where=in_window(endpoint, nothing),
                    window=nothing,
                    gaps=self._gaps(endpoint),
                    missing_endpoints=self._missing_endpoints,
                    delivered=0,
                )
                key = asset_key(endpoint.name)
                self._told.add(key)
                checks = self._evaluate(subject, table=there)
                yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=checks)

    def _tell_failed(self, failures: Sequence[Failure]) -> None:
        """Tell in the log and on the assets' pages what failed and why."""
        for failure, line in zip(failures, format_failures(failures), strict=True):
            self._context.log.error(line)
            self._fail(asset_key(failure.endpoint.name), line)

    def _check_failed(self, destination: Destination, failures: Sequence[Failure]) -> Iterator[dg.AssetCheckResult]:
        """Evaluate the checks of what failed on the tables as they stand."""
        with inspect_dataset(destination) as tables:
            tables.prefetch(failure.endpoint.name for failure in failures)
            for failure in failures:
                subject = self._last_subject(failure.endpoint, tables, ran=False)
                reason = failure.error.reason if isinstance(failure.error, UnavailableError) else None
                there = bool(tables.columns(failure.endpoint.name))
                yield from self._evaluate(replace(subject, failed=True, unavailable=reason), table=there)
                if not there:
                    yield from self._not_evaluated(failure.endpoint)

    def _not_evaluated(self, endpoint: Endpoint) -> Iterator[dg.AssetCheckResult]:
        """Warn that the checks of a table could not look at it: without a result Dagster shows them as failed."""
        key = asset_key(endpoint.name)
        for check in self._checks:
            if check.needs_table and (key, check.name) in self._wanted:
                yield dg.AssetCheckResult(
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    asset_key=key,
                    check_name=check.name,
                    description=f"Not evaluated: the endpoint failed, and there is no table {endpoint.name!r} yet.",
                )

    def _fail(self, key: dg.AssetKey, line: str) -> None:
        """Tell on an asset's page why it failed."""
        self._summary.failed += 1
        self._told.add(key)
        self._context.log_event(dg.AssetObservation(key, metadata={FAILED: line}))

    def _fail_rest(self, line: str) -> None:
        """Tell on the pages of all assets that nothing was said of yet why they failed."""
        for key in sorted(self._context.selected_asset_keys - self._told):
            self._fail(key, line)

    def _load(
        self, destination: Destination, extracts: Sequence[Extract], settings: Settings, workspace: Workspace | None
    ) -> tuple[Sequence[dg.MaterializeResult[Any]], Sequence[Failure]]:
        """Load, and check.

        Returns:
            The materializations, and a failure for each table that was refused.
        """
        # the checks stay inside: another run could change the tables under them
        with destination_lock(destination):
            same = frozenset[str]()
            if not settings.always_load:
                with inspect_dataset(destination) as tables:
                    same = unchanged(tables, extracts, history=settings.history)
            changed = [extract for extract in extracts if extract.endpoint.name not in same]
            dlt_metadata, failures = self._write(destination, changed, workspace, history=settings.history)
            failed = {failure.endpoint.name for failure in failures}
            changed = [extract for extract in changed if extract.endpoint.name not in failed]
            extracts = [extract for extract in extracts if extract.endpoint.name not in failed]
            self._summary.loaded(extracts, changed, len(failures))
            with inspect_dataset(destination) as tables:
                tables.prefetch(each.endpoint.name for each in extracts)
                record_load(tables, (each for one in changed for each in table_states(one, history=settings.history)))
                results = [
                    self._result(
                        extract,
                        tables,
                        dlt_metadata.get(asset_key(extract.endpoint.name)),
                        loaded_with=frozenset(each.endpoint.name for each in extracts),
                        history=settings.history,
                    )
                    for extract in extracts
                ]
            self._summary.checked(len(results), [each for result in results for each in result.check_results or ()])
            self._told.update(result.asset_key for result in results if result.asset_key)
            return results, failures

    def _write(
        self, destination: Destination, extracts: Sequence[Extract], workspace: Workspace | None, *, history: bool
    ) -> tuple[dict[dg.AssetKey, Mapping[str, Any]], Sequence[Failure]]:
        """Load, in one package; without what is refused, where something is.

        Returns:
            What dlt tells of each asset, and a failure for each table that was refused.
        """
        if not extracts:
            register_pipeline(destination)
            return {}, []

        def load_package(group: Sequence[Extract]) -> dict[dg.AssetKey, Mapping[str, Any]]:
            with locked_pipeline(destination, extracts=group, workspace=workspace) as pipeline:
                loaded = self._dlt.run(
                    context=self._context,
                    dlt_source=source_for(destination, group, history=history),
                    dlt_pipeline=pipeline,
                    dagster_dlt_translator=SegmentTranslator(self._endpoints),
                    loader_file_format=destination.capabilities.loader_format,
                )
                return {result.asset_key: result.metadata or {} for result in loaded if result.asset_key}

        packages, failures = load_isolated(extracts, load_package, destination.dataset)
        return {key: metadata for package in packages for key, metadata in package.items()}, failures

    def _result(
        self,
        extract: Extract,
        tables: DatasetInspector,
        dlt_metadata: Mapping[str, Any] | None,
        *,
        loaded_with: frozenset[str],
        history: bool,
    ) -> dg.MaterializeResult[Any]:
        """The materialization of a table. `of_dlt` is what dlt tells of it, `None` where there was nothing to load."""
        version = extract.fingerprint
        if extract.endpoint.incremental and dlt_metadata is None:
            # what came is a part of the table, and another one each time
            version = self._last_version(extract.endpoint) or version
        return dg.MaterializeResult(
            asset_key=asset_key(extract.endpoint.name),
            metadata={
                **_metadata(extract, tables, dlt_metadata, self._preview),
                **(self._partitions.describe(extract.endpoint, tables, extract) if self._partitions else {}),
                **(_of_history(extract.endpoint, tables) if history else {}),
            },
            check_results=self._evaluate(
                CheckContext(
                    endpoint=extract.endpoint,
                    tables=tables,
                    now=self._now,
                    where=replaced_rows(extract),
                    window=extract.window,
                    gaps=self._gaps(extract.endpoint),
                    missing_endpoints=self._missing_endpoints,
                    loaded_with=loaded_with,
                    delivered=extract.rows,
                    records=extract.records,
                    total_entries=extract.total_entries,
                    changed=extract.changed,
                    still_listed=extract.still_listed,
                    still_listed_names=tuple(extract.still_listed_names),
                    parent_incomplete=extract.parent_incomplete,
                    parent_doubtful=extract.parent_doubtful,
                    repeated=extract.repeated,
                )
            ),
            data_version=dg.DataVersion(version) if version else None,
        )

    def _last_version(self, endpoint: Endpoint) -> str | None:
        """The data version of the latest materialization."""
        event = self._context.instance.get_latest_materialization_event(asset_key(endpoint.name))
        tags = (event.asset_materialization.tags if event and event.asset_materialization else None) or {}
        return tags.get(DATA_VERSION)

    def _skip(self, endpoint: Endpoint, reason: str) -> None:
        self._context.log.warning(f"{endpoint.name}: skipped, because {reason}. Its table stays as it is.")
        self._summary.skipped += 1
        self._told.add(asset_key(endpoint.name))
        observation = dg.AssetObservation(asset_key(endpoint.name), metadata={SKIPPED: reason})
        self._context.log_event(observation)

    def _check_alone(self, destination: Destination, selected: Sequence[Endpoint]) -> Sequence[dg.AssetCheckResult]:
        keys = {key for key, _ in self._wanted}
        destination_lock = [each for each in self._endpoints if asset_key(each.name) in keys and each not in selected]
        if not destination_lock:
            return []
        with inspect_dataset(destination) as tables:
            return [result for each in destination_lock for result in self._evaluate(self._last_subject(each, tables))]

    def _last_subject(self, endpoint: Endpoint, tables: DatasetInspector, *, ran: bool = True) -> CheckContext:
        """What the table should hold by the asset's latest materialization.

        Args:
            endpoint: The endpoint.
            tables: Where its table is.
            ran: Whether the partitions of this run count as materialized.
        """
        event = self._context.instance.get_latest_materialization_event(asset_key(endpoint.name))
        metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
        reasons = self._last_reasons(endpoint, event.timestamp if event else 0.0)
        # what is merged was read in part, and is there whole
        window = None if endpoint.incremental else _window(metadata)
        rows = ROWS_IN_WINDOW if endpoint.partitioned else ROWS if endpoint.incremental else ROWS_DELIVERED
        return CheckContext(
            endpoint=endpoint,
            tables=tables,
            now=self._now,
            where=in_window(endpoint, window),
            window=window,
            gaps=self._gaps(endpoint, ran=ran),
            missing_endpoints=self._missing_endpoints,
            loaded_with=frozenset(each.name for each in self._endpoints),
            delivered=_number(metadata, rows),
            records=_number(metadata, RECORDS_DELIVERED),
            total_entries=_number(metadata, TOTAL_ENTRIES),
            changed=_number(metadata, LISTS_CHANGED),
            still_listed=_number(metadata, STILL_LISTED),
            still_listed_names=_texts(metadata, STILL_LISTED_NAMES),
            parent_incomplete=_text(metadata, PARENT_INCOMPLETE),
            parent_doubtful=_text(metadata, PARENT_DOUBTFUL),
            repeated=_number(metadata, REPEATED),
            unavailable=skipped.value if isinstance(skipped := reasons.get(SKIPPED), dg.TextMetadataValue) else None,
            failed=FAILED in reasons,
        )

    def _gaps(self, endpoint: Endpoint, *, ran: bool = True) -> PartitionGaps | None:
        return self._partitions.gaps(endpoint, ran=ran) if self._partitions else None

    def _last_reasons(self, endpoint: Endpoint, since: float) -> Mapping[str, dg.MetadataValue[Any]]:
        """What was observed last, after `since` in seconds since 1970, of why the endpoint was skipped or failed."""
        # others observe it too: the sensor does
        records = self._context.instance.fetch_observations(asset_key(endpoint.name), limit=OBSERVATIONS).records
        for record in records:
            observation = record.asset_observation
            if observation and record.timestamp > since and {SKIPPED, FAILED} & observation.metadata.keys():
                metadata: Mapping[str, dg.MetadataValue[Any]] = observation.metadata
                return metadata
        return {}

    def _evaluate(self, subject: CheckContext, *, table: bool = True) -> list[dg.AssetCheckResult]:
        key = asset_key(subject.endpoint.name)
        checks = [check for check in self._checks if (key, check.name) in self._wanted]
        return [check.evaluate(subject) for check in checks if table or not check.needs_table]


def _in_order(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """The endpoints, each after those above it in the lineage: Dagster takes an op's assets in no other order."""
    by_name = {endpoint.name: endpoint for endpoint in endpoints}
    above = {name: [each for each in endpoint.upstream if each in by_name] for name, endpoint in by_name.items()}
    return tuple(by_name[name] for name in TopologicalSorter(above).static_order())


def _metadata(
    extract: Extract, tables: DatasetInspector, dlt_metadata: Mapping[str, Any] | None, shown: Preview
) -> dict[str, Any]:
    """What the asset's page shows of a materialization: first the rows, then what they cost, then dlt's own."""
    endpoint = extract.endpoint
    fields = [column.field for column in endpoint.columns]
    undeclared = tuple(name for name in tables.columns(endpoint.name) if name not in columns_of(endpoint))
    metadata = {
        PREVIEW: shown_rows(extract.preview, fields, endpoint.personal, shown),
        ROWS: tables.count(endpoint.name),
        "dagster/table_name": tables.qualified_name(endpoint.name),
        "dagster/column_schema": column_schema(endpoint, undeclared),
        ROWS_DELIVERED: extract.rows,
        ROWS_UNCHANGED: None if extract.fingerprint is None else dlt_metadata is None,
        RECORDS_DELIVERED: extract.records,
        TOTAL_ENTRIES: extract.total_entries,
        FROM: extract.window and extract.window.start.isoformat(),
        UNTIL: extract.window and extract.window.end and extract.window.end.isoformat(),
        ROWS_IN_WINDOW: extract.window and tables.count(endpoint.name, in_window(endpoint, extract.window)),
        "segment/characters_replaced": extract.replaced or None,
        "segment/lists": extract.lists,
        "segment/lists_not_found": extract.not_found,
        STILL_LISTED: extract.still_listed,
        STILL_LISTED_NAMES: list(extract.still_listed_names) or None,
        LISTS_CHANGED: extract.changed,
        PARENT_INCOMPLETE: extract.parent_incomplete,
        PARENT_DOUBTFUL: extract.parent_doubtful,
        REPEATED: extract.repeated or None,
        "segment/requests": extract.requests,
        "segment/duration_seconds": round(extract.seconds, 3),
        "segment/waited_seconds": round(extract.waited, 3),
        **{name: value for name, value in (dlt_metadata or {}).items() if not name.startswith("dagster/")},
    }
    # dlt's list of load files: long, and the files are gone
    metadata.pop("jobs", None)
    return {name: value for name, value in metadata.items() if value is not None}


def _window(metadata: Mapping[str, dg.MetadataValue[Any]]) -> Window | None:
    start, end = (metadata.get(name) for name in (FROM, UNTIL))
    if not isinstance(start, dg.TextMetadataValue) or start.value is None:
        return None
    until = datetime.fromisoformat(end.value) if isinstance(end, dg.TextMetadataValue) and end.value else None
    return Window(datetime.fromisoformat(start.value), until)


def _of_history(endpoint: Endpoint, tables: DatasetInspector) -> dict[str, int]:
    if not endpoint.keeps_history:
        return {}
    table = history_table(endpoint.name)
    return {HISTORY_VERSIONS: tables.count(table), HISTORY_CURRENT: tables.count(table, f"{VALID_TO} IS NULL")}


def _number(metadata: Mapping[str, dg.MetadataValue[Any]], name: str) -> int | None:
    value = metadata.get(name)
    return value.value if isinstance(value, dg.IntMetadataValue) else None


def _text(metadata: Mapping[str, dg.MetadataValue[Any]], name: str) -> str | None:
    value = metadata.get(name)
    return value.value if isinstance(value, dg.TextMetadataValue) else None


def _texts(metadata: Mapping[str, dg.MetadataValue[Any]], name: str) -> tuple[str, ...]:
    value = metadata.get(name)
    return tuple(map(str, value.value)) if isinstance(value, dg.JsonMetadataValue) and value.value else ()
