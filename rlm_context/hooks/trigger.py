"""The one place that decides where a compile runs once something was uploaded: here, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence

from data_models.env import INSIDE, PREFIX

_SECONDS = 2 * 3600.0
"""A compile that takes longer hangs, and is ended; what it did is kept."""


def compile_projects_of(store_url: str, projects: Sequence[str]) -> bool:
    """Have these projects of a store compiled.

    Args:
        store_url: the store that holds them.
        projects: their names.

    Returns:
        Whether all were compiled. What went wrong is in the workers' log; the next trigger tries again.
    """
    command = [sys.executable, "-P", "-m", "rlm_context.hooks.compiling", *projects]
    environment = {
        **os.environ,
        PREFIX + "STORE": store_url,
        INSIDE: "1",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
