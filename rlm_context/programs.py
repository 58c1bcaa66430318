"""How other programs start this one."""

import os
import sys
from pathlib import Path


def own_program() -> list[str]:
    """This installation's command by its path: the script beside the interpreter, else its module."""
    script = Path(sys.executable).with_name("rlm-context")
    if os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-P", "-m", "rlm_context"]
