"""What one row of the catalogue says about one list endpoint of the Segment Public API."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

DataType = Literal["text", "bigint", "double", "bool", "timestamp", "json"]
"""The dlt data types that a column can be declared with."""


class Secrecy(Enum):
    """How much of a column's value is a secret."""

    NONE = "none"
    """Nothing in it is."""

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
    secrecy: Secrecy = Secrecy.NONE
    values: tuple[str, ...] = ()
    """The values the API documents for an enum. The list is open: a new one lands like any other."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The endpoint whose records are needed to ask for this one: one request chain for each of them."""

    endpoint: str
    field: str
    """The field of the parent's record that goes into the path."""

    placeholder: str
    """The `{placeholder}` of the path that the parent's field fills."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A field of this endpoint's records that names a record of another endpoint."""

    field: str
    endpoint: str
    target_field: str = "id"


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

    The facts are those of the official Python SDK, segmentio/public-api-sdk-python 73.2.0.
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
    """Fields, in the API's camelCase, that tell one record from another."""

    page_size: int | None = None
    """Largest page the API allows, in rows; `None` where the endpoint is not paginated."""

    single: bool = False
    """Whether the answer holds one record and not a list of them."""

    parent: Parent | None = None
    references: tuple[Reference, ...] = ()
    requests_per_minute: int | None = None
    """The documented limit; `None` where Segment states none."""

    feature: str | None = None
    """The feature of the workspace's plan without which the API refuses this endpoint."""

    permission: str = "Workspace Owner"
    """The role a token needs to read this endpoint."""

    versioned: Versioned | None = None
    """`None` where the versioned layout has no such endpoint."""

    def __post_init__(self) -> None:
        """Refuse a row that could not be loaded.

        Raises:
            ValueError: The name holds `__`, a key or a reference names no column, or the parent is not in the path.
        """
        fields = {column.field for column in self.columns}
        if "__" in self.name:
            raise ValueError(f"endpoint {self.name}: `__` in a name is kept for dlt's child tables")
        if unknown := [field for field in self.primary_key if field not in fields]:
            raise ValueError(f"endpoint {self.name}: primary key {unknown} is not among its columns")
        if unknown := [reference.field for reference in self.references if reference.field not in fields]:
            raise ValueError(f"endpoint {self.name}: reference {unknown} is not among its columns")
        if self.parent and f"{{{self.parent.placeholder}}}" not in self.path:
            raise ValueError(f"endpoint {self.name}: {{{self.parent.placeholder}}} is not in the path {self.path}")

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the endpoints above this one in the lineage: what it is asked with and what its records name."""
        above = [self.parent.endpoint] if self.parent else []
        above += [reference.endpoint for reference in self.references]
        return tuple(dict.fromkeys(above))
