"""Settings as far as they are known where definitions are loaded: without files, network or secrets."""

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from segment_dagster.config.api import ApiSettings
from segment_dagster.config.source import EnvironmentSource


class KnownSettings(ApiSettings):
    """The arguments of a source, and what the environment says of its resources.

    The token, the way to the API and dlt's files are looked at in a run.
    """

    checked_only = True

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from."""
        return (named["init_settings"], _ResourcesInEnvironment(settings_cls))


class _ResourcesInEnvironment(EnvironmentSource):
    """The environment variables that decide which resources there are."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of a field, the field, and that it is no JSON."""
        if field_name not in ("layout", "history"):
            return None, field_name, False
        return super().get_field_value(field, field_name)
