"""Check that all rows arrived with the declared columns and keys, for the assets and the plain script."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from segment_dagster.config import Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name, columns_of
from segment_dagster.extract.completeness import agrees
from segment_dagster.extract.disposition import rows_of_parents, scope_of, within
from segment_dagster.extract.people import shown_key
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window
from segment_dagster.extract.versions import VALID_FROM, VALID_TO, history_table
from segment_dagster.load.inspector import DatasetInspector, Rows
from segment_dagster.text import pluralize

PARENTS_PER_CONDITION = 100
"""Parents whose rows one SQL condition selects."""

SHOWN = 20
"""Most offending keys that a result shows."""


class Expected(Protocol):
    """A table and its expected content."""

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the table."""

    @property
    def tables(self) -> DatasetInspector:
        """The dataset of the table."""

    @property
    def where(self) -> str | None:
        """SQL condition for the rows that count; `None` for all."""

    @property
    def conditions(self) -> Sequence[str] | None:
        """SQL conditions for the rows that count, each for others, where a table is read in slices of parents."""

    @property
    def window(self) -> Window | None:
        """The time window of these rows."""

    @property
    def delivered(self) -> int | None:
        """Rows that the API delivered; `None` if unknown."""

    @property
    def records(self) -> int | None:
        """Records of the API that these rows come from."""

    @property
    def total_entries(self) -> int | None:
        """The API's own count of records, `totalEntries`."""

    @property
    def changed(self) -> int | None:
        """Number of lists that changed while they were read."""

    @property
    def still_listed(self) -> int | None:
        """Number of lists that answered 404 although their parents are listed."""

    @property
    def still_listed_names(self) -> Sequence[str]:
        """Names of the first few of these lists, by the parameters of their requests."""

    @property
    def parent_incomplete(self) -> str | None:
        """Why the parent is incomplete, as a clause."""

    @property
    def parent_doubtful(self) -> str | None:
        """Why the parent may be incomplete, as a clause."""

    @property
    def repeated(self) -> int | None:
        """Records that were repeated on a later page; the table has each of them once."""

    @property
    def preview(self) -> Preview:
        """Whether keys are shown with personal data masked."""


@dataclass(frozen=True, kw_only=True)
class LoadedTable:
    """The table of a loaded extract."""

    endpoint: Endpoint
    tables: DatasetInspector
    where: str | None
    conditions: Sequence[str] | None
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
    preview: Preview = Preview.MASKED

    @classmethod
    def of(cls, extract: Extract, tables: DatasetInspector, preview: Preview = Preview.MASKED) -> "LoadedTable":
        """Return the expected content of an extract's table."""
        return cls(
            endpoint=extract.endpoint,
            tables=tables,
            where=replaced_rows(extract),
            conditions=parent_conditions(extract),
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
            preview=preview,
        )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of a check."""

    passed: bool
    description: str
    warns: bool = False
    """Whether a check that did not pass is a warning instead of an error."""

    metadata: Mapping[str, Any] = field(default_factory=dict)


def replaced_rows(extract: Extract) -> str | None:
    """Return an SQL condition for the rows that an extract replaced; `None` for all."""
    endpoint = extract.endpoint
    return scope_of(extract) if endpoint.partitioned else in_window(endpoint, extract.window)


def parent_conditions(extract: Extract) -> Sequence[str] | None:
    """Return SQL conditions for the rows of the parents that were read; `None` if the table is read whole."""
    parents = extract.parents
    if parents is None:
        return None
    chunks = (parents[start : start + PARENTS_PER_CONDITION] for start in range(0, len(parents), PARENTS_PER_CONDITION))
    return [rows_of_parents(extract.endpoint, chunk) for chunk in chunks]


def in_window(endpoint: Endpoint, window: Window | None) -> str | None:
    """Return an SQL condition for the rows in a window; `None` if the endpoint has no time or there is no window."""
    return within(column_name(endpoint.time.column), window) if endpoint.time and window else None


def no_table(endpoint: Endpoint, table: str | None = None) -> Finding:
    """Return the finding for a missing table.

    Args:
        endpoint: The endpoint.
        table: The missing table, if it is not the endpoint's own.
    """
    name = endpoint.name
    description = f"There is no table {table or name!r} in the dataset: materialize segment/{name}."
    return Finding(passed=False, description=description)


def row_count(expected: Expected) -> Finding:
    """Compare the number of rows with the delivered rows and the API's own count."""
    endpoint, delivered = expected.endpoint, expected.delivered
    if not expected.tables.columns(endpoint.name):
        return no_table(endpoint)
    tables, conditions = expected.tables, expected.conditions
    if conditions is None:
        found = tables.count(endpoint.name, expected.where)
    else:
        found = sum(tables.counts(endpoint.name, conditions))
    if delivered is None:
        description = (
            f"{pluralize(found, 'row')} found; how many there should be is known once the asset is materialized."
        )
        return Finding(passed=False, warns=True, description=description, metadata={"found": found})
    # with a condition, the table was merged by key, and repeated records are one row
    merged = endpoint.incremental and expected.where is not None
    repeated = (expected.repeated or 0) if merged else 0
    once = delivered - repeated
    # after a merge by key, rows that the API no longer lists stay in the table
    kept = found - once if merged else 0
    again = f"{repeated:,} of them again on a later page" if repeated else ""
    wrong = [f"delivered {delivered:,}{again and f', {again}'}"] if found - max(0, kept) != once else []
    if not agrees(endpoint, found, expected.records, expected.total_entries, expected.repeated):
        wrong.append(f"total_entries {expected.total_entries:,}")
    if expected.changed:
        wrong.append(f"{pluralize(expected.changed, 'list')} changed while being read: materialize it again")
    if expected.parent_incomplete:
        wrong.append(expected.parent_incomplete)
    doubtful = [*_still_listed_text(expected), *([expected.parent_doubtful] if expected.parent_doubtful else [])]
    records = None if expected.records == delivered else expected.records
    counts = {
        "delivered": delivered,
        "repeated": repeated or None,
        "records": records,
        "total_entries": expected.total_entries,
    }
    description = _summary([*wrong, *doubtful], kept, again and f"{delivered:,} delivered, {again}")
    return Finding(
        passed=not wrong and not doubtful,
        warns=bool(doubtful) and not wrong,
        description=f"{pluralize(found, 'row')} found{_window_text(expected)}{description}.",
        metadata={"found": found, **{name: count for name, count in counts.items() if count is not None}},
    )


