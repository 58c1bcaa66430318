"""What people call the same thing: words of software work that stand for one another.

A teammate asks in plain words ("check in"), a transcript uses the tools' words ("commit"), and two such
sentences can share no word at all. Stemming cannot bridge that, and models that could are not part of a plain
installation; a list of what the trade calls what can. Each line is a group, its members parted by commas; a
member may be a phrase of up to three words. It is general on purpose: no project's own names belong here.
"""

from functools import cache

from search.schema import ANALYZER

_GROUPS = """
chat, conversation, session, thread, dialogue
assistant, agent, bot, copilot
model, llm, ai, claude, gpt, gemini
anthropic, claude
openai, codex, gpt, chatgpt
ask, prompt, request, question, query
answer, reply, response
recap, summary, summarize, digest, overview, synopsis, condense, tldr
condense, summarize, compact, shrink, compress
transcript, log, history, record, conversation
snapshot, checkpoint, save point, saved state, backup
starting point, base, baseline, origin, initial
context window, token limit, too big, too long, too large, oversized, exceed
token, context
hook, callback, handler, listener, trigger
vendor, provider, supplier
tool, command, cli, utility, program
remember, store, persist, record, save, track
forget, delete, erase, purge, remove, clean
keep, retain, preserve, retention
erase, delete, remove, drop, discard, wipe, purge, prune, cleanup
get rid of, delete, remove, drop
add, introduce, create, insert, new
change, edit, modify, update, alter, adjust
rename, renamed, move
replace, substitute, swap, switch
undo, revert, rollback, roll back, restore, reset, rewind, back out
go back, revert, rollback, restore, rewind
fix, repair, mend, solve, resolve, correct, patch
broke, break, fail, crash, bug, regression
bug, defect, issue, problem, fault, error, wrong
error, failure, exception, fault, fail, panic
crash, panic, abort, segfault, die
cause, reason, root cause, because, why
hang, stuck, freeze, block, deadlock, stall
slow, performance, latency, sluggish, optimize, fast, speed
speed up, optimize, performance, faster
fast, quick, speed, performance
superfluous, redundant, unnecessary, unneeded, needless, unused, duplicate
useless, redundant, unnecessary, unused
duplicate, copy, clone, dup, duplication, dedupe, redundant
copy, clone, duplicate
copy and paste, duplicate, duplication, dup, clone
merge, combine, unify, consolidate, join, squash
split, separate, divide, extract, chunk
chunk, piece, part, segment, split, block
half finished, incomplete, partial, wip, unfinished, broken, intermediate
finished, complete, done, ended, closed
incomplete, partial, missing
blank, empty, nothing, null, nil, missing
empty, blank, nil, null, none
commit, check in, checkin
check in, commit
amend, rewrite, modify, force
rewrite history, amend, rebase, force push
push, upload, publish, remote
pull, fetch, download, sync
pull request, pr, merge request, review
merge request, pull request, pr
code review, review, feedback, pr
branch, ref, head
scratch, temporary, temp, throwaway, ephemeral, draft
hidden, internal, private, secret, invisible
checkout, worktree, working tree, working copy, working directory, clone, repo
set aside, put aside, stash, shelve
stash, shelve, unstash
repo, repository, project, codebase
staged, index, stage
ignored, ignore, gitignore, exclude, skip
conflict, clash, collision, overlap
clash, collide, collision, conflict, redeclare
version, release, tag
release, publish, ship, deploy, rollout
deploy, release, rollout, ship, production
build, compile, compilation, make
compile, build
executable, binary, binaries, program
ready made, pre built, prebuilt, precompiled, binary
prebuilt, pre built, precompiled, ready made
package manager, homebrew, brew, npm, apt, pip
mac, macos, darwin, osx, apple
windows, win32, powershell
install, setup, set up, installation
enable, turn on, activate, opt in
disable, turn off, deactivate, opt out, switch off
upgrade, update, bump, migrate
dependency, library, package, module, import
dependencies, libraries, packages, modules, vendor
sign, signed, signing, notarize, certificate, codesign
pipeline, ci, workflow, actions, continuous integration
ci, pipeline, workflow, actions
test, check, verify, spec, assert, coverage
flaky, intermittent, unstable, race, nondeterministic
mock, fake, stub, double
lint, linter, golangci, ruff, eslint, style
format, formatting, fmt, style
pre commit, precommit, hook
refuse, reject, deny, block, prevent, disallow, forbid
prevent, stop, avoid, block, guard, protect
allow, permit, may, let, accept, permission
allowed, permit, permission, must, never, policy, rule
forbidden, never, disallow, prohibit, must not
convention, rule, guideline, standard, practice, style, policy
agree, decide, settle, conclude, decision, choose
settle on, decide, agree, choose, decision
decide, decision, choose, chose, pick, opt, prefer, settle
postpone, defer, later, put off, delay, follow up, backlog
put off, defer, postpone, later
plan, proposal, design, approach, spec, roadmap
proposal, plan, design, rfc
ticket, issue, task, story, linear, jira
left open, todo, open, remaining, follow up, unresolved
someone, somebody, user, person
people, user, customer, team
developer, engineer, dev, author, contributor
teammate, colleague, team
quit, exit, close, end, stop, terminate, leave, shutdown
finish, end, complete, close, done
begin, start, launch, init, initialize, open
start up, startup, launch, boot, init
time, timestamp, date, clock
parallel, concurrent, simultaneous, side by side, at the same time, at once
side by side, concurrent, parallel, simultaneous
race, concurrent, lock, synchronization
lock, mutex, exclusive
background, async, detached, daemon
schedule, cron, periodic, timer, nightly
retry, again, repeat, attempt, backoff
wait, sleep, poll, timeout, delay
timeout, deadline, time out, expire
expire, expiry, ttl, stale, timeout
cache, memo, memoize, buffer
queue, backlog, buffer, spool
fingerprint, hash, checksum, digest, sha
hash, checksum, digest, fingerprint, sha
identifier, id, uuid, key, name
id, identifier, uuid
random, uuid, nonce
name, title, label, identifier
suffix, ending, end, tail, postfix
prefix, beginning, lead
numbered, number, suffix, index, counter, sequence
counter, count, number, total
folder, directory, dir, path
directory, folder, dir, path
file, document, source
link, symlink, symbolic link, url, hyperlink
shortcut, alias, symlink, link
drag, pull, copy, include, leak
private, secret, sensitive, personal, confidential
secret, credential, password, token, key, api key
credential, secret, token, password, key, auth
log in, login, sign in, authenticate, auth, oauth
login, auth, authentication, sign in
permission, access, privilege, rights, scope
leak, expose, exfiltrate, disclose
attack, exploit, vulnerability, malicious, injection, traversal
vulnerability, security, exploit, cve
redact, mask, scrub, sanitize, anonymize
sanitize, escape, clean, validate
validate, check, verify, validation
encrypt, encryption, cipher, tls
disk, filesystem, storage, drive
memory, ram, heap, allocation
server, backend, service, host, remote
client, frontend, caller
frontend, ui, interface, page, web
screen, display, show, view, terminal, output
show, display, print, list, render, output
message, text, warning, notice, banner
warn, warning, alert, notice, notify
notify, notification, alert
database, db, sql, postgres, sqlite, store
table, schema, relation
field, column, property, attribute, key
migration, migrate, upgrade, schema
setting, config, configuration, option, preference, flag, parameter
config, configuration, settings, option
flag, option, switch, argument, parameter
argument, parameter, arg, flag, option
environment variable, env, env var
default, fallback, standard
fallback, default, backup, fall back
function, method, func, routine, procedure
piece of code, function, method
call, invoke, execute, run
run, execute, invoke, launch
class, type, struct, object
interface, protocol, contract, abstract
variable, var, field, value
constant, const, hardcode, literal
refactor, restructure, cleanup, rework, reorganize, simplify
simplify, simpler, refactor, reduce complexity
complexity, complicated, complex
nested, recursive, inside, child
child, nested, sub, subprocess, descendant
subagent, child agent, sub agent, task
parent, ancestor, base, outer
orphan, orphaned, dangling, stale, leftover
leftover, stale, orphan, remaining, residual
old, legacy, deprecated, obsolete, former
deprecated, obsolete, legacy, old
current, latest, present, now, active
unique, distinct, deterministic
deterministic, stable, predictable, sorted
order, sort, sequence, sorted
size, length, limit, large
limit, maximum, max, cap, threshold, quota
minimum, min, threshold, least
percentage, percent, ratio, coverage
big, large, huge, oversized, long
small, short, tiny, little, minor
short, abbreviated, truncated, brief
truncate, cut, clip, shorten, trim
filter, select, exclude, match
search, find, look up, lookup, query, grep
detect, find, discover, recognize, determine, identify
work out, determine, resolve, compute, detect, derive
determine, compute, resolve, detect
compute, calculate, count, derive
read, load, parse, open
write, save, store, emit, output
parse, decode, read, interpret
encode, serialize, marshal, encoding
serialize, marshal, json, encode
usage, telemetry, analytics, metrics, tracking, statistics
telemetry, analytics, metrics, tracking
cost, price, spend, money, billing, usd
documentation, docs, readme, manual, guide
docs, documentation, readme
comment, note, remark, annotation
note, notes, document, memo
instruction, guideline, prompt, rule
example, sample, demo
machine, computer, host, laptop, device
network, internet, connection, online, offline
address, url, endpoint, uri
endpoint, url, route, api
web, http, website, browser
container, docker, image, sandbox
cloud, aws, gcp, azure, s3
shell, terminal, bash, console, command line
command line, cli, terminal, shell
elsewhere, other, outside, different
work in progress, wip, draft, partial
colour, color, theme, style
layout, structure, format, organization
teach, implement, add, support
support, handle, implement
planned, plan, proposal, intend
try, attempt, experiment, tried
give up, abandon, drop, revert
abandon, drop, discard, revert
share, shared, common, team
common, shared, general
apart, separate, isolated, distinct
isolate, separate, sandbox, independent
wrong, incorrect, bug, mistake, false
mistake, error, wrong, incorrect
made up, invent, hallucinate, fabricate, imaginary
real, actual, true, genuine
strange, weird, odd, unexpected
unexpected, surprising, wrong, odd
silent, quiet, swallow, suppress
swallow, ignore, suppress, silent
missing, absent, lost, not found, lack
lost, missing, lose, gone
google, gemini
skip, ignore, bypass, omit, exclude
leave out, omit, skip, exclude
include, contain, embed, bundle
embed, bake in, inline, bundle
owner, maintainer, author
credit, attribution, author
share, proportion, percentage, ratio
guess, heuristic, assume, infer
assume, assumption, presume, expect
guarantee, promise, ensure
make sure, ensure, verify, guarantee
look at, inspect, review, examine
investigate, debug, diagnose, analyze, trace
noise, verbose, chatter, spam
logging, log, trace, journal
pop up, popup, dialog, prompt, modal
confirm, confirmation, approve, prompt
approve, accept, confirm, sign off, lgtm
complain, error, warn, report
increase, raise, grow, bump, expand
reduce, decrease, lower, shrink, cut
wrapper, adapter, shim, facade
plugin, extension, addon
entry point, main, startup
loop, cycle, circular, recursion
compare, diff, difference, delta, comparison
differ, mismatch, inconsistent, discrepancy
consistent, uniform, match
synchronize, sync, align
out of date, stale, outdated, obsolete
up to date, current, fresh, latest
recent, latest, last, new
previous, prior, earlier, last
next, following, subsequent
time zone, timezone, utc
text, string, content, body
letter, character, char
list, array, slice, sequence
dictionary, map, mapping, dict
pointer, reference, ref
thread, goroutine, worker, process
job, task, run, work
kill, terminate, signal, sigterm, sigkill
interrupt, cancel, abort, stop
resume, continue, restore, pick up
carry on, continue, proceed, resume
pause, suspend, stop, wait
associate, link, map, relate, connect
append, attach, extend, trailing
footer, trailer
metadata, info, information, details
statistics, stats, metrics, counts
emoji, icon, symbol
admin, root, sudo, superuser
current folder, cwd, working directory
subfolder, subdirectory, nested
top level, root, toplevel
wildcard, glob, pattern
regular expression, regex, regexp, pattern
typo, misspell, spelling
wording, phrase, text, message
help text, usage, help, description
explain, describe, clarify, document
suggest, recommend, propose, advise
feedback, review, comment, suggestion
reviewer, copilot, bot
outcome, result, conclusion, output
effect, impact, consequence, result
risk, danger, concern, hazard
dangerous, destructive, unsafe, risky
tradeoff, compromise, pros, cons, drawback
drawback, downside, disadvantage, cons
advantage, benefit, upside, pros
alternative, option, approach, instead
approach, strategy, method
automatic, auto, implicit
by hand, manual, explicit
toggle, flag, switch, enable
mandatory, required, must
transient, temporary, tmp, temp
permanent, persistent, durable
timeline, history, chronology
past, history, previous, earlier
hierarchy, tree, graph, nested
browse, explore, navigate, view
interactive, tui, prompt, menu
menu, picker, select, choice
editor, ide, vscode, vim
license, licence, legal
public, open, exposed, external
third party, external, vendor, dependency
end to end, e2e, integration
tested, test, coverage, spec
succeed, pass, success, green
fixture, sample, testdata
benchmark, measure, performance, profile
bottleneck, slow, hotspot
expensive, slow, costly
garbage collection, gc, cleanup, prune
compress, gzip, zip, zstd, archive
mirror, replicate, copy, sync
main, master, trunk, default
squash, merge, combine, rebase
diverge, conflict, drift
commit message, message, subject
uncommitted, dirty, unstaged, modified
untracked, new file
author, who wrote, blame
stop working, broke, break, fail, regression
come back, reappear, regression, again
work around, workaround, bypass, hack
hack, workaround, kludge, temporary
rename, move, mv
throw away, discard, delete, drop
throw, raise, panic, exception
catch, handle, recover, rescue
swallow, ignore, suppress
cut off, truncate, clip
cut down, reduce, trim
speed, performance, latency
heavy, expensive, slow, large
lightweight, cheap, fast, small
turn off, disable, off
turn on, enable, on
spread, distribute, propagate
forward, proxy, relay, pass
listen, subscribe, watch, observe
watch, monitor, observe, poll
monitor, watch, observe, metrics
event, trigger, signal, hook
step, stage, phase, task
phase, step, stage
goal, aim, objective, purpose
purpose, goal, intent, why
need, require, must
own, belong, owner
group, batch, bundle
batch, bulk, group
bulk, batch, mass
cheap, inexpensive, free
"""

Phrase = tuple[str, ...]


@cache
def _table() -> dict[Phrase, dict[str, None]]:
    """What each member may be replaced by; made on first use, as most queries match in their own words."""
    table: dict[Phrase, dict[str, None]] = {}
    for line in _GROUPS.strip().splitlines():
        members = [tuple(ANALYZER.analyze(member)) for member in line.split(",")]
        single = [member[0] for member in members if len(member) == 1]
        for member in members:
            table.setdefault(member, {}).update(dict.fromkeys(one for one in single if one not in member))
    return table


def synonyms(stems: list[str]) -> dict[str, list[str]]:
    """For words of a query, the stems that may stand in their place.

    Args:
        stems: the query's stems in their order, stopwords included, because phrases may hold some.

    Returns:
        By stem; what stands for a phrase is listed at the phrase's last stem.
    """
    table = _table()
    found: dict[str, list[str]] = {}
    for size in (3, 2, 1):
        for end in range(size, len(stems) + 1):
            others = table.get(tuple(stems[end - size : end]), {})
            known = found.setdefault(stems[end - 1], [])
            known += [stem for stem in others if stem not in known and stem not in stems]
    return found
