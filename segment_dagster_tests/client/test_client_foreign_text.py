"""What others write reaches a message or a log cut, without what a terminal acts on, and without the token."""

import base64
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.client.errors import (
    ApiError,
    BodyError,
    ForbiddenError,
    RedirectError,
    ShapeError,
    UnfinishedError,
)
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.errors import ValueTypeError
from segment_dagster.extract.rows import rows_of
from segment_dagster.foreign_text import HIDDEN, foreign_text
from segment_dagster_tests.client.raw_server import serving

ROWS = {row.name: row for row in CATALOGUE}
SOURCES = ROWS["sources"]
TOKEN = "sgp_a+token/of=mine"
PASSWORD = "Pass" + "w0rd"
ESCAPES = "\x1b[31mred\x1b[0m\x07\x9b2J \u202eright\u202c \u2066to\u2069 \ufeff\u200bleft \U000e0041 a\u2028b\r\nc\0"
FORMS = {
    "as it is": TOKEN,
    "percent-encoded": quote(TOKEN, safe=""),
    "percent-encoded, in small letters": quote(TOKEN, safe="").lower().replace("sgp_a", "sgp_a"),
    "percent-encoded but for slashes": quote(TOKEN),
    "base64": base64.b64encode(TOKEN.encode()).decode(),
    "base64 of a user": base64.b64encode(f"{TOKEN}:".encode()).decode(),
    "base64 of a password": base64.b64encode(f"u:{TOKEN}".encode()).decode(),
    "base64 of a header": base64.b64encode(f"Bearer {TOKEN}".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(f"xy{TOKEN}".encode()).decode(),
}


def failing(client, endpoint=SOURCES, values=None):
    with pytest.raises(ApiError) as caught:
        list(client.pages(endpoint, values))
    for text in (str(caught.value), caught.value.happened):
        assert text.isprintable(), text
        assert TOKEN not in text
        assert len(text) < 1500
    # what a traceback would show
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.fixture
def client(client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    return lambda url, **settings: client_of(url, token=TOKEN, **settings)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["{}", "x" * 285 + "{}", "{} " * 1000, "é\x1b{}\x1b"])
def test_the_token_is_hidden_in_every_form(form, around):
    written = FORMS[form]
    shown = foreign_text(
        around.format(*[written] * 1000) if "{} " not in around else around.replace("{}", written), 300, TOKEN
    )
    assert HIDDEN in shown or around.startswith("x")
    assert TOKEN[:12] not in shown
    # the middle of what stands for it, whatever surrounds it
    assert written[6:-6] not in shown
    assert len(shown) <= 300


@property_settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=400) | st.integers() | st.none() | st.lists(st.none()), st.integers(10, 100))
def test_any_text_becomes_one_that_can_be_printed(value, limit):
    shown = foreign_text(value, limit, TOKEN)
    assert shown.isprintable()
    assert len(shown) <= limit


@property_settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.integers(10, 100))
def test_no_part_of_the_token_is_left_where_it_is_cut(before, after, limit):
    assert TOKEN[:8] not in foreign_text(before + TOKEN + after, limit, TOKEN)


def test_a_text_of_any_length_is_looked_at_in_part_alone():
    class Counting(str):
        __slots__ = ()

    assert len(foreign_text("\x1b" * 10**7, 50, TOKEN)) == 50
    assert foreign_text("a" * 10**7, 50, TOKEN) == "a" * 47 + "..."
    assert foreign_text("plain", 50, TOKEN) == "plain"
    assert foreign_text({"a": TOKEN}, 50, TOKEN) == "an object"
    assert foreign_text(10**5000, 50, TOKEN) == "a large number"


@pytest.mark.parametrize("form", FORMS)
def test_the_apis_message_is_harmless(form, client, scripted, reply):
    said = {"errors": [{"message": f"{ESCAPES} {FORMS[form]} {'x' * 10**5}", "field": f"{ESCAPES}{FORMS[form]}"}] * 4}
    error = failing(client(scripted(reply(said, 403)).url))
    assert isinstance(error, ForbiddenError)
    assert HIDDEN in str(error)
    assert "\\x1b[31mred\\x1b[0m" in str(error)
    assert FORMS[form] not in str(error)


@pytest.mark.parametrize("field", [["x"], {"a": "x"}, 7, 10**4000, True], ids=lambda field: str(field)[:20])
def test_fields_of_other_kinds_are_harmless(field, client, scripted, reply):
    failing(client(scripted(reply({"errors": [{"message": field, "field": field, "type": field}]}, 422)).url))


