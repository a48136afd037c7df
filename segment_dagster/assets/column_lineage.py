"""Column lineage of tables that are worked out from others."""

from collections.abc import Callable, Mapping

import dagster as dg

from segment_dagster.assets.keys import asset_key
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name

COLUMN_LINEAGE = "dagster/column_lineage"


def column_lineage(endpoint: Endpoint) -> dg.TableColumnLineage | None:
    """Return which columns a derived table's are worked out from, by default keys; `None` if it is not derived.

    Args:
        endpoint: The endpoint.
    """
    if endpoint.derived_from is None:
        return None
    key, time = asset_key(endpoint.derived_from), endpoint.time
    columns = [column_name(column.field) for column in endpoint.columns]
    same = {column: [dg.TableColumnDep(key, column)] for column in columns}
    # what the table has itself is the number of days between two snapshots
    days = [dg.TableColumnDep(key, column_name(time.column))] if time else []
    return dg.TableColumnLineage({**same, "days": days})


def translated_lineage(
    metadata: Mapping[str, object], translated: Callable[[dg.AssetKey], dg.AssetKey | None]
) -> dict[str, dg.TableColumnLineage]:
    """Return the column lineage in an asset's metadata with other keys, as metadata; empty if there is none.

    Args:
        metadata: The metadata of an asset spec.
        translated: Returns the key that is shown for one; `None` if the instance does not have that asset.
    """
    lineage = metadata.get(COLUMN_LINEAGE)
    if not isinstance(lineage, dg.TableColumnLineage):
        return {}
    deps_by_column = {
        column: [dg.TableColumnDep(key, dep.column_name) for dep in deps if (key := translated(dep.asset_key))]
        for column, deps in lineage.deps_by_column.items()
    }
    return {COLUMN_LINEAGE: dg.TableColumnLineage(deps_by_column)}
