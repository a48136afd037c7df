"""The errors of `usage_forecast` by the day at which it is made: `python -m bench.forecast`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from statistics import median

from segment_dagster.demo.table import text_table
from segment_dagster_tests.marts.usage_series import (
    MONTHS,
    Trial,
    coverage,
    flights,
    made_up_calls,
    made_up_users,
    median_error,
    planes,
    trials,
)

DAYS = (1, 5, 10, 20)
FIRST_SEED = 100
"""Of the made-up series; the method's constants were chosen with others."""

PUBLIC = [date(2013, month, 1) for month in range(4, 13)]
"""The months after the three that are learnt from."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the errors of the method and of a plain pace, and how many of the ranges held what came."""
    parser = argparse.ArgumentParser("bench.forecast", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="made-up series of each kind")
    series = _trials(parser.parse_args(arguments).seeds)
    rows = []
    for name, of_series in series.items():
        for day in DAYS:
            made = [trial for trial in of_series if trial.day == day]
            pace = median(trial.error_of_pace for trial in made)
            largest = max(trial.error for trial in made)
            rows.append((name, day, *(f"{share:.1%}" for share in (median_error(made), largest, coverage(made), pace))))
    print(text_table(("series", "days known", "median error", "largest", "in range", "median of plain pace"), rows))
    return 0


def _trials(number: int) -> Mapping[str, Sequence[Trial]]:
    seeds = range(FIRST_SEED, FIRST_SEED + number)
    calls = [trial for seed in seeds for trial in trials(made_up_calls(seed), MONTHS, DAYS, users=False)]
    users = [trial for seed in seeds for trial in trials(made_up_users(seed), MONTHS, DAYS, users=True)]
    return {
        f"made-up API calls, {number} x {len(MONTHS)} months": calls,
        f"made-up users, {number} x {len(MONTHS)} months": users,
        f"flights from New York, {len(PUBLIC)} months of 2013": list(trials(flights(), PUBLIC, DAYS, users=False)),
        "planes among them, each once a month": list(trials(planes(), PUBLIC, DAYS, users=True)),
    }


if __name__ == "__main__":
    sys.exit(main())
