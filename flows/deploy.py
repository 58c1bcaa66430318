"""Deploys to a Prefect server from a checkout, also to one that is new: `python -m flows.deploy`.

`prefect deploy` reads the work pool before it runs any step of `prefect.yaml`, and ends where there is none; so no step
there can make it.
"""

import subprocess
import sys
from contextlib import suppress

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

POOL = "rlm-context"
"""The work pool of all deployments in `prefect.yaml`."""
_NO_SERVER = (
    "flows.deploy: no Prefect server is configured. Next: prefect config set PREFECT_API_URL=http://HOST:4200/api; "
    "on this machine alone, rlm-context up needs none."
)


def main() -> int:
    """Make the work pool where it is missing, and have Prefect deploy all; its exit code. Again makes nothing twice."""
    if not PREFECT_API_URL.value():  # Prefect would start a server of its own, which ends with this process
        print(_NO_SERVER, file=sys.stderr)  # noqa: T201  a command talks to whoever called it
        return 2
    with get_client(sync_client=True) as client:
        template = ProcessWorker.get_default_base_job_template()
        pool = WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template)
        with suppress(ObjectAlreadyExists):  # of whatever type: a team may run containers
            client.create_work_pool(pool)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
