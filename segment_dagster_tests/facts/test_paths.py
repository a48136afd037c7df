"""Fields at every depth, as the tests of the emulator's records read them."""

from segment_dagster_tests.facts.paths import FieldAt, fields_at
from segment_dagster_tests.facts.test_shape import FACTS


def test_fields_are_listed_at_every_depth():
    assert fields_at("boxes", FACTS) == [
        FieldAt(("color",), False, False, ("BLUE", "RED")),
        FieldAt(("id",), False, False, ()),
        FieldAt(("if",), False, True, ()),
        FieldAt(("lid",), True, True, ()),
        FieldAt(("lid", "any"), True, True, ()),
        FieldAt(("lid", "labels"), False, False, ()),
        FieldAt(("sizes",), False, False, ("L", "S")),
        FieldAt(("what",), True, False, ()),
    ]
