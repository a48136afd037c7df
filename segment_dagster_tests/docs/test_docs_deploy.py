"""What the page about deploying shows in Python."""

import runpy
from pathlib import Path

from segment_dagster_tests.docs.pages import BY_NAME

PAGE = BY_NAME["docs/deploy.md"]


def test_the_job_over_several_families_has_an_op_for_each():
    ((name, code),) = [(each.kind.split()[1], each.code) for each in PAGE.blocks if each.kind.startswith("python ")]
    Path(name).write_text(code, encoding="utf-8")
    defs = runpy.run_path(name)["defs"]
    job = defs.resolve_job_def("everything")
    assert job.executor_def.name == "multiprocess"
    ops = {"segment", "segment_slow", "segment_volume", "segment_delivery", "segment_delivery_metrics"}
    assert {node.name for node in job.nodes} == ops
