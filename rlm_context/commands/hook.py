"""`rlm-context hook`: for --help and wrong usage; `rlm_context.hooks.run` answers the agents."""

import click

from rlm_context.hooks.run import EVENTS, run_hook


@click.command("hook")
@click.argument("event", type=click.Choice(EVENTS))
def hook_command(event: str) -> None:
    """Answer a hook of Claude Code or Codex, whose JSON comes on stdin.

    session-start prints the brief of the folder's project; refresh fetches what is newer while the agent goes
    on, and prints what changed; user-prompt-submit adds what earlier sessions clearly say about a session's
    first prompt, if that is switched on; session-end keeps the session and leaves a worker behind that uploads and
    compiles it; stop notes for teammates what the session works on. None of them ever fails.
    """
    run_hook([event])
