# make install | run | test | check | lock | bench | soak | fuzz | mutants | silence | hapi | clean   (needs Python 3.11 or later, and make)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help install run test check format fixtures rule-book wheel sbom audit lock bench bench-servers soak fuzz fuzz-api mutants silence hapi hapi-stop transcript smoke postgres postgres-stop clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
TARGET ?= body
SECONDS ?= 600
MINUTES ?= 30
EXAMPLES ?= 5000
HAPI_PORT ?= 8081
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/pip-compile --quiet --upgrade --strip-extras --allow-unsafe --generate-hashes --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "This Python cannot make a virtual environment (Debian: apt install python3-venv)" >&2; exit 1; }

# Everything comes from the lock, the build backend too: nothing is resolved on the user's machine.
$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the service needs ..."
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@# As pip does for all else: a start where Python writes no bytecode would compile us each time.
	@$(BIN)/python -m compileall -q cds_service hooks
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@echo "Installing what tests and checks need ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

install: $(VENV)/installed  ## make .venv with the locked packages and this project in it

run: $(VENV)/installed  ## serve on http://127.0.0.1:$(PORT) and print a request to try
	@PORT=$(PORT) B12_TRUST=$${B12_TRUST:-open} exec $(BIN)/b12-cds serve

test: $(VENV)/installed-dev  ## all tests that this machine can run
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/installed-dev  ## lint, types, layers, security, secrets and the generated pages
	$(BIN)/ruff check .
	@# ruff format --check joins here once every file has been formatted with it.
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive cds_service hooks fixtures bench
	@# Of what git knows; a line that only looks like a secret says so, and why (pragma: allowlist secret).
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --exclude-files '\.lock$$' --exclude-lines only-for-this-machine
	$(BIN)/python -m cds_service.rule_book --check
	$(BIN)/python -m tests.spec.card_book --check
	$(BIN)/python -m cds_service.conformance --check

format: $(VENV)/installed-dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fixtures: $(VENV)/installed-dev  ## write the stories' bundles, requests and promised cards anew
	$(BIN)/python -m fixtures.build

rule-book: $(VENV)/installed  ## write the pages that are made from the knowledge
	$(BIN)/python -m cds_service.rule_book
	$(BIN)/python -m tests.spec.card_book
	$(BIN)/python -m cds_service.conformance

wheel: $(VENV)/installed  ## build dist/*.whl, which carries knowledge, pages and stories
	@rm -rf build dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build
	@ls dist/*.whl

postgres:  ## start a PostgreSQL for the tests, and write its address to var/postgres/url (POSTGRES_PORT=54321)
	@tests/postgres/server start

postgres-stop:  ## stop it, and delete its data
	@tests/postgres/server stop

# HealthChain is timed beside us, with the packages that it pins, in an environment of its own.
var/bench/healthchain/installed: bench/healthchain.txt | $(VENV)/bin/python
	@$(PYTHON) -m venv var/bench/healthchain
	@var/bench/healthchain/bin/python -m pip install --quiet --disable-pip-version-check -r bench/healthchain.txt
	@touch $@

bench: $(VENV)/installed-dev var/bench/healthchain/installed  ## time the service against a floor that only parses, and against its peers
	$(BIN)/python -m bench.run $(ARGS)

# Other servers run the service with its own Python and packages, and come from a folder of their own.
var/bench/servers/installed: bench/servers.txt $(VENV)/installed
	@rm -rf var/bench/servers
	@$(PIP_INSTALL) --no-deps --target var/bench/servers -r bench/servers.txt
	@touch $@

bench-servers: $(VENV)/installed-dev var/bench/servers/installed  ## time the service on other servers, and try their patience
	$(BIN)/python -m bench.servers $(ARGS)

soak: $(VENV)/installed-dev  ## hold the service under load for MINUTES=30, and look for leaks, errors and lost requests
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

fuzz: $(VENV)/installed-dev  ## search for input that breaks something (TARGET=body SECONDS=600; Linux on x86-64; targets: tests/fuzz)
	$(PIP_INSTALL) --require-hashes -r tests/fuzz/requirements.txt
	PYTHONWARNINGS=ignore nice -n 19 $(BIN)/python -m tests.fuzz $(TARGET) $(SECONDS)

fuzz-api: $(VENV)/installed-dev  ## send what /openapi.json allows, and what it does not (EXAMPLES=5000 of each kind)
	B12_API_EXAMPLES=$(EXAMPLES) nice -n 19 $(BIN)/python -m pytest -q tests/conformance/test_openapi.py

mutants: $(VENV)/installed-dev  ## change the code in small ways and count what no test notices (ONLY='cds_service.facts.*' TESTS=tests/unit/facts MUTANTS_AT_ONCE=1)
	$(BIN)/python -m bench.mutable mutants
	$(BIN)/python -m bench.mutate mutants '$(or $(ONLY),*)' $(TESTS)
	$(BIN)/python -m bench.mutants mutants

silence: $(VENV)/installed-dev  ## spoil every piece of every request, and count what falls silent (ARGS='--every 50')
	@$(BIN)/python -m tests.spec.silence --page $(ARGS)

sbom: $(VENV)/installed-dev  ## write dist/b12-cds.cdx.json: what a machine in production installs (CycloneDX)
	@mkdir -p dist
	@PYTHONWARNINGS=ignore::UserWarning $(BIN)/cyclonedx-py requirements requirements-postgres.lock --pyproject pyproject.toml \
	  --output-reproducible --validate --output-format JSON --output-file dist/b12-cds.cdx.json
	@ls dist/b12-cds.cdx.json

audit: $(VENV)/installed-dev  ## ask for known vulnerabilities of what is locked; says what it could not ask
	@$(BIN)/python -m bench.audit

hapi:  ## start a HAPI FHIR server on 127.0.0.1:$(HAPI_PORT), for the integration tests (Java 17 and Maven)
	@$(PYTHON) tests/integration/hapi/hapi.py start $(HAPI_PORT)

hapi-stop:  ## stop it
	@$(PYTHON) tests/integration/hapi/hapi.py stop

transcript: $(VENV)/installed  ## write docs/transcript.md anew, on the server of make hapi
	@$(BIN)/python -m tests.integration.transcript $(or $(B12_HAPI_URL),http://127.0.0.1:$(HAPI_PORT)/fhir)

smoke: $(VENV)/installed  ## load, fire, apply and clean up on a public FHIR server (FHIR=https://hapi.fhir.org/baseR4)
	@$(BIN)/python -m tests.integration.smoke $(FHIR)

lock: $(VENV)/installed-dev  ## choose versions anew and pin their hashes
	$(LOCK) --constraint requirements.constraints --build-deps-for editable --output-file requirements.lock pyproject.toml
	$(LOCK) --constraint requirements.lock --build-deps-for editable --extra postgres \
	  --output-file requirements-postgres.lock pyproject.toml
	$(LOCK) --constraint requirements.lock --extra dev --extra postgres --output-file requirements-dev.lock pyproject.toml

clean:  ## remove what the targets above made
	rm -rf $(VENV) tests/integration/hapi/target build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .import_linter_cache mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
