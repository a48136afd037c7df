"""The preview on an asset's page."""

from segment_dagster.assets.preview import preview


def test_values_that_no_64_bits_hold_are_shown_as_they_are():
    deep: list = []
    for _ in range(300):
        deep = [deep]
    rows = [{"settings": {"n": 2**70, "x": "y"}, "count": -(2**80), "deep": deep}]
    *_, line = preview(rows, ["settings", "count", "deep"]).splitlines()
    assert line.startswith('| {"n":1180591620717411303424,"x":"y"} | -1208925819614629174706176 | \\[\\[')
