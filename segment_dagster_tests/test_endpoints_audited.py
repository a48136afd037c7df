"""What the audit trail speaks of, and which records are copies of others."""

import pytest

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.audit_trail import audit_trail, concerned
from segment_dagster.endpoints.denormalized import denormalized_fields

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


def names(resource_type):
    return [endpoint.name for endpoint in concerned(resource_type)]


@pytest.mark.parametrize(
    "written", ["tracking plan", "Tracking Plans", "TRACKING_PLAN", "tracking-plans", "trackingPlan", "TrackingPlans"]
)
def test_however_a_type_is_written_it_concerns_the_same_endpoints(written):
    assert names(written) == ["tracking_plans", "tracking_plan_rules", "tracking_plan_sources"]


@pytest.mark.parametrize(
    ("written", "concerns"),
    [
        ("SOURCE", {"sources", "source_schema_settings", "warehouse_connected_sources", "tracking_plan_sources"}),
        ("Integration", {"destinations", "source_connected_destinations"}),
        ("DESTINATION_FILTER", {"destination_filters"}),
        ("ReverseETLModel", {"reverse_etl_models"}),
        ("reverse_etl_models", {"reverse_etl_models"}),
        ("AUDIENCE", {"segments", "audience_schedules", "audience_activations"}),
        ("Source Function", {"functions", "function_versions"}),
        ("User Group", {"user_groups", "user_group_users", "user_group_invites"}),
        ("invites", {"invites", "user_group_invites"}),
        ("workspace", {"workspace"}),
        ("Profiles Warehouses", {"profiles_warehouses"}),
    ],
)
def test_a_type_concerns_the_endpoints_that_hold_it(written, concerns):
    assert concerns <= set(names(written))


@pytest.mark.parametrize("written", ["", None, "   ", "something new", "s", "\u2603", "source!ish"])
def test_an_unknown_type_concerns_nothing(written):
    assert concerned(written) == ()


def test_a_part_of_a_word_is_not_the_word():
    assert "sources" not in names("destination")
    assert "users" not in names("user group")
    assert "warehouses" not in names("profiles warehouse")


def test_only_the_endpoints_that_are_given_are_concerned():
    assert concerned("source", [ROWS["destinations"], ROWS["sources"]]) == (ROWS["sources"],)


def test_the_audit_trail_is_the_one_that_says_so():
    assert audit_trail(CATALOGUE) is ROWS["audit_events"]
    assert audit_trail([ROWS["sources"]]) is None


def test_what_is_listed_again_beneath_another_is_a_copy():
    copied = denormalized_fields(ROWS["warehouse_connected_sources"], ROWS)
    assert set(copied.values()) == {"sources"}
    assert set(copied) == {column.field for column in ROWS["sources"].columns} - {"id"}
    assert denormalized_fields(ROWS["user_group_users"], ROWS) == {"name": "users", "email": "users"}


@pytest.mark.parametrize("name", ["sources", "destination_filters", "source_schema_settings", "segments", "labels"])
def test_what_is_listed_once_is_no_copy(name):
    assert denormalized_fields(ROWS[name], ROWS) == {}


def test_nothing_is_a_copy_of_what_is_not_there():
    assert denormalized_fields(ROWS["warehouse_connected_sources"], {}) == {}
