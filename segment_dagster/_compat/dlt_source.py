"""A source of dlt's in which choosing a resource chooses others with it, and that can run again.

Private to: dlt 1.31 (`dlt.source(_impl_cls=)`; `DltSource.clone`, which makes a plain `DltSource`; `with_resources`,
by which dlt and dagster-dlt 0.29 choose; the attribute `_schema`). dlt makes the pipeline's schema that of the source,
and dagster-dlt takes the columns of the pipeline's schema apart to show them.

If it changes: the history of a table is not loaded where an asset is materialized alone; or the second run of a source
in one process, or a selection from it, ends in a `KeyError`.
"""

from typing import Any

from dlt.common.schema import Schema
from dlt.extract import DltSource


class ExpandingSource(DltSource):
    """A source in which choosing a resource chooses others with it, if they are there."""

    @property
    def schema(self) -> Schema:
        """The tables, as far as they are known: a copy of the source's own, which others cannot take apart."""
        return self._schema

    @schema.setter
    def schema(self, value: Schema) -> None:
        self._schema = value.clone()

    @staticmethod
    def expand(name: str) -> str:
        """Return the name of the resource that goes with one of this name."""
        return name

    def with_resources(self, *resource_names: str) -> DltSource:
        """Return the source with these resources chosen, and those that go with them."""
        others = [name for name in map(self.expand, resource_names) if name in self.resources]
        return super().with_resources(*dict.fromkeys((*resource_names, *others)))

    def clone(self, with_name: str | None = None) -> "ExpandingSource":
        """Return a copy that still knows what goes together."""
        schema = self.schema.clone(with_name=with_name) if with_name else self.schema.clone()
        return type(self)(schema, self.section, list(self.resources.values()))


def implemented_by(kind: type[DltSource]) -> dict[str, Any]:
    """Return the argument of `dlt.source` that makes sources of a class of one's own."""
    return {"_impl_cls": kind}
