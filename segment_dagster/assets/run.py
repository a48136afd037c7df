"""One run of a family's op: sync, and report materializations, observations and check results to Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets.check_runner import CheckRunner
from segment_dagster.assets.contract import Check, CheckContext, Derived
from segment_dagster.assets.earlier_attempts import EarlierAttempts
from segment_dagster.assets.failed_checks import FailedChecks
from segment_dagster.assets.last_run import LastRun
from segment_dagster.assets.logs import forward_logs
from segment_dagster.assets.materialization import history_metadata, materialization_metadata
from segment_dagster.assets.metadata import (
    FROM,
    ROWS,
    ROWS_DELIVERED,
    ROWS_IN_WINDOW,
    UNTIL,
)
from segment_dagster.assets.partition_run import PartitionRun
from segment_dagster.assets.resource import SegmentResource
from segment_dagster.assets.run_log import RunLog
from segment_dagster.assets.translator import AssetSpecs, ResourceTranslator
from segment_dagster.client.layout import offers
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.failures import format_failures
from segment_dagster.extract.identity import Workspace
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window
from segment_dagster.load import (
    DatasetInspector,
    Destination,
    LoadResult,
    inspect_dataset,
    locked_pipeline,
    source_for,
    split_supported,
)
from segment_dagster.load.unsupported import check_history
from segment_dagster.load.verify import in_window, parent_conditions, replaced_rows
from segment_dagster.sync import sync
from segment_dagster.text import pluralize


class FamilyRun:
    """One run of a family's op.

    Args:
        context: The run, with the selected assets and checks.
        dlt: Resource that runs the dlt pipeline.
        segment: The workspace.
        settings: Its settings.
        destination: The destination.
        endpoints: The endpoints of the family.
        specs: The assets of the instance.
        checks: Checks of the family's assets.
        catalogue: Endpoints in which to find further parents.
        derived: Assets to build after the tables are loaded.
        partitions: Partitions of the assets.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        dlt: DagsterDltResource,
        segment: SegmentResource,
        settings: ApiSettings,
        destination: Destination,
        endpoints: tuple[Endpoint, ...],
        specs: AssetSpecs,
        checks: Sequence[Check],
        catalogue: tuple[Endpoint, ...],
        derived: Sequence[Derived] = (),
        partitions: dg.TimeWindowPartitionsDefinition | None = None,
    ) -> None:
        self._context = context
        self._dlt = dlt
        self._segment = segment
        self._settings = settings
        self._destination = destination
        chosen = (apply_overrides(member, settings.granularity, settings.group_by) for member in endpoints)
        self._endpoints = _in_order(tuple(chosen))
        self._catalogue = tuple({member.name: member for member in (*catalogue, *endpoints)}.values())
        self._derived = derived
        self._failure: dg.Failure | None = None
        self._failed_checks = FailedChecks(checks)
        self._before: list[dg.MaterializeResult[Any]] = []
        self._specs = specs
        self._log = RunLog(context, specs.key)
        # not taken from the context: if only checks run, its assets have no partitions
        self._partitions = None
        if partitions:
            now, preview = settings.now, settings.preview
            self._partitions = PartitionRun(context, partitions, self._endpoints, specs.key, now, preview)
        self._checks = CheckRunner(context, checks, self._endpoints, specs.key, settings, self._partitions)
        self._checks.missing_endpoints = frozenset(
            each.name for each in self._catalogue if each.name not in specs or not offers(settings.layout, each)
        )

    def events(self) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Materialize the selected assets; evaluate selected checks of assets that are not selected.

        Raises:
            dg.Failure: Something failed. Everything else was loaded, checked and yielded before.
        """
        selected = [
            endpoint
            for key, endpoint in self._specs.by_key(self._endpoints).items()
            if key in self._context.selected_asset_keys
        ]
        earlier = EarlierAttempts(self._context)
        self._before = [earlier.result(key) for key in map(self._key, selected) if key in earlier]
        selected = [endpoint for endpoint in selected if self._key(endpoint) not in earlier]
        if self._before:
            self._log.loaded_before(self._before)
        try:
            with forward_logs(self._context.log):
                check_history(self._destination, history=self._settings.history)
                if selected:
                    yield from self._materialize(self._segment.shared_extractor(self._catalogue), selected)
                yield from self._with_earlier([])
                yield from self._checks.of_unselected(self._destination, selected)
                for derived in self._derived:
                    if self._specs.key(derived.name) in self._context.selected_asset_keys:
                        yield from self._derive(derived)
        except SegmentError as error:
            # an invalid setting is an error of the run, not of an endpoint
            if not isinstance(error, SettingError):
                self._log.observe_failure_of_rest(str(error))
            self._log.end()
            self._add_failed_checks()
            said = [self._failure.description or ""] if self._failure else []
            raise dg.Failure("\n".join([*said, str(error)]), allow_retries=error.retryable) from error
        self._log.end()
        self._add_failed_checks()
        if self._failure:
            raise self._failure

    def _materialize(
        self, extractor: Extractor, selected: Sequence[Endpoint]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        if self._context.retry_number:
            extractor.forget(selected)
        available = [endpoint for endpoint in selected if endpoint.name not in self._checks.missing_endpoints]
        for endpoint in selected:
            if endpoint.name in self._checks.missing_endpoints:
                self._log.skipped(endpoint, f"the {extractor.settings.layout!r} layout has no such endpoint")
        readable, windows = available, dict[str, Window]()
        if self._partitions:
            # use the extractor's clock: a day may have ended since this run began
            self._partitions = self._checks.partitions = self._partitions.at(extractor.now)
            windows = self._partitions.windows
            supported, _ = split_supported(self._destination, available)
            lost = [endpoint for endpoint in supported if self._partitions.unreadable(endpoint)]
            for line in filter(None, map(self._partitions.warning, supported)):
                self._context.log.warning(line)
            yield from self._materialize_unreadable(self._partitions, lost)
            readable = [endpoint for endpoint in available if endpoint not in lost]
        if readable:
            yield from self._sync(readable, extractor, windows)

    def _sync(
        self,
        endpoints: Sequence[Endpoint],
        extractor: Extractor,
        windows: Mapping[str, Window],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        history, destination = extractor.settings.history, self._destination
        results: list[dg.MaterializeResult[Any]] = []
        dlt_metadata: dict[dg.AssetKey, Mapping[str, Any]] = {}

        def load_package(extracts: Sequence[Extract], workspace: Workspace | None) -> None:
            with locked_pipeline(destination, extractor.now, extracts=extracts, workspace=workspace) as pipeline:
                materializations = self._dlt.run(
                    context=self._context,
                    dlt_source=source_for(destination, extracts, history=history),
                    dlt_pipeline=pipeline,
                    dagster_dlt_translator=ResourceTranslator(self._specs),
                    loader_file_format=destination.capabilities.loader_format,
                )
                dlt_metadata.update(
                    {each.asset_key: each.metadata or {} for each in materializations if each.asset_key}
                )

        def verify(loaded: LoadResult, tables: DatasetInspector) -> None:
            together = frozenset(extract.endpoint.name for extract in loaded.extracts)
            made = []
            for extract in loaded.extracts:
                of_asset = dlt_metadata.get(self._specs.key(extract.endpoint.name))
                result = self._result(extract, tables, of_asset, loaded_with=together, history=history)
                self._failed_checks.add(extract.endpoint.name, result.check_results or ())
                made.append(result)
            self._log.checked(made)
            results.extend(made)

        outcome = sync(
            endpoints,
            extractor,
            destination,
            windows=windows,
            observer=self._log,
            load_package=load_package,
            verify=verify,
        )
        yield from self._with_earlier(results)
        yield from self._checks.of_skipped(outcome.skipped, endpoints)
        if outcome.failures:
            lines = format_failures(outcome.failures)
            self._add_failure(
                "\n".join([f"{len(outcome.failures)} of {pluralize(len(endpoints), 'endpoint')} failed.", *lines]),
                {failure.endpoint.name: line for failure, line in zip(outcome.failures, lines, strict=True)},
                retryable=any(failure.error.retryable for failure in outcome.failures),
            )
            yield from self._checks.of_failed(destination, outcome.failures)

    def _with_earlier(self, results: Sequence[dg.MaterializeResult[Any]]) -> list[dg.MaterializeResult[Any]]:
        """Return materializations with those of earlier attempts, once, in the order that Dagster requires."""
        order = {self._key(endpoint): number for number, endpoint in enumerate(self._endpoints)}
        before, self._before = self._before, []
        return sorted([*before, *results], key=lambda result: order[result.asset_key] if result.asset_key else 0)

    def _key(self, endpoint: Endpoint) -> dg.AssetKey:
        return self._specs.key(endpoint.name)

    def _result(
        self,
        extract: Extract,
        tables: DatasetInspector,
        dlt_metadata: Mapping[str, Any] | None,
        *,
        loaded_with: frozenset[str],
        history: bool,
    ) -> dg.MaterializeResult[Any]:
        """Return the materialization of a table; `dlt_metadata` is `None` if there was nothing to load."""
        endpoint, version = extract.endpoint, extract.fingerprint
        if (endpoint.incremental or extract.parents is not None) and dlt_metadata is None:
            # what was read is a different part of the table each time
            version = LastRun(self._context.instance, self._specs.key(endpoint.name)).data_version or version
        return dg.MaterializeResult(
            asset_key=self._specs.key(endpoint.name),
            metadata={
                **materialization_metadata(extract, tables, dlt_metadata, self._settings.preview),
                **(self._partitions.describe(endpoint, tables, extract) if self._partitions else {}),
                **(history_metadata(endpoint, tables) if history and extract.parents is None else {}),
            },
            check_results=self._checks.evaluate(
                CheckContext(
                    endpoint=endpoint,
                    key_of=self._specs.key,
                    tables=tables,
                    now=self._settings.now,
                    where=replaced_rows(extract),
                    conditions=parent_conditions(extract),
                    sliced=extract.parents is not None,
                    window=extract.window,
                    gaps=self._checks.gaps(endpoint),
                    missing_endpoints=self._checks.missing_endpoints,
                    loaded_with=loaded_with,
                    delivered=extract.rows,
                    records=extract.records,
                    total_entries=extract.total_entries,
                    changed=extract.unstable,
                    still_listed=extract.still_listed,
                    still_listed_names=tuple(extract.still_listed_names),
                    parent_incomplete=extract.parent_incomplete,
                    parent_doubtful=extract.parent_doubtful,
                    repeated=extract.repeated,
                )
            ),
            data_version=dg.DataVersion(version) if version else None,
        )

    def _materialize_unreadable(
        self, partitions: PartitionRun, endpoints: Sequence[Endpoint]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Materialize endpoints that can read no partition of the run: lost partitions are not a failure."""
        if not endpoints:
            return
        nothing = Window(partitions.start(), partitions.start())
        with inspect_dataset(self._destination) as tables:
            tables.prefetch(endpoint.name for endpoint in endpoints)
            for endpoint in endpoints:
                table_exists = bool(tables.columns(endpoint.name))
                metadata = {
                    **({ROWS: tables.count(endpoint.name)} if table_exists else {}),
                    ROWS_DELIVERED: 0,
                    FROM: nothing.start.isoformat(),
                    UNTIL: nothing.start.isoformat(),
                    ROWS_IN_WINDOW: 0,
                    **partitions.describe(endpoint, tables, None),
                }
                context = CheckContext(
                    endpoint=endpoint,
                    key_of=self._specs.key,
                    tables=tables,
                    now=self._settings.now,
                    where=in_window(endpoint, nothing),
                    window=nothing,
                    gaps=self._checks.gaps(endpoint),
                    missing_endpoints=self._checks.missing_endpoints,
                    delivered=0,
                )
                key = self._specs.key(endpoint.name)
                self._log.mention(key)
                checks = self._checks.evaluate(context, table=table_exists)
                yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=checks)

    def _derive(self, derived: Derived) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Build a derived asset. On an error, append it to the failures so far."""
        name, key = derived.name, self._specs.key(derived.name)
        try:
            result = derived.materialize(key, self._destination, self._settings)
        except SegmentError as error:
            line = f"{name}: {error}"
            self._context.log.error(line)
            self._log.observe_failure(key, line)
            self._add_failure(line, {name: line}, retryable=error.retryable)
            return
        yield result

    def _add_failed_checks(self) -> None:
        """Let the run fail for checks that say that rows are missing or doubled."""
        if line := self._failed_checks.line:
            self._add_failure(line, self._failed_checks.metadata, retryable=False)

    def _add_failure(self, description: str, metadata: Mapping[str, Any], *, retryable: bool) -> None:
        """Let the run fail at its end, for this as well."""
        earlier = self._failure
        self._failure = dg.Failure(
            "\n".join([earlier.description or "", description] if earlier else [description]),
            metadata={**(earlier.metadata if earlier else {}), **metadata},
            allow_retries=retryable or bool(earlier and earlier.allow_retries),
        )


def _in_order(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Return the endpoints sorted by lineage: Dagster requires upstream assets first within an op."""
    by_name = {endpoint.name: endpoint for endpoint in endpoints}
    upstream = {
        name: [parent for parent in endpoint.upstream if parent in by_name] for name, endpoint in by_name.items()
    }
    return tuple(by_name[name] for name in TopologicalSorter(upstream).static_order())
