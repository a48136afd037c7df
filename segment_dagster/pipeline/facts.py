"""What differs from destination to destination, as facts instead of branches."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from dlt.common.data_types import TDataType

from segment_dagster.source.disposition import Merge, TableFormat

LoaderFormat = Literal["parquet", "insert_values", "jsonl"]


@dataclass(frozen=True, kw_only=True)
class DestinationFacts:
    """How rows get into one kind of destination."""

    loader_format: LoaderFormat
    """The file format handed to the loader."""

    replace_strategy: str = "insert-from-staging"
    """How dlt replaces a table. But for plain files it swaps: nobody sees an empty or half-loaded table."""

    merge: Merge | None = "delete-insert"
    """How rows go into a table that is not replaced whole; `None` where dlt can only append."""

    keeps_history: bool = True
    """Whether dlt's `scd2` is there, which keeps every version of a row."""

    table_format: TableFormat | None = None
    """The open format of tables that are files."""

    extra: str | None = None
    """The project's extra that brings what dlt needs; `None` where it is there in any case."""

    modules: tuple[str, ...] = ()
    """What the extra brings, by the names it is imported by."""

    errors: tuple[str, ...] = ()
    """What its driver raises where it cannot be reached or lets nobody in, each as `module:class`."""

    lands: Mapping[TDataType, TDataType] = field(default_factory=dict)
    """The types that a column has in the destination where they are others than declared."""

    fetches_arrow: bool = False
    """Whether rows come fast as Arrow; elsewhere they come as the driver gives them."""

    digest: str | None = None
    """SQL that makes one number of the rows of a table `_held`, the same for the same rows in any order; `None` where
    there is none: every table is loaded then, also one that holds the rows already."""

    capabilities: Mapping[str, object] = field(default_factory=dict)
    """dlt's own facts about the destination that need putting right."""


# 104,000 rows as parquet load in 0.6 s and 0.5 GB, in dlt's default format in 18 s and 5 GB
_DUCKDB = DestinationFacts(
    loader_format="parquet",
    fetches_arrow=True,
    # 64 bits a row, 4 million rows of 600 bytes a second; where a newer DuckDB hashes otherwise, it loads once more
    digest="sum(hash(_held))",
    capabilities={
        # dlt 1.31 leaves this open for DuckDB and then deletes the old rows and inserts the new ones outside of a
        # transaction: an insert that fails leaves an empty table. Lift it once dlt says so itself.
        "supports_transactions": True,
        # DuckDB uses all cores for one table: twenty at once, dlt's default, are no faster and take their memory
        # all at once. A million rows: 510 MB in place of 950.
        "loader_parallelism_strategy": "sequential",
    },
)

# DuckDB reads the files; whoever reads while dlt writes them sees a part of them
_FILES = DestinationFacts(
    loader_format="parquet",
    replace_strategy="truncate-and-insert",
    merge=None,
    keeps_history=False,
    fetches_arrow=True,
)

DESTINATIONS: Mapping[str, DestinationFacts] = {
    "duckdb": _DUCKDB,
    "motherduck": replace(_DUCKDB, capabilities={"supports_transactions": True}),
    "ducklake": _DUCKDB,
    "postgres": DestinationFacts(
        # as CSV empty texts become null (dlt forces it), and parquet goes in by ADBC, which fills columns of `json`
        # alone: those cannot be compared or grouped, `jsonb` can. 103,000 rows take 1.5 s.
        loader_format="insert_values",
        extra="postgres",
        modules=("psycopg2",),
        errors=("psycopg2:Error",),
        # 64 bits of the MD5 of a row's text
        digest="sum(('x' || substr(md5(_held::text), 1, 16))::bit(64)::bigint)",
    ),
    # without a staging bucket there is nothing but INSERTs
    "redshift": DestinationFacts(
        loader_format="insert_values", extra="redshift", modules=("psycopg2",), errors=("psycopg2:Error",)
    ),
    # BigQuery loads no JSON columns from parquet
    "bigquery": DestinationFacts(
        loader_format="jsonl",
        extra="bigquery",
        modules=("google.cloud.bigquery",),
        errors=("google.api_core.exceptions:GoogleAPIError", "google.auth.exceptions:GoogleAuthError"),
    ),
    # from parquet a VARIANT would hold JSON as one text
    "snowflake": DestinationFacts(
        loader_format="jsonl",
        extra="snowflake",
        modules=("snowflake.connector",),
        errors=("snowflake.connector.errors:Error",),
    ),
    # dlt keeps JSON as a STRING there
    "databricks": DestinationFacts(
        loader_format="parquet",
        extra="databricks",
        modules=("databricks.sql",),
        errors=("databricks.sql.exc:Error",),
        lands={"json": "text"},
    ),
    "filesystem": _FILES,
}
"""By the name that `SEGMENT_DESTINATION` takes: dlt's own name of the destination."""

TABLE_FORMATS: Mapping[TableFormat, DestinationFacts] = {
    "delta": replace(
        _FILES,
        replace_strategy="insert-from-staging",
        merge="upsert",
        table_format="delta",
        extra="delta",
        modules=("deltalake",),
    ),
    "iceberg": replace(
        _FILES,
        replace_strategy="insert-from-staging",
        merge="upsert",
        table_format="iceberg",
        extra="iceberg",
        modules=("pyiceberg",),
    ),
}
"""By the name that `SEGMENT_TABLE_FORMAT` takes, for the destination `filesystem`."""


@dataclass(frozen=True)
class BucketFacts:
    """What one kind of bucket needs."""

    extra: str
    modules: tuple[str, ...]
    errors: tuple[str, ...]


_GOOGLE = BucketFacts("gs", ("gcsfs",), ("gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError"))
_AZURE = BucketFacts("az", ("adlfs",), ("azure.core.exceptions:AzureError",))

BUCKETS: Mapping[str, BucketFacts] = {
    "s3": BucketFacts("s3", ("s3fs",), ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError")),
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
"""By what comes before `://` in the address of a bucket."""
