"""Any answer at all: a typed error or the rows that the answer holds, and nothing else."""

import json
import os
import threading
from contextlib import ExitStack
from datetime import timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.client import ApiError, SegmentClient
from segment_dagster.client.counts import total_entries
from segment_dagster.client.errors import CountError
from segment_dagster.client.layout import call_for
from segment_dagster.config import ApiSettings, Layout
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.errors import SegmentError
from segment_dagster.extract.characters import Replaced, clean
from segment_dagster.extract.errors import UnexpectedError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.json_text import dumps
from segment_dagster.extract.undeclared import UNDECLARED

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
TOKEN = "a-token-of-mine"
KINDS = ("sources", "invites", "workspace", "suppressions", "source_regulations", "space_filters")
"""Records, bare values, one record, exploded ones, lists without a pagination object, cursors that are numbers."""

PAGE_SIZE = 2
"""So few that many a list fills a page."""
VALUES = {"source_regulations": {"sourceId": "a"}, "space_filters": {"integrationId": "a"}}
EXAMPLES = property_settings(
    # `make chaos` asks for more, and for others every time
    max_examples=int(os.environ.get("CHAOS_EXAMPLES", "20")),
    derandomize="CHAOS_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TEXTS = [
    "",
    " ",
    "a\nb",
    "a\u2028b",
    "2026-03-01",
    "2026-03-01T00:00:00Z",
    "9" * 30,
    "1e400",
    "\0",
    "{",
    '{"a":1}',
    "é" * 90,
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(TEXTS)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


TYPED = {
    "text": st.text(max_size=20),
    "bigint": st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**17), 10**17).map(str),
    "double": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "bool": st.booleans(),
    "date": st.dates().map(str),
    "timestamp": st.datetimes(timezones=st.just(timezone.utc)).map(lambda moment: moment.isoformat()),
    "json": anything,
}


@st.composite
def records(draw, endpoint):
    """A record with its key and some of the declared fields, most of them of their types, and others."""
    record = {}
    for column in endpoint.columns:
        if column.field in endpoint.primary_key or draw(st.booleans()):
            record[column.field] = draw(anything if draw(st.integers(0, 29)) == 0 else st.none() | TYPED[column.type])
    for field in endpoint.required_key:
        if draw(st.integers(0, 29)):
            record[field] = draw(st.text(min_size=1, max_size=5))
    others = st.sampled_from(["extra", "", "ID", "_dlt_id", "a" * 300, "two words", "é", "undeclared_id"])
    return record | draw(st.dictionaries(others, anything, max_size=2))


@st.composite
def bodies(draw, endpoint):
    """Anything, or what comes near to a page."""
    if draw(st.integers(0, 9)) == 0:
        return draw(anything)
    near = st.lists(records(endpoint), max_size=5) | anything
    if endpoint.single:
        near = records(endpoint) | anything
    if endpoint.wrapped:
        near = st.lists(scalars, max_size=5) | anything
    total = scalars | st.integers(0, 9)
    pagination = st.fixed_dictionaries({}, optional={"next": scalars, "totalEntries": total}) | anything
    body = draw(near)
    for key in reversed(endpoint.selector[1:]):
        body = {key: body}
    answer = endpoint.paging.answer[1:]
    if isinstance(body, dict) and answer and draw(st.booleans()):
        body = {**body, answer[0]: draw(pagination)}
    return {endpoint.selector[0]: body}


class Answers:
    """A local API that gives the answers it was told last, in turn, and the last one for ever."""

    def __init__(self):
        self.replies: list[tuple[int, dict[str, str], bytes]] = []
        self.asked = 0
        self.queries: list[dict[str, list[str]]] = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                status, headers, body = answers.replies[min(answers.asked, len(answers.replies) - 1)]
                answers.asked += 1
                answers.queries.append(parse_qs(urlsplit(self.path).query, keep_blank_values=True))
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Say nothing of a client that hung up."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def give(self, *replies):
        self.replies, self.asked, self.queries = list(replies), 0, []

    def give_bodies(self, *bodies):
        self.give(*((200, {}, body if isinstance(body, bytes) else json.dumps(body).encode()) for body in bodies))


