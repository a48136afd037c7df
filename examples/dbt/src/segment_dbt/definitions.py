"""The code location: everything in `defs/`, and the sensor that runs what has to follow."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the project."""
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(
            sensors=[
                dg.AutomationConditionSensorDefinition(
                    "run_models", target=dg.AssetSelection.groups("models"), minimum_interval_seconds=30
                )
            ]
        ),
    )
