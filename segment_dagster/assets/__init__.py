"""Dagster assets for the endpoints."""

from segment_dagster.assets.contract import Check, CheckContext, Derived
from segment_dagster.assets.family import family_assets, segment_assets
from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.resource import DestinationResource, SegmentResource
from segment_dagster.assets.specs import asset_spec
from segment_dagster.assets.translator import AssetSpecs, SegmentAssetData, SegmentTranslator
from segment_dagster.extract.identity import Workspace

__all__ = [
    "AssetSpecs",
    "Check",
    "CheckContext",
    "Derived",
    "DestinationResource",
    "SegmentAssetData",
    "SegmentResource",
    "SegmentTranslator",
    "Workspace",
    "asset_key",
    "asset_spec",
    "family_assets",
    "segment_assets",
]