@pytest.fixture(scope="module")
def answers():
    server = Answers()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_RETRY_DELAY", "0.001")
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "20")


def found(body, selector):
    for key in selector:
        body = body[key]
    return body


def read_pages(answers, endpoint):
    """The records as the client gives them, or the line of its error."""
    try:
        with SegmentClient(ApiSettings(token=TOKEN, base_url=answers.url, page_size=PAGE_SIZE)) as client:
            return [page.records for page in client.pages(endpoint, VALUES.get(endpoint.name))]
    except SegmentError as error:
        text = str(error)
        assert text.splitlines() == [text]
        assert text.startswith(f"{endpoint.name}: GET ")
        assert isinstance(error, ApiError)
        return None


def due(endpoint, served):
    """The pages that answers hold, `None` where one of them is no page, and the cursors that are asked for."""
    pages: list[list[object]] = []
    cursors: list[str] = []
    counts: list[int] = []
    while True:
        body = served[min(len(pages), len(served) - 1)]
        try:
            held, told = found(body, endpoint.selector), body
        except (KeyError, TypeError, IndexError):
            return None, cursors
        records = [held] if endpoint.single else held
        of_kind = (lambda each: each is not None) if endpoint.wrapped else (lambda each: isinstance(each, dict))
        if not isinstance(records, list) or not all(map(of_kind, records)):
            return None, cursors
        call = call_for([endpoint], Layout.PUBLIC, PAGE_SIZE)
        assert call
        (part,) = call.lists
        try:
            total = total_entries(body, part, "")
        except CountError:
            return None, cursors
        received = sum(map(len, pages))
        pages.append([{endpoint.wrapped: each} for each in records] if endpoint.wrapped else records)
        if endpoint.page_size is None:
            return pages, cursors
        for key in endpoint.paging.answer:
            told = told.get(key) if isinstance(told, dict) else None
        counts += [] if total is None else [total]
        full = len(records) >= min(PAGE_SIZE, endpoint.page_size)
        grows = endpoint.log or endpoint.time
        if not isinstance(told, dict):
            return (None if full and endpoint.paging.required else pages), cursors
        cursor = told.get("next")
        if cursor is None or cursor == "":
            missing = min(counts, default=0) - received - len(records)
            shown = [(len(page), *page[:1], *page[-1:]) for page in pages]
            repeated = received and records and counts and received >= max(counts) and shown[-1] in shown[:-1]
            if repeated:
                return None, cursors
            broken_off = full and records and missing >= min(len(records), 10) and missing > (1000 if grows else 0)
            return (None if broken_off else pages), cursors
        if type(cursor) not in (str, int) or str(cursor) in cursors:
            return None, cursors
        if received and records and counts and received >= (2 * max(counts) + 1000 if grows else max(counts)):
            return None, cursors
        cursors.append(str(cursor))


@pytest.mark.parametrize("name", KINDS)
@EXAMPLES
@given(data=st.data())
def test_pages_are_those_of_the_answers_or_a_typed_error(name, answers, data):
    endpoint = ROWS[name]
    given_bodies = data.draw(st.lists(bodies(endpoint), min_size=1, max_size=3))
    answers.give_bodies(*given_bodies)
    served = [json.loads(json.dumps(body)) for body in given_bodies]
    pages, cursors = due(endpoint, served)
    assert read_pages(answers, endpoint) == pages
    asked = [query.get(endpoint.paging.cursor) for query in answers.queries]
    assert asked == [None, *([cursor] for cursor in cursors)]


DATES = ["Mon, 01 Jan 2024 00:00:00 +9999999999", "Mon, 01 Jan 99999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 -0000"]

dates = st.text("0123456789 -+:,.eJanMo", max_size=40) | st.sampled_from(DATES)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": dates,
        "X-RateLimit-Reset": dates,
        "X-RateLimit-Remaining": st.text("0123456789-", max_size=12),
        "X-RateLimit-Consumed": st.text("0123456789-", max_size=12),
        "Location": st.sampled_from(["/elsewhere", "http://[", "//", "http://other.example/", "\x01"]),
        "Content-Type": st.text("abc/;=", max_size=10),
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "none"]),
    },
)


