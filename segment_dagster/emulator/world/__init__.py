"""The generated workspace that the emulator serves. Scale and seed determine it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from threading import RLock
from typing import Any, NamedTuple

from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.world.audit import TRAIL
from segment_dagster.emulator.world.factories import ListContext, Maker, Record, TimedMaker, TimedRequest, WorldState
from segment_dagster.emulator.world.lists import Key, ListParams, build_lists, list_key, with_parameter_columns
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator, find_secrets
from segment_dagster.emulator.world.registry import MAKERS, TIMED
from segment_dagster.emulator.world.series import add_deleted_source
from segment_dagster.endpoints import CATALOGUE, Endpoint


class OptionalField(NamedTuple):
    """A field that the API returns only on request."""

    parameter: str
    value: str
    field: str


_SAMPLES = (OptionalField("includeSampleValues", "true", "samples"),)

ON_REQUEST: dict[str, tuple[OptionalField, ...]] = {
    "segments": (OptionalField("include", "schedules", "schedules"),),
    "space_entity_properties": _SAMPLES,
    "space_event_properties": _SAMPLES,
    "space_traits": _SAMPLES,
}
"""Fields that the API returns only on request, by endpoint."""


class World:
    """The records of one workspace. They are immutable: do not modify what you read.

    Each list is generated on first use. Safe to read from any thread.

    Args:
        scale: 1 for 40 sources, 80 destinations, 3 warehouses, 2 spaces and 2,400 audiences; 0 for none of them.
        seed: Seed of the workspace.
        catalogue: The endpoints, each after its parent.
        makers: Functions that generate the records of one list, by endpoint name.
        timed: The same for time-dependent endpoints.
    """

    def __init__(
        self,
        scale: int = 1,
        seed: int = 7,
        *,
        catalogue: Iterable[Endpoint] = CATALOGUE,
        makers: Mapping[str, Maker] = MAKERS,
        timed: Mapping[str, TimedMaker] = TIMED,
    ) -> None:
        self.scale = scale
        self.seed = seed
        self.catalogue = tuple(catalogue)
        self._makers = makers
        self._timed = timed
        self._rows: dict[str, Endpoint] = {}
        for row in self.catalogue:
            if row.name in {**makers, **timed} and (row.parent is None or row.parent.endpoint in self._rows):
                self._rows[row.name] = row
        self._lock = RLock()
        self._lists: dict[str, dict[Key, ListParams]] = {}
        self._made: dict[tuple[str, Key], list[Any]] = {}
        self._together: dict[str, list[Record]] = {}
        self._secrets: set[str] = set()

    @cached_property
    def secrets(self) -> frozenset[str]:
        """All secret strings in the records. No other string equals one. Generates all lists."""
        for name in self._rows:
            if name in self._makers:
                self.records(name)
        return frozenset(self._secrets)

    @property
    def counted_sources(self) -> list[Record]:
        """All sources that have counts: those of the workspace, and a deleted one that has only an id."""
        return add_deleted_source(self.records("sources"), self.scale)

    def has(self, endpoint: str, values: Mapping[str, str] | None = None) -> bool:
        """Return whether the endpoint and the list exist.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: The parameters of the list. If omitted, only the endpoint is checked.
        """
        if endpoint not in self._rows:
            return False
        return values is None or list_key(self._rows[endpoint], values) in self._lists_of(endpoint)

    def lists(self, endpoint: str) -> Sequence[Mapping[str, str]]:
        """Return the parameters of each list of an endpoint, by parameter name.

        Raises:
            KeyError: The endpoint does not exist.
        """
        return [found.values for found in self._lists_of(endpoint).values()]

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """Return the records of an endpoint, in API order.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: The parameters of the list. All lists together if omitted.

        Returns:
            The records as the API returns them. For all lists together, columns that a parameter fills are added and
            bare values become records. It is the same list object every time: do not modify it.

        Raises:
            KeyError: The endpoint or list does not exist, or it is time-dependent.
        """
        if endpoint in self._timed:
            raise KeyError(f"the records of {endpoint} depend on the time asked for: see World.timed")
        with self._lock:
            if values is not None:
                return self._list(endpoint, list_key(self._rows[endpoint], values))
            if endpoint not in self._together:
                row = self._rows[endpoint]
                self._together[endpoint] = [
                    record
                    for key, found in self._lists_of(endpoint).items()
                    for record in with_parameter_columns(row, found.values, self._list(endpoint, key))
                ]
            return self._together[endpoint]

    def timed(
        self,
        endpoint: str,
        values: Mapping[str, str],
        query: Mapping[str, tuple[str, ...]],
        now: datetime,
        state: WorldState | None = None,
    ) -> list[Record]:
        """Return all records of a time-dependent list.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: The parameters of the list, without the time.
            query: All query parameters, each with all its values.
            now: The current time, in UTC.
            state: The changes since the world was generated. If given, the list is not checked for existence.

        Raises:
            KeyError: The endpoint or list does not exist, or it is not time-dependent.
        """
        key = list_key(self._rows[endpoint], values)
        if state is None:
            values = self._lists_of(endpoint)[key].values
        seed = "/".join((str(self.seed), endpoint, *key))
        return self._timed[endpoint](TimedRequest(seed, values, query, now, self.scale, self.records, state))

    def generate(
        self, endpoint: str, values: Mapping[str, str], parent: Record, records: Callable[[str], list[Record]]
    ) -> list[Any]:
        """Generate the records of a list whose parent is not part of the world.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: The parameters of the list.
            parent: The parent record.
            records: Returns all records of an endpoint that comes earlier in the catalogue.

        Raises:
            KeyError: The endpoint does not exist, or it is time-dependent.
        """
        seed = "/".join((str(self.seed), endpoint, *list_key(self._rows[endpoint], values)))
        return self._makers[endpoint](
            ListContext(RandomValues(seed, SecretGenerator(seed)), self.scale, records, parent, values)
        )

    def is_timed(self, endpoint: str) -> bool:
        """Return whether an endpoint is time-dependent: read it with `timed`."""
        return endpoint in self._timed

    def left_out(self, endpoint: str, query: Mapping[str, str]) -> tuple[str, ...]:
        """Return the optional fields that the query does not request."""
        return tuple(one.field for one in ON_REQUEST.get(endpoint, ()) if query.get(one.parameter) != one.value)

    def _lists_of(self, endpoint: str) -> dict[Key, ListParams]:
        with self._lock:
            if endpoint not in self._lists:
                self._lists[endpoint] = build_lists(self._rows[endpoint], self.records)
            return self._lists[endpoint]

    def _list(self, endpoint: str, key: Key) -> list[Any]:
        if (endpoint, key) not in self._made:
            found = self._lists_of(endpoint)[key]
            seed = "/".join((str(self.seed), endpoint, *key))
            secret_generator = SecretGenerator(seed)
            context = ListContext(
                RandomValues(seed, secret_generator), self.scale, self.records, found.parent, found.values
            )
            made = self._made[endpoint, key] = self._makers[endpoint](context)
            if secret_generator.secrets:
                # a maker may draw more secrets than it uses
                held = find_secrets(encode(made))
                self._secrets.update(secret for secret in secret_generator.secrets if secret in held)
        return self._made[endpoint, key]


__all__ = ["MAKERS", "ON_REQUEST", "TIMED", "TRAIL", "OnRequest", "Record", "World"]
