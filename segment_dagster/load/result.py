"""The result of loading extracts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from segment_dagster.extract.failures import Failure
from segment_dagster.extract.result import Extract

LoadPackage = Callable[[Sequence[Extract]], Any]
"""Loads extracts in one dlt load package and returns information about it, or raises a `LoadError`."""


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """The result of loading extracts."""

    extracts: Sequence[Extract]
    """Extracts whose tables now hold their rows, loaded or unchanged."""

    unchanged: frozenset[str]
    """Names of the endpoints whose tables already held the rows and were not written."""

    packages: Sequence[Any]
    """Results of `LoadPackage`: usually one, none if all was unchanged, several if a table was refused."""

    superseded: frozenset[str] = frozenset()
    """Names of the endpoints whose tables hold the rows of another run, which has read them later."""

    failures: Sequence[Failure]
    """A failure for each extract that was not loaded."""

    @property
    def written(self) -> list[Extract]:
        """Return the extracts whose rows were loaded."""
        return [extract for extract in self.extracts if extract.endpoint.name not in self.unchanged]
