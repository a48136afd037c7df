"""The edits of a running emulator: what is done to its workspace, and what the audit trail tells of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from segment_dagster.emulator.clock import Clock, parse_time
from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.edited_world import EditedWorld
from segment_dagster.emulator.endpoint_rules import RETENTION
from segment_dagster.emulator.world import World
from segment_dagster.emulator.world.factories import Change
from segment_dagster.emulator.world.lists import with_parameter_columns
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class _Step:
    """An edit that is ready to be done."""

    given: Edit
    """The edit, with what it left to be chosen."""

    at: datetime
    done: Edit
    """The same; what is created has all its fields."""

    change: Change
    """What there is to tell of it."""


class Edits:
    """What is done to the workspace, each from its time on. Safe to change from any thread while the emulator answers.

    A record that an edit gives an age leaves its list where Segment lists none so old. The world's own have no age.

    Args:
        world: The workspace without the edits.
        clock: What time it is.
        quiet_audit: Whether the audit trail tells of the edits alone. Otherwise events are made up that change nothing.
    """

    def __init__(self, world: World, clock: Clock, *, quiet_audit: bool = False) -> None:
        self._world = world
        self._clock = clock
        self._lock = Lock()
        self._given: list[Edit] = []
        self._steps: list[_Step] = []
        self._quiet_at_start = self._quiet = quiet_audit
        self._views: dict[int, EditedWorld] = {}

    @property
    def active(self) -> list[Edit]:
        """The edits that were added and not cleared since, with what they left to be chosen, in the order of adding."""
        with self._lock:
            return list(self._given)

    @property
    def quiet_audit(self) -> bool:
        """Whether the audit trail tells of the edits alone."""
        return self._quiet

    @quiet_audit.setter
    def quiet_audit(self, quiet: bool) -> None:
        with self._lock:
            self._quiet = quiet
            self._views = {}

    def add(self, *edits: Edit) -> None:
        """Do these edits as well, each from its time on.

        Raises:
            ValueError: One cannot be done; none of them is.
        """
        with self._lock:
            self._set([*self._given, *edits])

    def replace(self, edits: Iterable[Edit]) -> None:
        """Do these edits and no others.

        Raises:
            ValueError: One cannot be done; those there were stay.
        """
        with self._lock:
            self._set(list(edits))

    def clear(self) -> None:
        """Do none any more, and be as quiet as at the start."""
        with self._lock:
            self._set([])
            self._quiet = self._quiet_at_start

    def view(self, now: datetime) -> EditedWorld:
        """The workspace as the edits up to a time leave it.

        Args:
            now: The time, in UTC.
        """
        with self._lock:
            count = sum(step.at <= now for step in self._steps)
            if count not in self._views:
                self._views[count] = _after(self._world, self._steps[:count], self._quiet)
            return self._views[count]

    def _set(self, edits: list[Edit]) -> None:
        now = self._clock.now()
        timed = [replace(edit, at=edit.at or now) for edit in edits]
        steps: dict[int, _Step] = {}
        for number in sorted(range(len(timed)), key=lambda number: (timed[number].at, number)):
            before = _after(self._world, list(steps.values()), self._quiet)
            steps[number] = self._step(timed[number], number, before)
        self._given = [steps[number].given for number in range(len(timed))]
        # a list that keeps nothing that is old loses by itself what an edit gives an age
        ends = [end for step in steps.values() if (end := _end_of(step))]
        self._steps = sorted([*steps.values(), *ends], key=lambda step: step.at)
        self._views = {}

    def _step(self, edit: Edit, number: int, before: EditedWorld) -> _Step:
        row = self._row(edit, before)
        assert edit.at is not None
        users = {user["id"]: user for user in before.records("users")}
        actor = edit.actor or next(iter(users), None)
        if actor is None or actor not in users:
            raise ValueError(f"{edit.label}: no user has the id {actor!r}")
        given = replace(edit, actor=actor)
        if edit.action == "create":
            given, done = _created(row, given, before)
            (record,) = with_parameter_columns(row, given.values or {}, [{"id": edit.id, **done.fields}])
        else:
            listed = with_parameter_columns(row, edit.values or {}, before.records(row.name, edit.values))
            found = next((record for record in listed if record.get("id") == edit.id), None)
            if found is None:
                raise ValueError(f"{edit.label}: there is no such record at {edit.at.isoformat()}")
            done, record = given, {**found, **edit.fields}
        told = Change(
            id=RandomValues(f"{self._world.seed}/{number}/{edit.label}/{edit.at}", SecretGenerator(0)).id(),
            at=edit.at,
            endpoint=row.name,
            action=edit.action,
            record=record,
            fields=edit.fields,
            actor=users[actor],
        )
        return _Step(given, edit.at, done, told)

    def _row(self, edit: Edit, before: EditedWorld) -> Endpoint:
        editable = {row.name: row for row in self._world.catalogue if _is_editable(row, before)}
        if edit.endpoint not in editable:
            known = ", ".join(editable)
            raise ValueError(f"{edit.label}: the records of no such endpoint can be edited; they are {known}")
        row = editable[edit.endpoint]
        fields = [column.field for column in row.columns if column.parameter is None]
        if unknown := [name for name in edit.fields if name not in fields]:
            raise ValueError(f"{edit.label}: unknown field {unknown[0]!r}; the fields are {', '.join(fields)}")
        if edit.values is not None and edit.values not in before.lists(row.name):
            raise ValueError(f"{edit.label}: there is no list of {row.name} with {dict(edit.values)}")
        return row


def _is_editable(row: Endpoint, before: EditedWorld) -> bool:
    """Whether an endpoint lists objects with an id that are not where they are because of another's fields."""
    objects = row.time is None and not row.wrapped and any(column.field == "id" for column in row.columns)
    return objects and before.has(row.name) and not before.is_derived(row)


