"""Compare rows of the catalogue with the facts of the SDK."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segment_dagster.endpoints import Column, Endpoint, TimeRange
from segment_dagster_tests.facts.facts import EndpointFacts, Facts, Field

_TYPES: dict[str, tuple[str, ...]] = {
    "string": ("text",),
    "number": ("bigint", "double"),
    "integer": ("bigint",),
    "boolean": ("bool",),
}
"""The dlt types that a JSON type may land in; all others are kept whole, as `json`."""


@dataclass(frozen=True)
class Difference:
    """What a row states otherwise than the facts."""

    endpoint: str
    attribute: str
    catalogue: object
    facts: object

    def __str__(self) -> str:
        """One line that names endpoint, attribute and both values."""
        catalogue, facts = ("nothing" if side is None else repr(side) for side in (self.catalogue, self.facts))
        return f"{self.endpoint}: {self.attribute} is {catalogue} in the catalogue, {facts} in the SDK"


def differences(rows: Iterable[Endpoint], facts: Facts) -> list[Difference]:
    """List all differences, row by row.

    Args:
        rows: Rows of the catalogue.
        facts: What the SDK says.

    Returns:
        The differences; none where the rows say what the SDK says.
    """
    found: list[Difference] = []
    names = set()
    for row in rows:
        names.add(row.name)
        about = facts.endpoints.get(row.name)
        if about is None:
            found.append(Difference(row.name, "endpoint", row.path, None))
            continue
        pairs = [*_request(row, about), *_paging(row, about), *_record(row, about, facts)]
        found += [Difference(row.name, *pair) for pair in pairs if pair[1] != pair[2]]
    found += [Difference(name, "endpoint", None, facts.endpoints[name].path) for name in facts.endpoints.keys() - names]
    return found


Pair = tuple[str, object, object]


def _request(row: Endpoint, about: EndpointFacts) -> Iterator[Pair]:
    yield "path", row.path, about.path
    yield "method", "GET", about.method
    yield "Accept", row.media_type, about.accept
    yield "requests a minute", row.requests_per_minute, about.limit
    yield "feature", row.feature, about.feature
    binds = row.parent.binds if row.parent else ()
    parents = {bind.parameter: f"{row.parent.endpoint}.{bind.field}" for bind in binds if row.parent}
    yield "parents", parents, dict(about.parents)
    sent = {*row.asked_with, *(parameter.name for parameter in row.parameters)}
    for name in sorted(sent - about.parameters.keys()):
        yield f"parameter {name}", "sent", "unknown"
    for name in sorted(name for name, parameter in about.parameters.items() if not parameter.optional):
        if name not in sent:
            yield f"parameter {name}", "not sent", "required"
    asked = {parameter.name: parameter.values for parameter in row.parameters}
    if isinstance(row.time, TimeRange) and row.time.granularity:
        asked["granularity"] = (row.time.granularity, *(span.granularity for span in row.time.spans))
    for name, values in asked.items():
        if name in about.parameters and (known := about.parameters[name].values):
            yield f"values of parameter {name}", sorted(set(values) - set(known)), []


def _paging(row: Endpoint, about: EndpointFacts) -> Iterator[Pair]:
    yield "page maximum", row.page_size, about.maximum
    if row.page_size and about.maximum:
        yield "count parameter", row.paging.count, about.count
        yield "cursor parameter", row.paging.cursor, about.cursor
        yield "pagination object in every answer", row.paging.required, bool(about.next) and not about.next_optional
        if about.next:
            yield "next cursor", (*row.paging.answer, "next"), about.next


def _record(row: Endpoint, about: EndpointFacts, facts: Facts) -> Iterator[Pair]:
    yield "selector", row.selector, about.selector
    yield "one record", row.single, about.single
    yield "primary key", row.primary_key, about.key
    fields = row_fields(row, about, facts)
    columns = {column.field: column for column in row.columns}
    optional = tuple(field for field in row.primary_key if _may_lack(columns.get(field), fields))
    yield "optional key", row.optional_key, optional
    for name in row.exploded.without if row.exploded else ():
        yield f"field {name}", "left out", facts.models[about.model or ""][name].type
    for name, field in fields.items():
        if name not in columns:
            yield f"field {name}", None, field.type
    for column in row.columns:
        found = fields.get(column.field) or _inside(column, fields, facts)
        if found is None and column.parameter and column.parameter in about.parameters:
            found = Field(type=about.parameters[column.parameter].type)
        if found is None:
            yield f"field {column.field}", column.type, None
            continue
        expected = _dlt_types(column.parameter or column.field, found, facts)
        if column.type not in expected:
            yield f"type of {column.field}", column.type, " or ".join(expected)
        yield f"unix seconds of {column.field}", column.unix, column.field in facts.unix_times
        if column.field in fields:
            yield f"values of {column.field}", sorted(column.values), sorted(found.enum)


def row_fields(row: Endpoint, about: EndpointFacts, facts: Facts) -> dict[str, Field]:
    """The fields of a row of the table, as the SDK's models and the way a record becomes rows make them."""
    if about.model is None:
        return {row.wrapped: Field(type=about.type)} if row.wrapped else {}
    record = dict(facts.models[about.model])
    if row.exploded is None:
        return record
    held = record.pop(row.exploded.field, None)
    if held is None:
        return record
    record = {name: field for name, field in record.items() if name not in row.exploded.without}
    if row.exploded.element:
        return record | {row.exploded.element: Field(type=held.type.removeprefix("array<").removesuffix(">"))}
    return record | dict(facts.models[held.model or ""])


def _may_lack(column: Column | None, fields: dict[str, Field]) -> bool:
    if column is None or column.parameter:
        return False
    field = fields.get(column.field) or (fields.get(column.source_path[0]) if column.source_path else None)
    return field is not None and field.optional


def _inside(column: Column, fields: dict[str, Field], facts: Facts) -> Field | None:
    found: Field | None = None
    for step in column.source_path:
        found = fields.get(step)
        fields = dict(facts.models.get(found.model or "", {})) if found else {}
    return found


def _dlt_types(name: str, field: Field, facts: Facts) -> tuple[str, ...]:
    if field.type == "string" and name in facts.times:
        return ("timestamp",)
    if field.type == "string" and name in facts.dates:
        return ("date",)
    if field.type == "string" and name in facts.whole_numbers:
        return ("bigint",)
    if field.type in ("number", "integer") and name in facts.unix_times:
        return ("timestamp",)
    return _TYPES.get(field.type, ("json",))
