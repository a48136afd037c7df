"""Usage that the workspace is billed for: API calls and monthly tracked users."""

from segment_dagster.endpoints.columns import V1, count, from_request, text, timestamp, unix_moment
from segment_dagster.endpoints.model import Endpoint, Months

_API_CALLS = "https://docs.segmentapis.com/tag/API-Calls"
_MTU = "https://docs.segmentapis.com/tag/Monthly-Tracked-Users"

# Includes the previous month: its last day was not over when it was last read as the current month.
_MONTHS = Months(count=2)

# No reference to `sources`: a deleted source keeps its numbers.
_SOURCE_ID = text("sourceId", "The source that was used, which may have been deleted since.")
_PERIOD = from_request("period", "The month that the count belongs to, as its first day.", type="date")
_TIMESTAMP = timestamp("timestamp", "The day of the snapshot.")
_API_CALL_COUNT = count("apiCalls", "API calls since the month began.")
_USERS = ("anonymous", "anonymousIdentified", "identified", "neverIdentified")
_MTU_COUNTS = (
    unix_moment("periodStart", "When the month of usage begins."),
    unix_moment("periodEnd", "When the month of usage ends."),
    count("anonymous", "Anonymous users since the month began."),
    count("anonymousIdentified", "Anonymous users since the month began who were identified."),
    count("identified", "Identified users since the month began."),
    count("neverIdentified", "Users since the month began who were never identified."),
    _TIMESTAMP,
)

USAGE = (
    Endpoint(
        name="usage_api_calls_daily",
        domain="usage",
        description="API calls of the workspace, a snapshot a day: the count grows through the month.",
        documentation=_API_CALLS,
        path="/usage/api-calls/daily",
        selector=("data", "dailyWorkspaceAPICallsUsage"),
        media_type=V1,
        page_size=1000,
        primary_key=("period", "timestamp"),
        time=_MONTHS,
        cumulative=("apiCalls",),
        columns=(_PERIOD, _API_CALL_COUNT, _TIMESTAMP),
    ),
    Endpoint(
        name="usage_api_calls_per_source_daily",
        domain="usage",
        description="API calls of each source, a snapshot a day: the count grows through the month.",
        documentation=_API_CALLS,
        path="/usage/api-calls/sources/daily",
        selector=("data", "dailyPerSourceAPICallsUsage"),
        media_type=V1,
        page_size=1000,
        primary_key=("sourceId", "period", "timestamp"),
        time=_MONTHS,
        cumulative=("apiCalls",),
        measured_by="sourceId",
        columns=(_PERIOD, _SOURCE_ID, _API_CALL_COUNT, _TIMESTAMP),
    ),
    Endpoint(
        name="usage_mtu_daily",
        domain="usage",
        description="Monthly tracked users of the workspace, a snapshot a day: the counts grow through the month.",
        documentation=_MTU,
        path="/usage/mtu/daily",
        selector=("data", "dailyWorkspaceMTUUsage"),
        media_type=V1,
        page_size=1000,
        primary_key=("period", "timestamp"),
        time=_MONTHS,
        cumulative=_USERS,
        columns=(_PERIOD, *_MTU_COUNTS),
    ),
    Endpoint(
        name="usage_mtu_per_source_daily",
        domain="usage",
        description="Monthly tracked users of each source, a snapshot a day: the counts grow through the month.",
        documentation=_MTU,
        path="/usage/mtu/sources/daily",
        selector=("data", "dailyPerSourceMTUUsage"),
        media_type=V1,
        page_size=1000,
        primary_key=("sourceId", "period", "timestamp"),
        time=_MONTHS,
        cumulative=_USERS,
        measured_by="sourceId",
        columns=(_PERIOD, _SOURCE_ID, *_MTU_COUNTS),
    ),
)
