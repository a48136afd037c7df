"""Files of deploy/ that have to agree with each other and with the project."""

import importlib
import json
import re

import pytest

from segment_dagster import __version__
from segment_dagster.definitions import defs
from segment_dagster_tests.deploy.files import DEPLOY, ROOT, instructions, pinned, size, snake_case, text_of, yaml_of
from segment_dagster_tests.docs.pages import BY_NAME

DOCKERFILE = instructions(text_of("Dockerfile"))
COMPOSE = yaml_of("docker-compose.yaml")
INSTANCE = yaml_of("dagster.yaml")
HELM = yaml_of("helm-values.yaml")
(DEPLOYMENT,) = HELM["dagster-user-deployments"]["deployments"]
RUN = INSTANCE["run_launcher"]["config"]["container_kwargs"]
PAGE = BY_NAME["docs/deploy.md"].text
OURS = ("code_location", "webserver", "daemon")
WRITABLE = "/scratch"


def last(name: str) -> str:
    """The arguments of the last instruction of a name."""
    return [arguments for each, arguments in DOCKERFILE if each == name][-1]


def variables() -> dict[str, str]:
    """The image's environment."""
    return dict(re.findall(r"(\w+)=(\S+)", last("ENV")))


def test_what_the_image_copies_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [part for name, arguments in DOCKERFILE if name == "COPY" for part in arguments.split()[:-1]]
    files = [part for part in copied if not part.startswith(("--", "/"))]
    assert len(files) == 6
    for file in files:
        assert (ROOT / file).exists(), file
        assert f"!{file}" in ignored, file


def test_instructions_are_read_as_docker_reads_them():
    text = '# a\nRUN one \\\n    && two\n\nCMD ["a"]\n'
    assert instructions(text) == [("RUN", "one && two"), ("CMD", '["a"]')]


def test_the_module_is_there_and_the_same_everywhere():
    command = json.loads(last("CMD"))
    module = command[command.index("--module-name") + 1]
    assert DEPLOYMENT["dagsterApiGrpcArgs"] == ["--module-name", module]
    assert importlib.import_module(module).defs is defs


def test_the_port_is_the_same_everywhere():
    command = json.loads(last("CMD"))
    (server,) = (entry["grpc_server"] for entry in yaml_of("workspace.yaml")["load_from"])
    ports = {last("EXPOSE"), command[command.index("--port") + 1], str(server["port"]), str(DEPLOYMENT["port"])}
    assert len(ports) == 1
    assert last("HEALTHCHECK").endswith(f'"--port", "{ports.pop()}"]')
    assert server["host"] in COMPOSE["services"]


def test_the_image_has_the_version_of_the_package():
    minor = __version__.rpartition(".")[0]
    assert DEPLOYMENT["image"]["tag"] == minor
    assert {COMPOSE["services"][name]["image"] for name in OURS} == {
        f"segment-dagster:${{SEGMENT_DAGSTER_TAG:-{minor}}}"
    }
    code_location = COMPOSE["services"]["code_location"]
    assert code_location["environment"]["DAGSTER_CURRENT_IMAGE"] == code_location["image"]


def test_the_chart_is_of_the_dagster_that_is_pinned():
    chart = f"--version {pinned('dagster')} "
    assert chart in text_of("helm-values.yaml")
    assert chart in PAGE


