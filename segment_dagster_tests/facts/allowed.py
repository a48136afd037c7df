"""What the catalogue states otherwise than the SDK, on purpose."""

from collections.abc import Iterable

from segment_dagster_tests.facts.compare import Difference

Allowed = dict[tuple[str, str], tuple[object, str]]
"""By endpoint and attribute: the value in the catalogue, and the reason."""

_RESTARTS = "the count restarts with the month that is asked for, and a list of the SDK is of one month"
_A_ROW_A_POINT = "a record is a series, and each point of it becomes a row: its time stands for the range asked for"
_A_ROW_A_METRIC = "a record holds a metric for each name, and each becomes a row"
_A_ROW_A_SUBJECT = "a record holds a list of ids, and each becomes a row"
_A_SUM = "the sum of the series, which would be repeated in each of its rows"

_OF_A_SOURCE = ("sourceId", "granularity", "eventName", "eventType", "discardReason", "appVersion", "time")
_OF_A_DESTINATION = ("sourceId", "destinationConfigId", *_OF_A_SOURCE[1:])
_OVERVIEWS = {
    "delivery_overview_failed_delivery": _OF_A_DESTINATION,
    "delivery_overview_failed_on_ingest": _OF_A_SOURCE,
    "delivery_overview_filtered_at_destination": _OF_A_DESTINATION,
    "delivery_overview_filtered_at_source": _OF_A_SOURCE,
    "delivery_overview_successful_delivery": _OF_A_DESTINATION,
    "delivery_overview_successfully_received": tuple(name for name in _OF_A_SOURCE if name != "discardReason"),
}

ALLOWED: Allowed = {
    ("destination_delivery_metrics", "primary key"): (
        ("destinationId", "sourceId", "granularity", "startTime", "endTime", "metricName"),
        _A_ROW_A_METRIC,
    ),
    ("events_volume", "field total"): ("left out", _A_SUM),
    ("events_volume", "primary key"): (("granularity", "sourceId", "eventName", "eventType", "time"), _A_ROW_A_POINT),
    ("suppressions", "primary key"): (("subjectType", "subjectId"), _A_ROW_A_SUBJECT),
    ("usage_api_calls_daily", "primary key"): (("period", "timestamp"), _RESTARTS),
    ("usage_api_calls_per_source_daily", "primary key"): (("sourceId", "period", "timestamp"), _RESTARTS),
    ("usage_mtu_daily", "primary key"): (("period", "timestamp"), _RESTARTS),
    ("usage_mtu_per_source_daily", "primary key"): (("sourceId", "period", "timestamp"), _RESTARTS),
    **{(name, "primary key"): (key, _A_ROW_A_POINT) for name, key in _OVERVIEWS.items()},
    **{(name, f"field {field}"): ("left out", _A_SUM) for name in _OVERVIEWS for field in ("total", "totalRetryCount")},
}


def unexplained(found: Iterable[Difference], allowed: Allowed) -> list[str]:
    """List the differences that are not allowed, and what is allowed and no longer there.

    Args:
        found: The differences between the catalogue and the SDK.
        allowed: Those that are meant.

    Returns:
        One line each.
    """
    lines, met = [], set()
    for difference in found:
        place = (difference.endpoint, difference.attribute)
        if place in allowed and allowed[place][0] == difference.catalogue:
            met.add(place)
        else:
            lines.append(str(difference))
    lines += [
        f"{name}: {attribute} no longer differs; remove it from ALLOWED"
        for name, attribute in allowed
        if (name, attribute) not in met
    ]
    return lines
