"""The workload through Dagster in this process, its phases apart: what they take and how much memory is in use.

Run as a script, in an empty directory and with the settings of a run in the environment: `python -m bench.phases`. It
prints one line of JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import Event, Thread
from typing import Any

PHASES = ("read", "extract", "normalize", "load", "checks")
"""In the order they come: the rows from the API, then dlt's three steps, then the checks."""

EVERY = 0.02
"""Seconds between two looks at the memory in use."""


class Phases:
    """Seconds, CPU seconds and peak memory of each phase. A phase within another counts as its own alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.cpu_seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.peak_mb: dict[str, float] = {}
        self._within: list[str] = []
        self._ended = Event()
        self._looking = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Phases":
        """Begin to look at the memory in use."""
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._ended.set()
        self._looking.join()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what the block takes to a phase."""
        if name in self._within:
            yield
            return
        outer = self._within[-1] if self._within else None
        self._within.append(name)
        started, cpu = time.monotonic(), time.process_time()
        try:
            yield
        finally:
            self._within.pop()
            took, used = time.monotonic() - started, time.process_time() - cpu
            self.seconds[name] += took
            self.cpu_seconds[name] += used
            if outer:
                self.seconds[outer] -= took
                self.cpu_seconds[outer] -= used

    def timed(self, owner: type, method: str, name: str) -> None:
        """Count every call of a method to a phase."""
        original: Callable[..., Any] = getattr(owner, method)

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.phase(name):
                return original(*args, **kwargs)

        setattr(owner, method, call)

    def _look(self) -> None:
        while not self._ended.wait(EVERY):
            name = self._within[-1] if self._within else "dagster"
            self.peak_mb[name] = max(self.peak_mb.get(name, 0.0), memory_mb())


def memory_mb() -> float:
    """Resident memory of this process, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main(job: str) -> None:
    """Run a job of `bench.location` and print what it took."""
    started, cpu = time.monotonic(), time.process_time()
    import dagster as dg
    import dlt

    from bench.location import defs
    from segment_dagster.checks import standard_checks
    from segment_dagster.config import DefinitionSettings
    from segment_dagster.extract.extractor import Extractor

    built = defs() if callable(defs) else defs
    file_imports = time.monotonic() - started
    with Phases() as phases:
        phases.timed(Extractor, "extract_all", "read")
        for step in ("extract", "normalize", "load"):
            phases.timed(dlt.Pipeline, step, step)
        for check in standard_checks(DefinitionSettings()):
            phases.timed(type(check), "evaluate", "checks")
        run_started = time.monotonic()
        with dg.DagsterInstance.ephemeral() as instance:
            result = built.resolve_job_def(job).execute_in_process(instance=instance)
        ended = time.monotonic()
    checks = result.get_asset_check_evaluations()
    rows = {
        event.asset_key.path[-1]: event.materialization.metadata["segment/rows_delivered"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    print(
        json.dumps(
            {
                "imports": file_imports,
                "run": ended - run_started,
                "phases": phases.seconds,
                "dagster": ended - run_started - sum(phases.seconds.values()),
                "cpu": time.process_time() - cpu,
                "cpu_phases": phases.cpu_seconds,
                "peak_mb": phases.peak_mb,
                "rows": rows,
                "checks": len(checks),
                "checks_failed": [check.check_name for check in checks if not check.passed],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
