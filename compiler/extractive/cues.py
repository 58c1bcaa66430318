"""Words that show what a sentence is: a decision, a correction, a dead end, an open item, a rule, or nothing.

The lists are English; other languages still get their questions, answers, commits, files and commands, which
are read from structure.
"""

import re
from typing import Final

_I: Final = re.IGNORECASE

CHATTER = re.compile(
    r"^(?:let me|i'll|i will|i'm going to|i need to|i can see|i see|i should|i have to|now (?:i|let|we)\b|let's (?:check|see|look"
    r"|verify|run|try|start|continue|find|also check|now)|first,? (?:let|i)|perfect|great|good|excellent|sure|absolutely|sorry"
    r"|thanks|thank you|hello|hi\b|hey\b|you're (?:right|absolutely)|you are right|okay|ok\b|alright|here(?:'s| is| are)\b"
    r"|looking at|would you like|do you want|should i\b|shall i|want me to|does (?:this|that)|is there anything|feel free"
    r"|done[.!]?$|all (?:tests|checks|done|good)|the (?:tests|build|linter?) (?:pass|are passing|is clean)|understood|got it"
    r"|this (?:is|was) (?:a )?(?:good|great|correct|exactly)|wait|hmm|actually,? (?:let|i)|yes\b|no problem|note that i"
    r"|the user|user (?:asked|wants)|based on|summary|changes made|what (?:was|i) (?:done|did))",
    _I,
)
DANGLING = re.compile(
    r"^(?:this|that|these|those|it|its|it's|they|them|he|she|which|both|so|and|but|or|then|also|however|either"
    r"|here|there|same|such|otherwise|additionally|furthermore|instead|specifically|similarly|meanwhile|for example"
    r"|e\.g\.|like|because|since|thus|therefore|hence|again|yet|the (?:above|former|latter|same|other|first|second))\b",
    _I,
)
REASON = re.compile(
    r"\b(?:because|since (?:it|we|the|they|that|there)|so that|in order to|to avoid|to prevent|to ensure|otherwise"
    r"|the reason|due to|in favou?r of|rather than|instead of|which means|would (?:break|fail|cause|lose)|ensures?"
    r"|prevents?|avoids?)\b",
    _I,
)
DECISION_HUMAN = re.compile(
    r"\b(?:let'?s (?!see|check|look|try to find|talk|discuss|start|continue|first|wait)|i(?:'d| would) (?:prefer|rather|like to (?:keep|have|use|change|go|make))"
    r"|i want (?:it|to have|the|us)|we (?:should|need to|want to|have to|must)|go(?:ing)? with|on purpose|instead of|rather than"
    r"|let us|we (?:use|don't use|decided|agreed|chose)|i think we (?:should|can|need)|should be (?:called|named|enough|fine))\b",
    _I,
)
DECISION_AGENT = re.compile(
    r"\b(?:instead of|rather than|in favou?r of|decided|chose|chosen|approach is|trade-?off|single source of truth|now uses?\b"
    r"|no longer|replaced|renamed|moved .{1,60} to|switched|kept .{1,60} (?:because|since|for)|by design|intentional(?:ly)?)\b",
    _I,
)
CORRECTION = re.compile(
    r"^(?:no\b(?! (?:worries|problem|need|rush))|nope|not\b|don'?t|do not|stop\b|wait\b|please (?:don'?t|do not|stop)|never\b"
    r"|undo|revert|that'?s (?:not|wrong)|that is (?:not|wrong)|this is (?:not|wrong|still)|wrong|why (?:are|did|do|don'?t|didn'?t|not|would)|actually"
    r"|hmm|i (?:did ?n[o']?t|don'?t|never) (?:say|said|ask|want|like|think)|i said|i meant|i'?d (?:rather|prefer)|instead\b|again\b|you (?:should|forgot|missed|broke|didn'?t|keep)"
    r"|can'?t we|could ?n[o']?t we|should ?n[o']?t|why not|prefer\b|let'?s (?:not|just|drop|remove|revert|keep|avoid)|yeah,? but|yes,? but|but\b)",
    _I,
)
RULE = re.compile(
    r"\b(?:always|never|make sure|on purpose|convention|from now on|every time|each time|must (?:not|be|have|use|never)|we (?:don'?t|do not|never|always|prefer"
    r"|use|explicitly)|don'?t (?:ever|use|add|commit|amend|push|check|touch|put|include|want)|should (?:always|never|not)|prefer\b|remember|(?:no|without) (?:amend|force)"
    r"|before (?:committing|pushing|you commit)|in (?:claude|agents)\.md|guideline|avoid\b|follow)\b",
    _I,
)
DEAD_END = re.compile(
    r"\b(?:(?:does|did|do|will|would|could|can)(?: not|n'?t) (?:actually )?(?:work|help|compile|solve|exist|support|handle|fix)|not (?:possible|supported|feasible)"
    r"|revert(?:ed|ing)?\b|abandon(?:ed|ing)?|gave up|rolled back|dropped|undo|made (?:it|that|this) up|turn(?:s|ed) out|dead end|too (?:complex|fragile|risky|hard)"
    r"|no (?:benefit|way to)|dropping|falls apart|nuclear|remove(?:d)? (?:again|completely|entirely)|backed out)\b",
    _I,
)
OPEN = re.compile(
    r"\b(?:todo|fixme|follow[- ]?ups?|for later|later\b(?! (?:than|date|time|version|in|on))|not (?:yet|now)|for now|next steps?|remaining|still (?:fail|need|open|to do|broken|miss)\w*"
    r"|tomorrow|defer(?:red)?|out of scope|future (?:work|pr|improvement|enhancement)|left (?:to do|open|for)|pick (?:this|it) up|separate (?:pr|ticket|issue|branch)|wip|unfinished"
    r"|known (?:issue|limitation)|not (?:implemented|covered|handled|tested))\b",
    _I,
)
CAUSE = re.compile(
    r"\b(?:root cause|the (?:issue|problem|bug|cause|error|failure|reason) (?:is|was|here|comes|came)|caused by|was (?:failing|broken|missing|caused)|happen(?:s|ed) (?:because|when)"
    r"|the fix\b|fixed (?:by|the)|fix(?:es)? (?:is|was)|because)\b",
    _I,
)
AFFIRMATIVE = re.compile(
    r"^(?:yes|yeah|yep|yup|ok(?:ay)?|sure|sounds good|go ahead|do it|please do|great|perfect|agreed?|correct|exactly|lgtm|continue|proceed|y)\b[\s,.!]*",
    _I,
)
OPTION = re.compile(
    r"\b(?:option|approach|number|variant|choice|#)\s*#?([1-9A-E])\b|^\s*(?:do |let'?s (?:do|try|go with) |go with )?([1-9])\s*[.=!]?\s*$",
    _I,
)
