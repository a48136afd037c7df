"""The examples in docstrings run as they stand."""

import doctest
from importlib import import_module

import pytest

MODULES = [
    "segment_dagster.alerts.sensor",
    "segment_dagster.assets.family",
    "segment_dagster.assets.translator",
    "segment_dagster.components.build",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    ran = doctest.testmod(import_module(name))
    assert ran.attempted and not ran.failed
