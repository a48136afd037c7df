"""Parameters of which `make test` takes some, and `make test-long` the others."""

from collections.abc import Iterable
from typing import Any

import pytest


def often(values: Iterable[Any], number: int) -> list[Any]:
    """The first values as they are; the others are marked `long`.

    Args:
        values: Values of a parameter, or tuples of values of several.
        number: How many are not marked.
    """
    given = list(values)
    further = (
        pytest.param(*(each if isinstance(each, tuple) else (each,)), marks=pytest.mark.long) for each in given[number:]
    )
    return [*given[:number], *further]
