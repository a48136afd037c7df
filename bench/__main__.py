"""The command line: `python -m bench`. Prints tables and writes `bench/results.json`."""

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measured import measure
from bench.overhead import overhead
from bench.table import overhead_table, sizes_table

RESULT = Path(__file__).with_name("results.json")
LIBRARIES = ("dagster", "dagster-dlt", "dlt", "duckdb", "orjson", "pyarrow")


def main() -> int:
    """Measure what is asked for.

    Returns:
        The exit status: 1 where the overhead is more than `--max-overhead`.
    """
    parser = argparse.ArgumentParser("bench", description="Measure the project against the emulator.")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 20, 200], help="sizes of the workspace")
    parser.add_argument("--example-up-to", type=int, default=20, help="the largest size for dltHub's example pattern")
    parser.add_argument("--rounds", type=int, default=3, help="how often each size is measured, but the largest once")
    parser.add_argument("--overhead-rounds", type=int, default=5, help="how often the overhead is; 0 for not at all")
    parser.add_argument(
        "--max-overhead", type=float, help="exit 1 where the project's job takes more times the empty one"
    )
    given = parser.parse_args()

    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    results: dict[str, Any] = {
        "machine": machine,
        "versions": {name: version(name) for name in LIBRARIES},
        "sizes": [],
        "overhead": None,
    }
    print(f"{machine['cores']} cores, Python {machine['python']}", flush=True)
    if given.overhead_rounds:
        results["overhead"] = found = overhead(given.overhead_rounds)
        print(f"\n{overhead_table(found)}", flush=True)
    for scale in given.sizes:
        rounds = given.rounds if scale < 100 else 1
        results["sizes"].append(measure(scale, rounds, example=scale <= given.example_up_to))
        print(f"\n{sizes_table(results['sizes'])}", flush=True)
        RESULT.write_text(json.dumps(results, indent=2) + "\n")
    RESULT.write_text(json.dumps(results, indent=2) + "\n")
    ratio = results["overhead"]["ratio"] if results["overhead"] else 0.0
    if given.max_overhead is not None and ratio > given.max_overhead:
        print(f"The project's job takes {ratio:.2f} times the empty one: over {given.max_overhead}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
