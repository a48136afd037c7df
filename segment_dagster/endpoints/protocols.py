"""Protocols: tracking plans with their rules and sources, and transformations."""

from segment_dagster.endpoints.columns import V1, choice, count, each, flag, given, identifier, moment, nested, text
from segment_dagster.endpoints.model import Endpoint, Reference, Secrecy
from segment_dagster.endpoints.records import SOURCE

_TRACKING_PLANS = "https://docs.segmentapis.com/tag/Tracking-Plans"

_TO_TRACKING_PLAN = Reference(field="trackingPlanId", endpoint="tracking_plans")

PROTOCOLS = (
    Endpoint(
        name="tracking_plans",
        domain="protocols",
        description="Every tracking plan of the workspace: a list of the events and properties that may be sent.",
        documentation=_TRACKING_PLANS,
        path="/tracking-plans",
        selector=("data", "trackingPlans"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        feature="Protocols",
        columns=(
            identifier("tracking plan"),
            text("name", "The tracking plan's display name."),
            text("slug", "The tracking plan's slug."),
            text("description", "What the tracking plan is for."),
            choice(
                "type",
                "Whether the plan is in use, a library or a template, or Engage's.",
                "ENGAGE",
                "LIVE",
                "PROPERTY_LIBRARY",
                "RULE_LIBRARY",
                "TEMPLATE",
            ),
            moment("updatedAt", "When the tracking plan was changed last."),
            moment("createdAt", "When the tracking plan was made."),
        ),
    ),
    Endpoint(
        name="tracking_plan_rules",
        domain="protocols",
        description="Every rule of every tracking plan: the JSON Schema that an event, or a type of call, must match.",
        documentation=_TRACKING_PLANS,
        path="/tracking-plans/{trackingPlanId}/rules",
        selector=("data", "rules"),
        media_type=V1,
        page_size=1000,
        # Rules have no id.
        primary_key=("trackingPlanId", "type", "key", "version"),
        optional_key=("key",),
        parent=each("tracking_plans", trackingPlanId="id"),
        references=(_TO_TRACKING_PLAN,),
        requests_per_minute=200,
        feature="Protocols",
        columns=(
            given("trackingPlanId", "The tracking plan that the rule is part of."),
            choice(
                "type",
                "The type of call that the rule is for.",
                "COMMON",
                "GROUP",
                "IDENTIFY",
                "PAGE",
                "SCREEN",
                "TRACK",
            ),
            text("key", "The name of the event that the rule is for; null where it is for no named event."),
            nested("jsonSchema", "The JSON Schema that the call must match."),
            count("version", "The rule's version."),
            moment("createdAt", "When the rule was made."),
            moment("updatedAt", "When it was changed last."),
            moment("deprecatedAt", "When it was deprecated; null where it was not."),
        ),
    ),
    Endpoint(
        name="tracking_plan_sources",
        domain="protocols",
        description="Every source that is connected to every tracking plan, once for each plan.",
        documentation=_TRACKING_PLANS,
        path="/tracking-plans/{trackingPlanId}/sources",
        selector=("data", "sources"),
        media_type=V1,
        page_size=1000,
        primary_key=("trackingPlanId", "id"),
        parent=each("tracking_plans", trackingPlanId="id"),
        references=(
            _TO_TRACKING_PLAN,
            Reference(field="id", endpoint="sources"),
            Reference(field="workspaceId", endpoint="workspace"),
        ),
        feature="Protocols",
        permission="Source Read-only, Tracking Plan Read-only",
        columns=(given("trackingPlanId", "The tracking plan that the source is held to."), *SOURCE),
    ),
    Endpoint(
        name="transformations",
        domain="protocols",
        description="Every transformation of the workspace: how events are renamed, changed or dropped on their way.",
        documentation="https://docs.segmentapis.com/tag/Transformations",
        path="/transformations",
        selector=("data", "transformations"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(Reference(field="sourceId", endpoint="sources"),),
        feature="Protocols",
        columns=(
            identifier("transformation"),
            text("name", "The transformation's name."),
            text("sourceId", "The source whose events are transformed."),
            text(
                "destinationMetadataId", "Id of the destination's type in Segment's catalogue, if it is for one only."
            ),
            flag("enabled", "Whether the transformation is in use."),
            text("if", "The condition, in Segment's filter query language, that an event must meet."),
            flag("drop", "Whether such an event is dropped, whatever else the transformation says."),
            text("newEventName", "The name that such an event gets; for track calls only."),
            nested("propertyRenames", "Properties that are renamed: old and new name of each."),
            nested("propertyValueTransformations", "Properties that get another value: their paths, and the value."),
            nested("fqlDefinedProperties", "Properties that are computed: the name and the query of each."),
            nested("allowProperties", "The only properties that are let through."),
            nested(
                "hashPropertiesConfiguration",
                "Properties that are hashed: their paths, the algorithm, its key and the encoding.",
                secrecy=Secrecy.SETTINGS,
            ),
        ),
    ),
)
