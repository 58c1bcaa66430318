"""All sandboxes by name."""

from collections.abc import Callable, Mapping

from rlm.errors import SandboxError
from rlm.sandbox.jail import JailSandbox
from rlm.sandbox.monty import MontySandbox
from rlm.sandbox.protocol import Sandbox, SandboxLimits


def _modal(limits: SandboxLimits | None) -> Sandbox:
    from rlm.sandbox.modal import ModalSandbox  # its client takes a second to import

    return ModalSandbox(limits)


SANDBOXES: Mapping[str, Callable[[SandboxLimits | None], Sandbox]] = {
    MontySandbox.name: MontySandbox,
    JailSandbox.name: JailSandbox,
    "modal": _modal,
}


def open_sandbox(name: str, limits: SandboxLimits | None = None) -> Sandbox:
    """The sandbox of that name.

    Raises:
        SandboxError: there is none.
    """
    if name not in SANDBOXES:
        raise SandboxError(f"no sandbox is called {name}", next_command=f"use one of: {', '.join(SANDBOXES)}")
    return SANDBOXES[name](limits)
