"""Names of artifacts, and links between the pages of Prefect's UI."""

import hashlib
import re
from urllib.parse import urlsplit

from prefect.runtime import flow_run
from prefect.settings import get_current_settings


def artifact_key(kind: str, project: str) -> str:
    """A key as Prefect wants it (lower-case letters, digits, dashes), another one for every project."""
    readable = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[-60:].strip("-")
    digest = hashlib.sha256(project.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "-".join(filter(None, (kind, readable, digest)))


def artifact_link(text: str, key: str) -> str:
    """A Markdown link to all versions of an artifact."""
    return f"[{text}]({_base()}/artifacts/key/{key})"


def run_link() -> str:
    """A Markdown link to the current flow run."""
    return f"[this run]({_base()}/runs/flow-run/{flow_run.id})"


def _base() -> str:
    """The UI's path without its host: the browser knows under which name it reached that, and a port may change."""
    return urlsplit(get_current_settings().ui_url or "").path.rstrip("/")