def schema(expected: Expected) -> Finding:
    """Compare the declared columns with the table's: a missing or retyped one is an error, a new one a warning."""
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
    differences = [
        f"{kind}: {', '.join(columns)}"
        for kind, columns in (("missing", missing), ("retyped", retyped), ("new", new))
        if columns
    ]
    return Finding(
        passed=not differences,
        warns=not (missing or retyped),
        description=f"{'; '.join(differences)}." if differences else f"{len(declared)} columns as declared.",
        metadata={"missing": missing, "retyped": retyped, "new": new},
    )


def primary_key(expected: Expected) -> Finding:
    """Check that no key occurs more than once or is null."""
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
        metadata={"offending_keys": count, **({"first": list(_format_keys(expected, key, rows))} if rows else {})},
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
    first = [shown_key(endpoint, key, row[:-1], expected.preview) for row in (*first_twice, *first_disordered)][:SHOWN]
    description = "; ".join(wrong) or f"{pluralize(current, 'current version')}, one for each row"
    return Finding(
        passed=not wrong,
        description=f"{description}.",
        metadata={"rows": rows, "current": current, **({"first": first} if first else {})},
    )


def failed_checks(
    extracts: Sequence[Extract],
    tables: DatasetInspector,
    *,
    history_kept: bool = False,
    preview: Preview = Preview.MASKED,
) -> Iterator[tuple[Endpoint, str, Finding]]:
    """Check the tables of extracts.

    Args:
        extracts: The extracts that were loaded or unchanged.
        tables: The dataset.
        history_kept: Whether the history of configuration is kept.
        preview: Whether keys are shown with personal data masked.

    Yields:
        The endpoint, the name of the check and its finding, for each check that did not pass.
    """
    for extract in extracts:
        loaded = LoadedTable.of(extract, tables, preview)
        checks = [row_count, schema, primary_key]
        # dlt keeps no versions of a part of a table
        sliced = extract.parents is not None
        checks += [history] if history_kept and extract.endpoint.keeps_history and not sliced else []
        for check in checks:
            finding = check(loaded)
            if not finding.passed:
                yield extract.endpoint, check.__name__, finding


def _format_keys(expected: Expected, key: Sequence[str], rows: Rows) -> Iterator[str]:
    for row in rows:
        yield f"{shown_key(expected.endpoint, key, row[:-1], expected.preview)} ({row[-1]} rows)"


def _window_text(expected: Expected) -> str:
    window = expected.window
    if window is None:
        return ""
    return f" of {window.start:%Y-%m-%d %H:%M} to {f'{window.end:%Y-%m-%d %H:%M}' if window.end else 'now'}"


def _summary(wrong: Sequence[str], kept: int, again: str) -> str:
    if wrong:
        return f", but {', '.join(wrong)}"
    if again:
        return f", {again}{f', and {kept:,} of before' if kept > 0 else ''}"
    return f", all that were delivered and {kept:,} of before" if kept > 0 else ", as delivered"


def _still_listed_text(expected: Expected) -> list[str]:
    if not expected.still_listed:
        return []
    names = "; ".join(expected.still_listed_names)
    more = expected.still_listed - len(expected.still_listed_names)
    named = f" ({names}{f' and {more:,} more' if more > 0 and names else ''})" if names else ""
    return [f"{pluralize(expected.still_listed, 'list')} answered 404 twice though still listed{named}"]
