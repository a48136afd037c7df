"""The check of a mart: it names the rows that somebody should look at."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from segment_dagster.assets.metadata import OFFENDERS, OFFENDERS_DIGEST, ROWS_SQL
from segment_dagster.assets.offenders import offenders_digest
from segment_dagster.assets.preview import shown_rows
from segment_dagster.config import Preview
from segment_dagster.foreign_text import foreign_text
from segment_dagster.load import DatasetInspector
from segment_dagster.marts.mart import Mart, Row
from segment_dagster.redaction.masks import mask
from segment_dagster.text import pluralize

MAX_NAMED = 5
"""Rows that the description of a result names."""

MAX_SHOWN = 100
"""Rows that its metadata shows."""


def check_mart(mart: Mart, key: dg.AssetKey, tables: DatasetInspector, preview: Preview) -> dg.AssetCheckResult:
    """Look for the rows of a mart that its check names.

    Args:
        mart: The mart. Its table is there.
        key: Key of its asset.
        tables: The dataset.
        preview: How rows are shown.
    """
    offenders = mart.offenders
    conditions = [condition for condition in (offenders.error, offenders.warn) if condition]
    counts = dict(zip(conditions, tables.counts(mart.name, conditions), strict=True))
    failed = [condition for condition in conditions if counts[condition]]
    where = " OR ".join(f"({condition})" for condition in failed or conditions)
    columns = [column.field for column in mart.columns]
    rows = list(_first(tables.rows(mart.name, columns, mart.key, where))) if failed else []
    metadata: dict[str, Any] = {
        **({"segment/errors": counts[offenders.error]} if offenders.error else {}),
        **({"segment/warnings": counts[offenders.warn]} if offenders.warn else {}),
        ROWS_SQL: dg.MetadataValue.md(_sql(f"SELECT * FROM {tables.qualified_name(mart.name)} WHERE {where}")),  # noqa: S608 - only shown
    }
    if rows and (table := shown_rows(rows, columns, mart.personal, preview)):
        metadata[OFFENDERS] = table
    if failed:
        metadata[OFFENDERS_DIGEST] = {
            severity.name: _digest(mart, tables, condition)
            for severity, condition in (
                (dg.AssetCheckSeverity.ERROR, offenders.error),
                (dg.AssetCheckSeverity.WARN, offenders.warn),
            )
            if condition in failed and condition
        }
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=offenders.check,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if offenders.error in failed else dg.AssetCheckSeverity.WARN,
        description=_description(mart, [_masked(mart, row, preview) for row in rows], sum(counts.values())),
        metadata=metadata,
    )


def _digest(mart: Mart, tables: DatasetInspector, condition: str) -> str:
    identity = mart.offenders.identity
    rows = tables.rows(mart.name, identity, where=condition)
    return offenders_digest([row[column] for column in identity] for row in rows)


def _sql(query: str) -> str:
    return f"```sql\n{query}\n```"


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    # the others are fetched and let go: another query may not run before
    for number, row in enumerate(rows):
        if number < MAX_SHOWN:
            yield row


def _masked(mart: Mart, row: Row, preview: Preview) -> Mapping[str, Any]:
    if preview is Preview.ON:
        return row
    return {name: mask(value) if name in mart.personal else value for name, value in row.items()}


def _description(mart: Mart, rows: Sequence[Row], number: int) -> str:
    if not number:
        return "None."
    named = [_named(mart, row) for row in rows[:MAX_NAMED]]
    more = f"; and {number - len(named)} more" if number > len(named) else ""
    return f"{pluralize(number, 'row')}: {'; '.join(named)}{more}."


def _named(mart: Mart, row: Row) -> str:
    values = [row[column] for column in mart.offenders.shown]
    return ", ".join(foreign_text(str(value)) for value in values if value is not None)
