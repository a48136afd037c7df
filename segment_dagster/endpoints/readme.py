"""Write the table of assets in the documentation: `python -m segment_dagster.endpoints.readme docs/assets.md`."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from segment_dagster.endpoints import TABLES, Endpoint, Months

_TABLE = re.compile(r"(?<=<!-- assets -->\n).*?(?=<!-- /assets -->)", re.DOTALL)


def asset_table(endpoints: Sequence[Endpoint]) -> str:
    """Return the table: one line per endpoint, with its asset, path, key, content and limits."""
    lines = ["| group | asset | path | key | what it holds |", "| --- | --- | --- | --- | --- |"]
    for endpoint in endpoints:
        key = ", ".join(f"`{field}`" for field in endpoint.primary_key)
        path = f"[`{endpoint.path}`]({endpoint.documentation})"
        content = " ".join([endpoint.description, *_limits(endpoint)])
        lines.append(f"| {endpoint.domain} | `segment/{endpoint.name}` | {path} | {key} | {content} |")
    return "\n".join(lines) + "\n"


def _limits(endpoint: Endpoint) -> list[str]:
    limits = [f"Needs the feature {endpoint.feature}."] if endpoint.feature else []
    if endpoint.requests_per_minute:
        limits.append(f"{endpoint.requests_per_minute} requests a minute.")
    if endpoint.slow:
        limits.append("Weekly.")
    if endpoint.partitioned:
        limits.append("By the month." if isinstance(endpoint.time, Months) else "By the day.")
    return [*limits, *(["From its latest row on."] if endpoint.incremental else [])]


def with_table(text: str, endpoints: Sequence[Endpoint] = TABLES) -> str:
    """Return the text with a rebuilt table of assets.

    Raises:
        ValueError: The text lacks the `assets` markers.
    """
    if not _TABLE.search(text):
        raise ValueError("there is no '<!-- assets -->' line before a '<!-- /assets -->' line")
    return _TABLE.sub(lambda _: asset_table(endpoints), text)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
