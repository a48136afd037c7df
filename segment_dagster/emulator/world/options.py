"""Options of an integration type: names and types of its settings."""

from typing import Any

from segment_dagster.emulator.world.factories import Record

COMMON = (
    ("apiKey", "password"),
    ("region", "select"),
    ("trackNamedPages", "boolean"),
    ("timeoutSeconds", "number"),
    ("eventNames", "array"),
    ("eventMappings", "map"),
    ("note", "string"),
)
DATABASE = (
    ("host", "string"),
    ("port", "number"),
    ("username", "string"),
    ("password", "password"),
    ("database", "string"),
)
_DEFAULTS: dict[str, Any] = {
    "string": "",
    "boolean": False,
    "select": "us",
    "number": 0,
    "array": [],
    "map": {},
    "mixed": [],
}
_REQUIRED = ("apiKey", "password", "credentials", "host")


def option(name: str, type_: str) -> Record:
    """Return one option. Its name decides which optional fields it has."""
    made: Record = {"name": name, "type": type_, "required": name in _REQUIRED}
    if len(name) % 3:
        made["description"] = f'Sets "{name}".'
    if len(name) % 2:
        made["label"] = name[0].upper() + name[1:]
    if len(name) % 5:
        made["defaultValue"] = _DEFAULTS.get(type_)
    return made
