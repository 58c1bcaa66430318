"""The Prefect server that this machine's compiles go to, where the user named one."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from flows.configured import configured_api, without_password
from rlm_context.checks import Check

_SECONDS = 5.0
_ITS_OWN = "prefect server start; or unset PREFECT_API_URL, for a server of this machine's own"


def server_checks() -> Iterator[Check]:
    """Whether a configured server answers; what it would answer to a key is not asked."""
    url = configured_api()
    if not url:
        return
    shown = without_password(url)  # urllib would take it for a part of the host's name
    try:
        request = urllib.request.Request(f"{shown.rstrip('/')}/health")  # noqa: S310  the user's own setting
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
            pass
    except urllib.error.HTTPError:
        yield Check("Prefect", True, f"{shown} answers")
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        told = getattr(reason, "strerror", None) or str(reason)
        yield Check("Prefect", False, f"{shown} does not answer: {told}", _ITS_OWN)
    else:
        yield Check("Prefect", True, f"{shown} answers")
