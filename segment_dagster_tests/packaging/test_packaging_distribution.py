"""A wheel and a source distribution that install and run outside of the clone."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import segment_dagster
from segment_dagster.definitions import defs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VERSION = segment_dagster.__version__
PLANTED = "planted-" + "secret"
"""What a working directory may hold, and no distribution."""

_SETUPTOOLS = "import sys; from setuptools import build_meta; print(build_meta.build_{}(sys.argv[1]))"
"""The backend of pyproject.toml, as pip calls it: what it needs is there, so that nothing is downloaded."""

_RUN = """
import os
import dagster as dg
import segment_dagster
from segment_dagster.definitions import defs
from segment_dagster.emulator import running
with running(minute=0.05) as emulator:
    os.environ["SEGMENT_BASE_URL"], os.environ["SEGMENT_API_TOKEN"] = emulator.url, emulator.token
    job = defs().resolve_job_def("segment_sync")
    result = job.execute_in_process(asset_selection=[dg.AssetKey(["segment", "labels"])])
    passed = [check.passed for check in result.get_asset_check_evaluations()]
    print(segment_dagster.__file__, result.success, len(passed), all(passed))
"""


OF_THE_DEMO = ("dagster_webserver", "starlette", "uvicorn")
"""Modules that the extra `demo` brings, and that the library itself does without."""

INSTALL = (
    "The local Segment API needs uvicorn, which is not installed. Install it: pip install 'segment_dagster[demo]'."
)

_BARE = """
import dlt
import segment_dagster
from segment_dagster.definitions import defs
from segment_dagster.extract import segment_source
assets = len(defs().resolve_all_asset_specs())
pipeline = dlt.pipeline("bare", destination="duckdb", dataset_name="segment_data")
pipeline.run(segment_source(endpoints=["labels"]), loader_file_format="parquet")
print(segment_dagster.__file__, assets, pipeline.dataset().labels.arrow().num_rows)
"""


def build(kind: str, source: Path, place: Path) -> Path:
    """Build a distribution of a directory into another one."""
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _SETUPTOOLS.format(kind), str(place)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True, timeout=100)
    (built,) = place.iterdir()
    return built


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the clone with what a working directory collects."""
    copy = tmp_path_factory.mktemp("clone") / "segment_dagster"
    # what tests and tools write while this copies is not looked at
    beside = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__", "*.duckdb*")
    shutil.copytree(ROOT, copy, ignore=beside)
    for place in (
        ".demo/dagster.yaml",
        ".dlt/secrets.toml",
        "segment.duckdb",
        ".dagster/history",
        "segment_dagster/.env",
    ):
        path = copy / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(PLANTED)
    return copy


