"""Settings that deploy/ names: known ones, the same everywhere, and secrets where they belong."""

import re

import pytest
from dlt.common.configuration.specs import BaseConfiguration
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.load.configuration import LoaderConfiguration
from dlt.normalize.configuration import NormalizeConfiguration

from segment_dagster_tests.deploy.files import ROOT, assigned, interpolated, text_of, yaml_of
from tools.settings_table import SETTINGS

COMPOSE = text_of("docker-compose.yaml")
SERVICES = yaml_of("docker-compose.yaml")["services"]
LAUNCHER = yaml_of("dagster.yaml")["run_launcher"]["config"]
DEPLOYMENT = yaml_of("helm-values.yaml")["dagster-user-deployments"]["deployments"][0]
DEFAULTS = {name: setting.default.strip("`") for setting in SETTINGS for name in setting.names}
DIFFERS = {"SEGMENT_DESTINATION": "postgres", "SEGMENT_STEP_RETRIES": "2"}
"""DuckDB's file is for one machine, and a container has no disk that stays. Nobody waits for a run that fails."""

NOT_IN_THE_INSTANCE = {"DAGSTER_CURRENT_IMAGE"}
"""Of the code location alone: Dagster asks it which image its runs start in."""

_SECRET = re.compile(r"TOKEN|PASSWORD|FINGERPRINT_KEY")


def known(name: str) -> bool:
    """Whether the project, dlt or the instance reads a variable."""
    section, _, field = name.rpartition("__")
    fields: dict[str, type[BaseConfiguration]] = {
        "DESTINATION__POSTGRES__CREDENTIALS": PostgresCredentials,
        "NORMALIZE": NormalizeConfiguration,
        "LOAD": LoaderConfiguration,
    }
    if section in fields:
        return field.lower() in fields[section].get_resolvable_fields()
    return name in DEFAULTS or name in instance_variables(yaml_of("dagster.yaml")) or name in NOT_IN_THE_INSTANCE


def instance_variables(value: object) -> set[str]:
    """The variables from which Dagster takes a value of dagster.yaml."""
    if isinstance(value, dict):
        if set(value) == {"env"}:
            return {value["env"]}
        return set().union(*map(instance_variables, value.values()))
    return set().union(*map(instance_variables, value)) if isinstance(value, list) else set()


def environment(service: str) -> dict[str, str]:
    given: dict[str, str] = SERVICES[service]["environment"]
    return given


@pytest.mark.parametrize("service", ["code_location", "daemon", "webserver"])
def test_services_are_given_known_variables(service):
    assert [name for name in environment(service) if not known(name)] == []


def test_pods_are_given_known_variables():
    assert [name for name in DEPLOYMENT["env"] if not known(name)] == []


def test_an_unknown_variable_is_found():
    assert known("SEGMENT_REGION")
    assert known("LOAD__WORKERS")
    assert not known("SEGMENT_REGIONS")
    assert not known("LOAD__WORKER")
    assert not known("DESTINATION__POSTGRES__CREDENTIALS__HOSTNAME")


def test_a_run_is_given_what_the_code_location_has():
    assert set(LAUNCHER["env_vars"]) == set(environment("code_location")) - NOT_IN_THE_INSTANCE


def test_the_daemon_has_all_that_it_hands_to_a_run():
    assert environment("daemon") == {name: environment("code_location")[name] for name in LAUNCHER["env_vars"]}


def test_the_way_to_dagsters_database_is_given_to_all_that_read_the_instance():
    for service in ("code_location", "daemon", "webserver"):
        assert instance_variables(yaml_of("dagster.yaml")) <= set(environment(service))


def test_the_webserver_has_neither_the_token_nor_the_way_to_the_warehouse():
    secrets = {name for name in environment("webserver") if _SECRET.search(name)}
    assert secrets == {"DAGSTER_PG_PASSWORD"}


def test_defaults_are_those_of_the_project():
    given = {name: rest for name, (kind, rest) in interpolated(COMPOSE).items() if kind == "-"}
    own = {name: value for name, value in given.items() if name in DEFAULTS}
    assert own == {name: DIFFERS.get(name, DEFAULTS[name]) for name in own}
    pods = {name: value for name, value in DEPLOYMENT["env"].items() if name in DEFAULTS}
    assert pods == {name: DIFFERS.get(name, DEFAULTS[name]) for name in pods}


def test_the_example_names_what_has_to_be_set_and_every_secret():
    asked = interpolated(COMPOSE)
    example = assigned(text_of("secrets.env.example"))
    assert {name for name, (kind, _) in asked.items() if kind == "?"} <= set(example)
    assert {name for name in asked if _SECRET.search(name)} <= set(example)
    assert set(example) <= set(asked)


def test_the_example_holds_no_value():
    assert set(assigned(text_of("secrets.env.example")).values()) == {""}


def test_no_secret_is_written_down():
    for service, content in SERVICES.items():
        for name, value in content["environment"].items():
            assert not _SECRET.search(name) or value.startswith("${"), (service, name)
    assert not any(_SECRET.search(name) for name in DEPLOYMENT["env"])


def test_git_and_the_image_leave_the_filled_in_file_out():
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert "!deploy" not in rules
