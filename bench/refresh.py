"""Requests, memory and processor time of a day's run that reads what may have changed.

`python -m bench.refresh --scales 1 20`: the job `segment_sync` with `SEGMENT_FULL_EVERY_DAYS`, each day in a process of
its own; so is the emulator.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from bench.emulated import Emulated, emulated
from bench.processes import Ran, empty_place, run
from bench.workload import NOW
from segment_dagster.automation.jobs import JOB
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import Edit
from segment_dagster.endpoints import TABLES

DAYS = 7
"""SEGMENT_FULL_EVERY_DAYS."""

UNANNOUNCED = ",".join(
    endpoint.name
    for endpoint in TABLES
    if endpoint.parent and not endpoint.announced and not endpoint.partitioned and not endpoint.slow
)
"""What is read whole each time, unless SEGMENT_SLOW names it."""

HEAD = ("scale", "run", "requests", "of the full read", "peak MB", "processor s", "seconds")

Edits = Callable[["Ids"], tuple[Edit, ...]]


class Day(NamedTuple):
    """One run."""

    name: str
    edits: Edits
    slow: str
    """SEGMENT_SLOW."""


class Ids:
    """Ids of records that have been loaded."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, table: str) -> str:
        """Return the least id of a table."""
        with duckdb.connect(str(self._file), read_only=True) as connection:
            row = connection.table(f"segment_data.{table}").aggregate("min(id)").fetchone()
        assert row is not None
        return str(row[0])


def _none(_: Ids) -> tuple[Edit, ...]:
    return ()


def _few(ids: Ids) -> tuple[Edit, ...]:
    return (
        Edit("destination_filters", "modify", ids.of("destination_filters"), fields={"title": "Another"}),
        Edit("destinations", "modify", ids.of("destinations"), fields={"name": "Another"}),
        Edit("functions", "modify", ids.of("functions"), fields={"description": "Another"}),
    )


def _wide(ids: Ids) -> tuple[Edit, ...]:
    return (
        Edit("sources", "modify", ids.of("sources"), fields={"name": "Another"}),
        Edit("users", "modify", ids.of("users"), fields={"name": "Another"}),
    )


WEEK = (
    Day("everything", _none, ""),
    Day("nothing has changed", _none, ""),
    Day("the same with SEGMENT_SLOW", _none, UNANNOUNCED),
    Day("a filter, a destination and a function have changed", _few, UNANNOUNCED),
    Day("a source and a user as well", _wide, UNANNOUNCED),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run for each scale a full read, days without a change, and days with some; print what each took."""
    parser = argparse.ArgumentParser("bench.refresh", description=__doc__)
    parser.add_argument("--scales", nargs="+", type=int, default=[1, 20], help="sizes of the workspace")
    options = parser.parse_args(arguments)
    rows: list[tuple[object, ...]] = []
    for scale in options.scales:
        with emulated(scale, quiet_audit=True) as emulator, empty_place() as place:
            for row in _week(emulator, place):
                rows.append((f"{scale}x", *row))
                print(*rows[-1], sep=", ", file=sys.stderr, flush=True)
    print(text_table(HEAD, rows))
    print(f"SEGMENT_SLOW={UNANNOUNCED}")
    return 0


def _week(emulator: Emulated, place: Path) -> Iterator[tuple[object, ...]]:
    ids = Ids(place / "work" / "segment.duckdb")
    full = 0
    for number, day in enumerate(WEEK):
        now = NOW + timedelta(days=number)
        emulator.set_clock(now)
        emulator.edit(*day.edits(ids))
        emulator.clear()
        ran = _run(emulator, place, {"SEGMENT_NOW": now.isoformat(), "SEGMENT_SLOW": day.slow})
        asked = emulator.stats()["total"]
        full = full or asked
        share = f"{100 * asked / full:.2f} %"
        yield day.name, asked, share, f"{ran.peak_mb:.0f}", f"{ran.cpu_seconds:.0f}", f"{ran.seconds:.0f}"


def _run(emulator: Emulated, place: Path, settings: Mapping[str, str]) -> Ran:
    given = {name: value for name, value in settings.items() if value}
    environment = emulator.environment() | {"SEGMENT_FULL_EVERY_DAYS": str(DAYS)} | given
    job = ("job", "execute", "-m", "segment_dagster.definitions", "-j", JOB)
    return run("dagster", *job, environment=environment, place=place)


if __name__ == "__main__":
    sys.exit(main())
