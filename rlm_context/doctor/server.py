"""The Prefect server that this machine's compiles go to, where the user named one."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator

from flows.local_server import configured_api
from rlm_context.checks import Check

_SECONDS = 5.0
_USER = re.compile(r"//[^/]*@")  # a password may stand in an address
_ITS_OWN = "prefect server start; or unset PREFECT_API_URL, for a server of this machine's own"


def server_checks() -> Iterator[Check]:
    """Whether a configured server answers; what it would answer to a key is not asked."""
    url = configured_api()
    if not url:
        return
    shown = _USER.sub("//", url, count=1)
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/health")  # noqa: S310  the user's own setting
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
            pass
    except urllib.error.HTTPError:
        yield Check("Prefect", True, f"{shown} answers")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        told = getattr(reason, "strerror", None) or str(reason)
        yield Check("Prefect", False, f"{shown} does not answer: {told}", _ITS_OWN)
    else:
        yield Check("Prefect", True, f"{shown} answers")
