"""Ask a server for the lists of the SDK, knowing nothing but the facts."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

import requests

from segment_dagster_tests.facts.facts import Facts
from segment_dagster_tests.facts.shape import records

Values = Mapping[str, str]
"""What a list is asked with, by the name of the parameter."""

_PARENT_LISTS = 8
"""Lists of a parent that are read for the records to ask with."""


class Asker:
    """Sends the requests of the SDK.

    Args:
        url: The server.
        token: The token to send.
        facts: What the SDK says.
        now: What time the server takes it to be.
    """

    def __init__(self, url: str, token: str, facts: Facts, now: datetime) -> None:
        self._url, self._facts = url, facts
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._times = {
            "period": f"{today:%Y-%m}-01",
            "startTime": (today - timedelta(days=2)).isoformat(),
            "endTime": today.isoformat(),
            "granularity": "DAY",
        }
        self._read: dict[str, list[dict[str, Any]]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def lists(self, name: str) -> Iterator[Values]:
        """Name the lists of an endpoint: one for each of its parents' records, and for each value it has to name."""
        about = self._facts.endpoints[name]
        places = {parameter: place.split(".") for parameter, place in about.parents.items()}
        for record in self._records(places):
            values = {parameter: record.get(field) for parameter, (_, field) in places.items()}
            if not all(values.values()):
                continue
            chosen = [p for p, parameter in about.parameters.items() if not parameter.optional and parameter.values]
            free = [parameter for parameter in chosen if parameter not in self._times and parameter not in values]
            for value in about.parameters[free[0]].values if free else ("",):
                yield {**{key: str(value) for key, value in values.items()}, **({free[0]: value} if free else {})}

    def answered(self, name: str) -> Values:
        """Name the first list of an endpoint that there is."""
        return next(values for values in self.lists(name) if self.ask(name, values, 1).status_code != 404)

    def ask(self, name: str, values: Values, count: int | None = None, *, whole: bool = False) -> requests.Response:
        """Ask for a list.

        Args:
            name: The endpoint.
            values: What it is asked with.
            count: Rows of the page; the largest by default.
            whole: Whether fields are asked for that an answer has on request alone.
        """
        about = self._facts.endpoints[name]
        path = re.sub(r"{(\w+)}", lambda match: quote(values[match[1]], safe=""), about.path)
        query: dict[str, Any] = {}
        for parameter, known in about.parameters.items():
            if known.place == "path":
                continue
            if parameter in values:
                query[parameter] = values[parameter]
            elif parameter in self._times:
                query[parameter] = self._times[parameter]
            elif whole and known.type == "boolean":
                query[parameter] = "true"
            elif whole and parameter in ("groupBy", "include"):
                query[parameter] = list(known.values)
        if about.count and about.maximum:
            holder, _, field = about.count.rpartition(".")
            size = about.maximum if count is None else count
            # the SDK sends an object as JSON
            query |= {holder: json.dumps({field: size})} if holder else {field: size}
        return self._session.get(self._url + path, params=query, headers={"Accept": about.accept}, timeout=10)

    def _records(self, places: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        if not places:
            return [{}]
        (parent,) = {endpoint for endpoint, _ in places.values()}
        if parent not in self._read:
            about = self._facts.endpoints[parent]
            read: list[dict[str, Any]] = []
            for values in islice(self.lists(parent), _PARENT_LISTS):
                response = self.ask(parent, values)
                found = records(response.json(), about) if response.ok else []
                read += [{**values, **record} for record in found]
            self._read[parent] = read
        return self._read[parent]
