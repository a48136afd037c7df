"""What the definitions of an instance and those of its marts share: the destination and the specs of its assets."""

from collections.abc import Sequence

from segment_dagster.assets import AssetSpecs, DestinationResource, SegmentTranslator
from segment_dagster.config import DefinitionSettings
from segment_dagster.endpoints import Endpoint

DEFAULT_NAME = "segment"


def instance_destination(name: str, destination: DestinationResource) -> DestinationResource:
    """Return the destination with the name of the instance's dlt pipeline.

    Args:
        name: Name of the instance.
        destination: Where its tables are loaded.
    """
    return destination.with_defaults(pipeline_name=None if name == DEFAULT_NAME else f"{name}_pipeline")


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
