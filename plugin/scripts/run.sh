#!/bin/sh
# Runs the rlm-context command for the plugin: `run.sh hook EVENT`, `run.sh mcp`.
# Where the command is missing or too old, the first session that starts says so in one line; no hook ever fails.

needed=0.1.0 # the plugin's own version: older commands may not know its hooks and tools
config=${CLAUDE_CONFIG_DIR:-$HOME/.claude}
project=${CLAUDE_PROJECT_DIR:-.}
data=${CLAUDE_PLUGIN_DATA:-$config/plugins/data/rlm-context}
install='Install it from a checkout of its repository: uv tool install . (or pipx install .), then start a new session.'

say_once() { # NAME TEXT: one message for the user, the first time
	[ -e "$data/$1" ] && return
	mkdir -p "$data" 2>/dev/null && : 2>/dev/null >"$data/$1"
	printf '{"systemMessage":"rlm-context: %s %s"}\n' "$2" "$install"
}

is_old() { # whether the command is older than the plugin; asked once for each command and version of the plugin
	[ "$data/asked-$needed" -nt "$command" ] && return 1
	found=$(rlm-context --version 2>/dev/null | sed 's/.* //')
	oldest=$(printf '%s\n%s\n' "$needed" "${found:-0}" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)
	[ "$oldest" != "$needed" ] && return 0
	mkdir -p "$data" 2>/dev/null && : 2>/dev/null >"$data/asked-$needed"
	return 1
}

if ! command=$(command -v rlm-context 2>/dev/null); then
	problem='the command rlm-context is not on PATH, so nothing is shared.'
	if [ "$1" != hook ]; then
		echo "rlm-context: $problem $install" >&2
		exit 1
	fi
	[ "$2" = session-start ] && say_once told "$problem"
	exit 0
fi
[ "$1" = hook ] || exec rlm-context "$@"

# Hooks that `rlm-context install` wrote into the settings do the same; nothing is done twice.
for settings in "$config/settings.json" "$project/.claude/settings.json" "$project/.claude/settings.local.json"; do
	grep -qs -e rlm_context/hooks/__main__.py -e 'rlm-context hook ' "$settings" && exit 0
done

if [ "$2" = session-start ] && is_old; then
	told=$(say_once "old-$needed" "the command rlm-context is older than this plugin ($needed).")
	[ -n "$told" ] && echo "$told" && exit 0 # instead of the brief: two JSON documents would be none
fi
rlm-context "$@" 2>/dev/null
exit 0
