"""Which tables Segment writes for a source, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from dlt.common.normalizers.naming.snake_case import NamingConvention

from segment_dagster.errors import SettingError
from segment_dagster.syncs.topology import Columns, SyncedSource

STANDARD = ("aliases", "groups", "accounts", "identifies", "users", "pages", "screens", "tracks")
"""The collections that every source may have. Source: Segment's page on the schema of warehouses."""

_NAMING = NamingConvention()


class Tables(Enum):
    """How the tables of a source are known."""

    STANDARD = "standard"
    """The collections that every source may have."""

    LOADED = "loaded"
    """Those that `warehouse_selective_syncs` in the destination says are synced."""


@dataclass(frozen=True, kw_only=True)
class TableNames:
    """Which tables a source has, and in which schema.

    Raises:
        ValueError: A source has no tables.
    """

    tables: Tables | Mapping[str, Sequence[str]] = Tables.STANDARD
    """How they are known, or the tables of each source by its slug."""

    schemas: Mapping[str, str] | None = None
    """Schemas by the slug of the source; by default its slug with `_` for `-`, as Segment names it."""

    def check(self, sources: Sequence[SyncedSource]) -> None:
        """Refuse names of sources that are none of these.

        Raises:
            SettingError: `tables` or `schemas` names a source that is not synced.
        """
        known = {source.slug for source in sources}
        for attribute, names in (("tables", self.tables), ("schemas", self.schemas or {})):
            if isinstance(names, Mapping) and (unknown := [name for name in names if name not in known]):
                there = ", ".join(sorted(known)) or "none"
                raise SettingError(
                    attribute, f"names {unknown[0]!r}, which is no source that is synced", f"There are: {there}."
                )

    def schema_of(self, source: SyncedSource) -> str:
        """Return the schema in which a source's tables are."""
        return (self.schemas or {}).get(source.slug) or source.slug.replace("-", "_")

    def of(self, source: SyncedSource) -> Mapping[str, Columns]:
        """Return the tables of a source, each with its columns where they are known.

        Raises:
            SettingError: They are to be those of the destination, and were not read.
        """
        if isinstance(self.tables, Mapping):
            return {name: () for name in self.tables.get(source.slug, ())}
        if self.tables is Tables.LOADED:
            if source.tables is None:
                raise SettingError(
                    "tables", "is 'loaded', and the tables were not read yet", "Run `dg utils refresh-defs-state`."
                )
            return source.tables
        return {name: () for name in STANDARD}


def table_name(collection: str) -> str:
    """Return the name of a collection's table: `order_completed` for `Order Completed`."""
    return _NAMING.normalize_identifier(collection)
