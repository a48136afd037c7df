"""The catalogue: rows that hold together, and a row that does not is refused."""

import re
from dataclasses import FrozenInstanceError, replace

import pytest

from segment_dagster.config import MAX_PAGE_SIZE
from segment_dagster.endpoints import CATALOGUE, IDENTITY, Column, Exploded, Months, Reference, Secrecy
from segment_dagster.endpoints.columns import from_request, parent_of, text, volatile

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
every_row = pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)


def test_names_and_paths_are_told_apart():
    assert len(ROWS) == len(CATALOGUE)
    assert len({(endpoint.path, endpoint.selector) for endpoint in CATALOGUE}) == len(CATALOGUE)


def test_the_identity_is_the_workspace():
    assert IDENTITY is ROWS["workspace"]


@every_row
def test_a_row_describes_itself(endpoint):
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", endpoint.name)
    assert re.fullmatch(r"[A-Z].*[.]", endpoint.description)
    assert endpoint.documentation.startswith("https://docs.segmentapis.com/tag/")
    assert all(re.fullmatch(r".+[.]", column.description) for column in endpoint.columns)


@every_row
def test_a_rows_columns_are_told_apart_and_hold_the_key(endpoint):
    from segment_dagster.extract.columns import column_name

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
        fields = {column.field for column in ROWS[endpoint.parent.endpoint].columns}
        assert {bind.field for bind in endpoint.parent.binds} <= fields
        assert endpoint.parent.only is None or endpoint.parent.only[0] in fields
    for reference in endpoint.references:
        assert reference.target_field in {column.field for column in ROWS[reference.endpoint].columns}


@every_row
def test_a_versioned_path_needs_no_parent(endpoint):
    assert endpoint.versioned is None or "{" not in endpoint.versioned.path


@every_row
def test_page_sizes_are_within_what_any_endpoint_allows(endpoint):
    sizes = [endpoint.page_size, endpoint.versioned and endpoint.versioned.page_size]
    assert all(1 <= size <= MAX_PAGE_SIZE for size in sizes if size is not None)
    assert not (endpoint.single and endpoint.page_size)
    assert endpoint.page_rows is None or (endpoint.page_size and endpoint.page_rows < endpoint.page_size)


@every_row
def test_what_is_named_for_a_secret_is_guarded(endpoint):
    guarded = {column.field for column in endpoint.columns if column.secrecy is not Secrecy.NONE}
    named = {column.field for column in endpoint.columns if column.field in ("settings", "writeKeys", "code")}
    assert named <= guarded


NO_HISTORY = """
    warehouse_syncs warehouse_source_syncs reverse_etl_syncs regulations source_regulations
"""
"""What happened, and runs out, though no time is asked for."""


def test_history_is_kept_of_what_somebody_sets_and_of_nothing_else():
    kept = {row.name for row in CATALOGUE if row.keeps_history}
    assert kept == {row.name for row in CATALOGUE if row.time is None} - set(NO_HISTORY.split())
    assert {"sources", "segments", "tracking_plan_rules", "invites", "workspace"} <= kept


def test_volatile_columns_are_named():
    alone = {(row.name, column.field) for row in CATALOGUE for column in row.columns if column.volatile}
    assert alone == {
        ("user_groups", "memberCount"),
        ("source_live_plugins", "downloadURL"),
        ("segments", "size"),
        *((name, "status") for name in ("segments", "audience_references", "computed_traits")),
        ("audience_schedules", "nextExecution"),
        *((name, "lastSeenAt") for name in ("space_events", "space_event_properties", "space_traits")),
        *((name, "samples") for name in ("space_entity_properties", "space_event_properties", "space_traits")),
    }
    inside = {(row.name, column.field): column.volatile_paths for row in CATALOGUE for column in row.columns}
    assert {where: names for where, names in inside.items() if names} == {("segments", "schedules"): ("nextExecution",)}


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
            {"path": "/spaces/{spaceId}/sources"},
            r"endpoint sources: nothing fills \['spaceId'\] in the path /spaces/{spaceId}/sources",
        ),
        ({"optional_key": ("slug",)}, r"endpoint sources: optional key \['slug'\] is not part of its primary key"),
        (
            {
                "parent": parent_of("spaces", period="id"),
                "time": Months(count=1, timestamp="period"),
                "columns": (*ROWS["sources"].columns, from_request("period", "x.")),
            },
            r"endpoint sources: \['period'\] would be filled twice",
        ),
        (
            {"columns": (*ROWS["sources"].columns, from_request("spaceId", "x."))},
            r"endpoint sources: no request has the parameter \['spaceId'\] that fills a column",
        ),
        (
            {"exploded": Exploded(field="labels", element="label")},
            "endpoint sources: the element 'label' is not among its columns",
        ),
        ({"wrapped": "email"}, "endpoint sources: the wrapped field 'email' is not among its columns"),
        (
            {"name": "sources_history"},
            "endpoint sources_history: `_history` at the end of a name is kept for the history of a table",
        ),
        (
            {"columns": (*ROWS["sources"].columns, text("validTo", "x."))},
            r"endpoint sources: \['validTo'\] are columns of its history",
        ),
        (
            {"columns": (*ROWS["sources"].columns, text("undeclaredFields", "x."))},
            r"endpoint sources: \['undeclaredFields'\] is where the fields land that it does not declare",
        ),
        (
            {"columns": tuple(volatile(column) for column in ROWS["sources"].columns)},
            r"endpoint sources: \['id'\] is part of its primary key and cannot be volatile",
        ),
        (
            {"audit_fields": ROWS["audit_events"].audit_fields},
            r"endpoint sources: \['actor', 'actorEmail', .*'type'\] of the trail is not among its columns",
        ),
        (
            {"measure": ("clicks",)},
            r"endpoint sources: \['clicks'\] of its times and counts is not among its columns",
        ),
    ],
    ids=[
        *("name", "key", "reference", "placeholder", "optional key", "twice", "given", "element", "wrapped"),
        *("name of a history", "column of a history", "column for the rest", "volatile key", "trail", "measure"),
    ],
)
def test_a_row_that_could_not_be_loaded_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(ROWS["sources"], **change)


def test_upstream_is_the_parent_and_then_what_the_records_name_each_once():
    columns = tuple(Column(field=field, type="text", description="x.") for field in ("id", "a", "b", "c"))
    endpoint = replace(
        ROWS["sources"],
        path="/spaces/{id}/x",
        parent=parent_of("spaces", id="id"),
        columns=columns,
        references=(
            Reference(field="a", endpoint="workspace"),
            Reference(field="b", endpoint="spaces"),
            Reference(field="c", endpoint="workspace"),
        ),
    )
    assert endpoint.upstream == ("spaces", "workspace")
    assert IDENTITY.upstream == ()
