"""Load a Segment workspace with dlt alone: `SEGMENT_API_TOKEN=... python segment_pipeline.py`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NoReturn

from segment_dagster.terminal import StatusLine, run_command

if TYPE_CHECKING:
    from segment_dagster.endpoints import Endpoint
    from segment_dagster.extract.extractor import Extractor
    from segment_dagster.extract.result import Extract
    from segment_dagster.load import Destination, LoadResult
    from segment_dagster.sync import SyncObserver, SyncResult


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(1, f"error: {message}\n")


def _day(text: str) -> datetime:
    from segment_dagster.config import FIRST_YEAR

    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-03-01") from None
    if day.year < FIRST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} is before {FIRST_YEAR}: nothing of that time is there")
    return day


def _arguments() -> argparse.Namespace:
    parser = _Parser("segment_pipeline.py", description="Load a Segment workspace with dlt.")
    parser.add_argument("endpoint", nargs="*", help="an endpoint to load; all but the slow ones where none is given")
    parser.add_argument("--list", action="store_true", help="show the endpoints, and load nothing")
    parser.add_argument("--slow", action="store_true", help="load the slow ones as well")
    parser.add_argument("--start", type=_day, help="first day, in UTC, of what is read by the day or month: 2026-03-01")
    parser.add_argument("--end", type=_day, help="the day after the last one; now, where it is left out")
    given = parser.parse_args()
    if given.end and not given.start:
        parser.error("--end needs --start")
    if given.end and given.end <= given.start:
        parser.error(f"--end {given.end:%Y-%m-%d} is not after --start {given.start:%Y-%m-%d}")
    return given


def main() -> int:
    """Load endpoints into `SEGMENT_DESTINATION`, check the tables, and print what became of each.

    Returns:
        The exit status: 1 where an endpoint or a check failed. The others are loaded all the same.
    """
    # as an exception, so that what was begun is ended and deleted
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    given = _arguments()
    if given.list:
        return _list_endpoints()
    from segment_dagster.load.dlt_settings import explain_settings

    with explain_settings():
        return _load(given)


def _list_endpoints() -> int:
    from segment_dagster.endpoints import TABLES

    names, paths = (max(len(getattr(each, field)) for each in TABLES) for field in ("name", "path"))
    for endpoint in TABLES:
        when = "weekly" if endpoint.slow else ""
        print(f"{endpoint.name:{names}}  {endpoint.path:{paths}}  {when:6}  {endpoint.description}".rstrip())
    return 0


def _load(given: argparse.Namespace) -> int:
    # here and not above, so that an interrupt while they are imported is told in a line as well
    from segment_dagster.config import ApiSettings, DestinationSettings
    from segment_dagster.endpoints import TABLES
    from segment_dagster.extract.extractor import Extractor
    from segment_dagster.extract.failures import format_failures
    from segment_dagster.extract.times import Window
    from segment_dagster.load import DatasetInspector, LoadResult, resolve_destination
    from segment_dagster.load.coverage import coverage
    from segment_dagster.load.verify import failed_checks
    from segment_dagster.sync import sync

    settings, destination = ApiSettings(), resolve_destination(DestinationSettings())
    errors: list[str] = []
    warnings: list[str] = []

    def verify(loaded: LoadResult, tables: DatasetInspector) -> None:
        for endpoint, check, finding in failed_checks(
            loaded.extracts, tables, history_kept=settings.history, preview=settings.preview
        ):
            line = f"{endpoint.name}: {check}: {finding.description}"
            (warnings if finding.warns else errors).append(line)
        max_age = timedelta(days=settings.slow_max_age)
        for endpoint in (extract.endpoint for extract in loaded.extracts if extract.coverage):
            finding = coverage(tables, endpoint, now=extractor.now, max_age=max_age)
            if not finding.passed:
                (warnings if finding.warns else errors).append(f"{endpoint.name}: coverage: {finding.description}")

    with StatusLine() as status, Extractor(settings) as extractor:
        wanted = [extractor.endpoint(name) for name in dict.fromkeys(given.endpoint)] or extractor.available(
            slow=given.slow
        )
        windows = {}
        if given.start:
            window = Window(given.start, given.end or extractor.now)
            windows = {endpoint.name: window for endpoint in TABLES if endpoint.partitioned}
        observer = _status_observer(status, extractor, destination)
        outcome = sync(wanted, extractor, destination, windows=windows, observer=observer, verify=verify)
    for package in outcome.packages:
        print(package)
    if outcome.extracts and len(outcome.unchanged) == len(outcome.extracts) and not outcome.failures:
        print("Nothing was loaded: the tables hold all that was delivered.")
    if not given.endpoint:
        for endpoint in TABLES:
            if not extractor.client.offers(endpoint):
                print(f"{endpoint.name}: skipped, because the {settings.layout!r} layout has no such endpoint")
    for name, reason in outcome.skipped.items():
        print(f"{name}: skipped, because {reason}")
    _print_summary(outcome, len(errors), status.seconds)
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in [*format_failures(outcome.failures), *errors]:
        print(f"error: {line}", file=sys.stderr)
    return 1 if outcome.failures or errors else 0


def _status_observer(status: StatusLine, extractor: "Extractor", destination: "Destination") -> "SyncObserver":
    """Return what shows on the status line how far the sync has come."""
    from segment_dagster.sync import SyncObserver
    from segment_dagster.text import pluralize

    class StatusObserver(SyncObserver):
        def waiting(self) -> None:
            status.show(lambda: f"waiting for {destination.type}")

        def reading(self, endpoints: "Sequence[Endpoint]") -> None:
            status.show(lambda: str(extractor.progress(endpoints)))

        def slice_loaded(self, extract: "Extract") -> None:
            coverage = extract.coverage
            if coverage:
                done = f"{coverage.read:,} of {pluralize(coverage.due, 'due parent')}"
                status.show(lambda: f"reading {extract.endpoint.name}: {done}")

        def loading(self, extracts: "Sequence[Extract]") -> None:
            status.show(lambda: f"loading {pluralize(len(extracts), 'table')} into {destination.type}")

        def loaded(self, result: "LoadResult") -> None:
            status.show(lambda: f"checking {pluralize(len(result.extracts), 'table')}")

    return StatusObserver()


def _print_summary(outcome: "SyncResult", failed_checks: int, seconds: float) -> None:
    from segment_dagster.text import pluralize

    for extract in outcome.extracts:
        name = extract.endpoint.name
        line = f"{name}: {pluralize(extract.rows, 'row')} in {pluralize(extract.requests, 'request')}"
        if extract.coverage:
            read, due, left = extract.coverage.read, extract.coverage.due, extract.coverage.left
            line = f"{line}, {read:,} of {pluralize(due, 'due parent')} read, {left:,} left"
        if extract.reused:
            line = f"{line}, {pluralize(extract.reused.parents, 'unchanged parent')} not requested"
        print(f"{line}, unchanged" if name in outcome.unchanged else line)
    rows = sum(extract.rows for extract in outcome.extracts)
    saved = f", {outcome.saved:,} or more saved" if outcome.saved else ""
    print(
        f"{pluralize(len(outcome.extracts), 'table')}, {pluralize(rows, 'row')}, "
        f"{pluralize(outcome.requests, 'request')}{saved}, {len(outcome.failures)} failed, "
        f"{pluralize(failed_checks, 'failed check')}, {seconds:.1f} s"
    )


if __name__ == "__main__":
    run_command(main)
