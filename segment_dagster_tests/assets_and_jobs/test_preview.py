"""The preview on an asset's page."""

from segment_dagster.assets.preview import preview


def test_values_that_no_64_bits_hold_are_shown_as_they_are():
    rows = [{"settings": {"n": 2**70, "x": "y"}, "count": -(2**80)}]
    *_, line = preview(rows, ["settings", "count"]).splitlines()
    assert line == '| {"n":1180591620717411303424,"x":"y"} | -1208925819614629174706176 |'
