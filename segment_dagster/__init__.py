"""A Twilio Segment workspace as a graph of Dagster assets, loaded by dlt."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segment_dagster.version import __version__ as __version__

if TYPE_CHECKING:
    from segment_dagster.alerts.sensor import build_segment_alert_sensor
    from segment_dagster.assets import DestinationResource, SegmentResource, SegmentTranslator, segment_assets
    from segment_dagster.components.build import build_segment_defs
    from segment_dagster.components.build_health import HealthInstance, ReportFile, build_segment_health_defs
    from segment_dagster.components.build_union import build_segment_union_defs
    from segment_dagster.components.health import SegmentHealthComponent
    from segment_dagster.components.selection import EndpointSelection
    from segment_dagster.components.warehouse import SegmentWarehouseComponent
    from segment_dagster.components.workspace import SegmentWorkspaceComponent
    from segment_dagster.extract.resources import segment_source
    from segment_dagster.syncs.reverse_etl.assets import segment_reverse_etl_assets
    from segment_dagster.syncs.reverse_etl.sensor import build_segment_reverse_etl_sensor
    from segment_dagster.syncs.reverse_etl.specs import segment_reverse_etl_specs
    from segment_dagster.syncs.sensor import build_segment_warehouse_sensor
    from segment_dagster.syncs.specs import segment_warehouse_specs


__all__ = [
    "DestinationResource",
    "EndpointSelection",
    "HealthInstance",
    "ReportFile",
    "SegmentHealthComponent",
    "SegmentResource",
    "SegmentTranslator",
    "SegmentWarehouseComponent",
    "SegmentWorkspaceComponent",
    "build_segment_alert_sensor",
    "build_segment_defs",
    "build_segment_health_defs",
    "build_segment_reverse_etl_sensor",
    "build_segment_union_defs",
    "build_segment_warehouse_sensor",
    "segment_assets",
    "segment_reverse_etl_assets",
    "segment_reverse_etl_specs",
    "segment_source",
    "segment_warehouse_specs",
]

_MODULES = {
    "DestinationResource": "segment_dagster.assets",
    "EndpointSelection": "segment_dagster.components.selection",
    "HealthInstance": "segment_dagster.components.build_health",
    "ReportFile": "segment_dagster.components.build_health",
    "SegmentHealthComponent": "segment_dagster.components.health",
    "SegmentResource": "segment_dagster.assets",
    "SegmentTranslator": "segment_dagster.assets",
    "SegmentWarehouseComponent": "segment_dagster.components.warehouse",
    "SegmentWorkspaceComponent": "segment_dagster.components.workspace",
    "build_segment_alert_sensor": "segment_dagster.alerts.sensor",
    "build_segment_defs": "segment_dagster.components.build",
    "build_segment_health_defs": "segment_dagster.components.build_health",
    "build_segment_union_defs": "segment_dagster.components.build_union",
    "build_segment_reverse_etl_sensor": "segment_dagster.syncs.reverse_etl.sensor",
    "build_segment_warehouse_sensor": "segment_dagster.syncs.sensor",
    "segment_assets": "segment_dagster.assets",
    "segment_reverse_etl_assets": "segment_dagster.syncs.reverse_etl.assets",
    "segment_reverse_etl_specs": "segment_dagster.syncs.reverse_etl.specs",
    "segment_source": "segment_dagster.extract.resources",
    "segment_warehouse_specs": "segment_dagster.syncs.specs",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the plain dlt script needs no Dagster."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the public names, those that are not imported yet too: `dg` looks for components among them."""
    return sorted({*globals(), *__all__})
