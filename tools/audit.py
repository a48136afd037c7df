"""Look up the pinned versions for known vulnerabilities: `python tools/audit.py constraints.txt`.

Needs pip-audit beside the interpreter; `make audit` puts it there.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

_UNREACHABLE = re.compile(
    # the errors of requests that pip-audit lets through, the ends of its traceback
    r"^requests\.exceptions\.(?:ConnectionError|ConnectTimeout|ProxyError|ReadTimeout|SSLError)\b.*"
    # what it says of a connection itself
    r"|^ERROR:pip_audit\._cli:(?:Could not connect to .*|.* is not redirecting properly)",
    re.MULTILINE,
)


class Verdict(NamedTuple):
    """What is to be said of a file of pins."""

    ok: bool
    """Whether no vulnerability was found and nothing broke. It is so where nothing could be looked up: `said` tells."""

    said: tuple[str, ...]
    """Lines."""


def verdict(status: int, output: str, errors: str) -> Verdict:
    """Tell clean from vulnerable, unreachable and broken.

    Args:
        status: The exit status of `pip-audit --format json`.
        output: Its standard output: `{"dependencies": [{"name", "version", "vulns"} or {"name", "skip_reason"}, ...]}`.
        errors: Its standard error.
    """
    try:
        found: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _without_answer(status, errors)
    vulnerable = [each for each in found if each.get("vulns")]
    unknown = [each["name"] for each in found if "skip_reason" in each]
    if vulnerable:
        return Verdict(False, tuple(_told(each, flaw) for each in vulnerable for flaw in each["vulns"]))
    if status or not found:
        return Verdict(False, (f"pip-audit ended with status {status} and looked up {len(found)} packages.",))
    if len(unknown) == len(found):
        # a mirror of the registry has the packages, and not what is known of them
        what = f"the vulnerability service that pip-audit reaches knows none of the {len(found)} packages"
        return Verdict(True, (f"NOT LOOKED UP: {what}. Run `make audit` where it reaches one that does.",))
    if unknown:
        return Verdict(False, (f"The vulnerability service does not know of {', '.join(unknown)}.",))
    return Verdict(True, (f"None of {len(found)} packages has a known vulnerability.",))


def _without_answer(status: int, errors: str) -> Verdict:
    if unreachable := _UNREACHABLE.search(errors):
        reason = unreachable[0].removeprefix("ERROR:pip_audit._cli:")
        return Verdict(True, (f"NOT LOOKED UP: pip-audit could not reach its vulnerability service: {reason}",))
    said = [line for line in errors.splitlines() if line.strip()] or ["it said nothing"]
    # of an error of its own the first line, of a traceback the last
    reason = next((line for line in said if line.startswith("ERROR:")), said[-1])
    return Verdict(False, (f"pip-audit ended with status {status} and without an answer: {reason}",))


def _told(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    fixed = ", ".join(flaw.get("fix_versions") or ()) or "no version yet"
    return f"{package['name']} {package['version']} is vulnerable: {flaw['id']}, fixed in {fixed}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Look up the packages of files of pins and print what is known of them.

    Args:
        arguments: The command line, that of the process by default.

    Returns:
        The exit status: 1 where a package is vulnerable, or where pip-audit failed otherwise than by not reaching its
        service.
    """
    parser = argparse.ArgumentParser("audit", description="Look up pinned versions for known vulnerabilities.")
    parser.add_argument("pins", nargs="+", help="a file of pinned requirements, such as constraints.txt")
    parser.add_argument("--pip-audit", default=str(Path(sys.executable).with_name("pip-audit")), help="the command")
    given = parser.parse_args(arguments)
    status = 0
    for pins in given.pins:
        # one file at a time: two that pin a package differently are refused together
        command = [given.pip_audit, "--requirement", pins, "--no-deps", "--disable-pip", "--format", "json"]
        ran = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=600, check=False
        )
        of_it = verdict(ran.returncode, ran.stdout, ran.stderr)
        for line in of_it.said:
            print(f"{pins}: {line}", file=sys.stdout if of_it.ok else sys.stderr)
        status = status if of_it.ok else 1
    return status


if __name__ == "__main__":
    sys.exit(main())
