"""The digest of what a check has found: the same for the same set, and nothing for what nobody can help."""

from datetime import datetime, timezone
from typing import Any, cast

import pytest

from segment_dagster.assets.contract import CheckContext, PartitionGaps
from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.metadata import OFFENDERS_DIGEST
from segment_dagster.assets.offenders import offenders_digest
from segment_dagster.checks.gaps import GapsCheck
from segment_dagster.endpoints import TABLES

(VOLUME,) = [endpoint for endpoint in TABLES if endpoint.name == "events_volume"]


def test_order_and_repetition_do_not_count_and_each_member_does():
    digest = offenders_digest([("a", 1), ("b", None)])
    assert digest == offenders_digest([("b", None), ("a", 1), ("a", 1)])
    others: list[list[tuple[object, ...]]] = [
        [],
        [("a", 1)],
        [("a", 1), ("b", None), ("c", 2)],
        [("a", "1b"), ("None",)],
        [("a1",), ("bNone",)],
    ]
    assert digest not in [offenders_digest(each) for each in others]
    assert len(digest) == 16


@pytest.mark.parametrize(
    ("missing", "lost", "digest"),
    [
        ((), (), None),
        ((), ("2026-01-01",), {}),
        (("2026-02-01",), ("2026-01-01",), {"WARN": offenders_digest([["2026-02-01"]])}),
        (("2026-02-01",), (), {"WARN": offenders_digest([["2026-02-01"]])}),
    ],
)
def test_of_missing_partitions_those_that_can_still_be_read_count(missing, lost, digest):
    context = CheckContext(
        endpoint=VOLUME,
        key_of=asset_key,
        tables=cast("Any", None),  # it needs none
        now=datetime(2026, 3, 1, tzinfo=timezone.utc),
        gaps=PartitionGaps(missing, lost),
    )
    result = GapsCheck().evaluate(context)
    found = result.metadata.get(OFFENDERS_DIGEST)
    assert result.passed == (digest is None) and (found.value if found else None) == digest
