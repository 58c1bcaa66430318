#!/bin/sh
# Runs the rlm-context command for the plugin: `run.sh hook EVENT`, `run.sh mcp`.
# Where the command is missing or too old, the first session that starts says so in one line; no hook ever fails.

config=${CLAUDE_CONFIG_DIR:-$HOME/.claude}
project=${CLAUDE_PROJECT_DIR:-.}
install='Install it from a checkout of its repository: uv tool install . (or pipx install .), then start a new session.'

say_once() {
	told=${CLAUDE_PLUGIN_DATA:-$config/plugins/data/rlm-context}/told
	[ -e "$told" ] && return
	mkdir -p "${told%/*}" 2>/dev/null && : 2>/dev/null >"$told"
	printf '{"systemMessage":"rlm-context: %s %s"}\n' "$1" "$install"
}

if ! command -v rlm-context >/dev/null 2>&1; then
	problem='the command rlm-context is not on PATH, so nothing is shared.'
	if [ "$1" != hook ]; then
		echo "rlm-context: $problem $install" >&2
		exit 1
	fi
	[ "$2" = session-start ] && say_once "$problem"
	exit 0
fi
[ "$1" = hook ] || exec rlm-context "$@"

# Hooks that `rlm-context install` wrote into the settings do the same; nothing is done twice.
for settings in "$config/settings.json" "$project/.claude/settings.json" "$project/.claude/settings.local.json"; do
	grep -qs 'rlm_context/hooks/__main__.py\|rlm-context hook ' "$settings" && exit 0
done

rlm-context "$@" 2>/dev/null
# 2: it does not know this hook.
[ $? -eq 2 ] && [ "$2" = session-start ] && say_once 'the command rlm-context is too old for this plugin.'
exit 0
