"""The Dagster code location of the clone."""

from functools import lru_cache

import dagster as dg

from segment_dagster.components.build import build_segment_defs
from segment_dagster.components.build_health import build_segment_health_defs
from segment_dagster.config import DefinitionSettings


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for the settings in the environment, without network, files or secrets."""
    return _build(DefinitionSettings())


# Dagster calls `defs` six times in a run, and building takes 0.15 s each time
@lru_cache(maxsize=1)
def _build(settings: DefinitionSettings) -> dg.Definitions:
    return dg.Definitions.merge(build_segment_defs(settings=settings), build_segment_health_defs(settings=settings))
