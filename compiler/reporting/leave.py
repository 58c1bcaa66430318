"""Leaves the report's page in the store, where people find it: a readable copy like the others, never read back."""

from compiler.copies import compiled_copies
from compiler.reporting.gather import gather
from compiler.reporting.page import render
from compiler.runtime import Runtime
from data_models.errors import NotFoundError

REPORT_KEY = "compiled/report.html"


def leave_report(runtime: Runtime) -> str:
    """Write the page of all projects; its key, "" where nothing is compiled yet.

    Raises:
        StoreError: the store failed, or a generation is damaged.
    """
    try:
        copies = compiled_copies(runtime, None)
    except NotFoundError:
        return ""
    runtime.store.put(REPORT_KEY, render(gather(runtime, copies)).encode())
    return REPORT_KEY