@pytest.fixture(scope="module")
def sdist(clone, tmp_path_factory):
    return build("sdist", clone, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the source distribution: so that holds all that is needed."""
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    (source,) = place.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel alone in a directory; what it depends on is that of this environment."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, timeout=100)
    return target


@pytest.fixture
def outside(installed, tmp_path):
    """Run Python with the wheel first on its path, outside of the clone."""

    def run(*arguments):
        env = os.environ | {"PYTHONPATH": str(installed)}
        command = [sys.executable, *arguments]
        ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


@pytest.fixture
def bare(installed, tmp_path):
    """Run Python with the wheel, outside of the clone and as if what the extra `demo` brings were not installed."""
    place = tmp_path / "bare"
    place.mkdir()
    # Python runs it when it starts; a module that is None cannot be imported
    (place / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({OF_THE_DEMO}))\n")

    def run(*arguments):
        env = os.environ | {"PYTHONPATH": os.pathsep.join((str(place), str(installed)))}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False)

    return run


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_version_is_that_of_the_package(wheel, sdist):
    assert wheel.name == f"segment_dagster-{VERSION}-py3-none-any.whl"
    assert sdist.name == f"segment_dagster-{VERSION}.tar.gz"


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    held = contents(wheel)
    about = f"segment_dagster-{VERSION}.dist-info/"
    assert [name for name in held if not name.startswith(("segment_dagster/", about))] == []
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "segment_dagster").rglob("*.py")}
    assert {name for name in held if name.startswith("segment_dagster/")} == {*modules, "segment_dagster/py.typed"}
    assert f"{about}METADATA" in held


def test_neither_holds_what_a_working_directory_collects(wheel, sdist):
    assert [name for name, content in contents(wheel).items() if PLANTED.encode() in content] == []
    with tarfile.open(sdist) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        held = {member.name: archive.extractfile(member) for member in files}
        assert [name for name, file in held.items() if file and PLANTED.encode() in file.read()] == []


def test_what_is_planted_is_found(clone):
    assert PLANTED in (clone / "segment.duckdb").read_text()


def test_the_metadata_shows_the_readme_and_names_no_licence_while_none_is_chosen(wheel):
    (text,) = [content.decode() for name, content in contents(wheel).items() if name.endswith("/METADATA")]
    head, _, readme = text.partition("\n\n")
    assert readme.strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    assert "Description-Content-Type: text/markdown" in head
    assert ("License" in head) == any(ROOT.glob("LICEN[CS]E*"))


def test_modules_start_outside_of_the_clone(outside, installed):
    assert "A local Segment Public API" in outside("-m", "segment_dagster.emulator", "--help")
    assert "A first look at segment_dagster" in outside("-m", "segment_dagster.demo", "--help")
    said = outside("-c", "import segment_dagster, segment_dagster.definitions as d; print(d.__file__)")
    assert Path(said.strip()).is_relative_to(installed)


def test_the_code_location_loads_and_checks_a_table_outside_of_the_clone(outside, installed):
    file, *said = outside("-c", _RUN).split()
    assert Path(file).is_relative_to(installed)
    assert said == ["True", "3", "True"]


def test_the_metadata_asks_for_what_the_demo_needs_in_its_extra_alone(wheel):
    (text,) = [content.decode() for name, content in contents(wheel).items() if name.endswith("/METADATA")]
    needed = re.findall(r"^Requires-Dist: ([\w-]+)(.*)$", text, re.MULTILINE)
    of_the_demo = {name.replace("_", "-") for name in OF_THE_DEMO}
    assert {name for name, rest in needed if rest.endswith('extra == "demo"')} == of_the_demo
    assert {name for name, rest in needed if "extra ==" not in rest} & {*of_the_demo, "pytest"} == set()


@pytest.mark.long
def test_the_bare_wheel_builds_the_definitions_and_runs_the_source(bare, installed, emulator):
    ran = bare("-c", _BARE)
    assert ran.returncode == 0, ran.stderr
    file, assets, rows = ran.stdout.split()
    assert Path(file).is_relative_to(installed)
    assert int(assets) == len(list(defs().resolve_all_asset_specs()))
    assert int(rows) == len(emulator.records("labels"))


@pytest.mark.parametrize(
    "module", ["segment_dagster.emulator", "segment_dagster.emulator.server", "segment_dagster.testing"]
)
def test_to_import_the_emulator_bare_says_what_to_install(bare, module):
    ran = bare("-c", f"import {module}")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == f"ImportError: {INSTALL}"
    assert ran.stderr.count("Error: ") == 1


@pytest.mark.parametrize(
    "module", ["segment_dagster.emulator", "segment_dagster.demo", "segment_dagster.demo.full_read"]
)
def test_a_command_that_needs_the_emulator_bare_says_it_in_a_line(bare, module):
    ran = bare("-m", module, "--help")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"{module}: {INSTALL}\n"


def test_another_package_that_python_starts_can_do_without_the_emulator(bare, tmp_path):
    package = tmp_path / "own"
    package.mkdir()
    (package / "__init__.py").write_text(
        "try:\n    import segment_dagster.emulator\nexcept ImportError as error:\n    print(error.name)\n"
    )
    (package / "__main__.py").touch()
    ran = bare("-m", "own")
    assert (ran.returncode, ran.stdout) == (0, "uvicorn\n"), ran.stderr
