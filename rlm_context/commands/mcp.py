"""`rlm-context mcp`: the tools that agents call."""

import click


@click.command("mcp")
def mcp_command() -> None:
    """Serve an agent's tools (MCP on stdin and stdout).

    Search, sessions, the brief, questions, recent work. Agents start it themselves: claude mcp add
    rlm-context -- rlm-context mcp. It answers about the current folder's project unless told otherwise.
    """
    import anyio  # these take half a second, which `--help` need not

    from rlm_context.mcp_server.serve import serve

    anyio.run(serve)
