"""What a mart is: a table that SQL works out from loaded ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segment_dagster.config import HealthSettings
from segment_dagster.endpoints.model import Column

Row = Mapping[str, Any]
"""A row of a mart, or of what its SQL returns."""


@dataclass(frozen=True, kw_only=True)
class Offenders:
    """The rows of a mart that its check names."""

    check: str
    """Name of the check."""

    description: str
    error: str | None = None
    """SQL condition of the rows that fail it with severity ERROR."""

    warn: str | None = None
    """SQL condition of further rows, which fail it with severity WARN."""

    shown: Sequence[str]
    """Columns by which a row is named in the check's result."""

    identity: Sequence[str]
    """Columns that tell whether a row is the same one as before, such as ids. A state, a count or a day in them would
    make it another row each time."""


@dataclass(frozen=True, kw_only=True)
class Mart:
    """A table that is worked out from loaded ones."""

    name: str
    """Name of the table, and the last part of the asset's key."""

    description: str
    columns: Sequence[Column]
    """The columns in their order; their fields are the names in the table."""

    key: Sequence[str]
    """Columns that are never null; rows are sorted by the first columns of it that are texts, dates or numbers."""

    sql: str
    """A query in DuckDB's dialect. It names loaded tables, the ephemeral ones of `marts.ephemeral`, parameters such as
    `$as_of` (see `marts.parameters`), and the functions of `marts.dialects`."""

    required: Sequence[str]
    """Loaded tables without which the mart cannot be made."""

    optional: Sequence[str] = ()
    """Loaded tables that count as empty where they are missing. The state of rows is then `unknown`, where it would
    depend on them."""

    finish: Callable[[Iterable[Row], datetime, HealthSettings], Iterator[Row]] | None = None
    """Works out the rows from those of the query, the current time and the settings; by default they are the rows."""

    version: int = 1
    """To be raised when `finish` works out other rows: a part of the asset's code version, as the SQL is."""

    offenders: Offenders
    """What its check looks for."""

    personal: Sequence[str] = ()
    """Columns with personal data, which the results of its check mask."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The loaded tables that it reads."""
        return (*self.required, *self.optional)
