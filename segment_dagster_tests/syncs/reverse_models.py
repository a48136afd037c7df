"""Two reverse ETL models whose syncs a test starts and ends, ticks of their sensor, and runs that start them."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest

from segment_dagster import (
    build_segment_reverse_etl_sensor,
    segment_reverse_etl_assets,
    segment_reverse_etl_specs,
)
from segment_dagster.emulator import Emulator
from segment_dagster.syncs.reverse_etl.models import ReverseEtlModel, Subscription
from segment_dagster_tests.syncs.hours import hours

POLL = 0.01
"""Seconds between two looks at a sync."""

NAMES = ("buyers", "leads")


@dataclass
class Models:
    """`buyers` with two subscriptions, and `leads` with one: pairs 0, 1 and 2."""

    emulator: Emulator
    monkeypatch: pytest.MonkeyPatch
    instance: dg.DagsterInstance
    cursor: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    _told: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        feeds = [each for each in self.emulator.records("destination_subscriptions") if each.get("modelId")]
        sources = {each["id"]: each["sourceId"] for each in self.emulator.records("reverse_etl_models")}
        ids = [id_ for id_ in sources if sum(each["modelId"] == id_ for each in feeds) > 1][:2]
        self.models = [
            ReverseEtlModel(
                id=id_,
                name=name,
                source_id=sources[id_],
                subscriptions=[
                    Subscription(id=each["id"], name=f"{name}-{number}")
                    for number, each in enumerate([each for each in feeds if each["modelId"] == id_][:count])
                ],
            )
            for id_, name, count in zip(ids, NAMES, (2, 1), strict=True)
        ]
        self.specs = segment_reverse_etl_specs(self.models)
        self.pairs = [
            (model.source_id, model.id, subscription.id)
            for model in self.models
            for subscription in model.subscriptions
        ]

    def start(self, pair: int, at: float) -> str:
        """Start a sync so many hours after noon, and return its id."""
        return self.emulator.syncs.reverse_etl.start(*self.pairs[pair], at=hours(at)).sync_id

    def sync(self, pair: int, start: float, end: float, rows: int = 10) -> str:
        """A whole sync."""
        id_ = self.start(pair, start)
        self.emulator.syncs.reverse_etl.finish(id_, at=hours(end), rows=rows)
        return id_

    def fail(self, pair: int, start: float, end: float, error: str = "no such table") -> str:
        """A whole sync that fails."""
        id_ = self.start(pair, start)
        self.emulator.syncs.reverse_etl.fail(id_, at=hours(end), error=error, error_code="QUERY_FAILED")
        return id_

    def now(self, at: float) -> None:
        """Set both clocks so many hours after noon."""
        self.monkeypatch.setenv("SEGMENT_NOW", hours(at).isoformat())
        self.emulator.clock.set(hours(at))

    def tick(self, at: float = 0.0, *, killed_after: int | None = None) -> Any:
        """One tick: its events are stored, then its cursor; the daemon may be killed after some of the events."""
        self.now(at)
        self.emulator.stats.clear()
        sensor = build_segment_reverse_etl_sensor(self.specs, **self.options)
        repository = dg.Definitions(assets=self.specs, sensors=[sensor]).get_repository_def()
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=repository)
        result = sensor.evaluate_tick(context)
        for event in list(result.asset_events)[:killed_after]:
            self.instance.report_runless_asset_event(event)
            self._told.append(event)
        if killed_after is None:
            self.cursor = result.cursor
        return result

    def told(self) -> list[tuple[Any, ...]]:
        """What was told since the last call: name, and either `materialized` or whether the check passed."""
        told, self._told = self._told, []
        return [
            (event.asset_key.path[-1], "materialized" if isinstance(event, dg.AssetMaterialization) else event.passed)
            for event in told
        ]

    def run(self, name: str, **options: Any) -> dg.ExecuteInProcessResult:
        """Materialize a model, which starts its syncs."""
        self.emulator.stats.clear()
        assets = self.assets(**options)
        job = dg.Definitions(assets=assets).resolve_implicit_global_asset_job_def()
        key = dg.AssetKey(["segment_reverse_etl", name])
        return job.execute_in_process(instance=self.instance, asset_selection=[key], raise_on_error=False)

    def assets(self, **options: Any) -> list[dg.AssetsDefinition]:
        """The models as assets that start their syncs."""
        return segment_reverse_etl_assets(self.specs, **{"poll_seconds": POLL, **options})

    def starts(self) -> int:
        """How many requests have asked for a start."""
        return self.emulator.stats.by_endpoint.get("reverse_etl_sync_start", 0)

    def materializations(self, name: str) -> list[dg.AssetMaterialization]:
        """All materializations of a model, the latest first."""
        records = self.instance.fetch_materializations(dg.AssetKey(["segment_reverse_etl", name]), limit=100).records
        return [event for record in records if (event := record.asset_materialization)]


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What the step of a run says of its failure."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    return error.message.partition("Failure: ")[2].removesuffix("\n")
