"""The workspace as edits leave it: what the API lists after them."""

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
    """A world with edits done to it, which never changes. Read like `World`, from any thread.

    What is modified in a record is modified wherever the record is listed. What names a deleted record, in a field
    that the catalogue calls a reference, is deleted with it. A created record stands at the end of its list, and what
    belongs to it is empty, or made up where the answer is one record. What is disabled or deleted has numbers up to the
    end of that day, and what is enabled from the next day on. What is created has none.

    Args:
        world: The world.
        done: The edits, in the order they are done in.
        changes: What the audit trail tells of them.
        quiet: Whether the audit trail tells of nothing else.
    """

    def __init__(
        self, world: World, done: Sequence[Edit] = (), changes: tuple[Change, ...] = (), quiet: bool = False
    ) -> None:
        self._world = world
        self._done = tuple(done)
        self._rows = {row.name: row for row in world.catalogue if world.has(row.name)}
        # each is worked out when it is first asked for, and kept
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
        """Whether there is an endpoint of that name, and that list of it: see `World.has`."""
        if values is None or endpoint not in self._rows or not self._touched(endpoint):
            return self._world.has(endpoint, values)
        return list_key(self._rows[endpoint], values) in self._lists(endpoint)

    def lists(self, endpoint: str) -> Sequence[Mapping[str, str]]:
        """What each list of an endpoint is asked with: see `World.lists`."""
        if not self._touched(endpoint):
            return self._world.lists(endpoint)
        return [found.values for found in self._lists(endpoint).values()]

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """The records of a list, or of all lists together: see `World.records`."""
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
        """All records of a list that covers a time: see `World.timed`.

        Args:
            endpoint: The endpoint's name in the catalogue.
            values: What the list is asked with, without the time.
            query: All parameters of the query, each with all its values.
            now: The present, in UTC.
            numbers: What becomes of the endpoint's numbers.

        Raises:
            KeyError: There is no such endpoint or list, or it is not asked for a time.
        """
        if not self.has(endpoint, values):
            raise KeyError(f"there is no list of {endpoint} with {dict(values)}")
        return self._world.timed(endpoint, values, query, now, replace(self._state, numbers=numbers or CountChanges()))

    def shared_endpoint(self, row: Endpoint) -> str | None:
        """The endpoint whose records an endpoint lists once more, by what they are connected to; `None` for its own."""
        shared_endpoint = next((reference.endpoint for reference in row.references if reference.field == "id"), None)
        return shared_endpoint if shared_endpoint in self._rows else None

    def is_derived(self, row: Endpoint) -> bool:
        """Whether the records that are listed once more name what their list is asked with."""
        shared_endpoint = self.shared_endpoint(row)
        fields = (
            {column.field for column in self._rows[shared_endpoint].columns if column.parameter is None}
            if shared_endpoint
            else set()
        )
        return row.parent is not None and {bind.parameter for bind in row.parent.binds} <= fields

    def _is_touched(self, endpoint: str) -> bool:
        """Whether an edit may have changed the endpoint's lists or the records in them."""
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
        """The values of a field whose records were there once and are no more."""
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
        """The world's records as they are now: see `WorldState.counted_records`."""
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
        """When records are enabled, disabled and deleted: the day, counted from 1970, and whether they are on then."""
        switched: dict[tuple[str, str], list[tuple[int, bool]]] = {}
        for edit in self._done:
            if edit.at and (edit.action == "delete" or "enabled" in edit.fields):
                on = edit.action != "delete" and bool(edit.fields["enabled"])
                switched.setdefault((edit.endpoint, edit.id), []).append(((edit.at - _1970).days, on))
        return switched

    def _is_enabled(self, endpoint: str, identity: str, day: int) -> bool:
        """Whether a record is enabled on a day, counted from 1970: what is switched is so from the next day on."""
        switches = self._switched.get((endpoint, identity))
        if switches is None:
            return True
        before = next((each["enabled"] for each in self._world.records(endpoint) if each["id"] == identity), False)
        return bool(next((on for at, on in reversed(switches) if at < day), before))


def apply_edit(records: list[Any], edit: Edit, known: set[str] | None = None) -> list[Any]:
    """A list of records after an edit that is for it.

    Args:
        records: The records before it.
        edit: The edit. What is created has all its fields in it.
        known: The fields that a record of the list can have; all those of the edit by default.
    """
    if edit.action == "create":
        return [*records, {"id": edit.id, **edit.fields}]
    if edit.action == "delete":
        return [record for record in records if record.get("id") != edit.id]
    fields = {name: value for name, value in edit.fields.items() if known is None or name in known}
    return [record | fields if record.get("id") == edit.id else record for record in records]
