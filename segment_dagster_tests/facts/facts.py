"""What the official SDK says of the endpoints, as `segment_public_api.json` and `by_hand.json` hold it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Place = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a model."""

    type: str
    """`string`, `number`, `integer`, `boolean`, `object`, `map`, `any`, or `array<...>` of one of them."""

    optional: bool = False
    """Whether a record may lack it."""

    nullable: bool = False
    enum: tuple[str, ...] = ()
    model: str | None = None
    any_of: tuple[str, ...] = ()
    """The models that its object may be one of."""


Model = Mapping[str, Field]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of an operation."""

    place: str
    """`path` or `query`."""

    type: str
    optional: bool
    values: tuple[str, ...] = ()
    """The values that its text names, where the operation's type does not."""


@dataclass(frozen=True, kw_only=True)
class EndpointFacts:
    """One list of an operation's answer."""

    operation: str
    path: str
    method: str
    accept: str
    limit: int | None
    """Requests a minute."""

    feature: str | None
    parameters: Mapping[str, Parameter]
    selector: Place
    beside: frozenset[str]
    """What else the answer's data may hold."""

    single: bool
    model: str | None
    """The model of a row; `None` where it is no object of known fields."""

    type: str
    """The type of a row."""

    maximum: int | None
    """Rows of the largest page; `None` where there are no pages."""

    count: str | None
    cursor: str | None
    next: Place | None
    """Where the next page's cursor is; `None` where no answer has one."""

    next_model: str | None
    next_optional: bool
    key: tuple[str, ...]
    parents: Mapping[str, str]
    """By name of a parameter, the list and the field that its values come from: `sources.id`."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All facts."""

    sdk: str
    endpoints: Mapping[str, EndpointFacts]
    """By the endpoint's name in the catalogue."""

    models: Mapping[str, Model]
    other_gets: Mapping[str, str]
    """The GET operations that none of the endpoints is of, each with its path."""

    times: frozenset[str]
    """Fields and parameters that are points in time, written as text."""

    dates: frozenset[str]
    unix_times: frozenset[str]
    """Fields that are points in time, written as seconds since 1970."""

    whole_numbers: frozenset[str]
    """Fields that are whole numbers, written as text."""

    base_urls: Mapping[str, str]


def load() -> Facts:
    """Read both files."""
    return parse(_read("segment_public_api.json"), _read("by_hand.json"))


def parse(sdk: Mapping[str, Any], by_hand: Mapping[str, Any]) -> Facts:
    """Bring together what the SDK says and what is kept by hand.

    Args:
        sdk: What `segment_public_api.json` holds.
        by_hand: What `by_hand.json` holds.
    """
    written = by_hand["written_as"]
    return Facts(
        sdk=sdk["sdk"],
        endpoints={
            name: _endpoint(sdk["operations"][about["operation"]], about)
            for name, about in by_hand["endpoints"].items()
        },
        models={
            name: {field: _field(about) for field, about in fields.items()} for name, fields in sdk["models"].items()
        },
        other_gets=sdk["other_gets"],
        times=frozenset(written["time"]),
        dates=frozenset(written["date"]),
        unix_times=frozenset(written["unix_seconds"]),
        whole_numbers=frozenset(written["number_as_text"]),
        base_urls=by_hand["base_urls"],
    )


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return found


def _field(about: Mapping[str, Any]) -> Field:
    return Field(
        **{
            **about,
            "enum": tuple(about.get("enum", ())),
            "any_of": tuple(about.get("any_of", ())),
        }
    )


def _endpoint(operation: Mapping[str, Any], about: Mapping[str, Any]) -> EndpointFacts:
    selector = about.get("list") or _only(operation["lists"])
    entry = operation["lists"][selector]
    others = {place.removeprefix("data.") for place in operation["lists"]}
    others |= {found["next"].split(".")[1] for found in operation["lists"].values() if "next" in found}
    values = about.get("values", {})
    return EndpointFacts(
        operation=about["operation"],
        path=operation["path"],
        method=operation["method"],
        accept=operation["accept"],
        limit=operation.get("limit"),
        feature=operation.get("feature"),
        parameters={
            name: Parameter(
                place=parameter["in"],
                type=parameter["type"],
                optional=parameter.get("optional", False),
                values=tuple(values.get(name, ())),
            )
            for name, parameter in operation["parameters"].items()
        },
        selector=tuple(selector.split(".")),
        beside=frozenset(others) | frozenset(operation.get("beside", ())),
        single=entry["kind"] == "object",
        model=entry.get("model"),
        type=entry.get("type", "object"),
        maximum=entry.get("maximum"),
        count=entry.get("count"),
        cursor=entry.get("cursor"),
        next=tuple(entry["next"].split(".")) if "next" in entry else None,
        next_model=entry.get("next_model"),
        next_optional=entry.get("next_optional", False),
        key=tuple(about.get("key", ("id",))),
        parents=about.get("parents", {}),
    )


def _only(lists: Mapping[str, Any]) -> str:
    (selector,) = lists
    return str(selector)
