"""`deploy/compose.yaml` as its program reads it: each service's command and environment."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"

_VARIABLE = re.compile(r"\$\{(\w+)(?::\?[^}]*)?\}")
"""`${NAME}` and `${NAME:?what to do without}`: https://docs.docker.com/reference/compose-file/interpolation/"""


class Service(NamedTuple):
    """What a container runs: without `prefect` itself, and with variables replaced."""

    arguments: list[str]
    environment: dict[str, str]


def read_compose() -> dict[str, Any]:
    """The file as it is."""
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return content


def variables() -> set[str]:
    """The names that the file wants from `deploy/.env`."""
    return set(_VARIABLE.findall((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


def service(name: str, values: dict[str, str]) -> Service:
    """A service that runs `prefect`.

    Args:
        name: the service.
        values: what `deploy/.env` holds.
    """
    found = read_compose()["services"][name]
    program, *arguments = found["command"]
    assert program == "prefect"
    environment = {
        key: _VARIABLE.sub(lambda match: values[match[1]], str(value))
        for key, value in found["environment"].items()
    }
    return Service(arguments, environment)
