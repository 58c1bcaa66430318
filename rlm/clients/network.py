"""The switch that keeps tests from real providers.

With `RLM_CONTEXT_REAL_MODELS=0` every client talks to this machine only: opening one with another base URL fails
before anything is sent. Child processes inherit it. The tests set it for all of themselves.
"""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

from data_models.env import PREFIX
from rlm.clients.errors import BlockedError

VARIABLE = PREFIX + "REAL_MODELS"


def check_allowed(base_url: str) -> None:
    """Refuse a provider that may not be reached.

    Raises:
        BlockedError: real providers are switched off and `base_url` is not this machine.
    """
    if os.environ.get(VARIABLE, "1") == "0" and not is_loopback(base_url):
        raise BlockedError(
            f"{VARIABLE}=0 forbids requests to {urlsplit(base_url).hostname}",
            next_command=f"set a base URL on this machine, or unset {VARIABLE}",
        )


def is_loopback(base_url: str) -> bool:
    """Whether a URL's host is this machine. Names other than localhost are not looked up."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
