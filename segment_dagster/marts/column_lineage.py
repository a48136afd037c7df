"""Column lineage of the table `changes`."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from segment_dagster.assets import asset_key
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.endpoints.denormalized import denormalized_fields
from segment_dagster.extract.columns import column_name
from segment_dagster.marts.attribution import columns_of_trail
from segment_dagster.marts.records import NAMES


def lineage_of_changes(endpoints: Sequence[Endpoint]) -> dg.TableColumnLineage:
    """Return which columns those of the table `changes` are worked out from, by default keys.

    Args:
        endpoints: The endpoints whose histories are read, and the audit trail.
    """
    tracked = [endpoint for endpoint in endpoints if endpoint.keeps_history]
    by_name = {endpoint.name: endpoint for endpoint in tracked}
    values = [dep for endpoint in tracked for dep in _deps(endpoint, _compared(endpoint, by_name))]
    lineage = {
        "record_key": [dep for each in tracked for dep in _deps(each, map(column_name, each.primary_key))],
        "record_name": [dep for each in tracked for dep in _deps(each, _names(each))],
        "old_value": values,
        "new_value": values,
    }
    if trail := audit_trail(endpoints):
        moment, event, actor, email, _, key = (
            dg.TableColumnDep(asset_key(trail.name), each) for each in columns_of_trail(trail)
        )
        lineage |= {
            "happened_at": [moment],
            "actor": [actor],
            "actor_email": [email],
            "audit_event_id": [key],
            "audit_event_type": [event],
        }
    return dg.TableColumnLineage(lineage)


def _deps(endpoint: Endpoint, columns: Iterable[str]) -> Iterator[dg.TableColumnDep]:
    for column in columns:
        yield dg.TableColumnDep(asset_key(endpoint.name), column)


def _names(endpoint: Endpoint) -> list[str]:
    columns = {column_name(column.field) for column in endpoint.columns}
    return [name for name in NAMES if name in columns]


def _compared(endpoint: Endpoint, by_name: dict[str, Endpoint]) -> list[str]:
    """Return the columns whose changes are reported."""
    copied = denormalized_fields(endpoint, by_name)
    return [column_name(each.field) for each in endpoint.columns if not each.volatile and each.field not in copied]
