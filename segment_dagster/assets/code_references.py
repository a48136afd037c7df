"""Code references of assets: the module that has an endpoint's row."""

import sys
import warnings
from functools import cache

import dagster as dg

from segment_dagster.endpoints import CATALOGUE, TABLES, Endpoint
from segment_dagster.endpoints import __name__ as catalogue_package


def code_references(endpoint: Endpoint) -> dict[str, dg.CodeReferencesMetadataValue]:
    """Return the file in which an endpoint is defined, as metadata; empty if it is not in the catalogue.

    Args:
        endpoint: The endpoint, or a table that is derived from one.
    """
    file = _files().get(endpoint.derived_from or endpoint.name)
    if file is None:
        return {}
    label = f"{endpoint.derived_from or endpoint.name} in the catalogue"
    with warnings.catch_warnings():
        # Dagster would print a warning for each use of a beta class
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=file, label=label)
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}


@cache
def _files() -> dict[str, str]:
    """Return the files of the modules of the catalogue, by the names of the endpoints in their tuples."""
    rows = {id(endpoint): endpoint.name for endpoint in CATALOGUE}
    whole = (id(CATALOGUE), id(TABLES))
    tuples = [
        (value, str(module.__file__))
        for name, module in sys.modules.items()
        if name.startswith(f"{catalogue_package}.")
        for value in vars(module).values()
        if isinstance(value, tuple) and id(value) not in whole
    ]
    # a row is also in the tuples that are put together of others: the shortest is where it was written
    tuples.sort(key=lambda pair: -len(pair[0]))
    return {rows[id(row)]: file for value, file in tuples for row in value if id(row) in rows}