def _created(row: Endpoint, edit: Edit, before: EditedWorld) -> tuple[Edit, Edit]:
    """An edit that creates a record, with its list; and the same with all fields of the record."""
    lists = before.lists(row.name)
    if not lists or row.single:
        raise ValueError(f"{edit.label}: there is no list to create it in")
    values = lists[0] if edit.values is None else edit.values
    listed = before.records(row.name, values)
    if any(record.get("id") == edit.id for record in listed):
        raise ValueError(f"{edit.label}: there is such a record already")
    models = listed or before.records(row.name)
    shared_endpoint = before.shared_endpoint(row)
    if shared_endpoint is not None:
        # it is there already, and is connected
        models = [record for record in before.records(shared_endpoint) if record.get("id") == edit.id]
        if not models or edit.like is not None:
            raise ValueError(
                f"{edit.label}: only a record of {shared_endpoint} can be connected, and it is like itself"
            )
    elif edit.like is not None:
        models = [record for record in before.records(row.name) if record.get("id") == edit.like]
    if not models:
        raise ValueError(f"{edit.label}: there is no record to copy{f' with the id {edit.like!r}' * bool(edit.like)}")
    own = {column.field for column in row.columns if column.parameter is None}
    copied = {name: value for name, value in models[0].items() if name in own and name != "id"}
    placed = {name: value for name, value in values.items() if name in copied}
    fields = copied | placed | dict(edit.fields)
    given = replace(edit, values=dict(values))
    return given, replace(given, fields=fields)


def _end_of(step: _Step) -> _Step | None:
    """What takes a record from its list because of its age, where an edit says how old it is."""
    field, kept = RETENTION.get(step.given.endpoint, ("", timedelta(0)))
    born = parse_time(str(step.given.fields.get(field)))
    if born is None:
        return None
    at = max(step.at, born + kept + timedelta(microseconds=1))
    end = Edit(step.given.endpoint, "delete", step.given.id, values=step.given.values, at=at, silent=True)
    return replace(step, given=end, at=at, done=end)


def _after(world: World, steps: Sequence[_Step], quiet: bool) -> EditedWorld:
    changes = tuple(step.change for step in steps if not step.given.silent)
    return EditedWorld(world, [step.done for step in steps], changes, quiet)
