"""Read the latest materialization and observations of an asset from the Dagster instance."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from segment_dagster.assets.metadata import DATA_VERSION, FAILED, FROM, SKIPPED, UNTIL
from segment_dagster.extract.times import Window

OBSERVATIONS = 20
"""Latest observations of an asset to search for the reason of a skip or failure."""


class LastRun:
    """The latest materialization of an asset, and later observations.

    Args:
        instance: The Dagster instance that holds them.
        key: Key of the asset.
    """

    def __init__(self, instance: dg.DagsterInstance, key: dg.AssetKey) -> None:
        self._instance = instance
        self._key = key
        event = instance.get_latest_materialization_event(self._key)
        materialization = event.asset_materialization if event else None
        self._timestamp = event.timestamp if event else 0.0
        self._metadata: Mapping[str, dg.MetadataValue[Any]] = materialization.metadata if materialization else {}
        self.data_version = ((materialization.tags if materialization else None) or {}).get(DATA_VERSION)

    def number(self, name: str) -> int | None:
        """Return a number from the metadata; `None` if it has none of this name."""
        value = self._metadata.get(name)
        return value.value if isinstance(value, dg.IntMetadataValue) else None

    def text(self, name: str) -> str | None:
        """Return a text from the metadata; `None` if it has none of this name."""
        return _text(self._metadata, name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts from the metadata; empty if it has none of this name."""
        value = self._metadata.get(name)
        return tuple(map(str, value.value)) if isinstance(value, dg.JsonMetadataValue) and value.value else ()

    def window(self) -> Window | None:
        """Return the time range that was read; `None` if the endpoint has no time parameters."""
        start, end = self.text(FROM), self.text(UNTIL)
        if start is None:
            return None
        return Window(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)

    def skipped(self) -> str | None:
        """Return why the endpoint was skipped since then, as a clause; `None` if it was not, or failed after that."""
        return _text(self._latest_reason(), SKIPPED)

    def failed(self) -> bool:
        """Return whether the endpoint has failed since then."""
        return FAILED in self._latest_reason()

    def _latest_reason(self) -> Mapping[str, dg.MetadataValue[Any]]:
        # the asset has other observations too, such as those of the sensor
        for record in self._instance.fetch_observations(self._key, limit=OBSERVATIONS).records:
            observation = record.asset_observation
            if observation and record.timestamp > self._timestamp and {SKIPPED, FAILED} & observation.metadata.keys():
                metadata: Mapping[str, dg.MetadataValue[Any]] = observation.metadata
                return metadata
        return {}


def _text(metadata: Mapping[str, dg.MetadataValue[Any]], name: str) -> str | None:
    value = metadata.get(name)
    return value.value if isinstance(value, dg.TextMetadataValue) else None
