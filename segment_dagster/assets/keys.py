"""Asset keys of the endpoints."""

import dagster as dg

from segment_dagster.endpoints import Endpoint

PREFIX = "segment"


def asset_key(name: str) -> dg.AssetKey:
    """Return the key of an endpoint's asset: `segment/sources`."""
    return dg.AssetKey([PREFIX, name])


def endpoints_by_key(endpoints: tuple[Endpoint, ...]) -> dict[dg.AssetKey, Endpoint]:
    """Return the endpoints by asset key."""
    return {asset_key(endpoint.name): endpoint for endpoint in endpoints}
