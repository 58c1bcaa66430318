"""All checks, in the order in which trouble is mended: the machine, the hooks, the settings, the store."""

from collections.abc import Callable, Iterator
from functools import partial

from compiler.runtime import Runtime, open_runtime
from data_models.env import store_url
from data_models.errors import RlmContextError
from rlm_context.checks import Check
from rlm_context.doctor import store
from rlm_context.doctor.deadline import within
from rlm_context.doctor.hooks import hook_checks
from rlm_context.doctor.machine import machine_checks
from rlm_context.doctor.server import server_checks
from rlm_context.model_checks import model_checks
from rlm_context.triggers import trigger_checks

_SECONDS = 30.0
"""A store that has not answered by then is called unreachable."""
_Look = Callable[[Runtime], Iterator[Check]]
_QUICK: tuple[tuple[str, _Look], ...] = (
    ("settings and store", store.place_check),
    ("author", store.author_check),
    ("redaction", store.redaction_check),
    ("models", model_checks),
    ("agents", store.source_checks),
    ("sharing", store.sharing_check),
    ("spool", store.spool_checks),
    ("trigger", trigger_checks),
)
_THOROUGH: tuple[tuple[str, _Look], ...] = (
    ("generations", store.generation_checks),
    ("local copies", store.copy_checks),
)


def all_checks(*, thorough: bool = True) -> Iterator[Check]:
    """Look at everything; one thing that cannot be looked at is trouble of its own, and hides no other.

    Args:
        thorough: whether what generations rest on is read back, and the copies on this machine are.
    """
    for name, look in (("home", machine_checks), ("hooks", hook_checks), ("Prefect", server_checks)):
        yield from _guarded(name, look)
    try:
        runtime = within(_SECONDS, lambda: open_runtime(make_store=False))
    except RlmContextError as error:
        yield _trouble("settings and store", error)
        return
    except TimeoutError:
        says = f"{store_url()} did not answer within {_SECONDS:.0f} s"
        yield Check("settings and store", False, says, "the same once the network is back")
        return
    for name, ask in (*_QUICK, *(_THOROUGH if thorough else ())):
        yield from _guarded(name, partial(ask, runtime))


def _guarded(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except RlmContextError as error:
        yield _trouble(name, error)
    except OSError as error:
        yield Check(
            name, False, f"{error.filename or ''}: {error.strerror}", f"ls -ld {error.filename or ''}".strip()
        )


def _trouble(name: str, error: RlmContextError) -> Check:
    return Check(name, False, error.message, error.next_command or "")
