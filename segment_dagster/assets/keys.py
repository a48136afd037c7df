"""Asset keys of the endpoints, before they are translated."""

import dagster as dg

PREFIX = "segment"


def asset_key(name: str) -> dg.AssetKey:
    """Return the default key of an endpoint's asset: `segment/sources`."""
    return dg.AssetKey([PREFIX, name])
