"""Redact secrets that a history holds from the time when they were included."""

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.redaction import Redact, redactor


def history_redactor(endpoint: Endpoint, settings: ApiSettings) -> Redact:
    """Return a function that redacts the rows of an endpoint's table or of its history.

    Args:
        endpoint: The endpoint.
        settings: How to treat secrets now; they may have been different when the rows were loaded.

    Returns:
        A function that takes the values of a row, with JSON parsed, and returns them without secrets.
    """
    return redactor(endpoint, settings, column_name)
