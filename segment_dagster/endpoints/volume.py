"""Event volume: how many events arrive."""

from datetime import timedelta

from segment_dagster.endpoints.columns import V1, choice, count, nested, param, text, timestamp
from segment_dagster.endpoints.model import Endpoint, Exploded, Paging, TimeRange

VOLUME = (
    Endpoint(
        name="events_volume",
        domain="volume",
        description="How many events the workspace took in, day by day, for each source, event name and event type.",
        documentation="https://docs.segmentapis.com/tag/Events",
        path="/events/volume",
        selector=("data", "result"),
        media_type=V1,
        page_size=1000,
        paging=Paging(required=False),
        primary_key=("granularity", "sourceId", "eventName", "eventType", "time"),
        optional_key=("sourceId", "eventName", "eventType"),
        exploded=Exploded(field="series", without=("total",)),
        parameters=(param("groupBy", "source", "eventName", "eventType"),),
        time=TimeRange(column="time", days=30, granularity="DAY", lag=timedelta(minutes=1)),
        measure=("count",),
        measured_by="sourceId",
        requests_per_minute=60,
        columns=(
            choice("granularity", "How long the counted time is.", "DAY", "HOUR", "MINUTE", parameter="granularity"),
            # No reference to `sources`: a deleted source keeps its numbers.
            text(
                "sourceId",
                "The source the events came from, which may have been deleted since.",
                source_path=("source", "id"),
            ),
            nested("source", "The source the events came from: id, name, slug."),
            text("eventName", "The name of the events; null where their type has none."),
            text("eventType", "The type of the events."),
            timestamp("time", "When the counted day, hour or minute begins."),
            count("count", "How many events there were."),
        ),
    ),
)
