"""What proves that every row arrived and that its shape held: the checks of an asset, and of the plain script."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name, columns_of
from segment_dagster.extract.completeness import agrees
from segment_dagster.extract.disposition import scope_of, within
from segment_dagster.extract.people import shown_key
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window
from segment_dagster.extract.versions import VALID_FROM, VALID_TO, history_table
from segment_dagster.load.inspector import DatasetInspector, Rows
from segment_dagster.text import pluralize

SHOWN = 20
"""Offending keys that a result shows."""


class Expected(Protocol):
    """A table, and what it should hold."""

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint whose table it is."""

    @property
    def tables(self) -> DatasetInspector:
        """The dataset that the table is in."""

    @property
    def where(self) -> str | None:
        """Which rows are meant, as a condition in SQL; `None` where they are all."""

    @property
    def window(self) -> Window | None:
        """The time that they are of."""

    @property
    def delivered(self) -> int | None:
        """Rows that the API delivered; `None` where that is not known."""

    @property
    def records(self) -> int | None:
        """The API's records behind these rows."""

    @property
    def total_entries(self) -> int | None:
        """Records that the API itself counted."""

    @property
    def changed(self) -> int | None:
        """Lists that changed while they were read."""

    @property
    def still_listed(self) -> int | None:
        """Lists that answered 404 though their parents are listed."""

    @property
    def still_listed_names(self) -> Sequence[str]:
        """What the first few of these were asked with."""

    @property
    def parent_incomplete(self) -> str | None:
        """Why the parent did not come whole, as a clause."""

    @property
    def parent_doubtful(self) -> str | None:
        """Why it may not have come whole, as a clause."""

    @property
    def repeated(self) -> int | None:
        """Records that came again on a later page, and are rows of the table once."""


@dataclass(frozen=True, kw_only=True)
class LoadedTable:
    """The table of an extract that has been loaded."""

    endpoint: Endpoint
    tables: DatasetInspector
    where: str | None
    window: Window | None
    delivered: int
    records: int
    total_entries: int | None
    changed: int
    still_listed: int
    still_listed_names: Sequence[str]
    parent_incomplete: str | None
    parent_doubtful: str | None
    repeated: int

    @classmethod
    def of(cls, extract: Extract, tables: DatasetInspector) -> "LoadedTable":
        """Take what the table should hold from what was delivered."""
        return cls(
            endpoint=extract.endpoint,
            tables=tables,
            where=replaced_rows(extract),
            window=extract.window,
            delivered=extract.rows,
            records=extract.records,
            total_entries=extract.total_entries,
            changed=extract.unstable,
            still_listed=extract.still_listed,
            still_listed_names=extract.still_listed_names,
            parent_incomplete=extract.parent_incomplete,
            parent_doubtful=extract.parent_doubtful,
            repeated=extract.repeated,
        )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found."""

    passed: bool
    description: str
    warns: bool = False
    """Whether it is a warning and no error where it did not pass."""

    metadata: Mapping[str, Any] = field(default_factory=dict)


def replaced_rows(extract: Extract) -> str | None:
    """Return which rows of the table a delivery replaced, as a condition in SQL; `None` where they are all."""
    endpoint = extract.endpoint
    return scope_of(extract) if endpoint.partitioned else in_window(endpoint, extract.window)


def in_window(endpoint: Endpoint, window: Window | None) -> str | None:
    """Return which rows are of a time, as a condition in SQL; `None` where the endpoint is not asked for a time."""
    return within(column_name(endpoint.time.column), window) if endpoint.time and window else None


def no_table(endpoint: Endpoint, table: str | None = None) -> Finding:
    """Tell that there is nothing to check.

    Args:
        endpoint: The endpoint.
        table: The table that is missing, where it is not the endpoint's own.
    """
    name = endpoint.name
    said = f"There is no table {table or name!r} in the dataset: materialize segment/{name}."
    return Finding(passed=False, description=said)


def row_count(expected: Expected) -> Finding:
    """Compare the rows of the table with those that were delivered, and with the API's own count."""
    endpoint, delivered = expected.endpoint, expected.delivered
    if not expected.tables.columns(endpoint.name):
        return no_table(endpoint)
    found = expected.tables.count(endpoint.name, expected.where)
    if delivered is None:
        said = f"{pluralize(found, 'row')} found; how many there should be is known once the asset is materialized."
        return Finding(passed=False, warns=True, description=said, metadata={"found": found})
    # of all rows of a table that is merged by its key, what counts is how many were there once they had been loaded
    merged = endpoint.incremental and expected.where is not None
    repeated = (expected.repeated or 0) if merged else 0
    once = delivered - repeated
    # rows that were merged by their key stay when the API lists them no more: a part of the table may hold some
    kept = found - once if merged else 0
    again = f"{repeated:,} of them again on a later page" if repeated else ""
    wrong = [f"delivered {delivered:,}{again and f', {again}'}"] if found - max(0, kept) != once else []
    if not agrees(endpoint, found, expected.records, expected.total_entries, expected.repeated):
        wrong.append(f"total_entries {expected.total_entries:,}")
    if expected.changed:
        wrong.append(f"{pluralize(expected.changed, 'list')} changed while being read: materialize it again")
    if expected.parent_incomplete:
        wrong.append(expected.parent_incomplete)
    doubtful = [*_still_listed(expected), *([expected.parent_doubtful] if expected.parent_doubtful else [])]
    records = None if expected.records == delivered else expected.records
    known = {
        "delivered": delivered,
        "repeated": repeated or None,
        "records": records,
        "total_entries": expected.total_entries,
    }
    said = _said([*wrong, *doubtful], kept, again and f"{delivered:,} delivered, {again}")
    return Finding(
        passed=not wrong and not doubtful,
        warns=bool(doubtful) and not wrong,
        description=f"{pluralize(found, 'row')} found{_of_what(expected)}{said}.",
        metadata={"found": found, **{name: count for name, count in known.items() if count is not None}},
    )


