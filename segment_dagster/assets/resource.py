"""The Dagster resources: a Segment workspace, and the destination of its tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from pydantic import PrivateAttr

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.attributes import optional_field
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.extract.identity import Workspace, fetch_workspace

if TYPE_CHECKING:
    from segment_dagster.extract import Extractor


_Resource = TypeVar("_Resource", bound="dg.ConfigurableResource[Any]")


class SegmentResource(dg.ConfigurableResource[Any]):
    """A Segment workspace. What is left out comes from the environment, when a run begins and not before.

    Give the token as `dg.EnvVar("...")`: the UI shows a value that is written into the code.
    """

    token: str | None = optional_field("token", ApiSettings)
    region: str | None = optional_field("region", ApiSettings)
    base_url: str | None = optional_field("base_url", ApiSettings)
    layout: str | None = optional_field("layout", ApiSettings)
    concurrency: int | None = optional_field("concurrency", ApiSettings)
    page_size: int | None = optional_field("page_size", ApiSettings)
    requests_per_minute: int | None = optional_field("requests_per_minute", ApiSettings)
    budget_url: str | None = optional_field("budget_url", ApiSettings)
    retry_seconds: float | None = optional_field("retry_seconds", ApiSettings)
    on_unavailable: str | None = optional_field("on_unavailable", ApiSettings)
    slow_max_minutes: int | None = optional_field("slow_max_minutes", ApiSettings)
    slow_max_age: int | None = optional_field("slow_max_age", ApiSettings)
    full_every_days: int | None = optional_field("full_every_days", ApiSettings)
    granularity: dict[str, str] | None = optional_field("granularity", ApiSettings)
    group_by: dict[str, list[str]] | None = optional_field("group_by", ApiSettings)
    history: bool | None = optional_field("history", ApiSettings)
    include_secrets: bool | None = optional_field("include_secrets", ApiSettings)
    fingerprint_key: str | None = optional_field("fingerprint_key", ApiSettings)
    preview: str | None = optional_field("preview", ApiSettings)
    max_undeclared_columns: int | None = optional_field("max_undeclared_columns", ApiSettings)

    def given(self) -> dict[str, Any]:
        """Return the fields that are set to a value of their own, and not to a variable that is read later."""
        return _given(self)

    def with_defaults(self, **values: Any) -> "SegmentResource":
        """Return a copy in which fields that are not set have these values."""
        return _with_defaults(self, values)

    _shared: "dict[tuple[Endpoint, ...], Extractor] | None" = PrivateAttr(default=None)

    def settings(self) -> ApiSettings:
        """Return the validated settings, with the current time.

        Raises:
            SettingError: A setting cannot be used.
        """
        return ApiSettings(**_values(self))

    def extractor(self, catalogue: Sequence[Endpoint] = TABLES) -> "Extractor":
        """Return an extractor for the workspace, for use as a context manager.

        Raises:
            SettingError: A setting is missing or cannot be used.
        """
        from segment_dagster.extract import Extractor

        return Extractor(self.settings(), catalogue)

    def shared_extractor(self, catalogue: Sequence[Endpoint] = TABLES) -> "Extractor":
        """Return the extractor that all ops of a process share, so that records are not read twice.

        There is one per catalogue.

        Raises:
            SettingError: A setting is missing or cannot be used.
        """
        shared, key = self._shared or {}, tuple(catalogue)
        if key not in shared:
            shared[key] = self.extractor(catalogue)
            self._shared = shared
        return shared[key]

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the extractors of the run."""
        for extractor in (self._shared or {}).values():
            extractor.close()

    def verify(self) -> Workspace:
        """Fetch the workspace that the token belongs to, with one request.

        Raises:
            SegmentError: A setting cannot be used, or the API refuses the token.
        """
        with self.extractor() as extractor:
            return fetch_workspace(extractor)


class DestinationResource(dg.ConfigurableResource[Any]):
    """Where the tables are loaded. What is left out comes from the environment, when a run begins and not before.

    Credentials are dlt's own settings.
    """

    type: str | None = optional_field("type", DestinationSettings)
    name: str | None = optional_field("name", DestinationSettings)
    dataset: str | None = optional_field("dataset", DestinationSettings)
    database: str | None = optional_field("database", DestinationSettings)
    table_format: str | None = optional_field("table_format", DestinationSettings)
    always_load: bool | None = optional_field("always_load", DestinationSettings)
    lock_timeout: float | None = optional_field("lock_timeout", DestinationSettings)
    pipeline_name: str | None = optional_field("pipeline_name", DestinationSettings)

    def settings(self) -> DestinationSettings:
        """Return the validated settings.

        Raises:
            SettingError: A setting cannot be used.
        """
        return DestinationSettings(**_values(self))

    def given(self) -> dict[str, Any]:
        """Return the fields that are set to a value of their own, and not to a variable that is read later."""
        return _given(self)

    def shown(self, field: str) -> Any:
        """Return the value of a field, if it is set and not to a variable that is read later."""
        return self.given().get(field)

    def with_defaults(self, **values: Any) -> "DestinationResource":
        """Return a copy in which fields that are not set have these values."""
        return _with_defaults(self, values)


def _values(resource: dg.ConfigurableResource[Any]) -> dict[str, Any]:
    """Return the fields, with the values of variables: Dagster reads these for the resources of a run alone."""
    values = {name: getattr(resource, name) for name in type(resource).model_fields}
    return {name: value.get_value() if isinstance(value, dg.EnvVar) else value for name, value in values.items()}


def _given(resource: dg.ConfigurableResource[Any]) -> dict[str, Any]:
    values = {name: getattr(resource, name) for name in type(resource).model_fields}
    return {name: value for name, value in values.items() if value is not None and not isinstance(value, dg.EnvVar)}


def _with_defaults(resource: _Resource, values: Mapping[str, Any]) -> _Resource:
    fields = {name: getattr(resource, name) for name in type(resource).model_fields}
    wanted = {name: value for name, value in values.items() if value is not None and fields[name] is None}
    return type(resource)(**{name: value for name, value in {**fields, **wanted}.items() if value is not None})
