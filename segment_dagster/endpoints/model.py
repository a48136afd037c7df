"""The types that describe a list endpoint of the Segment Public API."""

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
"""Suffix of the tables that keep every version of another table's rows."""


class Secrecy(Enum):
    """How much of a column's value is secret."""

    NONE = "none"
    """Nothing: Segment publishes the value."""

    TEXT = "text"
    """Only parts that look like a secret: people write this text and may put one into it."""

    ALL = "all"
    """Every string, at any depth."""

    SETTINGS = "settings"
    """Integration settings whose option has the type `password`, or whose name suggests a secret."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of a record, and the column it lands in."""

    field: str
    """The field's name as the API writes it, in camelCase. The column is the same name in snake_case."""

    type: DataType
    description: str
    secrecy: Secrecy = Secrecy.TEXT
    personal: bool = False
    """Whether it is personal data: names, addresses and ids of people. Previews and checks mask it."""

    values: tuple[str, ...] = ()
    """Values that the API documents for an enum. The list is open: a new value is loaded like any other."""

    unix: bool = False
    """Whether the API sends a timestamp as seconds since 1970 instead of ISO 8601."""

    parameter: str | None = None
    """Request parameter whose value fills the column if the record has no such field."""

    source_path: tuple[str, ...] = ()
    """Path to the value if it is copied from an object in the record: `("source", "id")`."""

    volatile: bool = False
    """Whether it changes by itself, such as sizes and access times. History keeps no version for such a change."""

    volatile_paths: tuple[str, ...] = ()
    """Keys anywhere in the column's JSON whose values change by themselves: `("nextExecution",)`."""


@dataclass(frozen=True, kw_only=True)
class ParentParam:
    """A request parameter that is filled from the parent's record."""

    parameter: str
    """Name of the `{placeholder}` in the path, or else of the query parameter."""

    field: str
    """Field of the parent's record that fills it."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The endpoint whose records fill the parameters of this one: one list per record.

    Records with the same values share one list. A record that lacks one of the values has none.
    """

    endpoint: str
    binds: tuple[ParentParam, ...]
    only: tuple[str, tuple[str, ...]] | None = None
    """Field of the parent's records and the values it must have; `None` to use every record."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A query parameter that is sent with every request."""

    name: str
    values: tuple[str, ...]
    fan_out: bool = False
    """Whether each value is requested as a separate list. Otherwise all are sent together, as repeated keys."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The documented limits of a time range for one granularity."""

    granularity: str
    longest: timedelta
    """Longest time between start and end of a request."""

    oldest: timedelta
    """Longest time between the start and now."""


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """The endpoint takes a time range: from `startTime` (inclusive) to `endTime` (exclusive)."""

    column: str
    """Field with the time of a row."""

    days: int
    """Complete UTC days before today that a full read covers."""

    until_now: bool = False
    """Whether a full read includes today. It then sends no `endTime`."""

    granularity: str | None = None
    """Default `granularity` to request; `None` if there is no such parameter."""

    spans: tuple[Span, ...] = ()
    """Limits that Segment documents; empty if it documents none."""

    lag: timedelta = timedelta(0)
    """Delay until Segment has counted an event; later times are not requested."""

    totals: bool = False
    """Whether a response holds totals over the whole range, so that each day needs a request of its own."""

    lookback: timedelta | None = None
    """How far before the latest row an incremental read starts; `None` if the table is read by the day."""


@dataclass(frozen=True, kw_only=True)
class Months:
    """The endpoint takes a month: `period`, the month's first day."""

    count: int
    """Number of months that a full read covers, with the current one, in UTC."""

    column: str = "period"
    """Field with the month of a row."""

    timestamp: str = "timestamp"
    """Field with the time at which a row was counted."""


@dataclass(frozen=True, kw_only=True)
class Exploded:
    """A record holds a list of which each element becomes a row."""

    field: str
    """Field with the list. If an element is an object, its fields are added to those of the record."""

    element: str | None = None
    """Field that holds an element that is not an object."""

    without: tuple[str, ...] = ()
    """Fields of the record to drop: they are sums over the list and would be wrong in each row."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """The parameters that request a page, and the place of the next cursor in a response."""

    count: str = "pagination.count"
    cursor: str = "pagination.cursor"
    answer: tuple[str, ...] = ("data", "pagination")
    """Path in the body to the object with `next` and `totalEntries`."""

    required: bool = True
    """Whether every response has that object. If not required, a response without it ends the list."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A field that references a record of another endpoint."""

    field: str
    endpoint: str
    target_field: str = "id"


@dataclass(frozen=True, kw_only=True)
class AuditFields:
    """The fields of an audit trail's records: who did what to which resource, and when."""

    timestamp: str
    event: str
    """Field with the event's type."""

    actor: str
    actor_email: str
    resource: str
    """Field with the resource's id."""

    resource_type: str


