"""Resolve and check the destination, the dataset and, for DuckDB, the file. This happens at run time."""

import os
import stat
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination import Destination as DltDestination

from segment_dagster.config import DestinationSettings
from segment_dagster.config.dlt_runtime import check_runtime, compresses_files
from segment_dagster.errors import SettingError
from segment_dagster.load.capabilities import BUCKETS, DESTINATIONS, LOCAL_CATALOGS, TABLE_FORMATS, Capabilities
from segment_dagster.load.credentials import check_extra, configuration_of, secrets_of
from segment_dagster.load.dlt_settings import check_dlt_settings, staging_layout
from segment_dagster.load.duckdb_file import DUCKDB_FILE, OPEN, credentials, credentials_setting
from segment_dagster.load.sql_clients import build_destination
from segment_dagster.load.staging import check_name

TABLE_FORMAT = "SEGMENT_TABLE_FORMAT"
_MAGIC = b"DUCK"
"""Bytes 8 to 12 of every DuckDB file."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A checked destination. Create it with `resolve_destination`."""

    type: str
    name: str
    """dlt's name of the destination; its type, where it has no other. dlt's settings have it as a section."""

    dataset: str
    capabilities: Capabilities
    file: Path | None
    """The DuckDB file as an absolute path; `None` for other destinations."""

    relative: bool = False
    """Whether the settings name the DuckDB file relative to the working directory."""

    pipeline_name: str
    """Name of the dlt pipeline."""

    lock_timeout: float
    """Seconds to wait while another process holds the destination."""

    always_load: bool = False
    """Whether to load rows that the table holds already."""

    compresses_files: bool = True
    """Whether dlt takes lines of JSON compressed."""

    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values in dlt's settings that no message may show."""

    @property
    def credentials_setting(self) -> str:
        """Return the environment variable of dlt's credentials."""
        return credentials_setting(self.name)

    @property
    def lock_file(self) -> Path | None:
        """Return the lock file beside the DuckDB file. It is the same for every path or link to that file."""
        if self.file is None:
            return None
        resolved = self.file.resolve()
        return resolved.with_name(f"{resolved.name}.lock")

    @property
    def database(self) -> str | None:
        """Return the name that DuckDB gives the file's database: the part before the first dot."""
        return self.file.name.split(".")[0] if self.file else None

    @cached_property
    def factory(self) -> DltDestination[Any, Any]:
        """Return dlt's object for the destination. dlt's settings are read at the first access."""
        factory = getattr(dlt.destinations, self.type)
        options: dict[str, Any] = {
            "replace_strategy": self.capabilities.replace_strategy,
            **self.capabilities.dlt_capabilities,
        }
        if self.name != self.type:
            options["destination_name"] = self.name
        if self.file:
            options["credentials"] = credentials(self.name)
            options["credentials"].database = str(self.file)
        return build_destination(factory, self.lock_timeout, **options)


def resolve_destination(settings: DestinationSettings) -> Destination:
    """Return the destination that the settings name, with dlt's own settings for it. Nothing is created or opened.

    Raises:
        SettingError: A setting cannot be used, or the DuckDB file cannot be written to.
    """
    check_runtime()
    check_dlt_settings()
    name = settings.type
    if name not in DESTINATIONS:
        legal = ", ".join(DESTINATIONS)
        raise SettingError("SEGMENT_DESTINATION", f"is {name!r}, which is no destination", f"Legal values: {legal}.")
    section = settings.name or name
    check_name(settings.dataset, staging_layout(section))
    file, relative = _duckdb_file(settings.database, section) if name == "duckdb" else (None, False)
    resolved = Destination(
        type=name,
        name=section,
        dataset=settings.dataset,
        capabilities=_capabilities_of(name, settings.table_format),
        file=file,
        relative=relative,
        pipeline_name=settings.pipeline_name,
        lock_timeout=settings.lock_timeout,
        always_load=settings.always_load,
        compresses_files=compresses_files(),
    )
    if file is None:
        return _configured(resolved)
    try:
        _check_file(file, resolved)
    except OSError as error:
        problem = f"names {str(file)[:200]}, which cannot be looked at ({error.strerror})"
        raise SettingError(resolved.credentials_setting, problem, "Set it to the path of a file.") from None
    return resolved


