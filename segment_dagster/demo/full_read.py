"""`make full-read`: read every endpoint of a made-up workspace twice and compare its records with the loaded rows."""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from segment_dagster.config.clock import utc_now
from segment_dagster.demo.expected import expected_rows, least_requests
from segment_dagster.demo.reading import FAILED, LANDED, SKIPPED, Read, read
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import Fault, World, running
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.terminal import run_command
from segment_dagster.text import pluralize

ENVIRONMENT = os.environ  # noqa: TID251 - a command sets it for what it starts

MINUTE = 0.05
"""Seconds that stand for a minute of the limits: 2,400 requests at 25 a minute take 5 s instead of 96 minutes."""

SETTINGS: Mapping[str, str] = {
    "SEGMENT_MINUTE_SECONDS": str(MINUTE),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01",
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "5",
}
_NAMES = [endpoint.name for endpoint in TABLES]
HEAD = ("endpoint", "outcome", "expected", "landed", "distinct keys", "landed again", "requests", "at least")


class Row(NamedTuple):
    """A row of the comparison."""

    endpoint: str
    outcome: str
    expected: int
    landed: int
    distinct: int
    again: int
    requests: int
    least: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Read everything twice into a temporary directory and print the comparison.

    Args:
        arguments: Command-line arguments; those of the process by default.

    Returns:
        The exit status: 1 if a run failed or a number of loaded rows differs.
    """
    options = _parser().parse_args(arguments)
    chosen = [row for row in TABLES if row.name in (options.only or _NAMES) and row.name not in options.without]
    for setting in [setting for setting in ENVIRONMENT if setting.startswith(("SEGMENT_", "DESTINATION__"))]:
        del ENVIRONMENT[setting]
    now, before = utc_now(), Path.cwd()
    with (
        tempfile.TemporaryDirectory(prefix="segment_full_read_") as place,
        running(now=now, minute=MINUTE, faults=options.fault, without=options.lacking) as emulator,
    ):
        os.chdir(place)
        ENVIRONMENT.update(
            SETTINGS, DLT_DATA_DIR=place, SEGMENT_BASE_URL=emulator.url, SEGMENT_API_TOKEN=emulator.token
        )
        with dg.DagsterInstance.ephemeral() as instance:
            first = read(instance, emulator, chosen, now)
            again = read(instance, emulator, chosen, now)
        os.chdir(before)
    for warning in first.warnings:
        print(warning, file=sys.stderr)
    rows = [_row(endpoint, emulator.world, now, first, again) for endpoint in chosen]
    print(text_table(HEAD, rows))
    return _summary(rows, first, again)


def _row(endpoint: Endpoint, world: World, now: datetime, first: Read, again: Read) -> Row:
    return Row(
        endpoint.name,
        first.outcomes.get(endpoint.name, FAILED),
        expected_rows(world, endpoint, now),
        *first.counts.get(endpoint.name, (0, 0)),
        again.counts.get(endpoint.name, (0, 0))[0],
        first.requests.get(endpoint.name, 0),
        least_requests(world, endpoint, now),
    )


def _summary(rows: Sequence[Row], first: Read, again: Read) -> int:
    for name, reason in first.reasons.items():
        print(f"\n{first.outcomes[name]} {name}: {reason.removeprefix(f'{name}: ')}", end="")
    outcomes = Counter(row.outcome for row in rows)
    landed = [row for row in rows if row.outcome == LANDED]
    wrong = [row for row in landed if len({row.expected, row.landed, row.distinct, row.again}) > 1]
    made, least = sum(row.requests for row in landed), sum(row.least for row in landed)
    others = sum(first.requests.values()) - made
    print(
        f"\n\n{pluralize(len(rows), 'endpoint')}: {outcomes[LANDED]} landed, {outcomes[SKIPPED]} skipped, "
        f"{outcomes[FAILED]} failed; {sum(row.expected for row in landed):,} rows of those that landed, "
        f"{len(wrong)} differences\n{made:,} requests for these, {least:,} at least; {others:,} others"
    )
    return 0 if first.success and again.success and not wrong else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("segment_dagster.demo.full_read", description="Read a made-up workspace, twice.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--only", nargs="+", choices=_NAMES, default=[], metavar="NAME", help="the endpoints to read")
    choice.add_argument("--without", nargs="+", choices=_NAMES, default=[], metavar="NAME", help="those to leave out")
    parser.add_argument(
        "--lacking",
        action="append",
        default=[],
        metavar="FEATURE",
        help="a feature that the workspace's plan lacks; may be given more than once",
    )
    parser.add_argument(
        "--fault",
        type=Fault.parse,
        action="append",
        default=[],
        metavar="KIND[:ENDPOINT][:after=N][:times=N][:value=X][:rate=X][:seed=N]",
        help="something for the emulator to do wrong; may be given more than once",
    )
    return parser


if __name__ == "__main__":
    run_command(main)
