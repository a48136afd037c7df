"""The workspace that the emulator serves: made up, and the same for the same scale and seed."""

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
    """A field that the API gives only to who asks for it."""

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
"""Fields the API gives only to who asks for them, by endpoint."""


class World:
    """The facts of one workspace. They never change, and whoever reads them must not change them either.

    A list is made when it is first asked for. Safe to read from any thread.

    Args:
        scale: 1 for 40 sources, 80 destinations, 3 warehouses, 2 spaces and 2,400 audiences; 0 for none of them.
        seed: Which workspace it is.
        catalogue: The rows of the endpoints, each after its parent.
        makers: The function that makes the records of one list, by the endpoint's name.
        timed: The same for endpoints that are asked for a time.
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
        """Every secret string in the records. No other string of theirs equals one. Makes all lists."""
        for name in self._rows:
            if name in self._makers:
                self.records(name)
        return frozenset(self._secrets)

    @property
    def counted_sources(self) -> list[Record]:
        """Every source that has numbers: the workspace's, and one that is deleted, of which no more than the id is."""
        return add_deleted_source(self.records("sources"))

    def has(self, endpoint: str, values: Mapping[str, str] | None = None) -> bool:
        """Whether the world has an endpoint of that name, and that list of it.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: What the list is asked with; whether it is there does not matter where they are left out.
        """
        if endpoint not in self._rows:
            return False
        return values is None or list_key(self._rows[endpoint], values) in self._lists_of(endpoint)

    def lists(self, endpoint: str) -> Sequence[Mapping[str, str]]:
        """What each list of an endpoint is asked with, by the parameter's name.

        Raises:
            KeyError: There is no such endpoint.
        """
        return [found.values for found in self._lists_of(endpoint).values()]

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """The records of an endpoint, in the order the API lists them.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: What the list is asked with; all lists together where it is left out.

        Returns:
            The records as the API gives them. Those of all lists together have the columns that a parameter fills as
            well, and bare values become records. The same list every time: it is not to be changed.

        Raises:
            KeyError: There is no such endpoint or list, or it is asked for a time.
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
        """All records of a list of an endpoint that is asked for a time.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: What the list is asked with, without the time.
            query: All parameters of the query, each with all its values.
            now: The present, in UTC.
            state: What has come over the world since it was made; whoever gives it knows which lists there are.

        Raises:
            KeyError: There is no such endpoint or list, or it is not asked for a time.
        """
        key = list_key(self._rows[endpoint], values)
        if state is None:
            values = self._lists_of(endpoint)[key].values
        seed = "/".join((str(self.seed), endpoint, *key))
        return self._timed[endpoint](TimedRequest(seed, values, query, now, self.scale, self.records, state))

    def generate(
        self, endpoint: str, values: Mapping[str, str], parent: Record, records: Callable[[str], list[Record]]
    ) -> list[Any]:
        """The records that a list would have if the world had its parent.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: What the list is asked with.
            parent: The record that it belongs to.
            records: The records of an endpoint that comes earlier in the catalogue: all its lists together.

        Raises:
            KeyError: There is no such endpoint, or it is asked for a time.
        """
        seed = "/".join((str(self.seed), endpoint, *list_key(self._rows[endpoint], values)))
        return self._makers[endpoint](
            ListContext(RandomValues(seed, SecretGenerator(seed)), self.scale, records, parent, values)
        )

    def is_timed(self, endpoint: str) -> bool:
        """Whether an endpoint is asked for a time, so that its records are those of `timed`."""
        return endpoint in self._timed

    def left_out(self, endpoint: str, query: Mapping[str, str]) -> tuple[str, ...]:
        """The fields that the API leaves out, because the query does not ask for them."""
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
                # a maker may draw more than it uses
                held = find_secrets(encode(made))
                self._secrets.update(secret for secret in secret_generator.secrets if secret in held)
        return self._made[endpoint, key]


__all__ = ["MAKERS", "ON_REQUEST", "TIMED", "TRAIL", "OnRequest", "Record", "World"]
