"""A code location with five assets that do nothing and four checks of each that look at nothing: what those cost."""

from collections.abc import Iterator

import dagster as dg

NAMES = ("one", "two", "three", "four", "five")
CHECKS = ("row_count", "schema", "primary_key", "references")


@dg.multi_asset(
    specs=[dg.AssetSpec(["segment", name]) for name in NAMES],
    check_specs=[dg.AssetCheckSpec(check, asset=["segment", name]) for name in NAMES for check in CHECKS],
    can_subset=True,
)
def checked() -> Iterator[dg.MaterializeResult[None]]:
    """No rows, twenty checks that pass."""
    for name in NAMES:
        key = dg.AssetKey(["segment", name])
        results = [dg.AssetCheckResult(passed=True, check_name=check, asset_key=key) for check in CHECKS]
        yield dg.MaterializeResult(asset_key=key, check_results=results)


@dg.definitions
def defs() -> dg.Definitions:
    """The assets and their job, run in one process like the project's."""
    job = dg.define_asset_job("checked", dg.AssetSelection.assets(checked))
    return dg.Definitions(assets=[checked], jobs=[job], executor=dg.in_process_executor)
