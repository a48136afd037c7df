"""Settings of where rows are loaded. Credentials are dlt's own settings."""

import re
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from segment_dagster.config.source import EnvironmentSettings, Matches, NotInEnvironment, Seconds, Variable, refused

_NAME = r"[a-z][a-z0-9_]{0,62}"
_DATASET = r"(?=.{1,63}$)[a-z][a-z0-9]*(_[a-z0-9]+)*"


class DestinationSettings(EnvironmentSettings):
    """Where rows are loaded, and how.

    Raises:
        SettingError: A value cannot be used.
    """

    empty_is_unset: ClassVar[tuple[str, ...]] = ("type", "dataset")

    type: Annotated[str, Variable("SEGMENT_DESTINATION")] = Field(
        default="duckdb",
        description="dlt's name of the destination. See [Destinations](destinations.md).",
    )
    name: Annotated[str | None, NotInEnvironment("destination.name"), Matches(_NAME)] = Field(
        default=None,
        description="dlt's name of this destination, where several have one type: its credentials are below "
        "`[destination.<name>]` in dlt's settings.",
    )
    table_format: str | None = Field(
        default=None, description="`delta` or `iceberg`, for the destination `filesystem`."
    )
    dataset: Annotated[str, Matches(_DATASET)] = Field(
        default="segment_data",
        description="The schema that holds the tables. It belongs to one workspace: see "
        "[below](#one-dataset-belongs-to-one-workspace). Names that end in `_staging` are refused.",
    )
    database: Annotated[str | None, NotInEnvironment("destination.database")] = Field(
        default=None, description="Path of the DuckDB file, in place of dlt's `DESTINATION__DUCKDB__CREDENTIALS`."
    )
    pipeline_name: Annotated[str, NotInEnvironment()] = Field(
        default="segment_pipeline", description="Name of the dlt pipeline, and of its working directory."
    )
    always_load: bool = Field(default=False, description="`true` loads rows that the table holds already.")
    lock_timeout: Seconds = Field(
        default=600.0,
        description="Seconds to wait for a run that loads the same dataset, for a DuckDB file that another process "
        "holds, and for each lock in PostgreSQL (its `lock_timeout`).",
    )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(_NAME, name):
            raise refused(f"is {name!r}", "Legal values: lower-case letters, digits and underscores, a letter first.")
        return name

    @field_validator("dataset")
    @classmethod
    def _check_dataset(cls, dataset: str) -> str:
        if not re.fullmatch(_DATASET, dataset):
            raise refused(
                f"is {dataset!r}",
                "Legal values: lower-case letters, digits and single underscores between them, a letter first, 63 at "
                "most.",
            )
        return dataset
