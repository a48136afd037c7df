"""Two workspaces and two datasets in one process, each with settings of its own."""

import dagster as dg
import pytest

from segment_dagster.assets import DestinationResource, SegmentResource, segment_assets
from segment_dagster.checks import standard_checks
from segment_dagster.config import DefinitionSettings
from segment_dagster.emulator import running
from segment_dagster.endpoints import CATALOGUE

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
NAMES = ("workspace", "sources", "warehouses")


@pytest.fixture
def two(monkeypatch):
    """Two workspaces, neither of which the environment names."""
    with (
        running(seed=1, token="first-token", minute=0.05) as first,
        running(seed=2, token="second-token", minute=0.05) as second,
    ):
        for setting in ("SEGMENT_BASE_URL", "SEGMENT_API_TOKEN"):
            monkeypatch.delenv(setting, raising=False)
        yield first, second


def materialize(emulator, settings, destination, **fields):
    assets = segment_assets(
        tuple(ROWS[name] for name in NAMES),
        standard_checks(settings),
        destination=destination,
        settings=settings,
        workspace=SegmentResource(token=emulator.token, base_url=emulator.url, **fields),
    )
    return dg.materialize([assets], raise_on_error=False)


def test_each_has_its_own_token_dataset_history_and_secrets(two, duck):
    first, second = two
    history, plain = DefinitionSettings(history=True), DefinitionSettings(history=False)
    one, other = DestinationResource(dataset="segment_one"), DestinationResource(dataset="segment_other")
    for _ in range(2):
        # in turn: what one leaves behind in the process would show in the other
        ran = materialize(first, history, one, history=True, include_secrets=True, page_size=7)
        assert ran.success and all(check.passed for check in ran.get_asset_check_evaluations())
        assert "history" in {check.check_name for check in ran.get_asset_check_evaluations()}
        ran = materialize(second, plain, other, layout="public", preview="off")
        assert ran.success and all(check.passed for check in ran.get_asset_check_evaluations())
        assert "history" not in {check.check_name for check in ran.get_asset_check_evaluations()}
    tables = {tuple(row) for row in duck.query("SELECT schema_name, table_name FROM duckdb_tables()")}
    assert ("segment_one", "sources_history") in tables and ("segment_other", "sources_history") not in tables
    for dataset, emulator in (("segment_one", first), ("segment_other", second)):
        slugs = {row[0] for row in duck.query(f"SELECT slug FROM {dataset}.sources")}
        assert slugs == {record["slug"] for record in emulator.world.records("sources")}
    shown, hidden = (
        str(duck.query(f"SELECT DISTINCT write_keys::VARCHAR FROM {name}.sources"))
        for name in ("segment_one", "segment_other")
    )
    assert "[redacted]" not in shown and "[redacted]" in hidden


def test_one_that_cannot_be_used_does_not_touch_the_other(two, duck):
    first, second = two
    settings = DefinitionSettings()
    assert materialize(first, settings, DestinationResource(dataset="segment_one")).success
    ran = materialize(second, settings, DestinationResource(dataset="segment_one"))
    assert not ran.success
    # the dataset belongs to the first
    slugs = {row[0] for row in duck.query("SELECT slug FROM segment_one.sources")}
    assert slugs == {record["slug"] for record in first.world.records("sources")}
    assert materialize(second, settings, DestinationResource(dataset="segment_other")).success
