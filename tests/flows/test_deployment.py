"""`prefect.yaml`: what Prefect would swallow silently is checked; the deployment runs on a real server."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    WorkPoolConfig,
)
from pydantic import BaseModel

from compiler.runtime import open_runtime
from flows.ask import ask
from flows.compile import compile_context
from store.generations import heads
from tests.flows.helpers import ROOT, Api

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
        assert unknown_keys(deployment["concurrency_limit"], ConcurrencyLimitSpec) == set()


def test_the_deployment_fits_the_flow(config: dict[str, Any]) -> None:
    """Each entrypoint is a flow, its parameters are the flow's, with the flow's own defaults."""
    flows = {NAME: compile_context, "ask/ask": ask}
    assert len(config["deployments"]) == len(flows)
    for deployment, (name, flow) in zip(config["deployments"], flows.items(), strict=True):
        assert f"{flow.name}/{deployment['name']}" == name
        assert deployment["entrypoint"] == f"{flow.fn.__module__}.{flow.fn.__name__}"
        defaults = {each.name: each.default for each in inspect.signature(flow.fn).parameters.values()}
        assert deployment["parameters"] == {name: defaults[name] for name in deployment["parameters"]}


def prefect(*arguments: str, cwd: Path = ROOT) -> None:
    """Run Prefect's command line against the server that this process uses."""
    command = [sys.executable, "-m", "prefect", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_created_over_rest_completes_on_a_worker(api: Api, uploaded: str, tmp_path: Path) -> None:
    """Deployed from the checkout, triggered twice as a hook would (one run), run by a process worker."""
    prefect("work-pool", "create", "rlm-context", "--type", "process")
    prefect("--no-prompt", "deploy", "--all")
    deployment = api.call("GET", f"/deployments/name/{NAME}")
    assert deployment["tags"] == ["rlm-context"]
    assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    trigger = {"parameters": {"project": uploaded}, "idempotency_key": f"compile:{uploaded}:0:0"}
    path = f"/deployments/{deployment['id']}/create_flow_run"
    first, second = (api.call("POST", path, trigger) for _ in range(2))
    assert first["id"] == second["id"]
    assert os.environ["RLM_CONTEXT_HOME"]  # which the worker hands on to the run
    prefect("worker", "start", "--pool", "rlm-context", "--run-once", cwd=tmp_path)
    run = api.call("GET", f"/flow_runs/{first['id']}")
    assert (run["state_type"], run["name"]) == ("COMPLETED", f"compile {uploaded}")
    assert len(heads(open_runtime().store, uploaded)) == 1
