"""The fields of a record at every depth, each as the keys that lead to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from segment_dagster_tests.facts.facts import Facts

Path = tuple[str, ...]
"""Keys; one that ends in `[]` leads to each element of a list."""


@dataclass(frozen=True)
class FieldAt:
    """A field of a record, or of an object within it."""

    path: Path
    optional: bool
    nullable: bool
    enum: tuple[str, ...]


def fields_at(endpoint: str, facts: Facts) -> list[FieldAt]:
    """List the fields of an endpoint's records, those of an object after itself.

    Args:
        endpoint: The endpoint's name in the catalogue.
        facts: What the SDK says.
    """
    model = facts.endpoints[endpoint].model
    return list(_within((), model, facts)) if model else []


def _within(around: Path, model: str, facts: Facts) -> Iterator[FieldAt]:
    for name, field in facts.models[model].items():
        path = (*around, f"{name}[]" if field.type == "array<object>" else name)
        yield FieldAt(path, field.optional, field.nullable, field.enum)
        if field.model:
            yield from _within(path, field.model, facts)
