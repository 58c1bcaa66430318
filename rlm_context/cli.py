"""The command line's frame: one group, commands loaded when they are called."""

from importlib import import_module
from importlib.metadata import version

import click

COMMANDS = {
    "compile": "compile",
    "show": "show",
    "search": "search",
    "ask": "ask",
    "why": "why",
    "sessions": "sessions",
    "session": "session",
    "export": "export",
    "upload": "upload",
    "sync": "sync",
    "share": "share",
    "private": "private",
    "audit": "audit",
    "hook": "hook",
    "mcp": "mcp",
    "install": "install",
    "uninstall": "install",
    "up": "up",
    "status": "status",
    "doctor": "doctor",
    "report": "report",
    "forget": "forget",
    "rollback": "rollback",
    "store": "store",
}
"""Command to the module in rlm_context/commands that holds it; help lists them in this order."""


class _Commands(click.Group):
    """Imports a command's module when it is needed, so that no command pays for another's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of a first visit."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"rlm_context.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(version("rlm-context"), prog_name="rlm-context")
def cli() -> None:
    """Compiles coding-agent sessions into a shared context that your next session starts with.

    \b
    rlm-context compile                 read and compile your agents' sessions
    rlm-context show                    the brief
    rlm-context search "why sqlite"     what was said and done, with citations
    rlm-context session 1a2b3c4d        what a citation [s:1a2b3c4d#12] points to

    Everything lies in ~/.rlm-context (RLM_CONTEXT_HOME). No key, no account, no network.
    """


def run_cli(arguments: list[str]) -> int:
    """Run one command; its exit code. Wrong usage is explained here, with exit code 2.

    Raises:
        RlmContextError: the command failed.
        KeyboardInterrupt: the user stopped it.
        BrokenPipeError: nobody reads stdout any more.
    """
    try:
        result = cli.main(args=arguments, prog_name="rlm-context", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit as error:  # how click ends where the reader of stdout is gone
        raise BrokenPipeError from error
    return result if isinstance(result, int) else 0
