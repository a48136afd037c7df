"""Segment's catalogue: the types of sources, destinations and warehouses that a workspace can add."""

from functools import partial

from segment_dagster.endpoints.columns import V1, choice, flag, identifier, nested, personal, text
from segment_dagster.endpoints.model import Endpoint, Secrecy

# Segment publishes it, so it holds no secrets
_published = partial(nested, secrecy=Secrecy.NONE)

_CATALOG = "https://docs.segmentapis.com/tag/Catalog"

_NAME = text("name", "The type's display name.")
_SLUG = text("slug", "The type's slug, as in the address of the Segment app.")
_DESCRIPTION = text("description", "What the type is.")
_LOGOS = _published("logos", "Addresses of its logos: default, mark, alt.")
_OPTIONS = _published("options", "What can be set: name, type, default and more of each option.")
_CATEGORIES = _published("categories", "The categories it is in.")
_PARTNER_OWNED = flag("partnerOwned", "Whether a partner of Segment's owns it.")
_STATUS = choice(
    "status",
    "How far Segment supports it.",
    "DEPRECATED",
    "PRIVATE_BETA",
    "PRIVATE_BUILDING",
    "PRIVATE_SUBMITTED",
    "PUBLIC",
    "PUBLIC_BETA",
    "UNAVAILABLE",
)

CATALOG = (
    Endpoint(
        name="catalog_sources",
        domain="catalog",
        description="Every type of source in Segment's catalogue, with the options that such a source has.",
        documentation=_CATALOG,
        path="/catalog/sources",
        selector=("data", "sourcesCatalog"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        columns=(
            identifier("type"),
            _NAME,
            _SLUG,
            _DESCRIPTION,
            _LOGOS,
            _OPTIONS,
            _CATEGORIES,
            flag("isCloudEventSource", "Whether it is a cloud event source."),
            _STATUS,
            _PARTNER_OWNED,
        ),
    ),
    Endpoint(
        name="catalog_destinations",
        domain="catalog",
        description="Every type of destination in Segment's catalogue, with what it supports and can be set to do.",
        documentation=_CATALOG,
        path="/catalog/destinations",
        selector=("data", "destinationsCatalog"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        columns=(
            identifier("type"),
            _NAME,
            _DESCRIPTION,
            _SLUG,
            _LOGOS,
            _OPTIONS,
            _STATUS,
            _published("previousNames", "Names it had before."),
            _CATEGORIES,
            text("website", "Address of its website."),
            _published("components", "What it is made of: where each component runs, and who owns it."),
            _published("supportedFeatures", "Which features it supports, such as replay and several instances."),
            _published("supportedMethods", "Which calls it supports: pageview, identify, alias, track, group."),
            _published("supportedPlatforms", "Which platforms it supports, such as browser, server and mobile."),
            _published("actions", "The actions that subscriptions can take, with the fields of each."),
            _published("presets", "Subscriptions that are proposed where such a destination is made."),
            personal(_published("contacts", "Who is in charge of it: name, e-mail address and role of each.")),
            _PARTNER_OWNED,
            _published("supportedRegions", "The regions it supports."),
            _published("regionEndpoints", "The regional endpoints it has."),
            text("multiInstanceSupportedVersion", "Which kind of several instances it supports."),
        ),
    ),
    Endpoint(
        name="catalog_warehouses",
        domain="catalog",
        description="Every type of warehouse in Segment's catalogue, with the options that such a warehouse has.",
        documentation=_CATALOG,
        path="/catalog/warehouses",
        selector=("data", "warehousesCatalog"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        columns=(identifier("type"), _NAME, _SLUG, _DESCRIPTION, _LOGOS, _OPTIONS),
    ),
)
