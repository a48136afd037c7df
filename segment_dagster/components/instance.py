"""The specs of an instance's assets, as its definitions and its marts share them."""

from collections.abc import Sequence

from segment_dagster.assets import AssetSpecs, DestinationResource, SegmentTranslator
from segment_dagster.config import DefinitionSettings
from segment_dagster.endpoints import Endpoint


def instance_specs(
    endpoints: Sequence[Endpoint],
    translator: SegmentTranslator,
    destination: DestinationResource,
    settings: DefinitionSettings,
) -> AssetSpecs:
    """Return the specs of an instance's assets.

    Args:
        endpoints: The selected endpoints.
        translator: Decides what the assets look like.
        destination: Where the tables are loaded.
        settings: Owners of the assets, and what is shown of the destination.
    """
    return AssetSpecs(
        translator,
        endpoints,
        owners=settings.owners,
        destination=destination.shown("type") or settings.destination,
        dataset=destination.shown("dataset") or settings.dataset,
    )
