"""A code location with one job of one asset that does nothing: what Dagster costs in any case."""

import dagster as dg


@dg.asset
def nothing() -> None:
    """No rows."""


@dg.definitions
def defs() -> dg.Definitions:
    """The asset and its job, run in one process like the project's."""
    job = dg.define_asset_job("empty", dg.AssetSelection.assets(nothing))
    return dg.Definitions(assets=[nothing], jobs=[job], executor=dg.in_process_executor)
