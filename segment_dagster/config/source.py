"""Settings from arguments, then the environment, then defaults; a value that cannot be used is refused in one line."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, ClassVar, get_args

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from segment_dagster.errors import SettingError

PREFIX = "SEGMENT_"
REFUSED = "refused"
"""Type of the errors that our own validators raise."""

MAX_VALUE = 80
"""Characters of a value that an error shows."""


@dataclass(frozen=True)
class PerName:
    """Mark a mapping as read from the variables `SEGMENT_<NAME>_<suffix>`, by name in small letters."""

    suffix: str
    unnamed: str | None = None
    """The name that `SEGMENT_<suffix>` itself stands for, if any."""

    names: Callable[[], Collection[str]] | None = None
    """Returns the names that exist; variables with others are ignored. All of them by default."""

    def variable(self, name: str) -> str:
        """Return the environment variable of a name."""
        return PREFIX + (self.suffix if name == self.unnamed else f"{name.upper()}_{self.suffix}")

    def read(self, environment: Collection[tuple[str, str]]) -> dict[str, str]:
        """Return the values in the environment by name, empty ones too."""
        found = {}
        for variable, value in environment:
            if variable == PREFIX + self.suffix and self.unnamed:
                found[self.unnamed] = value
            elif variable.startswith(PREFIX) and variable.endswith(f"_{self.suffix}"):
                found[variable.removeprefix(PREFIX).removesuffix(f"_{self.suffix}").lower()] = value
        names = self.names() if self.names else found
        return {name: value for name, value in found.items() if name in names}


@dataclass(frozen=True)
class Variable:
    """Name the environment variable of a setting, if it is not `SEGMENT_<FIELD>`."""

    name: str


@dataclass(frozen=True)
class MayBeEmpty:
    """Mark a setting for which an empty variable is a value; otherwise it is the same as none."""


@dataclass(frozen=True)
class Matches:
    """State the form of a text, as a regular expression for the whole of it."""

    pattern: str


@dataclass(frozen=True)
class NotInEnvironment:
    """Mark a setting that has no environment variable of its own."""

    argument: str | None = None
    """What messages call it, if it is not the name of the field."""


def refused(problem: str, remedy: str, setting: str | None = None) -> PydanticCustomError:
    """Return the error for a validator to raise; it becomes a `SettingError`.

    Args:
        problem: What is wrong, without the value if that is a secret.
        remedy: The legal values, or what to do.
        setting: The setting to name, if it is not that of the field.
    """
    return PydanticCustomError(REFUSED, "{problem}", {"problem": problem, "remedy": remedy, "setting": setting or ""})


class EnvironmentSettings(BaseSettings):
    """Base of the settings. An argument counts first, then the environment, then the default; `None` is no argument.

    Settings are made at the edge: by a command, a Dagster resource, the code location. They are passed from there.

    Raises:
        SettingError: A value cannot be used.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    empty_is_unset: ClassVar[tuple[str, ...]] = ()
    """Settings for which an empty argument is none, beside secrets."""

    checked_only: ClassVar[bool] = False
    """Whether this is a model that checks values alone, and looks up nothing."""

    def __init__(self, **given: Any) -> None:
        secrets = {name for name, field in type(self).model_fields.items() if not field.repr}
        try:
            super().__init__(
                **{
                    name: value
                    for name, value in given.items()
                    if not (value is None or (value == "" and name in {*secrets, *self.empty_is_unset}))
                }
            )
        except ValidationError as error:
            raise _setting_error(type(self), error) from None

    def __hash__(self) -> int:
        """Return a hash of all values; mappings have none of their own."""
        return hash(self.model_dump_json())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from, the first to count first."""
        return (init_settings, EnvironmentSource(settings_cls))

    @classmethod
    def check(cls, given: Mapping[str, Any]) -> None:
        """Check values without the environment, dlt's settings or files.

        Raises:
            SettingError: A value cannot be used.
        """
        try:
            _given_only(cls)(**given)
        except ValidationError as error:
            raise _setting_error(cls, error) from None

    @classmethod
    def variable(cls, field: str, name: str = "") -> str:
        """Return the environment variable of a setting.

        Args:
            field: The setting.
            name: A name of its mapping, if it is one.
        """
        information = cls.model_fields[field]
        per_name = _marker(information, PerName)
        if per_name:
            return str(per_name.variable(name))
        argument = _marker(information, NotInEnvironment)
        if argument:
            return argument.argument or field
        named = _marker(information, Variable)
        return str(named.name) if named else f"{PREFIX}{field.upper()}"


class EnvironmentSource(PydanticBaseSettingsSource):
    """The variables of a model's settings, by their exact names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of a field, the field, and that it is no JSON."""
        environment = os.environ  # noqa: TID251 - the edge
        if _marker(field, NotInEnvironment):
            return None, field_name, False
        if per_name := _marker(field, PerName):
            return per_name.read(environment.items()) or None, field_name, False
        value = environment.get(self._variable(field_name))
        if not value and not _marker(field, MayBeEmpty):
            return None, field_name, False
        # pydantic-settings can log what a source returns
        return value if field.repr else SecretStr(value or ""), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values of the fields that were not given as arguments."""
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
            if name not in self.current_state
        }
        return {name: value for name, value in values.items() if value is not None}

    def _variable(self, field: str) -> str:
        assert issubclass(self.settings_cls, EnvironmentSettings)
        return self.settings_cls.variable(field)


def plain_text(value: Any) -> Any:
    """Return a secret as the text that it is, for a field's validator."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@lru_cache
