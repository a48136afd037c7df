"""Delivery: how many events were received, filtered, failed and delivered, by source and by destination."""

from datetime import timedelta

from segment_dagster.endpoints.columns import (
    BETA,
    choice,
    count,
    from_request,
    nested,
    number,
    param,
    parent_of,
    text,
    timestamp,
)
from segment_dagster.endpoints.model import Endpoint, Exploded, Reference, Span, TimeRange

_DELIVERY_OVERVIEW = "https://docs.segmentapis.com/tag/Delivery-Overview"

_TO_SOURCE = Reference(field="sourceId", endpoint="sources")
_TO_DESTINATION = Reference(field="destinationConfigId", endpoint="destinations")

_GRANULARITY = choice("granularity", "How long the counted time is.", "DAY", "HOUR", "MINUTE", parameter="granularity")

_OVERVIEW_TIME = TimeRange(
    column="time",
    # One less than the limit: midnight 30 days ago is more than 30 days ago.
    days=29,
    granularity="DAY",
    spans=(
        Span(granularity="MINUTE", longest=timedelta(hours=4), oldest=timedelta(hours=48)),
        Span(granularity="HOUR", longest=timedelta(days=14), oldest=timedelta(days=30)),
        Span(granularity="DAY", longest=timedelta(days=30), oldest=timedelta(days=30)),
    ),
)

_OVERVIEW_SERIES = Exploded(field="series", without=("total", "totalRetryCount"))

# Counts of a destination can also be grouped by subscriptionId, activationId, audienceId and spaceId, but the records
# have no fields for these.
_OVERVIEW_GROUPS = (param("groupBy", "eventName", "eventType", "discardReason", "appVersion"),)

_OVERVIEW_COLUMNS = (
    _GRANULARITY,
    text("eventName", "The name of the events; null where their type has none."),
    text("eventType", "The type of the events."),
    text("discardReason", "Why the events were dropped; null where the API names no reason."),
    text("appVersion", "The version of the app that sent the events; null where they name none."),
    timestamp("time", "When the counted day, hour or minute begins."),
    count("count", "How many events there were."),
    count("retryCount", "How many of the events were delivered by a retry."),
)

_SOURCE_COLUMNS = (from_request("sourceId", "The source that the events were sent to."), *_OVERVIEW_COLUMNS)

_DESTINATION_COLUMNS = (
    from_request("sourceId", "The source whose events the destination receives."),
    from_request("destinationConfigId", "The destination that the events were meant for."),
    *_OVERVIEW_COLUMNS,
)

_SOURCE_KEY = ("sourceId", "granularity", "eventName", "eventType", "discardReason", "appVersion", "time")
_DESTINATION_KEY = ("sourceId", "destinationConfigId", *_SOURCE_KEY[1:])
_OPTIONAL_KEY = ("eventName", "eventType", "discardReason", "appVersion")

