"""What `_compat/dlt_specs.py` takes for granted of dlt's settings."""

import pytest
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from segment_dagster._compat.dlt_specs import SPECS

BREAKS = "a wrong setting of dlt's is found after everything was read: see segment_dagster/_compat/dlt_specs.py"
SETTINGS = {
    "RESTORE_FROM_DESTINATION": "PipelineConfiguration",
    "EXTRACT__WORKERS": "PipeIteratorConfiguration",
    "NORMALIZE__WORKERS": "NormalizeConfiguration",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "BufferedDataWriterConfiguration",
    "LOAD__WORKERS": "LoaderConfiguration",
    "LOAD__DELETE_COMPLETED_JOBS": "LoadStorageConfiguration",
}
"""One for each class."""


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_class_reads_its_settings_from_its_section(setting, monkeypatch):
    ((spec, sections),) = [(spec, sections) for spec, sections in SPECS if spec.__name__ == SETTINGS[setting]]
    resolve_configuration(spec(), sections=sections, accept_partial=True)
    monkeypatch.setenv(setting, "neither a number nor true")
    try:
        resolve_configuration(spec(), sections=sections, accept_partial=True)
    except ConfigValueCannotBeCoercedException:
        return
    pytest.fail(f"dlt's {spec.__name__} does not read {setting}: {BREAKS}")


def test_every_class_has_its_proof():
    assert sorted(spec.__name__ for spec, _ in SPECS) == sorted(SETTINGS.values())
