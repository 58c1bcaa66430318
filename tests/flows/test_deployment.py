"""`prefect.yaml`: what Prefect would swallow silently is checked; the deployment runs on a real server."""

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from pydantic import BaseModel

from compiler.runtime import open_runtime
from flows.ask import ask
from flows.compile import compile_context
from flows.deploy import POOL
from flows.nightly import nightly_recompile
from flows.server_setup import DEAD_RUNS, MODELS_AT_ONCE, NO_CONTAINER, NOT_BEGUN
from store.generations import heads
from tasks.options import MODELS_TAG
from tests.flows.helpers import PATIENT, ROOT, Api

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

PREFECT_YAML = ROOT / "prefect.yaml"
NAME = "compile-context/on-session-end"


@pytest.fixture
def config() -> dict[str, Any]:
    """The file as it is."""
    return yaml.safe_load(PREFECT_YAML.read_text())


def unknown_keys(values: dict[str, Any], model: type[BaseModel]) -> set[str]:
    return set(values) - {field.alias or name for name, field in model.model_fields.items()}


def test_every_key_is_one_that_prefect_knows(config: dict[str, Any]) -> None:
    """Prefect ignores keys that it does not know, so a misspelt one would be lost without a word."""
    PrefectYamlModel.model_validate(config)
    assert unknown_keys(config, PrefectYamlModel) == set()
    for deployment in config["deployments"]:
        assert unknown_keys(deployment, DeploymentConfig) == set()
        assert unknown_keys(deployment["work_pool"], WorkPoolConfig) == set()
        assert deployment["work_pool"]["name"] == POOL
        assert unknown_keys(deployment["concurrency_limit"], ConcurrencyLimitSpec) == set()
        for schedule in deployment.get("schedules", []):
            assert unknown_keys(schedule, RawScheduleConfig) == set()
            ZoneInfo(schedule["timezone"])


def test_the_deployment_fits_the_flow(config: dict[str, Any]) -> None:
    """Each entrypoint is a flow, its parameters are the flow's, with the flow's own defaults."""
    flows = {NAME: compile_context, "nightly-recompile/nightly": nightly_recompile, "ask/ask": ask}
    assert len(config["deployments"]) == len(flows)
    for deployment, (name, flow) in zip(config["deployments"], flows.items(), strict=True):
        assert f"{flow.name}/{deployment['name']}" == name
        assert deployment["entrypoint"] == f"{flow.fn.__module__}.{flow.fn.__name__}"
        defaults = {each.name: each.default for each in inspect.signature(flow.fn).parameters.values()}
        assert deployment["parameters"] == {name: defaults[name] for name in deployment["parameters"]}


def test_every_step_is_a_function_that_takes_what_it_is_given(config: dict[str, Any]) -> None:
    """Prefect would find out only while it deploys."""
    (step,) = config["build"]
    ((name, arguments),) = step.items()
    module, _, function = name.rpartition(".")
    inspect.signature(getattr(import_module(module), function)).bind(**arguments)


def python(*arguments: str, cwd: Path = ROOT) -> None:
    """Run a module against the Prefect server that this process uses."""
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_set_up_once(api: Api) -> None:
    """Three deployments ran the step that makes limit and automation; there is one of each, and the schedule."""
    limit = api.call("GET", f"/concurrency_limits/tag/{MODELS_TAG}")
    assert limit["concurrency_limit"] == MODELS_AT_ONCE
    automations = api.call("POST", "/automations/filter", {"sort": "NAME_ASC"})
    made = {one["name"]: (one["enabled"], one["trigger"]["within"]) for one in automations}
    assert made == {DEAD_RUNS: (True, 120.0), NOT_BEGUN: (True, 300.0), NO_CONTAINER: (True, 3600.0)}
    assert len(automations) == len(made)
    nightly = api.call("GET", "/deployments/name/nightly-recompile/nightly")
    assert [one["schedule"]["timezone"] for one in nightly["schedules"]] == ["UTC"]


def test_nothing_is_deployed_to_nowhere(tmp_path: Path) -> None:
    """Without a server, Prefect would start one that ends with the command: said, with what to do, and not done."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "flows.deploy"],
        cwd=ROOT,
        env=environment | {"PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENT,
    )
    assert (done.returncode, "Next: prefect config set PREFECT_API_URL=" in done.stderr) == (2, True), (
        done.stderr
    )


def test_a_run_created_over_rest_completes_on_a_worker(api: Api, uploaded: str, tmp_path: Path) -> None:
    """Deployed from the checkout to a server without a pool, and again; triggered twice as a hook would (one run), run
    by a process worker."""
    python("flows.deploy")
    assert_set_up_once(api)
    pool = api.call("GET", f"/work_pools/{POOL}")
    python("flows.deploy")
    assert_set_up_once(api)
    assert (api.call("GET", f"/work_pools/{POOL}"), pool["type"]) == (pool, "process")
    deployment = api.call("GET", f"/deployments/name/{NAME}")
    assert deployment["tags"] == ["rlm-context"]
    assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    trigger = {"parameters": {"project": uploaded}, "idempotency_key": f"compile:{uploaded}:0:0"}
    path = f"/deployments/{deployment['id']}/create_flow_run"
    first, second = (api.call("POST", path, trigger) for _ in range(2))
    assert first["id"] == second["id"]
    assert os.environ["RLM_CONTEXT_HOME"]  # which the worker hands on to the run
    python("prefect", "worker", "start", "--pool", "rlm-context", "--run-once", cwd=tmp_path)
    run = api.call("GET", f"/flow_runs/{first['id']}")
    assert (run["state_type"], run["name"]) == ("COMPLETED", f"compile {uploaded}")
    assert len(heads(open_runtime().store, uploaded)) == 1
