"""What a run costs where there is next to nothing to read: the five endpoints at scale 1, without latency."""

import os
from statistics import median
from typing import Any

from bench.emulated import emulated
from bench.processes import run
from bench.workload import FIVE

EMPTY, PROJECT, SCRIPT = "job of one empty asset", "five endpoints, checked", "plain dlt script"
CHECKED = "five empty assets, 20 checks"


def overhead(rounds: int) -> dict[str, Any]:
    """Measure it, the cases taking turns.

    Args:
        rounds: How often; medians count.

    Returns:
        Seconds and CPU seconds of each whole process, and `ratio`: the project's job against the empty one.
    """
    seconds: dict[str, list[float]] = {name: [] for name in (EMPTY, CHECKED, PROJECT, SCRIPT)}
    cpu: dict[str, list[float]] = {name: [] for name in seconds}
    loads = []
    with emulated(1) as emulator:
        cases: dict[str, tuple[str, ...]] = {
            EMPTY: ("dagster", "job", "execute", "-m", "bench.empty", "-j", "empty"),
            CHECKED: ("dagster", "job", "execute", "-m", "bench.checked", "-j", "checked"),
            PROJECT: ("dagster", "job", "execute", "-m", "bench.location", "-j", "five"),
            SCRIPT: ("bench.example_pattern", *FIVE),
        }
        # the first turn fills the caches of bytecode, and lets the emulator make its lists
        for turn in range(rounds + 1):
            loads.append(os.getloadavg()[0])
            for name, (module, *arguments) in cases.items():
                ran = run(module, *arguments, environment=emulator.environment())
                if turn:
                    seconds[name].append(ran.seconds)
                    cpu[name].append(ran.cpu_seconds)
    medians = {name: median(times) for name, times in seconds.items()}
    return {
        "seconds": medians,
        "cpu_seconds": {name: median(times) for name, times in cpu.items()},
        "rounds": seconds,
        "load_average": loads,
        "ratio": medians[PROJECT] / medians[EMPTY],
        "cpu_ratio": median(cpu[PROJECT]) / median(cpu[EMPTY]),
    }
