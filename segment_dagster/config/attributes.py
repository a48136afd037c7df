"""Fields of resources and components that are described, and restricted, as the setting of the same name."""

from enum import Enum
from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic import Field
from pydantic.fields import FieldInfo

from segment_dagster.config.source import EnvironmentSettings, Matches

_TEMPLATE = r"\{\{"
"""Matches a text that Dagster replaces, such as `{{ env.REGION }}`."""

_FORMS: dict[object, str] = {bool: "true|false", int: "[0-9]+", float: r"[0-9]+(\.[0-9]+)?"}
"""Values as they may also be written in quotes."""

_LIMITS: tuple[tuple[type[Any], str, str], ...] = (
    (Ge, "ge", "minimum"),
    (Gt, "gt", "exclusiveMinimum"),
    (Le, "le", "maximum"),
)


def optional_field(setting: str, settings: type[EnvironmentSettings]) -> Any:
    """Return a pydantic field that may be left out, with the description and the JSON schema of a setting.

    Args:
        setting: Name of the setting.
        settings: The settings that have it.
    """
    field = settings.model_fields[setting]
    return Field(default=None, description=field.description, repr=field.repr, json_schema_extra=_json_schema(field))


def text_schema(form: str) -> dict[str, Any]:
    """Return the JSON schema of a text that has a form, or is a template.

    Args:
        form: A regular expression for the whole text.
    """
    return {"pattern": f"^({form})$|{_TEMPLATE}"}


CRON_FORM = r"@\w+|\S+(\s+\S+){4}"
"""Form of a cron expression: five fields, or a word such as `@daily`."""


def names_schema(names: list[str]) -> dict[str, Any]:
    """Return the JSON schema of a list of these names, or of templates; or of a template for the list.

    Args:
        names: The legal names.
    """
    return {"pattern": _TEMPLATE, "items": text_schema("|".join(names))}


def tell_inner_errors(schema: dict[str, Any]) -> None:
    """Change the JSON schema of an object or a template so that what is wrong inside the object is told.

    Of several alternatives, a validator says that none fits; of a condition, what does not fit.

    Args:
        schema: The schema of the field, as pydantic makes it.
    """
    alternatives = schema["anyOf"]
    (reference,) = (each for each in alternatives if "$ref" in each)
    # Dagster's page of the component shows the alternatives; this one leaves objects to the condition
    alternatives.append({"type": "object"})
    schema |= {"if": {"type": "object"}, "then": reference}


def _json_schema(field: FieldInfo) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    form = next((each.pattern for each in field.metadata if isinstance(each, Matches)), _FORMS.get(field.annotation))
    if isinstance(field.annotation, type) and issubclass(field.annotation, Enum):
        form = "|".join(str(each.value) for each in field.annotation)
    if form:
        schema |= text_schema(form)
    limits = [(each, *limit) for each in field.metadata for limit in _LIMITS]
    return schema | {
        keyword: getattr(each, attribute) for each, kind, attribute, keyword in limits if isinstance(each, kind)
    }
