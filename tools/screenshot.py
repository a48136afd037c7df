"""Take the picture of the lineage in the README: `python tools/screenshot.py docs/images/lineage.png`.

Loads the made-up workspace in a temporary directory, starts the UI of `make dev` there, and lets headless Chromium take
a picture of the global lineage. It needs a Chromium or Chrome; nothing else of the project does.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MAX_BYTES = 300_000
"""A picture in a repository is downloaded with every clone."""

GROUP = "functions"
"""The asset group that is shown open: three assets, one of which is the parent of the others."""

_ADDRESS = re.compile(r"Serving dagster-webserver on (http://127\.0\.0\.1:\d+)")


def address_in(lines: Iterable[str]) -> str:
    """Return the address that Dagster prints once its UI can be opened.

    Args:
        lines: What it prints; no more of it is read.

    Raises:
        RuntimeError: It ended before.
    """
    found = next((match for line in lines if (match := _ADDRESS.search(line))), None)
    if found is None:
        raise RuntimeError("the UI ended before it could be opened: run `make dev` to see why")
    return found[1]


@contextmanager
def user_interface(directory: Path) -> Iterator[str]:
    """Load the made-up workspace in a directory and serve Dagster's UI of it.

    Yields:
        The address of the UI.

    Raises:
        RuntimeError: The UI did not start.
    """
    shutil.copy(ROOT / "workspace.yaml", directory)
    demo = [sys.executable, "-m", "segment_dagster.demo"]
    foreign = ("SEGMENT_", "DESTINATION__", "DAGSTER_", "DLT_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment["PYTHONPATH"] = str(ROOT)
    subprocess.run(demo, cwd=directory, env=environment, check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen(
        [*demo, "--ui"],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # a group of its own: Dagster's processes are ended with it
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield address_in(process.stdout)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                # where SIGINT is ignored, as of commands in the background, Dagster's processes do not end each other
                os.killpg(process.pid, signal.SIGKILL)


def take_picture(browser: str, address: str, picture: Path, profile: Path) -> None:
    """Take a picture of the global lineage.

    Args:
        browser: The command of a Chromium.
        address: The address of the UI.
        picture: The file to write, a PNG.
        profile: An empty directory for the browser.
    """
    command = [
        browser,
        "--headless",
        # as root in a container Chromium has no sandbox; it opens this one page
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--user-data-dir={profile}",
        "--hide-scrollbars",
        # a large page shown small: the graph does not fit otherwise
        "--window-size=2000,1500",
        "--force-device-scale-factor=0.8",
        # the page's own clock: the layout is ready long before
        "--virtual-time-budget=60000",
        f"--screenshot={picture}",
        f"{address}/asset-groups?expanded=global%40global%3A{GROUP}",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the picture.

    Args:
        arguments: The command line, that of the process by default.

    Returns:
        The exit status: 1 where there is no browser, or no picture that can be committed.
    """
    parser = argparse.ArgumentParser("screenshot", description="Take the picture of the lineage in the README.")
    parser.add_argument("picture", type=Path, help="the file to write, such as docs/images/lineage.png")
    parser.add_argument("--browser", help="the command of a Chromium; the first that is found by default")
    given = parser.parse_args(arguments)
    browser = given.browser or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"error: none of {', '.join(BROWSERS)} is installed. Install one, or name it: --browser", file=sys.stderr)
        return 1
    picture: Path = given.picture.absolute()
    with tempfile.TemporaryDirectory() as directory, user_interface(Path(directory)) as address:
        take_picture(browser, address, picture, Path(directory) / "browser")
    if problem := problem_of(picture):
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print(f"{given.picture}: {picture.stat().st_size} bytes")
    return 0


def problem_of(picture: Path) -> str | None:
    """Return what is wrong with a picture; `None` where nothing is."""
    content = picture.read_bytes() if picture.exists() else b""
    if not content.startswith(b"\x89PNG"):
        return f"the browser wrote no PNG to {picture.name}"
    if len(content) > MAX_BYTES:
        return f"{picture.name} has {len(content)} bytes, more than {MAX_BYTES}: make the window smaller"
    return None


if __name__ == "__main__":
    sys.exit(main())
