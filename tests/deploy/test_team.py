"""What a team runs (docs/deploy.md), on a real PostgreSQL: a trigger is compiled, whatever dies meanwhile."""

from urllib.error import HTTPError

import pytest

from rlm_context.hooks.trigger.remote import RefusedError
from tests.deploy.models import HeldModels
from tests.deploy.person import Person
from tests.deploy.team import MORTAL, Team
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.timeout(400)

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def ended(team: Team, run: str) -> str:
    """How a run ended. Prefect's client waits for up to half a minute until it asks a server again."""

    def state() -> str | None:
        found = str(team.server.api().call("GET", f"/flow_runs/{run}")["state_type"])
        return found if found in ENDED else None

    return until(state, patience=3 * PATIENCE)


def is_refused(team: Team, run: str) -> bool:
    """Whether the server cannot answer for want of its database."""
    try:
        team.server.api().call("GET", f"/flow_runs/{run}")
    except HTTPError as error:
        return error.code >= 500
    return False


def test_a_trigger_is_compiled_by_the_worker(team: Team, person: Person) -> None:
    """Deployed once, asked over plain HTTP with the team's password, published to the team's store."""
    person.upload("acme/first")
    asked = person.ask(team.server.url, "acme/first")
    assert ended(team, asked.run) == "COMPLETED", team.server.log("worker")
    assert person.published("acme/first") == 1
    until(team.worker_is_healthy)


def test_a_wrong_password_is_told(team: Team, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's 401 becomes a line that says what to set."""
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "team:guessed")
    with pytest.raises(RefusedError, match="HTTP 401") as refused:
        person.ask(team.server.url, "acme/first")
    assert refused.value.next_command == "prefect config set PREFECT_API_AUTH_STRING=USER:PASSWORD"


def test_a_run_outlives_the_server(team: Team, person: Person, models: HeldModels) -> None:
    """The server is killed in the middle of a run and comes back: the run ends as if nothing had been."""
    person.upload("acme/server")
    models.hold()
    asked = person.ask(team.server.url, "acme/server")
    models.wait_until_asked()
    team.server.kill()
    models.free()
    team.server.start()
    assert ended(team, asked.run) == "COMPLETED", team.server.log("worker")
    assert person.published("acme/server") == 1


def test_a_run_outlives_the_database(team: Team, person: Person, models: HeldModels) -> None:
    """PostgreSQL crashes in the middle of a run and comes back: the run ends as if nothing had been."""
    person.upload("acme/database")
    models.hold()
    asked = person.ask(team.server.url, "acme/database")
    models.wait_until_asked()
    team.database.crash()
    models.free()
    until(lambda: is_refused(team, asked.run))
    team.database.start()
    assert ended(team, asked.run) == "COMPLETED", team.server.log("worker") + team.server.log("server")
    assert person.published("acme/database") == 1


def test_a_cancelled_run_stops_and_the_next_goes_on(team: Team, person: Person, models: HeldModels) -> None:
    """Cancelled as the UI does it while it waits for a model, it ends within seconds; the next trigger is a new run."""
    person.upload("acme/cancelled")
    models.hold()
    asked = person.ask(team.server.url, "acme/cancelled")
    models.wait_until_asked()
    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    team.server.api().call("POST", f"/flow_runs/{asked.run}/set_state", cancelling)
    assert ended(team, asked.run) == "CANCELLED", team.server.log("worker")
    models.free()
    again = person.ask(team.server.url, "acme/cancelled")
    assert again.run != asked.run
    assert ended(team, again.run) == "COMPLETED", team.server.log("worker")
    assert person.published("acme/cancelled") == 1


def test_a_deployment_chooses_its_runner(team: Team, person: Person) -> None:
    """Settings among its job variables are those of its runs: here a runner that there is not."""
    api = team.server.api()
    deployment = api.call("GET", "/deployments/name/compile-context/on-session-end")
    variables = deployment["job_variables"]
    changed = {"env": variables["env"] | {"RLM_CONTEXT_RUNNER": "nowhere"}}
    api.call("PATCH", f"/deployments/{deployment['id']}", {"job_variables": changed})
    try:
        person.upload("acme/runner")
        asked = person.ask(team.server.url, "acme/runner")
        assert ended(team, asked.run) == "FAILED", team.server.log("worker")
        assert "runner" in api.call("GET", f"/flow_runs/{asked.run}")["state"]["message"]
    finally:
        api.call("PATCH", f"/deployments/{deployment['id']}", {"job_variables": variables})


def test_a_run_whose_machine_dies_is_closed_and_the_next_goes_on(
    team: Team, person: Person, models: HeldModels
) -> None:
    """Worker and run are killed: the automation marks the run as crashed, and the next trigger is a new run."""
    person.upload(MORTAL)
    models.hold()
    killed = person.ask(team.server.url, MORTAL)
    models.wait_until_asked()
    team.kill_worker()
    assert ended(team, killed.run) == "CRASHED"
    team.be_patient()
    models.free()
    team.start_worker()
    asked = person.ask(team.server.url, MORTAL)
    assert (asked.attempt, ended(team, asked.run)) == (1, "COMPLETED"), team.server.log("worker")
    assert person.published(MORTAL) == 1


def test_a_dump_holds_what_prefect_knows(team: Team) -> None:
    """The two commands of the section on backups, into a second database."""
    dump = str(team.database.folder / "prefect.dump")
    team.database.run("pg_dump", "--format=custom", f"--file={dump}")
    team.database.run("createdb", "restored")
    team.database.run("pg_restore", "--dbname=restored", "--clean", "--if-exists", dump)
    query = "SELECT count(*) FROM deployment"
    counted = team.database.run("psql", "--dbname=restored", "--tuples-only", "--command", query)
    assert int(counted) == 3
