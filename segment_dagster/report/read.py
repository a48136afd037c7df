"""Read what the report shows, in one go, so that the destination is free again at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta, timezone

from segment_dagster.config import HealthSettings
from segment_dagster.load import DatasetInspector
from segment_dagster.marts.build_mart import select_from
from segment_dagster.marts.mart import Row
from segment_dagster.marts.parameters import parameters
from segment_dagster.marts.sql import compile_sql
from segment_dagster.redaction.masks import mask_people
from segment_dagster.report.formats import latest
from segment_dagster.report.queries import MARTS, PERSONAL, QUERIES, RAW, SOURCES

Tables = Mapping[str, Sequence[Row]]
"""Rows by the name of the mart or the query; those whose tables are not loaded are left out."""


def read_tables(dataset: DatasetInspector, now: datetime, settings: HealthSettings) -> Tables:
    """Read the marts that are there, and what the queries return. Days end with that of the marts.

    Args:
        dataset: The dataset.
        now: The current time, where no mart tells of a day.
        settings: The thresholds of the marts.

    Raises:
        LoadError: The dataset cannot be read.
        SettingError: The destination's SQL is none that marts are made in.
    """
    dataset.prefetch([*MARTS, *RAW])
    found: dict[str, Sequence[Row]] = {}
    for mart, columns in MARTS.items():
        if there := dataset.columns(mart):
            missing = dict.fromkeys(column for column in columns if column not in there)
            rows = dataset.rows(mart, [column for column in columns if column in there])
            found[mart] = [{**missing, **row} for row in rows]
    as_of = latest(row["as_of"] for row in found.get(SOURCES, []))
    until = datetime.combine(as_of + timedelta(days=1), time(), timezone.utc) if as_of else now
    values = parameters(until, settings)
    for name, query in QUERIES.items():
        if all(map(dataset.columns, query.required)):
            sql = compile_sql(query.sql, select_from(dataset), dataset.dialect, values)
            found[name] = list(dataset.query(sql))
    return found


def without_people(tables: Tables) -> Tables:
    """Mask e-mail and IP addresses in what holds no personal data by itself, such as names of sources.

    The columns with personal data stay: people are told apart by them, and the sections mask what they show of them.
    """
    return {
        name: [
            {column: value if column in PERSONAL.get(name, ()) else mask_people(value) for column, value in row.items()}
            for row in rows
        ]
        for name, rows in tables.items()
    }
