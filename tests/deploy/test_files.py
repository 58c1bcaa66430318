"""The files of deploy/ fit each other, the image's build and Prefect: what its programs would find out too late."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path

import prefect.settings
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from flows.server_process import LEASES, RETENTION
from tests.deploy.compose import DEPLOY, read_compose, service, variables

ROOT = DEPLOY.parent
VALUES = {
    "DATABASE_PASSWORD": "secret",
    "PREFECT_AUTH": "team:secret",
    "PREFECT_URL": "https://prefect.example.com",
}
OURS = ("server", "worker", "deployments")


def pins(text: str) -> set[str]:
    """The packages that a lock pins."""
    return set(re.findall(r"(?m)^([a-z0-9._-]+)==", text))


def names_in(example: str) -> set[str]:
    """The variables that a file of examples sets."""
    return set(re.findall(r"(?m)^(\w+)=", (DEPLOY / example).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_prefect_knows(name: str) -> None:
    """Prefect ignores variables that it does not know, so a misspelt one would be lost without a word."""
    ours = [key for key in service(name, VALUES).environment if key.startswith("PREFECT_")]
    assert ours
    assert [key for key in ours if not hasattr(prefect.settings, key)] == []


def test_the_example_sets_what_the_file_wants() -> None:
    """Whoever fills in the copies of both examples has everything."""
    assert names_in("example.env") == variables()
    assert "RLM_CONTEXT_STORE" in names_in("example.worker.env")


def test_no_password_is_given_by_an_example() -> None:
    """Who forgets one is told so by compose, instead of running a server that everybody can log in to."""
    lines = (DEPLOY / "example.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    assert (given["DATABASE_PASSWORD"], given["PREFECT_AUTH"]) == ("", "")
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert all(f"${{{name}:?" in text for name in given)


def test_a_team_keeps_what_a_laptop_keeps() -> None:
    """Retention, and where leases are kept, are the same in compose.yaml and on the home's own server."""
    environment, expected = service("server", VALUES).environment, {**RETENTION, **LEASES}
    assert {key: environment[key] for key in expected} == expected


def test_the_deployments_use_the_workers_pool() -> None:
    """A worker of another pool would leave every run waiting."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    arguments = service("worker", VALUES).arguments
    pool = arguments[arguments.index("--pool") + 1]
    assert {deployment["work_pool"]["name"] for deployment in deployments} == {pool}


def test_a_worker_without_containers_is_the_same() -> None:
    """The unit for systemd starts what the container starts; only the container is asked for its health."""
    unit = (DEPLOY / "rlm-context-worker.service").read_text(encoding="utf-8")
    started = re.search(r"(?m)^ExecStart=\S+/prefect (.+)$", unit)
    assert started
    assert [*started[1].split(), "--with-healthcheck"] == service("worker", VALUES).arguments


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """No key is misspelt; the program that it starts is not on this machine."""
    unit = (DEPLOY / "rlm-context-worker.service").read_text(encoding="utf-8")
    copy = tmp_path / "rlm-context-worker.service"
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if copy.name in line] == []


def test_secrets_stay_out_of_the_image_and_the_repository() -> None:
    """The image is built from a list of what belongs into it; the filled-in files are ignored by git."""
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {*packages, "pyproject.toml", "README.md", "LICENSE", "prefect.yaml"}
    assert {rule[1:] for rule in rules if rule[0] == "!"} == needed | {
        "requirements.lock",
        "requirements-dev.lock",
    }
    for secret in ("deploy/.env", "deploy/worker.env"):
        assert secret in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_image_has_all_that_its_extras_need() -> None:
    """The Dockerfile takes some packages from the other lock, alone: the rest of what they need is in the first one."""
    found = re.search(r"\^\(([a-z0-9|-]+)\)==", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert found
    extras = set(found[1].split("|"))
    assert extras <= pins((ROOT / "requirements-dev.lock").read_text(encoding="utf-8"))
    locked = extras | pins((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    for extra in extras:
        wanted = [Requirement(line) for line in requires(extra) or []]
        needed = [one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
        assert {str(canonicalize_name(name)) for name in needed} <= locked


def test_only_loopback_is_published() -> None:
    """Without TLS the password would cross the network as it is."""
    services = read_compose()["services"]
    assert [port for one in services.values() for port in one.get("ports", [])] == ["127.0.0.1:4200:4200"]
