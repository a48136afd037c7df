"""What the report and the notebook work out from rows of the marts."""

from datetime import date, timedelta

import pytest
import sqlglot

from segment_dagster.config import HealthSettings
from segment_dagster.marts.dialects import DIALECTS
from segment_dagster.marts.models import MARTS as MODELS
from segment_dagster.marts.parameters import parameters
from segment_dagster.marts.sql import columns_read, compile_sql, null_columns, with_ephemeral
from segment_dagster.report.build import build_report
from segment_dagster.report.figures import Bullet, Daily, Matrix, Neighbourhoods, Stats, Table
from segment_dagster.report.formats import distinct_names, share, short, shown, spark
from segment_dagster.report.html.svg import bullet, daily
from segment_dagster.report.html.svg import spark as spark_line
from segment_dagster.report.levels import LEVELS, level
from segment_dagster.report.queries import MARTS, PERSONAL, QUERIES
from segment_dagster.report.sections.connections import groupings, matrix
from segment_dagster_tests.report.loaded import NOW

pytestmark = pytest.mark.slow

AS_OF = date(2026, 3, 19)


def row(mart, **values):
    """A row of a mart; what is not given is null."""
    assert set(values) <= set(MARTS[mart])
    return {**dict.fromkeys(MARTS[mart]), "as_of": AS_OF, **values}


def source(number, **values):
    given = {
        **{"source_id": f"s{number}", "source_name": f"Web {number}", "source_slug": f"web-{number}", "labels": "[]"},
        **{"source_type": "Javascript", "enabled": True, "state": "live", "missing_days": 0, "events_1d": 1},
        **{"events_7d": 7, "events_previous_7d": 10, "trend": -0.3},
    }
    return row("health_sources", **{**given, **values})


def destination(number, **values):
    given = {
        **{"destination_id": f"d{number}", "destination_name": f"Slack {number}", "destination_type": "Slack"},
        **{"source_id": "s1", "source_name": "Web 1", "enabled": True, "state": "healthy", "missing_days": 0},
        **{"delivered_7d": 99, "failed_7d": 1, "success_rate_7d": 0.99},
    }
    return row("health_destinations", **{**given, **values})


def usage(metric="mtu", **values):
    given = {"month": date(2026, 3, 1), "days_known": 19, "used": 60, "forecast": 90, "low": 80, "high": 110}
    return row("usage_forecast", metric=metric, **{**given, **values})


def of(report, section, kind):
    """The figures of a kind in a section."""
    return [figure for figure in report.sections[section].figures if isinstance(figure, kind)]


def attention(**tables):
    (table,) = of(build_report(tables), "attention", Table)
    return [tuple(each) for each in table.rows]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (7, "7"),
        (0.25, "0.25"),
        (950, "950"),
        (999.6, "1k"),
        (12345, "12.3k"),
        (1165587, "1.17M"),
        (8.29e9, "8.29B"),
    ],
)
def test_numbers_have_three_digits_at_most(number, said):
    assert short(number) == said


def test_a_share_that_is_neither_none_nor_all_is_not_rounded_to_it():
    assert [share(each) for each in (0, 0.00004, 0.0027, 0.123, 0.99999, 1, 1.117, 12)] == [
        *("0.0%", "<0.01%", "0.27%", "12.3%", ">99.9%", "100.0%", "111.7%", "1200%"),
    ]


def test_what_is_not_known_is_a_dash_and_a_difference_has_a_sign():
    assert [shown(None, "count"), shown(-0.131, "change"), shown(0.026, "points")] == ["–", "−13%", "+2.6 pp"]  # noqa: RUF001
    assert shown(date(2026, 3, 1), "day") == "2026-03-01"


def test_equal_names_are_told_apart():
    assert distinct_names({"a": "x", "b": "x", "c": "x (2)", "d": "y"}) == {
        **{"a": "x", "b": "x (2)", "c": "x (2) (2)", "d": "y"},
    }


def test_days_that_are_missing_are_gaps():
    assert spark([0, 5, None, 10]) == "▁▅·█"
    assert spark([None, 0]) == "·▁"
    assert spark_line([1, 2, None, 3]).count("<polyline") == 2
    drawn = daily(Daily(label="a", kind="count", days=[(AS_OF, 3), (AS_OF + timedelta(days=1), None)]))
    assert "2026-03-20: not loaded" in drawn and 'class="gap"' in drawn


