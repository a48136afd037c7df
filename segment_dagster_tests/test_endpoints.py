"""The catalogue: rows that hold together, and a row that does not is refused."""

import re
from dataclasses import FrozenInstanceError, replace

import pytest

from segment_dagster.endpoints import CATALOGUE, IDENTITY, Column, Parent, Reference, Secrecy
from segment_dagster.settings import MAX_PAGE_SIZE

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
every_row = pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)


def test_names_and_paths_are_told_apart():
    assert len(ROWS) == len(CATALOGUE)
    assert len({(endpoint.path, endpoint.selector) for endpoint in CATALOGUE}) == len(CATALOGUE)


def test_the_six_first_endpoints_are_there():
    assert {"workspace", "sources", "destinations", "warehouses", "spaces", "segments"} <= ROWS.keys()
    assert IDENTITY is ROWS["workspace"]


@every_row
def test_a_row_describes_itself(endpoint):
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", endpoint.name)
    assert re.fullmatch(r"[A-Z].*[.]", endpoint.description)
    assert endpoint.documentation.startswith("https://docs.segmentapis.com/tag/")
    assert all(re.fullmatch(r".+[.]", column.description) for column in endpoint.columns)


@every_row
def test_a_rows_columns_are_told_apart_and_hold_the_key(endpoint):
    from segment_dagster.source.columns import column_name

    fields = [column.field for column in endpoint.columns]
    assert len({column_name(field) for field in fields}) == len(fields)
    assert endpoint.primary_key
    assert set(endpoint.primary_key) <= set(fields)


@every_row
def test_a_row_comes_after_those_it_is_asked_with(endpoint):
    earlier = {row.name for row in CATALOGUE[: CATALOGUE.index(endpoint)]}
    assert not endpoint.parent or endpoint.parent.endpoint in earlier
    assert all(reference.endpoint in ROWS for reference in endpoint.references)


@every_row
def test_a_parent_and_a_reference_name_fields_that_are_there(endpoint):
    if endpoint.parent:
        assert endpoint.parent.field in {column.field for column in ROWS[endpoint.parent.endpoint].columns}
    for reference in endpoint.references:
        assert reference.target_field in {column.field for column in ROWS[reference.endpoint].columns}


@every_row
def test_the_paths_placeholders_are_those_of_the_parent(endpoint):
    wanted = [endpoint.parent.placeholder] if endpoint.parent else []
    assert re.findall(r"{(\w+)}", endpoint.path) == wanted
    assert endpoint.versioned is None or "{" not in endpoint.versioned.path


@every_row
def test_page_sizes_are_within_what_any_endpoint_allows(endpoint):
    sizes = [endpoint.page_size, endpoint.versioned and endpoint.versioned.page_size]
    assert all(1 <= size <= MAX_PAGE_SIZE for size in sizes if size is not None)
    assert not (endpoint.single and endpoint.page_size)


@every_row
def test_what_is_named_for_a_secret_is_guarded(endpoint):
    guarded = {column.field for column in endpoint.columns if column.secrecy is not Secrecy.NONE}
    named = {column.field for column in endpoint.columns if column.field in ("settings", "writeKeys", "code")}
    assert named <= guarded


def test_a_row_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ROWS["sources"].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "sources__labels"}, "endpoint sources__labels: `__` in a name is kept for dlt's child tables"),
        ({"primary_key": ("id", "nope")}, r"endpoint sources: primary key \['nope'\] is not among its columns"),
        (
            {"references": (Reference(field="nope", endpoint="workspace"),)},
            r"endpoint sources: reference \['nope'\] is not among its columns",
        ),
        (
            {"parent": Parent(endpoint="workspace", field="id", placeholder="workspaceId")},
            r"endpoint sources: {workspaceId} is not in the path /sources",
        ),
    ],
    ids=["name", "key", "reference", "parent"],
)
def test_a_row_that_could_not_be_loaded_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(ROWS["sources"], **change)


def test_upstream_is_the_parent_and_then_what_the_records_name_each_once():
    columns = tuple(Column(field=field, type="text", description="x.") for field in ("id", "a", "b", "c"))
    endpoint = replace(
        ROWS["sources"],
        path="/spaces/{id}/x",
        parent=Parent(endpoint="spaces", field="id", placeholder="id"),
        columns=columns,
        references=(
            Reference(field="a", endpoint="workspace"),
            Reference(field="b", endpoint="spaces"),
            Reference(field="c", endpoint="workspace"),
        ),
    )
    assert endpoint.upstream == ("spaces", "workspace")
    assert IDENTITY.upstream == ()
