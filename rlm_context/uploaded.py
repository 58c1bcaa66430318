"""What an upload did, as text and as JSON: what left, what stayed here and why, what could not be read."""

from collections import Counter
from typing import Any

from compiler.runtime import Runtime
from compiler.uploading.sharing import how_to_share
from compiler.uploading.uploaded import Kept, Sent, Uploaded
from rlm_context.output import plural
from rlm_context.summary import reject_lines


def described(runtime: Runtime, result: Uploaded) -> dict[str, Any]:
    """The document of `upload --json` and `sync --json`."""
    return {
        "store": runtime.store.url,
        "uploaded": result.sent,
        "unchanged": result.unchanged,
        "kept": result.kept,
        "skipped": result.skipped,
        "degraded": result.degraded,
    }


def told(runtime: Runtime, result: Uploaded) -> str:
    """The same for a person."""
    here = [sent for sent in result.sent if sent.store == runtime.store.url]
    lines = [_sent(here, runtime.store.url, result.unchanged)]
    lines += kept_lines(result.kept)
    if result.skipped:
        lines += ["Left out:", *reject_lines(result.skipped)]
    if here:
        lines.append("Next: rlm-context compile")
    return "\n".join(lines)


def adopted_lines(runtime: Runtime) -> list[str]:
    """What opening the store imported of an earlier upload script's; nothing for most."""
    if not runtime.adopted:
        return []
    found = plural(runtime.adopted, "session")
    return [
        f"{found} of an earlier upload script imported from {runtime.store.url} (text only); "
        "its files stay as they are, unredacted"
    ]


def kept_lines(kept: list[Kept]) -> list[str]:
    """One line for each reason why sessions stay on this machine, with the command that shares them."""
    counts = Counter(one.reason for one in kept)
    folders = {one.reason: one.cwd for one in kept}
    lines = []
    for reason, count in sorted(counts.items()):
        command = how_to_share(folders[reason]) if reason.endswith("is not shared") else ""
        following = f". Next, to share it: {command}" if command else ""
        lines.append(
            f"{plural(count, 'session')} not sent, kept in the store on this machine: {reason}{following}"
        )
    return lines


def _sent(sent: list[Sent], url: str, unchanged: int) -> str:
    redactions: Counter[str] = Counter()
    for one in sent:
        redactions.update(one.redactions)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(redactions.items()))
    size = f" ({sum(one.bytes for one in sent):,} bytes{f'; redacted: {kinds}' if kinds else ''})"
    again = f" {plural(unchanged, 'session')} had not changed." if unchanged else ""
    return f"Uploaded {plural(len(sent), 'session')}{size if sent else ''} to {url}.{again}"
