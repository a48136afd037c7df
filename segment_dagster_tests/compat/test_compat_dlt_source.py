"""What `_compat/dlt_source.py` takes for granted of dlt's sources and of dagster-dlt."""

import inspect

import dlt
from dagster_dlt import DagsterDltResource
from dlt.extract import DltSource

from segment_dagster._compat.dlt_source import ExpandingSource, implemented_by

BREAKS = "histories are not loaded with their tables: see segment_dagster/_compat/dlt_source.py"


class WithLog(ExpandingSource):
    @staticmethod
    def expand(name):
        return f"{name}_log"


def source():
    @dlt.source(**implemented_by(WithLog))
    def made():
        for name in ("one", "one_log", "two"):
            yield dlt.resource([{"id": 1}], name=name)

    return made()


def test_dlt_makes_sources_of_the_class_that_it_is_given():
    assert "_impl_cls" in inspect.signature(dlt.source).parameters, f"dlt.source has no _impl_cls: {BREAKS}"
    assert type(source()) is WithLog, f"dlt makes sources of its own class: {BREAKS}"


def test_what_goes_together_is_chosen_together_again_and_again():
    both = source().with_resources("one")
    assert set(both.selected_resources) == {"one", "one_log"}, f"DltSource.with_resources has changed: {BREAKS}"
    assert set(both.with_resources("one", "two").selected_resources) == {"one", "one_log", "two"}
    assert set(source().with_resources("two").selected_resources) == {"two"}


def test_dlts_own_copy_forgets_its_class():
    plain = DltSource.clone(source())
    assert type(plain) is DltSource, f"DltSource.clone keeps its class: ExpandingSource.clone is not needed. {BREAKS}"
    assert type(source().clone("other")) is WithLog
    assert source().clone("other").name == "other"


def test_dagster_dlt_chooses_resources_by_their_names():
    assert ".with_resources(" in inspect.getsource(DagsterDltResource), f"dagster-dlt chooses otherwise: {BREAKS}"


def test_a_schema_that_is_given_is_copied():
    made, other = source(), source()
    made.schema = other.schema
    other.schema.update_table(dlt.Schema("other").tables["_dlt_version"] | {"name": "changed"})
    assert "changed" in other.schema.tables and "changed" not in made.schema.tables, f"DltSource.schema: {BREAKS}"
