"""Tables of a warehouse, filled with the events that the event volume counts."""

from collections import Counter
from datetime import date, datetime, timedelta, timezone

import duckdb
import pytest

from segment_dagster.emulator import Correction, Silence, running
from segment_dagster.emulator.snake_case import snake_case
from segment_dagster.emulator.warehouse import Loss, fill
from segment_dagster.emulator.warehouse_tables import COLLECTIONS
from segment_dagster.endpoints import CATALOGUE
from segment_dagster_tests.destinations.engines import postgres_server

NOW = datetime(2024, 3, 15, 12, 30, 20, tzinfo=timezone.utc)
FIRST, LAST = date(2024, 3, 12), date(2024, 3, 15)
MOST = 40
"""About as many events of a kind there are in a day."""

(ROW,) = (row for row in CATALOGUE if row.name == "events_volume")


@pytest.fixture(scope="module")
def served():
    """An emulator with few events."""
    with running(now=NOW, events_a_day=MOST) as emulator:
        yield emulator


@pytest.fixture
def emulator(served):
    served.clock.set(NOW)
    served.corrections.clear()
    return served


@pytest.fixture
def source(emulator):
    """A source with events of every type of call, and one of track whose name has no table of its own."""
    return _sources(emulator)[0]


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as address:
        yield address


@pytest.fixture(params=["duckdb", "postgres"])
def connection(request):
    """A connection to an empty database; what is not committed is gone after the test."""
    if request.param == "duckdb":
        with duckdb.connect() as made:
            yield made
        return
    import psycopg2

    made = psycopg2.connect(request.getfixturevalue("postgres"))
    yield made
    made.close()


@pytest.fixture
def select(connection):
    """The rows of a query, by any of the two engines."""

    def run(sql):
        cursor = connection.cursor() if hasattr(connection, "cursor_factory") else connection
        cursor.execute(sql)
        return cursor.fetchall()

    return run


@pytest.fixture
def answered(ask):
    """What `GET /events/volume` answers of a source: counts by type, name and time, without those that are 0."""

    def read(source, granularity="DAY", start=FIRST, end=LAST, by=("eventType", "eventName")):
        asked = {"granularity": granularity, "startTime": start.isoformat(), "endTime": end.isoformat()}
        page = {"pagination.count": 1000, "groupBy": by, "sourceId": source}
        response = ask(ROW, {}, **asked, **page)
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        assert not data.get("pagination", {}).get("next")
        return {
            (*(record.get(name, "") for name in by), point["time"]): point["count"]
            for record in data["result"]
            for point in record["series"]
            if point["count"]
        }

    return read


@pytest.fixture
def held(select):
    """The same, of what the tables of a schema hold."""

    def read(schema, step="day", tables=COLLECTIONS):
        found = {}
        for kind, table in tables.items():
            if not select(
                f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{schema}' AND table_name = '{table}'"
            ):
                continue
            name = {"track": "event_text", "page": "name", "screen": "name"}.get(kind, "''")
            for event, at, count in select(
                f"SELECT {name}, date_trunc('{step}', received_at), count(*) FROM {schema}.{table} GROUP BY 1, 2"
            ):
                found[kind, event, f"{at:%Y-%m-%dT%H:%M:%SZ}"] = count
        return found

    return read


def test_each_type_and_event_has_as_many_rows_a_day_as_the_api_answers(connection, emulator, held, answered, select):
    for number, source in enumerate(_sources(emulator)[:3]):
        filled = fill(connection, emulator, source, f"source_{number}", start=FIRST, end=LAST)
        expected = answered(source)
        assert held(f"source_{number}") == expected
        assert 500 < sum(expected.values()) < 5_000
        by_type = Counter({COLLECTIONS[kind]: 0 for kind, *_ in expected})
        for (kind, *_), count in expected.items():
            by_type[COLLECTIONS[kind]] += count
        assert {table: filled.rows[table] for table in by_type} == by_type
        counted = {table: select(f"SELECT count(*) FROM source_{number}.{table}") for table in filled.rows}
        assert counted == {table: [(count,)] for table, count in filled.rows.items()}


def test_each_hour_too_and_the_current_one_until_now(connection, emulator, source, held, answered, select):
    now = NOW - timedelta(minutes=15)
    emulator.clock.set(now)
    emulator.corrections.add(Correction("events_volume", LAST, 50))
    filled = fill(connection, emulator, source, "website", start=LAST, end=LAST + timedelta(days=3))
    expected = answered(source, "HOUR", LAST, LAST + timedelta(days=3))
    assert held("website", "hour") == expected
    assert "2024-03-15T12:00:00Z" in {at for *_, at in expected}
    newest = max(select(f"SELECT max(received_at) FROM website.{table}") for table in filled.rows)
    assert newest[0][0] < now.replace(tzinfo=None)


