"""The keys by which Dagster knows the endpoints."""

import dagster as dg

from segment_dagster.endpoints import Endpoint

PREFIX = "segment"


def asset_key(name: str) -> dg.AssetKey:
    """The key of an endpoint's asset: `segment/sources`."""
    return dg.AssetKey([PREFIX, name])


def endpoints_by_key(endpoints: tuple[Endpoint, ...]) -> dict[dg.AssetKey, Endpoint]:
    """The endpoints by the keys of their assets."""
    return {asset_key(endpoint.name): endpoint for endpoint in endpoints}
