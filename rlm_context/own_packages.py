"""Our packages before others of the same names. Standard library only.

`store`, `search`, `tasks` are names that projects have too. PYTHONPATH, which an agent and a terminal hand on, comes
before what is installed, so that a user who sets it for their own project would have us import from there.
"""

import os
import sys

_VARIABLE = "PYTHONPATH"


def prefer_own_packages() -> None:
    """Have this process, and those that it starts, find our packages first."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  for hooks
    if sys.path[0] != root:
        sys.path.insert(0, root)
    others = os.environ.get(_VARIABLE)
    if others and others.split(os.pathsep)[0] != root:
        os.environ[_VARIABLE] = f"{root}{os.pathsep}{others}"