def test_an_event_of_track_has_a_table_of_its_own(connection, emulator, held, answered, select):
    for number, source in enumerate(_sources(emulator)[:3]):
        schema = f"source_{number}"
        filled = fill(connection, emulator, source, schema, start=FIRST, end=LAST)
        events = {name for kind, name, _ in answered(source) if kind == "track"}
        own = {snake_case(name): name for name in events if snake_case(name)}
        assert set(filled.rows) == {*held_tables(select, schema)}
        assert set(filled.rows) - {*COLLECTIONS.values(), "users", "accounts"} == set(own)
        for table, name in own.items():
            there = select(f"SELECT id, event, event_text, received_at FROM {schema}.{table} ORDER BY id")
            assert {(event, text) for _, event, text, _ in there} == {(table, name)}
            same = f"SELECT id, event, event_text, received_at FROM {schema}.tracks WHERE event = '{table}' ORDER BY id"
            assert select(same) == there


def held_tables(select, schema):
    return [
        name for (name,) in select(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'")
    ]


def test_users_and_accounts_have_a_row_each_with_their_latest_call(connection, emulator, source, select):
    for day in (0, 1, 2):
        start = FIRST + timedelta(days=day)
        filled = fill(connection, emulator, source, "website", start=start, end=start + timedelta(days=1))
    for table, key, calls in (("users", "user_id", "identifies"), ("accounts", "group_id", "groups")):
        latest = select(f"SELECT {key}, max(received_at), max(uuid_ts) FROM website.{calls} GROUP BY 1 ORDER BY 1")
        assert select(f"SELECT id, received_at, uuid_ts FROM website.{table} ORDER BY id") == latest
        assert filled.rows[table] == len(latest) > 1
    ((calls, ids),) = select("SELECT count(*), count(DISTINCT id) FROM website.identifies")
    assert calls == ids > filled.rows["users"]


def test_rows_have_the_time_of_the_sync(connection, emulator, source, select):
    fill(connection, emulator, source, "website", start=FIRST, end=FIRST + timedelta(days=1))
    assert select("SELECT DISTINCT uuid_ts FROM website.tracks") == [(NOW.replace(tzinfo=None),)]
    at = datetime(2024, 3, 14, 6, tzinfo=timezone(timedelta(hours=2)))
    fill(connection, emulator, source, "website", start=FIRST, end=FIRST + timedelta(days=1), synced_at=at)
    assert select("SELECT DISTINCT uuid_ts FROM website.tracks") == [(datetime(2024, 3, 14, 4),)]
    ((of_others,),) = select("SELECT count(*) FROM website.tracks WHERE user_id IS NULL")
    assert of_others > 0
    assert select("SELECT count(*) FROM website.tracks WHERE anonymous_id IS NULL OR sent_at > received_at") == [(0,)]


def test_a_share_of_one_event_on_one_day_is_lost_until_it_is_filled_again(
    connection, emulator, source, held, answered, select
):
    name = next(name for kind, name, _ in answered(source) if kind == "track" and snake_case(name))
    day = FIRST + timedelta(days=1)
    lose = Loss(name, day, 0.25)
    filled = fill(connection, emulator, source, "website", start=FIRST, end=LAST, lose=lose)
    expected = answered(source)
    place = ("track", name, f"{day}T00:00:00Z")
    lost = round(expected[place] * 0.25)
    assert held("website") == expected | {place: expected[place] - lost}
    assert len(set(filled.lost)) == lost > 1
    own = {"track": snake_case(name)}
    assert held("website", tables=own)[place] == expected[place] - lost
    there = select(f"SELECT count(*) FROM website.{snake_case(name)}")
    assert there == [(filled.rows[snake_case(name)],)]
    again = fill(connection, emulator, source, "website", start=FIRST, end=LAST, lose=lose)
    assert again == filled
    other = Loss(name, day, 0.25, seed=8)
    assert fill(connection, emulator, source, "website", start=FIRST, end=LAST, lose=other).lost != filled.lost
    fill(connection, emulator, source, "website", start=day, end=LAST)
    assert held("website") == expected


def test_corrections_of_the_counts_are_in_the_tables_too(connection, emulator, source, held, answered):
    before = fill(connection, emulator, source, "website", start=FIRST, end=LAST)
    emulator.corrections.add(Correction("events_volume", FIRST, 0.5, source), Silence(source, LAST - timedelta(days=1)))
    after = fill(connection, emulator, source, "website", start=FIRST, end=LAST)
    assert held("website") == answered(source)
    assert 0 < after.count < before.count


def test_times_can_have_a_zone(emulator, source, postgres, answered):
    import psycopg2

    connection = psycopg2.connect(postgres, options="-c TimeZone=Asia/Tokyo")
    cursor = connection.cursor()
    fill(connection, emulator, source, "website", start=FIRST, end=LAST, time_type="timestamptz")
    fill(connection, emulator, source, "website", start=FIRST, end=LAST, time_type="timestamptz")
    cursor.execute("SELECT date_trunc('day', received_at AT TIME ZONE 'UTC'), count(*) FROM website.tracks GROUP BY 1")
    by_day = {("track", f"{at:%Y-%m-%dT%H:%M:%SZ}"): count for at, count in cursor.fetchall()}
    volume = answered(source, by=("eventType",))
    assert by_day == {place: count for place, count in volume.items() if place[0] == "track"}
    cursor.execute("SELECT DISTINCT uuid_ts FROM website.users")
    assert cursor.fetchall() == [(NOW,)]
    connection.close()


def test_what_a_sync_counts_is_what_was_written(emulator, world_pair):
    warehouse, source = world_pair
    emulator.syncs.quiet = True
    emulator.syncs.start(warehouse, source)
    with duckdb.connect() as connection:
        filled = fill(connection, emulator, source, "website", start=FIRST, end=LAST)
        emulator.syncs.finish(warehouse, source, count=filled.count)
        tables = [f"SELECT count(*) AS rows FROM website.{table}" for table in filled.rows]
        written = connection.execute(f"SELECT sum(rows) FROM ({' UNION ALL '.join(tables)})").fetchone()
    (sync,) = emulator.records("warehouse_syncs")
    emulator.syncs.clear()
    assert (sync["count"],) == written


@pytest.fixture
def world_pair(emulator):
    values = emulator.world.lists("warehouse_source_syncs")[0]
    return values["warehouseId"], values["sourceId"]


def test_what_cannot_be_filled_is_refused_and_nothing_is_written(emulator, source):
    with duckdb.connect() as connection:
        with pytest.raises(ValueError, match="end must be after start, 2024-03-15"):
            fill(connection, emulator, source, "website", start=LAST, end=LAST)
        with pytest.raises(ValueError, match="no source 'nobody' has numbers"):
            fill(connection, emulator, "nobody", "website", start=FIRST, end=LAST)
        with pytest.raises(ValueError, match="loss of 'Nothing': the source sends none on 2024-03-12"):
            fill(connection, emulator, source, "website", start=FIRST, end=LAST, lose=Loss("Nothing", FIRST))
        for share in (0, 1.1):
            with pytest.raises(ValueError, match="loss of 'x': share must be above 0 and at most 1"):
                Loss("x", FIRST, share)
        schemas = connection.execute("SELECT schema_name FROM information_schema.schemata").fetchall()
        assert ("website",) not in schemas


def test_other_tables_of_the_schema_stay_as_they_are(emulator, source):
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA website")
        connection.execute("CREATE TABLE website.own AS SELECT 1 AS one")
        fill(connection, emulator, source, "website", start=FIRST, end=LAST)
        assert connection.execute("SELECT * FROM website.own").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Signed Up", "signed_up"),
        ("Order Completed", "order_completed"),
        ("accountType", "account_type"),
        ("already_written_so", "already_written_so"),
        ("_private", "_private"),
        ("two__underscores", "two_underscores"),
        ("HTMLParser", "htmlparser"),
        ("Base64Encode", "base64_encode"),
        ("step 2 Done", "step_2_done"),
        ("v2Done", "v_2done"),
        ("  Cart/Basket 100% + more ", "cart_basket_100_more"),
        ("Größe & Farbe?", "gr_e_farbe"),
        ("登録完了 🎉", ""),
        ("", ""),
    ],
)
def test_names_are_written_in_snake_case(name, written):
    assert snake_case(name) == written


def _sources(emulator):
    """The connected sources that send events of track, page and screen, those first with a name of no ASCII letter."""

    def unwritable(source):
        query = {"granularity": ("DAY",), "startTime": (f"{FIRST}",), "endTime": (f"{LAST}",), "sourceId": (source,)}
        names = emulator.timed("events_volume", query | {"groupBy": ("eventName",)})
        return any(not snake_case(record["eventName"]) for record in names if record.get("eventName"))

    connected = dict.fromkeys(values["sourceId"] for values in emulator.world.lists("warehouse_source_syncs"))
    enabled = [record["id"] for record in emulator.world.records("sources") if record["enabled"]]
    return sorted((source for source in enabled if source in connected), key=lambda source: not unwritable(source))
