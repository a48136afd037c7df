"""The same tables by dltHub's example pattern: one declarative `rest_api_source`, 200 rows a page, dlt's own defaults.

Run as a script, in an empty directory: `SEGMENT_BASE_URL=... SEGMENT_API_TOKEN=... python -m bench.example_pattern`.
It prints one line of JSON: seconds of each step, rows of each table.
"""

import json
import os
import sys
from datetime import datetime, timedelta
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig

PAGE_SIZE = 200
DAYS = 90
"""Of the audit trail: as far back as the project reads it the first time."""

SINGLE: dict[str, Any] = {"type": "single_page"}

RESOURCES: dict[str, dict[str, Any]] = {
    "workspace": {"path": "/", "data_selector": "data.workspace", "paginator": SINGLE},
    "sources": {"path": "sources", "data_selector": "data.sources"},
    "destinations": {"path": "destinations", "data_selector": "data.destinations"},
    "warehouses": {"path": "warehouses", "data_selector": "data.warehouses"},
    "spaces": {"path": "spaces", "data_selector": "data.spaces"},
    "segments": {"path": "spaces/{resources.spaces.id}/audiences", "data_selector": "data.audiences"},
    "audit_events": {"path": "audit-events", "data_selector": "data.events"},
}
"""By the table's name, its endpoint as `rest_api_source` takes it."""


def config(names: list[str], since: datetime) -> RESTAPIConfig:
    """What `rest_api_source` is told.

    Args:
        names: The tables.
        since: Where the audit trail is read from.
    """
    # the audiences are asked for space by space
    needed = [*names, *(["spaces"] if "segments" in names and "spaces" not in names else [])]
    resources: list[Any] = []
    for name in needed:
        endpoint = dict(RESOURCES[name])
        if "paginator" not in endpoint:
            endpoint["params"] = {"pagination.count": PAGE_SIZE}
        if name == "audit_events":
            endpoint["params"]["startTime"] = f"{since:%Y-%m-%dT%H:%M:%SZ}"
        resources.append({"name": name, "endpoint": endpoint, "selected": name in names})
    return {
        "client": {
            "base_url": os.environ["SEGMENT_BASE_URL"],
            "auth": {"type": "bearer", "token": os.environ["SEGMENT_API_TOKEN"]},
            "paginator": {
                "type": "cursor",
                "cursor_path": "data.pagination.next",
                "cursor_param": "pagination.cursor",
            },
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "replace"},
        "resources": resources,
    }


def main() -> None:
    """Load the tables named on the command line, all where none is, and print what it took."""
    now = datetime.fromisoformat(os.environ["SEGMENT_NOW"].replace("Z", "+00:00"))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    names = sys.argv[1:] or list(RESOURCES)
    pipeline = dlt.pipeline("example_pattern", destination="duckdb", dataset_name="segment_data")
    pipeline.run(rest_api_source(config(names, midnight - timedelta(days=DAYS)), name="segment"))
    trace = pipeline.last_trace
    assert trace is not None and trace.last_normalize_info is not None
    steps = {
        step.step: (step.finished_at - step.started_at).total_seconds()
        for step in trace.steps
        if step.finished_at is not None and step.step in ("extract", "normalize", "load")
    }
    counts = trace.last_normalize_info.row_counts
    print(json.dumps({"steps": steps, "rows": {name: counts.get(name, 0) for name in names}}))


if __name__ == "__main__":
    main()
