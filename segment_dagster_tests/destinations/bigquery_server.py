"""local-bigquery, with what 0.4.0 lacks: a load without a schema has the table's, and JSON may be a text.

A program for an environment of its own, which has local-bigquery and none of this project. It takes its arguments.
"""

import sys
from typing import Any

from local_bigquery.catalog import tables
from local_bigquery.cli import main
from local_bigquery.jobs import load, runner
from local_bigquery.models import TableSchema

TEXT = load._text


def _run(cursor: Any, config: Any, upload: str | None) -> Any:
    """Load; by itself it would guess the columns from the file."""
    reference = tables.reference(config.destinationTable)
    if not config.schema_ and tables.exists(*reference):
        config = config.replace(schema_=TableSchema(fields=tables.columns(*reference)))
    return load.run(cursor, config, upload)


def _text(field: Any) -> Any:
    """As what a field is read; JSON as a text would lose its quotes."""
    return field if field.type == "JSON" else TEXT(field)


if __name__ == "__main__":
    load._text = _text
    runner.HANDLERS["load"] = _run
    sys.exit(main())