def test_the_forecast_is_drawn_with_its_range_and_the_plan_where_there_is_one():
    full = bullet(Bullet(label="MTU", used=60, forecast=90, low=80, high=110, plan=100))
    assert all(each in full for each in ("used 60", "forecast 90", "plan 100", 'class="range"'))
    bare = bullet(Bullet(label="MTU", used=60, forecast=None, low=None, high=None, plan=None))
    assert "forecast" not in bare and "plan" not in bare and 'class="range"' not in bare


def test_the_columns_are_those_of_the_marts():
    for mart in MODELS:
        declared = {column.field for column in mart.columns}
        assert set(MARTS[mart.name]) <= declared
        assert set(PERSONAL.get(mart.name, ())) == set(mart.personal)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_has_sql_in_every_dialect(name, dialect):
    query = QUERIES[name]
    assert set(query.required) <= set(columns_read(with_ephemeral(query.sql)))
    sql = compile_sql(
        query.sql,
        lambda table, columns: f"SELECT {', '.join(null_columns(columns, dialect))}",
        dialect,
        parameters(NOW, HealthSettings()),
    )
    assert sqlglot.parse_one(sql, read=dialect)


def test_without_a_table_each_section_says_which_it_needs():
    report = build_report({})
    assert {name: set(section.lacking) for name, section in report.sections.items()} == {
        "attention": {"health_sources", "health_destinations", "usage_forecast"},
        "connections": {"health_sources", "health_destinations", "warehouses", "warehouse_connected_sources"},
        "sources": {"health_sources"},
        "volume": {"events_volume"},
        "failures": {"health_destinations"},
        "usage": {"usage_forecast"},
        "coverage": {"tracking_plan_coverage"},
        "access": {"access_review"},
        "unused": {"unused"},
        "changes": {"changes_weekly"},
    }
    assert (report.as_of, report.workspace, report.needs_attention) == (None, "", 0)


def test_empty_tables_are_not_missing_ones():
    report = build_report({name: [] for name in (*MARTS, *QUERIES)})
    assert not any(section.lacking for section in report.sections.values())


def test_what_needs_attention_comes_by_weight_with_its_reason():
    found = attention(
        health_sources=[
            source(1, state="never"),
            source(2, state="dead", last_event_on=date(2026, 3, 1), enabled_destinations=2),
            source(3, state="dead", enabled=False),
            source(4, state="unknown", missing_days=3),
        ],
        health_destinations=[
            destination(1, state="failing", failed_7d=50, success_rate_7d=0.5, trend=-0.1, top_reasons="timeout (50)"),
            destination(2, state="failing", failed_7d=80, success_rate_7d=0.2),
            destination(3),
        ],
        usage_forecast=[usage(plan=100), usage("api_calls", plan=80), usage(source_id="s1", plan=1)],
    )
    assert found == [
        ("near plan", "usage", "monthly tracked users (MTU)", "forecast 90 of 100, at most 110"),
        ("over plan", "usage", "API calls", "forecast 90 of 80, at most 110"),
        ("failing", "destination", "Slack 2 of Web 1", "80.0% failed: no reason is told"),
        ("failing", "destination", "Slack 1 of Web 1", "50.0% failed (+10.0 pp in a week): timeout (50)"),
        ("dead", "source", "Web 2", "no event since 2026-03-01; it feeds 2 enabled destinations"),
        ("never", "source", "Web 1", "no event in all that is loaded"),
        ("unknown", "source", "1 source", "3 of the last 28 days are not loaded"),
    ]
    assert {level(state) for state, *_ in found} == {"warn", "bad"}


def test_of_many_the_first_are_named_and_the_others_counted():
    many = [source(number, state="dead") for number in range(15)]
    assert attention(health_sources=many)[-1] == ("silent", "source", "3 more", "See the section on sources.")
    assert build_report({"health_sources": many}).needs_attention == 15
    assert len(attention(health_sources=many[:12])) == 12


def test_usage_within_the_plan_or_without_one_needs_no_attention():
    assert attention(usage_forecast=[usage(plan=200), usage("api_calls")]) == []


def test_one_figure_is_that_of_the_billed_users():
    report = build_report({"usage_forecast": [usage(used=1165587, forecast=1873456, low=1.7e6, high=2.02e6)]})
    stats = [stat for figure in of(report, "usage", Stats) for stat in figure.stats]
    assert [(stat.label, stat.value) for stat in stats] == [
        ("MTU so far", "1.17M"),
        ("MTU by the end of the month", "1.87M"),
        ("forecast, of the plan", "no limit"),
        ("error of past forecasts", "unknown"),
    ]
    assert stats[1].caption == "forecast 1.87M, 1.7M to 2.02M"
    assert len(of(report, "usage", Bullet)) == 1


