"""The directory of the demo, which keeps its tables and runs apart from those of a real workspace."""

import os
from pathlib import Path

ENVIRONMENT = os.environ  # noqa: TID251 - a command sets it for what it starts

DIRECTORY = Path(".demo")
"""Directory of the demo, relative to the working directory."""

INSTANCE = """\
# Made by segment_dagster.demo; it stays as you change it.
telemetry:
  enabled: false
nux:
  enabled: false
"""

PLACE_SETTINGS = ("SEGMENT_DESTINATION", "SEGMENT_DATASET", "SEGMENT_TABLE_FORMAT")
"""Settings that would select another destination."""


def use_demo_directory() -> None:
    """Use the demo's own DuckDB file, Dagster home and dlt state, in this process and its children.

    Otherwise the load would refuse the file of a real workspace, and its runs and assets would mix with the demo's.

    Raises:
        OSError: The directory cannot be created.
    """
    for setting in PLACE_SETTINGS:
        ENVIRONMENT.pop(setting, None)
    directory = DIRECTORY.absolute()
    make_dagster_home(directory / "dagster")
    ENVIRONMENT["DAGSTER_HOME"] = str(directory / "dagster")
    ENVIRONMENT["DLT_DATA_DIR"] = str(directory / "dlt")
    ENVIRONMENT["DESTINATION__DUCKDB__CREDENTIALS"] = str(directory / "segment.duckdb")


def make_dagster_home(home: Path) -> None:
    """Create a Dagster home without telemetry, unless it exists."""
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(INSTANCE)
