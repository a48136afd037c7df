"""Whether an answer has the shape that the SDK's models give it."""

from collections.abc import Iterator
from typing import Any

from segment_dagster_tests.facts.facts import EndpointFacts, Facts, Field

_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "map": (dict,),
    "array": (list,),
}


def problems(body: Any, about: EndpointFacts, facts: Facts) -> list[str]:
    """List what of an answer is not as the SDK knows it.

    Args:
        body: The answer, decoded.
        about: The endpoint that was asked for.
        facts: What the SDK says.

    Returns:
        One line each, with the place in the answer.
    """
    if not isinstance(body, dict) or body.keys() != {"data"}:
        return ["the answer is not an object with `data` alone"]
    return list(_data(body["data"], about, facts))


def records(body: Any, about: EndpointFacts) -> list[Any]:
    """Return the records of an answer, where the SDK has them.

    Raises:
        KeyError: There is nothing at that place.
    """
    found = body
    for key in about.selector:
        found = found[key]
    return [found] if about.single else list(found)


def _data(data: Any, about: EndpointFacts, facts: Facts) -> Iterator[str]:
    row = Field(type=about.type, model=about.model)
    if about.selector == ("data",):
        yield from _value("data", data, row, facts)
        return
    name = about.selector[1]
    yield from (f"data.{key} is not known to the SDK" for key in data.keys() - about.beside - {name})
    yield from _value(f"data.{name}", data.get(name), row if about.single else _list_of(row), facts)
    if about.next:
        pagination = Field(type="object", model=about.next_model, optional=about.next_optional)
        holder = about.next[1]
        if holder in data or not pagination.optional:
            yield from _value(f"data.{holder}", data.get(holder), pagination, facts)


def _list_of(row: Field) -> Field:
    return Field(type=f"array<{row.type}>", model=row.model)


def _value(place: str, value: Any, field: Field, facts: Facts) -> Iterator[str]:
    kind, _, inner = field.type.partition("<")
    if kind == "any":
        return
    fits = isinstance(value, _PYTHON[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        yield f"{place} is {type(value).__name__}, not {field.type}"
        return
    if kind == "array":
        element = Field(type=inner[:-1], model=field.model, enum=field.enum, any_of=field.any_of)
        for index, item in enumerate(value):
            yield from _value(f"{place}[{index}]", item, element, facts)
    elif kind == "map" and inner:
        for key, item in value.items():
            yield from _value(f"{place}.{key}", item, Field(type=inner[:-1]), facts)
    elif field.enum and value not in field.enum:
        yield f"{place} is {value!r}, not one of {', '.join(field.enum)}"
    elif field.any_of:
        if all(list(_object(place, value, model, facts)) for model in field.any_of):
            yield f"{place} is none of {', '.join(field.any_of)}"
    elif field.model:
        yield from _object(place, value, field.model, facts)


def _object(place: str, value: dict[str, Any], model: str, facts: Facts) -> Iterator[str]:
    fields = facts.models[model]
    for name in value.keys() - fields.keys():
        yield f"{place}.{name} is not known to the SDK"
    for name, field in fields.items():
        if name not in value:
            if not field.optional:
                yield f"{place}.{name} is missing"
        elif value[name] is None:
            if not field.nullable:
                yield f"{place}.{name} is null"
        else:
            yield from _value(f"{place}.{name}", value[name], field, facts)
