"""From bytes to values: nothing is lost for a character or a number that JSON does not know, and nothing explodes."""

import gzip
import json
import logging
import tracemalloc
import zlib

import orjson
import pytest
from hypothesis import example, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.client import parse as parsing
from segment_dagster.client.errors import BodyError, DepthError, OversizeError
from segment_dagster.client.parse import Parsed, ParseError, TooDeepError, TooManyValuesError, parse
from segment_dagster.endpoints import CATALOGUE

SOURCES = next(row for row in CATALOGUE if row.name == "sources")


def read(client):
    return [record for page in client.pages(SOURCES) for record in page.records]


def page(record):
    """A page of one record, whose body is given as bytes."""
    return b'{"data":{"sources":[' + record + b'],"pagination":{"next":null}}}'


BROKEN = {
    "high, escaped": (rb'{"id":"a\ud83d"}', {"id": "a\ufffd"}, 1),
    "low, escaped": (rb'{"id":"\uDE00a"}', {"id": "\ufffda"}, 1),
    "low before high": (rb'{"id":"\ude00\ud83d"}', {"id": "\ufffd\ufffd"}, 2),
    "beside a whole one": (rb'{"id":"\ud83d\ude00\ud83d"}', {"id": "\U0001f600\ufffd"}, 1),
    "high before a whole one": (rb'{"id":"\ud83d\ud83d\ude00"}', {"id": "\ufffd\U0001f600"}, 1),
    "after a backslash": (rb'{"id":"\\\ud83d"}', {"id": "\\\ufffd"}, 1),
    "in a name": (rb'{"id":"a","b\ud83d":1}', {"id": "a", "b\ufffd": 1}, 1),
    "in two names": (
        rb'{"id":"a","b\ud83d":1,"b\ud83e":2,"b\ufffd":3}',
        {"id": "a", "b\ufffd\ufffd": 1, "b\ufffd\ufffd\ufffd": 2, "b\ufffd": 3},
        2,
    ),
    "deep": (rb'{"id":"a","b":[["\ud83d",{"c":["\ud83d"]}]]}', {"id": "a", "b": [["\ufffd", {"c": ["\ufffd"]}]]}, 2),
    "high, raw": (b'{"id":"a\xed\xa0\xbd"}', {"id": "a\ufffd"}, 1),
    "low, raw": (b'{"id":"\xed\xb8\x80a"}', {"id": "\ufffda"}, 1),
    "both halves, raw": (b'{"id":"\xed\xa0\xbd\xed\xb8\x80"}', {"id": "\U0001f600"}, 0),
    "raw, in a name": (b'{"id":"a","\xed\xa0\xbd":1}', {"id": "a", "\ufffd": 1}, 1),
    "raw and escaped": (b'{"id":"\xed\xa0\xbd\\ud83d"}', {"id": "\ufffd\ufffd"}, 2),
    "cut in the middle": ('{"id":"é€'.encode()[:-1] + b'"}', {"id": "é\ufffd"}, 1),
    "another encoding": (b'{"id":"caf\xe9"}', {"id": "caf\ufffd"}, 1),
    "what the API itself has replaced": ('{"id":"\ufffd","b":NaN}'.encode(), {"id": "\ufffd", "b": None}, 0),
    "a line break": (b'{"id":"a\nb\tc"}', {"id": "a\nb\tc"}, 0),
}


@pytest.mark.parametrize("name", BROKEN)
def test_half_a_character_costs_no_other(name, scripted, client_of, caplog):
    body, record, broken = BROKEN[name]
    api = scripted(page(body))
    with caplog.at_level(logging.WARNING, "segment_dagster"):
        assert read(client_of(api.url)) == [record]
    said = [line.getMessage() for line in caplog.records if "broken" in line.getMessage()]
    noun = "character" if broken == 1 else "characters"
    expected = f"sources: GET /sources: {broken} broken {noun}, such as half of an emoji, became U+FFFD"
    assert said == ([expected] if broken else [])
    assert len(api.asked) == 1


def test_all_broken_characters_of_a_list_are_told_in_one_line(scripted, client_of, caplog):
    def body(cursor):
        record = rb'{"id":"\ud83d%d"},{"id":"b","x":Infinity}' % (cursor or 0)
        told = b'{"next":%s}' % (b'"c"' if cursor else b"null")
        return b'{"data":{"sources":[' + record + b'],"pagination":' + told + b"}}"

    api = scripted(body(1), body(0))
    with caplog.at_level(logging.WARNING, "segment_dagster"):
        assert len(read(client_of(api.url))) == 4
    (said,) = [line.getMessage() for line in caplog.records]
    assert said == (
        "sources: GET /sources: 2 broken characters, such as half of an emoji, became U+FFFD; "
        "2 numbers that is NaN or infinite became null".replace("that is", "that are")
    )


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2**64),
        ("-9223372036854775809", -(2**63) - 1),
        ("[1,-36893488147419103233 ]", [1, -(2**65) - 1]),
        ("9" * 400, int("9" * 400)),
        ("9" * 5000, "9" * 5000),
        ("1e400", "1e400"),
        ("-1.5E+999", "-1.5E+999"),
        ("9007199254740993", 2**53 + 1),
        ("0.1", 0.1),
        ("1234567890.1234567890123456789", 1234567890.1234567),
        ("NaN", None),
        ("[-Infinity, Infinity]", [None, None]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_numbers_stay_as_they_are_written(written, number, scripted, client_of):
    api = scripted(page(b'{"id":"a","n":%s}' % written.encode()))
    assert read(client_of(api.url)) == [{"id": "a", "n": number}]


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<html>", b'{"a":1', b'{"a":1}{', b"{'a':1}", b"[1,]", b"nan", b"\xff\xfe{\0}\0", b'"\\ud8"']
)
def test_what_is_no_json_is_none(body, scripted, client_of, monkeypatch):
    with pytest.raises(ParseError):
        parse(body)
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    with pytest.raises(BodyError, match=f"answered {len(body)} bytes of no content type that are not JSON"):
        read(client_of(scripted(body).url))


