"""Evaluate the selected checks, also those of endpoints that were skipped, failed or not selected."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import dagster as dg

from segment_dagster.assets.contract import Check, CheckContext, PartitionGaps
from segment_dagster.assets.last_run import LastRun
from segment_dagster.assets.metadata import (
    LISTS_CHANGED,
    PARENT_DOUBTFUL,
    PARENT_INCOMPLETE,
    PARENTS,
    RECORDS_DELIVERED,
    REPEATED,
    ROWS,
    ROWS_DELIVERED,
    ROWS_IN_WINDOW,
    STILL_LISTED,
    STILL_LISTED_NAMES,
    TOTAL_ENTRIES,
)
from segment_dagster.assets.partition_run import PartitionRun
from segment_dagster.assets.translator import KeyOf
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.errors import UnavailableError
from segment_dagster.extract.failures import Failure
from segment_dagster.load import NO_TABLES, DatasetInspector, Destination, inspect_dataset
from segment_dagster.load.verify import in_window


class CheckRunner:
    """Evaluate the selected checks of one run.

    Args:
        context: The run, with the selected checks.
        checks: All checks.
        endpoints: The endpoints of the family.
        key_of: Returns the key of an asset.
        settings: The current time, and how keys are shown.
        partitions: The partitions of the run, if its assets have any.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        checks: Sequence[Check],
        endpoints: Sequence[Endpoint],
        key_of: KeyOf,
        settings: ApiSettings,
        partitions: PartitionRun | None,
    ) -> None:
        self._instance = context.instance
        self._selected = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        self._checks = checks
        self._endpoints = endpoints
        self._key_of = key_of
        self._now, self._preview = settings.now, settings.preview
        self._max_age = timedelta(days=settings.slow_max_age)
        self.partitions = partitions
        self.missing_endpoints = frozenset[str]()
        """Names of the endpoints that the layout in use or the selection does not have."""

    def evaluate(self, context: CheckContext, *, table: bool = True) -> list[dg.AssetCheckResult]:
        """Evaluate the selected checks of an endpoint.

        Args:
            context: The table and what it should hold.
            table: Whether the table exists. If not, only checks that need no table are evaluated.
        """
        key = context.key
        checks = [check for check in self._checks if (key, check.name) in self._selected]
        context = replace(context, preview=self._preview, max_age=self._max_age)
        return [check.evaluate(context) for check in checks if table or not check.needs_table]

    def gaps(self, endpoint: Endpoint, *, ran: bool = True) -> PartitionGaps | None:
        """Return the missing partitions of an endpoint; `None` if it has no partitions.

        Args:
            endpoint: The endpoint.
            ran: Whether the partitions of this run count as materialized.
        """
        return self.partitions.gaps(endpoint, ran=ran) if self.partitions else None

    def of_skipped(self, skipped: Mapping[str, str], endpoints: Sequence[Endpoint]) -> Iterator[dg.AssetCheckResult]:
        """Evaluate the checks that need no table for skipped endpoints; `skipped` maps a name to the reason."""
        for endpoint in endpoints:
            if endpoint.name in skipped:
                reason = skipped[endpoint.name]
                context = CheckContext(
                    endpoint=endpoint, key_of=self._key_of, tables=NO_TABLES, now=self._now, unavailable=reason
                )
                yield from self.evaluate(context, table=False)

    def of_failed(self, destination: Destination, failures: Sequence[Failure]) -> Iterator[dg.AssetCheckResult]:
        """Evaluate the checks of failed endpoints on their existing tables."""
        with inspect_dataset(destination) as tables:
            tables.prefetch(failure.endpoint.name for failure in failures)
            for failure in failures:
                context = self._last_context(failure.endpoint, tables, ran=False)
                reason = failure.error.reason if isinstance(failure.error, UnavailableError) else None
                table_exists = bool(tables.columns(failure.endpoint.name))
                yield from self.evaluate(replace(context, failed=True, unavailable=reason), table=table_exists)
                if not table_exists:
                    yield from self._not_evaluated(failure.endpoint)

    def _not_evaluated(self, endpoint: Endpoint) -> Iterator[dg.AssetCheckResult]:
        """Return a warning for each check without a table: Dagster shows a check without a result as failed."""
        key = self._key_of(endpoint.name)
        for check in self._checks:
            if check.needs_table and (key, check.name) in self._selected:
                yield dg.AssetCheckResult(
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    asset_key=key,
                    check_name=check.name,
                    description=f"Not evaluated: the endpoint failed, and there is no table {endpoint.name!r} yet.",
                )

    def of_unselected(self, destination: Destination, selected: Sequence[Endpoint]) -> Sequence[dg.AssetCheckResult]:
        """Evaluate the selected checks of assets that are not selected themselves."""
        keys = {key for key, _ in self._selected}
        endpoints = [
            endpoint for endpoint in self._endpoints if self._key_of(endpoint.name) in keys and endpoint not in selected
        ]
        if not endpoints:
            return []
        with inspect_dataset(destination) as tables:
            return [check for endpoint in endpoints for check in self.evaluate(self._last_context(endpoint, tables))]

    def _last_context(self, endpoint: Endpoint, tables: DatasetInspector, *, ran: bool = True) -> CheckContext:
        """Return what the table should hold according to the asset's latest materialization.

        Args:
            endpoint: The endpoint.
            tables: The dataset with its table.
            ran: Whether the partitions of this run count as materialized.
        """
        last = LastRun(self._instance, self._key_of(endpoint.name))
        # an incremental run reads a part, but the merged table holds all rows
        window = None if endpoint.incremental else last.window()
        # nor did a run that read slices of parents read all rows of the table
        sliced = last.number(PARENTS) is not None
        of_table = endpoint.incremental or sliced
        rows = ROWS_IN_WINDOW if endpoint.partitioned else ROWS if of_table else ROWS_DELIVERED
        return CheckContext(
            endpoint=endpoint,
            key_of=self._key_of,
            tables=tables,
            now=self._now,
            where=in_window(endpoint, window),
            window=window,
            gaps=self.gaps(endpoint, ran=ran),
            missing_endpoints=self.missing_endpoints,
            loaded_with=frozenset(member.name for member in self._endpoints),
            delivered=last.number(rows),
            sliced=sliced,
            records=None if sliced else last.number(RECORDS_DELIVERED),
            total_entries=None if sliced else last.number(TOTAL_ENTRIES),
            changed=last.number(LISTS_CHANGED),
            still_listed=last.number(STILL_LISTED),
            still_listed_names=last.texts(STILL_LISTED_NAMES),
            parent_incomplete=last.text(PARENT_INCOMPLETE),
            parent_doubtful=last.text(PARENT_DOUBTFUL),
            repeated=last.number(REPEATED),
            unavailable=last.skipped(),
            failed=last.failed(),
        )
