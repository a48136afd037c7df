"""Load a Segment workspace with dlt alone: `SEGMENT_API_TOKEN=... python segment_pipeline.py`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NoReturn

from segment_dagster.terminal import StatusLine, run_command

if TYPE_CHECKING:
    from segment_dagster.extract.reader import Extract, Failure


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
    from segment_dagster.config import resolve
    from segment_dagster.endpoints import TABLES
    from segment_dagster.extract.identity import identify
    from segment_dagster.extract.reader import UnavailableError, WorkspaceReader, format_failures
    from segment_dagster.extract.times import Window
    from segment_dagster.load import (
        UnsupportedError,
        await_ready,
        check_owner,
        destination_lock,
        incremental_windows,
        inspect_dataset,
        load_extracts,
        resolve_destination,
        split_supported,
    )
    from segment_dagster.load.verify import failed_checks
    from segment_dagster.text import pluralize

    settings, destination = resolve(), resolve_destination()
    errors: list[str] = []
    warnings: list[str] = []
    loaded = None
    with StatusLine() as status, WorkspaceReader(settings) as reader:
        names = dict.fromkeys(given.endpoint)
        wanted = [reader.endpoint(name) for name in names] or reader.offered(slow=given.slow)
        status.show(lambda: f"waiting for {destination.type}")
        await_ready(destination)
        workspace = identify(reader)
        check_owner(destination, workspace)
        wanted, refused = split_supported(destination, wanted)
        reader.cover(incremental_windows(destination, wanted))
        if given.start:
            window = Window(given.start, given.end or reader.now)
            reader.cover({endpoint.name: window for endpoint in TABLES if endpoint.partitioned})
        status.show(lambda: str(reader.progress(wanted)))
        extracts, failures = reader.read_all(wanted)
        requests = reader.progress(wanted).requests
        failures = [*refused, *failures]
        if extracts:
            # the checks stay inside: another run could change the tables under them
            with destination_lock(destination):
                status.show(lambda: f"loading {pluralize(len(extracts), 'table')} into {destination.type}")
                loaded = load_extracts(
                    extracts,
                    destination,
                    history=settings.history,
                    always=settings.always_load,
                    workspace=workspace,
                )
                refused_names = {failure.endpoint.name for failure in loaded.failures}
                extracts = [each for each in extracts if each.endpoint.name not in refused_names]
                failures += loaded.failures
                status.show(lambda: f"checking {pluralize(len(extracts), 'table')}")
                with inspect_dataset(destination) as tables:
                    for endpoint, check, finding in failed_checks(extracts, tables, history_kept=settings.history):
                        said = f"{endpoint.name}: {check}: {finding.description}"
                        (warnings if finding.warns else errors).append(said)
    if loaded is not None:
        for info in loaded.infos:
            print(info)
        if loaded.unchanged and not loaded.infos and not loaded.failures:
            print("Nothing was loaded: the tables hold all that was delivered.")
    if not given.endpoint:
        for endpoint in TABLES:
            if not reader.client.offers(endpoint):
                print(f"{endpoint.name}: skipped, because the {settings.layout!r} layout has no such endpoint")
    if settings.on_unavailable == "skip":
        for failure in list(failures):
            if isinstance(failure.error, UnavailableError | UnsupportedError):
                failures.remove(failure)
                print(f"{failure.endpoint.name}: skipped, because {failure.error.reason}")
    for extract in extracts:
        name = extract.endpoint.name
        said = f"{pluralize(extract.rows, 'row')} in {pluralize(extract.requests, 'request')}"
        print(f"{name}: {said}{', unchanged' if loaded and name in loaded.unchanged else ''}")
    print(_summary(extracts, failures, requests, len(errors), status.seconds))
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in [*format_failures(failures), *errors]:
        print(f"error: {line}", file=sys.stderr)
    return 1 if failures or errors else 0


def _summary(
    extracts: "Sequence[Extract]", failures: "Sequence[Failure]", requests: int, checks: int, seconds: float
) -> str:
    from segment_dagster.text import pluralize

    rows = sum(extract.rows for extract in extracts)
    return (
        f"{pluralize(len(extracts), 'table')}, {pluralize(rows, 'row')}, {pluralize(requests, 'request')}, "
        f"{len(failures)} failed, {pluralize(checks, 'failed check')}, {seconds:.1f} s"
    )


if __name__ == "__main__":
    run_command(main)