def test_the_latest_month_counts_and_a_deleted_source_is_called_so():
    old = date(2026, 2, 1)
    rows = [usage(month=old, used=5), usage(), usage(source_id="gone"), usage(source_id="s1", month=old)]
    report = build_report({"usage_forecast": rows})
    assert [figure.used for figure in of(report, "usage", Bullet)] == [60]
    (table,) = of(report, "usage", Table)
    assert [each[:3] for each in table.rows] == [("a deleted source", "MTU", 60)]


def test_sources_with_equal_names_have_their_slug_beside():
    report = build_report({"health_sources": [source(1, source_name="Web"), source(2, source_name="Web"), source(3)]})
    (table,) = of(report, "sources", Table)
    assert {each[0] for each in table.rows} == {"Web (web-1)", "Web (web-2)", "Web 3"}


LABELS = '[{"key": "team", "value": "growth"}]'
CONNECTED = {
    "health_sources": [
        source(1, labels=LABELS),
        source(2, source_type="iOS"),
        source(3, source_type="iOS", enabled=False),
    ],
    "health_destinations": [destination(1), destination(2, source_id="s2", destination_type="Braze", state="failing")],
    "connected_warehouses": [
        {"source_id": each, "warehouse_id": f"w{each}", "enabled": True, "type": "Snowflake", "name": "Snowflake"}
        for each in ("s1", "s2")
    ],
}


def test_connections_are_counted_by_type_and_by_label():
    report = build_report(CONNECTED)
    by_type, by_team = of(report, "connections", Matrix)
    assert by_type.counts == {
        ("Javascript", "Slack"): 1,
        ("Javascript", "Snowflake (warehouse)"): 1,
        ("iOS", "Braze"): 1,
        ("iOS", "Snowflake (warehouse)"): 1,
    }
    assert by_team.rows == ["growth", "no such label"]
    assert by_team.counts["no such label", "Braze"] == 1


def test_a_neighbourhood_has_names_states_and_no_ids():
    (figure,) = of(build_report(CONNECTED), "connections", Neighbourhoods)
    by_name = {each.source: each for each in figure.sources}
    assert [(target.name, target.state, target.note) for target in by_name["Web 2"].targets] == [
        ("Slack 2", "failing", "99.0% delivered"),
        ("Snowflake (2)", "synced", ""),
    ]
    assert (by_name["Web 3"].state, by_name["Web 3"].targets) == ("disabled", [])
    assert groupings(figure.sources) == ["source type", "team"]


def test_a_matrix_has_room_for_some_and_counts_the_others():
    many = [source(number, source_type=f"Type {number}") for number in range(60)]
    tables = {"health_sources": many, "health_destinations": [destination(n, source_id=f"s{n}") for n in range(60)]}
    (figure,) = of(build_report(tables), "connections", Neighbourhoods)
    found = matrix(figure.sources)
    assert len(found.rows) == 30 and found.rows[-1] == "others"
    assert found.counts["others", "Slack"] == 31 and sum(found.counts.values()) == 60


def test_events_by_day_are_those_of_all_sources_and_a_day_without_any_is_a_gap():
    events = [
        {"source_id": each, "day": AS_OF - timedelta(days=back), "events": 5}
        for each in ("s1", "s2")
        for back in (0, 2)
    ]
    report = build_report({"health_sources": [source(1), source(2)], "events_daily": events})
    (figure,) = of(report, "volume", Daily)
    assert [value for _, value in figure.days][-3:] == [10, None, 10]
    assert [stat.value for figure in of(report, "volume", Stats) for stat in figure.stats] == ["2", "14", "0"]
    (table,) = of(report, "sources", Table)
    assert table.rows[0][6][-3:] == [5, None, 5]


def test_failures_come_with_their_share_by_day_and_idle_destinations_by_themselves():
    deliveries = [
        {"destination_id": "d1", "day": AS_OF, "outcome": "delivered", "events": 3},
        {"destination_id": "d1", "day": AS_OF, "outcome": "failed", "events": 1},
    ]
    report = build_report(
        {
            "health_destinations": [
                destination(1, trend=0.02),
                destination(2, state="failing", failed_7d=1, success_rate_7d=0.999),
                destination(3, state="idle", failed_7d=0, last_delivered_on=date(2026, 3, 2)),
            ],
            "deliveries_daily": deliveries,
        }
    )
    failed, idle = of(report, "failures", Table)
    assert [each[0] for each in failed.rows] == ["Slack 2", "Slack 1"]
    assert failed.rows[1][4] == -0.02 and failed.rows[1][5][-2:] == [None, 0.25]
    assert idle.rows == [("Slack 3", "Slack", "Web 1", date(2026, 3, 2))]
    (by_day,) = of(report, "failures", Daily)
    assert by_day.days[-1] == (AS_OF, 0.25) and by_day.days[0][1] is None


