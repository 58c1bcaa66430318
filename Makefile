# `make compile` and `make test` need Python 3.11 or newer, make and git, and each may be the first thing run.

PYTHON ?=
SOURCE ?=

VENV := .venv
BIN := $(VENV)/bin
# Written last, removed first: a .venv without them is a half installation and is made anew.
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev

CLAUDE_SESSIONS := $${CLAUDE_CONFIG_DIR:-$$HOME/.claude}/projects
CODEX_SESSIONS := $${CODEX_HOME:-$$HOME/.codex}/sessions

# The lock is given as constraints too: pip before 23.3 else takes the newest of what somebody wants with an extra,
# and refuses it as not pinned.
# $(1): lock file. Prints what it does; pip itself is quiet unless something is wrong.
define install
	@set -eu; \
	if [ ! -e $(READY) ]; then \
		python=$$(sh .ci/find-python "$(PYTHON)"); \
		echo "Making $(VENV) with $$python and installing $(1) (once; takes a minute or two)"; \
		"$$python" -m venv --clear $(VENV); \
	else \
		echo "Installing $(1), which has changed, into $(VENV)"; \
	fi; \
	rm -f $(READY) $(READY_DEV); \
	pip="$(BIN)/python -m pip --quiet --disable-pip-version-check"; \
	$$pip install --require-hashes -r $(1) -c $(1); \
	$$pip install --no-deps --no-build-isolation -e .
endef

.PHONY: help compile test test-all lint live clean
.NOTPARALLEL:

help:
	@echo "make compile              compile your coding-agent sessions and print the brief"
	@echo "make compile SOURCE=DIR   the same for the sessions in DIR"
	@echo "make test                 run the fast tests, in some five minutes"
	@echo "make test-all             run every test: also with real agents, servers, databases and a browser"
	@echo "make lint                 ruff, mypy and the import contract"
	@echo "make live                 one small compile and one question with real models, under a cent"
	@echo "make clean                remove $(VENV) and caches"
	@echo "PYTHON=/path/to/python3   chooses the interpreter (3.11 or newer)"

compile: $(READY)
	@set -eu; \
	if [ -n "$(SOURCE)" ]; then \
		exec $(BIN)/rlm-context compile --source "$(SOURCE)"; \
	elif [ -d "$(CLAUDE_SESSIONS)" ] || [ -d "$(CODEX_SESSIONS)" ]; then \
		exec $(BIN)/rlm-context compile; \
	fi; \
	home=$$(mktemp -d "$${TMPDIR:-/tmp}/rlm-context-example.XXXXXX"); \
	echo "There are no coding-agent sessions in $(CLAUDE_SESSIONS) or $(CODEX_SESSIONS)."; \
	echo "So this compiles the invented ones of examples/sessions, in the throwaway home $$home"; \
	RLM_CONTEXT_HOME="$$home" RLM_CONTEXT_STORE= $(BIN)/rlm-context compile --source examples/sessions --project tidewatch; \
	echo; \
	echo "To look further (or delete $$home when you are done):"; \
	echo "  export RLM_CONTEXT_HOME=$$home RLM_CONTEXT_STORE="; \
	echo "  $(BIN)/rlm-context search \"alerts after a restart\""; \
	echo "  $(BIN)/rlm-context sessions"

test: $(READY_DEV)
	@$(BIN)/python -m pytest -n 3 -m "not slow"  # on two cores too: many wait for what they started

test-all: $(READY_DEV)
	@$(BIN)/python -m pytest -n 2

lint: $(READY_DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

live: $(READY_DEV)
	@$(BIN)/python -m benchmarks.live

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

# The development lock holds everything of the other one, at the same versions.
$(READY_DEV): requirements-dev.lock requirements.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $(READY) $@
