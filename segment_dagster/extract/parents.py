"""What the records of a parent give to the requests of its children."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

import pyarrow.parquet as pq

from segment_dagster.endpoints import Endpoint, Parent
from segment_dagster.errors import SegmentError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.errors import ParentError, UnavailableError
from segment_dagster.extract.result import Extract, ParentKey
from segment_dagster.extract.times import StreamSlice


class Parents:
    """The endpoints above others, each read when the first child needs it.

    Args:
        extract: Reads an endpoint by its name, or gives what was read.
    """

    def __init__(self, extract: Callable[[str], Extract]) -> None:
        self._extract = extract

    def extract_of(self, endpoint: Endpoint) -> Extract | None:
        """Return what was read of an endpoint's parent; `None` where it has none.

        Raises:
            UnavailableError: The workspace does not have the parent.
            ParentError: The parent could not be read whole.
        """
        parent = endpoint.parent
        if parent is None:
            return None
        try:
            return self._extract(parent.endpoint)
        except UnavailableError as error:
            reason = f"it takes one request per record of {parent.endpoint}: {error.reason}"
            raise UnavailableError(endpoint, reason) from error
        except SegmentError as error:
            raise ParentError(endpoint, parent.endpoint, error) from error

    def base_of(self, endpoint: Endpoint) -> Extract:
        """Return what was read of the endpoint that another is computed from.

        Raises:
            ParentError: It could not be read whole.
        """
        assert endpoint.derived_from is not None
        try:
            return self._extract(endpoint.derived_from)
        except SegmentError as reason:
            raise ParentError(endpoint, endpoint.derived_from, reason, "it is worked out from") from reason

    def params_of(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        """Return what each record of the parent gives to the requests; one without anything where there is no parent.

        Raises:
            UnavailableError: The workspace does not have the parent.
            ParentError: The parent could not be read whole.
        """
        extract, parent = self.extract_of(endpoint), endpoint.parent
        if extract is None or parent is None:
            return [{}]
        fields = [bind.field for bind in parent.binds] + ([parent.only[0]] if parent.only else [])
        columns = sorted({column_name(field) for field in fields})
        rows = chain.from_iterable(pq.read_table(part.path, columns=columns).to_pylist() for part in extract.parts)
        return params_from_rows(rows, parent, column_name)


def params_from_rows(
    rows: Iterable[Mapping[str, Any]], parent: Parent, name_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Return what each of a parent's rows gives to the requests.

    Args:
        rows: The rows.
        parent: Says which of them count, and what they give.
        name_of: Gives the name by which the rows have a field of the API.
    """
    only, allowed = (name_of(parent.only[0]), parent.only[1]) if parent.only else (None, ())
    fields = {bind.parameter: name_of(bind.field) for bind in parent.binds}
    return [
        {parameter: row.get(field) for parameter, field in fields.items()}
        for row in rows
        if only is None or row.get(only) in allowed
    ]


def parent_key(stream_slice: StreamSlice, parent: Parent) -> ParentKey:
    """Return the values of a list that come from the parent's record."""
    return tuple(stream_slice.params[bind.parameter] for bind in parent.binds)