def test_nobody_is_root():
    user, group = last("USER").split(":")
    pod = DEPLOYMENT["podSecurityContext"]
    assert int(user) > 0
    assert [pod["runAsUser"], pod["runAsGroup"], pod["fsGroup"]] == [int(user), int(group), int(group)]
    assert pod["runAsNonRoot"]
    assert HELM["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]["securityContext"] == pod


def test_the_root_is_read_only_and_one_volume_is_written_to():
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert [volume for volume in service["volumes"] if ":" not in volume] == [WRITABLE]
    assert RUN["read_only"]
    assert RUN["cap_drop"] == ["ALL"]
    launcher = HELM["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["containerConfig"]
    for container in (DEPLOYMENT["securityContext"], launcher["securityContext"]):
        assert container["readOnlyRootFilesystem"]
        assert container["capabilities"] == {"drop": ["ALL"]}
    assert [mount["mountPath"] for mount in DEPLOYMENT["volumeMounts"]] == [WRITABLE]
    assert last("VOLUME") == last("WORKDIR") == WRITABLE


def test_all_that_is_written_goes_to_that_volume():
    for name in ("HOME", "DLT_DATA_DIR", "TMPDIR"):
        assert variables()[name].startswith(WRITABLE)
    assert INSTANCE["local_artifact_storage"]["config"] == {"base_dir": WRITABLE}
    assert HELM["additionalInstanceConfig"]["local_artifact_storage"] == INSTANCE["local_artifact_storage"]
    assert HELM["global"]["dagsterHome"] == variables()["DAGSTER_HOME"]


def test_both_instances_are_set_alike():
    monitoring, chart = INSTANCE["run_monitoring"], HELM["dagsterDaemon"]["runMonitoring"]
    assert {snake_case(name): value for name, value in chart.items()} == monitoring
    assert HELM["additionalInstanceConfig"]["run_retries"] == INSTANCE["run_retries"]
    assert HELM["dagsterDaemon"]["runRetries"] == {"enabled": False}, "the chart would write run_retries a second time"
    pools, runs = INSTANCE["concurrency"]["pools"], INSTANCE["concurrency"]["runs"]
    chart = HELM["concurrency"]
    assert chart["pools"] == {"defaultLimit": pools["default_limit"], "granularity": pools["granularity"]}
    assert chart["runs"] == {"maxConcurrentRuns": runs["max_concurrent_runs"]}
    assert HELM["postgresql"]["postgresqlScheme"] == INSTANCE["storage"]["postgres"]["postgres_db"]["scheme"]
    assert HELM["telemetry"] == INSTANCE["telemetry"] == {"enabled": False}
    assert HELM["computeLogManager"]["type"] == INSTANCE["compute_logs"]["class"]


def test_every_op_that_makes_requests_waits_for_the_pool_that_the_page_names():
    ops = [op for job in defs().resolve_all_job_defs() for op in job.graph.node_defs if hasattr(op, "pool")]
    assert {op.name for op in ops if op.pool is None} == {"segment_marts", "segment_report"}
    assert {op.pool for op in ops} - {None} == {"segment_api_token"}
    assert "`segment_api_token`" in PAGE


def test_services_are_on_the_network_of_the_runs():
    network = INSTANCE["run_launcher"]["config"]["network"]
    assert COMPOSE["networks"][network]["name"] == network
    assert all(service["networks"] == [network] for service in COMPOSE["services"].values())


def test_only_what_starts_and_ends_runs_has_dockers_socket():
    has = {name for name, each in COMPOSE["services"].items() if any("docker.sock" in v for v in each["volumes"])}
    assert has == {"daemon", "webserver"}
    assert all(published.startswith("127.0.0.1:") for published in COMPOSE["services"]["webserver"]["ports"])


def measured() -> dict[str, int]:
    """Megabytes that the page's tables say were used at most, by what was measured."""
    return {name: int(peak) for name, peak in re.findall(r"^\| ([^|]+?) \| [^|]*?(\d+) MB \|", PAGE, re.MULTILINE)}


def test_limits_of_memory_are_above_what_was_measured():
    used = measured()
    runs = [peak for name, peak in used.items() if "segment_sync" in name]
    assert len(runs) == 8
    limits = DEPLOYMENT["resources"]["limits"]
    assert size(RUN["mem_limit"]) == size(limits["memory"]) > 1.3 * 2**20 * max(runs)
    assert RUN["nano_cpus"] == 1e9 * int(limits["cpu"])
    for service in OURS:
        assert size(COMPOSE["services"][service]["mem_limit"]) > 2 * 2**20 * used[service.replace("_", " ")]
    assert size(HELM["dagsterDaemon"]["resources"]["limits"]["memory"]) > 2 * 2**20 * used["daemon"]
    assert size(HELM["dagsterWebserver"]["resources"]["limits"]["memory"]) > 2 * 2**20 * used["webserver"]


@pytest.mark.parametrize(("text", "wanted"), [("2g", 2**31), ("768m", 768 * 2**20), ("256Mi", 2**28), ("2Gi", 2**31)])
def test_sizes_are_read(text, wanted):
    assert size(text) == wanted


def test_no_more_is_requested_than_is_allowed():
    for resources in (
        DEPLOYMENT["resources"],
        HELM["dagsterDaemon"]["resources"],
        HELM["dagsterWebserver"]["resources"],
    ):
        assert size(resources["requests"]["memory"]) <= size(resources["limits"]["memory"])


def test_the_script_of_the_database_can_be_run_and_is_mounted():
    script = DEPLOY / "create_warehouse.sh"
    assert script.stat().st_mode & 0o111
    assert any(script.name in volume for volume in COMPOSE["services"]["postgres"]["volumes"])


def test_the_page_names_every_file():
    assert [file.name for file in DEPLOY.iterdir() if file.name not in PAGE and file.name != ".env"] == []
