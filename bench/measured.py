"""The workload at one size: the project's way and the example's, in the same minutes."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from statistics import median
from typing import Any

from bench.bound import bound
from bench.emulated import Emulated, emulated
from bench.processes import empty_place, run
from bench.workload import ENDPOINTS, LATENCY, NOW

EXAMPLE_DAYS = 90
BLOCK = 4096
STEPS = ("extract", "normalize", "load")
"""The steps of a dlt pipeline."""

Result = dict[str, Any]


def measure(scale: int, rounds: int, *, example: bool) -> Result:
    """Measure one size.

    Args:
        scale: Size of the workspace.
        rounds: How often the project's way is measured; medians count.
        example: Whether the example's way is measured once, in the middle of the rounds.

    Raises:
        RuntimeError: A run failed, a check did, or the two ways do not have the same rows.
    """
    with emulated(scale) as emulator:
        # what the emulator makes when it is first asked for is none of what is measured
        run("bench.phases", "workload", environment=emulator.environment())
        if example:
            start = NOW.replace(hour=0) - timedelta(days=EXAMPLE_DAYS)
            emulator.make_trail(f"{start:%Y-%m-%dT%H:%M:%SZ}")
        emulator.latency(LATENCY)
        before = max(1, rounds // 2) if example else rounds
        ours = [_ours(emulator) for _ in range(before)]
        theirs = _theirs(emulator) if example else None
        ours += [_ours(emulator) for _ in range(rounds - before)]
    result: Result = {"scale": scale, "ours": _medians(ours), "rounds": ours, "example": theirs}
    rows = ours[0]["rows"]
    if any(one["rows"] != rows for one in ours) or (theirs and theirs["rows"] != rows):
        raise RuntimeError(f"the rows differ: {[one['rows'] for one in ours]}, {theirs and theirs['rows']}")
    result["bound"] = asdict(bound(rows, LATENCY))
    return result


def _ours(emulator: Emulated) -> Result:
    emulator.clear()
    load = os.getloadavg()[0]
    ran = run("bench.phases", "workload", environment=emulator.environment())
    found: Result = json.loads(ran.output.splitlines()[-1])
    if found["checks_failed"]:
        raise RuntimeError(f"checks failed: {found['checks_failed']}")
    stats = emulator.stats()
    with empty_place() as place:
        file = place / "work" / "segment.duckdb"
        whole = run("dagster", *_job("workload"), environment=emulator.environment(), place=place)
        held = file.read_bytes()
        again = run("dagster", *_job("workload"), environment=emulator.environment(), place=place)
        written = differing(held, file.read_bytes())
    phases = found["phases"]
    return {
        "read": phases["read"],
        # what dlt calls so: it takes over the files that the rows are in
        "extract": phases["extract"],
        "normalize": phases["normalize"],
        "load": phases["load"],
        "checks": phases["checks"],
        "dagster": found["dagster"],
        "imports": found["imports"],
        "pipeline": sum(phases[step] for step in ("read", *STEPS)),
        "pipeline_cpu": sum(found["cpu_phases"][step] for step in ("read", *STEPS)),
        "process": whole.seconds,
        "process_cpu": whole.cpu_seconds,
        "peak_mb": whole.peak_mb,
        "peak_mb_phases": found["peak_mb"],
        "again": again.seconds,
        "again_cpu": again.cpu_seconds,
        "again_written": written,
        "requests": stats["total"],
        "most_open": stats["most_open"],
        "rows": {name: found["rows"][name] for name in ENDPOINTS},
        "load_average": load,
    }


def differing(before: bytes, after: bytes) -> int:
    """Bytes in which two versions of a file differ, by blocks of 4,096."""
    blocks = range(0, max(len(before), len(after)), BLOCK)
    return sum(BLOCK for at in blocks if before[at : at + BLOCK] != after[at : at + BLOCK])


def _theirs(emulator: Emulated) -> Result:
    emulator.clear()
    load = os.getloadavg()[0]
    ran = run("bench.example_pattern", environment=emulator.environment())
    found: Result = json.loads(ran.output.splitlines()[-1])
    stats = emulator.stats()
    return {
        **found["steps"],
        "pipeline": sum(found["steps"][step] for step in STEPS),
        "process": ran.seconds,
        "process_cpu": ran.cpu_seconds,
        "peak_mb": ran.peak_mb,
        "requests": stats["total"],
        "most_open": stats["most_open"],
        "rows": found["rows"],
        "load_average": load,
    }


def _job(name: str) -> tuple[str, ...]:
    return ("job", "execute", "-m", "bench.location", "-j", name)


def _medians(runs: Sequence[Result]) -> Result:
    numbers = [name for name, value in runs[0].items() if isinstance(value, int | float)]
    return {name: median(one[name] for one in runs) for name in numbers}
