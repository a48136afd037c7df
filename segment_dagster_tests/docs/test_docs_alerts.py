"""What the page about alerts shows."""

import inspect
import runpy
from pathlib import Path

import dagster as dg

from segment_dagster import build_segment_alert_sensor
from segment_dagster.alerts.message import MAX_BODY
from segment_dagster_tests.docs.pages import BY_NAME

PAGE = BY_NAME["docs/alerts.md"]


def test_the_sensor_of_the_page_loads_and_is_off():
    (code,) = [block.code for block in PAGE.blocks if block.kind == "python"]
    file = Path("alerting.py")
    file.write_text(code, encoding="utf-8")
    # a module with two of them at its top is refused by Dagster
    names = runpy.run_path(str(file))
    assert not [each for each in names.values() if isinstance(each, dg.Definitions)]
    defs = names["defs"]()
    assert defs.get_sensor_def("segment_alert_sensor").default_status is dg.DefaultSensorStatus.STOPPED


def test_every_argument_is_described():
    arguments = set(inspect.signature(build_segment_alert_sensor).parameters) - {"clock"}
    assert {name for name in arguments if f"| `{name}` |" in PAGE.text} == arguments
    assert f"{MAX_BODY:,} characters" in PAGE.text
