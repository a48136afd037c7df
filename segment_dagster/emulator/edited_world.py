"""The workspace after edits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache
from typing import Any

from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.world import World
from segment_dagster.emulator.world.factories import Change, CountChanges, Record, WorldState
from segment_dagster.emulator.world.lists import Key, ListParams, build_lists, list_key, with_parameter_columns
from segment_dagster.endpoints import Endpoint

_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)


class EditedWorld:
    """An immutable view of a world after edits. Read it like `World`, from any thread.

    A modification shows in every list of the record. Deleting a record also deletes the records that reference it, as
    the catalogue declares references. A created record is appended to its list. Its child lists are empty, or made up
    if the response is a single record. A disabled or deleted record has counts until the end of that day, an enabled
    one from the next day on. A created record has none.

    Args:
        world: The world.
        done: The edits, in order of time.
        changes: Their entries in the audit trail.
        quiet: Whether the audit trail has no other entries.
    """

    def __init__(
        self, world: World, done: Sequence[Edit] = (), changes: tuple[Change, ...] = (), quiet: bool = False
    ) -> None:
        self._world = world
        self._done = tuple(done)
        self._rows = {row.name: row for row in world.catalogue if world.has(row.name)}
        # each is computed on first use and cached
        self._touched = cache(self._is_touched)
        self._loses = cache(self._may_lose)
        self._gone = cache(self._gone_from)
        self._lists = cache(self._lists_of)
        self._together = cache(self._all_of)
        self._counted = cache(self._ever)
        self._made: dict[tuple[str, Key], list[Any]] = {}
        self._switched = self._switches()
        enabled = self._is_enabled if self._switched else None
        self._state = WorldState(self.records, self._counted, changes, quiet, enabled)

    def has(self, endpoint: str, values: Mapping[str, str] | None = None) -> bool:
        """Return whether the endpoint and the list exist: see `World.has`."""
        if values is None or endpoint not in self._rows or not self._touched(endpoint):
            return self._world.has(endpoint, values)
        return list_key(self._rows[endpoint], values) in self._lists(endpoint)

    def lists(self, endpoint: str) -> Sequence[Mapping[str, str]]:
        """Return the parameters of each list of an endpoint: see `World.lists`."""
        if not self._touched(endpoint):
            return self._world.lists(endpoint)
        return [found.values for found in self._lists(endpoint).values()]

    def row(self, endpoint: str) -> Endpoint:
        """Return an endpoint of the workspace.

        Raises:
            KeyError: It does not exist.
        """
        return self._rows[endpoint]

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """Return the records of one list or of all lists: see `World.records`."""
        if self._world.is_timed(endpoint) or not self._touched(endpoint):
            return self._world.records(endpoint, values)
        if values is None:
            return self._together(endpoint)
        return self._list(self._rows[endpoint], self._lists(endpoint)[list_key(self._rows[endpoint], values)])

    def timed(
        self,
        endpoint: str,
        values: Mapping[str, str],
        query: Mapping[str, tuple[str, ...]],
        now: datetime,
        numbers: CountChanges | None = None,
    ) -> list[Record]:
        """Return all records of a time-dependent list: see `World.timed`.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: The parameters of the list, without the time.
            query: All query parameters, each with all its values.
            now: The current time, in UTC.
            numbers: The adjustments of the endpoint's counts.

        Raises:
            KeyError: The endpoint or list does not exist or is not time-dependent.
        """
        if not self.has(endpoint, values):
            raise KeyError(f"there is no list of {endpoint} with {dict(values)}")
        return self._world.timed(endpoint, values, query, now, replace(self._state, numbers=numbers or CountChanges()))

    def shared_endpoint(self, row: Endpoint) -> str | None:
        """Return the endpoint whose records this one lists by their connections, or `None` if it lists its own."""
        shared_endpoint = next((reference.endpoint for reference in row.references if reference.field == "id"), None)
        return shared_endpoint if shared_endpoint in self._rows else None

    def is_derived(self, row: Endpoint) -> bool:
        """Return whether the shared records themselves hold the parameters of their list."""
        shared_endpoint = self.shared_endpoint(row)
        fields = (
            {column.field for column in self._rows[shared_endpoint].columns if column.parameter is None}
            if shared_endpoint
            else set()
        )
        return row.parent is not None and {bind.parameter for bind in row.parent.binds} <= fields

    def _is_touched(self, endpoint: str) -> bool:
        """Return whether an edit may have changed the endpoint's lists or records."""
        row = self._rows[endpoint]
        return (
            any(edit.endpoint in (endpoint, self.shared_endpoint(row)) for edit in self._done)
            or (row.parent is not None and self._touched(row.parent.endpoint))
            or self._loses(endpoint)
        )

    def _may_lose(self, endpoint: str) -> bool:
        row = self._rows[endpoint]
        return (
            any(edit.endpoint == endpoint and edit.action == "delete" for edit in self._done)
            or (row.parent is not None and self._touched(row.parent.endpoint))
            or any(self._loses(each.endpoint) for each in row.references if each.endpoint in self._rows)
        )

    def _gone_from(self, endpoint: str, field: str) -> frozenset[Any]:
        """Return the field values of deleted records."""
        if not self._loses(endpoint):
            return frozenset()
        ever = {record.get(field) for record in self._world.records(endpoint)}
        if field == "id":
            ever |= {edit.id for edit in self._done if edit.endpoint == endpoint}
        return frozenset(ever - {record.get(field) for record in self.records(endpoint)})

    def _lists_of(self, endpoint: str) -> dict[Key, ListParams]:
        return build_lists(self._rows[endpoint], self.records)

    def _all_of(self, endpoint: str) -> list[Any]:
        row = self._rows[endpoint]
        return [
            record
            for found in self._lists(endpoint).values()
            for record in with_parameter_columns(row, found.values, self._list(row, found))
        ]

    def _list(self, row: Endpoint, found: ListParams) -> list[Any]:
        key = (row.name, list_key(row, found.values))
        if key not in self._made:
            self._made[key] = self._with_edits(row, found)
        return self._made[key]

    def _with_edits(self, row: Endpoint, found: ListParams) -> list[Any]:
        shared_endpoint = self.shared_endpoint(row)
        if shared_endpoint and self.is_derived(row):
            held = found.values.items()
            records = [
                each for each in self.records(shared_endpoint) if all(each.get(name) == value for name, value in held)
            ]
        elif self._world.has(row.name, found.values):
            records = list(self._world.records(row.name, found.values))
        else:
            records = self._world.generate(row.name, found.values, found.parent, self.records) if row.single else []
        if row.wrapped:
            return records
        fields = {column.field for column in row.columns}
        for edit in self._done:
            if edit.endpoint == row.name and edit.values in (None, found.values):
                records = apply_edit(records, edit)
            elif edit.endpoint == shared_endpoint and edit.action == "modify":
                records = apply_edit(records, edit, fields)
        for reference in row.references:
            if reference.endpoint in self._rows and (gone := self._gone(reference.endpoint, reference.target_field)):
                records = [record for record in records if record.get(reference.field) not in gone]
        return records

    def _ever(self, endpoint: str) -> list[Record]:
        """Return the original records in their current state: see `WorldState.counted_records`."""
        if not self._touched(endpoint):
            return self._world.records(endpoint)
        now = {record["id"]: record for record in self.records(endpoint)}
        made = []
        for record in self._world.records(endpoint):
            switches = self._switched.get((endpoint, record["id"]), ())
            nameless = {field: value for field, value in record.items() if field not in ("name", "slug")}
            ever = record["enabled"] or any(on for _, on in switches)
            made.append({**now.get(record["id"], nameless), "enabled": ever})
        return made

    def _switches(self) -> dict[tuple[str, str], list[tuple[int, bool]]]:
        """Return when records are enabled, disabled or deleted: days since 1970, each with the new state."""
        switched: dict[tuple[str, str], list[tuple[int, bool]]] = {}
        for edit in self._done:
            if edit.at and (edit.action == "delete" or "enabled" in edit.fields):
                on = edit.action != "delete" and bool(edit.fields["enabled"])
                switched.setdefault((edit.endpoint, edit.id), []).append(((edit.at - _1970).days, on))
        return switched

    def _is_enabled(self, endpoint: str, identity: str, day: int) -> bool:
        """Return whether a record is enabled on a day since 1970. A switch takes effect on the next day."""
        switches = self._switched.get((endpoint, identity))
        if switches is None:
            return True
        before = next((each["enabled"] for each in self._world.records(endpoint) if each["id"] == identity), False)
        return bool(next((on for at, on in reversed(switches) if at < day), before))


def apply_edit(records: list[Any], edit: Edit, known: set[str] | None = None) -> list[Any]:
    """Apply an edit to a list of records.

    Args:
        records: The records before it.
        edit: The edit. A `create` has all fields.
        known: The fields that the list shows. Defaults to all fields of the edit.
    """
    if edit.action == "create":
        return [*records, {"id": edit.id, **edit.fields}]
    if edit.action == "delete":
        return [record for record in records if record.get("id") != edit.id]
    fields = {name: value for name, value in edit.fields.items() if known is None or name in known}
    return [record | fields if record.get("id") == edit.id else record for record in records]
