"""Load a Segment workspace with dlt alone: `SEGMENT_API_TOKEN=... python segment_pipeline.py`."""

import signal
import sys

from dlt.common.runtime.collector import NULL_COLLECTOR, TqdmCollector

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.errors import SegmentError
from segment_dagster.pipeline import load, settle
from segment_dagster.settings import resolve
from segment_dagster.source.reader import WorkspaceReader, told_once
from segment_dagster.source.resources import delivered_source


def main() -> int:
    """Load every endpoint into `SEGMENT_DESTINATION` and print dlt's load info.

    Returns:
        The exit status: 1 where an endpoint failed. The others are loaded all the same.
    """
    # as an exception, so that what was begun is ended and deleted
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    collector = TqdmCollector() if sys.stderr.isatty() else NULL_COLLECTOR
    try:
        settings, place = resolve(), settle()
        with WorkspaceReader(settings, collector=collector) as reader:
            offered = reader.offered()
            with collector("Read the workspace"):
                deliveries, failures = reader.read_all(offered)
            if deliveries:
                print(load(delivered_source(deliveries), place, collector))
    except SegmentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; nothing was loaded that is not whole", file=sys.stderr)
        return 128 + signal.SIGINT
    for endpoint in CATALOGUE:
        if endpoint not in offered:
            print(f"{endpoint.name}: skipped, because the {settings.layout!r} layout has no such endpoint")
    for delivery in deliveries:
        print(f"{delivery.endpoint.name}: {delivery.rows:,} rows in {delivery.requests:,} requests")
    for line in told_once(failures):
        print(f"error: {line}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
