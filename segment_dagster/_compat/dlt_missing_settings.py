"""Name the settings of a destination that are missing.

Private to: dlt 1.31 (`LookupTraces` and the attribute `traces` of `ConfigFieldMissingException`, which no page of its
documentation names).

If it changes: a missing setting of a destination is an error without the names of the variables to set.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dlt.common.configuration.exceptions import ConfigFieldMissingException, LookupTraces

__all__ = ["ConfigFieldMissingException", "missing_settings"]


def missing_settings(error: ConfigFieldMissingException, section: str) -> list[str]:
    """Return the environment variables of what is missing.

    Args:
        error: dlt's error.
        section: The prefix of the variables, such as `DESTINATION__POSTGRES`.
    """
    return list(_names(error.traces, section))


def _names(traces: Mapping[str, Any], section: str) -> Iterator[str]:
    for name, attempts in traces.items():
        inner = [trace for trace in attempts if isinstance(trace, LookupTraces)]
        # a nested setting of several possible types: the first type's fields are named
        if inner:
            yield from _names(inner[0].traces, f"{section}__{name.upper()}")
        # dlt sets this directory itself
        elif name != "local_dir":
            yield f"{section}__{name.upper()}"