def schema(expected: Expected) -> Finding:
    """Compare the declared columns with the table's: missing or retyped is an error, new a warning."""
    endpoint, tables = expected.endpoint, expected.tables
    found = tables.columns(endpoint.name)
    if not found:
        return no_table(endpoint)
    declared = columns_of(endpoint)
    types = {column: tables.lands_as(hints["data_type"]) for column, hints in declared.items()}
    missing = [column for column in declared if column not in found]
    retyped = [
        f"{column} ({declared_type}, found {found[column].get('data_type')})"
        for column, declared_type in types.items()
        if column in found and found[column].get("data_type") != declared_type
    ]
    new = [column for column in found if column not in declared]
    said = [
        f"{kind}: {', '.join(columns)}"
        for kind, columns in (("missing", missing), ("retyped", retyped), ("new", new))
        if columns
    ]
    return Finding(
        passed=not said,
        warns=not (missing or retyped),
        description=f"{'; '.join(said)}." if said else f"{len(declared)} columns as declared.",
        metadata={"missing": missing, "retyped": retyped, "new": new},
    )


def primary_key(expected: Expected) -> Finding:
    """Look for keys that come more than once or are null."""
    endpoint = expected.endpoint
    key = [column_name(field) for field in endpoint.primary_key]
    columns = expected.tables.columns(endpoint.name)
    if not columns:
        return no_table(endpoint)
    if absent := [column for column in key if column not in columns]:
        return Finding(passed=False, description=f"The table has no column {', '.join(absent)}.")
    optional = [column_name(field) for field in endpoint.optional_key]
    count, rows = expected.tables.duplicates(endpoint.name, key, SHOWN, optional=optional)
    passed = "Unique." if optional else "Unique, nowhere null."
    return Finding(
        passed=not count,
        description=f"{pluralize(count, 'key')} more than once or null." if count else passed,
        metadata={"offending_keys": count, **({"first": list(_keys(endpoint, key, rows))} if rows else {})},
    )


def history(expected: Expected) -> Finding:
    """Compare the current versions of the history with the rows of the table."""
    endpoint, tables = expected.endpoint, expected.tables
    versions = history_table(endpoint.name)
    if not tables.columns(endpoint.name):
        return no_table(endpoint)
    if not tables.columns(versions):
        return no_table(endpoint, versions)
    key = [column_name(field) for field in endpoint.primary_key]
    optional = [column_name(field) for field in endpoint.optional_key]
    rows, current = tables.count(endpoint.name), tables.count(versions, f"{VALID_TO} IS NULL")
    twice, first_twice = tables.duplicates(versions, key, SHOWN, optional=optional, null=VALID_TO)
    disordered, first_disordered = tables.out_of_order(versions, key, VALID_FROM, VALID_TO, SHOWN)
    wrong = [f"{pluralize(current, 'current version')} of {pluralize(rows, 'row')}"] if current != rows else []
    wrong += [f"{pluralize(twice, 'key')} with more than one current version, or null"] if twice else []
    wrong += [f"{pluralize(disordered, 'key')} with a version that ends before it begins"] if disordered else []
    first = [shown_key(endpoint, key, row[:-1]) for row in (*first_twice, *first_disordered)][:SHOWN]
    said = "; ".join(wrong) or f"{pluralize(current, 'current version')}, one for each row"
    return Finding(
        passed=not wrong,
        description=f"{said}.",
        metadata={"rows": rows, "current": current, **({"first": first} if first else {})},
    )


def failed_checks(
    extracts: Sequence[Extract], tables: DatasetInspector, *, history_kept: bool = False
) -> Iterator[tuple[Endpoint, str, Finding]]:
    """Check the tables of deliveries that were loaded.

    Args:
        extracts: What was loaded, or was there unchanged.
        tables: The dataset.
        history_kept: Whether the history of configuration is kept.

    Yields:
        The endpoint, the name of the check and what it found, for each check that did not pass.
    """
    for extract in extracts:
        loaded = LoadedTable.of(extract, tables)
        checks = [row_count, schema, primary_key]
        checks += [history] if history_kept and extract.endpoint.keeps_history else []
        for check in checks:
            finding = check(loaded)
            if not finding.passed:
                yield extract.endpoint, check.__name__, finding


def _keys(endpoint: Endpoint, key: Sequence[str], rows: Rows) -> Iterator[str]:
    for row in rows:
        yield f"{shown_key(endpoint, key, row[:-1])} ({row[-1]} rows)"


def _of_what(expected: Expected) -> str:
    window = expected.window
    if window is None:
        return ""
    return f" of {window.start:%Y-%m-%d %H:%M} to {f'{window.end:%Y-%m-%d %H:%M}' if window.end else 'now'}"


def _said(wrong: Sequence[str], kept: int, again: str) -> str:
    if wrong:
        return f", but {', '.join(wrong)}"
    if again:
        return f", {again}{f', and {kept:,} of before' if kept > 0 else ''}"
    return f", all that were delivered and {kept:,} of before" if kept > 0 else ", as delivered"


def _still_listed(expected: Expected) -> list[str]:
    if not expected.still_listed:
        return []
    names = "; ".join(expected.still_listed_names)
    more = expected.still_listed - len(expected.still_listed_names)
    named = f" ({names}{f' and {more:,} more' if more > 0 and names else ''})" if names else ""
    return [f"{pluralize(expected.still_listed, 'list')} answered 404 twice though still listed{named}"]
