"""An instance in which checks fail, runs fail and partitions are lost; a channel; ticks as the daemon makes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest

from segment_dagster.alerts.monitored import Monitored
from segment_dagster.alerts.sensor import build_segment_alert_sensor
from segment_dagster.assets.metadata import OFFENDERS_DIGEST
from segment_dagster.assets.offenders import offenders_digest
from segment_dagster_tests.alerts.sink import Sink, sink

MONDAY = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
SOURCES = dg.AssetKey(["segment", "health_sources"])
VOLUME = dg.AssetKey(["segment", "events_volume"])
SEND = dg.AssetCheckKey(SOURCES, "sources_send_events")
ROWS = dg.AssetCheckKey(VOLUME, "row_count")

MONITORED = Monitored.of([SEND, ROWS], [VOLUME], ["segment_sync"])


@dg.op
def work(context: dg.OpExecutionContext) -> None:
    """Fail with a text, if the run has one."""
    if text := context.run.tags.get("fails"):
        raise dg.Failure(text, allow_retries=False)


@dg.job
def segment_sync() -> None:
    work()


@dg.job
def another_job() -> None:
    work()


@dataclass
class Alerts:
    """What happens in the instance, and what is told of it."""

    instance: dg.DagsterInstance
    sink: Sink
    cursor: str | None = None
    now: datetime = MONDAY
    monitored: Monitored = MONITORED
    channels: Sequence[str] = ("ALERTS",)
    options: dict[str, Any] = field(default_factory=dict)

    def found(self, *dead: str, quiet: Sequence[str] = (), counts: int = 0) -> None:
        """A run of the mart's check that has found these sources."""
        found = {"ERROR": dead, "WARN": quiet}
        self.evaluated(
            SEND,
            passed=not (dead or quiet),
            severity=dg.AssetCheckSeverity.ERROR if dead else dg.AssetCheckSeverity.WARN,
            description=f"{len([*dead, *quiet])} rows: {'; '.join([*dead, *quiet])}, {counts} events.",
            metadata={
                OFFENDERS_DIGEST: {
                    name: offenders_digest([[each] for each in ids]) for name, ids in found.items() if ids
                }
            },
        )

    def evaluated(self, key: dg.AssetCheckKey, **result: Any) -> None:
        """A check was evaluated."""
        evaluation = dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, **result)
        self.instance.report_runless_asset_event(evaluation)

    def lose(self, ranges: str) -> None:
        """A run has lost partitions."""
        metadata = {"segment/partitions_lost": ranges}
        self.instance.report_runless_asset_event(dg.AssetMaterialization(VOLUME, metadata=metadata))

    def run(self, fails: str = "", job: dg.JobDefinition = segment_sync, **tags: str) -> str:
        """A run of a job; its id."""
        given = {**tags, **({"fails": fails} if fails else {})}
        return job.execute_in_process(instance=self.instance, tags=given, raise_on_error=False).run_id

    def tick(self, *, killed: bool = False) -> Any:
        """One tick; it may be killed before its cursor is stored."""
        sensor = build_segment_alert_sensor(
            self.monitored, channels=self.channels, clock=lambda: self.now, **self.options
        )
        result = sensor.evaluate_tick(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        if not killed:
            self.cursor = result.cursor
        return result

    def told(self) -> list[str]:
        """What a tick tells: titles and bodies."""
        self.tick()
        return self.sink.new()

    def later(self, **time: float) -> None:
        """Time passes."""
        self.now += timedelta(**time)


@pytest.fixture
def channel() -> Iterator[Sink]:
    with sink() as made:
        yield made


@pytest.fixture
def alerts(channel: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerts]:
    monkeypatch.setenv("ALERTS", channel.address)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Alerts(instance, channel)
