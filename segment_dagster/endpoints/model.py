"""What one row of the catalogue says about one list endpoint of the Segment Public API."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Literal

DataType = Literal["text", "bigint", "double", "bool", "date", "timestamp", "json"]
"""The dlt data types that a column can be declared with."""


_IDENTIFYING_ENDS = ("id", "ids", "key", "slug", "slugs", "createdby", "updatedby")

HISTORY = "_history"
"""What the name of the table ends in that keeps every version of another table's rows."""


class Secrecy(Enum):
    """How much of a column's value is a secret."""

    NONE = "none"
    """Nothing in it is: Segment publishes it."""

    TEXT = "text"
    """What people write, who may write a secret into it: what looks like one."""

    ALL = "all"
    """Every string in it is, at any depth."""

    SETTINGS = "settings"
    """A map of integration settings: those whose option is typed `password`, or whose name says so."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of a record, and the column it lands in."""

    field: str
    """The field's name as the API writes it, in camelCase. The column is the same name in snake_case."""

    type: DataType
    description: str
    secrecy: Secrecy = Secrecy.TEXT
    personal: bool = False
    """Whether it is about people: names, addresses and ids of theirs. Previews and checks show it masked."""

    values: tuple[str, ...] = ()
    """The values the API documents for an enum. The list is open: a new one lands like any other."""

    unix: bool = False
    """Whether a point in time comes as seconds since 1970 and not as ISO 8601."""

    parameter: str | None = None
    """The parameter of the request whose value fills the column where the record has no such field."""

    source_path: tuple[str, ...] = ()
    """Keys that lead to the value where it is a copy of what an object of the record holds: `("source", "id")`."""

    volatile: bool = False
    """Whether it changes by itself, as sizes and times of access do: history keeps no version for its sake."""

    volatile_paths: tuple[str, ...] = ()
    """Names whose values change by themselves wherever they stand in the column's JSON: `("nextExecution",)`."""


@dataclass(frozen=True, kw_only=True)
class ParentParam:
    """What a parent's record gives to a request."""

    parameter: str
    """The `{placeholder}` of the path, or else the query parameter, that is filled."""

    field: str
    """The field of the parent's record that fills it."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The endpoint whose records are needed to ask for this one: one list for each of them.

    Records that give the same values are asked for once, a record that lacks one of them not at all.
    """

    endpoint: str
    binds: tuple[ParentParam, ...]
    only: tuple[str, tuple[str, ...]] | None = None
    """A field of the parent's records and the values it must have; `None` where every record counts."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A query parameter that is always sent."""

    name: str
    values: tuple[str, ...]
    fan_out: bool = False
    """Whether each value makes a list of its own. Otherwise all go into one request, as repeated keys."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The documented limits of a time range that is asked for in one granularity."""

    granularity: str
    longest: timedelta
    """Between start and end of one request, at most."""

    oldest: timedelta
    """Between the start and now, at most."""


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """The endpoint is asked for a range of time: `startTime`, included, to `endTime`, excluded."""

    column: str
    """The field of a row that says when it was."""

    days: int
    """Whole days, in UTC, before the present one that a full read covers."""

    until_now: bool = False
    """Whether a full read goes on into the present day. It then sends no `endTime`."""

    granularity: str | None = None
    """The `granularity` asked for where no setting says otherwise; `None` where there is no such parameter."""

    spans: tuple[Span, ...] = ()
    """The limits that Segment documents, if it does."""

    lag: timedelta = timedelta(0)
    """How far the numbers are behind the present: later ones are not asked for."""

    totals: bool = False
    """Whether an answer holds totals over the whole range, so that each day has to be asked for apart."""

    lookback: timedelta | None = None
    """How far before its latest row a table is read again; `None` where it is read by the day and not from there on."""


@dataclass(frozen=True, kw_only=True)
class Months:
    """The endpoint is asked for a month: `period`, the month's first day."""

    count: int
    """Months that a full read covers: the present one, in UTC, and those before it."""

    column: str = "period"
    """The field of a row that says which month it belongs to."""

    timestamp: str = "timestamp"
    """The field of a row that says when its count was taken."""


@dataclass(frozen=True, kw_only=True)
class Exploded:
    """A record stands for a list: each element becomes a row."""

    field: str
    """The record's list. An object in it gives its fields to the row, beside those of the record."""

    element: str | None = None
    """The field that an element becomes where it is no object."""

    without: tuple[str, ...] = ()
    """Fields of the record that are sums over its list and would be read wrong in every row."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How pages are asked for, and where an answer tells of the next one."""

    count: str = "pagination.count"
    cursor: str = "pagination.cursor"
    answer: tuple[str, ...] = ("data", "pagination")
    """Keys that lead from the body to the object that holds `next` and `totalEntries`."""

    required: bool = True
    """Whether every answer has that object. Where it may be absent, its absence ends the list."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A field of this endpoint's records that names a record of another endpoint."""

    field: str
    endpoint: str
    target_field: str = "id"


