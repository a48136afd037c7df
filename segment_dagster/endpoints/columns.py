"""Short forms for the columns that many endpoints share."""

from segment_dagster.endpoints.model import Column, Secrecy


def text(field: str, description: str, *, secrecy: Secrecy = Secrecy.NONE) -> Column:
    """A column of text."""
    return Column(field=field, type="text", description=description, secrecy=secrecy)


def flag(field: str, description: str) -> Column:
    """A column that is true or false."""
    return Column(field=field, type="bool", description=description)


def moment(field: str, description: str) -> Column:
    """A point in time, which the API writes as ISO 8601 and the table holds in UTC."""
    return Column(field=field, type="timestamp", description=description)


def nested(field: str, description: str, *, secrecy: Secrecy = Secrecy.NONE) -> Column:
    """An object or a list, kept whole as one JSON column."""
    return Column(field=field, type="json", description=description, secrecy=secrecy)


def choice(field: str, description: str, *values: str) -> Column:
    """A column of text with documented values."""
    return Column(field=field, type="text", description=description, values=values)


def identifier(of: str) -> Column:
    """The record's own id."""
    return text("id", f"The {of}'s id.")


WORKSPACE_ID = text("workspaceId", "The workspace it belongs to.")
"""Column of the records that name their workspace."""

V1 = "application/vnd.segment.v1+json"
"""Media type of the API's stable version."""

ALPHA = "application/vnd.segment.v1alpha+json"
"""Media type of the API's alpha version."""
