"""Words by which a text steers whoever reads it: marks of a conversation, orders, secrecy, secrets handed over.

The lists are English, as injected instructions mostly are; what they cannot tell, `compiler.models.guard` sees by who
said it.
"""

import re
from typing import Final


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_AGENT = (
    r"(?:ai|llms?|(?:large )?language models?|(?:ai |coding |autonomous )?(?:agents?|assistants?)|models?|chatbots?"
    r"|claude|codex|gpt\S*|copilot|gemini)"
)
_WHICH = r"(?:next|future|other|reading|following|subsequent|current)"
_MUST = (
    r"(?:must|should|shall|has to|have to|needs? to|(?:is|are) (?:required|instructed|expected|asked|told|to)"
    r"|reading|processing|(?:that|who) reads?)"
)
_REVOKE = (
    r"(?:ignor(?:e|es|ing)|disregard\w*|forget(?:ting)?|overrid(?:e|es|ing)|overrul\w+|bypass(?:es|ing)?|discard"
    r"|(?:do not|don'?t|stop|never|cease) (?:follow|obey|listen to|comply with)(?:ing)?|supersedes?)"
)
_RULES = r"(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|orders?|constraints?|policies|context)"
_SECRETS = (
    r"(?:secrets?|credentials?|(?:access |auth |api )?tokens?|api[- _]?keys?|passwords?|passphrases?|\.env\b"
    r"|env(?:ironment)? var\w*|(?:ssh|private|signing|deploy) keys?|cookies?|id_rsa|\.ssh|\.aws|\.npmrc|\.netrc)"
)
_GIVE = (
    r"(?:send|post|upload|exfiltrat\w*|e-?mail|forward|leak|transmit|copy|paste|print|echo|reveal|publish|share|commit"
    r"|include|append|write|dump|cat|expose|deliver|submit|report)(?:s|ed|ing)?"
)
_DO = (
    r"(?:run|execute|install|use|call|invoke|open|visit|go to|fetch|download|curl|wget|clone|send|post|upload|e-?mail"
    r"|delete|remove|disable|turn off|skip|ignore|approve|merge|push|commit|add|append|include|insert|write|put|set"
    r"|change|replace|update|rename|grant|allow|trust|accept|enable|switch|import|load|read|print|echo"
    r"|reply|respond|answer|say|state|declare|claim|announce|output|tell|mention|recommend|suggest|prefer|make sure"
    r"|ensure|remember|do not|don'?t|stop|avoid|contact|follow|obey|keep|treat|consider|assume|report|rotate|export"
    r"|source|grep|cat)"
)
_BEFORE = r"(?:(?:\w+ly|now|then|first|also|always|never|just|only|important|urgent|note|todo)[,:]? )*"

MARK: Final = _any(
    r"[⟦⟧]|<\|[\w-]{2,40}\|>|\[/?(?:INST|SYS)\]|<</?SYS>>|\"role\"\s*:|^\s*(?:```|~~~)",
    r"</?(?:system|user|assistant|human|developer|instructions?|tool_(?:use|result)|function_\w+|system-reminder)"
    r"(?:\s[^<>]*)?>",
    r"(?:^|[\n.!?;:\"“'(>#*\]-]\s*)(?:system|assistant|developer|admin|root)"
    r"(?: (?:message|prompt|override|notice))?\s*[:>]\s*(?=\S)",
    r"-{2,}\s*(?:begin|end)\b|#{2,}\s*(?:system|instructions?|new task)\b",
    r"[\"'}\]]\s*[}\]]\s*,\s*[\[{\"']",
)
"""A text that looks like a part of a conversation, a fence or a document of its own."""

OVERRIDE: Final = _any(
    rf"\b{_REVOKE}\s+(?:\w+\s+){{0,3}}?(?:(?:previous|prior|above|earlier|preceding|existing|former|other|your|all)\s+"
    rf"(?:\w+\s+){{0,2}}?{_RULES}\b|(?:instructions?|system prompts?|guardrails?|safety (?:rules?|checks?))\b)",
    r"\b(?:new|updated|real|actual|hidden|secret) (?:system )?(?:instructions?|directives?|system prompt)\b",
    r"\bsystem (?:override|message|notice|instructions?)\b|\bjail ?break|\bdeveloper mode\b",
    r"\b(?:act|behave|respond|reply|answer|speak) as (?:if|though|an?|the) |\bpretend (?:to be|that you|you)\b",
    r"\byou are (?:now|no longer|an? (?:unrestricted|helpful|ai|evil|expert|different))\b",
)
"""What would take other instructions away, or make somebody else of the reader."""

TO_AGENTS: Final = _any(
    r"\b(?:as|dear|hey|hello|attention|note|notice|message|memo|instructions?|reminder|warning|important)\b[\s:,!-]*"
    rf"(?:to|for|as)?\s*(?:(?:the|an?|any|all|every|each|your|whichever) )*{_WHICH} {_AGENT}\b",
    r"\b(?:dear|hey|hello|attention|notice|memo|message|important|note)[\s:,!-]*(?:to|for)?\s+"
    rf"(?:(?:the|an?|any|all|every|each|whichever) )+{_AGENT}\b|\battention,? {_AGENT}\b",
    rf"\bif you(?:'re| are)? (?:an? |the )?(?:{_AGENT}\b|reading this)",
    r"\bwhoever reads\b|\bthe reader (?:must|should)\b",
    r"\b(?:when|once|before|after) you (?:read|see|load|start|finish)\b",
    rf"\b(?:tell|instruct|order|direct|remind|convince) (?:the |any |all |every |each )?{_WHICH} {_AGENT}s?\b",
)
"""What is addressed to an agent that reads it."""

AGENTS_MUST: Final = _any(
    rf"\b(?:next|future|any|every|all|each|other|subsequent|whichever|ai|coding) {_AGENT}\s+"
    rf"(?:\w+\s+){{0,6}}?{_MUST}\b",
)
"""What is asked of all agents: people may."""

GIVES_SECRETS: Final = _any(rf"\b{_GIVE}\b.{{0,80}}{_SECRETS}")
"""Secrets on their way somewhere."""

CONCEALS: Final = _any(
    r"\b(?:do not|don'?t|never|without|avoid|must not|should not|no need to|instead of)\s+(?:\w+\s+){0,3}?"
    r"(?:tell|mention|reveal|inform|notify|alert|disclos|ask|warn|log|record|report)\w*\b.{0,40}"
    r"\b(?:users?|humans?|developers?|team|any(?:one|body)|operators?|reviewers?|owners?|permission|approval)\b",
    r"\b(?:silently|secretly|covertly|quietly|unnoticed)\b",
)
"""Something done behind people's backs."""

TO_YOU: Final = _any(
    r"\byou(?:'ll| will)? (?:must|should|shall|have to|need to|may|can)\b",
    r"\byou are (?:to|required|allowed|instructed|expected)\b",
    r"\byour (?:task|job|goal|role|mission|instructions?|(?:next|first) (?:step|action))\b|\bplease\b",
)
"""What is said to somebody."""

ORDER: Final = _any(
    rf"^\W*{_BEFORE}{_DO}\b",
    r"\b(?:must|always|never|shall|mandatory|required to|has to|have to|needs? to|make sure|be sure to|from now on"
    r"|should|do not|don'?t)\b",
)
"""What tells somebody to do something, or how it is to be done."""