def test_names_in_an_answer_are_harmless(client, scripted):
    names = {f"{ESCAPES}{TOKEN}": 1, "x" * 10**6: 2, f"{'y' * 30}{TOKEN}": 3}
    error = failing(client(scripted({"data": names}).url))
    assert isinstance(error, ShapeError)
    assert HIDDEN in str(error)
    told = {"pagination": {f"next{ESCAPES}{TOKEN}{'x' * 10**6}": "x"}}
    error = failing(client(scripted({"data": {"sources": [], **told}}).url))
    assert isinstance(error, UnfinishedError)
    told = {f"{TOKEN}{ESCAPES}{'x' * 10**6}": {"next": "x"}}
    error = failing(client(scripted({"data": {"sources": [], **told}}).url))
    assert HIDDEN in str(error)


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("text/html; charset=utf-8", "of text/html that"),
        (f"text/html; key={TOKEN}", "of text/html that"),
        (f"Bearer {TOKEN}", "of an odd content type that"),
        (f"https://user:{PASSWORD}@host/", "of an odd content type that"),
        ("text/\x1b[31m", "of an odd content type that"),
        (f"text/{'x' * 60_000}", "of an odd content type that"),
        ("", "of no content type that"),
    ],
)
def test_a_content_type_is_harmless(content_type, shown, client):
    def answer(raw, connection):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 2\r\n\r\nno"
        connection.sendall(head.encode("latin-1"))

    with serving(answer) as raw:
        error = failing(client(raw.url))
    assert isinstance(error, BodyError)
    assert shown in str(error)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (f"https://user:{PASSWORD}@other.example/x", "was sent on to other.example."),
        (f"https://{TOKEN}@other.example/{TOKEN}?{TOKEN}", "was sent on to other.example."),
        ("https://\x1b[31mother.example/", "was sent on to another path."),
        ("https://\x1b31mother.example/", "was sent on to \\x1b31mother.example."),
        (f"https://{'x' * 60_000}/", "was sent on to xxxxx"),
        (f"https://{quote(TOKEN, safe='')}.example", f"was sent on to {HIDDEN}.example."),
    ],
)
def test_a_location_is_harmless(location, shown, client):
    def answer(raw, connection):
        connection.sendall(f"HTTP/1.1 302 No\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))

    with serving(answer) as raw:
        error = failing(client(raw.url))
    assert isinstance(error, RedirectError)
    assert shown in str(error)
    assert PASSWORD not in str(error)


HEADS = {
    "status line": f"HTTP/1.1 \x1b[31m{TOKEN}\r\n\r\n",
    "protocol": f"SSH-2.0-\x1b[31m{TOKEN}\r\n",
    "reason": f"HTTP/1.1 503 \x1b[31m{TOKEN}{'x' * 60_000}\r\nContent-Length: 0\r\n\r\n",
    "header without a colon": f"HTTP/1.1 200 OK\r\nX-A: b\r\n\x1b[31m{TOKEN}\r\nContent-Length: 2\r\n\r\nno",
    "header that goes on": f"HTTP/1.1 200 OK\r\n \x1b[31m{TOKEN}\r\nContent-Length: 2\r\n\r\nno",
    "two lengths": f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: {TOKEN}\r\n\r\nno",
    "chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[31m{TOKEN}\r\n",
    "encoding": f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n\x1b[31m{TOKEN}xxxxxxxxxxx",
    "cookie": f"HTTP/1.1 500 OK\r\nSet-Cookie: \x1b[31m{TOKEN}; domain={TOKEN}; expires=x\r\nContent-Length: 0\r\n\r\n",
    "wait": f"HTTP/1.1 429 OK\r\nRetry-After: \x1b[31m{TOKEN}\r\nContent-Length: 0\r\n\r\n",
    "reset": f"HTTP/1.1 429 OK\r\nX-RateLimit-Reset: \x1b[31m{TOKEN}\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_no_part_of_an_answer_reaches_a_log_or_the_terminal(name, client, caplog, capfd):
    with caplog.at_level(logging.INFO), serving(lambda _, end: end.sendall(HEADS[name].encode("latin-1"))) as raw:
        failing(client(raw.url))
    out, err = capfd.readouterr()
    logged = "\n".join(
        f"{record.getMessage()}{record.exc_text or ''}{record.exc_info or ''}" for record in caplog.records
    )
    for text in (out, err, logged):
        assert "\x1b" not in text
        assert TOKEN not in text


def test_an_id_in_a_path_is_harmless(client, scripted, reply):
    values = {"spaceId": f"{ESCAPES}{TOKEN}{'x' * 50_000}"}
    for answer in (reply({}, 404), reply(b"no"), reply({"data": {}})):
        error = failing(client(scripted(answer).url), ROWS["segments"], values)
        assert HIDDEN in str(error)
        assert quote(TOKEN, safe="") not in str(error)


def test_a_key_in_the_message_of_a_value_is_harmless():
    for key in (f"{ESCAPES}{'x' * 10**6}", ["x"] * 10, {"a": ESCAPES}, 10**5000):
        with pytest.raises(ValueTypeError) as caught:
            rows_of(SOURCES, [{"id": key, "slug": {"a": 1}, "name": []}])
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500
