"""Install engines that are programs of their own, apart from the tests' environment.

`python -m segment_dagster_tests.destinations.install DIRECTORY [ENGINE ...]`. One that cannot be installed here leaves
a file that says why: the tests report it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from segment_dagster_tests.destinations.processes import NOT_INSTALLED

INSTALLED = "installed.txt"


class UnavailableError(Exception):
    """What an engine needs is not on this machine, or could not be installed; the message says what."""


def local_bigquery(directory: Path) -> None:
    """A BigQuery on DuckDB, with the extensions that it would download."""
    python = _environment(directory, "3.13")
    _pip(python, "local-bigquery==0.4.0")
    # it asks for DuckDB 2 and runs on 1.5.5, the last that the extensions' packages fit
    names = ("ducklake", "icu", "spatial")
    _pip(python, "--no-deps", "duckdb==1.5.5", *(f"duckdb-extension-{name}==1.5.5" for name in names))


def azurite(directory: Path) -> None:
    """Azure's Blob Storage, by Microsoft; by npm."""
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("azurite needs npm, which is not here")
    _run([npm, "install", "--no-audit", "--no-fund", "--prefix", str(directory), "azurite@3.35.0"], "azurite")


def fakesnow(directory: Path) -> None:
    """Snowflake's SQL on DuckDB 2, and the server before it."""
    python = _environment(directory, "3.13", "3.12", "3.11")
    # the driver's version as the project has it
    _pip(python, "fakesnow[server]==0.12.1", "snowflake-connector-python<5")


ENGINES: dict[str, Callable[[Path], None]] = {
    "local-bigquery": local_bigquery,
    "azurite": azurite,
    "fakesnow": fakesnow,
}


def main() -> None:
    """Install what is not there yet, each into a directory of its name."""
    parser = argparse.ArgumentParser("install", description="Install engines for make test-destinations.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("engine", nargs="*", help=f"one of {', '.join(ENGINES)}; all where none is given")
    given = parser.parse_args()
    if unknown := [name for name in given.engine if name not in ENGINES]:
        sys.exit(f"error: no engine: {', '.join(unknown)}. Legal values: {', '.join(ENGINES)}.")
    for name in given.engine or ENGINES:
        install, place = ENGINES[name], given.directory.absolute() / name
        if (place / INSTALLED).exists():
            continue
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            install(place)
        except UnavailableError as error:
            (place / NOT_INSTALLED).write_text(f"{error}\n")
            sys.stderr.write(f"{name}: not installed: {error}\n")
        else:
            (place / INSTALLED).touch()


def _environment(directory: Path, *versions: str) -> str:
    """A virtual environment of one of these versions of Python; its interpreter."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in versions:
        # pyenv's shims are there for versions that are switched off
        for python in (f"python{version}", *map(str, pyenv.glob(f"{version}.*/bin/python{version}"))):
            found = shutil.which(python)
            if (
                found
                and not subprocess.run(
                    [found, "-c", "import venv, ensurepip"], capture_output=True, check=False
                ).returncode
            ):
                _run([found, "-m", "venv", str(directory)], directory.name)
                return str(directory / "bin" / "python")
    raise UnavailableError(f"{directory.name} needs Python {' or '.join(versions)} with venv, which is not here")


def _pip(python: str, *arguments: str) -> None:
    _run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments], arguments[-1])


def _run(command: list[str], what: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        lines = [line.strip() for line in (ran.stderr + ran.stdout).splitlines() if "rror" in line] or ["no reason"]
        raise UnavailableError(f"{what} could not be installed: {lines[0][:200]}")


if __name__ == "__main__":
    main()
