"""Differences between destinations, as data instead of branches."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from dlt.common.data_types import TDataType

from segment_dagster.extract.disposition import Merge, TableFormat

COLUMNS = "{columns}"
"""Placeholder for the columns of a table in `Capabilities.digest`."""

LoaderFormat = Literal["parquet", "insert_values", "jsonl"]

LockKind = Literal["file", "advisory", "lease"]


@dataclass(frozen=True)
class Driver:
    """The packages that dlt needs to connect to a destination or a bucket."""

    extra: str | None = None
    """The project's extra that installs it; `None` if it is always installed."""

    modules: tuple[str, ...] = ()
    """Import names of the modules that the extra installs."""

    errors: tuple[str, ...] = ()
    """Errors of a failed connection or login, each as `module:class`."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """How one kind of destination is loaded and read."""

    loader_format: LoaderFormat
    """The file format that dlt loads."""

    replace_strategy: str = "insert-from-staging"
    """How dlt replaces a table. The default swaps it, so readers never see it empty or half loaded. Exceptions: plain
    files, and Databricks, where dlt has no transaction."""

    merge: Merge | None = "delete-insert"
    """How rows are merged into a table that is not replaced; `None` if dlt can only append."""

    keeps_history: bool = True
    """Whether dlt supports `scd2`, which keeps every version of a row."""

    table_format: TableFormat | None = None
    """The open table format, for tables that are files."""

    driver: Driver = Driver()
    """For a bucket it is chosen by the URL's scheme instead: see `BUCKETS`."""

    lands: Mapping[TDataType, TDataType] = field(default_factory=dict)
    """Declared data types that the destination stores as another type."""

    fetches_arrow: bool = False
    """Whether rows are fetched as Arrow, which is fast; otherwise as tuples from the driver."""

    parses_json: bool = False
    """Whether the driver is psycopg2 and parses JSON columns into Python objects."""

    digest: str | None = None
    """SQL for a hash of a table's rows that does not depend on their order. `COLUMNS` stands for the columns, sorted
    by name. `None` if there is no such SQL: then every table is loaded, even if it holds the rows already."""

    lock: LockKind | None = None
    """What holds apart two runs that load one dataset: the DuckDB file's lock, PostgreSQL's advisory lock, or a lease,
    which is a row in the dataset. `None` if nothing does but a lock file on this machine."""

    clock: str | None = None
    """SQL for the seconds since 1970 by the destination's clock. Leases need it."""

    dlt_capabilities: Mapping[str, object] = field(default_factory=dict)
    """Corrections of dlt's own capabilities of the destination."""

    @property
    def jsonl(self) -> bool:
        """Return whether dlt gets rows as JSON lines: when it converts Parquet itself, JSON becomes a string."""
        return self.loader_format == "jsonl"


# 104,000 rows load in 0.6 s and 0.5 GB as parquet, in 18 s and 5 GB in dlt's default format
_DUCKDB = Capabilities(
    loader_format="parquet",
    fetches_arrow=True,
    # 64 bits a row, 4 million rows of 600 bytes a second; if a newer DuckDB hashes differently, tables load once more
    digest=f"sum(hash({COLUMNS}))",
    lock="file",
    dlt_capabilities={
        # dlt 1.31 does not set this for DuckDB. It then deletes the old rows and inserts the new ones outside a
        # transaction, and an insert that fails leaves an empty table. Remove this once dlt sets it.
        "supports_transactions": True,
        # DuckDB uses all cores for one table. Twenty tables at once, dlt's default, are no faster and need more
        # memory: 950 MB instead of 510 for a million rows.
        "loader_parallelism_strategy": "sequential",
    },
)

# DuckDB's clock is that of the machine
_LEASED_DUCKDB = replace(_DUCKDB, lock="lease", clock="epoch(now())")

# DuckDB reads the files; a reader sees only a part of them while dlt writes
_FILES = Capabilities(
    loader_format="parquet",
    replace_strategy="truncate-and-insert",
    merge=None,
    keeps_history=False,
    fetches_arrow=True,
)

