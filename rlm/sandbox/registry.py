"""All sandboxes by name."""

from collections.abc import Callable, Mapping

from rlm.errors import SandboxError
from rlm.sandbox.jail import JailSandbox
from rlm.sandbox.monty import MontySandbox
from rlm.sandbox.protocol import Sandbox


def _modal() -> Sandbox:
    from rlm.sandbox.modal import ModalSandbox  # its client takes a second to import

    return ModalSandbox()


SANDBOXES: Mapping[str, Callable[[], Sandbox]] = {
    MontySandbox.name: MontySandbox,
    JailSandbox.name: JailSandbox,
    "modal": _modal,
}


def open_sandbox(name: str) -> Sandbox:
    """The sandbox of that name.

    Raises:
        SandboxError: there is none.
    """
    if name not in SANDBOXES:
        raise SandboxError(f"no sandbox is called {name}", next_command=f"use one of: {', '.join(SANDBOXES)}")
    return SANDBOXES[name]()
