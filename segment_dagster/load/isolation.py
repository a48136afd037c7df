"""Find the tables that the destination refuses, and load the others without them."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.failures import Failure
from segment_dagster.extract.result import Extract
from segment_dagster.extract.versions import history_table
from segment_dagster.load.errors import LoadError

MANY = 4
"""Refused tables after which each of the others is loaded in its own package."""

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class TableError(SegmentError):
    """One table could not be loaded; the others were.

    Args:
        endpoint: The endpoint of the table.
        error: The error of the load.
        dataset: The dataset of the table.
    """

    def __init__(self, endpoint: Endpoint, error: LoadError, dataset: str) -> None:
        # an error that names no table may be about the table or its history
        table = error.table or endpoint.name + (" or its history" if endpoint.keeps_history else "")
        self.reason = str(error)
        if not error.refused:
            # the message already says what to do
            line = self.reason.removeprefix(f"{endpoint.name}: ")
        else:
            line = (
                f"not loaded, and its table keeps the rows that it had: {self.reason.rstrip('.')}. "
                f"If {dataset}.{table} was changed by hand, undo that, or rename it: the next run makes a new one"
            )
        super().__init__(f"{endpoint.name}: {line.rstrip('.')}.")


def load_isolated(
    extracts: Sequence[Extract], load_package: Callable[[Sequence[Extract]], Result], dataset: str
) -> tuple[list[Result], list[Failure]]:
    """Load all extracts in one package. If that fails, load all except those that are refused.

    dlt usually names the table whose job failed. If it does not, the extracts are halved until each refused one is
    alone. Loading a table twice is safe: it is replaced, or its rows are merged by key or by the version of each row.

    Args:
        extracts: The extracts to load.
        load_package: Loads extracts in one dlt load package, or raises a `LoadError`.
        dataset: The dataset, for the message.

    Returns:
        The result of `load_package` for each package, and a failure for each extract that was refused.

    Raises:
        LoadError: The whole destination failed.
    """
    results: list[Result] = []
    errors: dict[str, LoadError] = {}
    waiting = [list(extracts)]
    while waiting:
        group = waiting.pop()
        try:
            results.append(load_package(group))
        except LoadError as error:
            if error.everything:
                raise
            refused = _refused(group, error)
            if refused is None:
                middle = len(group) // 2
                waiting += [group[middle:], group[:middle]]
                continue
            errors[refused.endpoint.name] = error
            rest = [extract for extract in group if extract is not refused]
            if len(errors) >= MANY:
                # if most are refused, loading the rest again after each would take quadratic time
                waiting += [[extract] for extract in reversed(rest)]
            elif rest:
                waiting.append(rest)
            if waiting:
                logger.warning("%s: refused; loading the other tables without it", refused.endpoint.name)
    failures = [
        Failure(extract.endpoint, TableError(extract.endpoint, errors[extract.endpoint.name], dataset))
        for extract in extracts
        if extract.endpoint.name in errors
    ]
    return results, failures


def _refused(group: Sequence[Extract], error: LoadError) -> Extract | None:
    """Return the extract that failed; `None` if unknown."""
    if len(group) == 1:
        return group[0]
    return next(
        (each for each in group if error.table in (each.endpoint.name, history_table(each.endpoint.name))), None
    )
