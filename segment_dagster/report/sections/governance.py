"""Tracking plans, access, and what nobody uses."""

from collections import Counter

from segment_dagster.report.figures import Column, Matrix, Section, Stat, Stats, Table
from segment_dagster.report.formats import NONE, name
from segment_dagster.report.queries import ACCESS, COVERAGE, UNUSED
from segment_dagster.report.sections.context import Context, count_by, with_others

FINDINGS = {
    "blocked": "blocked",
    "unplanned": "no rule",
    "no_plan": "source without a plan",
    "unseen": "rule without events",
}
"""What each finding is called, in the order in which they are shown."""

ACCESS_STATES = ("inactive", "unknown", "invited", "active")
MAX_ROLES = 20
NO_ROLE = "no role"


def coverage(context: Context) -> Section:
    """Return the section on tracking plans."""
    order = list(FINDINGS)
    rows = sorted(
        (row for row in context.rows(COVERAGE) if row["finding"] in FINDINGS),
        key=lambda row: (order.index(row["finding"]), -(row["events_28d"] or 0), str(row["event_name"])),
    )
    counts = Counter(row["finding"] for row in rows)
    table = Table(
        columns=[
            Column(name="finding"),
            Column(name="event"),
            Column(name="source"),
            Column(name="tracking plan"),
            Column(name="events in 28 days", kind="count"),
            Column(name="blocked", kind="count"),
            Column(name="last seen", kind="day"),
        ],
        rows=[
            (
                FINDINGS[row["finding"]],
                name(row["event_name"] or row["event_type"], NONE),
                context.source_of(row),
                name(row["tracking_plan_name"], NONE),
                row["events_28d"],
                row["violations_28d"],
                row["last_seen_on"],
            )
            for row in rows[: context.most]
        ],
        of=len(rows),
        empty="Every event has a rule, and every rule has events.",
    )
    return Section(
        title="Tracking plans",
        about="Events that no rule of their source's tracking plans names, events that were blocked, sources that send "
        "events without a plan, and rules that no event met, in the last 28 days.",
        figures=[
            Stats(stats=[Stat(label=called, value=f"{counts[finding]:,}") for finding, called in FINDINGS.items()]),
            table,
        ]
        if COVERAGE in context.tables
        else [],
        lacking=context.lacking(COVERAGE),
        as_of=context.as_of(COVERAGE),
    )


def access(context: Context) -> Section:
    """Return the section on who may do what."""
    everybody = context.rows(ACCESS)
    tokens = sum(row["state"] == "token" for row in everybody)
    rows = sorted(
        (row for row in everybody if row["state"] in ACCESS_STATES),
        key=lambda row: (
            ACCESS_STATES.index(row["state"]),
            row["resource_type"] != "WORKSPACE",
            *(str(row[each] or "") for each in ("user_email", "role_name", "group_name", "resource_name")),
        ),
    )
    people = {state: len({row["user_email"] for row in rows if row["state"] == state}) for state in ACCESS_STATES}
    with_role = {row["user_email"] for row in rows if row["role_name"]}
    held = {
        (row["user_email"], name(row["role_name"], NO_ROLE), row["state"])
        for row in rows
        # a group that grants none takes none away
        if row["role_name"] or row["user_email"] not in with_role
    }
    roles = with_others(Counter(role for _, role, _ in held), MAX_ROLES)
    table = Table(
        columns=[
            Column(name="name"),
            Column(name="e-mail"),
            Column(name="state", kind="state"),
            Column(name="role"),
            Column(name="by"),
            Column(name="over"),
            Column(name="last event", kind="day"),
        ],
        rows=[
            (
                context.person_of(row["user_name"]),
                context.person_of(row["user_email"]),
                row["state"],
                name(row["role_name"], NO_ROLE),
                f"group {name(row['group_name'])}" if row["group_name"] else row["granted_by"],
                _over(row["resource_type"], row["resource_name"]),
                row["last_event_at"],
            )
            for row in rows[: context.most]
        ],
        of=len(rows),
    )
    return Section(
        title="Access",
        about="Who holds which role, by themselves or by a group, and whether the audit trail has seen them lately.",
        figures=[
            Stats(
                stats=[
                    *(
                        Stat(label=f"{state} people", value=f"{people[state]:,}")
                        for state in ACCESS_STATES
                        if people[state]
                    ),
                    Stat(label="API tokens in the trail", value=f"{tokens:,}"),
                ]
            ),
            Matrix(
                label="People by role and state",
                rows=list(dict.fromkeys(roles.values())),
                columns=[state for state in ACCESS_STATES if people[state]],
                counts=count_by((roles[role], state, 1) for _, role, state in held),
            ),
            table,
        ]
        if everybody
        else [],
        lacking=context.lacking(ACCESS),
        as_of=context.as_of(ACCESS),
    )


def unused(context: Context) -> Section:
    """Return the section on what nobody uses."""
    rows = sorted(context.rows(UNUSED), key=lambda row: (row["kind"], name(row["name"]).casefold(), str(row["id"])))
    counts = Counter(row["kind"] for row in rows)
    table = Table(
        columns=[Column(name="what"), Column(name="name"), Column(name="why"), Column(name="since", kind="day")],
        rows=[
            (str(row["kind"]).replace("_", " "), name(row["name"]), name(row["detail"]), row["since"])
            for row in rows[: context.most]
        ],
        of=len(rows),
        empty="Everything that is loaded is used.",
    )
    return Section(
        title="Unused",
        about="What is there and nobody uses. What is not loaded is not judged.",
        figures=[
            Stats(
                stats=[Stat(label=str(kind).replace("_", " "), value=f"{counts[kind]:,}") for kind in sorted(counts)]
            ),
            table,
        ]
        if UNUSED in context.tables
        else [],
        lacking=context.lacking(UNUSED),
        as_of=context.as_of(UNUSED),
    )


def _over(kind: str | None, called: str | None) -> str:
    """Return the resource of a role: `the workspace`, `source Web`."""
    if not kind:
        return NONE
    return "the workspace" if kind == "WORKSPACE" else f"{kind.lower()} {name(called, 'unknown')}"
