# Every task of the project. `make help` lists them.
# Needed on the machine: Python 3.11 or newer, git, make. Everything else is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Touched after a complete installation, so that the second run takes no time; newer
# pyproject.toml means newer dependencies.
STAMP := $(VENV)/.installed
PYTEST_ARGS ?= -n 2 --dist worksteal
# What follows `make run`, for example ARGS="--port 6379".
ARGS ?=
# How many histories `make simulate` plays.
SEEDS ?= 100

.DEFAULT_GOAL := help
.PHONY: help install run test test-quick system-packages lint format docs bench clean simulate simulate-swim

help: ## list the targets
	@printf 'Meridian: make TARGET\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1\t\2/p' $(MAKEFILE_LIST) \
		| while IFS="$$(printf '\t')" read -r target text; do \
			printf '  %-16s %s\n' "$$target" "$$text"; done

install: $(STAMP) ## create .venv and install what pyproject.toml pins

$(STAMP): pyproject.toml .ci/virtual-environment
	@.ci/virtual-environment "$(PYTHON)" "$(VENV)"
	@touch $@

run: $(STAMP) ## serve on 127.0.0.1:7401 with data in ./data; options in ARGS="..."
	@exec $(BIN)/meridian $(ARGS)

system-packages: $(STAMP) ## install what the tests use besides, when allowed; say what is missing
	@.ci/system-packages
	@.ci/node-packages

test: $(STAMP) system-packages ## run all tests (options for pytest in PYTEST_ARGS="...")
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-quick: $(STAMP) ## run the tests that take less than a second each
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m 'not slow'

lint: $(STAMP) ## ruff, formatting, types, layers; all of them, whichever fails
	@failed=; \
	for check in "ruff check ." "ruff format --check ." "mypy" "lint-imports --config setup.cfg"; do \
		printf '==> %s\n' "$$check"; \
		$(BIN)/$$check || failed="$$failed, $$check"; \
	done; \
	[ -z "$$failed" ] || { printf 'failed: %s\n' "$${failed#, }" >&2; exit 1; }

format: $(STAMP) ## mend what ruff can mend, and the formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) ## write the generated pages of docs/ again
	$(BIN)/python -m tools.generate_docs
	$(BIN)/python -m compat_tests.render

bench: $(STAMP) system-packages ## compare with redis-server; options in ARGS="..."
	$(BIN)/meridian-bench compare $(ARGS)

simulate: $(STAMP) ## play SEEDS=1000 histories of a cluster under faults; stories in tests/sim/faults
	$(BIN)/python -m tests.sim.cluster_simulation --seeds $(SEEDS) $(ARGS)

simulate-swim: $(STAMP) ## table and plot of docs/protocols/gossip.md at 500 simulated nodes
	$(BIN)/python -m tests.sim.swim_simulation --nodes 500 --check --write $(ARGS)

clean: ## remove .venv and caches; ./data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
