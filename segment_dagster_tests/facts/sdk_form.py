"""Write a package in the form of the SDK that says what given facts say: for the tests of `rebuild.py`.

The form is that of OpenAPI Generator for Python with pydantic 2: an API class whose methods pydantic checks, a
`_serialize` method beside each, and models with aliases and validators of enums. The code is not the SDK's: it does no
more than name what `rebuild.py` looks for.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MODULE = """import json
from enum import Enum
from typing import Any, Dict, List, Optional, Set, Tuple, Union
from typing_extensions import Annotated
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr
from pydantic import field_validator, validate_call
"""

_TYPES = {
    "string": "StrictStr",
    "boolean": "StrictBool",
    "integer": "StrictInt",
    "number": "Union[StrictFloat, StrictInt]",
    "any": "Any",
    "map": "Dict[str, Any]",
}


def write_sdk(place: Path, facts: Mapping[str, Any]) -> None:
    """Write the package.

    Args:
        place: The directory that it is to be found in.
        facts: What `segment_public_api.json` holds.
    """
    package = place / "segment_public_api"
    (package / "api").mkdir(parents=True)
    (package / "models").mkdir()
    (package / "__init__.py").write_text(f"__version__ = {facts['sdk']!r}\n", encoding="utf-8")
    (package / "api" / "__init__.py").touch()
    (package / "models" / "__init__.py").write_text(_models(facts), encoding="utf-8")
    (package / "api" / "made_up_api.py").write_text(_api(facts), encoding="utf-8")


def _models(facts: Mapping[str, Any]) -> str:
    maxima = {
        parameter["model"]: entry["maximum"]
        for operation in facts["operations"].values()
        for entry in operation["lists"].values()
        for name, parameter in operation["parameters"].items()
        if entry.get("count") == f"{name}.count"
    }
    written = [_MODULE]
    for name, fields in facts["models"].items():
        written.append(_model(name, fields, maxima.get(name)))
    for name, operation in facts["operations"].items():
        if "data" in operation["lists"]:
            output = operation["lists"]["data"]["model"]
        else:
            output = f"{_camel(name)}Output"
            written.append(_model(output, _output(operation), None))
        written.append(
            _model(f"{_camel(name)}200Response", {"data": {"type": "object", "model": output, "optional": True}}, None)
        )
    parameters = {p["model"] for o in facts["operations"].values() for p in o["parameters"].values() if "model" in p}
    written += [_model(name, {}, None) for name in sorted(parameters - facts["models"].keys())]
    # The SDK has a module for each model, and so no model that is not there yet.
    written.append("for model in BaseModel.__subclasses__():\n    model.model_rebuild(_types_namespace=globals())")
    return "\n\n".join(written)


def _output(operation: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: {"type": "string"} for name in operation.get("beside", ())}
    for selector, entry in operation["lists"].items():
        row = {"type": entry.get("type", "object")} | ({"model": entry["model"]} if "model" in entry else {})
        if entry["kind"] == "list":
            row["type"] = f"array<{row['type']}>"
        fields[selector.removeprefix("data.")] = row
        if "next" in entry:
            holder = {"type": "object", "model": entry["next_model"], "optional": entry.get("next_optional", False)}
            fields[entry["next"].split(".")[1]] = holder
    return fields


def _model(name: str, fields: Mapping[str, Mapping[str, Any]], maximum: int | None) -> str:
    lines, validators, nullable, unions = [f"class {name}(BaseModel):"], [], [], []
    for field, facts in fields.items():
        python = _python(field)
        annotation = _annotation(facts["type"], facts.get("model") or f"{name}Of{field.title()}")
        optional, can_be_none = facts.get("optional", False), facts.get("nullable", False)
        annotation = f"Optional[{annotation}]" if optional or can_be_none else annotation
        description = f"How many, between 1 and {maximum}." if field == "count" and maximum else "What it is."
        default = "default=None, " if optional else ""
        lines.append(f"    {python}: {annotation} = Field({default}description={description!r}, alias={field!r})")
        if can_be_none:
            nullable.append(f"        # set to None if {python} (nullable) is None")
        if "any_of" in facts:
            unions.append(_union(f"{name}Of{field.title()}", facts["any_of"]))
        if "enum" in facts:
            validators += _validator(python, facts["enum"], facts["type"].startswith("array"))
    lines += ["    model_config = ConfigDict(populate_by_name=True)", *validators]
    lines += ["    def to_dict(self) -> Dict[str, Any]:", *nullable, "        return {}"]
    return "\n".join([*unions, *lines])


def _union(name: str, models: list[str]) -> str:
    held = [f"    anyof_schema_{n}_validator: Optional[{model!r}] = None" for n, model in enumerate(models, 1)]
    return "\n".join([f"class {name}(BaseModel):", *held, f"    any_of_schemas: Set[str] = {set(models)!r}", ""])


def _validator(field: str, values: list[str], array: bool) -> list[str]:
    known = ", ".join(map(repr, values))
    refused = "any(item not in known for item in value)" if array else "value not in known"
    return [
        f"    @field_validator({field!r})",
        f"    def {field}_validate_enum(cls, value):",
        f"        known = set([{known}])",
        f"        if {refused}:",
        f'            raise ValueError("must be one of enum values ({known})")',
        "        return value",
    ]


def _api(facts: Mapping[str, Any]) -> str:
    lines = [_MODULE, "from segment_public_api.models import *", "", "class MadeUpApi:"]
    lines += ["    def __init__(self, api_client=None) -> None:", "        self.api_client = api_client"]
    for name, operation in facts["operations"].items():
        lines += _operation(name, operation)
    for name, path in facts["other_gets"].items():
        lines += _operation(
            name, {"path": path, "accept": "application/vnd.segment.v1+json", "parameters": {}, "lists": {}}
        )
    lines += _operation(
        "create_thing", {"path": "/things", "method": "POST", "accept": "x", "parameters": {}, "lists": {}}
    )
    return "\n".join(lines)


def _operation(name: str, facts: Mapping[str, Any]) -> list[str]:
    maximum = next((entry.get("maximum") for entry in facts["lists"].values() if entry.get("count") == "count"), None)
    arguments: list[str] = []
    path: list[str] = []
    query: list[str] = []
    for parameter, about in sorted(facts["parameters"].items(), key=lambda item: item[1].get("optional", False)):
        argument, optional = _python(parameter), about.get("optional", False)
        annotation = _annotation(about["type"], about.get("model", "")).replace('"', "")
        says = f"How many, between 1 and {maximum}." if parameter == "count" else "What it is."
        annotation = f"Annotated[{f'Optional[{annotation}]' if optional else annotation}, Field(description={says!r})]"
        arguments.append(f"        {argument}: {annotation}{' = None' if optional else ''},")
        holder = path if about["in"] == "path" else query
        put = (
            f"_path_params[{parameter!r}] = {argument}"
            if holder is path
            else f"_query_params.append(({parameter!r}, {argument}))"
        )
        holder += [f"        if {argument} is not None:", f"            {put}"]
    doc = ["What it does."]
    if "feature" in facts:
        doc.append(f"the specified Workspace needs to have the {facts['feature']} feature enabled.")
    if "limit" in facts:
        doc.append(f"The rate limit for this endpoint is {facts['limit']} requests per minute, which is low.")
    given = [line.split(":")[0].strip() for line in arguments]
    checked = [
        *arguments,
        "        _request_timeout: Optional[StrictFloat] = None,",
        "        _host_index: StrictInt = 0,",
    ]
    call = [
        f"        _param = self._{name}_serialize({''.join(f'{a}={a}, ' for a in given)}_host_index=_host_index)",
        f"        _response_types_map = {{'200': '{_camel(name)}200Response', '404': 'RequestErrorEnvelope'}}",
        "        response_data = self.api_client.call_api(*_param, _request_timeout=_request_timeout)",
        "        response_data.read()",
        "        return self.api_client.response_deserialize(",
        "            response_data=response_data, response_types_map=_response_types_map",
        "        )",
    ]
    lines: list[str] = []
    for suffix in ("", "_with_http_info"):
        lines += ["    @validate_call", f"    def {name}{suffix}(", "        self,", *checked, "    ) -> object:"]
        lines += [f'        """{"  ".join(doc)}"""', *call]
    lines += [f"    def _{name}_serialize(self, {''.join(f'{argument}, ' for argument in given)}_host_index):"]
    lines += ["        _path_params, _query_params, _header_params = {}, [], {}", *path, *query]
    lines += [
        "        _header_params['Accept'] = self.api_client.select_header_accept(",
        f"            [{facts['accept']!r}, 'application/json', 'application/vnd.segment.v1old+json']",
        "        )",
        "        return self.api_client.param_serialize(",
        f"            method={facts.get('method', 'GET')!r}, resource_path={facts['path']!r}, body=None, _host=None,",
        "            path_params=_path_params, query_params=_query_params, header_params=_header_params,",
        "        )",
    ]
    return lines


def _annotation(kind: str, model: str) -> str:
    if kind.startswith("array<"):
        return f"List[{_annotation(kind[6:-1], model)}]"
    if kind.startswith("map<"):
        return f"Dict[str, {_annotation(kind[4:-1], model)}]"
    return json.dumps(model) if kind == "object" else _TYPES[kind]


def _python(field: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower()
    return f"var_{name}" if name in ("if", "field") else name


def _camel(name: str) -> str:
    return "".join(word.title() for word in name.split("_"))
