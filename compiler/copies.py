"""The local copies of all projects, or of one, brought up to date."""

from compiler.local_copy import Copy, refresh
from compiler.runtime import Runtime
from data_models.errors import NotFoundError
from store.receipts import projects


def compiled_copies(runtime: Runtime, project: str | None) -> list[Copy]:
    """The copies of the project, or of all; those never compiled are left out.

    Raises:
        NotFoundError: there is none.
        StoreError: the store cannot be read, or a file of a generation is damaged.
    """
    names = [name for name in projects(runtime.store) if project in (None, name)]
    copies = [copy for name in names if (copy := refresh(runtime, name)) is not None]
    if not copies:
        raise NotFoundError(
            f"no compiled project {project}" if project else "nothing has been compiled yet",
            next_command="rlm-context compile",
        )
    return copies
