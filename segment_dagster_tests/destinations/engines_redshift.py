"""Redshift, as far as a PostgreSQL speaks it: Amazon gives away no server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from segment_dagster_tests.destinations.engines import Settings, postgres_server

AS_REDSHIFT = """
CREATE FUNCTION json_parse(text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS 'SELECT $1::jsonb';
CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT now()::timestamp';
ALTER DATABASE warehouse SET standard_conforming_strings = off;
ALTER DATABASE warehouse SET escape_string_warning = off;
"""
"""What Redshift has and PostgreSQL has not: two functions, and backslashes that escape in every literal."""

TO_POSTGRES = {"json": "jsonb", "text": "varchar", "binary": "bytea"}
"""In place of `super`, `varchar(max)` and `varbinary`."""

FROM_POSTGRES = {"jsonb": "json", "character varying": "text", "bytea": "binary"}


@contextmanager
def redshift(directory: Path) -> Iterator[Settings]:
    """The PostgreSQL of the suite, with the types of its own in dlt's table of types."""
    from dlt.destinations.impl.redshift.factory import RedshiftTypeMapper as Types

    with (
        postgres_server(AS_REDSHIFT) as address,
        patch.dict(Types.sct_to_unbound_dbt, TO_POSTGRES),
        patch.dict(Types.dbt_to_sct, FROM_POSTGRES),
    ):
        yield {"SEGMENT_DESTINATION": "redshift", "DESTINATION__REDSHIFT__CREDENTIALS": address}