def _capabilities_of(name: str, table_format: str | None) -> Capabilities:
    if not table_format:
        check_extra("SEGMENT_DESTINATION", name, DESTINATIONS[name].driver)
        return DESTINATIONS[name]
    capabilities = TABLE_FORMATS.get(table_format)
    if capabilities is None:
        legal = ", ".join(TABLE_FORMATS)
        raise SettingError(TABLE_FORMAT, f"is {table_format!r}, which is no format", f"Legal values: {legal}.")
    if name != "filesystem":
        raise SettingError(
            TABLE_FORMAT, f"is {table_format!r}, which is for files", "Unset it, or set SEGMENT_DESTINATION=filesystem."
        )
    check_extra(TABLE_FORMAT, table_format, capabilities.driver)
    return capabilities


def _configured(destination: Destination) -> Destination:
    """Check that dlt's settings are complete, and return the destination with its secrets."""
    configuration = configuration_of(destination.name, destination.type, destination.factory, destination.dataset)
    protocol = str(getattr(configuration, "protocol", ""))
    if bucket := BUCKETS.get(protocol):
        check_extra(f"DESTINATION__{destination.name.upper()}__BUCKET_URL", f"{protocol}://...", bucket)
        destination = replace(destination, capabilities=replace(destination.capabilities, driver=bucket))
    catalog = getattr(getattr(configuration, "credentials", None), "catalog", None)
    if getattr(catalog, "drivername", None) in LOCAL_CATALOGS:
        destination = replace(destination, capabilities=replace(destination.capabilities, lock=None))
    return replace(destination, secrets=secrets_of(configuration))


def _duckdb_file(database: str | None, name: str) -> tuple[Path, bool]:
    """Return the file, and whether its path is relative."""
    configured = database or credentials(name).database or DUCKDB_FILE
    setting = credentials_setting(name)
    if configured.startswith((":", "md:")):
        remedy = f"Set it to the path of a file; without it the file is {DUCKDB_FILE} in the working directory."
        raise SettingError(setting, f"is {configured.split('?')[0]!r}, which is no file", remedy)
    # dlt resolves a relative path against the directory in which the pipeline first ran
    try:
        path = Path(configured).expanduser()
        return path.absolute(), not path.is_absolute()
    except RuntimeError:
        raise SettingError(setting, f"names {configured}, the home of nobody", "Set it to a whole path.") from None
    except FileNotFoundError:
        problem = f"names {configured} in the working directory, which is there no more"
        raise SettingError(setting, problem, "Set it to a whole path.") from None


def _check_file(file: Path, destination: Destination) -> None:
    remedy = (
        f"Set it to a DuckDB file that can be written to, or to a path where one can be made; default {DUCKDB_FILE}."
    )
    setting = destination.credentials_setting
    if destination.database and destination.database.lower() == destination.dataset:
        # otherwise DuckDB reads `segment_data` in `segment_data.sources` as the database
        problem = f"names the file {file.name}, whose name is that of the dataset {destination.dataset!r}"
        raise SettingError(setting, problem, "Name the file otherwise, or set SEGMENT_DATASET.")
    if not file.exists():
        if not file.parent.is_dir() or not _writable(file.parent):
            raise SettingError(setting, f"names {file}, whose directory is missing or cannot be written to", remedy)
        return
    if not file.is_file():
        raise SettingError(setting, f"names {file}, which is no file", remedy)
    if not _writable(file):
        raise SettingError(setting, f"names {file}, which is read-only", remedy)
    if file.resolve() in OPEN:
        return
    with file.open("rb") as opened:
        head = opened.read(12)
    # an empty file with a lock: another run is creating it
    if not head and destination.lock_file and destination.lock_file.exists():
        return
    if head[8:12] != _MAGIC:
        raise SettingError(setting, f"names {file}, which is not a DuckDB file", remedy)


def _writable(path: Path) -> bool:
    # root may write to any file, so check the mode too: the owner made it read-only on purpose
    return bool(path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)) and os.access(path, os.W_OK)
