"""Load a Segment workspace with dlt alone: `SEGMENT_API_TOKEN=... python segment_pipeline.py`."""

import argparse
import signal
import sys
from datetime import datetime, timezone
from typing import NoReturn

from dlt.common.runtime.collector import NULL_COLLECTOR, TqdmCollector

from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SegmentError
from segment_dagster.pipeline import (
    RefusedError,
    await_ready,
    check_owner,
    load_deliveries,
    settle,
    taken_by,
    windows_since,
)
from segment_dagster.settings import resolve
from segment_dagster.source.identity import identify
from segment_dagster.source.reader import UnavailableError, WorkspaceReader, told_once
from segment_dagster.source.times import Window
from segment_dagster.wording import counted


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(1, f"error: {message}\n")


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-03-01") from None


def main() -> int:
    """Load endpoints into `SEGMENT_DESTINATION` and print dlt's load info.

    Returns:
        The exit status: 1 where an endpoint failed. The others are loaded all the same.
    """
    parser = _Parser("segment_pipeline.py", description="Load a Segment workspace with dlt.")
    parser.add_argument("endpoint", nargs="*", help="an endpoint to load; all but the slow ones where none is given")
    parser.add_argument("--slow", action="store_true", help="load the slow ones as well")
    parser.add_argument("--start", type=_day, help="first day, in UTC, of what is read by the day or month: 2026-03-01")
    parser.add_argument("--end", type=_day, help="the day after the last one; now, where it is left out")
    given = parser.parse_args()
    if given.end and not given.start:
        parser.error("--end needs --start")
    if given.end and given.end <= given.start:
        parser.error(f"--end {given.end:%Y-%m-%d} is not after --start {given.start:%Y-%m-%d}")
    # as an exception, so that what was begun is ended and deleted
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    collector = TqdmCollector() if sys.stderr.isatty() else NULL_COLLECTOR
    try:
        settings, place = resolve(), settle()
        with WorkspaceReader(settings, collector=collector) as reader:
            wanted = [reader.endpoint(name) for name in given.endpoint] or reader.offered(slow=given.slow)
            await_ready(place)
            workspace = identify(reader)
            check_owner(place, workspace)
            wanted, refused = taken_by(place, wanted)
            reader.cover(windows_since(place, wanted))
            if given.start:
                window = Window(given.start, given.end or reader.now)
                reader.cover({endpoint.name: window for endpoint in TABLES if endpoint.partitioned})
            with collector("Read the workspace"):
                deliveries, failures = reader.read_all(wanted)
            failures = [*refused, *failures]
            unchanged = frozenset[str]()
            if deliveries:
                loaded = load_deliveries(
                    deliveries,
                    place,
                    history=settings.history,
                    always=settings.always_load,
                    collector=collector,
                    workspace=workspace,
                )
                unchanged = loaded.unchanged
                for info in loaded.infos:
                    print(info)
                if unchanged and not loaded.infos and not loaded.failures:
                    print("Nothing was loaded: the tables hold all that was delivered.")
                refused_names = {failure.endpoint.name for failure in loaded.failures}
                deliveries = [each for each in deliveries if each.endpoint.name not in refused_names]
                failures += loaded.failures
    except SegmentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; nothing was loaded that is not whole", file=sys.stderr)
        return 128 + signal.SIGINT
    if not given.endpoint:
        for endpoint in TABLES:
            if not reader.client.offers(endpoint):
                print(f"{endpoint.name}: skipped, because the {settings.layout!r} layout has no such endpoint")
    if settings.on_unavailable == "skip":
        for failure in list(failures):
            if isinstance(failure.error, UnavailableError | RefusedError):
                failures.remove(failure)
                print(f"{failure.endpoint.name}: skipped, because {failure.error.reason}")
    for delivery in deliveries:
        name = delivery.endpoint.name
        said = f"{counted(delivery.rows, 'row')} in {counted(delivery.requests, 'request')}"
        print(f"{name}: {said}{', unchanged' if name in unchanged else ''}")
    for line in told_once(failures):
        print(f"error: {line}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
