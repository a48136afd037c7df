"""The partitions of a run: which can be read, and the metadata of each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import dagster as dg

from segment_dagster.assets.contract import PartitionGaps
from segment_dagster.assets.metadata import AHEAD, LOST, PARTITION, PARTITION_ROWS
from segment_dagster.assets.partitions import NONE, Reach, gaps_of, keys_in, ranges, reach_of, step_of
from segment_dagster.assets.preview import PREVIEW, first_rows, shown_rows
from segment_dagster.assets.translator import KeyOf
from segment_dagster.config import Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.page_writer import PREVIEW_ROWS
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window, beyond, span_of
from segment_dagster.load import DatasetInspector
from segment_dagster.load.verify import in_window
from segment_dagster.text import pluralize

LOOKED_THROUGH = 100
"""Most materializations of an asset that are searched for the lost partitions that the last run recorded."""

STORED = "stored"
READ = "read"
KEPT = "kept as it was: "
NOT_READ = "lost: "
NOT_COUNTED = "not counted yet"


class PartitionRun:
    """The partitions that one run of a family materializes.

    Every partition of the run is materialized. Dagster would show an omitted partition as failed in a backfill and as
    missing forever, although it can no longer be read.

    Args:
        context: The run, with its partitions and the instance that holds earlier materializations.
        partitions: All partitions of the assets.
        endpoints: The endpoints of the family.
        key_of: Returns the key of an asset.
        now: The current time, in UTC.
        preview: How the rows of a partition are shown.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        partitions: dg.TimeWindowPartitionsDefinition,
        endpoints: Sequence[Endpoint],
        key_of: KeyOf,
        now: datetime,
        preview: Preview,
    ) -> None:
        self._key_of = key_of
        self._preview = preview
        self._context = context
        self._partitions = partitions
        self._endpoints = endpoints
        self._now = now
        self._before: dict[str, dict[str, frozenset[str]]] = {}
        self._windows = self._windows_of_run()
        self._reach = (
            {endpoint.name: reach_of(endpoint, self._windows, now) for endpoint in endpoints} if self._windows else {}
        )

    def at(self, now: datetime) -> "PartitionRun":
        """Return a copy for another current time."""
        return PartitionRun(self._context, self._partitions, self._endpoints, self._key_of, now, self._preview)

    @property
    def windows(self) -> dict[str, Window]:
        """Time ranges that can be read, by endpoint name."""
        return {name: reach.window for name, reach in self._reach.items() if reach.window}

    def start(self) -> datetime:
        """Return the start of the first partition of the run."""
        return next(iter(self._windows.values())).start

    def unreadable(self, endpoint: Endpoint) -> bool:
        """Return whether the run has partitions of which the endpoint can read none."""
        reach = self._reach.get(endpoint.name)
        return reach is not None and not reach.readable

    def warning(self, endpoint: Endpoint) -> str | None:
        """Return a warning that names the partitions the endpoint cannot read; `None` if it can read all."""
        reach = self._reach.get(endpoint.name)
        problems = []
        if reach and reach.beyond:
            problems.append(
                f"{_describe_keys(endpoint, reach.beyond)} {_verb(reach.beyond)} {self._why_beyond(endpoint)}"
            )
        if reach and reach.ahead:
            problems.append(f"{_describe_keys(endpoint, reach.ahead)} {_verb(reach.ahead)} {NOT_COUNTED}")
        return f"{endpoint.name}: {'; '.join(problems)}. Nothing was asked for of them." if problems else None

    def gaps(self, endpoint: Endpoint, *, ran: bool) -> PartitionGaps:
        """Return which partitions of an asset are missing.

        Args:
            endpoint: The endpoint.
            ran: Whether the partitions of this run count as read: Dagster stores them after the op has ended.
        """
        reach = self._reach.get(endpoint.name) if ran else None
        gaps = gaps_of(endpoint, self._partitions, self._read_before(endpoint) | _readable(reach), self._now)
        if reach is None:
            return gaps
        return replace(gaps, lost=tuple(sorted({*gaps.lost, *self._lost(endpoint, reach)})))

    def describe(self, endpoint: Endpoint, tables: DatasetInspector, extract: Extract | None) -> dict[str, Any]:
        """Add metadata to each partition of the run: its outcome, row count and preview.

        Args:
            endpoint: The endpoint.
            tables: The dataset with its table.
            extract: The rows that were read; `None` if nothing could be read.

        Returns:
            Metadata for all partitions together.
        """
        reach = self._reach.get(endpoint.name)
        if reach is None:
            return {}
        counts = self._counts(endpoint, tables)
        readable = {key: self._windows[key] for key in reach.readable}
        rows = first_rows(extract.parts, endpoint, readable, PREVIEW_ROWS) if extract else {}
        lost = set(self._lost(endpoint, reach, counts))
        fields = [column.field for column in endpoint.columns]
        for key in self._windows:
            preview = shown_rows(rows.get(key, []), fields, endpoint.personal, self._preview)
            status = READ
            if key in reach.ahead:
                status = NOT_COUNTED
            elif key in reach.beyond:
                status = f"{NOT_READ if key in lost else KEPT}{self._why_beyond(endpoint)}"
            self._context.add_asset_metadata(
                {
                    PARTITION: status,
                    PARTITION_ROWS: counts[key],
                    **({PREVIEW: preview} if preview else {}),
                },
                asset_key=self._key_of(endpoint.name),
                partition_key=key,
            )
        done = _readable(reach)
        return {
            LOST: ranges((self._recorded(endpoint, LOST) | lost) - done, step_of(endpoint)) or NONE,
            AHEAD: ranges((self._recorded(endpoint, AHEAD) | {*reach.ahead}) - done, step_of(endpoint)) or NONE,
        }

    def _windows_of_run(self) -> dict[str, Window]:
        if not (self._context.has_partition_key or self._context.has_partition_key_range):
            return {}
        found = {key: self._partitions.time_window_for_partition_key(key) for key in self._context.partition_keys}
        return {key: Window(window.start, window.end) for key, window in found.items()}

    def _counts(self, endpoint: Endpoint, tables: DatasetInspector) -> dict[str, int]:
        """Return the number of rows in the table per partition of the run."""
        if not tables.columns(endpoint.name):
            return dict.fromkeys(self._windows, 0)
        conditions = [in_window(endpoint, window) or "1 = 1" for window in self._windows.values()]
        return dict(zip(self._windows, tables.counts(endpoint.name, conditions), strict=True))

    def _lost(self, endpoint: Endpoint, reach: Reach, counts: Mapping[str, int] | None = None) -> list[str]:
        """Return the partitions that can no longer be read and never were."""
        before = self._read_before(endpoint)
        return [key for key in reach.beyond if key not in before and not (counts or {}).get(key)]

    def _read_before(self, endpoint: Endpoint) -> frozenset[str]:
        """Return the partitions that were materialized and read."""
        return (
            self._stored_partitions(endpoint)[STORED] - self._recorded(endpoint, LOST) - self._recorded(endpoint, AHEAD)
        )

    def _recorded(self, endpoint: Endpoint, name: str) -> frozenset[str]:
        """Return the partitions that the last run recorded under a metadata name."""
        return self._stored_partitions(endpoint)[name]

    def _stored_partitions(self, endpoint: Endpoint) -> dict[str, frozenset[str]]:
        """Return what Dagster has stored about the asset's partitions; queried once."""
        if endpoint.name not in self._before:
            instance, key = self._context.instance, self._key_of(endpoint.name)
            stored = frozenset(instance.get_materialized_partitions(key))
            recorded: Mapping[str, dg.MetadataValue[Any]] = {}
            # a materialization reported by hand lacks this metadata
            for limit in (1, LOOKED_THROUGH) if stored else ():
                if not recorded:
                    records = instance.fetch_materializations(key, limit=limit).records
                    found = [each.asset_materialization.metadata for each in records if each.asset_materialization]
                    recorded = next((metadata for metadata in found if LOST in metadata), {})
            keys = self._partitions.get_partition_keys(self._now)
            self._before[endpoint.name] = {
                STORED: stored,
                **{name: frozenset(keys_in(_text(recorded.get(name)), keys)) for name in (LOST, AHEAD)},
            }
        return self._before[endpoint.name]

    def _why_beyond(self, endpoint: Endpoint) -> str:
        span = span_of(endpoint)
        assert span is not None
        return beyond(span)


def _text(value: dg.MetadataValue[Any] | None) -> str:
    return value.value or NONE if isinstance(value, dg.TextMetadataValue) else NONE


def _readable(reach: Reach | None) -> frozenset[str]:
    return frozenset(reach.readable) if reach else frozenset()


def _describe_keys(endpoint: Endpoint, keys: Sequence[str]) -> str:
    return f"{pluralize(len(keys), 'partition')} ({ranges(keys, step_of(endpoint))})"


def _verb(keys: Sequence[str]) -> str:
    return "is" if len(keys) == 1 else "are"
