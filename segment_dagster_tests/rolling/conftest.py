"""Four of the tests' short minutes count as ten minutes: what takes longer is read in slices."""

import pytest

from segment_dagster_tests.conftest import MINUTE


@pytest.fixture(autouse=True)
def ten_minutes(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scale the limit beyond which an endpoint is read in slices."""
    monkeypatch.setenv("SEGMENT_SLOW_WHOLE_SECONDS", str(4 * MINUTE))
