"""A source of dlt's in which choosing a resource chooses others with it.

Private to: dlt 1.31 (`dlt.source(_impl_cls=)`; `DltSource.clone`, which makes a plain `DltSource`; `with_resources`,
by which dlt and dagster-dlt 0.29 choose).

If it changes: the history of a table is not loaded where an asset is materialized alone.
"""

from typing import Any

from dlt.extract import DltSource


class ExpandingSource(DltSource):
    """A source in which choosing a resource chooses others with it, if they are there."""

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