_DELETING: Mapping[str, object] = {
    # dlt truncates a table before it inserts the new rows. In PostgreSQL, TRUNCATE waits for every reader, also one
    # that is idle in a transaction, and a reader with an older snapshot sees an empty table. In Redshift it commits.
    # DELETE does neither.
    "supports_truncate_command": False,
}

_PSYCOPG, _PSYCOPG_ERRORS = ("psycopg2",), ("psycopg2:Error",)
_GOOGLE_AUTH = "google.auth.exceptions:GoogleAuthError"

DESTINATIONS: Mapping[str, Capabilities] = {
    "duckdb": _DUCKDB,
    "motherduck": replace(_LEASED_DUCKDB, dlt_capabilities={"supports_transactions": True}),
    "ducklake": _LEASED_DUCKDB,
    "postgres": Capabilities(
        # With CSV, empty strings become null (dlt forces it). Parquet is loaded by ADBC, which supports only `json`
        # columns; unlike `jsonb` they cannot be compared or grouped. 103,000 rows take 1.5 s.
        loader_format="insert_values",
        driver=Driver("postgres", _PSYCOPG, _PSYCOPG_ERRORS),
        lock="advisory",
        dlt_capabilities=_DELETING,
        parses_json=True,
        # the first 64 bits of the MD5 of a row's text
        digest=f"sum(('x' || substr(md5(ROW({COLUMNS})::text), 1, 16))::bit(64)::bigint)",
    ),
    # without a staging bucket, INSERT is the only way
    "redshift": Capabilities(
        loader_format="insert_values",
        driver=Driver("redshift", _PSYCOPG, _PSYCOPG_ERRORS),
        # it has no advisory locks
        lock="lease",
        clock="extract(epoch FROM getdate())",
        dlt_capabilities=_DELETING,
    ),
    # BigQuery cannot load JSON columns from parquet
    "bigquery": Capabilities(
        loader_format="jsonl",
        driver=Driver(
            "bigquery", ("google.cloud.bigquery",), ("google.api_core.exceptions:GoogleAPIError", _GOOGLE_AUTH)
        ),
        lock="lease",
        clock="unix_seconds(current_timestamp())",
    ),
    # from parquet, a VARIANT would hold JSON as one string
    "snowflake": Capabilities(
        loader_format="jsonl",
        driver=Driver("snowflake", ("snowflake.connector",), ("snowflake.connector.errors:Error",)),
        lock="lease",
        clock="date_part(epoch_second, current_timestamp())",
    ),
    # dlt stores JSON as STRING on Databricks
    "databricks": Capabilities(
        loader_format="parquet",
        driver=Driver("databricks", ("databricks.sql",), ("databricks.sql.exc:Error",)),
        lock="lease",
        clock="unix_timestamp()",
        lands={"json": "text"},
    ),
    "filesystem": _FILES,
}
"""Capabilities by the value of `SEGMENT_DESTINATION`, which is dlt's name of the destination."""

_OPEN_FORMATS: Mapping[TableFormat, str] = {"delta": "deltalake", "iceberg": "pyiceberg"}

TABLE_FORMATS: Mapping[str, Capabilities] = {
    name: replace(
        _FILES,
        replace_strategy="insert-from-staging",
        merge="upsert",
        table_format=name,
        driver=Driver(extra=name, modules=(module,)),
    )
    for name, module in _OPEN_FORMATS.items()
}
"""Capabilities by the value of `SEGMENT_TABLE_FORMAT`, for the destination `filesystem`."""

_GCS = Driver("gs", ("gcsfs",), ("gcsfs.retry:HttpError", _GOOGLE_AUTH))
_AZURE = Driver("az", ("adlfs",), ("azure.core.exceptions:AzureError",))

BUCKETS: Mapping[str, Driver] = {
    "s3": Driver("s3", ("s3fs",), ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError")),
    "gs": _GCS,
    "gcs": _GCS,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
"""Drivers by the scheme of a bucket's URL."""

LOCAL_CATALOGS = frozenset({"duckdb", "sqlite"})
"""Drivers of a DuckLake's catalog that is a file on this machine. DuckDB opens such a catalog once: not for a lease
beside a load."""
