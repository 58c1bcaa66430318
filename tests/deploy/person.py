"""A developer's machine: it uploads sessions to the team's store, and asks the team's server to compile them."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from compiler.local_copy import generation_id
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.remote import Asked
from rlm_context.hooks.trigger.rest import configured_rest
from store.generations import newest, read_catalog
from tests.synthetic import write_session


class Person:
    """Reads what is set for this process, as the hooks' worker does.

    Args:
        folder: for the sessions.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def upload(self, project: str) -> None:
        """Upload one more session."""
        session = uuid.uuid4()
        path = self._folder / project / f"{session}.jsonl"
        write_session(
            path,
            session_id=str(session),
            start=datetime(2026, 3, 2, 9, tzinfo=UTC),
            turns=3,
            seed=session.int,
        )
        upload(open_runtime(), [path], project=project)

    def ask(self, url: str, project: str) -> Asked:
        """Ask for a compile as the hooks' worker does."""
        generation = newest(open_runtime().store, project)
        known = generation_id(generation.manifest) if generation else "none"
        return PrefectServer(configured_rest(url)).ask(project, known, None)

    def published(self, project: str) -> int:
        """Sessions that the newest generation holds."""
        store = open_runtime().store
        generation = newest(store, project)
        return len(read_catalog(store, [generation.manifest])) if generation else 0
