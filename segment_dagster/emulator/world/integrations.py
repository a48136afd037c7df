"""Integration types and their metadata."""

from dataclasses import dataclass

from segment_dagster.emulator.world.factories import Record
from segment_dagster.emulator.world.options import COMMON, DATABASE, option
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import ODD


@dataclass(frozen=True)
class Kind:
    """An integration type."""

    name: str
    category: str
    options: tuple[tuple[str, str], ...] = ()
    """Names and types of its options besides the common ones."""

    mobile: bool = False

    @property
    def slug(self) -> str:
        """The name as part of a URL."""
        return "-".join(self.name.lower().replace("(", "").replace(")", "").replace(".", " ").split())


SOURCES = (
    Kind("Javascript", "Website", (("apiHost", "string"), ("trackAllPages", "boolean"))),
    Kind("iOS", "Mobile", (("flushAt", "number"),), mobile=True),
    Kind("Android", "Mobile", (("flushAt", "number"),), mobile=True),
    Kind("Node.js", "Server"),
    Kind("Python", "Server"),
    Kind("HTTP API", "Server"),
    Kind("React Native", "Mobile", mobile=True),
    Kind("Stripe", "Payments", (("restrictedKey", "password"), ("accountId", "string"))),
    Kind("Salesforce", "CRM", (("clientSecret", "string"), ("objects", "array"), ("credentials", "password"))),
    Kind("Zendesk", "Helpdesk", (("accessToken", "string"), ("subdomain", "string"))),
    Kind("HubSpot", "CRM", (("accessToken", "string"), ("collections", "array"))),
    Kind("Google Ads", "Advertising", (("customerIds", "array"), ("credentials", "password"))),
    Kind("Amazon S3", "Object Storage", (("secretAccessKey", "password"), ("bucket", "string"))),
    Kind("Shopify", "Ecommerce", (("api_key", "string"), ("webhooks", "mixed"))),
)
DESTINATIONS = (
    Kind("Google Analytics 4", "Analytics", (("measurementId", "string"), ("apiSecret", "string"))),
    Kind("Amplitude (Actions)", "Analytics", (("secretKey", "password"), ("endpoint", "select"))),
    Kind("Braze", "SMS & Push Notifications", (("restEndpoint", "string"), ("api_key", "string")), mobile=True),
    Kind("HubSpot", "CRM", (("portalId", "string"), ("accessToken", "string"))),
    Kind("Mixpanel (Actions)", "Analytics", (("projectToken", "password"), ("apiSecret", "string"))),
    Kind("Slack", "Performance Monitoring", (("webhookUrl", "password"), ("channels", "map"))),
    Kind("Facebook Pixel", "Advertising", (("pixelId", "string"), ("standardEvents", "map"))),
    Kind("Customer.io (Actions)", "Email Marketing", (("siteId", "string"), ("trackApiKey", "password")), mobile=True),
    Kind("Intercom", "Live Chat", (("appId", "string"), ("legacyPassword", "string")), mobile=True),
    Kind("Webhooks", "Raw Data", (("headers", "map"), ("hooks", "mixed"), ("sharedSecret", "password"))),
    Kind("Amazon Kinesis", "Raw Data", (("roleAddress", "string"), ("secretId", "password"))),
    Kind("Google Tag Manager", "Tag Managers", (("containerId", "string"), ("environment", "string"))),
    Kind("Salesforce (Actions)", "CRM", (("clientSecret", "string"), ("isSandbox", "boolean"))),
    Kind("Iterable", "Email Marketing", (("credentials", "password"), ("campaigns", "mixed")), mobile=True),
    Kind("FullStory", "Heatmaps & Recordings", (("org", "string"), ("debug", "boolean"))),
    Kind("Zendesk", "Helpdesk", (("subdomain", "string"), ("password", "password"))),
)
WAREHOUSES = (
    Kind("Snowflake", "Warehouse", (("account", "string"), ("warehouse", "string"))),
    Kind("BigQuery", "Warehouse", (("project", "string"), ("credentials", "password"))),
    Kind("Postgres", "Warehouse", (("ciphertext", "password"), ("sslMode", "select"))),
    Kind("Redshift", "Warehouse", (("clusterId", "string"),)),
    Kind("Databricks", "Warehouse", (("accessToken", "string"), ("httpPath", "string"))),
)

_STATUSES = ("PUBLIC", "PUBLIC", "PUBLIC", "PUBLIC_BETA", "PRIVATE_BETA", "DEPRECATED", "PRIVATE_BUILDING")


