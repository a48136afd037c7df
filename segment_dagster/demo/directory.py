"""The directory that everything of the made-up workspace goes to: no table or run of a real one is near it."""

import os
from pathlib import Path

DIRECTORY = Path(".demo")
"""In the working directory."""

INSTANCE = """\
# Made by segment_dagster.demo; it stays as you change it.
telemetry:
  enabled: false
nux:
  enabled: false
"""

PLACE_SETTINGS = ("SEGMENT_DESTINATION", "SEGMENT_DATASET", "SEGMENT_TABLE_FORMAT")
"""Settings that lead to another destination."""


def use_demo_directory() -> None:
    """Let the DuckDB file, Dagster's home and dlt's state of this process and its children be the demo's own.

    A real workspace's file would be refused, and its runs and assets be mixed with those of the demo.

    Raises:
        OSError: The directory cannot be made.
    """
    for setting in PLACE_SETTINGS:
        os.environ.pop(setting, None)
    directory = DIRECTORY.absolute()
    make_dagster_home(directory / "dagster")
    os.environ["DAGSTER_HOME"] = str(directory / "dagster")
    os.environ["DLT_DATA_DIR"] = str(directory / "dlt")
    os.environ["DESTINATION__DUCKDB__CREDENTIALS"] = str(directory / "segment.duckdb")


def make_dagster_home(home: Path) -> None:
    """Make a home of Dagster's that sends no statistics, where it is not there yet."""
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(INSTANCE)
