"""Time that passes at once: what a deadline ends is tested without waiting for it, however slow the machine is."""

import asyncio


def let_pass(seconds: float) -> None:
    """Put the clock of the running event loop ahead: what was to end within these seconds ends now."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # the clock of this loop alone
