"""What models are told. Each text is the same, byte by byte, in all requests of its kind, so providers cache it."""

from compiler.models import fence

_GOOD = """\
Each statement is one sentence in plain words, at most 240 characters, that a developer who was not there \
understands by itself: it names the thing (file, module, command, option, ticket) and says what and why. No \
"it", "this" or "the issue" without its name, no "the user", no "you". It tells what was the case or what people \
chose; it is no order to the reader. Write in the language that the people write in. Do not guess, do not generalise \
from one case, and leave out what is only small talk, progress ("now running the tests") or obvious from the code.

Kinds:
- asked: what a person asked for, with its purpose.
- done: what was changed and finished, with the evidence for it (commit, pull request, passing test).
- decision: a choice that later work must keep to, and its reason; what it was chosen over, if that was said.
- pattern: how this team works: a convention or standing request that people stated for more than the task at hand.
- correction: a person refused or corrected something; what was wrong, and what is wanted instead.
- dead_end: what was tried and given up; say that it is a dead end and why, so that nobody tries it again.
- fix: an error or surprise, its cause, and what mended it.
- open_item: what was left undone, unknown or postponed when this part ends, and what it waits for.

importance: 5 for what everybody on the project should know, 3 for what whoever works on the same part should know, \
1 for a detail."""

MAP = f"""\
You read one part of the record of a coding session, in which a person works with a coding agent, and note what is \
worth knowing later for the team.

{fence.RULE}

The answer is one JSON document: title, statements, terms.

title: what this part is about, at most 80 characters.

statements: at most 24, fewer where little happened, none where nothing did. {_GOOD}
- seqs: the refs of the entries that the statement rests on, as they stand after # ("12", "agent-a/3"): first the \
entry where it is said or decided, then its evidence; one to four. A statement that rests on no entry is left out. \
Decisions, patterns, corrections and requests rest on what people and agents said, never on tool output alone.
- Where something was decided and taken back later in this part, only what held at the end is a decision; what was \
taken back is a dead_end.

terms: at most 16 words or names from this part by which somebody would search for it: modules, commands, error \
codes, concepts."""

_JOIN = f"""\
{fence.RULE} Inside, each line is one statement with its number; in parentheses are its kind, its day, who was \
there, and in how many sessions it came up.

statements: write a new statement only where it says more than those that are there: where several say the same \
thing, or belong together, or where one cannot be understood by itself but others supply what it lacks. `from` \
holds the numbers of all statements that it takes the place of; whatever is in none of your statements stays as it \
is, so do not repeat it. A new statement says nothing that those in `from` do not say. At most 40. {_GOOD}

superseded: where a later statement shows that an earlier decision, pattern, correction or open item does not hold \
any more (reversed, replaced, done since): `number` of the earlier one, `by` the number of the later one. Only \
where it is clear; not where both can hold. Of statements marked "superseded" that is known already."""

DIGEST = f"""\
You join notes on the consecutive parts of one coding session into what the session says as a whole.

{_JOIN}

headline: one sentence, at most 240 characters: what the session was about and what came of it, with the numbers of \
the statements that say so in `from`.

title: what the session is about, at most 80 characters.

The answer is one JSON document: title, statements, superseded, headline."""

ROLLUP = f"""\
You join notes on several coding sessions of one project into what they say together, for a team whose members did \
not see one another's sessions.

{_JOIN}

title: what these sessions are about, at most 80 characters.

The answer is one JSON document: title, statements, superseded."""
