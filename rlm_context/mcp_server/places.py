"""Which projects a tool is about."""

from data_models.env import home
from data_models.errors import NotFoundError
from rlm_context.fast_search import LocalIndex, choose, fresh, local_indexes


def indexes(project: str) -> list[LocalIndex]:
    """The copies of the project named, else of the current folder's if it is known, else of all.

    They are read as they lie on this machine, without network; hooks bring them up to date. Only what is not here is
    fetched: a project never seen, or a newer generation of a store in a folder.

    Raises:
        NotFoundError: no such project, or nothing is compiled.
        StoreError: what has to be fetched cannot be.
    """
    folder = home() / "cache" / "projects"
    found = fresh(local_indexes(folder))
    try:
        if found:
            return choose(project or None, found)
    except NotFoundError:
        pass  # the store may know it, and explains it if not
    from compiler.runtime import open_runtime
    from rlm_context.places import copies

    names = {copy.project for copy in copies(open_runtime(make_store=False), project or None)}
    return [index for index in local_indexes(folder) if index.project in names]
