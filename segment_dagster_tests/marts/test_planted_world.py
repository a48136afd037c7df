"""The planted workspace is what `planted_truth` says: read over HTTP, without a mart and without the loader."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from segment_dagster.emulator import Emulator, running
from segment_dagster_tests.marts import planted_truth as truth

pytestmark = pytest.mark.slow

TODAY = truth.NOW.date()
DAYS_7, DAYS_28 = range(1, 8), range(1, 29)
PREVIOUS = range(8, 15)
STAGES = ("filtered_at_destination", "failed_delivery", "successful_delivery")


def ago(day: str) -> int:
    return (TODAY - date.fromisoformat(day[:10])).days


def on(days: int | None) -> date | None:
    return None if days is None else TODAY - timedelta(days=days)


class Api:
    def __init__(self, emulator: Emulator) -> None:
        self.url = emulator.url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {emulator.token}"

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        response = self.session.get(self.url + path, params=query, timeout=10)
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def list(self, path: str, key: str, **query: Any) -> list[Any]:
        """All pages of a list."""
        size = 10 if path == "/filters" else 200
        found: list[Any] = []
        cursor: str | None = None
        while True:
            page = {"pagination.count": size} | ({"pagination.cursor": cursor} if cursor else {})
            data = self.get(path, **query, **page)
            found += data[key]
            cursor = data.get("pagination", {}).get("next")
            if not cursor:
                return found


@pytest.fixture(scope="module")
def planted() -> Iterator[Emulator]:
    with running(scale=0, planted=True, now=truth.NOW) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def api(planted: Emulator) -> Api:
    return Api(planted)


@pytest.fixture(scope="module")
def events(api: Api) -> dict[tuple[str, str | None, str], Counter[int]]:
    """Events of 30 days by source, name and type, and by how many days ago."""
    found: dict[tuple[str, str | None, str], Counter[int]] = {}
    day = {"startTime": on(30), "endTime": on(0), "granularity": "DAY"}
    for record in api.list("/events/volume", "result", groupBy=["source", "eventName", "eventType"], **day):
        key = (record["source"]["id"], record.get("eventName"), record["eventType"])
        assert key not in found
        found[key] = Counter({ago(point["time"]): point["count"] for point in record["series"] if point["count"]})
    return found


@pytest.fixture(scope="module")
def sources(api: Api) -> dict[str, dict[str, Any]]:
    return {source["id"]: source for source in api.list("/sources", "sources")}


@pytest.fixture(scope="module")
def destinations(api: Api) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in api.list("/destinations", "destinations")}


@pytest.fixture(scope="module")
def trail(api: Api) -> list[dict[str, Any]]:
    return api.list("/audit-events", "events")


def sent(events: dict[tuple[str, str | None, str], Counter[int]], source: str) -> Counter[int]:
    every = (counts for (of, *_), counts in events.items() if of == source)
    return sum(every, Counter[int]())


def test_each_source_has_the_events_of_its_state(api, events, sources, destinations):
    assert set(sources) == set(truth.HEALTH_SOURCES)
    warehouses = api.list("/warehouses", "warehouses")
    connected = {
        each["id"]: {source["id"] for source in api.list(f"/warehouses/{each['id']}/connected-sources", "sources")}
        for each in warehouses
    }
    enabled = {each["id"] for each in warehouses if each["enabled"]}
    for identity, said in truth.HEALTH_SOURCES.items():
        source, days = sources[identity], sent(events, identity)
        of = [each for each in destinations.values() if each["sourceId"] == identity]
        week, previous = (sum(days[day] for day in window) for window in (DAYS_7, PREVIOUS))
        found = truth.Source(
            name=source.get("name", source["slug"]),
            state=said.state,
            last_event_on=on(min(days, default=None)),
            events_1d=days[1],
            events_7d=week,
            events_28d=sum(days[day] for day in DAYS_28),
            events_previous_7d=previous,
            trend=week / previous - 1 if previous else None,
            destinations=len(of),
            enabled_destinations=sum(each["enabled"] for each in of),
            warehouses=sum(identity in ids for warehouse, ids in connected.items() if warehouse in enabled),
            enabled=source["enabled"],
        )
        assert found == said, identity
        last = min(days, default=None)
        state = "never" if last is None else "live" if last <= 2 else "quiet" if last <= 14 else "dead"
        assert state == said.state, identity


def test_the_sets_of_sources_follow_from_their_rows():
    silent = {name: each.state for name, each in truth.HEALTH_SOURCES.items() if each.enabled}
    assert {name for name, state in silent.items() if state in ("quiet", "dead")} == truth.SILENT_SOURCES
    assert {name for name, state in silent.items() if state == "dead"} == truth.DEAD_SOURCES
    before = {
        name
        for name, each in truth.HEALTH_SOURCES.items()
        if each.state != "live" and (each.last_event_on is None or each.last_event_on < truth.MISSING_DAY)
    }
    assert before == truth.UNKNOWN_WITHOUT_THE_DAY


def test_every_day_has_events(events):
    days = sum(events.values(), Counter[int]())
    assert set(days) == set(range(1, 31))


def test_the_deleted_source_has_events_and_is_in_no_list(api, events, sources, destinations, trail):
    assert truth.DELETED_SOURCE not in sources
    assert truth.DELETED_SOURCE not in {each["sourceId"] for each in destinations.values()}
    assert min(sent(events, truth.DELETED_SOURCE)) == 5
    day = {"startTime": on(30), "endTime": on(0), "granularity": "DAY", "sourceId": truth.DELETED_SOURCE}
    (record,) = api.list("/events/volume", "result", groupBy=["source"], **day)
    assert record["source"] == {"id": truth.DELETED_SOURCE}


def test_the_source_that_is_back_sends_today_only(api):
    today = {"startTime": on(0), "endTime": truth.NOW.isoformat(), "granularity": "HOUR", "sourceId": "src_back_today"}
    (record,) = api.list("/events/volume", "result", **today)
    assert record["total"] > 0


def delivery(api: Api, destination: dict[str, Any]) -> dict[str, Any]:
    """Counts by how many days ago: of a stage, of a stage and a reason, and of retries."""
    found: dict[Any, Counter[int]] = defaultdict(Counter)
    of = {"sourceId": destination["sourceId"], "destinationConfigId": destination["id"]}
    day = {"startTime": on(29), "endTime": on(0), "granularity": "DAY", "groupBy": "discardReason"}
    for stage in STAGES:
        path = f"/delivery-overview/{stage.replace('_', '-')}"
        for record in api.list(path, "dataset", **of, **day):
            for point in record["series"]:
                for key in (stage, (stage, record.get("discardReason"))):
                    found[key] += Counter({ago(point["time"]): point["count"]})
                found["retried"] += Counter({ago(point["time"]): point.get("retryCount", 0)})
    return found


def rate(delivered: int, failed: int) -> float | None:
    return delivered / (delivered + failed) if delivered + failed else None


def test_each_destination_has_the_deliveries_of_its_state(api, sources, destinations):
    assert set(destinations) == set(truth.HEALTH_DESTINATIONS)
    for identity, said in truth.HEALTH_DESTINATIONS.items():
        destination = destinations[identity]
        counts = delivery(api, destination)
        weeks = {
            stage: [sum(counts[stage][day] for day in window) for window in (DAYS_7, PREVIOUS)]
            for stage in (*STAGES, "retried")
        }
        (done, done_before), (failed, failed_before) = weeks["successful_delivery"], weeks["failed_delivery"]
        reasons = Counter(
            {
                key[1]: sum(counts[key][day] for day in DAYS_7)
                for key in list(counts)
                if isinstance(key, tuple) and key[0] == "failed_delivery"
            }
        )
        found = truth.Destination(
            source=destination["sourceId"],
            state=said.state,
            delivered_7d=done,
            failed_7d=failed,
            success_rate_7d=rate(done, failed),
            success_rate_previous_7d=rate(done_before, failed_before),
            top_reasons=tuple((reason, count) for reason, count in reasons.most_common(3) if count),
            last_delivered_on=on(min(+counts["successful_delivery"], default=None)),
            last_failed_on=on(min(+counts["failed_delivery"], default=None)),
            filtered_7d=weeks["filtered_at_destination"][0],
            retried_7d=weeks["retried"][0],
        )
        assert found == said, identity
        assert state_of(found, destination["enabled"] and sources[destination["sourceId"]]["enabled"]) == said.state


def state_of(found: truth.Destination, enabled: bool) -> str:
    if not enabled:
        return "disabled"
    if found.success_rate_7d is None:
        return "idle"
    failing = found.delivered_7d + found.failed_7d >= 100 and found.success_rate_7d < 0.95
    return "failing" if failing else "healthy"


def test_the_failing_destinations_are_those_of_the_rows(destinations):
    failing = {name for name, each in truth.HEALTH_DESTINATIONS.items() if each.state == "failing"}
    assert failing == truth.FAILING_DESTINATIONS
    identity, name = truth.NAMELESS_DESTINATION
    assert "name" not in destinations[identity]
    assert destinations[identity]["metadata"]["name"] == name


def test_the_totals_of_a_destination_agree_with_its_overviews(api):
    day = {"startTime": on(7), "endTime": on(0), "granularity": "DAY"}
    for identity in ("dst_failing", "dst_half_filtered", "dst_retried", "dst_never"):
        said = truth.HEALTH_DESTINATIONS[identity]
        summary = api.get(f"/destinations/{identity}/delivery-metrics", sourceId=said.source, **day)
        totals = {each["metricName"]: each["total"] for each in summary["deliveryMetricsSummary"]["metrics"]}
        assert totals == {
            "successes": said.delivered_7d,
            "discarded": said.filtered_7d,
            "expired": said.failed_7d,
            "retried": said.retried_7d,
        }


@pytest.fixture(scope="module")
def plans(api: Api) -> dict[str, tuple[list[dict[str, Any]], set[str]]]:
    """The valid rules and the sources of each plan."""
    return {
        plan["id"]: (
            [
                rule
                for rule in api.list(f"/tracking-plans/{plan['id']}/rules", "rules")
                if not rule.get("deprecatedAt") and rule["type"] != "COMMON"
            ],
            {source["id"] for source in api.list(f"/tracking-plans/{plan['id']}/sources", "sources")},
        )
        for plan in api.list("/tracking-plans", "trackingPlans")
    }


def meets(rule: dict[str, Any], name: str | None, type_: str) -> bool:
    return bool(rule["type"].lower() == type_ and (type_ != "track" or rule.get("key") == name))


def test_events_and_rules_without_each_other(events, plans):
    unplanned, unseen = set(), set()
    for plan, (rules, of_plan) in plans.items():
        held = {key: counts for key, counts in events.items() if key[0] in of_plan}
        for (source, name, type_), counts in held.items():
            recent = sum(counts[day] for day in DAYS_28)
            if recent and not any(meets(rule, name, type_) for rule in rules):
                unplanned.add(truth.Finding(plan, source, name, type_, recent, last_seen_on=on(min(counts))))
        for rule in rules if of_plan else ():
            met = sum((counts for key, counts in held.items() if meets(rule, *key[1:])), Counter[int]())
            if not sum(met[day] for day in DAYS_28):
                seen = on(min(met, default=None))
                unseen.add(truth.Finding(plan, None, rule.get("key"), rule["type"].lower(), 0, last_seen_on=seen))
    assert unplanned == truth.TRACKING_PLAN_COVERAGE["unplanned"]
    assert unseen == truth.TRACKING_PLAN_COVERAGE["unseen"]


def test_sources_without_a_plan(events, plans, sources):
    held = set().union(*(of_plan for _, of_plan in plans.values()))
    found = {
        truth.Finding(None, identity, None, None, sum(days[day] for day in DAYS_28), last_seen_on=on(min(days)))
        for identity, source in sources.items()
        if source["enabled"] and identity not in held and (days := sent(events, identity))
    }
    assert found == truth.TRACKING_PLAN_COVERAGE["no_plan"]
    assert {"src_disabled_later", "src_disabled", "src_never"} == set(sources) - held - {"src_no_plan"}


def test_events_that_a_plan_blocks(api, events, sources):
    blocked, reasons = set(), set()
    day = {"startTime": on(28), "endTime": on(0), "granularity": "DAY"}
    groups = {"groupBy": ["eventName", "eventType", "discardReason"]}
    for identity in sources:
        for record in api.list("/delivery-overview/filtered-at-source", "dataset", sourceId=identity, **day, **groups):
            reasons.add(record["discardReason"])
            if record["discardReason"] in truth.BLOCKED_REASONS:
                name, type_ = record["eventName"], record["eventType"]
                counts = events[identity, name, type_]
                last = min(ago(point["time"]) for point in record["series"] if point["count"])
                total = sum(counts[day] for day in DAYS_28)
                blocked.add(truth.Finding("tp_checkout", identity, name, type_, total, record["total"], on(last)))
    assert blocked == truth.TRACKING_PLAN_COVERAGE["blocked"]
    assert reasons == {*truth.BLOCKED_REASONS, "blocked_by_schema"}


def usage(api: Api, month: str, day: str) -> dict[tuple[str, str | None], int]:
    """Usage until a day, included, by metric and source."""
    found: dict[tuple[str, str | None], int] = {}
    for metric, of in (("api_calls", "api-calls"), ("mtu", "mtu")):
        for sources in ("", "/sources"):
            kind = {"api_calls": "APICalls", "mtu": "MTU"}[metric]
            key = f"daily{'PerSource' if sources else 'Workspace'}{kind}Usage"
            for record in api.list(f"/usage/{of}{sources}/daily", key, period=month):
                if record["timestamp"].startswith(day):
                    fields = ("apiCalls", "anonymous", "anonymousIdentified", "identified", "neverIdentified")
                    total = sum(int(record.get(field, 0)) for field in fields)
                    found[metric, record.get("sourceId")] = total
    return found


def test_usage_of_this_month_and_the_last(api, planted):
    try:
        used, before = usage(api, "2026-03-01", "2026-03-17"), usage(api, "2026-02-01", "2026-02-28")
        planted.clock.set(datetime(2026, 4, 1, 8, tzinfo=timezone.utc))
        whole = usage(api, "2026-03-01", "2026-03-31")
    finally:
        planted.clock.set(truth.NOW)
    found = {key: truth.Usage(used[key], whole[key], before[key]) for key in truth.USAGE}
    assert found == truth.USAGE
    # no source but these has tracked users
    known = {source for metric, source in truth.USAGE if metric == "mtu"}
    assert not any(count for (metric, source), count in whole.items() if metric == "mtu" and source not in known)


def test_who_may_do_what(api, trail):
    assert api.get("/")["workspace"]["id"] == truth.WORKSPACE_ID
    loaded = [event for event in trail if ago(event["timestamp"]) <= 90]
    last: dict[str, datetime] = {}
    for event in sorted(loaded, key=lambda event: event["timestamp"]):
        last[event.get("actorEmail", event["actor"])] = datetime.fromisoformat(
            event["timestamp"].replace("Z", "+00:00")
        )
    groups = {each["id"]: each for each in api.list("/groups", "userGroups")}
    found = set()
    users = api.list("/users", "users")
    for user in users:
        at = last.get(user["email"])
        held = [("direct", None, user["permissions"])]
        held += [
            ("group", group["name"], groups[group["id"]]["permissions"])
            for group in api.list(f"/users/{user['id']}/groups", "groups")
        ]
        for by, group, permissions in held:
            for role, type_, resource in roles(permissions):
                state = "active" if at else "inactive"
                found.add(truth.Access(user["id"], user["email"], by, group, role, type_, resource, state, at))
    into_groups = set()
    for group in groups.values():
        for email in api.list(f"/groups/{group['id']}/invites", "emails"):
            into_groups.add(email)
            for role, type_, resource in roles(group["permissions"]):
                row = truth.Access(None, email, "group", group["name"], role, type_, resource, "invited", None)
                found.add(row)
    invites = set(api.list("/invites", "invites"))
    assert into_groups < invites
    for email in invites - into_groups:
        found.add(truth.Access(None, email, None, None, None, None, None, "invited", None))
    for actor in {event["actor"] for event in loaded if "actorEmail" not in event}:
        found.add(truth.Access(actor, None, None, None, None, None, None, "token", last[actor]))
    assert found == truth.ACCESS_REVIEW
    assert {row.user_id for row in found if row.state in ("active", "inactive")} == {user["id"] for user in users}
    # the event of the inactive user is in the trail, but before what is loaded
    assert {event["actor"] for event in trail if event not in loaded} == {"usr_inactive"}


def roles(permissions: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(held["roleName"], each["type"], each["id"]) for held in permissions for each in held["resources"]]


def test_members_are_listed_alike_from_both_sides(api):
    of_users = {
        (group["id"], user["id"])
        for user in api.list("/users", "users")
        for group in api.list(f"/users/{user['id']}/groups", "groups")
    }
    groups = api.list("/groups", "userGroups")
    of_groups = {
        (group["id"], user["id"]) for group in groups for user in api.list(f"/groups/{group['id']}/users", "users")
    }
    assert of_users == of_groups
    assert Counter(group for group, _ in of_groups) == Counter({each["id"]: each["memberCount"] for each in groups})


def test_nobody_uses_what_is_unused(api, sources, destinations):
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for space in api.list("/spaces", "spaces"):
        at = f"/spaces/{space['id']}"
        audiences, traits = (
            api.list(f"{at}/audiences", "audiences"),
            api.list(f"{at}/computed-traits", "computedTraits"),
        )
        texts = {each["id"]: each["definition"]["query"] for each in (*audiences, *traits)}
        for audience in audiences:
            of = f"{at}/audiences/{audience['id']}"
            if not api.list(f"{of}/destination-connections", "connections"):
                found["audience_without_destination"][audience["id"]] = audience["name"]
            for activation in api.list(f"{of}/activations", "activations"):
                texts[activation["id"]] = " ".join(activation["personalization"]["profile"]["properties"])
        for trait in traits:
            others = " ".join(text for identity, text in texts.items() if identity != trait["id"])
            if not re.search(rf"\b{trait['key']}\b", others):
                found["computed_trait_unused"][trait["id"]] = trait["name"]
    catalogue = {each["metadata"]["id"] for each in (*sources.values(), *destinations.values())}
    for type_ in ("SOURCE", "DESTINATION", "INSERT_SOURCE", "INSERT_DESTINATION", "INSERT_TRANSFORMATION"):
        for function in api.list("/functions", "functions", resourceType=type_):
            used = function.get("catalogId") in catalogue
            if type_.startswith("INSERT_"):
                used = bool(api.list("/insert-function-instances", "instances", functionId=function["id"]))
            if not used:
                found["function_without_instance"][function["id"]] = function["displayName"]
    in_warehouse = set()
    for warehouse in api.list("/warehouses", "warehouses"):
        connected = api.list(f"/warehouses/{warehouse['id']}/connected-sources", "sources")
        in_warehouse |= {source["id"] for source in connected}
        if not connected:
            found["warehouse_without_source"][warehouse["id"]] = warehouse["metadata"]["name"]
    with_destination = {each["sourceId"] for each in destinations.values()}
    for identity, source in sources.items():
        if identity not in with_destination | in_warehouse:
            found["source_without_destination"][identity] = source["name"]
    assert found == truth.UNUSED


def test_the_trail_tells_since_when_a_destination_is_disabled(destinations, trail):
    since = {}
    for event in sorted(trail, key=lambda event: event["timestamp"]):
        if event["type"] == "Destination Disabled":
            since[event["resourceId"]] = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
        if event["type"] == "Destination Enabled":
            del since[event["resourceId"]]
    assert since == truth.DISABLED_SINCE
    disabled = {identity for identity, each in destinations.items() if not each["enabled"]}
    assert disabled - set(since) == {"dst_disabled"}
    assert set(since) <= disabled


def test_who_changed_what_in_which_week(trail):
    groups: dict[tuple[date, str, str | None, str, str], list[str]] = defaultdict(list)
    for event in trail:
        day = date.fromisoformat(event["timestamp"][:10])
        monday = day - timedelta(days=day.weekday())
        key = (monday, event["actor"], event.get("actorEmail"), event["type"], event["resourceType"])
        groups[key].append(event["resourceId"])
    found = {truth.Changes(*key, len(ids), len(set(ids))) for key, ids in groups.items()}
    assert found == truth.CHANGES_WEEKLY | truth.CHANGES_BEFORE_THE_LOAD
