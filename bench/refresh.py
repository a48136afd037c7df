"""Requests of a day's run that reads only what may have changed: `python -m bench.refresh --scales 1 20`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import Edit, Emulator, running
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.extract import Extractor
from segment_dagster.load import resolve_destination
from segment_dagster.sync import SyncResult, sync

FIRST = datetime(2026, 3, 2, 6, tzinfo=timezone.utc)
MINUTE = 0.05
"""Seconds that stand for a minute of the limits."""

DAYS = 7
"""SEGMENT_FULL_EVERY_DAYS."""

DAILY = tuple(endpoint for endpoint in TABLES if not endpoint.partitioned and not endpoint.slow)
UNANNOUNCED = tuple(endpoint for endpoint in DAILY if endpoint.parent and not endpoint.announced)
"""What is read whole each time, unless SEGMENT_SLOW names it."""

HEAD = ("scale", "run", "requests", "of the full read", "saved at least", "tables written", "seconds")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run for each scale a full read, a day without a change, and a day with some; print what each asked for."""
    parser = argparse.ArgumentParser("bench.refresh", description=__doc__)
    parser.add_argument("--scales", nargs="+", type=int, default=[1, 20], help="sizes of the workspace")
    options = parser.parse_args(arguments)
    before = Path.cwd()
    rows = []
    for scale in options.scales:
        with (
            tempfile.TemporaryDirectory(prefix="segment_refresh_") as place,
            running(scale=scale, now=FIRST, minute=MINUTE, quiet_audit=True) as emulator,
        ):
            os.chdir(place)
            os.environ.update(DLT_DATA_DIR=place, RUNTIME__DLTHUB_TELEMETRY="false", SEGMENT_MINUTE_SECONDS=str(MINUTE))
            os.environ.update(SEGMENT_BASE_URL=emulator.url, SEGMENT_API_TOKEN=emulator.token)
            rows += list(_days(scale, emulator))
            os.chdir(before)
    print(text_table(HEAD, rows))
    print(f"Read whole each time, unless SEGMENT_SLOW names them: {', '.join(each.name for each in UNANNOUNCED)}")
    return 0


def _days(scale: int, emulator: Emulator) -> Sequence[tuple[object, ...]]:
    announced = tuple(endpoint for endpoint in DAILY if endpoint not in UNANNOUNCED)
    rows: list[tuple[object, ...]] = []
    full = 0
    for day, (name, edits, endpoints) in enumerate(
        [
            ("full", (), DAILY),
            ("nothing changed", (), DAILY),
            ("nothing changed, without what nobody announces", (), announced),
            ("a filter, a destination, a function changed", _few(emulator), announced),
            ("a source and a user as well", _wide(emulator), announced),
        ]
    ):
        emulator.edits.add(*edits)
        result, seconds = _run(emulator, FIRST + timedelta(days=day), endpoints)
        full = full or result.requests
        written = len(result.extracts) - len(result.unchanged)
        share = f"{100 * result.requests / full:.2f} %"
        rows.append((f"{scale}x", name, result.requests, share, result.saved, written, f"{seconds:.1f}"))
        if result.failures:
            raise SystemExit("; ".join(str(failure.error) for failure in result.failures))
    return rows


def _few(emulator: Emulator) -> tuple[Edit, ...]:
    filter_, destination = emulator.records("destination_filters")[0], emulator.records("destinations")[-1]
    function = emulator.records("functions")[0]
    return (
        Edit("destination_filters", "modify", filter_["id"], fields={"title": "Another"}),
        Edit("destinations", "modify", destination["id"], fields={"name": "Another"}),
        Edit("functions", "modify", function["id"], fields={"description": "Another"}),
    )


def _wide(emulator: Emulator) -> tuple[Edit, ...]:
    source, user = emulator.records("sources")[0], emulator.records("users")[0]
    return (
        Edit("sources", "modify", source["id"], fields={"name": "Another"}),
        Edit("users", "modify", user["id"], fields={"name": "Another"}),
    )


def _run(emulator: Emulator, now: datetime, endpoints: Sequence[Endpoint]) -> tuple[SyncResult, float]:
    emulator.clock.set(now)
    started = datetime.now(timezone.utc)
    with Extractor(ApiSettings(now=now, full_every_days=DAYS)) as extractor:
        result = sync(endpoints, extractor, resolve_destination(DestinationSettings()))
    return result, (datetime.now(timezone.utc) - started).total_seconds()


if __name__ == "__main__":
    sys.exit(main())
