"""Secrets that a history holds since they were let in, taken out on the way on."""

from segment_dagster.config import SecretSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.redaction import Redact, redactor


def history_redactor(endpoint: Endpoint, secrets: SecretSettings) -> Redact:
    """How the rows of an endpoint's table, or of its history, lose their secrets.

    Args:
        endpoint: The endpoint.
        secrets: What becomes of secrets now, whatever it was when the rows landed.

    Returns:
        A function from the values of a row, with JSON as what it says, to the same without secrets.
    """
    return redactor(endpoint, secrets, column_name)