@EXAMPLES
@given(
    status=st.sampled_from([200, 201, 204, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 418, 422, 429])
    | st.integers(500, 599),
    told=headers,
    body=st.binary(max_size=200)
    | (anything | bodies(ROWS["sources"])).map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {
            "errors": anything
            | st.lists(
                st.fixed_dictionaries(
                    {}, optional={"message": anything, "type": anything, "field": anything, "data": anything}
                )
                | st.fixed_dictionaries({"data": st.fixed_dictionaries({"msBeforeNext": scalars})})
                | anything,
                max_size=3,
            )
        }
    ).map(lambda value: json.dumps(value).encode()),
)
@example(status=429, told={"Retry-After": "Mon, 01 Jan 2024 00:00:00 +9999999999"}, body=b"")
@example(status=302, told={"Location": "http://["}, body=b"")
@example(status=404, told={}, body=b'{"data":{"sources":[],"pagination":{}}}')
@example(status=300, told={}, body=b'{"data":{"sources":[],"pagination":{}}}')
@example(status=400, told={}, body=b'{"errors":7}')
@example(status=400, told={}, body=b'{"errors":[{"message":"a\\nb","field":"c\\u2028d"}]}')
@example(status=200, told={}, body=b'{"data":{"a\\nb":1}}')
def test_any_status_with_any_headers_is_a_typed_error(status, told, body, answers):
    if status in (204, 304):
        body = b""
    answers.give((status, told, body))
    pages = read_pages(answers, ROWS["sources"])
    assert pages is None or status < 300


@pytest.mark.parametrize("depth", [100, 250, 260, 900, 1100, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("where", ["body", "record", "settings", "next"])
def test_nesting_of_any_depth_is_a_typed_error_or_read(where, opening, depth, answers):
    closing = "]" if opening == "[" else "}"
    deep = opening * depth + "1" + closing * depth
    whole = {
        "body": deep,
        "record": f'{{"data":{{"sources":[{{"id":"a","extra":{deep}}}]}}}}',
        "settings": f'{{"data":{{"sources":[{{"id":"a","settings":{deep}}}]}}}}',
        "next": f'{{"data":{{"sources":[],"pagination":{{"next":{deep}}}}}}}',
    }[where]
    answers.give_bodies(whole.encode())
    pages = read_pages(answers, ROWS["sources"])
    if where in ("body", "next"):
        assert pages is None
    read_rows(answers, ROWS["sources"])


def read_rows(answers, endpoint):
    """The rows as they would land, or `None` where there was a typed error of the endpoint."""
    with ExitStack() as stack:
        extractor = stack.enter_context(
            Extractor(ApiSettings(token=TOKEN, base_url=answers.url, page_size=5, include_secrets=True))
        )
        try:
            extract = extractor.extract(endpoint)
        except SegmentError as error:
            text = str(error)
            assert text.splitlines() == [text]
            assert not isinstance(error, UnexpectedError), text
            return None
        return [row for part in extract.parts for row in pq.read_table(part.path).to_pylist()]


@pytest.mark.parametrize("name", ["sources", "invites", "workspace", "suppressions", "destinations", "roles"])
@EXAMPLES
@given(data=st.data())
def test_rows_are_those_of_the_records_or_a_typed_error(name, answers, data):
    endpoint = ROWS[name]
    body = data.draw(bodies(endpoint))
    answers.give_bodies(body)
    rows = read_rows(answers, endpoint)
    if rows is None or endpoint.exploded:
        return
    held = found(json.loads(json.dumps(body)), endpoint.selector)
    given_records = [held] if endpoint.single else held
    if endpoint.wrapped:
        given_records = [{endpoint.wrapped: each} for each in given_records]
    assert len(rows) == len(given_records)
    key = endpoint.primary_key[0]
    assert sorted(row[key] for row in rows) == sorted(clean(record[key], Replaced()) for record in given_records)
    declared = {column.field for column in endpoint.columns}
    beyond = [
        {field: value for field, value in record.items() if field not in declared and value is not None}
        for record in given_records
    ]
    # the order of an object's keys says nothing, and is made one
    texts = sorted(dumps(clean(each, Replaced())) for each in beyond if each)
    assert sorted(row[UNDECLARED].encode() for row in rows if row.get(UNDECLARED)) == texts
