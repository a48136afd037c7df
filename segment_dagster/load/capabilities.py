"""What differs from destination to destination, as facts instead of branches."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from dlt.common.data_types import TDataType

from segment_dagster.extract.disposition import Merge, TableFormat

COLUMNS = "{columns}"
"""What stands for the columns of a table in SQL that makes a number of its rows."""

LoaderFormat = Literal["parquet", "insert_values", "jsonl"]


@dataclass(frozen=True)
class Driver:
    """What dlt needs to speak to a destination or a bucket."""

    extra: str | None = None
    """The project's extra that brings it; `None` where it is there in any case."""

    modules: tuple[str, ...] = ()
    """What the extra brings, by the names it is imported by."""

    errors: tuple[str, ...] = ()
    """What it raises where it cannot reach anything or is not let in, each as `module:class`."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """How rows get into one kind of destination."""

    loader_format: LoaderFormat
    """The file format handed to the loader."""

    replace_strategy: str = "insert-from-staging"
    """How dlt replaces a table. It swaps: nobody sees an empty or half-loaded table, but of plain files, and on
    Databricks, where dlt has no transaction."""

    merge: Merge | None = "delete-insert"
    """How rows go into a table that is not replaced whole; `None` where dlt can only append."""

    keeps_history: bool = True
    """Whether dlt's `scd2` is there, which keeps every version of a row."""

    table_format: TableFormat | None = None
    """The open format of tables that are files."""

    driver: Driver = Driver()
    """Of a bucket, what comes before `://` in its address chooses another: see `BUCKETS`."""

    lands: Mapping[TDataType, TDataType] = field(default_factory=dict)
    """The types that a column has in the destination where they are others than declared."""

    fetches_arrow: bool = False
    """Whether rows come fast as Arrow; elsewhere they come as the driver gives them."""

    parses_json: bool = False
    """Whether the driver is psycopg2 and columns of JSON come as Python's objects."""

    digest: str | None = None
    """SQL that makes one number of the rows of a table, the same for the same rows in any order. `COLUMNS` stands for
    the columns, in the order of their names. `None` where there is none: every table is loaded then, also one that
    holds the rows already."""

    dlt_capabilities: Mapping[str, object] = field(default_factory=dict)
    """dlt's own facts about the destination that need putting right."""

    @property
    def jsonl(self) -> bool:
        """Whether rows are handed to dlt as lines of JSON: those that it makes of Parquet hold JSON as a text."""
        return self.loader_format == "jsonl"


# 104,000 rows as parquet load in 0.6 s and 0.5 GB, in dlt's default format in 18 s and 5 GB
_DUCKDB = Capabilities(
    loader_format="parquet",
    fetches_arrow=True,
    # 64 bits a row, 4 million rows of 600 bytes a second; where a newer DuckDB hashes otherwise, it loads once more
    digest=f"sum(hash({COLUMNS}))",
    dlt_capabilities={
        # dlt 1.31 leaves this open for DuckDB and then deletes the old rows and inserts the new ones outside of a
        # transaction: an insert that fails leaves an empty table. Lift it once dlt says so itself.
        "supports_transactions": True,
        # DuckDB uses all cores for one table: twenty at once, dlt's default, are no faster and take their memory
        # all at once. A million rows: 510 MB in place of 950.
        "loader_parallelism_strategy": "sequential",
    },
)

# DuckDB reads the files; whoever reads while dlt writes them sees a part of them
_FILES = Capabilities(
    loader_format="parquet",
    replace_strategy="truncate-and-insert",
    merge=None,
    keeps_history=False,
    fetches_arrow=True,
)

_DELETING: Mapping[str, object] = {
    # dlt empties a table by TRUNCATE before it inserts the new rows. In PostgreSQL that waits for every reader, one
    # that is idle in its transaction too, and a reader with an older snapshot finds the table empty; in Redshift it
    # commits. DELETE does neither.
    "supports_truncate_command": False,
}

_PSYCOPG, _PSYCOPG_ERRORS = ("psycopg2",), ("psycopg2:Error",)
_GOOGLE_AUTH = "google.auth.exceptions:GoogleAuthError"

DESTINATIONS: Mapping[str, Capabilities] = {
    "duckdb": _DUCKDB,
    "motherduck": replace(_DUCKDB, dlt_capabilities={"supports_transactions": True}),
    "ducklake": _DUCKDB,
    "postgres": Capabilities(
        # as CSV empty texts become null (dlt forces it), and parquet goes in by ADBC, which fills columns of `json`
        # alone: those cannot be compared or grouped, `jsonb` can. 103,000 rows take 1.5 s.
        loader_format="insert_values",
        driver=Driver("postgres", _PSYCOPG, _PSYCOPG_ERRORS),
        dlt_capabilities=_DELETING,
        parses_json=True,
        # 64 bits of the MD5 of a row's text
        digest=f"sum(('x' || substr(md5(ROW({COLUMNS})::text), 1, 16))::bit(64)::bigint)",
    ),
    # without a staging bucket there is nothing but INSERTs
    "redshift": Capabilities(
        loader_format="insert_values",
        driver=Driver("redshift", _PSYCOPG, _PSYCOPG_ERRORS),
        dlt_capabilities=_DELETING,
    ),
    # BigQuery loads no JSON columns from parquet
    "bigquery": Capabilities(
        loader_format="jsonl",
        driver=Driver(
            "bigquery", ("google.cloud.bigquery",), ("google.api_core.exceptions:GoogleAPIError", _GOOGLE_AUTH)
        ),
    ),
    # from parquet a VARIANT would hold JSON as one text
    "snowflake": Capabilities(
        loader_format="jsonl",
        driver=Driver("snowflake", ("snowflake.connector",), ("snowflake.connector.errors:Error",)),
    ),
    # dlt keeps JSON as a STRING there
    "databricks": Capabilities(
        loader_format="parquet",
        driver=Driver("databricks", ("databricks.sql",), ("databricks.sql.exc:Error",)),
        lands={"json": "text"},
    ),
    "filesystem": _FILES,
}
"""By the name that `SEGMENT_DESTINATION` takes: dlt's own name of the destination."""

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
"""By the name that `SEGMENT_TABLE_FORMAT` takes, for the destination `filesystem`."""

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
"""By what comes before `://` in the address of a bucket."""
