"""`make budget`: measure in the emulator whether reads keep Segment's rate limits, and how much of them they use."""

import argparse
import os
from collections.abc import Sequence

from segment_dagster.config import ApiSettings
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import running
from segment_dagster.endpoints import CATALOGUE, Endpoint
from segment_dagster.extract.extractor import Extractor
from segment_dagster.terminal import run_command
from segment_dagster.text import pluralize

ENVIRONMENT = os.environ  # noqa: TID251 - a command sets it for what it starts

MINUTE = 0.5
"""Seconds that stand for a minute of the limits."""

LEAST_MINUTES = 3
"""Fewest minutes that a read must take for its limit to count as the bottleneck."""

LEAST_USED = 0.9
HEAD = ("endpoint", "requests a minute", "requests", "minutes at least", "429", "allowed requests used")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read every endpoint that is slowed down by its documented limit, one at a time, with the limits enforced.

    Args:
        arguments: Command-line arguments; those of the process by default.

    Returns:
        The exit status: 1 if a request was refused or less than 90 % of the allowed requests were made.
    """
    parser = argparse.ArgumentParser("segment_dagster.demo.budget", description="Read what Segment limits most.")
    parser.add_argument("--minute", type=float, default=MINUTE, help="seconds of the limits' minute (default 0.5)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of these endpoints, those that a limit holds up")
    options = parser.parse_args(arguments)
    minute = options.minute
    for setting in [setting for setting in ENVIRONMENT if setting.startswith("SEGMENT_")]:
        del ENVIRONMENT[setting]
    rows = []
    with running(limits=True, minute=minute) as emulator:
        ENVIRONMENT.update(
            SEGMENT_MINUTE_SECONDS=str(minute), SEGMENT_BASE_URL=emulator.url, SEGMENT_API_TOKEN=emulator.token
        )
        lists = {row.name: len(emulator.world.lists(row.name)) for row in CATALOGUE if row.parent}
        for endpoint in _held_up(lists):
            if options.only and endpoint.name not in options.only:
                continue
            limit = endpoint.requests_per_minute
            assert limit is not None
            with Extractor(ApiSettings()) as extractor:
                if endpoint.parent:
                    extractor.extract(extractor.endpoint(endpoint.parent.endpoint))
                emulator.stats.clear()
                extractor.extract(endpoint)
            refused = sum(emulator.stats.refused.values())
            used = emulator.stats.utilization(endpoint.name, limit, minute)
            asked = emulator.stats.by_endpoint[endpoint.name]
            rows.append((endpoint.name, limit, asked, -(-asked // limit) - 1, refused, used))
    print(text_table(HEAD, [(*row[:-1], f"{row[-1]:.1%}") for row in rows]))
    kept = all(refused == 0 and used >= LEAST_USED for *_, refused, used in rows)
    print(
        f"\n{pluralize(len(rows), 'endpoint')}, {sum(row[4] for row in rows)} requests refused, "
        f"a minute of {minute:g} s"
    )
    return 0 if kept and rows else 1


def _held_up(lists: dict[str, int]) -> list[Endpoint]:
    """Return one endpoint per documented limit, of those that the limit slows down for minutes."""
    longest: dict[int, Endpoint] = {}
    for row in CATALOGUE:
        limit = row.requests_per_minute
        if limit and lists.get(row.name, 0) > LEAST_MINUTES * limit:
            held = longest.get(limit)
            if held is None or lists[row.name] < lists[held.name]:
                longest[limit] = row
    return [longest[limit] for limit in sorted(longest)]


if __name__ == "__main__":
    run_command(main)
