"""Short forms for what many rows share."""

from dataclasses import replace

from segment_dagster.endpoints.model import Column, DataType, Parameter, Parent, ParentParam, Secrecy

V1 = "application/vnd.segment.v1+json"
"""Media type of the API's stable version."""

BETA = "application/vnd.segment.v1beta+json"
"""Media type of the API's beta version."""

ALPHA = "application/vnd.segment.v1alpha+json"
"""Media type of the API's alpha version."""


def text(
    field: str,
    description: str,
    *,
    parameter: str | None = None,
    source_path: tuple[str, ...] = (),
    secrecy: Secrecy = Secrecy.TEXT,
) -> Column:
    """A column of text."""
    return Column(
        field=field, type="text", description=description, parameter=parameter, source_path=source_path, secrecy=secrecy
    )


def volatile(column: Column) -> Column:
    """The same column, as one that changes by itself: history keeps no version for its sake."""
    return replace(column, volatile=True)


def personal(column: Column) -> Column:
    """The same column, as one that is about people: previews and checks show it masked."""
    return replace(column, personal=True)


def flag(field: str, description: str) -> Column:
    """A column that is true or false."""
    return Column(field=field, type="bool", description=description)


def count(field: str, description: str) -> Column:
    """A whole number, which some endpoints write as text."""
    return Column(field=field, type="bigint", description=description)


def number(field: str, description: str) -> Column:
    """A number that may have a fraction."""
    return Column(field=field, type="double", description=description)


def timestamp(field: str, description: str, *, parameter: str | None = None) -> Column:
    """A point in time, which the API writes as ISO 8601 and the table holds in UTC."""
    return Column(field=field, type="timestamp", description=description, parameter=parameter)


def unix_moment(field: str, description: str) -> Column:
    """A point in time, which the API writes as seconds since 1970 and the table holds in UTC."""
    return Column(field=field, type="timestamp", description=description, unix=True)


def nested(
    field: str, description: str, *, secrecy: Secrecy = Secrecy.TEXT, volatile_paths: tuple[str, ...] = ()
) -> Column:
    """An object or a list, kept whole as one JSON column."""
    return Column(field=field, type="json", description=description, secrecy=secrecy, volatile_paths=volatile_paths)


def choice(field: str, description: str, *values: str, parameter: str | None = None) -> Column:
    """A column of text with documented values."""
    return Column(field=field, type="text", description=description, values=values, parameter=parameter)


def identifier(of: str) -> Column:
    """The record's own id."""
    return text("id", f"The {of}'s id.")


def from_request(field: str, description: str, *, by: str | None = None, type: DataType = "text") -> Column:
    """What the request was asked with, as the record does not say it.

    Args:
        field: The column.
        description: What it is.
        by: Name of the request's parameter, where it differs from the field.
        type: Type of the column.
    """
    return Column(field=field, type=type, description=description, parameter=by or field)


def parent_of(endpoint: str, *, only: tuple[str, tuple[str, ...]] | None = None, **binds: str) -> Parent:
    """The parent whose every record makes a list.

    Args:
        endpoint: Name of the parent.
        only: A field of its records and the values it must have.
        binds: By name of the request's parameter, the field of the parent's record that fills it.
    """
    bound = tuple(ParentParam(parameter=parameter, field=field) for parameter, field in binds.items())
    return Parent(endpoint=endpoint, binds=bound, only=only)


def param(name: str, *values: str) -> Parameter:
    """A query parameter with the same value, or the same values as repeated keys, in every request."""
    return Parameter(name=name, values=values)


def param_per_value(name: str, *values: str) -> Parameter:
    """A query parameter of which each value makes a list of its own."""
    return Parameter(name=name, values=values, fan_out=True)


WORKSPACE_ID = text("workspaceId", "The workspace it belongs to.")
"""Column of the records that name their workspace."""
