"""Fixtures of the tests of reading."""

import tempfile

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.extract.extractor import Extractor


@pytest.fixture
def spools(tmp_path, monkeypatch):
    """Where everything that is put on disk for a while goes."""
    directory = tmp_path / "spools"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def extractor(emulator):
    with Extractor(ApiSettings()) as extractor:
        yield extractor
