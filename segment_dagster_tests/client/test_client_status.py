"""What each status leads to: which error, and whether the request is sent again."""

from functools import cache

import pytest

from segment_dagster.client.context import RequestContext
from segment_dagster.client.errors import (
    FeatureError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    RedirectError,
    ServerError,
    TokenError,
)
from segment_dagster.client.meter import Meter
from segment_dagster.client.status import TABLE, Action, error_of
from segment_dagster.config import ApiSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.endpoints import CATALOGUE

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


@cache
def settings() -> ApiSettings:
    return ApiSettings(token="a-token-of-mine")


def error(status, body=None, *, name="sources", headers=None):
    context = RequestContext(ROWS[name], "http://127.0.0.1/x", "/x", "application/json", Meter())
    return error_of(context, status, headers or {}, body, settings(), utc_now())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, type(None)) for status in (200, 201, 204, 299)),
        *((status, RedirectError) for status in (300, 302, 304, 399)),
        (401, TokenError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (408, ServerError),
        (429, RateLimitedError),
        *((status, InvalidRequestError) for status in (400, 402, 405, 409, 410, 422, 428, 430, 499)),
        *((status, ServerError) for status in (500, 502, 503, 504, 599, 600, 999)),
    ],
)
def test_each_status_has_its_error(status, kind):
    assert type(error(status)) is kind


def test_an_error_can_be_retried_exactly_if_the_table_says_so():
    for status in range(300, 1000):
        action = next(action for statuses, action, _ in TABLE if status in statuses)
        failure = error(status, headers={"Retry-After": "7"})
        assert failure is not None
        assert failure.retryable is (action is not Action.REFUSE), status
        assert getattr(failure, "delay", None) == (7 if failure.retryable else None), status


def test_only_a_rate_limit_is_asked_for_its_milliseconds():
    body = {"errors": [{"type": "x", "data": {"msBeforeNext": 500}}]}
    assert getattr(error(429, body), "delay", None) == 0.5
    assert getattr(error(503, body), "delay", None) is None


FEATURE, PERMISSION = "The feature is not enabled for this workspace.", "Your role does not allow this."


@pytest.mark.parametrize(
    ("name", "fields", "kind"),
    [
        # words, where no code says more than the status does
        ("spaces", {"message": FEATURE}, FeatureError),
        ("spaces", {"message": ""}, FeatureError),
        ("spaces", {"message": "The token lacks the permission Space Admin."}, ForbiddenError),
        ("spaces", {"message": PERMISSION}, ForbiddenError),
        ("tracking_plans", {"message": "You have no access to this tracking plan."}, ForbiddenError),
        ("tracking_plans", {"message": "Not included in your plan."}, FeatureError),
        ("sources", {"message": "Not enabled."}, ForbiddenError),
        # codes, whatever the words are
        ("spaces", {"type": "feature-not-enabled", "message": PERMISSION}, FeatureError),
        ("spaces", {"type": "featureNotEnabled", "message": PERMISSION}, FeatureError),
        ("spaces", {"type": "FEATURE_NOT_ENABLED", "message": PERMISSION}, FeatureError),
        ("spaces", {"data": {"feature": "Spaces"}, "message": PERMISSION}, FeatureError),
        ("spaces", {"type": "missing-permission", "message": FEATURE}, ForbiddenError),
        ("spaces", {"data": {"requiredRole": "x"}, "message": FEATURE}, ForbiddenError),
        ("sources", {"type": "feature-not-enabled"}, ForbiddenError),
        # codes that repeat the status
        ("spaces", {"type": "access-denied", "message": FEATURE}, FeatureError),
        ("spaces", {"type": 7, "data": [1], "message": PERMISSION}, ForbiddenError),
    ],
    ids=str,
)
def test_a_missing_feature_is_told_from_a_missing_permission(name, fields, kind):
    failure = error(403, {"errors": [{"type": "forbidden", **fields}]}, name=name)
    assert type(failure) is kind


@pytest.mark.parametrize(
    ("name", "fields", "kind"),
    [
        ("tracking_plans", {"type": "feature-not-enabled"}, FeatureError),
        ("sources", {"type": "feature-not-enabled"}, NotFoundError),
        # whether a feature is missing is decided by how many lists are not found
        ("tracking_plans", {"type": "not-found", "message": FEATURE}, NotFoundError),
        ("tracking_plans", {"type": "tracking-plan-not-found"}, NotFoundError),
    ],
    ids=str,
)
def test_a_404_is_a_missing_feature_only_by_its_code(name, fields, kind):
    failure = error(404, {"errors": [fields]}, name=name)
    assert type(failure) is kind
    assert "404" in str(failure)
