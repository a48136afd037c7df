"""Rebuild `segment_public_api.json` from an installed Segment Public API SDK for Python.

The facts are those of segmentio/public-api-sdk-python 73.2.0. The SDK is no dependency of the project: install it from
a checkout of that release into an environment of its own, and run this there, from the root of the project. Nothing
else has to be installed.

    python -m venv sdk
    sdk/bin/pip install path/to/public-api-sdk-python
    sdk/bin/python -m segment_dagster_tests.facts.rebuild

It calls each GET operation with a client that records the request and sends nothing, and looks at the pydantic models
of the answers. `git diff` then shows what another release changes. With `--check` nothing is written: it ends with 1
if the file would be another one.

The committed file was written from a reading of the source of 73.2.0, not yet by this script. It was compared with
segmentio/public-api-sdk-typescript 47.0.0, which has 55 of the 70 operations and differs only where the API has grown.
Run `--check` where the Python SDK can be had.
"""

import argparse
import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

SDK = "segment_public_api"
HERE = Path(__file__).parent
FACTS = HERE / "segment_public_api.json"
BY_HAND = HERE / "by_hand.json"

JsonObject = dict[str, Any]

_SCALARS = {"StrictStr": "string", "str": "string", "StrictBool": "boolean", "bool": "boolean"}
_INTEGERS = {"StrictInt", "int"}
_FLOATS = {"StrictFloat", "float"}
_LIMIT = re.compile(r"rate limit for this endpoint is (\d+) requests? per minute")
_FEATURE = re.compile(r"needs to have the (.+?) feature enabled")
_MAXIMUM = re.compile(r"between 1 and (\d+)")
_NULLABLE = re.compile(r"set to None if (\w+) \(nullable\) is None")
_MEDIA = "application/vnd.segment."


class _Recorded(Exception):
    """Raised in the place of a request."""


class RecordingClient:
    """Stands for the SDK's `ApiClient`: records what an operation would send, and what it would read."""

    def __init__(self) -> None:
        self.request: JsonObject = {}
        self.accept: list[str] = []
        self.answers: Mapping[str, str | None] = {}

    def select_header_accept(self, accepts: list[str]) -> str:
        """Record the media types of an answer, best first."""
        self.accept = list(accepts)
        return accepts[0]

    def select_header_content_type(self, content_types: list[str], method: object = None, body: object = None) -> str:
        """Choose as the SDK does; a GET has no body."""
        return content_types[0]

    def param_serialize(self, **request: Any) -> tuple[()]:
        """Record method, path and parameters."""
        self.request = request
        return ()

    def call_api(self, *_: object, **__: object) -> "RecordingClient":
        """Send nothing."""
        return self

    def read(self) -> None:
        """Read nothing."""

    def response_deserialize(self, *, response_data: object, response_types_map: Mapping[str, str | None]) -> None:
        """Record the models of the answers and end the call.

        Raises:
            _Recorded: Always.
        """
        self.answers = response_types_map
        raise _Recorded


def rebuild(by_hand: Mapping[str, Any]) -> JsonObject:
    """Collect the facts of the installed SDK.

    Args:
        by_hand: What `by_hand.json` holds. It names the operations that are described in full.

    Returns:
        The facts, ready for `to_text`.

    Raises:
        LookupError: The SDK lacks an operation that is named; the message says which.
    """
    sdk = importlib.import_module(SDK)
    models = importlib.import_module(f"{SDK}.models")
    wanted = {endpoint["operation"] for endpoint in by_hand["endpoints"].values()}
    operations: JsonObject = {}
    others: dict[str, str] = {}
    seen: set[str] = set()
    for name, function, client in _gets():
        if name not in wanted:
            others[name] = client.request["resource_path"]
            continue
        operations[name] = _operation(function, client, models)
        lists = operations[name]["lists"].values()
        seen |= {entry[key] for entry in lists for key in ("model", "next_model") if key in entry}
        seen |= {p["model"] for p in operations[name]["parameters"].values() if "agination" in p.get("model", "")}
    if missing := sorted(wanted - operations.keys()):
        raise LookupError(f"the SDK has no operation {', '.join(missing)}: correct by_hand.json")
    return {
        "models": _models(seen, models),
        "operations": operations,
        "other_gets": others,
        "sdk": str(sdk.__version__),
    }


