"""What the specs of assets tell before anything ran: column lineage and where a table is defined."""

from pathlib import Path

import dagster as dg

from segment_dagster import EndpointSelection, build_segment_defs
from segment_dagster.assets import asset_key
from segment_dagster.endpoints import CATALOGUE, TABLES


def specs(**settings):
    return {spec.key: spec for spec in build_segment_defs(**settings).resolve_all_asset_specs()}


def test_every_endpoint_refers_to_the_file_of_its_row():
    found = specs()
    for endpoint in TABLES:
        (reference,) = found[asset_key(endpoint.name)].metadata["dagster/code_references"].code_references
        row = endpoint.derived_from or endpoint.name
        assert f'name="{row}"' in Path(reference.file_path).read_text(encoding="utf-8")


def test_a_derived_table_comes_column_by_column_from_the_one_it_is_made_of():
    found = specs()
    derived = {endpoint.name: endpoint.derived_from for endpoint in TABLES if endpoint.derived_from}
    assert derived
    for name, made_of in derived.items():
        spec, base = found[asset_key(name)], asset_key(made_of)
        lineage = spec.metadata["dagster/column_lineage"].deps_by_column
        assert set(lineage) == {column.name for column in spec.metadata["dagster/column_schema"].columns}
        columns = {column.name for column in found[base].metadata["dagster/column_schema"].columns}
        assert all(dep.asset_key == base and dep.column_name in columns for deps in lineage.values() for dep in deps)
        assert lineage["timestamp"] == [dg.TableColumnDep(base, "timestamp")]
    others = [found[asset_key(endpoint.name)] for endpoint in CATALOGUE]
    assert not any("dagster/column_lineage" in spec.metadata for spec in others)


def test_changes_come_from_columns_that_exist_of_the_endpoints_with_a_history_and_the_audit_trail():
    found = specs(history=True)
    spec = found[asset_key("changes")]
    lineage = spec.metadata["dagster/column_lineage"].deps_by_column
    assert set(lineage) <= {column.name for column in spec.metadata["dagster/column_schema"].columns}
    for dep in (dep for deps in lineage.values() for dep in deps):
        columns = {column.name for column in found[dep.asset_key].metadata["dagster/column_schema"].columns}
        assert dep.column_name in columns, dep
    (trail,) = (asset_key(endpoint.name) for endpoint in CATALOGUE if endpoint.audit_fields)
    assert [dep.asset_key for dep in lineage["actor_email"]] == [trail]
    assert {dep.asset_key for dep in lineage["old_value"]} <= {dep.asset_key for dep in spec.deps} - {trail}


def test_lineage_names_no_asset_that_the_instance_does_not_have():
    derived = next(endpoint for endpoint in TABLES if endpoint.derived_from)
    (spec,) = specs(select=EndpointSelection(endpoints=[derived.name])).values()
    assert spec.metadata["dagster/column_lineage"].deps_by_column["timestamp"] == []
    assert not list(spec.deps)
