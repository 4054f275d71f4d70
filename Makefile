# What people type. Each target first installs what it needs from the hashed locks; a second run installs nothing.
# Needs python3 (3.11 or newer, with venv), make and, for the rendered cards and the integration tests, npm.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
# Without its caches, every start of Python compiles each library again, and each run of pytest every test.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
INFRA := $(VENV)/infra
PIP_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
PYTEST := $(BIN)/python -m pytest
COVERAGE := $(BIN)/python -m coverage
DOCS_VENV := build/docs-venv
RELEASE_VENV := build/release-venv
OTHER_VENV := build/other-venv
SPARK_VENV := build/spark-venv

# A file of tests stays in one process, so that what it sets up is set up once and its tests do not meet each other.
FAST := --numprocesses=auto --maxprocesses=4 --dist=loadfile -m "not integration and not slow" --hypothesis-profile=quick
# In the order in which they stand: those that take minutes first, which tests/conftest.py knows. Many wait most of the
# time, above all those that are not measured: more of them at once than there are cores.
ALL := --dist=loadfile --no-loadscope-reorder
# A module is measured with the tests of its own package that are not slow; the others run beside them, without the
# measuring, which takes its time: tests/measuring.py says which.
OWN_TESTS := tests/models tests/service tests/golden service models -m "measured or not slow"

.PHONY: help demo test check coverage bench bench-detection bench-adversary soak chart docs generated manifests sbom audit notes wheels fmt lock clean
.PHONY: check-format check-lint check-types check-layers check-tests measured-tests for-tests

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/demo page ## a simulated tenant with attacks, a real Event Hub protocol, the service, the alerts as cards
	@$(BIN)/python -m demo $(ARGS)

test: ## everything: formatting, lint, types, layers, fast, slow, integration and shared-data tests
	@$(MAKE) --jobs=4 for-tests
	@$(MAKE) check-format check-lint check-layers
ifdef ARGS
	@$(MAKE) check-types
	@$(PYTEST) $(ARGS)
else
	@$(MAKE) --jobs=2 check-types measured-tests
endif

check: $(STAMPS)/dev ## the same without the slow tests and without coverage, within a minute
	@$(MAKE) --jobs=2 --keep-going --output-sync=target check-format check-lint check-layers check-types check-tests

coverage: $(STAMPS)/dev node_modules/.tests ## which branches of each module its tests leave out; fails below 90 %
	@$(MAKE) measured-tests TESTS='$(OWN_TESTS)'

bench: $(STAMPS)/dev ## every benchmark, one after the other
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

generated: $(STAMPS)/dev ## write again what is made from code: pages, pictures, the chart's schema, dashboards
	@$(BIN)/python -m docs.generated

manifests: $(STAMPS)/project ## dashboards and alert rules for a cluster, into build/monitoring.yaml
	@mkdir -p build && $(BIN)/python -m demo.dashboards --manifests > build/monitoring.yaml && echo build/monitoring.yaml

docs: $(DOCS_VENV)/.installed ## the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict $(ARGS)

fmt: $(STAMPS)/dev ## format, and mend what the linter can mend
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .

bench-detection: $(STAMPS)/dev ## how well attacks are found, beside simpler rules (ARGS=--help: what can be varied)
	@$(BIN)/python -m benchmarks.detection $(ARGS)

bench-adversary: $(STAMPS)/dev ## how well attackers are found who know us, and how quiet honest work stays (ARGS=--help)
	@$(BIN)/python -m benchmarks.adversary $(ARGS)

soak: $(STAMPS)/dev node_modules/.tests ## hurt the service for an hour, and see whether anything is lost (ARGS="--faults 1000 --seed 7")
	@$(BIN)/python -m tests.soak $(ARGS)

chart: $(STAMPS)/infra ## print the chart's manifests without a helm (ARGS="-f my-values.yaml")
	@$(INFRA)/bin/python deploy/helm/render.py $(ARGS)

sbom: $(RELEASE_VENV)/.installed ## a bill of materials of what the service runs with (CycloneDX), into build/
	@$(RELEASE_VENV)/bin/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file build/unwonted.cdx.json requirements/runtime.txt && echo build/unwonted.cdx.json

audit: $(RELEASE_VENV)/.installed ## ask whether a weakness is known of anything that the service runs with
	@$(RELEASE_VENV)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/runtime.txt

wheels: $(STAMPS)/dev ## the project as a wheel of pure Python, and as one compiled for this machine, into build/
	@$(BIN)/hatchling build -t wheel -d build
	@UNWONTED_MYPYC=1 $(BIN)/hatchling build -t wheel -d build

notes: ## what a release is told with, into build/notes.md; refuses versions that differ (ARGS=v1.2.3)
	@$(PYTHON) deploy/release_notes.py $(ARGS)

lock: $(STAMPS)/bootstrap ## make the locks again from requirements/*.in and package.json (UPGRADE=1: newest versions)
	@for name in bootstrap runtime compile demo dev infra docs release spark; do \
	  case $$name in compile|demo|dev|spark) constraint='--constraint requirements/runtime.txt';; *) constraint=;; esac; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    $$constraint $(if $(UPGRADE),--upgrade) --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error

clean: ## remove what make has installed or cached
	rm -rf $(VENV) node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check-format:
	@$(BIN)/ruff format --check .

check-lint:
	@$(BIN)/ruff check .

check-types:
	@$(BIN)/mypy

