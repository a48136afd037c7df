"""Short constructors for the columns, parents and parameters of endpoints."""

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
    """Return a text column."""
    return Column(
        field=field, type="text", description=description, parameter=parameter, source_path=source_path, secrecy=secrecy
    )


def volatile(column: Column) -> Column:
    """Return the column marked as changing by itself; history keeps no version for such a change."""
    return replace(column, volatile=True)


def personal(column: Column) -> Column:
    """Return the column marked as personal data; previews and checks mask it."""
    return replace(column, personal=True)


def flag(field: str, description: str) -> Column:
    """Return a boolean column."""
    return Column(field=field, type="bool", description=description)


def count(field: str, description: str) -> Column:
    """Return an integer column; some endpoints send the number as text."""
    return Column(field=field, type="bigint", description=description)


def number(field: str, description: str) -> Column:
    """Return a floating-point column."""
    return Column(field=field, type="double", description=description)


def timestamp(field: str, description: str, *, parameter: str | None = None) -> Column:
    """Return a timestamp column; the API sends ISO 8601, the table holds UTC."""
    return Column(field=field, type="timestamp", description=description, parameter=parameter)


def day(field: str, description: str) -> Column:
    """Return a date column."""
    return Column(field=field, type="date", description=description)


def unix_moment(field: str, description: str) -> Column:
    """Return a timestamp column; the API sends seconds since 1970, the table holds UTC."""
    return Column(field=field, type="timestamp", description=description, unix=True)


def nested(
    field: str, description: str, *, secrecy: Secrecy = Secrecy.TEXT, volatile_paths: tuple[str, ...] = ()
) -> Column:
    """Return a JSON column that holds an object or a list."""
    return Column(field=field, type="json", description=description, secrecy=secrecy, volatile_paths=volatile_paths)


def choice(field: str, description: str, *values: str, parameter: str | None = None) -> Column:
    """Return a text column with documented values."""
    return Column(field=field, type="text", description=description, values=values, parameter=parameter)


def identifier(of: str) -> Column:
    """Return the column with the record's own id."""
    return text("id", f"The {of}'s id.")


def from_request(field: str, description: str, *, by: str | None = None, type: DataType = "text") -> Column:
    """Return a column that is filled from a request parameter, for records that lack the field.

    Args:
        field: Field of the column.
        description: Description of the column.
        by: Name of the request parameter, if it differs from the field.
        type: Type of the column.
    """
    return Column(field=field, type=type, description=description, parameter=by or field)


def parent_of(endpoint: str, *, only: tuple[str, tuple[str, ...]] | None = None, **binds: str) -> Parent:
    """Return a parent: one list is requested per record of it.

    Args:
        endpoint: Name of the parent.
        only: Field of its records and the values it must have.
        binds: Field of the parent's record by the name of the request parameter that it fills.
    """
    bound = tuple(ParentParam(parameter=parameter, field=field) for parameter, field in binds.items())
    return Parent(endpoint=endpoint, binds=bound, only=only)


def param(name: str, *values: str) -> Parameter:
    """Return a query parameter with the same value, or the same values as repeated keys, in every request."""
    return Parameter(name=name, values=values)


def param_per_value(name: str, *values: str) -> Parameter:
    """Return a query parameter of which each value is requested as a separate list."""
    return Parameter(name=name, values=values, fan_out=True)


WORKSPACE_ID = text("workspaceId", "The workspace it belongs to.")
"""Column of records that contain the id of their workspace."""
