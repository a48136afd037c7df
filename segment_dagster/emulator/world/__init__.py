"""The workspace that the emulator serves: made up, and the same for the same scale and seed."""

from collections.abc import Mapping

from segment_dagster.emulator.world.connections import destinations, sources, warehouses
from segment_dagster.emulator.world.draw import Draw, Mint
from segment_dagster.emulator.world.engage import segments, spaces
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.workspace import workspace
from segment_dagster.endpoints import CATALOGUE, Endpoint, Parent

MAKERS: dict[str, Maker] = {
    "workspace": workspace,
    "sources": sources,
    "destinations": destinations,
    "warehouses": warehouses,
    "spaces": spaces,
    "segments": segments,
}
"""The function that makes an endpoint's records, by the endpoint's name."""

ON_REQUEST: dict[str, dict[str, str]] = {"segments": {"include": "schedules"}}
"""Fields the API gives only to who asks for them: by endpoint, the parameter and the field, which is its value."""


class World:
    """The facts of one workspace. They never change, and whoever reads them must not change them either.

    Args:
        scale: 1 for 40 sources, 80 destinations, 3 warehouses, 2 spaces and 2,400 audiences; 0 for none of them.
        seed: Which workspace it is.
    """

    def __init__(self, scale: int = 1, seed: int = 7) -> None:
        self.scale = scale
        self.seed = seed
        self._mint = Mint(seed)
        self._lists: dict[tuple[str, str | None], list[Record]] = {}
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        for row in CATALOGUE:
            if row.name in MAKERS:
                self._make(row)
        self.secrets: frozenset[str] = frozenset(self._mint.secrets)
        """Every secret string in the records. No other string of theirs equals one."""

    def records(self, endpoint: str, parent_id: str | None = None) -> list[Record]:
        """The records of an endpoint, in the order the API lists them.

        Args:
            endpoint: The endpoint's name in the catalogue.
            parent_id: The parent whose records are meant; all of them where it is left out.

        Returns:
            The records. The same list every time: it is not to be changed.

        Raises:
            KeyError: There is no such endpoint or parent.
        """
        return self._lists[endpoint, parent_id]

    def has(self, endpoint: str) -> bool:
        """Whether the world has an endpoint of that name."""
        return (endpoint, None) in self._lists

    def has_record(self, parent: Parent, value: str) -> bool:
        """Whether a record of the parent endpoint has the value in the parent's field."""
        return value in self._known[parent.endpoint, parent.field]

    def left_out(self, endpoint: str, query: Mapping[str, str]) -> tuple[str, ...]:
        """The fields that the API leaves out, because the query does not ask for them."""
        return tuple(field for name, field in ON_REQUEST.get(endpoint, {}).items() if query.get(name) != field)

    def _make(self, row: Endpoint) -> None:
        make = MAKERS[row.name]
        if row.parent is None:
            draw = Draw(f"{self.seed}/{row.name}", self._mint)
            self._lists[row.name, None] = make(Making(draw, self.scale, self.records))
            return
        everything: list[Record] = []
        parents = {str(record[row.parent.field]): record for record in self.records(row.parent.endpoint)}
        for parent_id, parent in parents.items():
            draw = Draw(f"{self.seed}/{row.name}/{parent_id}", self._mint)
            records = make(Making(draw, self.scale, self.records, parent))
            self._lists[row.name, parent_id] = records
            everything += records
        self._lists[row.name, None] = everything
        self._known[row.parent.endpoint, row.parent.field] = frozenset(parents)


__all__ = ["MAKERS", "ON_REQUEST", "Record", "World"]
