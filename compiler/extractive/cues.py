"""Words that show what a sentence is: a decision, a correction, a rule, a dead end, an open item, or nothing.

The lists are English. Other languages still give their questions and answers, commits, files, commands and
todo lists, which are read from structure.
"""

import re
from typing import Final


def _phrases(*alternatives: str, at_start: bool = False) -> re.Pattern[str]:
    """One case-blind pattern: any of the alternatives as whole words, anywhere or only at the beginning."""
    joined = "|".join(alternatives)
    before = r"^\W*" if at_start else r"(?<![\w/-])"
    return re.compile(rf"{before}(?:{joined})(?!\w|-\w)", re.IGNORECASE)


CHATTER: Final = _phrases(
    r"let me|i'll|i was|i am|i had|i will|i'm going to|i need to|i can(?: now)? see|i see|i should|i have to"
    r"|i understand|i found",
    r"now (?:i|let|we|that|the)|let'?s (?:check|see|look|verify|run|try|start|continue|find|review"
    r"|debug|proceed|go)",
    r"first,? (?:let|i)|perfect|great|good|excellent|sure|absolutely|sorry|thanks|thank you|hello"
    r"|hi|hey|wow|lol|nice",
    r"you'?re (?:right|absolutely|welcome)|you are right|okay|ok|alright|here(?:'s| is| are)"
    r"|looking at|got it|understood",
    r"would you like|do you want|should i|shall i|want me to|does (?:this|that)|is there anything"
    r"|feel free|ready to",
    r"done|all (?:tests|checks|done|good|\d+)|the (?:tests|build|linter?|changes?) (?:pass|are|is)"
    r"|wait|hang on|yes|yeah",
    r"this (?:is|was) (?:a )?(?:good|great|correct|exactly)|actually,? (?:let|i)|no problem"
    r"|note that i|the user|user (?:asked|wants)",
    r"based on|summary|changes made|what (?:was|i) (?:done|did)|tests? (?:pass|fail)|build (?:pass"
    r"|succe)|successfully",
    at_start=True,
)
DANGLING: Final = _phrases(
    r"this|that|these|those|it|its|it's|that's|they|them|he|she|which|both|so|and|but|or|then|also"
    r"|however|either|neither",
    r"there|same|such|otherwise|additionally|furthermore|instead|specifically|similarly|meanwhile"
    r"|for example|e\.g\.",
    r"like|because|since|thus|therefore|hence|again|yet|where|who|one|two|three|another|option \w"
    r"|approach \w|step \d+",
    r"the (?:above|former|latter|same|other|first|second|fix|issue|problem|bug|test|tests|change"
    r"|changes|error|reason|key)",
    at_start=True,
)
WHY: Final = _phrases(
    r"because|since (?:it|we|the|they|that|there|a|this)|so that",
    r"otherwise|the reason|due to|which means|would (?:break|fail|cause|lose|require)",
    r"for consistency|so (?:it|we|the|users|they|you)|risk|safer|simpler"
    r"|nobody|nothing against|is enough|are enough|proves nothing",
)
"""A reason in itself."""
REASON: Final = re.compile(rf"{WHY.pattern}|\b(?:in favou?r of|rather than|instead of)\b", re.IGNORECASE)
"""A reason, or what a choice was made against."""
USER_CHOSE: Final = re.compile(
    r"^(?:the )?user (?:chose|decided|prefer(?:s|red)|rejected|approved)\b",
    re.IGNORECASE,
)
"""How a host's summary tells a person's choice."""
PURPOSE: Final = _phrases(
    r"(?:in order )?to (?:avoid|prevent|ensure|match|keep|allow|support)|(?:prevent|avoid|ensur)(?:s|es|ing)"
)
"""What something is good for: half a reason."""
_AGAINST: Final = _phrases(r"in favou?r of|rather than|instead of|from \S+ to \S+")

