"""Import time of the code location, against that of the libraries it cannot do without.

Dagster imports the code location again for every process it starts, so work at import time is paid over and over.
Each time is taken in a fresh interpreter; the cases take turns, so that a busy machine slows all of them alike.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

BASELINE = "libraries"
CODE_LOCATION = "code location"
CASES = {
    BASELINE: "import dagster, dlt, dagster_dlt",
    "module": "import segment_dagster.definitions",
    # `@dagster.definitions` makes a loader of the function: calling it is what builds the graph.
    CODE_LOCATION: "from segment_dagster.definitions import defs; defs() if callable(defs) else defs",
}
TIMED = "from time import perf_counter as now; start = now(); {}; print(now() - start)"
RESULT = Path(__file__).with_suffix(".json")


def seconds(statement: str) -> float:
    """Time that a statement takes in a fresh interpreter."""
    run = subprocess.run([sys.executable, "-c", TIMED.format(statement)], stdout=subprocess.PIPE, text=True, check=True)
    return float(run.stdout.split()[-1])


def measure(runs: int) -> dict[str, list[float]]:
    """Times of every case, the cases taking turns; one more turn before them fills the bytecode caches."""
    turns = [{case: seconds(statement) for case, statement in CASES.items()} for _ in range(runs + 1)]
    return {case: [turn[case] for turn in turns[1:]] for case in CASES}


def main() -> int:
    """Print a table, write `import_time.json`, and fail where the ratio is over `--max-ratio`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=9, help="times each case is measured (default: 9)")
    parser.add_argument("--max-ratio", type=float, help="exit 1 where the code location takes more than this")
    options = parser.parse_args()

    times = measure(options.runs)
    medians = {case: statistics.median(values) for case, values in times.items()}
    ratios = {case: median / medians[BASELINE] for case, median in medians.items()}

    print(f"{'case':<14}{'median s':>10}{'min s':>8}{'max s':>8}{'ratio':>8}")
    for case, values in times.items():
        print(f"{case:<14}{medians[case]:>10.3f}{min(values):>8.3f}{max(values):>8.3f}{ratios[case]:>8.3f}")

    RESULT.write_text(
        json.dumps(
            {
                "python": platform.python_version(),
                "versions": {name: version(name) for name in ("dagster", "dagster-dlt", "dlt")},
                "statements": CASES,
                "seconds": times,
                "median_seconds": medians,
                "ratio": ratios,
                "max_ratio": options.max_ratio,
            },
            indent=2,
        )
        + "\n"
    )

    if options.max_ratio is not None and ratios[CODE_LOCATION] > options.max_ratio:
        print(f"The code location takes {ratios[CODE_LOCATION]:.3f} times its libraries: over {options.max_ratio}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
