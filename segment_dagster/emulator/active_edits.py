"""The active edits, changeable while the emulator runs, and their audit trail entries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from segment_dagster.emulator.clock import Clock, parse_time
from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.edited_world import EditedWorld
from segment_dagster.emulator.endpoint_rules import RETENTION
from segment_dagster.emulator.world import World
from segment_dagster.emulator.world.factories import Change, Record
from segment_dagster.emulator.world.lists import with_parameter_columns
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class _Step:
    """A validated edit."""

    given: Edit
    """The edit with defaults filled in."""

    at: datetime
    done: Edit
    """The same, with all fields of a created record."""

    change: Change
    """Its entry in the audit trail."""


class Edits:
    """The edits of the workspace, each effective from its time on. Safe to change from any thread at run time.

    A record whose edit sets its creation time leaves its list after Segment's retention. Other records do not age.

    Args:
        world: The workspace without the edits.
        clock: The clock.
        quiet_audit: Whether the audit trail holds only the edits. Otherwise it also has made-up events.
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
        """The active edits with defaults filled in, in the order of adding."""
        with self._lock:
            return list(self._given)

    @property
    def quiet_audit(self) -> bool:
        """Whether the audit trail holds only the edits."""
        return self._quiet

    @quiet_audit.setter
    def quiet_audit(self, quiet: bool) -> None:
        with self._lock:
            self._quiet = quiet
            self._views = {}

    def add(self, *edits: Edit) -> None:
        """Add edits, each effective from its time on.

        Raises:
            ValueError: One is impossible. None is added.
        """
        with self._lock:
            self._set([*self._given, *edits])

    def replace(self, edits: Iterable[Edit]) -> None:
        """Replace all edits.

        Raises:
            ValueError: One is impossible. The old ones stay.
        """
        with self._lock:
            self._set(list(edits))

    def clear(self) -> None:
        """Remove all edits and reset `quiet_audit` to its initial value."""
        with self._lock:
            self._set([])
            self._quiet = self._quiet_at_start

    def view(self, now: datetime) -> EditedWorld:
        """Return the workspace after all edits up to a time.

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
        # a list with a retention drops a record once the creation time of an edit is too old
        expiries = [expiry for step in steps.values() if (expiry := _expiry(step))]
        self._steps = sorted([*steps.values(), *expiries], key=lambda step: step.at)
        self._views = {}

    def _step(self, edit: Edit, number: int, before: EditedWorld) -> _Step:
        row = self._row(edit, before)
        assert edit.at is not None
        actor = _actor(edit, before)
        given = replace(edit, actor=None if edit.token else actor["id"])
        if edit.action == "create":
            given, done = _created(row, given, before)
            (record,) = with_parameter_columns(row, given.values or {}, [{"id": edit.id, **done.fields}])
        else:
            listed = with_parameter_columns(row, edit.values or {}, before.records(row.name, edit.values))
            found = next((record for record in listed if record.get("id") == edit.id), None)
            if found is None:
                raise ValueError(f"{edit.label}: there is no such record at {edit.at.isoformat()}")
            done, record = given, {**found, **edit.fields}
        change = Change(
            id=RandomValues(f"{self._world.seed}/{number}/{edit.label}/{edit.at}", SecretGenerator(0)).id(),
            at=edit.at,
            endpoint=row.name,
            action=edit.action,
            record=record,
            fields=edit.fields,
            actor=actor,
        )
        return _Step(given, edit.at, done, change)

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


def _actor(edit: Edit, before: EditedWorld) -> Record:
    """Return the user who makes an edit, or a record with only the id of the token."""
    if edit.token:
        return {"id": edit.token}
    users = {user["id"]: user for user in before.records("users")}
    actor = edit.actor or next(iter(users), None)
    if actor is None or actor not in users:
        raise ValueError(f"{edit.label}: no user has the id {actor!r}")
    found: Record = users[actor]
    return found


def _is_editable(row: Endpoint, before: EditedWorld) -> bool:
    """Return whether the endpoint lists objects with an id whose place does not follow from another endpoint."""
    objects = row.time is None and not row.wrapped and any(column.field == "id" for column in row.columns)
    return objects and before.has(row.name) and not before.is_derived(row)


def _created(row: Endpoint, edit: Edit, before: EditedWorld) -> tuple[Edit, Edit]:
    """Return a `create` edit with its list filled in, and the same with all fields of the record."""
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
        # the record exists already: connect it
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


def _expiry(step: _Step) -> _Step | None:
    """Return the step that drops a record when it passes the retention, if the edit sets its creation time."""
    field, retention = RETENTION.get(step.given.endpoint, ("", timedelta(0)))
    created = parse_time(str(step.given.fields.get(field)))
    if created is None:
        return None
    at = max(step.at, created + retention + timedelta(microseconds=1))
    expiry = Edit(step.given.endpoint, "delete", step.given.id, values=step.given.values, at=at, silent=True)
    return replace(step, given=expiry, at=at, done=expiry)


def _after(world: World, steps: Sequence[_Step], quiet: bool) -> EditedWorld:
    changes = tuple(step.change for step in steps if not step.given.silent)
    return EditedWorld(world, [step.done for step in steps], changes, quiet)