DECISION_HUMAN: Final = _phrases(
    r"(?:go|going|went|stay|staying|stick|sticking) with|on purpose|by design|instead of|rather than|no longer"
    r"|we (?:do ?n[o']?t )?use|we (?:decided|agreed|chose|removed|renamed|replaced)",
    r"(?:should|must|can) (?:always|never|only|stay|remain)|(?:is|are) (?:good )?enough|wrong choice|inside is"
    r"|(?:do ?n[o']?t|do not) (?:think (?:we|you) )?need|adds? (?:too much |a lot of )?complexity|but instead|overkill"
    r"|no need (?:to|for)|not worth|the (?:issue|problem) with (?:the|this|that) .{3,40} is"
    r"|is intentional|must be|everything .{2,40} is",
    r"let'?s (?:drop|keep|use|call|rename|remove|replace|stay|stick|not|skip|leave)",
    r"(?:keep|leave|drop|move) (?:it|the)",
)
CHOOSES: Final = re.compile(
    r"^\W*(?:[\w`'./-]+ ){0,3}[\w`'./-]+, not (?:a |an |the )?[\w`]|^\W*no [\w` -]{3,50}(?:[:,;.]|$)|^\W*drop [\w`]",
    re.IGNORECASE,
)
CONDITION: Final = _phrases(r"if|when|what if|once|unless|whether|suppose|assuming", at_start=True)
DECISION_AGENT: Final = _phrases(
    r"instead of|rather than|in favou?r of|decided|chose|chosen|trade-?off|single source of truth"
    r"|now uses?|no longer",
    r"replaced|renamed|moved|switched|kept|by design|intentional(?:ly)?|removed|consolidated"
    r"|extracted|unified|must",
)
CORRECTION: Final = _phrases(
    r"no,?(?! (?:worries|problem|need|rush|idea))|nope|not|don'?t|do not|stop|wait|please (?:don'?t"
    r"|do not|stop)|never|undo|revert",
    r"that'?s (?:not|wrong)|that is (?:not|wrong)|this is (?:not|wrong|still)|wrong|why (?:are|did"
    r"|do|don'?t|didn'?t|not|would|is)",
    r"hmm+|i did ?n[o']?t (?:say|ask|want|mean)|i don'?t (?:like|think|want)|i said|i meant"
    r"|i'?d (?:rather|prefer)|instead",
    r"you (?:should|forgot|missed|broke|didn'?t|keep)|can'?t we|could ?n[o']?t we|should ?n[o']?t"
    r"|why not|prefer|ugh",
    r"let'?s (?:not|just|drop|remove|revert|keep|avoid)|yeah,? but|yes,? but|but|oh,? please|i mean",
    at_start=True,
)
RULE: Final = _phrases(
    r"always|never|make sure|on purpose|convention|from now on|(?:every|each) time|must(?: not| be"
    r"| have| use| never)?",
    r"we (?:don'?t|do not|never|always|prefer|use|explicitly|should be using)|(?:please )?(?:don'?t"
    r"|do not) \w+|should (?:always|never|not)",
    r"prefer|remember (?:to|that|also)|(?:no|without|avoid) \w+ing|before (?:committing|pushing|you"
    r"|we|starting|each)|in (?:claude|agents)\.md",
    r"guideline|avoid|wherever (?:we|you) can|as (?:small|simple) as|(?:keep|each|every) commit"
    r"|critical|important",
)
HABIT: Final = _phrases(
    r"tests?|lint(?:er|ing)?|commits?|push|pull request|pr|reviews?|docs?|documentation|changelog"
    r"|readme|rebase|merge|plan",
    r"ci|format|subagents?|comments?|issue|ticket|branch|draft|summary|explain|options|typecheck|benchmark",
)
GENERAL: Final = _phrases(
    r"always|never|wherever|whenever|every|each|any|all|generally|in general|directive|convention"
    r"|principle|rule|from now on|on purpose",
    r"workflows?|codebase|in the future|instead of|rather than|explicitly|broken state",
)
DEAD_END: Final = _phrases(
    r"(?:does|did|do|will|would|can)(?: not|n'?t) (?:actually |really )?(?:work out|help|solve|scale)\w*",
    r"not (?:possible|feasible|viable)|abandon(?:ed|ing)|gave up|give up|rolled back",
    r"made (?:it|that|this) up|turn(?:s|ed) out|dead end|too (?:complex|fragile|risky)|backed out",
    r"no benefit|falls? apart|misdiagnosed|red herring|concede|won'?t work",
)
OPEN: Final = _phrases(
    r"(?-i:TODO|FIXME)|follow[- ]?ups?|for later|not now|for now|next steps?|still (?:fail"
    r"|need(?!ed)|open|to do|broken|miss)\w*",
    r"defer(?:red)?|out of scope|future (?:work|prs?|improvement|enhancement|exercise"
    r"|task)|left (?:to do|open|for)",
    r"pick (?:this|it) up|separate (?:pr|ticket|issue|branch|task)|wip|unfinished|known (?:issue"
    r"|limitation)|park(?:ed)?",
    r"not (?:yet )?(?:implemented|covered|handled|tested|done)|(?:are|is) (?:still "
    r"|currently )?(?:failing|broken)|remaining (?:work|issue|task|step|problem|fail)\w*",
)
LEFT_OPEN: Final = _phrases(
    r"(?:leave|left|stays?|remains?) (?:[\w'-]+ ){0,6}open(?! in\b)|still open(?! in\b)|open (?:item|question)"
    r"|not done yet|still to be done"
)
PUT_OFF: Final = _phrases(
    r"(?:do|add|fix|handle|address|tackle|come|back|revisit|it|this|that|them) .{0,30}(?:later"
    r"|tomorrow|next week)"
)
OPEN_EXPLICIT: Final = _phrases(
    r"(?-i:TODO|FIXME)|follow[- ]?ups?|for later|not now|deferred|out of scope|future (?:work|prs?"
    r"|exercise|task|improvement)",
    r"pick (?:this|it) up|separate (?:pr|ticket|issue|branch|task)|unfinished|known (?:issue"
    r"|limitation)|parked?|leave (?:this|it|that) (?:for|as)",
)
CAUSE: Final = _phrases(
    r"root cause|the (?:issue|problem|bug|cause|failure|culprit|reason) (?:is|was|came|comes)"
    r"|(?:was|were|is|are) caused by",
    r"caused by|(?:was|were) (?:failing|broken|missing|lost|ignored|skipped|overwritten) (?:because"
    r"|when|since)",
    r"(?:was|were) (?:\w+ing|not) .{3,80} because",
    r"(?:fails?|failed|breaks?|broke) (?:because|when|since)|(?:happened|occurred) because"
    r"|misdiagnosed|solved",
)
REVERSAL: Final = _phrases(
    r"drop(?:ped|ping)?|remov(?:e|ed|ing)|revert(?:ed)?|instead of|rather than|no longer|renam(?:e"
    r"|ed)|replac(?:e|ed|es)",
    r"switch(?:ed|es)? (?:to|from)|abandon(?:ed)?|not|don'?t|go back|undo|without|single|deleted?"
    r"|mov(?:e|es|ed) (?:to|from|the|it)|change|wrong choice|replaces|reversed",
)
MERE_IDEA: Final = _phrases(r"could|would|may want|ready (?:to|for)|if you|feel free|optional(?:ly)?|you can")
"""What an agent offers at the end of its answer is no work that anybody left."""
REVERSED: Final = _phrases(
    r"revers(?:ed|es)|wrong choice|no longer|mov(?:e|es|ed) (?:from|back)|instead of|replaces",
    r"switch(?:ed|es) (?:from|back)"
    r"|back to|not any ?more|from the .{3,40} (?:to|into) the|in place of",
)
"""How an agent's decision speaks where it takes an earlier one back."""
VOICE: Final = re.compile(
    r"(?<!\w)(?:i|i'm|i'd|i've|we|we're|we've|you|you're|us|let'?s|me|my|our|please|pls|think|guess"
    r"|want)(?!\w)",
    re.IGNORECASE,
)
REVIEW: Final = re.compile(
    r"\b(?:High|Medium|Low|Critical) Severity\b|\bSuggested fix\b|\bP[0-3]\b.{0,20}\bbadge\b"
    r"|^\s*Consider \w+ing\b",
    re.IGNORECASE,
)
CHOICE: Final = re.compile(
    r"\b(?:option|approach|variant)\s*#?([1-9A-E])\b|^\W*(?:(?:let'?s |i'd |we )?(?:do|try|go with"
    r"|take|pick)\s+)?"
    r"([1-9A-E])(?:\s*[=!,]|[.)]?\s*$)",
    re.IGNORECASE,
)
AGREES: Final = re.compile(
    r"^\W*(?:(?:yes|ah|oh|hmm|okay|ok),?\s+)?(?:you'?re (?:absolutely |completely "
    r"|totally )?(?:right|correct)|you are (?:absolutely )?(?:right|correct)|good (?:point|catch"
    r"|question|call|idea)"
    r"|great (?:point|catch|question|idea)|that'?s (?:right|correct|a good point|a great point)"
    r"|exactly|correct|right|fair (?:point|enough)|understood|got it|agreed|my (?:mistake|bad)"
    r"|i apologi[sz]e|sorry(?: about that| for [\w ]{1,30})?|makes sense"
    r"|i see)\b(?: about \w+)?\s*[-–—.,!:;]*\s*",
    re.IGNORECASE,
)
STRICT: Final = _phrases(
    r"always|never|must|don'?t|do not|avoid|prefer|critical|important|should(?: not| always"
    r"| never)?|only use|ensure"
)
TRIVIA: Final = re.compile(
    r"(?<!\w)(?:tests?|Test\w+|\w+_tests?(?:\.\w+)?|lint\w*|nolint\S*|go(?:fmt|imports)|comments?"
    r"|typos?|unused|imports?|undefined|compil\w+|whitespace|quick|seconds|minutes)(?!\w)"
)
GAVE_UP: Final = _phrases(
    r"(?:is|was|are) (?:a )?dead ends?|(?:we|i|have) abandoned|abandon(?:ed|ing) (?:it|this|that|the|because|in)"
    r"|gave up|rolled back|backed out|(?:reverted|dropped|undid) (?:it|this|that)|dropped:|does ?n[o']?t work out"
    r"|not worth it|not feasible|not viable|falls? apart|red herring|misdiagnosed"
    r"|no benefit|tried .{3,80} but|turned out (?:to be|not|that)|too (?:fragile|risky)"
)
LIMIT: Final = _phrases(
    r"(?:does|do|will|can)(?: not|n'?t|not) (?:actually |really )?(?:support|respect|honou?r|allow"
    r"|provide|persist|preserve)\w*|not (?:possible|supported)|no way to|cannot be"
)
FAILED: Final = re.compile(f"{GAVE_UP.pattern}|{LIMIT.pattern}", re.IGNORECASE)
DID: Final = _phrases(
    r"added|fixed|removed|changed|created|updated|renamed|moved|implemented|refactored|extracted"
    r"|replaced|rewrote|merged",
    r"converted|reverted|restored|dropped|switched|deleted|simplified|replied|opened|disabled|enabled",
    at_start=True,
)
HEDGE: Final = _phrases(
    r"i think|i believe|maybe|perhaps|possibly|probably|might(?: be| have)?|likely|seems?|appears?"
    r"|could be|presumably|i suspect|not sure|let me",
)
SUGGESTS: Final = _phrases(
    r"alternatives?(?: \w+)?:?|option \w+|approach \w+:|we could|you could|recommend|suggest|i think|maybe",
    at_start=True,
)
PROPOSAL: Final = _phrases(
    r"could|would|should|consider|recommend|suggest(?:s|ed)?|bugs?|issues?|wrong|incorrect(?:ly)?"
    r"|fails?|failing|failed|errors?|broken|returning|problems?"
    r"|outdated|missing|expects?"
)


def explains(text: str) -> bool:
    """Whether a sentence gives a reason, or says both what a choice was made against and what it is good for."""
    return bool(WHY.search(text) or (PURPOSE.search(text) and _AGAINST.search(text)))