def source_metadata(draw: RandomValues, kind: Kind) -> Record:
    """Return the metadata of a source type."""
    record = _shared(draw, kind, draw.id(10)) | {
        "categories": [kind.category],
        "isCloudEventSource": kind.category not in ("Website", "Mobile", "Server"),
        "status": draw.pick(_STATUSES),
    }
    return record | ({"partnerOwned": draw.chance(0.5)} if draw.chance(0.5) else {})


def warehouse_metadata(draw: RandomValues, kind: Kind) -> Record:
    """Return the metadata of a warehouse type."""
    return _shared(draw, kind, draw.id(10)) | {"options": [option(*named) for named in (*DATABASE, *kind.options)]}


def destination_metadata(draw: RandomValues, kind: Kind) -> Record:
    """Return the metadata of a destination type."""
    actions = [_action(draw, kind, number) for number in range(draw.number(0, 3))]
    record = _shared(draw, kind, draw.hex()) | {
        "status": draw.pick(_STATUSES),
        "previousNames": [kind.name, f"{kind.name} Classic"],
        "categories": [kind.category],
        "website": f"https://example.com/{kind.slug}",
        "components": _components(kind),
        "supportedFeatures": {
            "cloudModeInstances": draw.pick(("0", "1", "MULTIPLE", "NONE", "SINGLE")),
            "deviceModeInstances": draw.pick(("0", "1", "NONE", "SINGLE")),
            "replay": draw.chance(0.5),
            "browserUnbundling": draw.chance(0.5),
        },
        "supportedMethods": {name: draw.chance(0.7) for name in ("pageview", "identify", "alias", "track", "group")},
        "supportedPlatforms": {"browser": True, "server": draw.chance(0.8), "mobile": kind.mobile},
        "actions": actions,
        "presets": [
            {"actionId": action["id"], "name": action["name"], "fields": _mapping(), "trigger": 'type = "track"'}
            for action in actions
        ],
    }
    if draw.chance(0.6):
        record["contacts"] = [
            {"name": "Zoë O'Brien", "email": f"partners@{kind.slug}.example.com", "role": "VP", "isPrimary": True},
            {"email": f"support@{kind.slug}.example.com"},
        ]
    if draw.chance(0.5):
        record |= {
            "partnerOwned": True,
            "supportedRegions": ["us-west-2", "eu-west-1"],
            "regionEndpoints": ["US", "EU"],
        }
    return record


def _shared(draw: RandomValues, kind: Kind, identity: str) -> Record:
    logo = f"https://cdn.example.com/logos/{kind.slug}"
    return {
        "id": identity,
        "name": kind.name,
        "slug": kind.slug,
        "description": f"{kind.name}: {draw.pick(ODD)}",
        "logos": {"default": f"{logo}-default.svg", "mark": f"{logo}-mark.svg"}
        | ({"alt": None} if draw.chance(0.5) else {}),
        "options": [option(*named) for named in (*COMMON, *kind.options)],
    }


def _components(kind: Kind) -> list[Record]:
    code = f"https://github.com/example/{kind.slug}"
    parts: list[Record] = [{"type": "BROWSER", "code": code, "owner": "SEGMENT"}, {"type": "SERVER", "code": code}]
    return parts + ([{"type": "IOS", "code": code, "owner": "PARTNER"}] if kind.mobile else [])


def _action(draw: RandomValues, kind: Kind, number: int) -> Record:
    name = ("Track Event", "Identify User", "Set Group")[number]
    return {
        "id": draw.id(),
        "slug": name.replace(" ", ""),
        "name": name,
        "description": f"{name} in {kind.name}.",
        "platform": draw.pick(("CLOUD", "MOBILE", "WEB")),
        "hidden": draw.chance(0.1),
        "defaultTrigger": 'type = "track" and event != "x"' if draw.chance(0.7) else None,
        "fields": [
            {
                "id": draw.id(),
                "sortOrder": place,
                "fieldKey": key,
                "label": key.capitalize(),
                "type": kind_of,
                "description": f"The {key} of the event.",
                "required": place == 0,
                "multiple": False,
                "dynamic": False,
                "allowNull": place > 0,
                "defaultValue": default,
            }
            for place, (key, kind_of, default) in enumerate(
                (
                    ("userId", "STRING", {"@path": "$.userId"}),
                    ("revenue", "NUMBER", 0),
                    ("properties", "OBJECT", {"@path": "$.properties"}),
                )
            )
        ],
    }


def _mapping() -> Record:
    return {"userId": {"@path": "$.userId"}, "revenue": 1.5, "flags": [True, None], "label": "A \u2028 B"}
