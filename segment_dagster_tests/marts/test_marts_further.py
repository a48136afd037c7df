"""The marts against the truth on what `make test-destinations` installs of other warehouses.

No server speaks Redshift's SUPER, and none Databricks' SQL: `test_mart_sql` has what is known of theirs.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.emulator import Emulator
from segment_dagster.load import resolve_destination
from segment_dagster_tests.conftest import MINUTE
from segment_dagster_tests.destinations.engines_further import FURTHER_ENGINES
from segment_dagster_tests.marts.conftest import READ, Loaded, load

# the tests, with the datasets of this file
from segment_dagster_tests.marts.test_planted_marts import (  # noqa: F401
    test_every_destination_has_its_state_and_reasons,
    test_every_source_has_its_state_and_numbers,
    test_the_changes_of_each_week_are_counted,
    test_thresholds_decide_what_is_quiet_and_dead,
    test_what_nobody_governs_is_found,
    test_what_nobody_uses_is_found,
    test_what_was_disabled_long_ago_is_unused,
    test_who_may_do_what_is_found,
    test_without_the_reasons_nothing_counts_as_blocked,
)

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(1_200)]

ENGINES = [engine for engine in FURTHER_ENGINES if engine.name in ("snowflake", "bigquery")]


@pytest.fixture(scope="module", params=[pytest.param(engine, id=engine.name) for engine in ENGINES])
def dataset(
    request: pytest.FixtureRequest, planted: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loaded]:
    """The tables that the marts read, in a warehouse that is another one to its driver."""
    place = tmp_path_factory.mktemp("further")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        environment = stack.enter_context(request.param.started(place))
        patch.setenv("DLT_DATA_DIR", str(place / "dlt"))
        patch.setenv("SEGMENT_MINUTE_SECONDS", str(MINUTE))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = DestinationSettings()
        load(planted, settings, READ)
        yield Loaded(resolve_destination(settings), environment)


def test_the_usage_is_forecast(loaded):
    rows = {(row["metric"], row["source_id"]): row["used"] for row in loaded.rows("usage_forecast")}
    assert rows["api_calls", None] == 70_495 and rows["mtu", None] == 675