def _given_only(settings: type[EnvironmentSettings]) -> type[EnvironmentSettings]:
    """Return a model that has no other values than its arguments and defaults."""

    class GivenOnly(settings):  # type: ignore[valid-type,misc]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            *others: PydanticBaseSettingsSource,
            **named: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

        checked_only: ClassVar[bool] = True

    return GivenOnly


def legal_values(field: FieldInfo) -> str:
    """Return the legal values of a setting as a phrase, from its type and bounds."""
    kinds = [each for each in (field.annotation, *get_args(field.annotation)) if isinstance(each, type)]
    choices = next((each for each in kinds if issubclass(each, Enum)), None)
    if choices:
        return ", ".join(str(each.value) for each in choices)
    kind = kinds[0] if kinds else str
    if kind is bool:
        return "true, false"
    bounds = {type(each): each for each in field.metadata if isinstance(each, Ge | Gt | Le)}
    if kind is int:
        return f"a whole number from {bounds[Ge].ge} to {bounds[Le].le}"  # type: ignore[union-attr]
    if kind is float:
        above, most = bounds[Gt].gt, bounds[Le].le  # type: ignore[union-attr]
        return f"{'seconds, ' if _is_time(field) else 'a number of '}more than {above} and up to {most}"
    return "a text"


def split(value: Any) -> Any:
    """Return the parts of a text with commas, for a field's validator."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _digits(value: Any) -> Any:
    # `int` would take `1_000`, and digits of other scripts
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 10):
        raise ValueError("no whole number")
    return value


def _decimal(value: Any) -> Any:
    # `float` would take `1e3` and `nan`
    if isinstance(value, str):
        whole, _, rest = value.partition(".")
        if not all(part.isascii() and part.isdigit() for part in (whole, rest or "0")) or len(value) > 11:
            raise ValueError("no number")
    return value


Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number; as a text, of digits alone."""

Decimal = Annotated[float, BeforeValidator(_decimal)]
"""A number; as a text, of digits with at most one point."""

Seconds = Annotated[float, BeforeValidator(_decimal), Gt(0), Le(3600)]
"""A length of time in seconds."""


def _is_time(field: FieldInfo) -> bool:
    return any(isinstance(each, Le) and each.le == 3600 for each in field.metadata)


def _marker(field: FieldInfo, kind: type[Any]) -> Any:
    return next((each for each in field.metadata if isinstance(each, kind)), None)


def _setting_error(settings: type[EnvironmentSettings], error: ValidationError) -> Exception:
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    field = place[0] if place[0] in settings.model_fields else None
    if field is None:
        return TypeError(f"{settings.__name__} has no setting {place[0]!r}")
    context, information = first.get("ctx", {}), settings.model_fields[field]
    setting = settings.variable(field, place[1] if len(place) > 1 else "")
    if first["type"] == REFUSED:
        return SettingError(context["setting"] or setting, context["problem"], context["remedy"])
    if not information.repr:
        return SettingError(setting, "has a value that cannot be used", "Set it to a text.")
    return SettingError(
        setting, f"is {str(first['input'])[:MAX_VALUE]!r}", f"Legal values: {legal_values(information)}."
    )
