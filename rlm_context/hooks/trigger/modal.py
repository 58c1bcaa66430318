"""Asks the app that is deployed next to a store on Modal for a compile.

Modal knows no idempotency keys. What stands for them: the call that this machine spawned last, the lease of whoever
compiles the project now, and a lease of whoever had it compiled a moment ago, before its container began. All are
hints: at worst a container looks, and finds nothing new.
"""

from compiler.turn import compile_lease
from data_models.errors import SettingsError, StoreError
from rlm_context.hooks.trigger.record import Trigger
from rlm_context.hooks.trigger.remote import (
    Asked,
    AwayError,
    NotDeployedError,
    RefusedError,
    begin_lease,
)
from store.leases import acquire, holder
from store.protocol import Store

_STARTS_IN = 60.0
"""Seconds in which a container has begun, as a rule."""


class ModalApp:
    """The app `rlm-context` (or as its store's volume is called) and its function `compile`."""

    name = "Modal"
    is_here = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def ask(self, project: str, generation: str, before: Trigger | None) -> Asked:
        """See `Remote.ask`."""
        from tasks import modal as app  # Modal's client, half a second

        try:
            call = before.run if before else ""
            if holder(self._store, compile_lease(project)) is not None:
                return Asked("running", call)
            if call and not app.has_ended(self._store.url, call):
                return Asked("waiting", call)
            lease = acquire(self._store, begin_lease(project), _STARTS_IN)
            if lease is None:
                return Asked("running", "")
            try:
                return Asked("waiting", app.spawn_compile(self._store.url, project))
            except (SettingsError, StoreError):
                lease.release()  # else it runs out by itself, once a container has begun
                raise
        except app.NotDeployedError as error:
            raise NotDeployedError(error.message, next_command=error.next_command) from error
        except SettingsError as error:
            raise RefusedError(error.message, next_command=error.next_command) from error
        except StoreError as error:
            raise AwayError(error.message) from error

    def has_ended(self, project: str, run: str) -> bool:
        """See `Remote.has_ended`."""
        try:
            leases = (compile_lease(project), begin_lease(project))
            return all(holder(self._store, name) is None for name in leases)
        except StoreError as error:
            raise AwayError(error.message) from error