check-layers:
	@$(BIN)/lint-imports

check-tests:
	@$(PYTEST) $(FAST) $(ARGS)

measured-tests:
	@$(COVERAGE) erase
	@$(COVERAGE) run -m pytest --numprocesses=3 $(ALL) $(TESTS)
	@$(COVERAGE) combine --quiet
	@$(COVERAGE) json --quiet
	@$(BIN)/python -m tests.coverage_gate build/coverage.json

# --- what the targets above stand on ---

# Side by side: each is waited for most of the time by a network or a disk.
for-tests: $(STAMPS)/dev $(STAMPS)/rewritten $(STAMPS)/infra node_modules/.tests $(DOCS_VENV)/.installed $(RELEASE_VENV)/.installed $(OTHER_VENV)/.installed $(SPARK_VENV)/.installed
	@:

# pip installs only the installer and the build back-end: uv then takes a third of pip's time for the rest.
# Quiet twice: errors are shown, and no warning about how the machine's pip is set up.
$(STAMPS)/bootstrap: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Unwonted needs Python 3.11 or newer: make PYTHON=python3.13")'
	@echo "installing from the hashed locks into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@mkdir -p $(@D) && touch $@

$(STAMPS)/runtime: requirements/runtime.txt $(STAMPS)/bootstrap
	@$(PIP_INSTALL) --require-hashes -r requirements/runtime.txt
	@touch $@

# --editable: `unwonted` in $(BIN) runs the working tree.
$(STAMPS)/project: pyproject.toml $(STAMPS)/runtime
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/demo: requirements/demo.txt $(STAMPS)/project
	@$(PIP_INSTALL) --require-hashes -r requirements/demo.txt
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/project
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

# Libraries and tests are compiled once, while the rest is being downloaded: each of the processes that share the tests
# would do it for itself otherwise. What is wrong with a test is said when it is run.
$(STAMPS)/rewritten: $(STAMPS)/dev
	@$(PYTEST) --collect-only -qq >/dev/null 2>&1 || true
	@touch $@

# What judges the chart and the Azure templates has many dependencies, in versions of its own.
$(STAMPS)/infra: requirements/infra.txt $(STAMPS)/bootstrap
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(INFRA)
	@$(BIN)/uv pip install --quiet --python $(INFRA)/bin/python --require-hashes -r requirements/infra.txt
	@touch $@

# The site's generator has an environment of its own: what the service runs with is not tied to what it needs.
$(DOCS_VENV)/.installed: requirements/docs.txt $(STAMPS)/bootstrap
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DOCS_VENV)
	@$(BIN)/uv pip install --quiet --python $(DOCS_VENV)/bin/python --require-hashes -r requirements/docs.txt
	@touch $@

# What describes and judges a release is no part of what the service or its tests run with.
$(RELEASE_VENV)/.installed: requirements/release.txt $(STAMPS)/bootstrap
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(RELEASE_VENV)
	@$(BIN)/uv pip install --quiet --python $(RELEASE_VENV)/bin/python --require-hashes -r requirements/release.txt
	@touch $@

# The service on another Python, where this machine has one: how tasks end is not the same on each.
$(OTHER_VENV)/.installed: requirements/runtime.txt pyproject.toml $(STAMPS)/bootstrap
	@mkdir -p $(@D)
	@for version in 3.13 3.12 3.11; do \
	  for python in "$$(command -v python$$version)" "$$HOME"/.pyenv/versions/$$version.*/bin/python; do \
	    "$$python" -c "import sys; sys.exit('$$version' == '$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')')" \
	      2>/dev/null || continue; \
	    $(BIN)/uv venv --quiet --clear --python "$$python" $(OTHER_VENV) && \
	    $(BIN)/uv pip install --quiet --python $(OTHER_VENV) --require-hashes -r requirements/bootstrap.txt -r requirements/runtime.txt && \
	    $(BIN)/uv pip install --quiet --python $(OTHER_VENV) --no-deps --no-build-isolation --editable . && touch $@ && exit 0; \
	  done; \
	done; touch $@

# PySpark brings half a gigabyte of Spark itself, and is an extra: it stays apart. Without Java it would be of no use.
$(SPARK_VENV)/.installed: requirements/spark.txt requirements/runtime.txt pyproject.toml $(STAMPS)/bootstrap
	@mkdir -p $(@D)
	@if command -v java >/dev/null; then \
	  $(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SPARK_VENV) && \
	  $(BIN)/uv pip install --quiet --python $(SPARK_VENV) --require-hashes -r requirements/runtime.txt && \
	  $(BIN)/uv pip install --quiet --python $(SPARK_VENV) --require-hashes -r requirements/spark.txt && touch $@; \
	else echo "java is not installed: the tests on Spark will be skipped"; fi

# The demo runs without npm too: its page then shows the Teams cards' text instead of the cards.
.PHONY: page
page:
	@if command -v npm >/dev/null; then $(MAKE) --silent node_modules/.page; \
	else echo "npm is not installed: the page will show the text of the Teams cards, not the cards themselves"; fi

node_modules/.page: package-lock.json
	@$(NPM_CI) --omit=dev >/dev/null
	@touch $@

node_modules/.tests: package-lock.json
	@command -v npm >/dev/null || { echo "make test needs npm: its integration tests run Azurite, Azure's storage emulator"; exit 1; }
	@$(NPM_CI) >/dev/null
	@touch node_modules/.page $@