@pytest.mark.parametrize("more", ["", '"\\ud83d",', "NaN,", "18446744073709551616,"])
def test_what_is_nested_too_deep_is_told_at_once(more, scripted, client_of):
    api = scripted(page(b'{"id":"a","b":[' + more.encode() + b"[" * 2000 + b"]" * 2000 + b"]}"))
    with pytest.raises(DepthError) as caught:
        read(client_of(api.url))
    assert "sources: GET /sources answered JSON that is nested too deep to be read." in str(caught.value)
    assert len(api.asked) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@property_settings(derandomize=True, database=None, deadline=None)
@given(anything, st.booleans())
@example("\\ud83d", True)
@example({"\\ud83d": "9" * 30}, False)
def test_plain_json_is_what_it_says_however_it_is_written(value, ascii):
    written = json.dumps(value, ensure_ascii=ascii).encode()
    assert parse(written) == Parsed(value)


@property_settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.text(st.characters(categories=["Cs", "L", "P"]), max_size=5), max_size=5))
@example(["\ud83d", "\ude00\ud83d"])
def test_no_broken_text_is_an_error_or_stays(texts):
    parsed = parse(json.dumps({"a": texts, "".join(texts): 1}).encode())
    # what another program can write
    assert orjson.dumps(parsed.value)
    whole = json.loads(json.dumps(texts))
    assert [text.encode("utf-8", "surrogatepass") for text in whole if not _is_broken(text)] == [
        text.encode() for text, before in zip(parsed.value["a"], whole, strict=True) if not _is_broken(before)
    ]


def _is_broken(text):
    return any("\ud800" <= character <= "\udfff" for character in text)


@pytest.fixture
def few(monkeypatch):
    """A bound that a test gets to."""
    monkeypatch.setattr(parsing, "MAX_VALUES", 10_000)


BOMBS = {
    "lists": b"[" + b"[]," * 30_000 + b"[]]",
    "objects": b"[" + b"{}," * 30_000 + b"{}]",
    "members": b"[" + b'{"a":0},' * 30_000 + b"{}]",
    "numbers": b"[" + b"0," * 30_000 + b"0]",
    "texts": b"[" + b'"",' * 30_000 + b'""]',
    "names": b"{" + b'"a":0,' * 30_000 + b'"a":0}',
    "nested": b"[" + b'{"a":[[0]]},' * 30_000 + b"0]",
    "texts full of escapes": b"[" + b'"\\"",' * 30_000 + b"0]",
}
PACKINGS = ("plain", "deflate", "gzip, gzip", "deflate, gzip")


@pytest.mark.parametrize(
    ("name", "packing"),
    [
        *((name, "gzip") for name in BOMBS),
        *(("lists", each) for each in ("plain", "deflate", "gzip, gzip", "deflate, gzip")),
    ],
)
def test_a_body_of_too_many_values_is_not_parsed(name, packing, few, scripted, reply, client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    body = page(BOMBS[name])
    for each in packing.split(", "):
        body = gzip.compress(body) if each == "gzip" else zlib.compress(body) if each == "deflate" else body
    headers = {} if packing == "plain" else {"Content-Encoding": packing}
    api = scripted(reply(body, headers=headers))
    client = client_of(api.url)
    tracemalloc.start()
    try:
        with pytest.raises(OversizeError) as caught:
            read(client)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # the bytes, twice where they are put together, and nothing of a value
    assert most < 4 * len(page(BOMBS[name])) + 2_000_000
    assert str(caught.value) == (
        "sources: GET /sources answered more than the 10,000 values that are read of one page. "
        "Nothing of it was loaded. Lower SEGMENT_PAGE_SIZE, and check SEGMENT_BASE_URL where that is set."
    )
    assert len(api.asked) == 1


@pytest.mark.parametrize("text", [",[{" * 10_000, '\\",[' * 10_000, "\\\\" * 10_000 + ",", '\\"' * 9_999])
def test_a_text_full_of_separators_is_one_value(text, few):
    written = b'{"a":"' + text.encode() + b'","b":[1,2,"x,y"]}'
    assert parse(written).value == {"a": json.loads(f'"{text}"'), "b": [1, 2, "x,y"]}


def test_just_as_many_values_as_are_allowed_are_parsed(few):
    # the list itself is one
    assert len(parse(b"[" + b"10," * 9_998 + b"10]").value) == 9_999
    with pytest.raises(TooManyValuesError):
        parse(b"[" + b"10," * 10_000 + b"10]")


def test_depth_is_found_in_what_is_otherwise_right():
    with pytest.raises(TooDeepError):
        parse(b"[" * 100_000)
