"""Places that an earlier upload script filled: `sessions/<id>/transcript.txt`, and nothing of ours.

Our own readable copies stand a folder deeper (`sessions/<author>/<id>/transcript.txt`), so the two are never confused.
"""

import re
from collections.abc import Callable, Sequence

from data_models.errors import StoreError
from store.protocol import Store

Adopt = Callable[[Store, Sequence[str]], None]
"""Imports the transcripts under these keys into the store. It may be stopped at any point and is then asked again."""

MADE_BY_COMPILES = frozenset({"gen", "memo", "runs"})
"""Folders that no adoption makes: a place that has one was a store before."""

_TRANSCRIPT = re.compile(r"sessions/([^/]+)/transcript\.txt")


def earlier_transcripts(store: Store) -> list[str]:
    """The keys of what an earlier upload script left here, sorted."""
    return [key for key in store.keys("sessions") if _TRANSCRIPT.fullmatch(key)]


def session_of(key: str) -> str:
    """The session's id in such a key.

    Raises:
        ValueError: it is none.
    """
    match = _TRANSCRIPT.fullmatch(key)
    if match is None:
        raise ValueError(f"not a transcript of the earlier upload script: {key}")
    return match[1]


def adopt_earlier(store: Store, adopt: Adopt | None) -> None:
    """Import what an earlier upload script left, before anything else is written there.

    Raises:
        StoreError: there is something, and who asks cannot import it.
    """
    left = earlier_transcripts(store)
    if not left:
        return
    if adopt is None:
        raise StoreError(
            f"{store.url} holds sessions of an earlier upload script, which were not imported yet",
            next_command=f"RLM_CONTEXT_STORE={store.url} rlm-context compile",
        )
    adopt(store, left)
