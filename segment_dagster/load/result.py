"""What became of extracts that were to be loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from segment_dagster.extract.failures import Failure
from segment_dagster.extract.result import Extract

LoadPackage = Callable[[Sequence[Extract]], Any]
"""Loads extracts in one load package of dlt's and returns what it tells of it, or raises a `LoadError`."""


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What became of extracts."""

    extracts: Sequence[Extract]
    """Those whose tables hold their rows now, loaded or unchanged."""

    unchanged: frozenset[str]
    """Names of the endpoints whose tables held the rows already, and were left alone."""

    packages: Sequence[Any]
    """What is told of each load package: one as a rule, none where all was unchanged, several where a table was
    refused."""

    failures: Sequence[Failure]
    """What was not loaded."""

    @property
    def written(self) -> list[Extract]:
        """Extracts whose rows were loaded."""
        return [extract for extract in self.extracts if extract.endpoint.name not in self.unchanged]