def to_text(value: object, indent: int = 0) -> str:
    """Write JSON with sorted keys, and what holds no other object on one line."""
    if not isinstance(value, dict) or (indent > 1 and not any(isinstance(item, dict) for item in value.values())):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    pad = " " * (indent + 1)
    lines = [f"{pad}{json.dumps(key)}: {to_text(value[key], indent + 1)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}" if lines else "{}"


def _gets() -> Iterator[tuple[str, Any, RecordingClient]]:
    package = importlib.import_module(f"{SDK}.api")
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{SDK}.api.{info.name}")
        classes: list[tuple[str, Any]] = inspect.getmembers(module, inspect.isclass)
        for class_name, api in classes:
            if api.__module__ != module.__name__ or not class_name.endswith("Api"):
                continue
            for name, method in inspect.getmembers(api, callable):
                if name.startswith("_") or name.endswith(("_with_http_info", "_without_preload_content")):
                    continue
                function = inspect.unwrap(method)
                client = RecordingClient()
                arguments = {argument: _Argument(argument) for argument in _parameters(function)}
                try:
                    function(api(client), **arguments)
                except _Recorded:
                    if client.request["method"] == "GET":
                        yield name, function, client


class _Argument:
    """Stands for an argument and is found again in the request; of an enum's member, the SDK sends the value."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value = self


def _parameters(function: Any) -> list[str]:
    names = list(inspect.signature(function).parameters)[1:]
    return [name for name in names if not name.startswith("_")]


def _operation(function: Any, client: RecordingClient, models: ModuleType) -> JsonObject:
    request, doc = client.request, " ".join((function.__doc__ or "").split())
    parameters = _described(function, request, models)
    output = getattr(models, str(client.answers["200"])).model_fields["data"].annotation
    _, _, output_model = _type(output)
    lists, beside = _lists(_fields(getattr(models, str(output_model)), models), str(output_model), parameters, models)
    facts: JsonObject = {
        "accept": next(accept for accept in client.accept if accept.startswith(_MEDIA)),
        "lists": lists,
        "method": request["method"],
        "parameters": {
            name: {key: value for key, value in parameter.items() if key != "maximum"}
            for name, parameter in parameters.items()
        },
        "path": request["resource_path"],
    }
    if beside:
        facts["beside"] = beside
    if limit := _LIMIT.search(doc):
        facts["limit"] = int(limit[1])
    if feature := _FEATURE.search(doc):
        facts["feature"] = feature[1]
    return facts


def _described(function: Any, request: JsonObject, models: ModuleType) -> dict[str, JsonObject]:
    signature = inspect.signature(function).parameters
    hints = inspect.get_annotations(function, eval_str=True)
    sent = [("path", *item) for item in request["path_params"].items()]
    sent += [("query", *item) for item in request["query_params"]]
    parameters: dict[str, JsonObject] = {}
    for place, name, given in sent:
        argument = given.name
        kind, _, model = _type(hints[argument])
        if model and _members(getattr(models, model)):
            kind, model = "string", None
        parameter: JsonObject = {"in": place, "type": kind}
        if model:
            parameter["model"] = model
        if signature[argument].default is not inspect.Parameter.empty:
            parameter["optional"] = True
        if name == "count" and (maximum := _MAXIMUM.search(_description(hints[argument]))):
            parameter["maximum"] = int(maximum[1])
        parameters[name] = parameter
    return parameters


def _lists(
    fields: Mapping[str, JsonObject], output: str, parameters: Mapping[str, JsonObject], models: ModuleType
) -> tuple[JsonObject, list[str]]:
    """The lists of an answer, by selector, and the names of what stands beside them."""
    records = {n: f for n, f in fields.items() if not n.lower().endswith("pagination")}
    found = {n: f for n, f in records.items() if f["type"].startswith("array")}
    if not found and len(records) == 1:
        found = {n: f for n, f in records.items() if f["type"] in ("object", "map")}
    if not found:
        return {"data": {"kind": "object", "model": output}}, []
    lists, beside = {}, set(fields) - set(found)
    for name, field in found.items():
        row = field["type"].removeprefix("array<").removesuffix(">")
        entry: JsonObject = {"kind": "list" if row != field["type"] else "object"}
        entry |= {"model": field["model"]} if "model" in field else {"type": row}
        holder = f"{name}Pagination" if f"{name}Pagination" in parameters else "pagination"
        if holder in parameters:
            model = getattr(models, parameters[holder]["model"])
            maximum = _MAXIMUM.search(model.model_fields["count"].description or "")
            entry |= {"count": f"{holder}.count", "cursor": f"{holder}.cursor"}
            entry |= {"maximum": int(maximum[1])} if maximum else {}
        elif {"count", "cursor"} <= parameters.keys():
            entry |= {"count": "count", "cursor": "cursor", "maximum": parameters["count"].get("maximum")}
        if "count" in entry and holder in fields:
            beside.discard(holder)
            entry |= {"next": f"data.{holder}.next", "next_model": fields[holder]["model"]}
            entry |= {"next_optional": True} if fields[holder].get("optional") else {}
        lists[f"data.{name}"] = entry
    return lists, sorted(beside)


def _models(names: Iterable[str], models: ModuleType) -> JsonObject:
    described: JsonObject = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in described:
            continue
        fields = _fields(getattr(models, name), models)
        described[name] = fields
        waiting += [
            model for field in fields.values() for model in (field.get("model"), *field.get("any_of", ())) if model
        ]
    return described


def _fields(model: Any, models: ModuleType) -> dict[str, JsonObject]:
    nullable = set(_NULLABLE.findall(inspect.getsource(model.to_dict)))
    enums = _enums(model)
    fields: dict[str, JsonObject] = {}
    for name, info in model.model_fields.items():
        if name == "additional_properties":
            # the generator's place for fields that a model does not name
            continue
        kind, none, nested = _type(info.annotation)
        field: JsonObject = {"type": kind}
        if nested and (choices := _any_of(getattr(models, nested))):
            field |= {"any_of": choices}
        elif nested and (values := _members(getattr(models, nested))):
            field |= {"type": "string", "enum": values}
        elif nested:
            field |= {"model": nested}
        if name in enums:
            field["enum"] = enums[name]
        if not info.is_required():
            field["optional"] = True
        if name in nullable or (none and info.is_required()):
            field["nullable"] = True
        fields[info.alias or name] = field
    return fields


def _type(annotation: Any) -> tuple[str, bool, str | None]:
    """The JSON type that an annotation stands for, whether it may be `None`, and the model that it names."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        # pydantic's strict types are annotations of the plain ones, which is what is asked for here.
        return _type(arguments[0])
    if origin in (Union, UnionType):
        kinds = [_type(argument) for argument in arguments if argument is not NoneType]
        none = NoneType in arguments
        if {kind for kind, _, _ in kinds} == {"integer", "float"}:
            return "number", none, None
        (kind, _, model) = kinds[0]
        return kind, none, model
    if origin in (list, set):
        kind, _, model = _type(arguments[0])
        return f"array<{kind}>", False, model
    if origin is dict:
        kind, _, model = _type(arguments[1])
        return ("map" if kind == "any" else f"map<{kind}>"), False, model
    if annotation is Any:
        return "any", False, None
    name = annotation.__name__
    if name in _SCALARS:
        return _SCALARS[name], False, None
    if name in _INTEGERS | _FLOATS:
        return ("integer" if name in _INTEGERS else "float"), False, None
    return "object", False, name


def _enums(model: Any) -> dict[str, list[str]]:
    """The values that a field's validator lets through, which its refusal names."""
    enums = {}
    for field, info in model.model_fields.items():
        validate = getattr(model, f"{field}_validate_enum", None)
        if validate is None:
            continue
        try:
            validate(["?"] if _type(info.annotation)[0].startswith("array") else "?")
        except ValueError as error:
            enums[field] = sorted(re.findall(r"'([^']*)'", str(error)))
    return enums


def _any_of(model: Any) -> list[str]:
    fields = getattr(model, "model_fields", {})
    held = [info.annotation for name, info in fields.items() if re.fullmatch(r"(any|one)of_schema_\d+_validator", name)]
    return [model for _, _, model in map(_type, held) if model]


def _members(model: Any) -> list[str]:
    return sorted(member.value for member in model) if hasattr(model, "__members__") else []


def _description(annotation: Any) -> str:
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return " ".join(str(getattr(item, "description", None) or "") for item in metadata)


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or compare with it."""
    parser = argparse.ArgumentParser(description="Rebuild the facts of the Segment Public API from its SDK.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if the file would change")
    chosen = parser.parse_args(arguments)
    text = to_text(rebuild(json.loads(BY_HAND.read_text(encoding="utf-8")))) + "\n"
    if not chosen.check:
        FACTS.write_text(text, encoding="utf-8")
        return 0
    same = text == FACTS.read_text(encoding="utf-8")
    print(f"{FACTS.name} is {'that of' if same else 'not that of'} the installed SDK")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
