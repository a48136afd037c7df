"""What `_compat/dlt_toml.py` takes for granted of dlt."""

from pathlib import Path

import pytest
from dlt.common.configuration.providers.toml import SettingsTomlProvider

from segment_dagster._compat.dlt_toml import TomlProviderReadException

BREAKS = "a line of secrets.toml may be shown in an error: see segment_dagster/_compat/dlt_toml.py"


def test_a_file_that_is_no_toml_is_this_error_and_named():
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text("no toml at all [")
    with pytest.raises(TomlProviderReadException) as caught:
        SettingsTomlProvider("secrets.toml", True, "secrets.toml", [".dlt"])
    assert caught.value.file_name == "secrets.toml", BREAKS
    assert [Path(path).name for path in caught.value.full_paths] == ["secrets.toml"], BREAKS