@dataclass(frozen=True, kw_only=True)
class Versioned:
    """The endpoint in the versioned layout (`/v1/...`) that dltHub's Segment page describes."""

    path: str
    selector: tuple[str, ...]
    """Path in the body to the records."""

    page_size: int | None
    """Largest page to request, in rows; `None` if the endpoint is not paginated."""

    next_cursor: tuple[tuple[str, ...], ...] = (
        ("page", "next"),
        ("next",),
        ("pagination", "next"),
        ("data", "pagination", "next"),
    )
    """Paths to the next page's cursor, in order. The first that holds a value is used."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The description of one list endpoint.

    The facts are from the official Python SDK, segmentio/public-api-sdk-python 73.2.0. Endpoints with the same path
    are lists in one response and are requested together.
    """

    name: str
    """Name of the asset, dlt resource and table: snake_case, without `__`, which dlt reserves for child tables."""

    domain: str
    """The asset group."""

    description: str
    """One sentence that ends in a full stop."""

    documentation: str
    """Address of the endpoint's page in Segment's documentation."""

    path: str
    selector: tuple[str, ...]
    """Path in the body to the records: `("data", "sources")`."""

    media_type: str
    """Value of the `Accept` header, which selects the version of the API."""

    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    """Fields, in the API's camelCase, that identify a row."""

    optional_key: tuple[str, ...] = ()
    """Fields of the key that a record may lack; null then counts as a value."""

    derived_from: str | None = None
    """Endpoint from whose rows these are computed; `None` if the API delivers them."""

    cumulative: tuple[str, ...] = ()
    """Fields that count since the month began. A separate table holds the daily differences."""

    measure: tuple[str, ...] = ()
    """Fields with counts at a row's time. The volume check watches their daily sums."""

    measured_by: str | None = None
    """Field that splits these counts into series; `None` if there is only one."""

    page_size: int | None = None
    """Largest page that the API allows, in rows; `None` if the endpoint is not paginated."""

    page_rows: int | None = None
    """Page size to request if rows are too large for the largest page: two pages are in memory at once."""

    paging: Paging = Paging()
    total_is_bound: bool = False
    """Whether `totalEntries` is an upper bound instead of a count."""

    single: bool = False
    """Whether the response holds one record instead of a list."""

    wrapped: str | None = None
    """Field that holds a record that is not an object: `"email"` for a list of plain addresses."""

    exploded: Exploded | None = None
    parent: Parent | None = None
    parameters: tuple[Parameter, ...] = ()
    time: TimeRange | Months | None = None
    """Time parameters of the endpoint and the range of a full read; `None` if it takes none."""

    may_have_none: bool = False
    """Whether the API returns 404 for a parent's record without any; the request is then not repeated."""

    log: bool = False
    """Whether its records are events such as syncs: they are added, change by themselves and expire."""

    changes_by_itself: bool = False
    """Whether a record holds what Segment found or counted, such as the state of a connection or the size of an
    audience: it changes although nobody has changed the workspace."""

    audit_fields: AuditFields | None = None
    """The fields of the audit trail; `None` for other endpoints."""

    audited_as: tuple[str, ...] = ()
    """Resource types of the audit trail that these records represent or connect."""

    references: tuple[Reference, ...] = ()
    requests_per_minute: int | None = None
    """Documented rate limit; `None` if Segment states none."""

    slow: bool = False
    """Whether a full read takes over ten minutes or has a limit of a few requests a minute; read weekly."""

    changes_with_parent: str | None = None
    """The fact from which it follows that rows change only when the record of their parent does, with its source;
    `None` if no such fact is known: a parent that is read in slices is then read again once it is `max_age` old."""

    feature: str | None = None
    """Feature of the workspace's plan that the endpoint needs; without it the API refuses requests."""

    permission: str = "Workspace Owner"
    """Role that a token needs to read the endpoint."""

    versioned: Versioned | None = None
    """The endpoint in the versioned layout; `None` if that layout does not have it."""

    def __post_init__(self) -> None:
        """Validate the endpoint.

        Raises:
            ValueError: A part of it is inconsistent; the message says which.
        """
        for problem in self._problems():
            raise ValueError(f"endpoint {self.name}: {problem}")

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the upstream endpoints: the one it is derived from, its parent and its references."""
        above = [self.derived_from] if self.derived_from else []
        above += [self.parent.endpoint] if self.parent else []
        above += [reference.endpoint for reference in self.references]
        return tuple(dict.fromkeys(above))

    @property
    def page_asked(self) -> int | None:
        """Largest page to request, in rows; `None` if the endpoint is not paginated."""
        return self.page_rows or self.page_size

    @property
    def partitioned(self) -> bool:
        """Whether the table is read by the day or by the month, and each partition replaced as a whole."""
        return isinstance(self.time, Months) or (isinstance(self.time, TimeRange) and self.time.lookback is None)

    @property
    def incremental(self) -> bool:
        """Whether the table is read from its latest row on, and new rows are merged by the key."""
        return self.time is not None and not self.partitioned

    @property
    def timestamp(self) -> str | None:
        """Field with the time of a row's counts; `None` if the endpoint has no time parameters."""
        return self.time.timestamp if isinstance(self.time, Months) else self.time.column if self.time else None

    @property
    def keeps_history(self) -> bool:
        """Whether its records are configuration, which stays until somebody changes it."""
        return self.time is None and not self.log

    @property
    def announced(self) -> bool:
        """Whether its rows change only when somebody changes the workspace, which the audit trail then tells of."""
        return bool(self.audited_as) and self.keeps_history and not self.changes_by_itself

    @property
    def personal(self) -> frozenset[str]:
        """Fields with personal data."""
        return frozenset(column.field for column in self.columns if column.personal)

    @property
    def identifying(self) -> frozenset[str]:
        """Fields that identify, join and request rows; redaction never changes them."""
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
        """Fields of the key that every record must have."""
        return tuple(field for field in self.primary_key if field not in self.optional_key)

    @property
    def asked_with(self) -> tuple[str, ...]:
        """Names of the parameters whose values identify a list of the endpoint."""
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
        if self.changes_with_parent is not None and not (self.parent and self.changes_with_parent):
            yield "`changes_with_parent` needs a parent, and the fact that it rests on"
        if self.wrapped and self.wrapped not in fields:
            yield f"the wrapped field {self.wrapped!r} is not among its columns"
