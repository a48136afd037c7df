"""How long the requests of a workload must take at least, whoever sends them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import TABLES, Endpoint

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
MINUTE = 60.0
BUDGET = ApiSettings.model_fields["requests_per_minute"].default
CONCURRENCY = ApiSettings.model_fields["concurrency"].default


@dataclass(frozen=True)
class Bound:
    """Lower bounds of the time that reading takes, in seconds."""

    requests: int
    """As few as the page limits allow."""

    longest_chain: int
    """Requests of which each needs the answer to the one before it: a parent's pages, then those of one list."""

    seconds: float
    """From latency, page limits and workers: the limits of requests a minute are left out."""

    with_limits: float
    """The same with the documented limits of the endpoints and the token's budget of 600, in minutes of 60 seconds."""


def bound(rows: Mapping[str, int], latency: float, workers: int = CONCURRENCY) -> Bound:
    """The bound of reading so many rows of each endpoint.

    Args:
        rows: Rows by the endpoint's name. A list of a parent has as many as every other.
        latency: Seconds that every answer takes.
        workers: Requests at once.
    """
    requests = {name: _lists(name, rows) * _pages(name, rows) for name in rows}
    total, chain = sum(requests.values()), max(_chain(name, rows) for name in rows)
    seconds = latency * max(chain, ceil(total / workers))
    limits = [(requests[name], ROWS[name].requests_per_minute or total) for name in rows]
    limits.append((total, BUDGET))
    waits = [MINUTE * (ceil(count / limit) - 1) for count, limit in limits]
    return Bound(total, chain, seconds, max(seconds, *waits))


def _parent(name: str) -> Endpoint | None:
    parent = ROWS[name].parent
    return ROWS[parent.endpoint] if parent else None


def _lists(name: str, rows: Mapping[str, int]) -> int:
    parent = _parent(name)
    return rows[parent.name] if parent else 1


def _pages(name: str, rows: Mapping[str, int]) -> int:
    size = ROWS[name].page_size
    return max(1, ceil(rows[name] / _lists(name, rows) / size)) if size else 1


def _chain(name: str, rows: Mapping[str, int]) -> int:
    parent = _parent(name)
    # what is asked for a range of time can be cut into as many ranges as there are pages
    pages = 1 if ROWS[name].time else _pages(name, rows)
    return pages + (_chain(parent.name, rows) if parent else 0)
