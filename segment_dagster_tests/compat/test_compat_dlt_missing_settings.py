"""What `_compat/dlt_missing_settings.py` takes for granted of dlt."""

import dlt
import pytest

from segment_dagster._compat.dlt_missing_settings import ConfigFieldMissingException, missing_settings

BREAKS = "a missing setting is not named: see segment_dagster/_compat/dlt_missing_settings.py"


def test_the_nested_settings_of_credentials_are_named():
    destination = dlt.destinations.postgres()
    spec = destination.spec()
    spec.dataset_name = "any"
    with pytest.raises(ConfigFieldMissingException) as caught:
        destination.configuration(spec)
    assert missing_settings(caught.value, "DESTINATION__POSTGRES") == [
        f"DESTINATION__POSTGRES__CREDENTIALS__{name}" for name in ("DATABASE", "PASSWORD", "USERNAME", "HOST")
    ], BREAKS