def test_changes_are_those_of_each_person_and_week():
    week, before = date(2026, 3, 16), date(2026, 3, 9)
    told = {"told_by": "trail", "kind": "SOURCE", "change": "Source Modified"}
    rows = [
        row("changes_weekly", **told, week=week, actor="u1", actor_email="ann@example.com", changes=2),
        row("changes_weekly", **told, week=before, actor="u2", actor_email="abe@example.com", changes=1),
        row("changes_weekly", **told, week=week, actor="t1", changes=4),
        row("changes_weekly", **told, week=week, changes=1),
    ]
    by_person, by_kind = of(build_report({"changes_weekly": rows}), "changes", Matrix)
    assert by_person.counts == {
        ("ann@example.com", "16 Mar"): 2,
        ("abe@example.com", "09 Mar"): 1,
        ("API tokens", "16 Mar"): 4,
        ("nobody is named", "16 Mar"): 1,
    }
    assert by_kind.counts == {("Source Modified", "09 Mar"): 1, ("Source Modified", "16 Mar"): 7}
    masked, _ = of(build_report({"changes_weekly": rows}, person=lambda text: text[0]), "changes", Matrix)
    assert {"a", "a (2)"} < set(masked.rows), "who looks alike masked is still counted apart"


def test_of_long_tables_the_first_rows_are_kept_and_all_are_counted():
    rows = [row("unused", kind="audience_without_destination", id=f"a{n}", name=f"A {n}", detail="d") for n in range(5)]
    report = build_report({"unused": rows}, most=2)
    (table,) = of(report, "unused", Table)
    assert (len(table.rows), table.of) == (2, 5)
    assert [stat.value for figure in of(report, "unused", Stats) for stat in figure.stats] == ["5"]


def test_every_state_of_the_marts_has_a_level():
    states = {state for mart in MODELS for column in mart.columns if column.field == "state" for state in column.values}
    assert states - set(LEVELS) == {"disabled", "token"}


def test_people_count_once_for_each_role_and_by_none_if_they_hold_none():
    person = {"state": "active", "granted_by": "direct", "user_email": "ann@example.com", "user_name": "Ann"}
    rows = [
        row("access_review", **person, role_name="Source Admin", resource_type="SOURCE", resource_name="Web"),
        row("access_review", **person, role_name="Source Admin", resource_type="WORKSPACE"),
        row("access_review", **{**person, "granted_by": "group", "group_name": "On call"}),
        row("access_review", state="invited", granted_by="invite", user_email="abe@example.com"),
        row("access_review", state="token", granted_by="trail", user_id="t1"),
    ]
    report = build_report({"access_review": rows}, person=lambda text: f"{text[0]}*")
    (by_role,) = of(report, "access", Matrix)
    assert by_role.counts == {("Source Admin", "active"): 1, ("no role", "invited"): 1}
    (table,) = of(report, "access", Table)
    assert [each[:6] for each in table.rows] == [
        (None, "a*", "invited", "no role", "invite", "–"),  # noqa: RUF001 - a dash
        ("A*", "a*", "active", "Source Admin", "direct", "the workspace"),
        ("A*", "a*", "active", "no role", "group On call", "–"),  # noqa: RUF001 - a dash
        ("A*", "a*", "active", "Source Admin", "direct", "source Web"),
    ]
    assert [(stat.label, stat.value) for figure in of(report, "access", Stats) for stat in figure.stats] == [
        ("invited people", "1"),
        ("active people", "1"),
        ("API tokens in the trail", "1"),
    ]


def test_events_without_a_rule_come_before_rules_without_events():
    rows = [
        row("tracking_plan_coverage", finding="unseen", event_name="Old", tracking_plan_name="Web"),
        row("tracking_plan_coverage", finding="unplanned", event_name="New", source_id="s1", events_28d=5),
        row("tracking_plan_coverage", finding="no_plan", source_id="s2", source_name="iOS", events_28d=9),
    ]
    report = build_report({"tracking_plan_coverage": rows, "health_sources": [source(1)]})
    (table,) = of(report, "coverage", Table)
    assert [each[:3] for each in table.rows] == [
        ("no rule", "New", "Web 1"),
        ("source without a plan", "–", "iOS"),  # noqa: RUF001 - a dash
        ("rule without events", "Old", None),
    ]
