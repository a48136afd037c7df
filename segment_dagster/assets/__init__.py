"""Dagster assets for the endpoints."""

from segment_dagster.assets.contract import Check, CheckContext, Derived
from segment_dagster.assets.family import segment_assets
from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.resource import DestinationResource, SegmentResource
from segment_dagster.assets.specs import SegmentTranslator, asset_spec
from segment_dagster.extract.identity import Workspace

__all__ = [
    "Check",
    "CheckContext",
    "Derived",
    "DestinationResource",
    "SegmentResource",
    "SegmentTranslator",
    "Workspace",
    "asset_key",
    "asset_spec",
    "segment_assets",
]
