"""The table of one row that says which run loads the dataset, for destinations without locks of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlt.common.data_types import TDataType
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from segment_dagster.errors import SegmentError

if TYPE_CHECKING:
    from dlt.destinations.job_client_impl import SqlJobClientBase

LEASE_TABLE = "_segment_lock"

TYPES: Mapping[str, TDataType] = {
    # the run, and what a person is told of it
    "owner": "text",
    "holder": "text",
    # seconds since 1970 by the destination's clock: each has its own SQL to add seconds to a timestamp
    "taken_at": "bigint",
    "renewed_at": "bigint",
    "expires_at": "bigint",
}


@dataclass(frozen=True)
class LeaseRow:
    """Who holds the lease, by the destination's clock."""

    owner: str | None
    holder: str | None
    renewed: int
    """Seconds since the lease was taken or renewed."""

    left: int
    """Seconds until it expires; zero or less if it has, or was given back."""


class LeaseTable:
    """The row of the lease, in SQL that every destination has.

    Args:
        client: dlt's client of the dataset, connected.
        clock: SQL for the seconds since 1970.
    """

    def __init__(self, client: "SqlJobClientBase", clock: str) -> None:
        self._client = client
        self._sql = client.sql_client
        self._name = client.sql_client.make_qualified_table_name(LEASE_TABLE)
        self._now = self._cast(clock, "bigint")
        self._column = {name: client.sql_client.escape_column_name(name) for name in TYPES}

    def create(self) -> None:
        """Create the dataset and the table with its row, if they are missing. Other runs may do so at the same time.

        Raises:
            DatabaseException: They cannot be created.
        """
        if self._exists():
            return
        self._create_dataset()
        columns = ", ".join(
            f"{self._cast('NULL' if kind == 'text' else '0', kind)} AS {self._column[name]}"
            for name, kind in TYPES.items()
        )
        refusal = None
        try:
            # with its row, in one statement: few destinations refuse a second row
            self._sql.execute_sql(f"CREATE TABLE {self._name} AS SELECT {columns}")
        except DatabaseException as failure:
            refusal = failure
        if refusal and not self._exists():
            raise refusal

    def take(self, owner: str, holder: str, seconds: int) -> DatabaseException | None:
        """Take the lease if nobody has it, or if it has expired. `read` tells whether it was taken.

        Returns:
            The error, if the destination refused the statement, such as for another one at the same time.
        """
        column = self._column
        try:
            self._sql.execute_sql(
                f"UPDATE {self._name} SET {column['owner']} = %s, {column['holder']} = %s, "  # noqa: S608 - escaped
                f"{column['taken_at']} = {self._now}, {column['renewed_at']} = {self._now}, "
                f"{column['expires_at']} = {self._now} + {seconds} WHERE {column['expires_at']} <= {self._now}",
                owner,
                holder,
            )
        except DatabaseException as failure:
            return failure
        return None

    def renew(self, owner: str, seconds: int) -> None:
        """Extend the lease, if it is still the owner's."""
        column = self._column
        self._sql.execute_sql(
            f"UPDATE {self._name} SET {column['renewed_at']} = {self._now}, "  # noqa: S608 - escaped
            f"{column['expires_at']} = {self._now} + {seconds} WHERE {column['owner']} = %s",
            owner,
        )

    def give_back(self, owner: str) -> None:
        """Let the lease expire now, if it is still the owner's."""
        column = self._column
        self._sql.execute_sql(
            f"UPDATE {self._name} SET {column['expires_at']} = 0 WHERE {column['owner']} = %s",  # noqa: S608 - escaped
            owner,
        )

    def read(self) -> LeaseRow:
        """Return who holds the lease.

        Raises:
            DatabaseUndefinedRelation: There is no table.
            SegmentError: Somebody has deleted the row.
        """
        column = self._column
        rows = self._sql.execute_sql(
            f"SELECT {column['owner']}, {column['holder']}, {self._now} - {column['renewed_at']}, "  # noqa: S608
            f"{column['expires_at']} - {self._now} FROM {self._name}"
        )
        if not rows:
            raise SegmentError(f"The table {self._name} has no row. Drop it: the next run creates it anew.")
        owner, holder, renewed, left = rows[0]
        return LeaseRow(owner, holder, int(renewed), int(left))

    def _exists(self) -> bool:
        try:
            self.read()
        except DatabaseUndefinedRelation:
            return False
        return True

    def _create_dataset(self) -> None:
        if self._client.is_storage_initialized():
            return
        try:
            self._client.initialize_storage()
        except DatabaseException:
            if not self._client.is_storage_initialized():
                raise

    def _cast(self, value: str, kind: TDataType) -> str:
        type_of = self._client.capabilities.get_type_mapper().to_destination_type
        return f"CAST({value} AS {type_of({'name': LEASE_TABLE, 'data_type': kind}, {'name': LEASE_TABLE})})"
