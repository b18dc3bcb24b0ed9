# Everything a newcomer types. Needs Python 3.11 or later, git and make; the rest is fetched.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-all test-more test-live test-nodes fuzz cluster cluster-stop check format schemas bench bench-cluster clean

UV_VERSION := 0.13.9
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
UV := $(shell command -v uv 2>/dev/null || echo .cache/uv/bin/uv)
# Without compiled modules each process that a test starts would compile all it imports, for seconds.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= auto
SECONDS ?= 600

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: .venv/.run ## set up what is missing and start the service (Ctrl-C stops it)
	@.venv/bin/rillmail run --demo

setup: .venv/.all ## make .venv with everything, for tests and checks too

test: .venv/.all ## the tests that need no server: under two minutes
	@.venv/bin/pytest -n $(WORKERS) -m "not long and not process and not browser and not live and not corpus"

test-all: test test-more ## every test that needs no engine

test-more: .venv/.all ## those that take longer: real processes, kill -9, Chromium, corpora
	@.venv/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "(long or process or browser or corpus) and not live"

test-live: .venv/.all ## start Kafka, Cassandra and the others, and test on them
	@servers/up
	@eval "$$(servers/env)"; failed=0; \
		.venv/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
			-m "live and not survival and not nodes" || failed=1; \
		.venv/bin/pytest -m survival || failed=1; \
		servers/down; exit $$failed

test-nodes: .venv/.all ## kill nodes of a Cassandra of three; wants four cores or more
	@servers/up
	@eval "$$(servers/env)"; failed=0; \
		.venv/bin/pytest -m nodes || failed=1; \
		servers/down; exit $$failed

fuzz: .venv/.all ## feed what reads hostile input with anything, ten minutes for each target
	@for target in session message fields signatures reports; do \
		.venv/bin/python -m tests.fuzz $$target --seconds $(SECONDS) || exit 1; done

cluster: .venv/.all ## the cluster on this machine: all engines and roles (Ctrl-C stops the roles)
	@servers/up
	@eval "$$(servers/env)" && export RILLMAIL_PROFILE=cluster && \
		.venv/bin/rillmail prepare && .venv/bin/rillmail cluster --demo

cluster-stop: ## stop the engines that `make cluster` started; their data stays
	@servers/down

check: .venv/.all ## lint, format, types, import contracts
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright
	@.venv/bin/lint-imports

format: .venv/.all ## mend what can be mended
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

schemas: .venv/.all ## write the JSON Schemas of the events anew
	@.venv/bin/python -m topologies.schemas

bench: .venv/.all ## measure speed and memory on this machine
	@.venv/bin/python -m bench

bench-cluster: .venv/.all ## start the engines, and measure the cluster on this machine
	@servers/up
	@eval "$$(servers/env)" && .venv/bin/python -m bench cluster; status=$$?; servers/down; exit $$status

clean: ## remove what was made; mail in ./data stays
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/.run: pyproject.toml uv.lock | python $(UV)
	@$(UV) sync --quiet --frozen --no-dev --inexact --python $(PYTHON)
	@touch $@

.venv/.all: pyproject.toml uv.lock | python $(UV)
	@$(UV) sync --quiet --frozen --all-groups --all-extras --python $(PYTHON)
	@touch $@ .venv/.run

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "Rillmail needs Python 3.11, 3.12 or 3.13, and none was found: install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }

.cache/uv/bin/uv: | python
	@echo "Fetching uv, which sets up the rest ..."
	@$(PYTHON) -m venv .cache/uv || { echo "Python's venv module is missing: install it (on Debian: apt install python3-venv)" >&2; exit 1; }
	@.cache/uv/bin/pip install --quiet uv==$(UV_VERSION)
