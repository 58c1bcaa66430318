"""The one place that lists the agents whose transcripts we read."""

from collections.abc import Mapping
from types import MappingProxyType

from transcripts.agent import Agent
from transcripts.claude_code import ClaudeCode
from transcripts.codex import Codex
from transcripts.gemini import GeminiCli
from transcripts.text_only import TextOnly

AGENTS: Mapping[str, Agent] = MappingProxyType(
    {agent.name: agent for agent in (ClaudeCode(), Codex(), GeminiCli(), TextOnly())}
)
"""By name, in the order in which a folder is tried."""