@dataclass(frozen=True, kw_only=True)
class AuditFields:
    """The fields by which the records of an audit trail say who did what to which resource, and when."""

    timestamp: str
    event: str
    """The name of the event's type."""

    actor: str
    actor_email: str
    resource: str
    """The resource's id."""

    resource_type: str


@dataclass(frozen=True, kw_only=True)
class Versioned:
    """How the endpoint looks in the versioned layout (`/v1/...`) that dltHub's Segment page describes."""

    path: str
    selector: tuple[str, ...]
    """Keys that lead from the body to the records."""

    page_size: int | None
    """Largest page asked for, in rows; `None` where the endpoint is not paginated."""

    next_cursor: tuple[tuple[str, ...], ...] = (
        ("page", "next"),
        ("next",),
        ("pagination", "next"),
        ("data", "pagination", "next"),
    )
    """Places of the next page's cursor, in the order they are looked at. The first that is filled counts."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """All that is special about one list endpoint.

    The facts are those of the official Python SDK, segmentio/public-api-sdk-python 73.2.0. Endpoints with the same
    path are lists of one answer, and are asked for together.
    """

    name: str
    """Name of the asset, the dlt resource and the table: snake_case, without `__`, which dlt keeps for child tables."""

    domain: str
    """The asset group."""

    description: str
    """One sentence that ends in a full stop."""

    documentation: str
    """Address of the endpoint's page in Segment's documentation."""

    path: str
    selector: tuple[str, ...]
    """Keys that lead from the body to the records: `("data", "sources")`."""

    media_type: str
    """What `Accept` asks for; it carries the version of the API."""

    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    """Fields, in the API's camelCase, that tell one row from another."""

    optional_key: tuple[str, ...] = ()
    """Fields of the key that a record may lack: null is a value of theirs like any other."""

    derived_from: str | None = None
    """The endpoint whose rows these are worked out from; `None` where they are the API's own."""

    cumulative: tuple[str, ...] = ()
    """Fields that count since the month began: what each day adds has a table of its own."""

    measure: tuple[str, ...] = ()
    """Fields that count what happened at a row's time: their sums are watched, day by day."""

    measured_by: str | None = None
    """The field that tells apart the series which are watched; `None` where there is one."""

    page_size: int | None = None
    """Largest page the API allows, in rows; `None` where the endpoint is not paginated."""

    page_rows: int | None = None
    """Rows of a page that is asked for, where rows are so large that the largest is not: two pages are held at once."""

    paging: Paging = Paging()
    total_is_bound: bool = False
    """Whether `totalEntries` is an upper bound and not a count."""

    single: bool = False
    """Whether the answer holds one record and not a list of them."""

    wrapped: str | None = None
    """The field that a record becomes where it is no object: `"email"` for a list of bare addresses."""

    exploded: Exploded | None = None
    parent: Parent | None = None
    parameters: tuple[Parameter, ...] = ()
    time: TimeRange | Months | None = None
    """What a full read covers where the endpoint is asked for a time."""

    may_have_none: bool = False
    """Whether a record of the parent may have none, which the API answers with 404: no reason to ask again."""

    log: bool = False
    """Whether its records are of what happened, such as syncs: they come, change by themselves and run out."""

    audit_fields: AuditFields | None = None
    """Where the endpoint is the audit trail: how to read it."""

    audited_as: tuple[str, ...] = ()
    """The words by which an audit trail may name the resources that the records are, or that they tie together."""

    references: tuple[Reference, ...] = ()
    requests_per_minute: int | None = None
    """The documented limit; `None` where Segment states none."""

    slow: bool = False
    """Whether a full read takes more than ten minutes, or is limited to a few requests a minute: read weekly."""

    feature: str | None = None
    """The feature of the workspace's plan without which the API refuses this endpoint."""

    permission: str = "Workspace Owner"
    """The role a token needs to read this endpoint."""

    versioned: Versioned | None = None
    """`None` where the versioned layout has no such endpoint."""

    def __post_init__(self) -> None:
        """Refuse a row that could not be loaded.

        Raises:
            ValueError: A part of it names what is not there; the message says which.
        """
        for problem in self._problems():
            raise ValueError(f"endpoint {self.name}: {problem}")

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the endpoints above this one in the lineage: what it is made of or asked with, and what it names."""
        above = [self.derived_from] if self.derived_from else []
        above += [self.parent.endpoint] if self.parent else []
        above += [reference.endpoint for reference in self.references]
        return tuple(dict.fromkeys(above))

    @property
    def page_asked(self) -> int | None:
        """Rows of a page that is asked for, at most; `None` where the endpoint is not paginated."""
        return self.page_rows or self.page_size

    @property
    def partitioned(self) -> bool:
        """Whether the table is read in parts, by the day or by the month, and each part replaced whole."""
        return isinstance(self.time, Months) or (isinstance(self.time, TimeRange) and self.time.lookback is None)

    @property
    def incremental(self) -> bool:
        """Whether the table is read from its latest row on, and what comes merged by the key."""
        return self.time is not None and not self.partitioned

    @property
    def timestamp(self) -> str | None:
        """The field that says when a row's counts are of; `None` where the endpoint is not asked for a time."""
        return self.time.timestamp if isinstance(self.time, Months) else self.time.column if self.time else None

    @property
    def keeps_history(self) -> bool:
        """Whether its records are configuration: each stands until somebody changes it."""
        return self.time is None and not self.log

    @property
    def personal(self) -> frozenset[str]:
        """The fields that are about people."""
        return frozenset(column.field for column in self.columns if column.personal)

    @property
    def identifying(self) -> frozenset[str]:
        """The fields by which rows are told apart, joined and asked for: they are never altered."""
        fields = {*self.primary_key, *(reference.field for reference in self.references)}
        fields |= {self.audit_fields.resource, self.audit_fields.actor} if self.audit_fields else set()
        fields |= {
            column.field
            for column in self.columns
            if column.values or column.parameter or column.field.lower().endswith(_IDENTIFYING_ENDS)
        }
        return frozenset(fields)

    @property
    def required_key(self) -> tuple[str, ...]:
        """The fields of the key that every record must have."""
        return tuple(field for field in self.primary_key if field not in self.optional_key)

    @property
    def asked_with(self) -> tuple[str, ...]:
        """Names of the parameters whose values tell one list of the endpoint from another."""
        names = [bind.parameter for bind in self.parent.binds] if self.parent else []
        names += [parameter.name for parameter in self.parameters if parameter.fan_out]
        if isinstance(self.time, Months):
            names.append("period")
        if isinstance(self.time, TimeRange):
            names += ["startTime", *(["endTime"] if not self.time.until_now else [])]
            names += ["granularity"] if self.time.granularity else []
        return tuple(names)

    def _problems(self) -> Iterator[str]:
        fields = {column.field for column in self.columns}
        if "__" in self.name:
            yield "`__` in a name is kept for dlt's child tables"
        if self.name.endswith(HISTORY):
            yield f"`{HISTORY}` at the end of a name is kept for the history of a table"
        if unknown := [field for field in self.primary_key if field not in fields]:
            yield f"primary key {unknown} is not among its columns"
        if unknown := [field for field in self.optional_key if field not in self.primary_key]:
            yield f"optional key {unknown} is not part of its primary key"
        if taken := sorted(fields & {"undeclaredFields", "undeclared_fields"}):
            yield f"{taken} is where the fields land that it does not declare"
        if self.keeps_history and (taken := sorted(fields & {"rowVersion", "validFrom", "validTo"})):
            yield f"{taken} are columns of its history"
        if volatile := [
            column.field for column in self.columns if column.volatile and column.field in self.primary_key
        ]:
            yield f"{volatile} is part of its primary key and cannot be volatile"
        if self.audit_fields and (unknown := sorted(set(vars(self.audit_fields).values()) - fields)):
            yield f"{unknown} of the trail is not among its columns"
        if unknown := [reference.field for reference in self.references if reference.field not in fields]:
            yield f"reference {unknown} is not among its columns"
        watched = [*self.cumulative, *self.measure, *([self.measured_by] if self.measured_by else [])]
        watched += [self.time.column, self.timestamp or ""] if self.time else []
        if unknown := [field for field in watched if field not in fields]:
            yield f"{unknown} of its times and counts is not among its columns"
        placeholders = re.findall(r"{(\w+)}", self.path)
        bound = [bind.parameter for bind in self.parent.binds] if self.parent else []
        if unbound := [name for name in placeholders if name not in bound]:
            yield f"nothing fills {unbound} in the path {self.path}"
        if twice := sorted({name for name in self.asked_with if self.asked_with.count(name) > 1}):
            yield f"{twice} would be filled twice"
        given = [column.parameter for column in self.columns if column.parameter]
        if unknown := [name for name in given if name not in self.asked_with]:
            yield f"no request has the parameter {unknown} that fills a column"
        if self.exploded and self.exploded.element and self.exploded.element not in fields:
            yield f"the element {self.exploded.element!r} is not among its columns"
        if self.wrapped and self.wrapped not in fields:
            yield f"the wrapped field {self.wrapped!r} is not among its columns"