DELIVERY = (
    Endpoint(
        name="delivery_overview_successfully_received",
        domain="delivery",
        description="How many events each source received, day by day, for each event name, type and app version.",
        documentation=_DELIVERY_OVERVIEW,
        path="/delivery-overview/successfully-received",
        selector=("data", "dataset"),
        media_type=BETA,
        page_size=1000,
        # The only overview that cannot be grouped by discardReason: received events were not dropped.
        primary_key=("sourceId", "granularity", "eventName", "eventType", "appVersion", "time"),
        optional_key=("eventName", "eventType", "appVersion"),
        exploded=_OVERVIEW_SERIES,
        parent=parent_of("sources", sourceId="id"),
        parameters=(param("groupBy", "eventName", "eventType", "appVersion"),),
        time=_OVERVIEW_TIME,
        measure=("count",),
        measured_by="sourceId",
        references=(_TO_SOURCE,),
        columns=_SOURCE_COLUMNS,
    ),
    Endpoint(
        name="delivery_overview_failed_on_ingest",
        domain="delivery",
        description="How many events each source was sent and could not take in, day by day, and why.",
        documentation=_DELIVERY_OVERVIEW,
        path="/delivery-overview/failed-on-ingest",
        selector=("data", "dataset"),
        media_type=BETA,
        page_size=1000,
        primary_key=_SOURCE_KEY,
        optional_key=_OPTIONAL_KEY,
        exploded=_OVERVIEW_SERIES,
        parent=parent_of("sources", sourceId="id"),
        parameters=_OVERVIEW_GROUPS,
        time=_OVERVIEW_TIME,
        measure=("count",),
        measured_by="sourceId",
        references=(_TO_SOURCE,),
        columns=_SOURCE_COLUMNS,
    ),
    Endpoint(
        name="delivery_overview_filtered_at_source",
        domain="delivery",
        description="How many events were filtered out at each source, day by day, and why.",
        documentation=_DELIVERY_OVERVIEW,
        path="/delivery-overview/filtered-at-source",
        selector=("data", "dataset"),
        media_type=BETA,
        page_size=1000,
        primary_key=_SOURCE_KEY,
        optional_key=_OPTIONAL_KEY,
        exploded=_OVERVIEW_SERIES,
        parent=parent_of("sources", sourceId="id"),
        parameters=_OVERVIEW_GROUPS,
        time=_OVERVIEW_TIME,
        measure=("count",),
        measured_by="sourceId",
        references=(_TO_SOURCE,),
        columns=_SOURCE_COLUMNS,
    ),
    Endpoint(
        name="delivery_overview_filtered_at_destination",
        domain="delivery",
        description="How many events were filtered out at each destination, day by day, and why.",
        documentation=_DELIVERY_OVERVIEW,
        path="/delivery-overview/filtered-at-destination",
        selector=("data", "dataset"),
        media_type=BETA,
        page_size=1000,
        primary_key=_DESTINATION_KEY,
        optional_key=_OPTIONAL_KEY,
        exploded=_OVERVIEW_SERIES,
        parent=parent_of("destinations", sourceId="sourceId", destinationConfigId="id"),
        parameters=_OVERVIEW_GROUPS,
        time=_OVERVIEW_TIME,
        measure=("count",),
        measured_by="destinationConfigId",
        references=(_TO_SOURCE, _TO_DESTINATION),
        columns=_DESTINATION_COLUMNS,
    ),
    Endpoint(
        name="delivery_overview_failed_delivery",
        domain="delivery",
        description="How many events could not be delivered to each destination, day by day, and why.",
        documentation=_DELIVERY_OVERVIEW,
        path="/delivery-overview/failed-delivery",
        selector=("data", "dataset"),
        media_type=BETA,
        page_size=1000,
        primary_key=_DESTINATION_KEY,
        optional_key=_OPTIONAL_KEY,
        exploded=_OVERVIEW_SERIES,
        parent=parent_of("destinations", sourceId="sourceId", destinationConfigId="id"),
        parameters=_OVERVIEW_GROUPS,
        time=_OVERVIEW_TIME,
        measure=("count",),
        measured_by="destinationConfigId",
        references=(_TO_SOURCE, _TO_DESTINATION),
        columns=_DESTINATION_COLUMNS,
    ),
    Endpoint(
        name="delivery_overview_successful_delivery",
        domain="delivery",
        description="How many events were delivered to each destination, day by day, and how many by a retry.",
        documentation=_DELIVERY_OVERVIEW,
        path="/delivery-overview/successful-delivery",
        selector=("data", "dataset"),
        media_type=BETA,
        page_size=1000,
        primary_key=_DESTINATION_KEY,
        optional_key=_OPTIONAL_KEY,
        exploded=_OVERVIEW_SERIES,
        parent=parent_of("destinations", sourceId="sourceId", destinationConfigId="id"),
        parameters=_OVERVIEW_GROUPS,
        time=_OVERVIEW_TIME,
        measure=("count",),
        measured_by="destinationConfigId",
        references=(_TO_SOURCE, _TO_DESTINATION),
        columns=_DESTINATION_COLUMNS,
    ),
    Endpoint(
        name="destination_delivery_metrics",
        domain="delivery",
        description="Totals of each destination's delivery metrics over the whole time asked for, not day by day.",
        documentation="https://docs.segmentapis.com/tag/Destinations",
        path="/destinations/{destinationId}/delivery-metrics",
        selector=("data", "deliveryMetricsSummary"),
        media_type=BETA,
        single=True,
        primary_key=("destinationId", "sourceId", "granularity", "startTime", "endTime", "metricName"),
        exploded=Exploded(field="metrics"),
        parent=parent_of("destinations", destinationId="id", sourceId="sourceId"),
        time=TimeRange(
            column="startTime",
            totals=True,
            # One less than the limit: midnight 14 days ago is more than 14 days ago.
            days=13,
            granularity="DAY",
            spans=(
                Span(granularity="MINUTE", longest=timedelta(hours=4), oldest=timedelta(hours=48)),
                Span(granularity="HOUR", longest=timedelta(days=7), oldest=timedelta(days=7)),
                Span(granularity="DAY", longest=timedelta(days=14), oldest=timedelta(days=14)),
            ),
        ),
        references=(Reference(field="destinationId", endpoint="destinations"), _TO_SOURCE),
        columns=(
            from_request("destinationId", "The destination that the events were meant for."),
            text("sourceId", "The source whose events the destination receives."),
            text("destinationMetadataId", "Id of the destination's type in Segment's catalogue."),
            _GRANULARITY,
            from_request("startTime", "When the time the total covers begins, included.", type="timestamp"),
            from_request("endTime", "When the time the total covers ends, excluded.", type="timestamp"),
            text("metricName", "The name of the metric."),
            number("total", "How often the metric occurred in that time."),
            nested("breakdown", "The metrics that the total is made of: name and value of each."),
        ),
    ),
)
