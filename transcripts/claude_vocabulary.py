"""The words of Claude Code's transcripts, 1.0 to 2.1.330: record types, subtypes, blocks, fields."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DROPPED_TYPES = _words("""
    progress file-history-snapshot file-history-delta api-request api-request-shape api-request-blob
    api-request-resumed atis-latch content-replacement last-prompt mode permission-mode tools-used
""")
"""Host bookkeeping, and copies of what other records hold.

Progress records of 2.0 and 2.1 copy a subagent's calls and results, which also stand in its own file; its
report is the result of the call that started it.
"""

SMALL_TYPES = _words("""
    summary custom-title ai-title tag pr-link queue-operation cost-state agent-name agent-color agent-setting
    continued-in fork-context-ref derived-from worktree-state relocated
""")
"""Kept as they are."""

DROPPED_ATTACHMENTS = _words("""
    agent_listing_delta date deferred_tools_delta environment model prompt_snapshot remote_session_change
    silent_turn_reminder skill_listing
""")
"""What the host tells the model about itself."""

KEPT_ATTACHMENTS = _words("""
    file queued_command session_context edited_text_file nested_memory diagnostics hook_success
    hook_additional_context hook_system_message hook_blocking_error hook_non_blocking_error hook_cancelled
""")

DROPPED_SUBTYPES = _words("turn_duration")
KEPT_SUBTYPES = _words("stop_hook_summary compact_boundary microcompact_boundary api_error local_command")
"""Subtypes of system records."""

BLOCKS = _words("""
    text thinking redacted_thinking tool_use server_tool_use mcp_tool_use tool_result mcp_tool_result
    web_search_tool_result web_fetch_tool_result code_execution_tool_result bash_code_execution_tool_result
    text_editor_code_execution_tool_result image document tool_reference
""")

BASE_FIELDS = _words("""
    parentUuid logicalParentUuid isSidechain type uuid timestamp userType entrypoint cwd sessionId version
    gitBranch slug agentId isMeta requestSessionId
""")
"""Fields that all message-like records share."""

MESSAGE_LIKE = {
    "assistant": _words("""
        message requestId isApiErrorMessage error errorDetails apiErrorStatus apiErrorType
        failedResponseHadNoToolCall healsDistinctCarrier toolInputStreamMs apiBlockIndex requestRef
        requestedModel promptCacheRequested effort perTurnEffort madeBy thinkingDurationMs thinkingDisplay
        attributionAgent
    """),
    "user": _words("""
        message toolUseResult sourceToolAssistantUUID sourceToolUseID permissionMode permissionDecision
        todos planContent isCompactSummary isVisibleInTranscriptOnly promptId promptSource turnOrigin
        turnPosition turnCompanion queueSkipAttachments origin thinkingMetadata imagePasteIds sandboxed
        toolDenialKind
    """),
    "system": _words("""
        subtype content level toolUseID error cause retryInMs retryAttempt maxRetries compactMetadata
        microcompactMetadata hookCount hookInfos hookErrors preventedContinuation stopReason hasOutput
        durationMs
    """),
    "attachment": _words("attachment rendered renderedRole renderedBesideToolResult"),
}
"""The record types of which only known fields are kept, and those of their own."""

MESSAGE_FIELDS = _words("""
    id type role model content stop_reason stop_sequence stop_details usage container context_management
    diagnostics
""")
