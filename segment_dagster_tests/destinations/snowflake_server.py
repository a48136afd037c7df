"""fakesnow's server, with what fakesnow 0.12.1 lacks: words of dlt's that it does not take, and times that are null.

A program for an environment of its own, which has fakesnow and none of this project: `python snowflake_server.py PORT`.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakesnow.arrow
import pyarrow as pa
import uvicorn
from fakesnow.server import app, to_conn, to_token
from fakesnow.transforms.stage import LOCAL_BUCKET_PATH
from sqlglot import TokenType, tokenize
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

STAGE = re.compile(r"""'@"(?P<schema>\w+)"\."%(?P<table>\w+)"/"(?P<load>[^"]+)"(?P<file>[^']*)'""")
"""The table's own stage, as dlt names it: quoted, part by part."""

COPY = re.compile(r"\s*COPY INTO\b")
QUERIES = "/queries/v1/query-request"
TIMES = fakesnow.arrow.timestamp_to_sf_struct


class Reworded:
    """Every statement on its own, in words that fakesnow knows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != QUERIES:
            await app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        said = json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
        headers = [
            (name, value) for name, value in scope["headers"] if name not in {b"content-encoding", b"content-length"}
        ]
        answered: list[Message] = []
        # the first that fails is the answer; else the last
        for statement in _statements(said["sqlText"]):
            answered = await _answer({**scope, "headers": headers}, {**said, "sqlText": _reworded(statement, request)})
            if not _succeeded(answered):
                break
        for message in answered:
            await send(message)


async def _answer(scope: Scope, said: dict[str, Any]) -> list[Message]:
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(said).encode(), "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages


def _succeeded(messages: list[Message]) -> bool:
    body = b"".join(message.get("body", b"") for message in messages)
    return messages[0]["status"] == 200 and bool(json.loads(body)["success"])


def _statements(text: str) -> Iterator[str]:
    """The statements of a text: fakesnow takes one at a time."""
    start = 0
    for token in tokenize(text, read="snowflake"):
        if token.token_type == TokenType.SEMICOLON:
            yield text[start : token.start]
            start = token.end + 1
    if text[start:].strip():
        yield text[start:]


def _reworded(statement: str, request: Request) -> str:
    named = STAGE.search(statement)
    if named is None:
        return statement
    place = "@{schema}.%{table}/{load}{file}".format(**named.groupdict())
    if not COPY.match(statement):
        # PUT: options without commas, the stage without quotes
        return STAGE.sub(place, statement).replace(", AUTO_COMPRESS", " AUTO_COMPRESS")
    parquet = _as_parquet(named, request)
    return (
        f'COPY INTO "{named["schema"]}"."{named["table"]}" FROM {place.removesuffix(named["file"])}/{parquet} '
        "FILE_FORMAT = (TYPE = 'PARQUET') MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    )


def _as_parquet(named: re.Match[str], request: Request) -> str:
    """Lines of JSON, which fakesnow does not copy by the names of columns, as a file which it does."""
    connection = to_conn(to_token(request))
    place = Path(LOCAL_BUCKET_PATH) / str(connection.database) / named["schema"] / f"%{named['table']}" / named["load"]
    lines = place / named["file"].lstrip("/")
    file = lines.with_suffix(".parquet")
    with connection.cursor() as cursor:
        found = cursor._duck_conn.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?",
            [named["schema"], named["table"]],
        ).fetchall()
        columns = ", ".join(f"'{name.lower()}': '{kind}'" for name, kind in found)
        cursor._duck_conn.execute(
            f"COPY (FROM read_json('{lines}', format = 'newline_delimited', columns = {{{columns}}})) TO '{file}'"
        )
    return file.name


def _times(given: pa.ChunkedArray) -> pa.StructArray:
    """Times as the driver takes them; fakesnow makes 1970 of a null."""
    written = TIMES(given)
    return pa.StructArray.from_arrays(
        written.flatten(), fields=list(written.type), mask=given.combine_chunks().is_null()
    )


if __name__ == "__main__":
    fakesnow.arrow.timestamp_to_sf_struct = _times
    uvicorn.run(Reworded(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
